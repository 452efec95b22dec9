"""Filings out of the lake as inputs of the features; what a report says is measured once and kept in the lake.

The filing before is the one that ingest named (prior_accession; an amendment is compared with what its original was
compared with), if it was available by then and no more than 460 days earlier.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sentfeat.features.filings import FACTS, FILING_COLUMNS, PASSAGE_COLUMNS, RF_CHANGED_RISKS, RF_RISKS, WORD_LISTS
from sentfeat.features.items import CHANCES
from sentfeat.features.reports import VERSION, measure, method
from sentfeat.hashing import digest
from sentfeat.pipeline.chances import risk_chances, tone_chances
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import available_in, read_links
from sentfeat.schema import Table
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import CHANGES, DOCUMENTS, REPORT_RISKS, REPORTS

RISK_FACTORS = "1A"
PRIOR_REACH = pd.Timedelta(days=460)
TEXTS_AT_ONCE = 64
TOLD = ("7", "2")  # management's discussion in a 10-K and in a 10-Q


def load_filings(project: Project, span: Window) -> pd.DataFrame:
    """FILING_COLUMNS of the filings available in `span`, a row for each security of the filer."""
    deep = Window(span.after - PRIOR_REACH, span.until)
    columns = ["document_id", "accession", "form", "section", "period", "pit_grade", "amends", "prior_accession"]
    filings = _documents(project.lake, "filing", deep, [*columns, "available_at"]).drop_duplicates("accession")
    facts = _facts(project, filings, deep) if len(filings) else pd.DataFrame(columns=["accession"])
    filings = filings[filings["available_at"] > span.after].rename(columns={"section": "items"})
    filings = filings.merge(facts, on="accession", how="left")
    links = _links(project.lake, span, filings["document_id"])
    filings = filings.merge(links[["document_id", "security_id"]], on="document_id")
    return filings.reindex(columns=list(FILING_COLUMNS)).astype(dict.fromkeys(FACTS, float))


def load_passages(project: Project, span: Window) -> pd.DataFrame:
    """PASSAGE_COLUMNS of the passages of management's discussions and 8-K items available in `span`."""
    told = pc.field("section").isin(TOLD) | pc.starts_with(pc.field("form"), "8-K")
    passages = _documents(project.lake, "filing_passage", span, ["document_id", "text_hash"], told)
    items = passages.merge(_links(project.lake, span, passages["document_id"]), on="document_id")
    items[list(CHANCES)] = tone_chances(project, items)
    return items[list(PASSAGE_COLUMNS)]


def _facts(project: Project, filings: pd.DataFrame, span: Window) -> pd.DataFrame:
    """What each parsed Item 1A says: accession and FACTS."""
    sections = _sections(project.lake, span)
    pairs = _with_prior(sections, filings)
    texts = _measured(project, pairs)
    facts = pairs[["accession", "document_id", "prior_document_id"]].merge(
        texts, on=["document_id", "prior_document_id"], how="left"
    )
    facts["rf_len"] = np.log(facts["words"].astype(float))
    facts["rf_dlen"] = facts["rf_len"] - np.log(facts["prior_words"].astype(float))
    facts = facts.rename(columns={name.removeprefix("rf_"): name for name in CHANGES[1:]})
    risks = _risks(project, sections, span).set_index("document_id")
    now = risks.reindex(facts["document_id"]).to_numpy()
    facts[list(RF_RISKS)] = now
    facts[list(RF_CHANGED_RISKS)] = now - risks.reindex(facts["prior_document_id"]).to_numpy()
    return facts[["accession", "rf_len", *CHANGES, *RF_RISKS, *RF_CHANGED_RISKS, *WORD_LISTS]]


def _sections(lake: Lake, span: Window) -> pd.DataFrame:
    """The Items 1A that could be parsed, one a filing: document_id, accession, available_at."""
    ok = (pc.field("section") == RISK_FACTORS) & (pc.field("section_verdict") == "ok")
    found = _documents(lake, "filing_section", span, ["document_id", "accession", "available_at"], ok)
    return found.drop_duplicates("accession", ignore_index=True)


def _with_prior(sections: pd.DataFrame, filings: pd.DataFrame) -> pd.DataFrame:
    """`sections` with prior_document_id, the section of the filing before; empty where there is none to compare."""
    named = filings.set_index("accession")
    original = sections["accession"].map(named["amends"])
    prior = sections["accession"].map(named["prior_accession"]).fillna(original.map(named["prior_accession"]))
    before = sections.set_index("accession").reindex(prior).set_axis(sections.index)
    age = sections["available_at"] - before["available_at"]
    usable = (age >= pd.Timedelta(0)) & (age <= PRIOR_REACH)
    return sections.assign(prior_document_id=before["document_id"].where(usable, ""))


def _measured(project: Project, pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows of REPORTS for these pairs; those that the lake does not hold yet are made and kept."""
    lake, how = project.lake, method(project.word_lists)
    held = _kept(lake, REPORTS, how, pairs["document_id"])
    keys = ["document_id", "prior_document_id"]
    missing = pairs[~pd.MultiIndex.from_frame(pairs[keys]).isin(pd.MultiIndex.from_frame(held[keys]))]
    made = [held]
    for begin in range(0, len(missing), TEXTS_AT_ONCE):
        some = missing.iloc[begin : begin + TEXTS_AT_ONCE]
        texts = _texts(lake, {*some["document_id"], *some["prior_document_id"]})
        rows = [
            measure(texts[document], texts.get(prior), project.word_lists)
            for document, prior in some[keys].itertuples(index=False)
        ]
        frame = pd.DataFrame(rows, index=some.index).join(some[[*keys, "available_at"]]).assign(method=how)
        frame = frame.astype({"words": "Int32", "prior_words": "Int32"})
        lake.append(REPORTS, frame, f"year={some['available_at'].max().year}")
        made.append(frame[REPORTS.names])
    return pd.concat(made, ignore_index=True).drop(columns=["available_at", "method"]).drop_duplicates(keys)


def _risks(project: Project, sections: pd.DataFrame, span: Window) -> pd.DataFrame:
    """document_id and RF_RISKS of the sections whose passages are all scored; made once and kept."""
    head = project.bundle.passport.risk
    if head is None or sections.empty:
        return pd.DataFrame(columns=["document_id", *RF_RISKS], dtype=float)
    how = digest(VERSION, project.bundle.model_id(project.precision), repr(head.scale), repr(head.offset))
    held = _kept(project.lake, REPORT_RISKS, how, sections["document_id"])
    missing = sections[~sections["document_id"].isin(held["document_id"])]
    if missing.empty:
        return held[["document_id", *RF_RISKS]]
    of_these = (pc.field("section") == RISK_FACTORS) & is_one_of("accession", missing["accession"])
    passages = _documents(project.lake, "filing_passage", span, ["document_id", "accession", "text_hash"], of_these)
    chances = pd.DataFrame(risk_chances(project, passages["text_hash"]), columns=list(RF_RISKS))
    means = chances.groupby(passages["accession"].to_numpy()).agg(lambda p: p.mean(skipna=False))
    fresh = missing.set_index("accession").join(means.dropna(), how="inner").assign(method=how)
    for year, part in fresh.groupby(fresh["available_at"].dt.year):
        project.lake.append(REPORT_RISKS, part, f"year={year}")
    return pd.concat([held, fresh], ignore_index=True)[["document_id", *RF_RISKS]]


def _kept(lake: Lake, table: Table, how: str, documents: pd.Series) -> pd.DataFrame:
    """The rows of a kept table made by one method, each once."""
    these = (pc.field("method") == how) & is_one_of("document_id", documents)
    return lake.read(table, where=these).drop_duplicates(list(table.key))


def _documents(
    lake: Lake, kind: str, span: Window, columns: list[str], where: pc.Expression | None = None
) -> pd.DataFrame:
    """Documents of a kind, in time order, each once."""
    asked = (pc.field("kind") == kind) & available_in(span)
    needed = list(dict.fromkeys([*columns, "document_id", "available_at"]))
    found = lake.read(DOCUMENTS, columns=needed, where=asked if where is None else asked & where)
    found = found.sort_values(["available_at", "document_id"], kind="stable").drop_duplicates("document_id")
    return found[columns].reset_index(drop=True)


def _texts(lake: Lake, documents: Collection[str]) -> dict[str, str]:
    found = lake.read(DOCUMENTS, columns=["document_id", "text"], where=is_one_of("document_id", documents))
    return dict(zip(found["document_id"], found["text"], strict=True))


def _links(lake: Lake, span: Window, documents: pd.Series) -> pd.DataFrame:
    links = read_links(lake, span)
    return links[links["document_id"].isin(documents)]


def is_one_of(column: str, values: Collection[str]) -> pc.Expression:
    """The filter for a text column."""
    return pc.field(column).isin(pa.array(sorted(set(values)), pa.string()))
