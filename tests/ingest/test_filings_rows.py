"""A filing's rows: each once, apart from each other, and nothing scored that is not the item's own text."""

import pandas as pd

from sentfeat.ingest.documents import split_usable, to_documents
from sentfeat.ingest.filings.rows import GLIMPSE, Filing, SectionText, filing_rows, section_name
from sentfeat.ingest.filings.verdicts import Verdict
from sentfeat.ingest.source import Harvest, item_frame
from sentfeat.schema import conform
from sentfeat.tables import DOCUMENTS

NOW = pd.Timestamp("2026-11-20", tz="UTC")
TEXT = "The company ended its agreement with a supplier of memory chips. It expects lower margins."


class Wire:
    name, delay = "edgar", pd.Timedelta(0)

    def __init__(self, live: bool) -> None:
        self.live = live


def filing(form: str = "8-K", **more) -> Filing:
    facts = {"accession": "0-26-1", "cik": 1, "company": "Acme", "form": form, "url": "http://x/a.htm"}
    at = pd.Timestamp("2026-11-19 21:30", tz="UTC")
    return Filing(**facts | {"published_at": at, "published_raw": "20261119163000", "basis": "header"} | more)


def rows(one: Filing, *sections: tuple[str, str, Verdict]) -> pd.DataFrame:
    return item_frame(filing_rows(one, [SectionText(*section) for section in sections]))


def documents(items: pd.DataFrame, live: bool = True) -> pd.DataFrame:
    usable, rejected = split_usable(Harvest(items, None), NOW)
    assert rejected.empty
    return conform(DOCUMENTS, to_documents(usable, Wire(live), NOW)).to_pandas()


def test_an_item_of_one_passage_is_three_documents_of_which_one_is_scored():
    found = documents(rows(filing(items=("2.02",)), ("2.02", TEXT, Verdict.OK)))
    assert sorted(found["kind"]) == ["filing", "filing_item", "filing_passage"]
    assert set(found["section"]) == {"2.02"}
    assert found.set_index("kind")["text"]["filing_passage"] == TEXT


def test_only_ok_sections_have_passages_and_the_others_keep_their_verdict():
    found = documents(
        rows(filing("10-K"), ("1A", "", Verdict.MISSING), ("7", "Item 7. " + TEXT * 400, Verdict.UNVERIFIABLE))
    )
    assert found["text"].str.len().max() == GLIMPSE
    assert sorted(found["kind"]) == ["filing", "filing_section", "filing_section"]
    assert found.set_index("section")["section_verdict"].to_dict()["1A"] == "missing"


def test_a_list_of_exhibits_is_kept_and_not_scored():
    found = rows(filing(items=("8.01", "9.01")), ("8.01", TEXT, Verdict.OK), ("9.01", TEXT, Verdict.OK))
    assert found[found["kind"] == "filing_passage"]["section"].tolist() == ["8.01"]
    assert found["section"].iloc[0] == "8.01,9.01"


def test_a_filing_that_comes_by_another_address_is_the_same_documents():
    first, second = (
        documents(rows(filing(url=url), ("8.01", TEXT, Verdict.OK))) for url in ("http://x/1", "http://y/2")
    )
    assert set(first["document_id"]) == set(second["document_id"])


def test_a_date_without_a_clock_is_available_at_the_end_of_its_day():
    midnight = pd.Timestamp("1996-03-29", tz="America/New_York")
    found = documents(rows(filing("10-K", basis="date_only", published_at=midnight)), live=False)
    assert found["pit_grade"].tolist() == ["C"]
    assert found["available_at"][0] == pd.Timestamp("1996-03-29 23:59:59", tz="America/New_York")


def test_sections_are_called_by_their_number():
    assert [section_name(key, form) for key, form in [("I.2", "10-Q"), ("II.1A", "10-Q/A"), ("7", "10-K")]] == [
        "2", "1A", "7",
    ]  # fmt: skip
    assert section_name("2.02", "8-K") == "2.02"
