"""Numbers in texts: those that a generated text claims and its source does not have."""

import re
from collections.abc import Iterator
from typing import NamedTuple

SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6}
SCALES |= {"b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9, "t": 1e12, "tn": 1e12, "trn": 1e12, "trillion": 1e12}
_PERCENT = r"%|percent\b|per cent\b|pct\b"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?:[a-z]{{0,3}}[$€£])?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    rf"(?:[\s-]?(?:(?P<percent>{_PERCENT})|(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})\b))?",
    re.IGNORECASE,
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
    """The numbers written in digits in `text`."""
    for match in _NUMBER.finditer(text):
        digits = match["digits"].replace(",", "")
        scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
        decimals = len(digits.partition(".")[2])
        yield Number(float(digits) * scale, 0.5 * scale / 10**decimals, bool(match["percent"]), match[0].strip())


def _supports(known: Number, claimed: Number) -> bool:
    if claimed.percent and not known.percent:
        return False
    return abs(known.value - claimed.value) <= claimed.half * (1 + 1e-9)
