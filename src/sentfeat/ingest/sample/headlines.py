"""The words of the sample market's headlines: templates by style and polarity, and what fills their slots."""

import numpy as np
import pandas as pd

from sentfeat.ingest.sample.companies import SECTORS, short_names
from sentfeat.ingest.sample.stories import CAST

BROKERS = ("Hartwick & Poole", "Lindqvist Securities", "Ormsby Research", "Talmadge Brothers", "Kestrel Partners")
REGIONS = ("Europe", "Asia", "Latin America", "Canada", "the Midwest", "Japan", "Brazil", "Germany", "Texas", "India")
OFFICERS = ("chief executive", "finance chief", "chairman", "chief operating officer", "general counsel")
QUARTERS = ("fourth-quarter", "first-quarter", "second-quarter", "third-quarter")  # reported on in the 1st, 2nd ...
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
TOWNS = ("Boston", "Columbus", "Rotterdam", "Osaka", "Monterrey", "Leeds", "Austin", "Lyon", "Toronto", "Savannah")

POSITIVE = (
    "{c} wins {usd} order for {p} in {r}",
    "{c} raises full-year outlook on strong demand for {p}",
    "{a} upgrades {c} to buy, lifts price target by {pct}",
    "{c} shares jump {pct} as {p} sales top estimates",
    "{c} boosts dividend by {pct}, adds {usd} to buyback",
    "{c} gains approval from {g} to expand {p} in {r}",
    "{c} says {p} orders hit record, up {pct}",
    "{c} stock rallies to one-year high after {a} praises {p} growth",
    "{c} lands {n}-year supply deal worth {usd} in {r}",
    "{c} beats rivals to {usd} contract for {p}",
    "{c} margin improves as costs of {i} ease",
    "{c} settles lawsuit on favorable terms, shares gain {pct}",
    "{c} lifts {q} forecast, cites robust growth in {r}",
    "{a} says {c} is best positioned in {p}, raises rating",
    "{c} credit rating raised as {p} growth strengthens balance sheet",
    "{c} to hire {n}00 in {t} as demand for {p} surges",
    "{c} market share climbs in {r} on success of {p}",
    "{c} surges {pct} on takeover interest",
    "{c} announces {usd} share buyback, profit outlook improves",
    "{c} completes profitable sale of {t} unit for {usd}",
    "{c} cuts debt by {usd} ahead of plan",
    "{c} {p} revenue grows {pct}, beating expectations",
    "{c} expands {p} business in {r} after strong year",
    "Investors cheer {c} plan to grow {p}, stock up {pct}",
    "{c} wins patent ruling against competitor over {p}",
    "{c} says {q} sales to exceed earlier forecast",
    "Strong {r} demand lifts {c} {p} sales {pct}",
    "{c} shares rise after {x} buys ${n} million of stock",
    "{c} posts record monthly sales of {p}",
    "{c} secures exclusive {p} agreement in {r}",
    "{c} resumes dividend of {eps} a share as cash flow improves",
    "{c} opens {t} plant early, sees higher output of {p}",
)
NEUTRAL = (
    "{c} to present at industry conference in {t}",
    "{c} names new {x} for {p} unit",
    "{c} to report {q} results on {d}",
    "{c} opens office in {t}",
    "{c} {x} to speak at {t} forum",
    "{c} files notice of annual meeting in {t} on {d}",
    "{c} holds annual meeting in {t}, directors re-elected",
    "{c} keeps {q} dividend unchanged at {eps} a share",
    "{c} renews contract for {i} with current supplier",
    "{c} says {p} unit to move to {t}",
    "{a} starts coverage of {c} with hold rating",
    "{a} keeps neutral rating on {c}",
    "{c} issues {usd} of {n}-year notes",
    "{c} says no comment on report about {p}",
    "{c} changes reporting segments, {p} to be shown apart",
    "{c} publishes revised schedule for {p} in {r}",
    "{c} appoints auditor for {p} unit in {r}",
    "{c} in talks on {p} cooperation in {r}",
    "{c} to move listing of notes to {t}",
    "{c} {x} sells {n}0,000 shares under trading plan",
    "{c} says review of {t} site continues",
    "{c} updates terms of service for {p} in {r}",
    "BRIEF-{c} sets investor day in {t} for {d}",
    "BRIEF-{c} files for mixed shelf offering of up to {usd}",
    "{c} shares little changed, volume {pct} of average",
    "FACTBOX-{c} and its {p} business in {r}",
    "{c} completes change of {x} announced on {d}",
    "{c} extends {i} agreement by {n} years",
)
NEGATIVE = (
    "{c} cuts full-year outlook on weak demand for {p}",
    "{c} shares plunge {pct} as {p} sales miss estimates",
    "{a} downgrades {c} to sell, cuts price target by {pct}",
    "{c} loses {usd} contract for {p} in {r}",
    "{c} warns of lower {q} profit, cites costs of {i}",
    "{c} to cut {n}00 jobs in {t} as sales of {p} decline",
    "{c} recalls {p} in {r} over safety defect",
    "{c} sued over faulty {p}, faces {usd} claim",
    "{g} opens probe into {c} over {p}",
    "{c} fined {usd} for violations in {r}",
    "{c} slashes dividend, suspends buyback as cash flow weakens",
    "{c} takes {usd} writedown on {p} business",
    "{c} credit rating cut as weak {p} sales add to debt of {usd}",
    "{c} {x} resigns abruptly amid accounting probe",
    "{c} stock falls {pct} to one-year low after {a} warning",
    "{c} delays launch of {p}, shares slump",
    "{c} halts {t} plant after fire, output of {p} disrupted",
    "{c} says hackers stole customer data in {r}",
    "{c} loses market share in {r} as {p} slump deepens",
    "{c} margins shrink on higher prices for {i}",
    "Shortage of {i} hurts {c} {p} deliveries",
    "{c} withdraws forecast, says demand in {r} deteriorated",
    "{c} loses appeal in {usd} patent lawsuit over {p}",
    "{c} drops {pct} after failed sale of {t} unit",
    "Workers strike at {c} {t} site, {p} output hit",
    "{c} to restate results after {usd} accounting error",
    "{c} {p} revenue shrinks {pct}, worse than feared",
    "{c} shelves expansion in {r} as losses widen",
    "Investors dump {c} after weak {p} figures, stock down {pct}",
    "{a} sees trouble ahead for {c}, cuts rating on poor {p} orders",
    "{c} in dispute with lenders over breach of {usd} loan terms",
    "{g} rejects {c} application for {p}",
)
EARNINGS_POSITIVE = (
    "{c} {q} profit rises {pct}, beats estimates",
    "{c} posts {q} profit of {eps} a share, above expectations",
    "{c} {q} earnings jump on strong {p} sales, raises forecast",
    "{c} tops {q} revenue estimates as {p} sales grow {pct}",
    "{c} swings to {q} profit of {usd}",
    "{c} {q} results beat forecasts, shares climb {pct}",
    "{c} {q} margin improves, profit up {pct} to {usd}",
)
EARNINGS_NEUTRAL = (
    "{c} {q} profit {eps} a share, in line with estimates",
    "{c} reports {q} revenue of {usd}",
    "BRIEF-{c} {q} earnings per share {eps}",
    "{c} {q} results match forecasts, outlook unchanged",
    "TEXT-{c} statement on {q} results",
    "{c} {x} comments on {q} results in call",
)
EARNINGS_NEGATIVE = (
    "{c} {q} profit falls {pct}, misses estimates",
    "{c} posts {q} loss of {eps} a share, worse than expected",
    "{c} {q} earnings drop on weak {p} sales, cuts forecast",
    "{c} misses {q} revenue estimates as {p} sales shrink {pct}",
    "{c} swings to {q} loss of {usd}",
    "{c} {q} results disappoint, shares tumble {pct}",
    "{c} {q} profit down {pct} as costs of {i} hurt margin",
)
PAIR = (
    "{c} beats {c2} in bid for {t} {p} business",
    "{c} takes market share from {c2} in {p}",
    "{c} wins {usd} contract from {c2}",
    "{c} overtakes {c2} as top supplier of {p} in {r}",
    "{c2} loses patent case to {c} over {p}",
    "{a} upgrades {c}, downgrades {c2}",
    "{c} gains, {c2} slides after {p} figures for {r}",
    "{c2} loses {p} customer in {r} to {c}",
)
GROUP_POSITIVE = (
    "Shares of {c}, {c2} and {c3} rally on strong {r} data",
    "{c}, {c2} and {c3} gain as outlook for {p} improves",
    "{a} raises ratings of {c}, {c2} and {c3}",
)
GROUP_NEUTRAL = (
    "{c}, {c2} and {c3} to attend {t} trade fair",
    "{a} keeps hold ratings on {c}, {c2} and {c3}",
    "Shares of {c}, {c2} and {c3} little changed before {r} data",
)
GROUP_NEGATIVE = (
    "Shares of {c}, {c2} and {c3} slump on weak {r} data",
    "{c}, {c2} and {c3} fall as prices of {i} hurt margins",
    "{g} probes {c}, {c2} and {c3} over {p}",
)
OFF_TOPIC = (
    "Wall Street ends {d} little changed ahead of inflation data from {r}",
    "Stocks rise {pct} in month as rate fears ease",
    "Stocks fall {pct} in week as bond yields in {r} climb",
    "Oil prices slip on supply worries in {r}",
    "Dollar steady before central bank meeting on {d}",
    "{r} factory output up {pct} from year earlier",
    "Snow storm closes airports near {t}",
    "Mayor of {t} opens new bridge",
    "Jobless claims fall by {n} thousand",
    "Exhibition of local painters opens in {t}",
    "Football: {t} through to final after penalty shootout",
    "Weekly calendar of economic events in {r}",
    "Gold hits {n}-week high on safe-haven demand",
    "Election in {r}: what to watch",
    "Trial of new school timetable starts in {t}",
    "{r} trade deficit narrows to {usd}",
)
TEMPLATES = {
    ("general", 1): POSITIVE,
    ("general", 0): NEUTRAL,
    ("general", -1): NEGATIVE,
    ("earnings", 1): EARNINGS_POSITIVE,
    ("earnings", 0): EARNINGS_NEUTRAL,
    ("earnings", -1): EARNINGS_NEGATIVE,
    ("group", 1): GROUP_POSITIVE,
    ("group", 0): GROUP_NEUTRAL,
    ("group", -1): GROUP_NEGATIVE,
} | {(style, sign): pool for style, pool in (("pair", PAIR), ("off_topic", OFF_TOPIC)) for sign in (-1, 0, 1)}


def titles(stories: pd.DataFrame, universe: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    """The headline of each story."""
    lot = rng.integers(0, 2**31, len(stories)).tolist()
    pools = [TEMPLATES[key] for key in zip(stories["style"], stories["polarity"], strict=True)]
    filling = slots(stories["first"].to_numpy(), universe, rng) | {"q": quarters(stories["published_at"])}
    names = _names(universe)
    form = rng.choice(3, stories[CAST].shape, p=(0.70, 0.22, 0.08))
    for slot, place in (("c", 0), ("c2", 1), ("c3", 2)):
        cast = stories[CAST[place]].tolist()
        filling[slot] = [names[shape][who] for who, shape in zip(cast, form[:, place].tolist(), strict=True)]
    rows = zip(*filling.values(), strict=True)
    filled = (
        pool[number % len(pool)].format_map(dict(zip(filling, row, strict=True)))
        for pool, number, row in zip(pools, lot, rows, strict=True)
    )
    return [title[0].upper() + title[1:] for title in filled]


def slots(company: np.ndarray, universe: pd.DataFrame, rng: np.random.Generator) -> dict[str, list[str]]:
    """What may stand in a template's slots, but for the names: one text per slot and row of `company`.

    a broker, d weekday, eps dollars a share, g regulator, i input, n small number, p product, pct, r region,
    t town, usd sum, x officer.
    """
    count = len(company)
    sectors = [SECTORS[sector] for sector in universe["sector"]]
    kinds = [sectors[number] for number in company.tolist()]

    def pick(choices: tuple[str, ...]) -> list[str]:
        return [choices[number] for number in rng.integers(0, len(choices), count).tolist()]

    lot = rng.integers(0, 2**31, count).tolist()
    own = (company // len(SECTORS) + rng.integers(0, 3, count)).tolist()  # three products each, some shared with peers
    tenths = rng.integers(11, 90, count).tolist()
    billions = (rng.random(count) < 0.3).tolist()
    return {
        "a": pick(BROKERS),
        "d": pick(WEEKDAYS),
        "eps": [f"${cents / 100:.2f}" for cents in rng.integers(12, 390, count).tolist()],
        "g": [kind.regulator for kind in kinds],
        "i": [kind.inputs[number % len(kind.inputs)] for kind, number in zip(kinds, lot, strict=True)],
        "n": [str(number) for number in rng.integers(2, 13, count).tolist()],
        "p": [kind.products[number % len(kind.products)] for kind, number in zip(kinds, own, strict=True)],
        "pct": [f"{number}%" for number in rng.integers(2, 29, count).tolist()],
        "r": pick(REGIONS),
        "t": pick(TOWNS),
        "usd": [
            f"${number / 10:.1f} billion" if large else f"${number * 10} million"
            for number, large in zip(tenths, billions, strict=True)
        ],
        "x": pick(OFFICERS),
    }


def quarters(published_at: pd.Series) -> list[str]:
    """The calendar quarter that is being reported on at each time."""
    return [QUARTERS[number - 1] for number in published_at.dt.quarter.tolist()]


def _names(universe: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Short, full, and full with the symbol."""
    with_symbol = [f"{name} ({symbol})" for name, symbol in zip(universe["name"], universe["ticker"], strict=True)]
    return short_names(universe), universe["name"].tolist(), with_symbol
