"""What `sentfeat evaluate` does: rows from files, models from folders, one report."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.errors import ConfigError
from sentfeat.evaluate import Scorer
from sentfeat.evaluate.audit import audit
from sentfeat.evaluate.baselines import baselines
from sentfeat.evaluate.generation import generation_metrics, read_generations
from sentfeat.evaluate.models import is_bundle, load_scorer, zero_shot
from sentfeat.evaluate.protocols import PROTOCOLS, HeldOut, grouped
from sentfeat.evaluate.report import write_report
from sentfeat.evaluate.run import SEED_MARK, Evaluation, Say, evaluate_models
from sentfeat.evaluate.sets import own_rows, read_sets
from sentfeat.score.bundle import embedded_path, read_passport

OWN = "own file"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation to run. `models` are folders or NAME=FOLDER; a NAME given several times is one recipe's seeds."""

    models: tuple[str, ...] = ()
    protocol: str = "grouped"
    word_lists: Path | None = None  # Loughran-McDonald
    zero_shot: bool = True
    generations: Path | None = None
    report: Path
    command: str


def run(request: Request, held_out: HeldOut, say: Say) -> Evaluation:
    """Evaluate `request.models` (default: the embedded bundle) on `held_out` rows and write the report."""
    generations = generation_metrics(read_generations(request.generations)) if request.generations else None
    train = held_out.rows[held_out.rows["split"] == "train"]
    folders = name_models(request.models)
    references = baselines(train, request.word_lists)
    if request.zero_shot:
        references |= zero_shots(list(folders.values()))
    evaluation = evaluate_models(
        held_out.rows,
        {name: load_scorer(folder) for name, folder in folders.items()},
        baselines=references,
        protocol=request.protocol,
        notes=held_out.notes,
        say=say,
    )
    write_report(evaluation, request.report, command=request.command, generations=generations)
    return evaluation


def rows_from_sets(folder: Path, protocol: str) -> HeldOut:
    """The rows of `protocol` made from the files in `folder`.

    A note says how many test rows the shipped bundles were trained on, where the protocol splits in another way.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    sets = read_sets(folder)
    held_out = PROTOCOLS[protocol](sets)
    trained = {name for name in sets if not name.startswith(("twitter_valid", "flare"))}
    if protocol == "grouped" or not trained:
        return held_out
    shipped = grouped(sets).rows
    seen = audit(
        shipped.loc[shipped["split"] == "train", "text"].tolist(),
        held_out.rows.loc[held_out.rows["split"] == "test", "text"].tolist(),
    )
    note = f"bundles trained under grouped have seen {seen['near']:,} of the {seen['test']:,} test texts, or near twins"
    return HeldOut(held_out.rows, [*held_out.notes, f"{note}: their figures here flatter"])


def rows_from_frame(frame: pd.DataFrame, name: str) -> HeldOut:
    """A user's own rows; all are tested where the file has no `split` column."""
    rows = own_rows(frame, name)
    if "split" in rows:
        return HeldOut(rows, [])
    return HeldOut(
        rows.assign(split="test"), ["no split column: every row is tested, and nothing is known of training"]
    )


def name_models(models: Sequence[str]) -> dict[str, Path]:
    """Folders by the names that the report shows. Raises ConfigError if two folders would share one by chance."""
    pairs = [_name_and_folder(model) for model in models or [str(embedded_path())]]
    counts = Counter(name for name, _, _ in pairs)
    clash = {name for name, _, given in pairs if counts[name] > 1 and not given}
    if clash:
        raise ConfigError(f"several models are called {', '.join(sorted(clash))}: tell them apart with NAME=FOLDER")
    seen: Counter[str] = Counter()
    named = {}
    for name, folder, _ in pairs:
        seen[name] += 1
        named[f"{name}{SEED_MARK}{seen[name]}" if counts[name] > 1 else name] = folder
    return named


def zero_shots(folders: Sequence[Path]) -> dict[str, Scorer]:
    """The base of each bundle among `folders`, without its adapter; a base that several share counts once."""
    bases = {read_passport(folder).base: folder for folder in folders if is_bundle(folder)}
    return {f"{base.id} zero-shot": zero_shot(folder) for base, folder in bases.items()}


def _name_and_folder(model: str) -> tuple[str, Path, bool]:
    name, equals, folder = model.partition("=")
    if equals and not Path(model).exists():
        return name, Path(folder), True
    path = Path(model)
    return (read_passport(path).name if is_bundle(path) else path.name), path, False
