"""Rows of tables.LINKS from documents.

The universe is asked as of the day the item became available: symbols and names change hands. Relevance is that of
the matcher for a security that the title names (a tagged one counts 1), 1 for a filer, 0.5 for one that is only
tagged, and is shared out once more than two are linked.
"""

from dataclasses import dataclass

import pandas as pd

from sentfeat.ingest.documents import TAG_SEPARATOR, payload
from sentfeat.ingest.link.matcher import NameMatcher
from sentfeat.ingest.source import rejected_frame
from sentfeat.tables import LINKS
from sentfeat.universe import Universe, new_york_day

NAMED, TAGGED, FULL_ATTENTION = 1.0, 0.5, 2
WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Linked:
    """links: rows of tables.LINKS. rejected: one row per symbol that the universe does not know, for the quarantine."""

    links: pd.DataFrame
    rejected: pd.DataFrame


def link(documents: pd.DataFrame, universe: Universe, now: pd.Timestamp | None = None) -> Linked:
    """Links of documents, of which document_id, title, tags, cik, available_at and first_seen_at are looked at.

    now: when they are linked again; None for the first time, which is when each was first seen.
    """
    matcher = NameMatcher(universe)
    days = new_york_day(documents["available_at"])
    named = [matcher.relevance(title or "", day) for title, day in zip(documents["title"], days, strict=True)]
    rows = _candidates(documents, named, universe)
    located = universe.locate(rows["ticker"], new_york_day(rows["available_at"]))
    rejected = _unknown_symbols(rows[located.isna() & (rows["method"] == "source_tag")])
    rows, located = rows[located.notna()], located.dropna().astype(int)
    ciks = pd.array(documents.set_index("document_id")["cik"].loc[rows["document_id"]], dtype="Int64")
    differs = (universe.frame.loc[located, "cik"].array != ciks).to_numpy(dtype=bool, na_value=False)
    own = (rows["method"] != "cik").to_numpy() | ~differs  # or another held one of the filer's symbols that day
    rows, located = rows[own], located[own]
    securities = universe.frame.loc[located.to_numpy()]
    rows["security_id"] = securities["security_id"].to_numpy()
    rows["entity"] = securities["name"].to_numpy()
    seen = documents.set_index("document_id")["first_seen_at"].loc[rows["document_id"]].array
    rows["universe_hash"], rows["linked_at"] = universe.hash, seen if now is None else now
    rows = rows.sort_values("relevance", ascending=False).drop_duplicates(["document_id", "security_id"])
    shared = rows.groupby("document_id")["security_id"].transform("size")
    rows["relevance"] *= (FULL_ATTENTION / shared).clip(upper=1.0)
    return Linked(rows[LINKS.names], rejected)


def _candidates(documents: pd.DataFrame, named: list[dict[str, float]], universe: Universe) -> pd.DataFrame:
    """A row per document and symbol that might be meant: document_id, available_at, ticker, method, relevance."""
    by_cik = universe.frame.dropna(subset="cik").groupby("cik")["ticker"].agg(set).to_dict()
    rows = []
    columns = (documents[name] for name in ("document_id", "available_at", "tags", "cik"))
    for document, at, tags, cik, names in zip(*columns, named, strict=True):
        if pd.notna(cik):
            rows += [(document, at, ticker, "cik", NAMED) for ticker in by_cik.get(cik, ())]
        elif isinstance(tags, str):
            given = filter(None, tags.split(TAG_SEPARATOR))
            rows += [(document, at, tag, "source_tag", NAMED if tag in names else TAGGED) for tag in given]
        else:
            rows += [(document, at, ticker, "name_match", relevance) for ticker, relevance in names.items()]
    frame = pd.DataFrame(rows, columns=["document_id", "available_at", "ticker", "method", "relevance"])
    return frame.astype({"available_at": "datetime64[us, UTC]", "relevance": float})


def _unknown_symbols(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per symbol: a vendor's feed tags thousands outside the universe, and each document is kept anyway."""
    return rejected_frame(
        {
            "reason": "unknown_ticker",
            "detail": f"{ticker}: not in the universe at the time of {len(group)} tagged items",
            "payload": payload({"ticker": ticker, "documents": sorted(group["document_id"])[:20]}),
        }
        for ticker, group in rows.groupby("ticker")
    )


def newest_links(links: pd.DataFrame) -> pd.DataFrame:
    """Of each pair of document and security the row that was linked last."""
    return links.sort_values("linked_at", kind="stable").drop_duplicates(["document_id", "security_id"], keep="last")
