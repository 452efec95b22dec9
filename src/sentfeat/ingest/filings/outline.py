"""What a form's items are called and in which order they come, by the form's own instructions.

A key is an item's place in the form: "7" in a 10-K, "I.2" (Part I, Item 2) in a 10-Q, "2.02" in an 8-K, "5" in an
8-K before August 2004.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Outline(msgspec.Struct, frozen=True):
    """A form's items.

    titles: key -> pattern of the words that open the item's title, in the form's order. wanted: the keys to be
    scored; empty: whichever are there, in any order.
    """

    titles: Mapping[str, re.Pattern[str]]
    wanted: tuple[str, ...]

    def keys_of(self, code: str) -> tuple[str, ...]:
        """The places that an item called `code` may have: two in a 10-Q, where both parts count from 1."""
        return tuple(key for key in self.titles if key.rpartition(".")[2] == code or key == code)


def _titles(**patterns: str) -> Mapping[str, re.Pattern[str]]:
    return MappingProxyType({key: re.compile(pattern, re.IGNORECASE) for key, pattern in patterns.items()})


_MDA = (
    r"management\W{0,3}s?\W{0,3}discussion|discussion\s+and\s+analysis"
    r"|management\W{0,3}s?\s+(?:analysis|plan)|plan of operation"
)
_RISKS = r"(?:certain |summary of |cautionary |important )?(?:risk|factors that may)"

ANNUAL = Outline(
    _titles(
        **{
            "1": r"(?:general |description of )?business|the company",
            "1A": _RISKS,
            "1B": r"unresolved",
            "1C": r"cyber",
            "2": r"(?:description of )?propert",
            "3": r"legal",
            "4": r"mine|submission|\W*(?:reserved|removed)|executive officers",
            "5": r"market",
            "6": r"selected|\W*(?:reserved|removed)|(?:consolidated|summary).{0,20}(?:financial|data)",
            "7": _MDA,
            "7A": r"quantitative|qualitative|(?:disclosures? about )?market risk",
            "8": r"(?:consolidated )?financial\s+statements?",
            "9": r"changes\s+in|disagreements",
            "9A": r"controls|disclosure controls|management",
            "9B": r"other",
            "9C": r"disclosures? regarding",
            "10": r"directors|executive",
            "11": r"(?:executive|management|director).{0,20}(?:compensation|remuneration)",
            "12": r"security|ownership",
            "13": r"certain|transactions",
            "14": r"principal|exhibit|controls|financial statement",
            "15": r"exhibit|financial|principal",
            "16": r"(?:form )?10-k|summary|exhibit",
        }
    ),
    wanted=("1A", "7"),
)

QUARTERLY = Outline(
    _titles(
        **{
            "I.1": r"(?:\w+ ){0,3}financial\s+(?:statements?|information)",
            "I.2": _MDA,
            "I.3": r"quantitative|qualitative|(?:disclosures? about )?market risk",
            "I.4": r"controls|disclosure controls|evaluation",
            "II.1": r"legal",
            "II.1A": _RISKS,
            "II.2": r"unregistered|changes|issuer|purchase|recent sales|repurchase|market for|sales of",
            "II.3": r"defaults?",
            "II.4": r"mine|submission|\W*(?:reserved|removed)|results of votes",
            "II.5": r"other",
            "II.6": r"exhibit|reports",
        }
    ),
    wanted=("I.2", "II.1A"),
)

CURRENT = Outline(
    _titles(
        **{
            "1.01": r"entry",
            "1.02": r"termination",
            "1.03": r"bankruptcy",
            "1.04": r"mine",
            "1.05": r"material cyber",
            "2.01": r"completion",
            "2.02": r"results",
            "2.03": r"creation",
            "2.04": r"triggering",
            "2.05": r"costs?",
            "2.06": r"material impair",
            "3.01": r"notice",
            "3.02": r"unregistered",
            "3.03": r"material modif",
            "4.01": r"changes? in",
            "4.02": r"non",
            "5.01": r"changes? in control",
            "5.02": r"departure|election|appointment|compensatory|resignation",
            "5.03": r"amendments?|change in fiscal",
            "5.04": r"temporary",
            "5.05": r"amendments?|waiver",
            "5.06": r"change in shell",
            "5.07": r"submission",
            "5.08": r"shareholder",
            "6.01": r"abs",
            "6.02": r"change of",
            "6.03": r"change in credit",
            "6.04": r"failure",
            "6.05": r"securities",
            "6.06": r"static",
            "7.01": r"regulation",
            "8.01": r"other",
            "9.01": r"financial|exhibits",
            "1": r"changes? in control",
            "2": r"acquisition|disposition",
            "3": r"bankruptcy",
            "4": r"changes? in",
            "5": r"other|required",
            "6": r"resignation",
            "7": r"financial|exhibits",
            "8": r"change in fiscal",
            "9": r"regulation|sales of",
            "10": r"amendments?",
            "11": r"temporary",
            "12": r"results|disclosure",
        }
    ),
    wanted=(),
)


def outline_of(form: str) -> Outline | None:
    """The outline of a form or its amendment; None for forms that are not cut: a 10-KSB has other numbers."""
    base = form.upper().removesuffix("/A")
    if base in ("10-K", "10-KT", "10-K405"):
        return ANNUAL
    if base in ("10-Q", "10-QT"):
        return QUARTERLY
    return CURRENT if base.startswith("8-K") else None


def is_periodic(form: str) -> bool:
    """Whether it is an annual or quarterly report, or an amendment of one."""
    return outline_of(form) in (ANNUAL, QUARTERLY)
