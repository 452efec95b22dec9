"""What is here: the machine, what is installed, and whether a model is what its passport says."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from sentfeat import __version__
from sentfeat.cli.shared import Adapter, Model, Template, print_grid
from sentfeat.errors import SentfeatError
from sentfeat.score.find import UNKNOWN, find_model, load_model

if TYPE_CHECKING:
    from sentfeat.score.bundle import Bundle, Part

EXTRAS = {
    "score": ("torch", "transformers", "peft", "bitsandbytes"),
    "ray": ("ray",),
    "sources": ("feedparser", "yfinance", "lxml"),
    "flows": ("prefect",),
    "backtest": ("scikit-learn", "statsmodels", "arch"),
    "evaluate": ("sacrebleu", "rouge-score"),
    "train": ("trl", "datasets", "accelerate"),
}


def doctor(model: Model = None, adapter: Adapter = None, template: Template = None) -> None:
    """The machine, the versions, what is missing; and a model's passport, checked by loading it.

    Exit code 1: the model is refused, or nothing to load it with is installed.
    """
    print_grid(["extra", "versions", "missing"], [_extra(name, packages) for name, packages in EXTRAS.items()])
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, sentfeat {__version__}"
    typer.echo(machine)
    if find_spec("torch") is None:
        typer.echo("no model can be loaded: pip install 'sentfeat[score]'")
        raise typer.Exit(1)
    try:
        bundle = find_model(model, adapter, template)
        print_grid(["model", ""], _passport(bundle))
        _load(bundle)
    except SentfeatError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(1) from error


def _extra(name: str, packages: tuple[str, ...]) -> list[str]:
    found = {package: _version(package) for package in packages}
    there = ", ".join(f"{package} {number}" for package, number in found.items() if number)
    missing = any(number is None for number in found.values())
    return [name, there or "-", f"pip install 'sentfeat[{name}]'" if missing else ""]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _passport(bundle: "Bundle") -> list[list[str]]:
    p = bundle.passport
    rows = {
        "name": p.name,
        "folder": str(bundle.path),
        "base": _part(p.base),
        "adapter": _part(p.adapter) if bundle.adapter else "none",
        "tokenizer": p.tokenizer_hash[:12],
        "template": f"{p.template} {p.template_hash[:12]}",
        "labels": ", ".join(f"{label} {word!r}" for label, word in zip(p.labels, p.label_words, strict=True)),
        "risks": f"{len(p.risk.labels)} categories" if p.risk else "not taught",
        "weights": p.quantisation,
        "reads": f"{p.max_tokens} tokens, temperature {p.temperature:.3f}",
        "explains": "in words" if p.can_explain else "by leaving words out",
        "trained on": "; ".join(
            f"{source.name} ({source.rows:,} rows, {source.licence})" for source in p.training_data
        ),
        "measured": "; ".join(
            f"{name}: macro-F1 {row['macro_f1']:.3f}" for name, row in p.metrics.items() if "macro_f1" in row
        ),
        "probes": str(len(p.probes) + (len(p.risk.probes) if p.risk else 0)),
        "notice": p.notice,
    }
    return [[name, value or "nothing is stated"] for name, value in rows.items()]


def _part(part: "Part") -> str:
    seen = "unknown text" if part.text_seen_until == UNKNOWN else f"text until {part.text_seen_until}"
    return f"{part.id}, {part.hash[:12]}, has seen {seen}"


def _load(bundle: "Bundle") -> None:
    engine = load_model(bundle)
    precision = getattr(engine, "precision", None)
    form = f"{precision.device} in {precision.mode}: {precision.reason}" if precision else "this machine's device"
    checked = "hashes and golden probes agree" if bundle.passport.probes else "loaded; there are no golden probes"
    typer.echo(f"scores on {form}\n{checked}; model id {engine.model_id}")
