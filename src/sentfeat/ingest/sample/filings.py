"""The sample market's filings: 10-K and 10-Q with risk factors that change over time, and 8-Ks."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sentfeat.ingest.filings.lineage import prior_filing
from sentfeat.ingest.filings.rows import Filing, SectionText, filing_rows
from sentfeat.ingest.filings.verdicts import Verdict
from sentfeat.ingest.sample.companies import short_names
from sentfeat.ingest.sample.filing_text import DELISTING, DISCUSSION, EVENTS, RESULTS, RISKS
from sentfeat.ingest.sample.headlines import quarters, slots
from sentfeat.ingest.sample.tone import Tone, new_york, polarity
from sentfeat.ingest.sample.wire import raw_times
from sentfeat.sessions import NEW_YORK

PUBLISHER = "filings.example"
DISCUSSION_SECTION = {"10-K": "7", "10-Q": "2"}  # the same chapter has another number in a quarterly report
IN_USE = 0.48  # share of the risk sentences that a company's first filing contains
REVISED = {"10-K": 0.15, "10-Q": 0.04}  # share of the sentences that a filing reconsiders
EVENTS_A_YEAR = 4.0  # 8-Ks besides the earnings releases
HOUR = 3600


def filing_items(
    universe: pd.DataFrame, days: pd.DatetimeIndex, reports: pd.DataFrame, tone: Tone, rng: np.random.Generator
) -> pd.DataFrame:
    """All filings as items of a source, by acceptance time, with the filer's number in `company`."""
    releases = reports[["company", "released_at"]].rename(columns={"released_at": "published_at"})
    events = [releases.assign(occasion="release"), _events(universe, days, rng), _delistings(universe)]
    filings = reports[["company", "filed_at", "form", "quarter_end"]].dropna()
    filings = filings.rename(columns={"filed_at": "published_at", "quarter_end": "period"})
    periodic = _periodic_items(filings.reset_index(drop=True), universe, tone, rng)
    current = _current_items(pd.concat(events, ignore_index=True), universe, tone, rng)
    rows = pd.concat([periodic, current], ignore_index=True)
    return _labelled(rows.sort_values("published_at", kind="stable", ignore_index=True), universe)


def _events(universe: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """Days on which something else has to be reported, mostly after the close."""
    count = rng.poisson(EVENTS_A_YEAR * len(days) / 252 * len(universe))
    company, day = rng.integers(0, len(universe), count), days[rng.integers(0, len(days), count)]
    seconds = np.where(rng.random(count) < 0.75, 16 * HOUR + 120, 6.5 * HOUR) + rng.random(count) * 1.4 * HOUR
    frame = pd.DataFrame({"company": company, "published_at": new_york(day, seconds.astype(int)), "occasion": "event"})
    last = universe["valid_to"].fillna(days[-1]).to_numpy()[company]
    return frame[(day >= universe["valid_from"].to_numpy()[company]) & (day <= last)]


def _delistings(universe: pd.DataFrame) -> pd.DataFrame:
    """The notice on the evening of each company's last session."""
    gone = universe["valid_to"].dropna()
    at = new_york(pd.DatetimeIndex(gone), np.full(len(gone), 16.5 * HOUR))
    return pd.DataFrame({"company": gone.index, "published_at": at, "occasion": "delisting"})


def _periodic_items(
    filings: pd.DataFrame, universe: pd.DataFrame, tone: Tone, rng: np.random.Generator
) -> pd.DataFrame:
    """Two rows per 10-K or 10-Q: the risk factors and management's discussion."""
    filler = _Filler(filings["company"].to_numpy(), universe, rng)
    said = polarity(tone.of(pd.DatetimeIndex(filings["published_at"]), filings["company"].to_numpy(), rng), rng)
    risks = np.empty(len(filings), dtype=object)
    for company, group in filings.sort_values("published_at", kind="stable").groupby("company"):
        risks[group.index] = list(_risk_factors(company, group["form"], universe, rng))
    discussion = [_discussion(sign, at, filler, rng) for at, sign in enumerate(said.tolist())]
    return pd.concat(
        [
            filings.assign(section="1A", text=risks),
            filings.assign(section=filings["form"].map(DISCUSSION_SECTION), text=discussion),
        ],
        ignore_index=True,
    )


def _risk_factors(company: int, forms: pd.Series, universe: pd.DataFrame, rng: np.random.Generator) -> Iterator[str]:
    """Item 1A of a company's filings, in order: each keeps most sentences of the one before.

    Every sentence exists in two wordings; a filing's state says of each whether it is absent (0) or in which wording.
    """
    sentences = [sentence for group in RISKS.values() for sentence in group]
    filler = _Filler(np.full(2 * len(sentences), company), universe, rng)
    bank = [filler(sentence, at) for at, sentence in enumerate(sentences * 2)]
    state = np.where(rng.random(len(sentences)) < IN_USE, rng.integers(1, 3, len(sentences)), 0)
    for form in forms:
        reconsidered = rng.random(len(sentences)) < REVISED[form]
        state = np.where(reconsidered, (state + rng.integers(1, 3, len(sentences))) % 3, state)
        yield _risk_text(state, bank)


def _risk_text(state: np.ndarray, bank: list[str]) -> str:
    """One paragraph per category that has a sentence in use."""
    paragraphs, start = [], 0
    for heading, group in RISKS.items():
        kept = [at + (state[at] - 1) * len(state) for at in range(start, start + len(group)) if state[at]]
        start += len(group)
        if kept:
            paragraphs.append(f"{heading}. " + " ".join(bank[at] for at in kept))
    return "\n\n".join(paragraphs)


def _discussion(sign: int, at: int, filler: "_Filler", rng: np.random.Generator) -> str:
    """Three sentences in the filing's tone among two neutral ones."""
    told = [DISCUSSION[sign][number] for number in rng.permutation(5)[:3]]
    plain = [DISCUSSION[0][number] for number in rng.permutation(5)[:2]]
    return " ".join(filler(sentence, at) for sentence in dict.fromkeys([plain[0], *told, plain[1]]))


def _current_items(events: pd.DataFrame, universe: pd.DataFrame, tone: Tone, rng: np.random.Generator) -> pd.DataFrame:
    """One row per 8-K."""
    company = events["company"].to_numpy()
    filler = _Filler(company, universe, rng, q=quarters(events["published_at"]))
    said = polarity(tone.of(pd.DatetimeIndex(events["published_at"]), company, rng), rng).tolist()
    lot = rng.integers(0, 2**31, len(events)).tolist()
    told = []
    for at, (occasion, sign) in enumerate(zip(events["occasion"], said, strict=True)):
        choices = {"release": (("2.02", RESULTS[sign]),), "event": EVENTS[sign], "delisting": (DELISTING,)}[occasion]
        section, text = choices[lot[at] % len(choices)]
        told.append((section, filler(text, at)))
    section, text = zip(*told, strict=True) if told else ((), ())
    day = events["published_at"].dt.tz_convert(NEW_YORK).dt.normalize().dt.tz_localize(None)
    return events.drop(columns="occasion").assign(section=section, text=text, form="8-K", period=day)


class _Filler:
    """Fills the slots of a sentence for the row `at` of `company`; `more` slots have one text per row, too."""

    def __init__(
        self, company: np.ndarray, universe: pd.DataFrame, rng: np.random.Generator, **more: list[str]
    ) -> None:
        names = short_names(universe)
        self._slots = slots(company, universe, rng) | {"c": [names[number] for number in company.tolist()]} | more

    def __call__(self, sentence: str, at: int) -> str:
        return sentence.format_map({slot: values[at] for slot, values in self._slots.items()})


def _labelled(rows: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    """All rows of every filing, as a reader of real ones makes them. The sections of one filing share its accession."""
    filer = universe.iloc[rows["company"]]
    number = rows.groupby(["published_at", "company", "form"], sort=False).ngroup() + 1
    year = rows["published_at"].dt.year % 100
    accession = [f"{cik:010d}-{yy:02d}-{at:06d}" for cik, yy, at in zip(filer["cik"], year, number, strict=True)]
    rows = rows.assign(
        accession=accession, cik=filer["cik"].to_numpy(), name=filer["name"].to_numpy(), public_at=rows["published_at"]
    )
    rows["raw"] = raw_times(rows["published_at"])
    filings = rows.drop_duplicates("accession").reset_index(drop=True)
    prior = dict(zip(filings["accession"], prior_filing(filings), strict=True))
    items = [
        {**row, "company": group["company"].iloc[0]}
        for _, group in rows.groupby("accession", sort=False)
        for row in filing_rows(_filing(group, prior), map(_section, group["section"], group["text"]))
    ]
    return pd.DataFrame(items).astype({"published_at": rows["published_at"].dtype})


def _filing(rows: pd.DataFrame, prior: dict[str, str | None]) -> Filing:
    first = rows.iloc[0]
    return Filing(
        accession=first["accession"],
        cik=int(first["cik"]),
        company=first["name"],
        form=first["form"],
        url=f"https://wire.example/filings/{first['accession']}",
        published_at=first["published_at"],
        published_raw=first["raw"],
        basis="header",
        publisher=PUBLISHER,
        period=first["period"].date(),
        items=tuple(rows["section"]) if first["form"] == "8-K" else (),
        prior=prior[first["accession"]],
    )


def _section(name: str, text: str) -> SectionText:
    return SectionText(name, text, Verdict.OK)
