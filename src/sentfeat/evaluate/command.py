"""What `sentfeat evaluate` does: rows from files, models from folders, one report."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentfeat.errors import ConfigError
from sentfeat.evaluate import Scorer
from sentfeat.evaluate.audit import audit
from sentfeat.evaluate.baselines import baselines
from sentfeat.evaluate.generation import generation_metrics, read_generations
from sentfeat.evaluate.models import load_scorer, zero_shot
from sentfeat.evaluate.protocols import PROTOCOLS, HeldOut, grouped
from sentfeat.evaluate.report import make_folder, write_report
from sentfeat.evaluate.run import SEED_MARK, Evaluation, Say, evaluate_models
from sentfeat.evaluate.sets import own_rows, read_own, read_sets
from sentfeat.score.bundle import Bundle
from sentfeat.score.find import find_model

OWN = "own file"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation to run.

    `models` are what find_model takes, or NAME=MODEL; a NAME given several times is one recipe's seeds. `adapter` goes
    on the only model.
    """

    models: tuple[str, ...] = ()
    adapter: str | None = None
    protocol: str = "grouped"
    word_lists: Path | None = None  # Loughran-McDonald
    zero_shot: bool = True
    generations: Path | None = None
    report: Path
    command: str


def run(request: Request, held_out: HeldOut, say: Say) -> Evaluation:
    """Evaluate `request.models` (default: the embedded bundle) on `held_out` rows and write the report.

    Raises ConfigError, before anything is scored, for a report folder that cannot be made.
    """
    make_folder(request.report)
    generations = generation_metrics(read_generations(request.generations)) if request.generations else None
    train = held_out.rows[held_out.rows["split"] == "train"]
    bundles = name_models(request.models, request.adapter)
    references, left_out = baselines(train, request.word_lists)
    if request.zero_shot:
        references |= zero_shots(list(bundles.values()))
    evaluation = evaluate_models(
        held_out.rows,
        {name: load_scorer(bundle) for name, bundle in bundles.items()},
        baselines=references,
        protocol=request.protocol,
        notes=[*held_out.notes, *left_out],
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


def rows_from_file(path: Path) -> HeldOut:
    """A user's own rows; all are tested where the file has no `split` column."""
    rows = own_rows(read_own(path), str(path))
    if "split" in rows:
        return HeldOut(rows, [])
    return HeldOut(
        rows.assign(split="test"), ["no split column: every row is tested, and nothing is known of training"]
    )


def name_models(models: Sequence[str], adapter: str | None = None) -> dict[str, Bundle]:
    """Found models by the names that the report shows.

    Raises ConfigError if two would share one, or it is not clear which of several `adapter` is for.
    """
    if adapter is not None and len(models) > 1:
        raise ConfigError("--adapter goes with one --model; give several as folders of adapters, which name their base")
    found = [_find(model, adapter) for model in models or (None,)]
    counts = Counter(name for name, _, _ in found)
    clash = {name for name, _, given in found if counts[name] > 1 and not given}
    if clash:
        raise ConfigError(f"several models are called {', '.join(sorted(clash))}: tell them apart with NAME=MODEL")
    seen: Counter[str] = Counter()
    named = {}
    for name, bundle, _ in found:
        seen[name] += 1
        shown = f"{name}{SEED_MARK}{seen[name]}" if counts[name] > 1 else name
        if shown in named:
            raise ConfigError(f"two models would be called {shown}, as a seed's number is: give one another NAME=MODEL")
        named[shown] = bundle
    return named


def zero_shots(bundles: Sequence[Bundle]) -> dict[str, Scorer]:
    """The base of each of `bundles` without its adapter; a base that several share counts once.

    Different bases of one id have the beginning of their hash in the name.
    """
    parts = ((bundle.passport.base, bundle) for bundle in bundles if bundle.adapter)
    bases = {(base.id, base.hash): bundle for base, bundle in parts}
    counts = Counter(name for name, _ in bases)
    return {
        f"{name} {digest[:8]} zero-shot" if counts[name] > 1 else f"{name} zero-shot": zero_shot(bundle)
        for (name, digest), bundle in bases.items()
    }


def _find(model: str | None, adapter: str | None) -> tuple[str, Bundle, bool]:
    """The name to show, the model, and whether the name was given."""
    name, equals, place = (model or "").partition("=")
    if equals and not Path(model or "").exists():
        return name, find_model(place, adapter), True
    bundle = find_model(model, adapter)
    return bundle.passport.name, bundle, False
