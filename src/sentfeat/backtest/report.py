"""Write the report: one HTML file that opens offline, verdict.json, and every prediction as Parquet."""

import json
import math
import re
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from sentfeat.backtest import plots
from sentfeat.backtest.arms import ARM_MEANING, PRIMARY
from sentfeat.backtest.experiment import BacktestResult
from sentfeat.backtest.inference import normal_interval
from sentfeat.whole import replacing, write_whole

TEMPLATE = "report.html.j2"
DIGITS = 10  # significant, in verdict.json


class ReportPaths(NamedTuple):
    """Where the three files lie."""

    html: Path
    verdict: Path
    predictions: Path


def write_report(result: BacktestResult, folder: Path, *, command: str, provenance: dict[str, Any]) -> ReportPaths:
    """Write report.html, predictions.parquet and, last, verdict.json into `folder`, which is made where missing.

    `command` reproduces the run; `provenance` (name -> value, as table hashes and versions) is shown as given and
    stored in verdict.json. The same arguments give the same bytes. Each file appears whole or not at all.
    """
    folder = Path(folder)
    paths = ReportPaths(folder / "report.html", folder / "verdict.json", folder / "predictions.parquet")
    html = render(result, command=command, provenance=provenance)
    whole = result.verdict | {"provenance": provenance}
    write_whole(paths.html, html.encode())
    with replacing(paths.predictions) as staged:
        result.predictions.to_parquet(staged, index=False, compression="zstd")
    write_whole(paths.verdict, verdict_json(whole).encode())
    return paths


def verdict_json(verdict: dict[str, Any]) -> str:
    """The verdict as JSON with sorted keys; numbers that are not finite become null."""
    return json.dumps(_plain(verdict), indent=2, sort_keys=True, allow_nan=False) + "\n"


def render(result: BacktestResult, *, command: str, provenance: dict[str, Any]) -> str:
    """The report as one HTML text."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "p": _p,
        "minus": _minus,
        "fixed": _fixed,
        "signed": _signed,
        "count": _count,
        "interval": _interval,
        "money": _money,
    }
    template = environment.from_string(resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"))
    verdict = result.verdict
    return template.render(
        verdict=verdict,
        primary=verdict["comparisons"][0],
        pair=PRIMARY,
        meaning={arm: ARM_MEANING[arm] for arm in verdict["models"] if arm in ARM_MEANING},
        plots={name: Markup(svg) for name, svg in _plots(result).items()},
        tables={name: frame.to_dict("records") for name, frame in result.tables.items()},
        command=command,
        provenance=provenance,
    )


def _plots(result: BacktestResult) -> dict[str, str]:
    verdict, tables = result.verdict, result.tables
    settings = verdict["settings"]
    real = verdict["comparisons"][0]["clark_west"]["t"]
    detectable = verdict["detectable_effect"]["simulated"]
    return {
        "ic": plots.cumulative_ic(result.by_session),
        "returns": plots.cumulative_return(result.by_session, settings["verdict_cost_bp"], settings["borrow_bp_year"]),
        "placebo": plots.placebo_histogram(tables["placebos"], real),
        "buckets": plots.bucket_bars(tables["buckets"]),
        "calibration": plots.calibration(tables["calibration"]),
        "costs": plots.cost_curve(tables["costs"]),
        "power": plots.power_curve(tables["power"], settings["significance"], detectable),
        "coverage": plots.coverage(result.by_session),
        "weights": plots.weights(tables["coefficients"]),
        "groups": plots.groups(tables["groups"]),
        "lags": plots.lags(tables["lags"]),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _fixed(value: float, digits: int) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _signed(value: float, digits: int) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:+.{digits}f}".replace("-", "−")


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f").replace("-", "−")


def _money(value: float) -> str:
    """An amount to two figures, with its unit."""
    size = next((size for size in (1e9, 1e6, 1e3) if abs(value) >= size), 1.0)
    unit = {1e9: " bn", 1e6: " m", 1e3: " k", 1.0: ""}[size]
    return f"{float(f'{value / size:.2g}'):g}{unit}"


def _interval(test: dict[str, float], digits: int, scale: float = 1.0) -> str:
    """A MeanTest (as a dict) as mean [low, high]."""
    low, high = normal_interval(test["mean"], test["se"])
    return f"{_signed(test['mean'] * scale, digits)} [{_signed(low * scale, digits)}, {_signed(high * scale, digits)}]"


def _minus(text: str) -> str:
    """Hyphens that begin a number become minus signs."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)
