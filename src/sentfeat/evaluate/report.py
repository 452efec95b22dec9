"""Write an evaluation: report.html (one file, opens offline), report.md and, last, metrics.json."""

import html
import json
import math
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from sentfeat.errors import ConfigError
from sentfeat.evaluate import plots
from sentfeat.evaluate.protocols import PUBLISHED
from sentfeat.evaluate.run import Evaluation, audit_line, guesses
from sentfeat.evaluate.sets import entities
from sentfeat.score.prompt import LABELS
from sentfeat.spreadsheet import without_formula
from sentfeat.whole import write_whole

ERRORS = 15  # examples shown of each model
SHOWN = 300  # characters of a text
NO_GENERATIONS = (
    "Not measured: no predictions were given. For a 7B bundle, generate on a GPU and pass the answers as JSON lines of "
    "source, reference and prediction (--generations)."
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#|~])")


class ReportPaths(NamedTuple):
    """Where the three files lie."""

    html: Path
    markdown: Path
    metrics: Path


def make_folder(folder: Path) -> None:
    """Make the report's folder where it is missing. Raises ConfigError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the report needs a folder, and {folder} cannot be one ({error.strerror})") from error


def write_report(
    evaluation: Evaluation, folder: Path, *, command: str, generations: Mapping[str, Any] | None = None
) -> ReportPaths:
    """Write the three files into `folder` (made where missing); each appears whole or not at all.

    `command` reproduces the run; `generations` are the figures of `generation_metrics`, if answers were given.
    """
    folder = Path(folder)
    paths = ReportPaths(folder / "report.html", folder / "report.md", folder / "metrics.json")
    facts = context(evaluation, command, generations)
    page = _environment(autoescape=True).from_string(_template("report.html.j2")).render(facts)
    markdown = _environment(autoescape=False).from_string(_template("report.md.j2")).render(facts)
    metrics = _plain(evaluation.metrics | {"generations": generations, "command": command})
    write_whole(paths.html, page.encode())
    write_whole(paths.markdown, markdown.encode())
    write_whole(paths.metrics, (json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode())
    return paths


def context(evaluation: Evaluation, command: str, generations: Mapping[str, Any] | None) -> dict[str, Any]:
    """What both templates show."""
    metrics = evaluation.metrics
    models = [name for name in metrics["models"] if name not in metrics["baselines"]]
    return metrics | {
        "results": metrics["models"],
        "own": models,
        "verdicts": {name: verdict(metrics, name) for name in models},
        "audit_line": audit_line(metrics["audit"]),
        "reliability": {
            name: Markup(plots.reliability_diagram(name, metrics["models"][name]["reliability"])) for name in models
        },
        "bars": Markup(plots.set_bars(metrics["models"])),
        "errors": {name: worst_errors(evaluation, name) for name in models},
        "published": PUBLISHED.get(metrics["protocol"], {}),
        "generations": generations,
        "no_generations": NO_GENERATIONS,
        "command": command,
    }


def verdict(metrics: Mapping[str, Any], model: str) -> str:
    """Which baselines `model` beats for certain, and which not: by the 95 % interval of the macro-F1 difference."""
    pairs = [
        pair for pair in metrics["comparisons"] if pair["model"] == model and pair["other"] in metrics["baselines"]
    ]
    lows = {pair["other"]: pair["difference"]["macro_f1"]["interval"] for pair in pairs}
    beaten = [name for name, (low, _) in lows.items() if low > 0]
    lost = [name for name, (_, high) in lows.items() if high < 0]
    level = [name for name in lows if name not in beaten + lost]
    parts = (("better than", beaten), ("not distinguishable from", level), ("worse than", lost))
    return "; ".join(f"{words} {', '.join(names)}" for words, names in parts if names) or "nothing to compare with"


def worst_errors(evaluation: Evaluation, model: str) -> list[dict[str, Any]]:
    """The wrong answers that the model was surest of."""
    chances, rows = evaluation.chances[model], evaluation.rows
    asked = entities(rows)
    answers = guesses(chances)
    wrong = np.flatnonzero((answers != rows["target"].to_numpy()) & (answers < len(LABELS)))
    worst = wrong[np.argsort(-chances[wrong].max(axis=1), kind="stable")][:ERRORS]
    return [
        {
            "text": rows["text"][at][:SHOWN],
            "entity": asked[at] or "",
            "set": rows["set"][at],
            "label": rows["label"][at],
            "guess": LABELS[answers[at]],
            "confidence": float(chances[at].max()),
        }
        for at in worst
    ]


def _environment(*, autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=autoescape, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"f": _fixed, "n": _count, "ci": _interval, "p": _p, "inert": without_formula, "md": _md}
    return environment


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _plain(value: Any) -> Any:
    """Numbers that are not finite become null, which JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def _fixed(value: float | None, digits: int = 3) -> str:
    if value is None or pd.isna(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", "\u202f")


def _interval(bounds: tuple[float, float]) -> str:
    return f"[{_fixed(bounds[0])}, {_fixed(bounds[1])}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _md(text: object) -> str:
    """A cell of a Markdown table: nothing in it is markup, HTML or a new line."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(without_formula(str(text)).split()), quote=False))
