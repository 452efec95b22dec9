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
from sentfeat.sessions import shift
from sentfeat.tables import PRICES

logger = logging.getLogger(__name__)

OVERLAP = 10  # sessions that a live source is asked for again, to see revisions
PRICE_MEMORY = 400  # sessions of bars before the first feature row: a year of momentum and room for its warm-up


@dataclass(frozen=True)
class PriceReport:
    """What the price source brought."""

    source: str = "none"
    bars: int = 0
    new: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


def update_prices(project: Project, first: pd.Timestamp, last: pd.Timestamp, now: pd.Timestamp) -> PriceReport:
    """Bars of the sessions from PRICE_MEMORY before `first` to `last` that the lake does not hold in this form yet."""
    source = project.price_source
    if source is None:
        return PriceReport(reason="no price source configured")
    oldest = shift(first, -PRICE_MEMORY)
    inside = (pc.field("session") >= oldest.date()) & (pc.field("session") <= last.date())
    held = project.lake.read(PRICES, where=inside)
    try:
        harvest = _ask(project, source, held, oldest, last)
    except SourceError as error:
        logger.warning("%s", error)
        return PriceReport(source.name, reason=str(error))
    good, rejected = clean_bars(harvest.items, project.universe)
    rejected = pd.concat([harvest.rejected, rejected], ignore_index=True)
    fresh = new_revisions(good, held, source.name, now)
    quarantine(project.lake, rejected, source.name, now)
    for year, bars in fresh.groupby(fresh["session"].dt.year):
        project.lake.append(PRICES, bars, f"year={year}")
    return PriceReport(source.name, len(good), len(fresh), dict(Counter(rejected["reason"])), harvest.problem)


def _ask(
    project: Project, source: PriceSource, held: pd.DataFrame, oldest: pd.Timestamp, last: pd.Timestamp
) -> Harvest:
    """What the source has; of securities that were split or paid a dividend since, their whole history anew."""
    universe = project.universe.frame
    begin = _begin(source, held, oldest)
    harvest = source.bars(universe, begin, last)
    if begin == oldest:
        return harvest
    moved = rescaled(clean_bars(harvest.items, project.universe)[0], held)
    if not moved:
        return harvest
    anew = source.bars(universe[universe["security_id"].isin(moved)], oldest, last)
    others = harvest.items[~harvest.items["ticker"].isin(anew.items["ticker"])]
    rejected = pd.concat([harvest.rejected, anew.rejected], ignore_index=True)
    return Harvest(pd.concat([others, anew.items], ignore_index=True), None, rejected, anew.problem or harvest.problem)


def _begin(source: PriceSource, held: pd.DataFrame, first: pd.Timestamp) -> pd.Timestamp:
    """The first session to ask for: of a live source only what is new, if the lake reaches back far enough."""
    if not source.live or held.empty or held["session"].min() > shift(first, OVERLAP):
        return first
    return max(first, shift(held["session"].max(), -OVERLAP))
