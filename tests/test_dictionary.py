"""The dictionary's page is made from the tables."""

from sentfeat.dictionary import page
from tests.conftest import ROOT


def test_the_page_in_docs_is_current():
    """Else: sentfeat dictionary all --markdown > docs/dictionary.md"""
    assert (ROOT / "docs" / "dictionary.md").read_text() == page()
