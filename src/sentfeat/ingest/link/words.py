"""Names that are also ordinary words: Target, Block, Carnival. Where a capital proves nothing, the words after decide.

words.txt holds what stands in small letters at least 15 times in 600,000 business headlines of 2007-2010, and at least
a tenth as often as with a capital. Such a name counts in the middle of a sentence by its capital; as the first word, or
where every word has a capital, only if what follows is said of companies.
"""

import re
from functools import lru_cache
from importlib.resources import files

VERBS = (
    "accepts|acquires|adds|affirms|agrees|aims|announces|appeals|appoints|approves|asks|backs|beats|begins|bets|boosts"
    "|brings|builds|buys|cancels|climbs|closes|completes|confirms|considers|continues|cuts|declares|defends|delays"
    "|denies|doubles|downgrades|drags|drops|ends|enters|expands|expects|extends|eyes|faces|falls|files|finds|fires"
    "|gains|gets|gives|goes|halts|has|helps|hikes|hires|hits|holds|increases|invests|jumps|keeps|launches|leads|lifts"
    "|looks|loses|lowers|makes|misses|moves|mulls|names|narrows|nears|offers|opens|ousts|outlines|pays|picks|plans"
    "|plunges|posts|promotes|proposes|pulls|puts|raises|rallies|readies|reaffirms|reaches|recalls|receives|rejects"
    "|releases|removes|reports|restarts|resumes|returns|reveals|revamps|rises|says|seeks|sees|sells|sets|settles|ships"
    "|shuts|signs|sinks|slashes|slides|slips|soars|starts|stays|stops|sued|sues|surges|suspends|swings|takes|taps"
    "|targets|tops|trims|tries|tumbles|unveils|upgrades|urges|wants|warns|weighs|will|wins"
)
INTENTIONS = (
    "acquire|add|appeal|appoint|boost|build|buy|close|cut|expand|hire|invest|issue|launch|list|make|merge|move|name|offer"
    "|open|pay|raise|recall|report|restart|restate|sell|settle|shed|shut|spend|split|start|stop|supply|take|use"
)
NOUNS = (
    "CEO|CFO|COO|IPO|board|boss|chairman|chief|deal|debt|directors?|earnings|employees|exec|execs|executives?|founder"
    "|investors|net|outlook|president|profits?|quarterly|results|revenue|sales|shareholders|shares|stake|stock|unit"
    "|workers|Inc|Corp|Co|Ltd|LLC|PLC|Group|Holdings?|Q[1-4]|F?Y?\\d{4} (?:profit|results)|[1-4]Q"
)
SAID_OF_COMPANIES = re.compile(
    rf"(?:'s\b|'(?= )|[,;]? (?:{VERBS}|{NOUNS})(?!\w)|[,;]? to (?:{INTENTIONS})(?!\w))", re.IGNORECASE
)
BEGINS = re.compile(r"(?:^|[:;?!.]\s|[-–]\s?|[\"'(\[])$")
BEFORE = re.compile(r"(?:^|[\s-])(?P<word>[A-Z][a-z]\w*)(?:\s|-|\s?&;?\s?)$")
PART_OF_LONGER = re.compile(r"\s[A-Z][a-z]\w+")


@lru_cache(maxsize=1)
def ordinary_words() -> frozenset[str]:
    """The words of words.txt."""
    return frozenset(files(__package__).joinpath("words.txt").read_text().split())


def is_only_a_word(text: str, start: int, end: int, *, title_case: bool) -> bool:
    """Whether a name that is an ordinary word too is, at this place, most likely just that."""
    name, before, after = text[start:end], text[:start], text[end:]
    if name.isupper() or name.casefold() not in ordinary_words():
        return False
    if (found := BEFORE.search(before)) and found["word"].casefold() not in ordinary_words():
        return not title_case  # Eagle Ford, Carson Block, Pershing Square
    if SAID_OF_COMPANIES.match(after):
        return False
    return title_case or bool(BEGINS.search(before) or PART_OF_LONGER.match(after))
