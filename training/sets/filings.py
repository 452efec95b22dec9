"""SEC filings: passages with the risks they name, and questions about changes that management explains.

All labels here are a rule's (silver). Rows of a filing have its company as their group: reports of two years share most
of their text. Risks are those of training.risks.passages. A question comes from a sentence in
management's discussion (Item 7) such as "Fuel expense increased 16% in 2023 due to a 27% increase in fuel prices":
it asks why fuel expense increased, and the sentence is the answer to be found in its passage.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import pandas as pd

from training.risks.agreement import gold_labels
from training.risks.cut import Passage, filing_passages
from training.risks.passages import hand_passages, silver_passages
from training.risks.reading import FURTHER, FURTHER_LABELS, read_passages
from training.risks.sample import is_set_aside
from training.sets.rows import make_rows

_SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z])")
_VERB = r"(?P<verb>increased|decreased|declined|rose|fell|grew)"
_WHAT = r"(?:[\w&,'’ -]+ - )?(?P<what>[A-Z][\w&'’ -]{2,60}?|Selling, general[\w&, ]{5,50}?)"
_WHY = re.compile(rf"^{_WHAT} {_VERB}\b.*\b(?:due to|because|as a result of|attributable to|driven by|reflecting)\b")
_HOW = re.compile(rf"^{_WHAT} {_VERB} (?:by |to |from )?(?:approximately |about )?\$?\d")
_NO_SUBJECT = re.compile(  # a pronoun, a clause, or a half of a sentence
    r"^(?:The$|(?:This|These|Those|Such|It|We|They|As|While|Although|Also|Under|During|Excluding|Higher|Lower)\b)"
    r"|\b(?:was|were|is|are|which|that|also|has|have|had|by|to|reflected|offset|resulted|respectively)\b"
)
_BARE = {"increased": "increase", "decreased": "decrease", "declined": "decline", "rose": "rise", "fell": "fall"}


class FilingSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Questions on the filings in the folder edgar/."""

    name: str
    licence: str


class RiskSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Passages of filings, calls and headlines in edgar/, calls/ and headlines/, with the risks they name."""

    name: str
    licence: str
    repeat: int = 1  # how often an epoch shows each of its training rows


def read_filings(chosen: FilingSet, data: Path) -> pd.DataFrame:
    """The question rows."""
    return question_rows(filing_passages(data), chosen.name)


def read_risks(chosen: RiskSet, data: Path) -> pd.DataFrame:
    """The risk rows."""
    companies = {passage.filing: passage.company for passage in filing_passages(data)}
    return risk_rows(silver_passages(data / "edgar"), companies, chosen.name)


def read_hand_risks(chosen: RiskSet, data: Path) -> pd.DataFrame:
    """The passages that were read and labelled one by one: only ever for testing."""
    found = hand_passages(data).merge(gold_labels(), on="id").rename(columns={"labels": "label"})
    return make_rows(found[["text", "label"]], task="risk", source=chosen.name)


def read_reading_risks(chosen: RiskSet, data: Path) -> pd.DataFrame:
    """The passages to learn from that were read and labelled once, with their company as group."""
    return grouped_rows(read_passages(data), chosen.name)


def read_further_risks(chosen: RiskSet, data: Path) -> pd.DataFrame:
    """The same of the passages that were read later."""
    return grouped_rows(read_passages(data, FURTHER, FURTHER_LABELS), chosen.name)


def grouped_rows(passages: pd.DataFrame, source: str) -> pd.DataFrame:
    """Passages (text, labels, group) as rows of the risk task."""
    found = passages.rename(columns={"labels": "label"})[["text", "label", "group"]]
    return make_rows(found, task="risk", source=source)


def risk_rows(passages: pd.DataFrame, companies: Mapping[str, str], source: str) -> pd.DataFrame:
    """Passages (text, labels, filing) as rows of the risk task; `companies` says whose each filing is.

    What it does not know (a call, a headline) is a group of its own.
    """
    found = passages.rename(columns={"labels": "label"})[["text", "label"]]
    found["group"] = [companies.get(filing, filing) for filing in passages["filing"]]
    return make_rows(found, task="risk", source=source, silver=True)


def question_rows(passages: Iterable[Passage], source: str) -> pd.DataFrame:
    """Questions on Item 7. One that fits two sentences of a passage has no clear answer: no row."""
    found = pd.DataFrame(
        [
            {"text": passage.text, "question": question, "label": answer, "group": passage.company}
            for passage in passages
            if passage.item == "item_7" and not is_set_aside(passage.company)
            for question, answer in _explained(passage.text)
        ],
        columns=["text", "question", "label", "group"],
    )
    clear = found[~found.duplicated(["text", "question"], keep=False)]
    return make_rows(clear, task="question", source=source, silver=True)


def _explained(text: str) -> Iterator[tuple[str, str]]:
    """(question, the sentence that answers it) for each change with a cause or a figure."""
    for sentence in _SENTENCE_END.split(text):
        found = _WHY.match(sentence) or _HOW.match(sentence)
        if not found or _NO_SUBJECT.search(found["what"]) or not sentence.endswith("."):
            continue
        what = _uncapitalised(found["what"])
        if found.re is _WHY:
            yield f"Why did {what} {_BARE.get(found['verb'], 'grow')}?", sentence
        else:
            yield f"How did {what} change?", sentence


def _uncapitalised(name: str) -> str:
    """The name as it stands inside a sentence: a proper name, which has more capitals, keeps its first one."""
    ordinary = name.startswith(("The ", "Our ", "Net ", "Total ")) or name[1:].islower()
    return name[0].lower() + name[1:] if ordinary else name
