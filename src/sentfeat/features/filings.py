"""What a row says about a company's SEC filings: the latest risk factors, tone, days since, events, late notices.

The latest report of a row is the 10-K or 10-Q for the newest fiscal period that was available by the cut-off; an
amendment takes its original's place once it is available itself, and only if it brings an Item 1A of its own and names
its period: without one nothing says which report it amends. What a report says is computed once for each filing
(reports.py) and looked up here.
"""

import numpy as np
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.features.grid import Grid
from sentfeat.features.history import decayed_sums, sum_before
from sentfeat.features.items import CHANCES, confidence
from sentfeat.sessions import NEW_YORK
from sentfeat.tables import CHANGES, EVENTS

REPORT_MEMORY = 315  # sessions: a year and a quarter, so that a late 10-K still follows the one before
FILING_MEMORY = REPORT_MEMORY + 66  # and the quarter in which the oldest of these was filed
EVENT_MEMORY, LATE_MEMORY = 21, 63
TONE_HALF_LIFE = 21
PEERS_NEEDED = 3

RF_RISKS = tuple(f"rf_risk_{risk}" for risk in RISKS)
RF_CHANGED_RISKS = tuple(f"rf_drisk_{risk}" for risk in RISKS)
WORD_LISTS = ("lm_neg", "lm_unc", "lm_lit")
FACTS = ("rf_len", *CHANGES, *RF_RISKS, *RF_CHANGED_RISKS, *WORD_LISTS)

# A row per filing and security; `items` are an 8-K's item numbers, comma-joined; FACTS are NaN where there are none.
FILING_COLUMNS = ("accession", "security_id", "available_at", "form", "items", "period", "pit_grade", *FACTS)
# A row per passage of management's discussion or of an 8-K item, and security; probabilities NaN where not scored.
PASSAGE_COLUMNS = ("document_id", "security_id", "available_at", *CHANCES)


def filing_columns(filings: pd.DataFrame, grid: Grid, read_since: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """All filing columns but the tone, each (rows, securities), NaN for null.

    filings: placed FILING_COLUMNS in order of (available_at, accession). read_since: per session of the grid, since
    when the sources of filings were read without a gap.
    """
    filings = labelled(filings)
    return {
        **_report_columns(filings, grid),
        **_days_since(filings, grid, read_since),
        **_recent(filings, grid, read_since),
    }


def labelled(filings: pd.DataFrame) -> pd.DataFrame:
    """`filings` numbered anew, with `base`, the kind of form (10-K, 10-Q, 8-K, NT 10), and `amends`."""
    form = filings["form"].fillna("").astype(str)
    base = form.str.extract("^(10-K|10-Q|8-K|NT 10)", expand=False).fillna("")
    return filings.assign(base=base, amends=form.str.endswith("/A")).reset_index(drop=True)


def filing_tone(passages: pd.DataFrame, grid: Grid) -> np.ndarray:
    """filing_sent_mean (rows, securities) of placed PASSAGE_COLUMNS in order of (available_at, document_id)."""
    p = passages[list(CHANCES)].to_numpy(dtype=float)
    scored = ~np.isnan(p).any(axis=1)
    passages, p = passages[scored], p[scored]
    weight = confidence(p)
    total, weights = decayed_sums(
        grid.sums(passages, weight * (p[:, 2] - p[:, 0])), grid.sums(passages, weight), grid.first, TONE_HALF_LIFE
    )
    return np.divide(total, weights, out=np.full(total.shape, np.nan), where=weights > 0)


def latest(filings: pd.DataFrame, grid: Grid, order: pd.Series) -> np.ndarray:
    """For each row and security the index of the filing of the last 315 sessions with the highest `order`, else -1."""
    found = np.full((len(grid.wanted), len(grid.securities)), -1)
    rows = grid.wanted[:, None]
    for column, group in filings.sort_values("number").groupby("column"):
        number = group["number"].to_numpy()
        seen = (number <= rows) & (number > rows - REPORT_MEMORY)
        rank = order[group.index].to_numpy().argsort().argsort()
        best = np.where(seen, rank, -1).max(axis=1)
        by_rank = group.index.to_numpy()[rank.argsort()]
        found[:, column] = np.where(best >= 0, by_rank[best], -1)
    return found


def latest_reports(filings: pd.DataFrame, grid: Grid) -> np.ndarray:
    """For each row and security the index of its latest report among `labelled` filings, else -1."""
    replaces = filings["rf_len"].notna() & filings["period"].notna()
    reports = filings[filings["base"].isin(["10-K", "10-Q"]) & (~filings["amends"] | replaces)]
    period = pd.to_datetime(reports["period"]).fillna(
        _new_york(reports["available_at"])
    )  # without a period the newest one filed counts
    place = reports.assign(period=period).sort_values(["period", "available_at", "accession"]).index
    return latest(reports, grid, pd.Series(range(len(place)), index=place))


def _report_columns(filings: pd.DataFrame, grid: Grid) -> dict[str, np.ndarray]:
    chosen = latest_reports(filings, grid)
    held = chosen >= 0
    columns = {}
    for name in FACTS:
        facts = filings[name].to_numpy(dtype=float)
        columns[name] = np.where(held, facts[chosen], np.nan) if len(facts) else np.full(chosen.shape, np.nan)
    group, means = _quarter_means(filings, grid)
    rows = np.broadcast_to(grid.wanted[:, None], chosen.shape)
    for name in CHANGES:
        usual = np.where(held, means[name][group[chosen], rows], np.nan) if len(group) else np.nan
        columns[f"{name}_qdm"] = columns[name] - usual
    return columns


def _quarter_means(filings: pd.DataFrame, grid: Grid) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Each filing's group (form and quarter filed) and the means of the changes by group and session, as known then.

    NaN where fewer than three filings of the group were known; a filing of several securities counts once, an
    amendment not at all.
    """
    quarter = _new_york(filings["available_at"]).dt.to_period("Q").astype(str)
    group, names = pd.factorize(filings["base"] + quarter)
    counted = filings.assign(group=group)[~filings["amends"]].drop_duplicates("accession")
    means = {}
    for name in CHANGES:
        known = counted[counted[name].notna()]
        sums = np.zeros((2, len(names), len(grid.sessions)))
        np.add.at(sums[0], (known["group"], known["number"]), known[name])
        np.add.at(sums[1], (known["group"], known["number"]), 1.0)
        total, count = np.cumsum(sums, axis=2)
        means[name] = np.where(count >= PEERS_NEEDED, total / np.maximum(count, 1), np.nan)
    return group, means


def _days_since(filings: pd.DataFrame, grid: Grid, read_since: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    columns = {}
    filed = filings["available_at"].dt.tz_localize(None).to_numpy()
    day = _new_york(filings["available_at"]).dt.normalize().to_numpy()
    gap_before = read_since[grid.first :].tz_localize(None).to_numpy()[:, None]
    for form in ("10-K", "10-Q", "8-K"):
        some = filings[(filings["base"] == form) & ~filings["amends"]]
        found = latest(some, grid, some.index.to_series())
        days = np.full(found.shape, np.nan)
        if len(some):
            held = (found >= 0) & (gap_before <= filed[found])
            since = grid.sessions.to_numpy()[grid.first :, None] - day[found]
            days[held] = (since / np.timedelta64(1, "D"))[held]
        columns[f"days_since_{form.lower().replace('-', '')}"] = days
    return columns


def _recent(filings: pd.DataFrame, grid: Grid, read_since: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """Counts over the sessions up to the row's, null where the sources were not read over all of them."""
    current = filings[(filings["base"] == "8-K") & ~filings["amends"]]
    items = current["items"].fillna("").str.split(r"\s*,\s*")
    columns = {}
    for item in EVENTS:
        with_item = current[np.array([item in numbers for numbers in items], dtype=bool)]
        columns[f"f8k_{item.replace('.', '_')}_21d"] = _counted(with_item, grid, read_since, EVENT_MEMORY)
    late = _counted(filings[filings["base"] == "NT 10"], grid, read_since, LATE_MEMORY)
    return {**columns, "filing_late": np.where(np.isnan(late), np.nan, late > 0)}


def _counted(filings: pd.DataFrame, grid: Grid, read_since: pd.DatetimeIndex, memory: int) -> np.ndarray:
    counts = grid.sums(filings).astype(np.int64)
    total = sum_before(counts, grid.first, memory - 1) + counts[grid.first :]
    begin = grid.known_at[grid.wanted - memory]
    covered = np.asarray(read_since[grid.first :] <= begin)
    return np.where(covered[:, None], total, np.nan)


def _new_york(times: pd.Series) -> pd.Series:
    """UTC times as New York's clock, without a zone."""
    return times.dt.tz_convert(NEW_YORK).dt.tz_localize(None)
