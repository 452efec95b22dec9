"""Features made otherwise, for the backtest to compare with: text that came later, text without names and dates.

Nothing here is published. Scores of masked texts are kept in the score store under their own hashes.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pandas as pd
import pyarrow.compute as pc

from sentfeat.features.items import CHANCES
from sentfeat.features.table import Build, tone_reach
from sentfeat.ingest.documents import normalise_text, text_hash
from sentfeat.pipeline.chances import tone_chances
from sentfeat.pipeline.features import Range, open_build, year_ranges
from sentfeat.pipeline.inputs import load_inputs
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import available_in, keep_answers, read_links, unanswered
from sentfeat.sessions import Window, shift, window
from sentfeat.tables import DOCUMENTS

COMPANY, DATE = "the company", "some time"
_MONTHS = "January|February|April|June|July|August|September|October|November|December"
_DATES = re.compile(
    rf"\b(?:(?:{_MONTHS}|(?:March|May)(?=\s+\d))(?:\s+\d{{1,2}}(?:st|nd|rd|th)?)?(?:,?\s+(?:19|20)\d\d)?"
    r"|\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d|(?:19|20)\d\d-\d\d-\d\d"
    r"|(?:FY|fiscal\s+)?(?:19|20)\d\d|[1-4]Q(?:\d\d)?|Q[1-4](?:\s*(?:19|20)?\d\d)?)\b"
)


def delayed_features(project: Project, first: pd.Timestamp, last: pd.Timestamp, minutes: float) -> pd.DataFrame:
    """The rows if every text had reached us that much later."""
    settings = project.config.features
    later = msgspec.structs.replace(settings, lag_minutes=settings.lag_minutes + minutes)
    other = Project(msgspec.structs.replace(project.config, features=later))
    parts = year_ranges(first, last, project.config.backtest.cutoff)
    return pd.concat([open_build(other, part).frame for part in parts], ignore_index=True)


def masked_features(project: Project, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """The rows if headlines had been scored without the names of companies and without dates."""
    parts = year_ranges(first, last, project.config.backtest.cutoff)
    return pd.concat([_masked_range(project, part) for part in parts], ignore_index=True)


def _masked_range(project: Project, part: Range) -> pd.DataFrame:
    settings = project.config.features
    inputs = load_inputs(project, part.first, part.last, part.cutoff)
    span = window(shift(part.first, -tone_reach(settings)), part.last, part.cutoff, settings.lag)
    asked = _masked_questions(project, span)
    _score(project, asked)
    asked[list(CHANCES)] = tone_chances(project, asked)
    key = ["document_id", "security_id"]
    items = inputs.items.drop(columns=list(CHANCES)).merge(asked[[*key, *CHANCES]], on=key, how="left")
    items = items[inputs.items.columns]
    return Build(replace(inputs, items=items), part.first, part.last, part.cutoff, settings).frame


def _masked_questions(project: Project, span: Window) -> pd.DataFrame:
    """document_id, security_id, text, text_hash, entity, entity_hash of every linked headline, masked."""
    where = (pc.field("kind") == "headline") & available_in(span)
    documents = project.lake.read(DOCUMENTS, columns=["document_id", "text"], where=where)
    links = read_links(project.lake, span)[["document_id", "security_id"]]
    rows = documents.drop_duplicates("document_id").merge(links, on="document_id")
    hide = mask_of(project.universe.frame)
    texts = {text: hide(normalise_text(text)) for text in rows["text"].unique()}
    rows["text"] = rows["text"].map(texts)
    hashes = {text: text_hash(text) for text in rows["text"].unique()}
    return rows.assign(text_hash=rows["text"].map(hashes), entity=COMPANY, entity_hash=text_hash(COMPANY))


def mask_of(universe: pd.DataFrame):
    """A function that puts COMPANY for every name, alias and symbol of the universe, and DATE for every date."""
    names = sorted(set(_names(universe)), key=len, reverse=True)
    companies = re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")(?:'s)?(?!\w)")
    return lambda text: _DATES.sub(DATE, companies.sub(COMPANY, text))


def _names(universe: pd.DataFrame) -> Iterator[str]:
    for row in universe.itertuples():
        yield row.ticker
        yield row.name
        aliases = row.aliases.split("|") if isinstance(row.aliases, str) else []
        yield from (alias for alias in aliases if len(alias) > 1)


def _score(project: Project, asked: pd.DataFrame) -> None:
    """Answer what has no answer yet."""
    pairs = asked.drop_duplicates(["text_hash", "entity_hash"])
    todo = unanswered(project, pairs, "sentiment")
    if len(todo):
        found = project.engine.answers(todo["text"].tolist(), todo["entity"].tolist(), ["sentiment"])
        keep_answers(project, todo[["text_hash", "entity_hash"]].assign(logits=list(found["sentiment"])), "sentiment")
