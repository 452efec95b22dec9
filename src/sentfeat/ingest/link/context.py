"""What the words around a name say: is it this company at all, and is it the subject or only quoted?

Every function reads a text and the span of a name in it (character offsets, half-open).
"""

import re

from sentfeat.ingest.link.words import is_only_a_word

LABEL = re.compile(r"^(?:(?:[A-Z][A-Z .&/]*(?: \d+)?|ADR Report|Factbox)\s*[-:]\s*)+")
TITLE_CASE_SHARE = 0.8

# Words that make another thing of the name before them, whatever the name: affiliates listed apart, namesakes, crops.
OTHER_COMPANY = re.compile(
    r"\s+(?:Hospitality|Bottling|Femsa|FEMSA|Hellenic|HBC|Amatil|Enterprises|Icecek|Otosan|KGaA|Serono|Foundation"
    r"|University|EMBI\+?|Theatre|Gaming Partners)(?!\w)"
)
FOREIGN_LISTING = re.compile(r"(?:\s+[A-Z]\w+){0,3}\s*<(?P<symbol>[A-Z0-9]+)\.(?P<exchange>[A-Z]+)>")
US_EXCHANGES = {"N", "O", "OQ", "A", "K", "P", "PK"}

# What follows a name that is also a word, where the word is meant.
WORD_AFTER = {
    "amazon": r"rain ?forest|jungle|forest|river|basin|region|tribe|deforest|Indian|dam|drought|soy|defenders?",
    "apple": r"juice|orchard|grower|pie|crop|harvest|tree|cider|sauce",
    "caterpillar": r"plague|infestation",
    "coach": r"crash|trip|tour|driver",
    "delta": r"region|state|militant|rebel|force|variant|rebels",
    "discover": r"[a-z]",
    "ford": r"government",
    "freeport": r"LNG|terminal|,? Texas",
    "gap": r"between|in|widen|narrow|year",
    "gm": r"crop|corn|maize|soy|food|wheat|rice|seed|cotton|potato|plant(?:ing)?s? in the EU|organism"
    r"|grain|salmon|tech",
    "oracle": r"of",
    "shell": r"compan|casing|shock|game|hit|fire|attack|explo|kill|egg",
    "southwest": r"China|Pakistan|Japan|England|France|Iran|Turkey|Nigeria|Asia|Florida|U\.?S|state|power|drought"
    r"|Missouri",
    "sprint": r"win|finish|race|gold|star|final",
    "target": r"price|date|range|rate|zone|of|for|level|set|cut|raised|inflation",
    "visa": r"rule|waiver|applica|ban|free|program|fee|require|curb|restrict|policy|status|holder|bond|row"
    r"|delay|regime",
}
# What stands before a name that is also a word, a surname or a place.
WORD_BEFORE = {
    "amazon": r"(?:the|lawless|in|Brazil's|Peru's|Ecuador's|Brazilian|Peruvian)",
    "abbott": r"(?:Tony|Australia's|Australian PM|PM)",
    "coke": r"(?:[Pp]et|[Pp]etroleum|met)",
    "gap": r"(?:[Tt]he|[Aa]|pay|wage|budget|output)",
    "target": r"(?:[Aa]|[Tt]he|price|rate|inflation|growth|deficit|budget)",
    "visa": r"(?:[Aa]|[Tt]he|U\.?S\.?|[Ww]ork|[Ss]tudent|[Tt]ourist|EU|H-1B|exit)",
    "southwest": r"(?:[Tt]he|U\.?S\.?|China's|Nigeria's|Iran's)",
    "bp": r"PKO",
}
# A capitalised word before these is a first name or the front half of a longer name (Harrison Ford, Eagle Ford).
SURNAMES = {"ford", "abbott", "disney", "deere", "merck", "lilly", "goldman", "macy's", "lowe's"}
FIRST_NAME = re.compile(r"(?:^|[\s-])([A-Z][a-z]+)\s$")
NO_FIRST_NAME = re.compile(
    r"Why|How|Does|Can|Will|Former|Exclusive|And|For|At|In|On|With|The|As|To|By|From|Is|After|About|Or|Sachs|Eli|John"
    r"|Walt|Inside|When|What|Did|Are|Big|New|But|Meet|Former|Breakingviews|Analysts?|Investors?|Judge|Court|If|Canada"
)

RATING = r"(?:buy|sell|hold|neutral|overweight|underweight|outperform|underperform|equal|market perform|in-line|reduce)"
OWN = (  # what a company says of itself
    r"(?:its|own|FY|profits?|loss|revenue|sales|earnings|results|unit|stake|dividend|bonus|jobs"
    r"|staff|bln from|buys|bought"
    r"|sells|hires|names|wins|signs|to (?:buy|sell)(?= \w)(?! as| on| from| after)|to (?:cut|pay"
    r"|hire|raise|open|settle|expand|acquire|launch))"
)
VERB = (
    r"(?:initiat|reiterat|reinstat|resum|start|add|remov|sa[yi]|upgrad|downgrad|cut|rais|up|lift|hik"
    r"|low|trim|mov|rat|boost"
    r"|keep|see|expect|forecast|predict|revis|maintain)"
)
OPINION_VERB = re.compile(
    rf"\s+(?={VERB})(?!.*\b{OWN}\b)(?:initiates|reiterates|reinstates|resumes coverage|starts \w[\w ]* (?:with|at) "
    r"|(?:adds|removes) .* (?:to|from) (?:conviction|focus|buy|sell)|says (?:buy|sell|avoid|hold)\b"
    r"|(?:upgrades|downgrades|cuts|raises|ups|lifts|hikes|lowers|trims|moves|rates|boosts|keeps|starts) "
    rf".*?(?:(?:to|at|as|with) [\"']?{RATING}(?!\w)|price targets?|target price|rating|view on))"
)
MACRO = (
    r"(?:oil|crude|gold|copper|silver|metals?|commodit\w+|GDP|growth|yields?|Treasur\w+|Fed|ECB|BOJ|rates?|inflation"
    r"|recession|crisis|econom\w+|dollar|euro|yen|yuan|sterling|S&P|stocks|equit\w+|emerging markets?"
    r"|China|India|Brazil|Russia|Greece|Spain|global|world|house prices|downturn|gas price"
    r"|price forecasts?|outlook on)"
)
BANK_VIEW = re.compile(
    rf"\s+(?={VERB})(?!.*\b{OWN}\b)(?:(?:upgrades|downgrades) |(?:sees|expects|forecasts|predicts"
    rf"|says|keeps|cuts|raises|ups|lowers"
    rf"|trims|lifts|hikes|revises|maintains)\s.*?(?<!\w){MACRO}(?!\w))"
)
ALERT = re.compile(r"(?:RESEARCH ALERT|Research Alert|BROKER(?:AGE)? (?:VIEW|CALL))\s*-\s*$")
OPINION_NOUN = re.compile(
    r"(?:[ -](?:ML|Merrill(?: Lynch)?))?\s+(?:(?:analysts?|economists?|strategists?) (?:says?|sees?"
    r"|expects?|cuts?|raises?)"
    r"|survey|poll|index|indices)(?!\w)|(?:[ -]Merrill)? (?:20\d\d )?outlook "
)
QUOTED_LAST = re.compile(
    r"(?:[ -](?:ML|Merrill(?: Lynch)?))?(?:'s \w+| (?:CEO|CFO|head|exec|economist|analysts?|strategist|note|report))?"
    r";?(?: says)?\s*[.)]?\s*$"
)
BEFORE_QUOTED = re.compile(r"(?:[-:–]\s*|, says |\bsays |\baccording to )$")
SAYS_LAST = re.compile(r" (?:says|said)\.?$")
OWN_CLAUSE = 3  # words that a quoted statement has at least: "MOVES-Goldman Sachs" quotes nobody


def means_another(text: str, start: int, end: int) -> bool:
    """Whether the words around make the name a word, a person, a place or a company listed apart."""
    name, before, after = text[start:end].casefold(), text[:start], text[end:]
    if OTHER_COMPANY.match(after) or _listed_abroad(after):
        return True
    if name in WORD_AFTER and re.match(rf"[\s-](?:{WORD_AFTER[name]})", after):
        return True
    if name in WORD_BEFORE and re.search(rf"(?<!\w){WORD_BEFORE[name]}\s$", before):
        return True
    if is_only_a_word(text, start, end, title_case=in_title_case(text)):
        return True
    return name in SURNAMES and not in_title_case(text) and _after_first_name(before)


def is_opinion_source(text: str, start: int, end: int, *, bank: bool) -> bool:
    """Whether the name only gives a view on others; for banks also a view on markets, or a quote's last word."""
    before, after = text[:start], text[end:]
    alerted = ALERT.search(before) and not after.startswith(":")
    if alerted or OPINION_VERB.match(after):
        return True
    if not bank:
        return False
    return bool(BANK_VIEW.match(after) or OPINION_NOUN.match(after)) or is_quoted_last(text, start, end)


def is_quoted_last(text: str, start: int, end: int) -> bool:
    """Whether the name closes the text as the speaker of what stands before it: "Oil to fall -Citigroup"."""
    before, after = text[:start], text[end:]
    closes = BEFORE_QUOTED.search(before) and QUOTED_LAST.match(after)
    if not closes and not (before.endswith(", ") and SAYS_LAST.fullmatch(after)):
        return False
    statement = BEFORE_QUOTED.sub("", LABEL.sub("", before))
    return len(statement.split()) >= OWN_CLAUSE


def in_title_case(text: str) -> bool:
    """Whether nearly every word is capitalised, so that a capital says nothing."""
    words = re.findall(r"[A-Za-z]{4,}", text)
    return sum(word[0].isupper() for word in words) > TITLE_CASE_SHARE * len(words)


def _listed_abroad(after: str) -> bool:
    found = FOREIGN_LISTING.match(after)
    return found is not None and found["exchange"] not in US_EXCHANGES


def _after_first_name(before: str) -> bool:
    found = FIRST_NAME.search(before)
    return found is not None and not NO_FIRST_NAME.fullmatch(found[1])
