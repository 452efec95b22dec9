"""The feature table: rows of any range of sessions, equal to those of any other build of the same sessions.

A row depends on nothing but its inputs: items (with scores), coverage spans, the universe and the settings, all of
them no older than 252 sessions. `input_hash` is over exactly these.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from sentfeat.config import FeatureSettings, settings_hash
from sentfeat.features.coverage import Reading, SessionCoverage, session_coverage
from sentfeat.features.history import COUNT_MEMORY, TONE_MEMORY, Panel, history_columns
from sentfeat.features.items import INPUT_COLUMNS, with_quantities
from sentfeat.features.window import summarise
from sentfeat.hashing import digest
from sentfeat.sessions import Cutoff, closes, known_at, session_of, sessions_between, shift, tradable_at
from sentfeat.tables import FEATURES
from sentfeat.universe import Universe

PEERS_NEEDED = 3


@dataclass(frozen=True)
class Build:
    """The inputs of the rows from session `first` to `last` at one cut-off, and the rows.

    items: INPUT_COLUMNS with available_at in the window of the sessions from `shift(first, -252)` to `last`; others are
    ignored. spans, readings: see session_coverage.
    """

    items: pd.DataFrame
    spans: pd.DataFrame
    readings: dict[str, Reading]
    universe: Universe
    first: pd.Timestamp
    last: pd.Timestamp
    cutoff: Cutoff
    settings: FeatureSettings

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        """All sessions that matter, the memory included."""
        return sessions_between(shift(self.first, -COUNT_MEMORY), self.last)

    @cached_property
    def known_at(self) -> pd.DatetimeIndex:
        return known_at(self.sessions, self.cutoff, self.settings.lag)

    @cached_property
    def coverage(self) -> SessionCoverage:
        earlier = known_at(pd.DatetimeIndex([shift(self.sessions[0], -1)]), self.cutoff, self.settings.lag)
        return session_coverage(self.spans, self.readings, earlier.append(self.known_at[:-1]), self.known_at)

    @cached_property
    def dated_items(self) -> pd.DataFrame:
        """The items in time order with `number`, the position of their session in `sessions`."""
        number = self.sessions.get_indexer(session_of(self.items["available_at"], self.cutoff, self.settings.lag))
        items = self.items[list(INPUT_COLUMNS)].assign(number=number)[number >= 0]
        return items.sort_values(["available_at", "document_id", "security_id"], kind="stable", ignore_index=True)

    def input_hashes(self) -> dict[pd.Timestamp, str]:
        """For each session from `first` to `last` a hash of all that its rows depend on.

        Of the sessions whose tone is remembered that is everything, of the older ones which items there were.
        """
        full, counts = self._session_digests(INPUT_COLUMNS), self._session_digests(("security_id",))
        common = f"{settings_hash(self.settings)} {self.universe.hash} {self.cutoff}"
        hashes = {}
        for at in range(self.sessions.get_loc(self.first), len(self.sessions)):
            recent = max(0, at - TONE_MEMORY - self.settings.novelty_sessions)
            remembered = [*counts[max(0, at - COUNT_MEMORY) : recent], *full[recent : at + 1]]
            hashes[self.sessions[at]] = digest(common, str(self.sessions[at].date()), *remembered)
        return hashes

    def _session_digests(self, columns: Sequence[str]) -> list[str]:
        """A hash per session over its coverage and these columns of its items, in time order."""
        items = self.dated_items.sort_values("number", kind="stable")
        rows = pd.util.hash_pandas_object(items[list(columns)], index=False).to_numpy()
        edges = np.searchsorted(items["number"], range(len(self.sessions) + 1))
        state = zip(self.coverage.ok, self.coverage.share, itertools.pairwise(edges), strict=True)
        return [digest(str(bool(ok)), repr(float(share)), rows[a:b].tobytes().hex()) for ok, share, (a, b) in state]

    def rows(self) -> Iterator[tuple[pd.Timestamp, pd.DataFrame]]:
        """(session, its rows in the columns of FEATURES) for each session from `first` to `last`."""
        securities = np.sort(self.universe.frame["security_id"].unique())
        summary = self._summary()
        panel = self._panel(summary, securities)
        for at in range(self.sessions.get_loc(self.first), len(self.sessions)):
            history = pd.DataFrame(history_columns(panel, at), index=securities)
            yield self.sessions[at], self._session_rows(at, summary, history)

    def _summary(self) -> pd.DataFrame:
        """The window columns, per (session_number, security_id), for the sessions whose tone is remembered."""
        oldest = self.sessions.get_loc(self.first) - TONE_MEMORY - self.settings.novelty_sessions
        recent = self.dated_items[self.dated_items["number"] >= oldest]
        items = with_quantities(
            recent.drop(columns="number"),
            recent["number"],
            self.settings.novelty_sessions,
            self.settings.near_duplicate,
        )
        close_before = closes(self.sessions.insert(0, shift(self.sessions[0], -1)))[:-1]
        previous_close = pd.Series(close_before[items["session_number"]], index=items.index)
        return summarise(items, previous_close, self.settings.near_duplicate)

    def _panel(self, summary: pd.DataFrame, securities: np.ndarray) -> Panel:
        shape = (len(self.sessions), len(securities))
        tone, n = np.full(shape, np.nan), np.zeros(shape)
        column = pd.Index(securities)
        counts = self.dated_items.groupby(["number", "security_id"]).size()
        n[counts.index.get_level_values(0), column.get_indexer(counts.index.get_level_values(1))] = counts
        at = summary.index.get_level_values(0), column.get_indexer(summary.index.get_level_values(1))
        tone[at] = summary["sent_mean"]
        return Panel(tone, n, self._listed(column), self.coverage.ok)

    def _listed(self, column: pd.Index) -> np.ndarray:
        listed = np.zeros((len(self.sessions), len(column)), dtype=bool)
        for row in self.universe.frame.itertuples():
            inside = (self.sessions >= row.valid_from) & (self.sessions <= row.valid_to)
            listed[inside, column.get_loc(row.security_id)] = True
        return listed

    def _session_rows(self, at: int, summary: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
        session, covered = self.sessions[at], bool(self.coverage.ok[at])
        frame = self.universe.listed(session)[["security_id", "ticker", "sector"]].reset_index(drop=True)
        window = summary[summary.index.get_level_values(0) == at].droplevel(0).reindex(frame["security_id"])
        frame = pd.concat([frame, window.reset_index(drop=True)], axis=1)
        frame = pd.concat([frame, history.reindex(frame["security_id"]).reset_index(drop=True)], axis=1)
        n = frame.pop("n").fillna(0)
        counts = {"n_news": n, "n_clusters": frame["n_clusters"].fillna(0), "n_sources": frame["n_sources"].fillna(0)}
        for name, values in {**counts, "buzz": np.log1p(n), "has_news": n > 0}.items():
            frame[name] = values if covered else None
        frame["sent_rel_sector"] = frame["sent_mean"] - peer_mean(frame["sent_mean"], frame["sector"])
        opens = tradable_at(self.sessions[at : at + 1])[0]
        return frame.assign(
            session=session,
            cutoff=str(self.cutoff),
            known_at=self.known_at[at],
            tradable_at=opens,
            coverage_ok=covered,
            sources_ok_share=float(self.coverage.share[at]),
        )[FEATURES.names]


def peer_mean(tone: pd.Series, sector: pd.Series) -> pd.Series:
    """For each security the mean tone of the others of its sector, NaN where fewer than three of them have one."""
    groups = tone.groupby(sector)
    others = groups.transform("count") - tone.notna()
    return ((groups.transform("sum") - tone.fillna(0)) / others).where(others >= PEERS_NEEDED)
