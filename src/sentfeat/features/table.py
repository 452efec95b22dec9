"""The feature table: rows of any range of sessions, equal to those of any other build of the same sessions.

A row depends on nothing but its inputs: items and filings (with scores), coverage spans, the universe and the settings,
all of them from the sessions that are remembered. `input_hashes` are over exactly these.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from sentfeat.config import FeatureSettings, settings_hash
from sentfeat.errors import SessionError
from sentfeat.features.coverage import Reading, SessionCoverage, filings_read_since, session_coverage
from sentfeat.features.filings import FILING_COLUMNS, FILING_MEMORY, PASSAGE_COLUMNS, filing_columns, filing_tone
from sentfeat.features.grid import Grid
from sentfeat.features.history import COUNT_MEMORY, TONE_MEMORY, Panel, history_columns
from sentfeat.features.items import INPUT_COLUMNS, with_quantities
from sentfeat.features.window import GRADES, summarise, weighted_mean, worst_grade
from sentfeat.hashing import digest
from sentfeat.schema import COUNT, FLAG
from sentfeat.sessions import Cutoff, calendar, closes, known_at, session_of, sessions_between, shift, tradable_at
from sentfeat.tables import FEATURES
from sentfeat.universe import Universe

PEERS_NEEDED = 3
MEMORY = max(COUNT_MEMORY, FILING_MEMORY)
VOLUMES = ("n_news", "n_clusters", "n_sources")
COUNTED = ("document_id", "security_id")  # what is known of an item that is only counted


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    times = {"available_at": "datetime64[us, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=times.get(name, "object")) for name in columns})


@dataclass(frozen=True)
class Inputs:
    """What rows are made from; what lies outside the memory of the wanted rows is ignored.

    items: INPUT_COLUMNS; those older than `tone_reach` need only COUNTED and available_at. filings, passages:
    FILING_COLUMNS, PASSAGE_COLUMNS. spans, readings: see session_coverage.
    """

    items: pd.DataFrame
    spans: pd.DataFrame
    readings: dict[str, Reading]
    universe: Universe
    filings: pd.DataFrame = field(default_factory=lambda: _empty(FILING_COLUMNS))
    passages: pd.DataFrame = field(default_factory=lambda: _empty(PASSAGE_COLUMNS))


def tone_reach(settings: FeatureSettings) -> int:
    """How many sessions before a row the tone of an item can still matter to it."""
    return TONE_MEMORY + settings.novelty_sessions


@dataclass(frozen=True)
class Build:
    """The rows from session `first` to `last` at one cut-off."""

    inputs: Inputs
    first: pd.Timestamp
    last: pd.Timestamp
    cutoff: Cutoff
    settings: FeatureSettings

    @cached_property
    def grid(self) -> Grid:
        """All sessions that matter, the memory included, and every security of the universe.

        Raises SessionError if the calendar does not reach back that far.
        """
        days = calendar().sessions
        if days.get_loc(self.first) < MEMORY:
            raise SessionError(
                f"session {self.first.date()} cannot be built: its rows remember {MEMORY} sessions, and the calendar "
                f"begins at {days[0].date()}; begin at {days[MEMORY].date()} or later"
            )
        sessions = sessions_between(shift(self.first, -MEMORY), self.last)
        securities = pd.Index(np.sort(self.inputs.universe.frame["security_id"].unique()))
        at = known_at(sessions, self.cutoff, self.settings.lag)
        return Grid(sessions, at, int(sessions.get_indexer([self.first])[0]), securities)

    @cached_property
    def coverage(self) -> SessionCoverage:
        before = known_at(pd.DatetimeIndex([shift(self.grid.sessions[0], -1)]), self.cutoff, self.settings.lag)
        starts = before.append(self.grid.known_at[:-1])
        return session_coverage(self.inputs.spans, self.inputs.readings, starts, self.grid.known_at)

    @cached_property
    def filings_read_since(self) -> pd.DatetimeIndex:
        """As of each session; nothing older than the memory matters."""
        since = filings_read_since(self.inputs.spans, self.inputs.readings, self.grid.known_at)
        oldest = self.grid.known_at[np.maximum(np.arange(len(since)) - FILING_MEMORY, 0)]
        return pd.DatetimeIndex(pd.Series(since).where(since.isna() | (since > oldest), oldest))

    @cached_property
    def items(self) -> pd.DataFrame:
        return self._dated(self.inputs.items, INPUT_COLUMNS, "document_id")

    @cached_property
    def filings(self) -> pd.DataFrame:
        return self._dated(self.inputs.filings, FILING_COLUMNS, "accession")

    @cached_property
    def passages(self) -> pd.DataFrame:
        return self._dated(self.inputs.passages, PASSAGE_COLUMNS, "document_id")

    def _dated(self, frame: pd.DataFrame, columns: Sequence[str], key: str) -> pd.DataFrame:
        """In time order and placed on the grid, `number` being the position of the session."""
        session = session_of(frame["available_at"], self.cutoff, self.settings.lag)
        number = self.grid.sessions.get_indexer(session)
        frame = frame[list(columns)].assign(number=number)[number >= 0]
        frame = frame.sort_values(["available_at", key, "security_id"], kind="stable", ignore_index=True)
        return self.grid.placed(frame)

    # what it was made from

    def input_hashes(self) -> dict[pd.Timestamp, str]:
        """For each session from `first` to `last` a hash of all that its rows depend on.

        Of the sessions whose tone is remembered that is everything, of the older ones which items there were.
        """
        marks = [*INPUT_COLUMNS]
        marks.remove("title")  # the document's id is a hash of it
        full, counts = self._digests(self.items, marks), self._digests(self.items, COUNTED)
        filed = self._digests(self.filings, FILING_COLUMNS)
        told = self._digests(self.passages, PASSAGE_COLUMNS)
        common = f"{settings_hash(self.settings)} {self.inputs.universe.hash} {self.cutoff}"
        read = [
            repr(float(share)) + str(bool(ok)) for ok, share in zip(self.coverage.ok, self.coverage.share, strict=True)
        ]
        since = self.filings_read_since.asi8
        hashes = {}
        for at in self.grid.wanted.tolist():
            recent = at - tone_reach(self.settings)
            parts = [*counts[at - COUNT_MEMORY : recent], *full[recent : at + 1], *filed[at - FILING_MEMORY : at + 1]]
            parts += [*told[at - TONE_MEMORY : at + 1], *read[at - COUNT_MEMORY : at + 1], str(since[at])]
            hashes[self.grid.sessions[at]] = digest(common, str(self.grid.sessions[at].date()), *parts)
        return hashes

    def _digests(self, frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
        """A hash per session over these columns, in time order."""
        frame = frame.sort_values("number", kind="stable")
        rows = pd.util.hash_pandas_object(frame[list(columns)], index=False).to_numpy()
        edges = np.searchsorted(frame["number"], range(len(self.grid.sessions) + 1))
        return [digest(rows[a:b].tobytes().hex()) for a, b in itertools.pairwise(edges)]

    # the rows

    @cached_property
    def scored_items(self) -> pd.DataFrame:
        """The items whose tone is remembered, with what each says (items.py)."""
        recent = self.items[self.items["number"] >= self.grid.first - tone_reach(self.settings)]
        return with_quantities(recent, self.settings.novelty_sessions, self.settings.near_duplicate)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows in the columns of FEATURES, by session and security."""
        listed = self._listed()
        at, column = listed["number"].to_numpy(), listed["column"].to_numpy()
        columns = {name: matrix[at - self.grid.first, column] for name, matrix in self._columns().items()}
        frame = pd.concat([listed, pd.DataFrame(columns, index=listed.index)], axis=1)
        frame["coverage_ok"] = self.coverage.ok[at]
        frame["sources_ok_share"] = self.coverage.share[at]
        frame["buzz"] = np.log1p(frame["n_news"])
        frame["has_news"] = frame["n_news"] > 0
        frame["sent_rel_sector"] = frame["sent_mean"] - peer_mean(frame)
        worst = frame["worst"]
        frame["pit_grade_worst"] = worst.map(dict(enumerate(GRADES))).astype(object).where(worst.notna(), None)
        times = {"known_at": self.grid.known_at, "tradable_at": tradable_at(self.grid.sessions)}
        frame = frame.assign(session=self.grid.sessions[at], cutoff=str(self.cutoff))
        frame = frame.assign(**{name: values[at] for name, values in times.items()})
        blind = ~self.coverage.ok[at]
        for name in (*VOLUMES, "buzz", "has_news"):
            frame[name] = frame[name].astype("boolean" if name == "has_news" else float).mask(blind)
        return typed(frame[FEATURES.names])

    def _listed(self) -> pd.DataFrame:
        """A row for each session and security listed in it: number, column, security_id, ticker, sector."""
        periods, days = self.inputs.universe.frame, self.grid.sessions[self.grid.first :]
        begin = days.searchsorted(periods["valid_from"], side="left")
        length = np.maximum(days.searchsorted(periods["valid_to"], side="right") - begin, 0)
        which = np.repeat(np.arange(len(periods)), length)
        number = np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length) + begin[which] + self.grid.first
        frame = periods[["security_id", "ticker", "sector"]].iloc[which].assign(number=number)
        frame["column"] = self.grid.securities.get_indexer(frame["security_id"])
        return frame.sort_values(["number", "ticker", "security_id"], kind="stable", ignore_index=True)

    def _columns(self) -> dict[str, np.ndarray]:
        """Every column that comes of items and filings, each (rows, securities)."""
        grid, items = self.grid, self.scored_items
        window = items[items["number"] >= grid.first]
        close_before = closes(grid.sessions.insert(0, shift(grid.sessions[0], -1)))[:-1]
        summary = summarise(window, close_before[window["number"]])
        columns = {name: grid.matrix(summary[name])[grid.first :] for name in summary}
        for name in VOLUMES:
            columns[name] = np.nan_to_num(columns[name])
        filed = grid.matrix(worst_grade(self.filings["pit_grade"], self.filings["cell"]))[grid.first :]
        columns["worst"] = np.fmax(columns["worst"], filed)
        columns |= history_columns(self._panel(), grid.first)
        columns |= filing_columns(self.filings, grid, self.filings_read_since)
        columns["filing_sent_mean"] = filing_tone(self.passages, grid)
        return columns

    def _panel(self) -> Panel:
        scored = self.scored_items[self.scored_items["tone"].notna()]
        listed = np.zeros(self.grid.shape, dtype=bool)
        for period in self.inputs.universe.frame.itertuples():
            inside = (self.grid.sessions >= period.valid_from) & (self.grid.sessions <= period.valid_to)
            listed[inside, self.grid.securities.get_loc(period.security_id)] = True
        tone = self.grid.matrix(weighted_mean(scored, "tone"))
        return Panel(tone, self.grid.sums(self.items), listed, self.coverage.ok)


def peer_mean(rows: pd.DataFrame) -> pd.Series:
    """For each row the mean tone of its sector's others in its session, NaN where fewer than three of them have one."""
    tone, sector = rows["sent_mean"].to_numpy(), pd.factorize(rows["sector"])[0]
    group = rows["number"].to_numpy() * (sector.max(initial=0) + 1) + sector
    known = ~np.isnan(tone) & (sector >= 0)
    total, count = (np.bincount(group[known], weights=part, minlength=group.max(initial=0) + 1) for part in
                    (tone[known], None))  # fmt: skip
    others = count[group] - known
    usual = (total[group] - np.where(known, tone, 0.0)) / np.maximum(others, 1)
    return pd.Series(np.where((sector >= 0) & (others >= PEERS_NEEDED), usual, np.nan), index=rows.index)


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts and flags as nullable columns."""
    kinds = {COUNT: "Int32", FLAG: "boolean"}
    return rows.astype({column.name: kinds[column.type] for column in FEATURES.columns if column.type in kinds})
