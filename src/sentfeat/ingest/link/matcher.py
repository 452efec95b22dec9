"""Names, aliases and symbols of a universe found in a text, with how much the text is about each.

    1.0  subject    the first company named, and those joined to it ("Apple, Google bid for ...")
    0.8  mention    named later
    0.5  speaker    quoted at the end of the text about something of its own ("Output restarts slowly - BP")

A bank that is only the source of an opinion is no subject at all and is not returned.
"""

import html
import re
from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from sentfeat.ingest.link.context import is_opinion_source, is_quoted_last, means_another
from sentfeat.universe import Universe

SUBJECT, MENTION, SPEAKER = 1.0, 0.8, 0.5
ACRONYM = 3  # letters: shorter names must be written as they are
LEGAL_SUFFIX = re.compile(
    r",?\s+(?:Inc|Incorporated|Corp|Corporation|Co|Cos|Company|Companies|Ltd|Limited|PLC|plc|N\.?V|S\.?A|AG|SE|LLC|LP"
    r"|Group|Holdings?|& Co|\(The\)|Class [A-C])\.?$"
)
WORD = re.compile(r"(?<![\w$])\w+")
SYMBOL = re.compile(
    r"(?<![\w$])\$(?P<cash>[A-Za-z]{1,5}(?:[.-][A-Za-z])?)(?![\w$])"
    r"|[<(](?P<ric>[A-Z]{1,5}[a-z]?)\.(?:N|OQ?|A|K|P|PK)[>)]"
    r"|\((?:NYSE|NASDAQ|Nasdaq|AMEX|NYSE American|NasdaqGS)\s*:\s*(?P<listed>[A-Z]{1,5}(?:[.-][A-Z])?)\)"
)
JOINED = re.compile(r"(?:'s)?;?(?:,? and | & |, ?|/|-)$")


@dataclass(frozen=True)
class Mention:
    """A name's place in a text and the universe rows (positions) that bear it."""

    start: int
    end: int
    rows: tuple[int, ...]
    symbol: bool


class NameMatcher:
    """Finds the securities of a universe in texts."""

    def __init__(self, universe: Universe) -> None:
        frame = universe.frame
        self._tickers = frame["ticker"].tolist()
        self._bank = (frame["sector"] == "Financials").tolist()
        self._periods = list(zip(universe.days["first"], universe.days["last"], strict=True))
        owners, self._symbols = defaultdict(set), defaultdict(set)
        for row, security in enumerate(frame.itertuples()):
            for name in _names(security.name, security.aliases):
                owners[name].add(row)
            self._symbols[_plain_symbol(security.ticker)].add(row)
        self._by_first_word = defaultdict(list)
        for name in sorted(owners, key=len, reverse=True):
            self._by_first_word[WORD.findall(name)[0].casefold()].append((name, tuple(sorted(owners[name]))))

    def tickers(self, text: str, day: pd.Timestamp | None = None) -> set[str]:
        """The symbols that `text` is about, of any time or as of a New York day (naive midnight)."""
        return set(self.relevance(text, day))

    def relevance(self, text: str, day: pd.Timestamp | None = None) -> dict[str, float]:
        """Symbol to relevance in [0, 1]; a symbol named twice counts as its best."""
        text = _clean(text)
        found: dict[str, float] = {}
        last = None
        for mention in self._mentions(text, day):
            if self._is_aside(text, mention):
                continue
            joined = last is None or (JOINED.fullmatch(text[last[0] : mention.start]) and last[1] == SUBJECT)
            weight = SUBJECT if joined else MENTION
            if not mention.symbol and is_quoted_last(text, mention.start, mention.end):
                weight = SPEAKER
            last = (mention.end, weight)
            for row in mention.rows:
                found[self._tickers[row]] = max(weight, found.get(self._tickers[row], 0.0))
        return found

    def _is_aside(self, text: str, mention: Mention) -> bool:
        if mention.symbol:
            return False
        bank = all(self._bank[row] for row in mention.rows)
        return is_opinion_source(text, mention.start, mention.end, bank=bank)

    def _mentions(self, text: str, day: pd.Timestamp | None) -> list[Mention]:
        """Names and symbols in the order of the text, none inside another."""
        found = (
            [self._symbol(match, day) for match in SYMBOL.finditer(text)]
            if "$" in text or "." in text or ":" in text
            else []
        )
        end = 0
        for word in WORD.finditer(text):
            if word.start() < end or word.group().casefold() not in self._by_first_word:
                continue
            mention = self._longest(text, word, day)
            if mention:
                end = mention.end
                if not means_another(text, mention.start, mention.end):
                    found.append(mention)
        return sorted((m for m in found if m.rows), key=lambda m: m.start)

    def _longest(self, text: str, word: re.Match[str], day: pd.Timestamp | None) -> Mention | None:
        start = word.start()
        for name, owners in self._by_first_word[word.group().casefold()]:
            end = start + len(name)
            if _is_written_as(name, text[start:end]) and not text[end : end + 1].isalnum():
                rows = self._in_force(owners, day)
                if rows:
                    return Mention(start, end, rows, symbol=False)
        return None

    def _symbol(self, match: re.Match[str], day: pd.Timestamp | None) -> Mention:
        rows = self._symbols.get(_plain_symbol(match["cash"] or match["ric"] or match["listed"]), ())
        return Mention(match.start(), match.end(), self._in_force(tuple(rows), day), symbol=True)

    def _in_force(self, rows: tuple[int, ...], day: pd.Timestamp | None) -> tuple[int, ...]:
        if day is None:
            return rows
        return tuple(row for row in rows if self._periods[row][0] <= day <= self._periods[row][1])


def _names(name: str, aliases: str | None) -> set[str]:
    """The name and its aliases, each also without its legal suffixes."""
    written = {_clean(n) for n in (name, *(aliases.split("|") if isinstance(aliases, str) else ()))}
    return {n for n in written | {_without_suffix(n) for n in written} if WORD.match(n)}


def _without_suffix(name: str) -> str:
    """ "Exxon Mobil Corp." as "Exxon Mobil"; a name of nothing but suffixes stays."""
    shorter = LEGAL_SUFFIX.sub("", name)
    return name if shorter == name or len(shorter) < ACRONYM else _without_suffix(shorter)


def _is_written_as(name: str, hit: str) -> bool:
    """Case counts: as in the universe, or capitalised otherwise ("Mastercard", "EXXON"); acronyms exactly."""
    if hit == name:
        return True
    return hit.casefold() == name.casefold() and not name.isupper() and len(name) > ACRONYM and hit[0].isupper()


def _plain_symbol(symbol: str) -> str:
    return symbol.upper().replace(".", "").replace("-", "")


def _clean(text: str) -> str:
    """Entities undone and apostrophes made straight; "AT&T;" is a damaged entity and keeps its semicolon."""
    return html.unescape(text).replace("’", "'")
