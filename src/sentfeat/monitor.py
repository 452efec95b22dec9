"""Are live rows like backfilled ones? Coverage, drift of the tone, and its rank correlation with the next return.

A row is live if it was first published before its session opened, otherwise backfilled. Drift is the population
stability index of `sent_mean` against all backfilled rows, over deciles of these (drift.py). The correlation is
Spearman's between `sent_mean` and the session's open-to-close return, over the securities that have both.
"""

import numpy as np
import pandas as pd

from sentfeat.drift import stability_index
from sentfeat.publish import Shelf
from sentfeat.reader import current_model, latest_bars
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import FEATURES, PRICES

TONE = "sent_mean"
DECILES = 10
FEWEST = 100  # rows with tone on either side from which a drift is stated
FEWEST_PAIRS = 5  # securities with tone and return from which a session has a correlation


def monitor(lake: Lake, cutoff: Cutoff, *, window: int, model: str | None = None) -> pd.DataFrame:
    """One row per session: session, rows, live (flag), covered (share), tone (mean), and over the last `window`
    sessions drift (PSI of live rows) and ic (mean correlation); the last two are NaN where there is too little.

    Raises DataError for a lake without features of that model at that cut-off.
    """
    shelf = Shelf(lake, model or current_model(lake), cutoff)
    columns = ["session", "security_id", "coverage_ok", "tradable_at", TONE]
    paths = shelf.paths()
    shelf.require_kept(paths)
    rows = lake.read(FEATURES, columns=columns, paths=paths)
    rows = rows.assign(live=_first_published(shelf).reindex(rows["session"]).to_numpy() < rows["tradable_at"])
    by_session = rows.groupby("session")
    table = by_session.agg(
        rows=(TONE, "size"), live=("live", "first"), covered=("coverage_ok", "mean"), tone=(TONE, "mean")
    )
    table["drift"] = _rolling_drift(rows, table.index, window)
    table["ic"] = _correlations(rows, _returns(lake)).reindex(table.index).rolling(window, min_periods=1).mean()
    return table.reset_index()


def _first_published(shelf: Shelf) -> pd.Series:
    """When each session was published for the first time, UTC, by session."""
    first: dict[pd.Timestamp, pd.Timestamp] = {}
    for root in ("manifests", "superseded"):
        for path in shelf.lake.files(f"{root}/{shelf.folder}", ".json"):
            manifest = shelf.lake.get_json(path)
            if manifest is not None:
                session = pd.Timestamp(manifest["session"])
                at = pd.Timestamp(manifest.get("first_published_at", manifest["published_at"]))
                first[session] = min(at, first.get(session, at))
    return pd.Series(first, dtype="datetime64[us, UTC]")


def _rolling_drift(rows: pd.DataFrame, sessions: pd.DatetimeIndex, window: int) -> pd.Series:
    tones = rows.dropna(subset=[TONE])
    filled = tones.loc[~tones["live"], TONE].to_numpy()
    if len(filled) < FEWEST:
        return pd.Series(np.nan, index=sessions)
    edges = np.unique(np.quantile(filled, np.linspace(0, 1, DECILES + 1)[1:-1]))
    live = tones[tones["live"]]
    bins = np.searchsorted(edges, live[TONE], side="right")
    counts = pd.crosstab(live["session"], bins).reindex(index=sessions, columns=range(len(edges) + 1), fill_value=0)
    recent = counts.rolling(window, min_periods=1).sum()
    expected = np.bincount(np.searchsorted(edges, filled, side="right"), minlength=len(edges) + 1)
    return recent.apply(lambda row: _stability(row.to_numpy(), expected), axis=1)


def _stability(seen: np.ndarray, expected: np.ndarray) -> float:
    return float("nan") if seen.sum() < FEWEST else float(stability_index(seen, expected))


def _returns(lake: Lake) -> pd.DataFrame:
    bars = latest_bars(lake.read(PRICES, columns=["security_id", "session", "revision_seen_at", "open", "close"]))
    return bars.assign(gain=bars["close"] / bars["open"] - 1)[["security_id", "session", "gain"]]


def _correlations(rows: pd.DataFrame, returns: pd.DataFrame) -> pd.Series:
    """Spearman's correlation by session, NaN for too few pairs or ranks that are all tied."""
    pairs = rows.merge(returns, on=["security_id", "session"]).dropna(subset=[TONE, "gain"])
    sessions = pairs["session"]
    ranks = pairs.groupby("session")[[TONE, "gain"]].rank()
    centred = ranks - ranks.groupby(sessions).transform("mean")
    products = pd.DataFrame(
        {"ab": centred[TONE] * centred["gain"], "aa": centred[TONE] ** 2, "bb": centred["gain"] ** 2}
    )
    sums = products.groupby(sessions).sum()
    enough = sessions.value_counts().reindex(sums.index) >= FEWEST_PAIRS
    return (sums["ab"] / np.sqrt(sums["aa"] * sums["bb"]).replace(0, np.nan)).where(enough)
