"""What feature rows are made from, read out of the lake: news, filings, coverage, universe.

It can be read only up to a time, which is how rows are rebuilt as if the rest had not happened yet.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import pyarrow.compute as pc

from sentfeat.features.coverage import Reading
from sentfeat.features.history import COUNT_MEMORY
from sentfeat.features.items import CHANCES, INPUT_COLUMNS, RISK_CHANCES
from sentfeat.features.table import MEMORY, Inputs, tone_reach
from sentfeat.pipeline.chances import risk_chances, tone_chances
from sentfeat.pipeline.coverage import reading
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.reports import load_filings, load_passages
from sentfeat.pipeline.score import available_in, read_links
from sentfeat.sessions import Cutoff, Window, shift, window
from sentfeat.tables import COVERAGE, DOCUMENTS

SPAN_COLUMNS = ["source", "covered_start", "covered_end", "polled"]


def load_inputs(
    project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff, *, until: pd.Timestamp | None = None
) -> Inputs:
    """All that the rows from session `first` to `last` can depend on.

    With `until` (UTC) nothing is read that became known after it: no document, and no span of coverage beyond it.
    """
    settings = project.config.features

    def reach(sessions: int) -> Window:
        span = window(shift(first, -sessions), last, cutoff, settings.lag)
        return span if until is None else Window(span.after, min(span.until, until))

    readings = _readings(project)
    with_filings = any(reading.filings for reading in readings.values())
    counted, toned = reach(COUNT_MEMORY), reach(tone_reach(settings))
    items = pd.concat([_counted_items(project, Window(counted.after, toned.after)), _items(project, toned)])
    more = {}
    if with_filings:
        more = {"filings": load_filings(project, reach(MEMORY)), "passages": load_passages(project, toned)}
    return Inputs(items, _spans(project, until), readings, project.universe, **more)


def _readings(project: Project) -> dict[str, Reading]:
    chosen = zip(project.sources, project.config.sources, strict=True)
    return {source.name: replace(reading(source), filings=settings.brings_filings) for source, settings in chosen}


def _spans(project: Project, until: pd.Timestamp | None) -> pd.DataFrame:
    """What was read of each source; up to `until` an archive's span ends there, and a later poll has not been."""
    spans = project.lake.read(COVERAGE, columns=SPAN_COLUMNS, where=pc.field("ok"))
    if until is None:
        return spans
    spans = spans[(spans["covered_start"] < until) & ~(spans["polled"] & (spans["covered_end"] > until))]
    return spans.assign(covered_end=spans["covered_end"].clip(upper=until))


def _counted_items(project: Project, span: Window) -> pd.DataFrame:
    """Items that only have to be counted: without text and scores."""
    return _linked(project, span, ["document_id"]).reindex(columns=list(INPUT_COLUMNS))


def _items(project: Project, span: Window) -> pd.DataFrame:
    """Items with everything they say: the INPUT_COLUMNS of the features."""
    items = _linked(project, span, ["document_id", "publisher", "title", "text_hash", "pit_grade"])
    items[list(CHANCES)] = tone_chances(project, items)
    items[list(RISK_CHANCES)] = risk_chances(project, items["text_hash"])
    return items[list(INPUT_COLUMNS)]


def _linked(project: Project, span: Window, columns: Sequence[str]) -> pd.DataFrame:
    where = (pc.field("kind") == "headline") & available_in(span)
    documents = project.lake.read(DOCUMENTS, columns=columns, where=where).drop_duplicates("document_id")
    return documents.merge(read_links(project.lake, span), on="document_id")
