"""The report's plots, each an inline SVG that needs nothing from outside and is the same bytes for the same data."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from sentfeat.backtest.arms import ARM_MEANING, PRIMARY
from sentfeat.backtest.costs import net_returns
from sentfeat.backtest.placebo import PERMUTED, SHIFTED

# Painted in these colours, then handed to the page's own (light or dark) by name.
COLOURS = {"B0": "#8a919c", "B1": "#c98a1b", "B2": "#2a9d8f", "B3": "#8a5fb8", "B4": "#1f5fae"}
INK, ACCENT, PALE, AXIS, GRID, PAPER = "#28303b", "#b3261e", "#c9d3e0", "#9aa3af", "#e9edf2", "#fdfdfc"
PAGE_NAMES = {colour: f"var(--{arm.lower()})" for arm, colour in COLOURS.items()} | {
    INK: "var(--ink)",
    ACCENT: "var(--accent)",
    PALE: "var(--pale)",
    AXIS: "var(--axis)",
    GRID: "var(--grid)",
    PAPER: "var(--paper)",
}
BLOCK_COLOURS = {
    "price": COLOURS["B0"],
    "volume": COLOURS["B1"],
    "tone": COLOURS["B2"],
    "filings": COLOURS["B3"],
    "other": COLOURS["B4"],
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.prop_cycle": cycler(color=[COLOURS["B4"]]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": AXIS,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
BOTH = (PRIMARY.baseline, PRIMARY.augmented)


def _svg(name: str, draw: Callable[..., None], *, panels: int = 1, size: tuple[float, float] = (4.6, 2.9)) -> str:
    """What `draw` puts on its axes as an <svg> element; `name` keeps ids of different plots apart."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(*figure.subplots(1, panels, sharey=panels > 1, squeeze=False)[0])
        buffer = io.StringIO()
        silent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=silent, transparent=True)
    text = buffer.getvalue()
    for colour, variable in PAGE_NAMES.items():
        text = text.replace(colour, variable)
    return text[text.index("<svg") :]


def cumulative_ic(by_session: pd.DataFrame) -> str:
    """Running sum of the daily rank IC of every arm."""

    def draw(axes: Axes) -> None:
        for arm in [arm for arm in COLOURS if f"ic_{arm}" in by_session]:
            series = by_session[f"ic_{arm}"].fillna(0).cumsum()
            width = 2.0 if arm in BOTH else 1.1
            axes.plot(series.index, series, color=COLOURS[arm], label=f"{arm}: {ARM_MEANING[arm]}", linewidth=width)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_ylabel("rank IC, summed over sessions")
        axes.legend(loc="best", fontsize=8)
        _dates(axes)

    return _svg("ic", draw)


def cumulative_return(by_session: pd.DataFrame, cost_bp: float, borrow_bp_year: float) -> str:
    """Running sum of the book's daily return, before and after cost, of baseline and augmented model."""

    def draw(axes: Axes) -> None:
        for arm in BOTH:
            gross = by_session[f"gross_{arm}"]
            net = net_returns(gross.to_numpy(), cost_bp, borrow_bp_year)
            line: dict[str, Any] = {"color": COLOURS[arm], "linewidth": 1.5}
            axes.plot(gross.index, gross.cumsum(), **line, label=f"{arm}, no cost")
            axes.plot(gross.index, net.cumsum(), **line, linestyle=":", label=f"{arm}, {cost_bp:g} bp")
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_ylabel("return on gross exposure, summed")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend(loc="best", fontsize=8, ncols=2)
        _dates(axes)

    return _svg("return", draw)


def placebo_histogram(placebos: pd.DataFrame, real: float) -> str:
    """Where the real statistic lies among those of text that cannot know."""

    def draw(*panels: Axes) -> None:
        edges = np.linspace(min(placebos["t"].min(), real) - 0.2, max(placebos["t"].max(), real) + 0.2, 32)
        for axes, kind in zip(panels, (PERMUTED, SHIFTED), strict=True):
            drawn = placebos.loc[placebos["kind"] == kind, "t"]
            axes.hist(drawn, bins=edges.tolist(), color=PALE, edgecolor=PAPER, linewidth=0.5)
            axes.axvline(np.quantile(drawn, 0.95), color=INK, linewidth=1, linestyle="--", label="95 % of placebos")
            axes.axvline(real, color=ACCENT, linewidth=2, label=f"real text, t = {real:.2f}")
            axes.set_title(f"{kind} text ({len(drawn)} placebos)", fontsize=9)
            axes.set_xlabel("Clark-West t")
        panels[0].set_ylabel("number of placebos")
        panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)

    return _svg("placebo", draw, panels=2, size=(9.4, 2.8))


def bucket_bars(buckets: pd.DataFrame) -> str:
    """Mean excess return by bucket of the forecast, with 95 % intervals."""

    def draw(axes: Axes) -> None:
        for shift, arm in zip((-0.2, 0.2), BOTH, strict=True):
            rows = buckets[buckets["arm"] == arm]
            reach = np.vstack([rows["mean_bp"] - rows["low_bp"], rows["high_bp"] - rows["mean_bp"]])
            axes.bar(rows["bucket"] + shift, rows["mean_bp"], 0.38, color=COLOURS[arm], label=arm)
            axes.errorbar(
                rows["bucket"] + shift, rows["mean_bp"], reach, fmt="none", elinewidth=1, ecolor=INK, capsize=2
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xticks(sorted(buckets["bucket"].unique()))
        axes.set_xlabel("bucket of the session's forecasts (1 = lowest)")
        axes.set_ylabel("mean excess return, bp a day")
        axes.legend(loc="upper left", fontsize=8)

    return _svg("buckets", draw)


def cost_curve(table: pd.DataFrame) -> str:
    """Net return of the book against the cost of a trade, with 95 % intervals."""

    def draw(axes: Axes) -> None:
        for arm in BOTH:
            rows = table[table["arm"] == arm]
            axes.fill_between(rows["cost_bp"], rows["low_bp"], rows["high_bp"], color=COLOURS[arm], alpha=0.18, lw=0)
            axes.plot(rows["cost_bp"], rows["net_bp"], color=COLOURS[arm], marker="o", markersize=3.5, label=arm)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xlabel("cost of a trade, bp one way")
        axes.set_ylabel("net return, bp a day")
        axes.legend(loc="best", fontsize=8)

    return _svg("costs", draw)


def power_curve(power: pd.DataFrame, significance: float, detectable: float | None) -> str:
    """How often the primary test finds an effect of each size on this panel."""

    def draw(axes: Axes) -> None:
        effects, found = [0.0, *power["effect"]], [significance, *power["power"]]
        axes.plot(effects, found, color=COLOURS["B4"], marker="o", markersize=3.5)
        axes.axhline(0.8, color=INK, linewidth=1, linestyle="--")
        if detectable is not None:
            axes.axvline(detectable, color=ACCENT, linewidth=1.4)
            axes.annotate(f"{detectable:.3f}", (detectable, 0.05), (4, 0), textcoords="offset points", color=ACCENT)
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("true correlation of tone with y1")
        axes.set_ylabel("share of simulations found")

    return _svg("power", draw)


def coverage(by_session: pd.DataFrame) -> str:
    """Share of test rows with tone, and how many rows there are."""

    def draw(axes: Axes) -> None:
        share = by_session["n_covered"] / by_session["n_rows"]
        axes.plot(share.index, share, color=PALE, linewidth=0.8, label="session")
        smooth = share.rolling(21).mean()
        axes.plot(smooth.index, smooth, color=COLOURS["B4"], linewidth=1.6, label="mean of 21 sessions")
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylabel("securities with tone")
        axes.legend(loc="best", fontsize=8)
        _dates(axes)

    return _svg("coverage", draw)


def weights(coefficients: pd.DataFrame, count: int = 14) -> str:
    """The largest weights of the augmented model's last fit."""

    def draw(axes: Axes) -> None:
        largest = coefficients.reindex(coefficients["weight"].abs().sort_values(ascending=False, kind="stable").index)
        rows = largest.head(count).iloc[::-1]
        shades = rows["block"].map(BLOCK_COLOURS)
        axes.barh(rows["column"], rows["weight"], color=shades)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("change of forecast y1 per standard deviation")

    return _svg("weights", draw, size=(4.6, 3.4))


def calibration(table: pd.DataFrame) -> str:
    """Mean outcome against mean forecast, with 95 % intervals; a calibrated forecast lies on the line."""

    def draw(axes: Axes) -> None:
        reach = np.vstack([table["outcome"] - table["low"], table["high"] - table["outcome"]])
        axes.errorbar(
            table["forecast"], table["outcome"], reach, fmt="o", color=COLOURS["B4"], markersize=4, elinewidth=1
        )
        ends = [table["forecast"].min(), table["forecast"].max()]
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--", label="forecast = outcome")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("mean forecast of y1, standard deviations")
        axes.set_ylabel("mean y1")
        axes.legend(loc="upper left", fontsize=8)

    return _svg("calibration", draw)


def groups(table: pd.DataFrame) -> str:
    """Gain in rank IC of the augmented model on parts of the rows, with 95 % intervals."""
    rows = table.iloc[::-1].reset_index(drop=True)

    def draw(axes: Axes) -> None:
        reach = np.vstack([rows["ic_gain"] - rows["ic_low"], rows["ic_high"] - rows["ic_gain"]])
        axes.errorbar(
            rows["ic_gain"], rows.index, xerr=reach, fmt="o", color=COLOURS["B4"], markersize=4, elinewidth=1.2
        )
        axes.axvline(0, color=INK, linewidth=0.8)
        names = [row.part if row.by == "all" else f"{row.by}: {row.part}" for row in rows.itertuples()]
        axes.set_yticks(rows.index, names)
        axes.set_xlabel("gain in rank IC a session")
        axes.grid(axis="y", visible=False)

    return _svg("groups", draw, size=(9.4, 0.7 + 0.24 * len(rows)))


def lags(table: pd.DataFrame) -> str:
    """Rank IC of tone with y1 by its age, with 95 % intervals."""

    def draw(axes: Axes) -> None:
        at = np.arange(len(table))
        reach = np.vstack([table["ic"] - table["low"], table["high"] - table["ic"]])
        shades = [ACCENT if lag < 0 else COLOURS["B4"] for lag in table["lag"]]
        axes.bar(at, table["ic"], 0.6, color=shades)
        axes.errorbar(at, table["ic"], reach, fmt="none", elinewidth=1, ecolor=INK, capsize=2)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xticks(at, ["next session" if lag < 0 else str(lag) for lag in table["lag"]])
        axes.set_xlabel("age of the text, sessions")
        axes.set_ylabel("mean rank IC with y1")

    return _svg("lags", draw)


def _dates(axes: Axes) -> None:
    locator = AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
