"""The report's plots as inline SVG: reliability diagrams and bars by set."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#1f5fae", "#c98a1b", "#1c7a3f", "#8a919c", "#7b4fa3", "#b3261e", "#3f8f99", "#5c6673")
INK = "#28303b"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of sets and models are the user's: a dollar sign is a dollar sign
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa3af",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e9edf2",
    "text.color": INK,
    "legend.frameon": False,
}


def reliability_diagram(name: str, bins: list[dict[str, float]]) -> str:
    """Accuracy against confidence in bins of equal mass; on the dashed line, confidence is what it says."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        sure = [part["confidence"] for part in bins]
        axes.plot(sure, [part["accuracy"] for part in bins], color=COLOURS[0], marker="o", markersize=4)
        axes.set_xlim(min(0.3, *sure) - 0.02 if sure else 0, 1.02)
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("confidence")
        axes.set_ylabel("accuracy")

    return _svg(f"reliability {name}", draw, (3.4, 2.9))


def set_bars(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Macro-F1 of every model on every set, with 95 % intervals."""
    sets = list(next(iter(models.values()))["sets"])

    def draw(axes: Axes) -> None:
        width = 0.8 / len(models)
        bars = []
        for at, figures in enumerate(models.values()):
            place = np.arange(len(sets)) + (at - (len(models) - 1) / 2) * width
            values = np.array([figures["sets"][one]["macro_f1"] for one in sets])
            low, high = np.array([figures["sets"][one]["intervals"]["macro_f1"] for one in sets]).T
            reach = np.maximum([values - low, high - values], 0)
            bars.append(axes.bar(place, values, width * 0.94, color=COLOURS[at % len(COLOURS)]))
            axes.errorbar(place, values, reach, fmt="none", ecolor=INK, elinewidth=0.9, capsize=1.5)
        counts = [next(iter(models.values()))["sets"][one]["n"] for one in sets]
        axes.set_xticks(range(len(sets)), [f"{one}\nn = {n:,}" for one, n in zip(sets, counts, strict=True)])
        axes.set_ylim(0, 1)
        axes.set_ylabel("macro-F1")
        # with its entries given: a label that begins with "_" would be left out
        axes.legend(bars, list(models), loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)

    return _svg("sets", draw, (9.4, 3.2))


def _svg(name: str, draw: Callable[[Axes], None], size: tuple[float, float]) -> str:
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        buffer = io.StringIO()
        silent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=silent, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
