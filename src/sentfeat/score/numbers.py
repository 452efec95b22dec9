"""Numbers in texts: those that a generated text claims and its source does not have."""

import re
from collections.abc import Iterator
from typing import NamedTuple

WORDS = {"thousand": 1e3, "mn": 1e6, "mln": 1e6, "million": 1e6, "bn": 1e9, "bln": 1e9, "billion": 1e9}
WORDS |= {"tn": 1e12, "trn": 1e12, "trillion": 1e12}
SCALES = WORDS | {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_CODES = "USD|EUR|GBP|JPY|CHF|CNY|RMB|HKD|TWD|KRW|INR|SGD|AUD|NZD|CAD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|ILS|ZAR|BRL|MXN|Rs"
_CURRENCY = rf"(?i:(?:{_CODES}|[a-z]{{0,3}}[$€£¥₹₩])[ ]?)"
_PERCENT = r"%|percent\b|per cent\b|pct\b"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<currency>{_CURRENCY})?"
    rf"(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    rf"(?:[\s-]?(?i:(?P<percent>{_PERCENT})|(?P<word>{'|'.join(sorted(WORDS, key=len, reverse=True))})\b)"
    r"|\s?(?P<letter>(?(currency)[kmbtKMBT]|[kmbt]))\b)?"  # neither 10-K nor 3M is an amount; $3M is
)


class Number(NamedTuple):
    """A number in a text: its size in units, half of its last shown digit, and whether it is a percentage."""

    value: float
    half: float
    percent: bool
    shown: str


def unsupported_numbers(source: str, prediction: str) -> list[str]:
    """Numbers of `prediction`, as shown, that `source` does not have.

    A number may be rounded (1.2bn for 1,234 million), lose its sign or its currency. A percentage needs a percentage in
    the source; a bare number may stand for one. Numbers in words are not looked at.
    """
    known = list(numbers(source))
    return [number.shown for number in numbers(prediction) if not any(_supports(other, number) for other in known)]


def numbers(text: str) -> Iterator[Number]:
    """The numbers written in digits in `text`, with their scale: a word (bn, million) or k, m, b or t.

    Such a letter is in lower case or follows an amount of a currency, and no hyphen stands before it.
    """
    for match in _NUMBER.finditer(text):
        digits = match["digits"].replace(",", "")
        unit = match["word"] or match["letter"]
        scale = SCALES[unit.lower()] if unit else 1.0
        decimals = len(digits.partition(".")[2])
        yield Number(float(digits) * scale, 0.5 * scale / 10**decimals, bool(match["percent"]), match[0].strip())


def _supports(known: Number, claimed: Number) -> bool:
    if claimed.percent and not known.percent:
        return False
    return abs(known.value - claimed.value) <= claimed.half * (1 + 1e-9)
