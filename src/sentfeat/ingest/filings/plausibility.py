"""Whether a section that looks well cut reads like what it says it is: the last guard before `ok`.

words      risk factors speak of risks, a discussion of money. In 36 Items 1A cut by others every text has at least
           2 such words in 100 (one has none: it holds executive officers), in 56 Items 7 at least 2.2; other items
           have mostly fewer than 0.5 words of risk in 100
trespass   no line in it is the title of a later item, of the notes or of the auditors' report
markup     no HTML as text
"""

import re

_MARKUP = re.compile(r"</?(?:div|span|td|tr|p|font|table)\b", re.IGNORECASE)
_RISK_WORDS = re.compile(r"\b(?:risks?|could|may|might|adverse(?:ly)?|uncertain\w*)\b", re.IGNORECASE)
_MONEY_WORDS = re.compile(
    r"\b(?:revenues?|sales|income|expenses?|cash|liquidity|operations|loss(?:es)?|capital|costs?|financial)\b",
    re.IGNORECASE,
)
_WORDS_OF = {"1A": _RISK_WORDS, "II.1A": _RISK_WORDS, "7": _MONEY_WORDS, "I.2": _MONEY_WORDS}
_FEWEST = 1.0  # in 100 words
_JUDGED_FROM = 250  # words; a shorter text may say anything
_REPORTS = (
    r"(?:reports?\s+of\s+)?independent\s+(?:auditors?|(?:registered\s+|certified\s+)?public\s+account\w+)"
    r"|notes\s+to\s+(?:the\s+)?(?:condensed\s+|unaudited\s+|interim\s+|consolidated\s+)*financial\s+statements"
)
_MARKET_RISK = r"quantitative\s+and\s+qualitative\s+disclosures?"
_CONTROLS = r"(?:evaluation\s+of\s+)?(?:disclosure\s+)?controls\s+and\s+procedures"
_LATER = {
    "1A": rf"unresolved\s+staff\s+comments|properties|legal\s+proceedings|{_REPORTS}",
    "7": rf"financial\s+statements\s+and\s+supplementary|changes\s+in\s+and\s+disagreements|{_CONTROLS}|{_REPORTS}",
    "I.2": rf"{_CONTROLS}|{_REPORTS}",
    "II.1A": rf"unregistered\s+sales|defaults\s+upon\s+senior|mine\s+safety|{_REPORTS}",
}
_TRESPASS = {
    key: re.compile(rf"^(?=[A-Z])(?i:{titles})\b[^\n.,;:]{{0,60}}\.?$", re.MULTILINE) for key, titles in _LATER.items()
}


def has_markup(body: str) -> bool:
    """Whether HTML was left in the text."""
    return bool(_MARKUP.search(body))


def is_plausible(key: str, body: str) -> bool:
    """Whether the text of an item speaks of what the item is for, and nothing that follows it is in it."""
    words = len(body.split())
    speaks = words < _JUDGED_FROM or 100 * len(_WORDS_OF[key].findall(body)) >= _FEWEST * words
    return speaks and not has_markup(body) and not _TRESPASS[key].search(body)
