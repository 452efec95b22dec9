"""Is the table what the lake published? Compared cell by cell, and each file with the manifest written at its time."""

from collections.abc import Callable

import pandas as pd

from sentfeat.backtest.probes import FAILED, PASSED, UNKNOWN, Probe
from sentfeat.publish import Shelf
from sentfeat.reader import ORIGIN
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import FEATURES

KEYS = ["session", "security_id"]
NAME = "The features are what the lake published"


def published_check(features: pd.DataFrame) -> Callable[[pd.DataFrame], Probe] | None:
    """The check of a table against the lake that read_features got it from; None if it came from elsewhere."""
    origin = features.attrs.get(ORIGIN)
    if origin is None:
        return None
    shelf = Shelf(Lake(origin["lake"]), origin["model"], Cutoff(origin["cutoff"]))
    return (lambda rows: as_published(rows, shelf)) if len(shelf.sessions()) else None


def as_published(features: pd.DataFrame, shelf: Shelf) -> Probe:
    """Every cell of `features` equals the published one, and every file has the content that its manifest names.

    Columns that the lake does not publish make it unknown: nothing says when they were known. Rows that were never
    published, or differ, are a failure.
    """
    rows = features[features["cutoff"] == str(shelf.cutoff)] if "cutoff" in features else features
    published, altered = _published(rows, shelf)
    own = [name for name in FEATURES.names if name in rows.columns and name not in KEYS]
    both = rows[KEYS + own].merge(published[KEYS + own], on=KEYS, how="left", suffixes=("", "@lake"), indicator=True)
    unpublished = int((both["_merge"] == "left_only").sum())
    differing = [name for name in own if not _equal(both[name], both[f"{name}@lake"])]
    foreign = [name for name in features.columns if name not in FEATURES.names]
    detail = (
        f"{unpublished} rows never published; {len(differing)} columns differ{_some(differing)}; "
        f"{len(altered)} files changed after their manifest was written{_some(altered)}"
    )
    if unpublished or differing or altered:
        return Probe(NAME, FAILED, len(rows), "rows", detail)
    if foreign:
        detail = f"columns that the lake does not publish{_some(foreign)}: nothing says when they were known"
        return Probe(NAME, UNKNOWN, len(rows), "rows", detail)
    return Probe(NAME, PASSED, len(rows), "rows", detail)


def _published(rows: pd.DataFrame, shelf: Shelf) -> tuple[pd.DataFrame, list[str]]:
    """The published rows of these sessions, and the sessions whose file is not what its manifest says."""
    days = pd.DatetimeIndex(sorted(rows["session"].unique())).intersection(shelf.sessions())
    frame = shelf.lake.read(FEATURES, paths=[shelf.data_path(day) for day in days])
    table = conform(FEATURES, frame)
    altered, start = [], 0
    for day, count in frame.groupby("session").size().items():
        manifest = shelf.manifest(day)
        if manifest is None or manifest["content_hash"] != content_hash(table.slice(start, count)):
            altered.append(str(day.date()))
        start += count
    return frame.assign(session=frame["session"].astype("datetime64[us]")), altered


def _equal(ours: pd.Series, theirs: pd.Series) -> bool:
    missing = ours.isna() & theirs.isna()
    return bool(((ours == theirs).fillna(False).astype(bool) | missing).all())


def _some(names: list[str]) -> str:
    shown = ", ".join(str(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return f" ({shown})" if names else ""
