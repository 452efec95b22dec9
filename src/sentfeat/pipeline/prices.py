"""Price source to prices and quarantine."""

import logging
from collections import Counter
from dataclasses import dataclass, field

import pandas as pd
import pyarrow.compute as pc

from sentfeat.errors import SourceError
from sentfeat.ingest.prices import clean_bars, new_revisions, rescaled
from sentfeat.ingest.source import Harvest, PriceSource
from sentfeat.pipeline.harvests import quarantine
from sentfeat.pipeline.project import Project
from sentfeat.sessions import calendar, closes, shift
from sentfeat.tables import PRICES

logger = logging.getLogger(__name__)

OVERLAP = 10  # sessions that a live source is asked for again, to see revisions
PRICE_MEMORY = 400  # sessions of bars before the first feature row: a year of momentum and room for its warm-up


@dataclass(frozen=True)
class PriceReport:
    """What the price source brought. reason: why it could not be read (not ok), or not wholly."""

    source: str = "none"
    ok: bool = True
    bars: int = 0
    new: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


def update_prices(project: Project, first: pd.Timestamp, last: pd.Timestamp, now: pd.Timestamp) -> PriceReport:
    """Bars of the sessions from PRICE_MEMORY before `first` to `last` that the lake does not hold in this form yet.

    A session that has not closed at `now` has no bar: what a source shows of it is not its last word.
    """
    source = project.price_source
    if source is None:
        return PriceReport()
    oldest, last = shift(first, -PRICE_MEMORY), min(last, _last_closed(now))
    inside = (pc.field("session") >= oldest.date()) & (pc.field("session") <= last.date())
    held = project.lake.read(PRICES, where=inside)
    try:
        harvest = _ask(project, source, held, oldest, last)
    except SourceError as error:
        logger.warning("%s", error)
        return PriceReport(source.name, ok=False, reason=str(error))
    good, rejected = clean_bars(harvest.items, project.universe)
    rejected = pd.concat([harvest.rejected, rejected], ignore_index=True)
    fresh = new_revisions(good, held, source.name, now)
    quarantine(project.lake, rejected, source.name, now)
    for year, bars in fresh.groupby(fresh["session"].dt.year):
        project.lake.append(PRICES, bars, f"year={year}")
    return PriceReport(
        source=source.name,
        bars=len(good),
        new=len(fresh),
        rejected=dict(Counter(rejected["reason"])),
        reason=harvest.problem,
    )


def _last_closed(now: pd.Timestamp) -> pd.Timestamp:
    sessions = calendar().sessions
    return sessions[closes(sessions).searchsorted(now, side="right") - 1]


def _ask(
    project: Project, source: PriceSource, held: pd.DataFrame, oldest: pd.Timestamp, last: pd.Timestamp
) -> Harvest:
    """What the source has: of a live one only what is new, but the whole history of securities that the lake has not
    all of, or that were split or paid a dividend since. Raises SourceError if nothing could be read."""
    universe = project.universe.frame
    if not source.live or held.empty:
        return source.bars(universe, oldest, last)
    begin = max(oldest, shift(held["session"].max(), -OVERLAP))
    listed = universe["valid_from"].le(last) & universe["valid_to"].ge(last)
    behind = listed & ~universe["security_id"].isin(_going_on(universe, held, oldest, begin))
    recent = _bars(source, universe[~behind], begin, last)
    moved = [] if recent.items.empty else rescaled(clean_bars(recent.items, project.universe)[0], held)
    whole = _bars(source, universe[behind | universe["security_id"].isin(moved)], oldest, last)
    if recent.items.empty and whole.items.empty:
        raise SourceError(recent.problem or whole.problem or f"source {source.name}: the universe lists nobody")
    others = recent.items[~recent.items["ticker"].isin(whole.items["ticker"])]
    return Harvest(
        items=pd.concat([part for part in (others, whole.items) if len(part)], ignore_index=True),
        covered=None,
        rejected=pd.concat([recent.rejected, whole.rejected], ignore_index=True),
        problem="; ".join(part.problem for part in (recent, whole) if part.problem) or None,
    )


def _bars(source: PriceSource, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
    """Bars of some of the universe's securities; that none of them could be read is told as a problem."""
    nothing = pd.DataFrame(columns=["ticker"])
    if universe.empty:
        return Harvest(nothing, None)
    try:
        return source.bars(universe, first, last)
    except SourceError as error:
        return Harvest(nothing, None, problem=str(error))


def _going_on(universe: pd.DataFrame, held: pd.DataFrame, oldest: pd.Timestamp, begin: pd.Timestamp) -> set[str]:
    """The security_ids whose bars the lake has since `oldest`, or since their listing, up to after `begin`."""
    listed = universe.groupby("security_id")["valid_from"].min().clip(lower=oldest)
    bars = held.groupby("security_id")["session"].agg(["min", "max"]).join(listed, how="inner")
    days = calendar().sessions
    late = days.searchsorted(bars["min"]) - days.searchsorted(bars["valid_from"])
    return set(bars.index[(late <= OVERLAP) & (bars["max"] > begin)])
