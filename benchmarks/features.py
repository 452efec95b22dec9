"""How long the feature table takes: made-up headlines with made-up scores, so that only features are measured.

    python -m benchmarks.features                   10 thousand, 100 thousand and 1 million documents; one night
    python -m benchmarks.features --archive         7 years of 85 companies (the real titles, where the data are there)
    python -m benchmarks.features --scale           2 million headlines of 500 tickers, 7 years, through a lake

Times are wall clock of this machine; memory is the largest of the process and of those it started.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from sentfeat.config import Config, FilesSource
from sentfeat.ingest.documents import text_hash
from sentfeat.pipeline import Project, build_features
from sentfeat.pipeline.score import NO_ENTITY
from sentfeat.sessions import Cutoff, known_at, sessions_between, shift
from sentfeat.tables import COVERAGE, DOCUMENTS, LINKS, SCORES, UNIVERSE

NOW = pd.Timestamp("2014-06-02", tz="UTC")
YEARS = ("2007-01-03", "2013-12-30")
ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "market" / "headlines_linked_2007_2013.parquet"
WORDS = [f"word{number}" for number in range(3000)]
ENTITY = "A company"


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    print("| what | documents | rows | wall time | processor time | most memory |\n|" + " --- |" * 6)
    if chosen.archive:
        titles = pd.read_parquet(ARCHIVE)
        measure("7 years, 85 tickers, both cut-offs", headlines_of(titles), *YEARS, chosen.processes)
    elif chosen.scale:
        measure("7 years, 500 tickers, both cut-offs", made_up(2_000_000, 500, *YEARS), *YEARS, chosen.processes)
    else:
        for count in (10_000, 100_000, 1_000_000):
            span = ("2012-01-03", "2012-12-31")
            measure("1 year, 500 tickers, pre_open", made_up(count, 500, *span), *span, 1, (Cutoff.PRE_OPEN,))
        one_night()


def one_night() -> None:
    """The newest session of 500 tickers: 5,000 documents in it, 1,100 in each of the 252 sessions before."""
    last = pd.Timestamp("2013-12-30")
    before = made_up(252 * 1100, 500, str(shift(last, -252).date()), str(shift(last, -1).date()))
    end = known_at(pd.DatetimeIndex([last]), Cutoff.PRE_OPEN, pd.Timedelta(minutes=15))[0]
    tonight = made_up(5000, 500, str(last.date()), str(last.date()), seed=1)
    tonight["at"] = end - pd.to_timedelta(np.arange(5000) % 700, unit="min")
    items = pd.concat([before, tonight], ignore_index=True)
    items["at"] = pd.to_datetime(items["at"], utc=True)
    measure("1 session of 500 tickers, pre_open", items, str(last.date()), str(last.date()), 1, (Cutoff.PRE_OPEN,))


def made_up(count: int, tickers: int, first: str, last: str, seed: int = 0) -> pd.DataFrame:
    """Headlines of 6 to 12 words at random times: ticker, title, at (UTC); one in five repeats an earlier one."""
    rng = np.random.default_rng(seed)
    length = rng.integers(6, 13, count)
    words = np.array(WORDS)[rng.zipf(1.3, int(length.sum())) % len(WORDS)]
    titles = np.array([" ".join(part) for part in np.split(words, np.cumsum(length)[:-1])], dtype=object)
    ticker = rng.integers(0, tickers, count)
    same = np.flatnonzero(rng.random(count) < 0.2)
    same = same[same >= tickers]
    titles[same], ticker[same] = titles[same - tickers // 2], ticker[same - tickers // 2]
    begin, end = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC") + pd.Timedelta(hours=14)
    at = begin + pd.to_timedelta(np.sort(rng.integers(0, int((end - begin).total_seconds()) + 1, count)), unit="s")
    return pd.DataFrame({"ticker": [f"T{number:03d}" for number in ticker], "title": titles, "at": at})


def headlines_of(archive: pd.DataFrame) -> pd.DataFrame:
    """The real titles, by ticker and time."""
    at = archive["ts_et"].dt.tz_localize("America/New_York", ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    return archive[["ticker", "title"]].assign(at=at).dropna()


def measure(
    what: str, items: pd.DataFrame, first: str, last: str, processes: int, cutoffs: tuple[Cutoff, ...] = tuple(Cutoff)
) -> None:
    """Fill a lake with the items, then time the build of `first` to `last`."""
    with tempfile.TemporaryDirectory(prefix="sentfeat-bench-") as folder:
        project = fill(Path(folder), items, processes)
        sessions = sessions_between(first, last)
        wall, cpu = time.perf_counter(), processor_time()
        reports = build_features(project, sessions[0], sessions[-1], cutoffs, NOW)
        wall, cpu = time.perf_counter() - wall, processor_time() - cpu
        rows = sum(report.rows for report in reports)
        print(
            f"| {what} | {len(items):,} | {rows:,} | {wall:.1f} s | {cpu:.1f} s | {memory() / 1e9:.2f} GB |", flush=True
        )
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path, items: pd.DataFrame, processes: int) -> Project:
    """A lake in `folder` with the items as scored documents; months are segments, as a backfill leaves them."""
    names = sorted(items["ticker"].unique())
    universe = pd.DataFrame({"security_id": names, "ticker": names}).assign(
        name=ENTITY, aliases=None, sector=[f"sector {at % 11}" for at in range(len(names))], cik=None,
        valid_from=pd.Timestamp("2000-01-03"), valid_to=None,
    )  # fmt: skip
    universe[UNIVERSE.names].to_csv(folder / "universe.csv", index=False)
    source = FilesSource(name="made-up", path="none.csv", columns={"published_at": "at", "title": "title"})
    config = Config(
        lake=str(folder / "lake"), universe=str(folder / "universe.csv"), sources=[source], processes=processes
    )
    project = Project(config)
    project.lake.append(COVERAGE, covered(), "date=2014-06-02")
    items = items.assign(number=range(len(items)), hash=items["title"].map(text_hash))
    for _, part in items.groupby(items["at"].dt.strftime("%Y-%m")):
        add_documents(project, part)
    add_scores(project, items.drop_duplicates("hash")["hash"])
    return project


def covered() -> pd.DataFrame:
    """One attempt that read everything."""
    edges = {"start": pd.Timestamp("2000-01-01", tz="UTC"), "end": NOW}
    row = {f"{kind}_{edge}": at for kind in ("window", "covered") for edge, at in edges.items()}
    row |= {"source": "made-up", "attempt_id": "1", "attempted_at": NOW, "ok": True, "required": True, "reason": None}
    return pd.DataFrame([row | {"items": 0, "documents": 0, "polled": False}])


def add_documents(project: Project, items: pd.DataFrame) -> None:
    """DOCUMENTS and LINKS of one month."""
    ids = [f"{number:032d}" for number in items["number"]]
    at = pd.DatetimeIndex(items["at"]).as_unit("us")
    documents = pd.DataFrame(dict.fromkeys(DOCUMENTS.names), index=range(len(items))).assign(
        document_id=ids, kind="headline", source="made-up", publisher="wire", title=items["title"].to_numpy(),
        text=items["title"].to_numpy(), text_hash=items["hash"].to_numpy(), pit_grade="B",
    )  # fmt: skip
    times = dict.fromkeys(("published_at", "first_seen_at", "available_at"), at)
    links = pd.DataFrame({"document_id": ids, "security_id": items["ticker"].to_numpy()}).assign(
        ticker=items["ticker"].to_numpy(), entity=ENTITY, relevance=1.0, method="source_tag", universe_hash="-",
        linked_at=NOW,
        available_at=times["available_at"],
    )  # fmt: skip
    project.lake.append(DOCUMENTS, documents.assign(**times), "ingest_date=2014-06-02")
    project.lake.append(LINKS, links, "ingest_date=2014-06-02")


def add_scores(project: Project, hashes: pd.Series) -> None:
    """Random logits for every text: tone about the one entity, and risks."""
    rng = np.random.default_rng(0)
    for task, width, entity in (("sentiment", 3, text_hash(ENTITY)), ("risk", 12, NO_ENTITY)):
        for bucket, part in hashes.groupby(hashes.str[:1]):
            logits = rng.normal(0, 2, (len(part), width)).astype("float32")
            rows = pd.DataFrame({"text_hash": part}).assign(
                entity_hash=entity, model_id="made-up", task=task, status="ok"
            )
            project.lake.append(SCORES, rows.assign(logits=list(logits)), f"{project.model}/{task}/bucket={bucket}")


def processor_time() -> float:
    """Seconds of processor time of this process and of those it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def memory() -> int:
    """Bytes that this process or one that it started held at most."""
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
