"""The user's own archive or vendor feed: Parquet, CSV or JSON lines with a column map and a declared time zone.

The files may be one, a folder, a pattern, on this machine or an object store (places.py).
"""

import datetime as dt
from functools import lru_cache

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from sentfeat.config import FilesPrices, FilesSource, resolve
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import payload
from sentfeat.ingest.file_times import parse_days, parse_times
from sentfeat.ingest.places import File, find_files
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame, rejected_frame
from sentfeat.sessions import NEW_YORK, Window

NEWS_COLUMNS = {
    "published_at", "title", "text", "item_id", "publisher", "url", "tickers", "cik", "form", "accession", "section",
}  # fmt: skip
NEWS_NEEDED = ("published_at", "title")
Files = tuple[File, ...]
BAR_COLUMNS = ("ticker", "session", "open", "high", "low", "close", "volume")


class FilesNews:
    """Text items from files; see config.FilesSource for the settings."""

    live = False
    past = None

    def __init__(self, settings: FilesSource, folder: str) -> None:
        self.settings = settings
        self.name, self.required = settings.name, settings.required
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._path = resolve(settings.path, folder)

    def fingerprint(self) -> str:
        """See Source."""
        return repr(find_files(self.name, self._path))

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source."""
        items, rejected = _news(msgspec.json.encode(self.settings), find_files(self.name, self._path))
        at = items["published_at"]
        covered = self._span(at)
        chosen = items[(at > window.after) & (at <= window.until)]
        return Harvest(chosen, overlap(window, covered), rejected)

    def _span(self, published_at: pd.Series) -> Window | None:
        """What the files vouch for: from the first item's day to the last item, unless the configuration says more."""
        start, end = self.settings.covers_from, self.settings.covers_to
        if published_at.empty and not (start and end):
            return None
        first = _midnight(start) if start else published_at.min().tz_convert(NEW_YORK).normalize()
        last = _midnight(end + dt.timedelta(days=1)) if end else published_at.max()
        return Window(first.tz_convert("UTC"), last.tz_convert("UTC"))


class FilesBars:
    """Daily bars from files; see config.FilesPrices for the settings."""

    live = False

    def __init__(self, settings: FilesPrices, folder: str) -> None:
        self.settings, self.name = settings, settings.name
        self._path = resolve(settings.path, folder)

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        """See PriceSource."""
        frame, rejected = _bars(msgspec.json.encode(self.settings), find_files(self.name, self._path))
        inside = frame["session"].between(first, last)
        return Harvest(frame[inside], None, rejected)


def _read(name: str, files: Files, columns: dict[str, str], extra: tuple[str, ...] = ()):
    """All files as one frame under our column names. Raises SourceError for an unreadable file or an absent column."""
    frames = []
    for file in files:
        frame = _read_one(name, file)
        absent = [theirs for theirs in (*columns.values(), *extra) if theirs not in frame.columns]
        if absent:
            raise SourceError(
                f"source {name}: {file.path} has no column {', '.join(map(repr, absent))}; it has {list(frame.columns)}"
            )
        renamed = {ours: frame[theirs] for ours, theirs in columns.items()}
        frames.append(pd.DataFrame(renamed | {name: frame[name] for name in extra}))
    return pd.concat(frames, ignore_index=True)


def _read_one(name: str, file: File) -> pd.DataFrame:
    separator = "\t" if file.stem.endswith(".tsv") else ","
    try:
        with file.open() as stream:
            if file.stem.endswith(".parquet"):
                return pd.read_parquet(stream if file.stem == file.path else pa.BufferReader(stream.read()))
            if file.stem.endswith((".jsonl", ".ndjson")):
                return pd.read_json(stream, lines=True, dtype=False, convert_dates=False)
            if file.stem.endswith((".csv", ".tsv")):
                return pd.read_csv(stream, sep=separator, dtype=str, keep_default_na=False)
    except (pa.ArrowInvalid, ValueError, OSError) as error:
        raise SourceError(f"source {name}: cannot read {file.path}: {error}") from error
    raise SourceError(
        f"source {name}: {file.path} is neither .parquet, .csv, .tsv nor .jsonl (.gz and .zst may follow)"
    )


@lru_cache(maxsize=8)
def _news(encoded: bytes, files: Files) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All items of the files by time, and the rows that could not be dated; settings as JSON, to be hashable."""
    settings = msgspec.json.decode(encoded, type=FilesSource)
    unknown, absent = set(settings.columns) - NEWS_COLUMNS, set(NEWS_NEEDED) - set(settings.columns)
    if unknown or absent:
        raise SourceError(
            f"source {settings.name}: the column map needs {sorted(absent)} and does not know {sorted(unknown)}; "
            f"it may map {sorted(NEWS_COLUMNS)}"
        )
    frame = _read(settings.name, files, settings.columns)
    frame["published_raw"] = frame["published_at"].astype(str)
    frame["published_at"], frame["date_only"] = parse_times(frame["published_at"], settings.timezone, settings.name)
    for column, typed in (("item_id", _as_ids), ("cik", _as_numbers)):
        if column in frame:
            frame[column] = typed(frame[column])
    undated = frame["published_at"].isna()
    rejected = _undated(frame[undated], "published_at", frame["published_raw"])
    items = _merge_tagged(frame[~undated], settings).assign(kind=settings.document_kind)
    items["text"] = items.get("text", items["title"])
    return item_frame(items.sort_values("published_at", kind="stable", ignore_index=True)), rejected


def _undated(rows: pd.DataFrame, column: str, raw: pd.Series) -> pd.DataFrame:
    """A rejected row for each of `rows`, whose `column` could not be read from what stood there (`raw`)."""
    found = zip(rows.to_dict("records"), raw[rows.index], strict=True)
    return rejected_frame(
        {"reason": "undated", "detail": f"{column} {value!r}", "payload": payload(row)} for row, value in found
    )


def _as_ids(values: pd.Series) -> pd.Series:
    """Text; whole numbers, which a gap turns into fractions, without their point."""
    whole = pd.api.types.is_numeric_dtype(values) and (values.dropna() % 1 == 0).all()
    return (values.astype("Int64") if whole else values).astype("string").astype(object)


def _as_numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce").astype("Int64").astype(object)


def _tags_in(cell: object, separator: str) -> list[str]:
    """The tags of one cell: a list of them, or text with a separator; none in an empty one."""
    if isinstance(cell, list | tuple | np.ndarray):
        given = [str(tag) for tag in cell if tag is not None]
    else:
        given = [] if cell is None or pd.isna(cell) else str(cell).split(separator)
    return [tag.strip() for tag in given if tag.strip()]


def _merge_tagged(frame: pd.DataFrame, settings: FilesSource) -> pd.DataFrame:
    """One item per text where the file has a row per text and ticker; the tags become tuples."""
    if "tickers" not in frame:
        return frame
    same = [column for column in ("item_id", "url", "title", "text", "published_at") if column in frame]
    group = frame.groupby(same, sort=False, dropna=False).ngroup()
    tags: dict[int, dict[str, None]] = {}
    for number, cell in zip(group, frame["tickers"], strict=True):
        tags.setdefault(number, {}).update(dict.fromkeys(_tags_in(cell, settings.tickers_separator)))
    first = frame[~group.duplicated()]
    return first.assign(tickers=[tuple(tags[number]) for number in group[first.index]])


@lru_cache(maxsize=4)
def _bars(encoded: bytes, files: Files) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All bars of the files, with price_basis and adjusted_asof_date, and the rows whose session could not be read."""
    settings = msgspec.json.decode(encoded, type=FilesPrices)
    absent = set(BAR_COLUMNS) - set(settings.columns)
    if absent or set(settings.columns) - set(BAR_COLUMNS):
        raise SourceError(f"source {settings.name}: the column map of bars must map exactly {list(BAR_COLUMNS)}")
    frame = _read(settings.name, files, settings.columns, tuple(settings.where))
    for column, value in settings.where.items():
        frame = frame[frame[column].astype(str) == value]
    frame = frame[list(BAR_COLUMNS)].copy()
    raw = frame["session"]
    frame["session"] = parse_days(raw)
    undated = frame["session"].isna()
    rejected = _undated(frame[undated].assign(session=raw[undated].astype(str)), "session", raw)
    frame = frame[~undated]
    numbers = ["open", "high", "low", "close", "volume"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce").astype(float)
    return frame.assign(price_basis=settings.basis, adjusted_asof_date=settings.adjusted_asof_date), rejected


def _midnight(day: dt.date) -> pd.Timestamp:
    return pd.Timestamp(day, tz=NEW_YORK)


def overlap(window: Window, span: Window | None) -> Window | None:
    """The part of `window` inside `span`, or None if there is none."""
    if span is None:
        return None
    common = Window(max(window.after, span.after), min(window.until, span.until))
    return common if common.after < common.until else None
