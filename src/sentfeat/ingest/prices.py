"""Daily bars: from what a price source delivered to what is kept, and what is turned away."""

import numpy as np
import pandas as pd

from sentfeat.ingest.bar_faults import PRICES as PRICE_COLUMNS
from sentfeat.ingest.bar_faults import find_faults
from sentfeat.ingest.documents import payload
from sentfeat.ingest.source import rejected_frame
from sentfeat.sessions import calendar
from sentfeat.tables import PRICES
from sentfeat.universe import Universe

VALUES = [*PRICE_COLUMNS, "volume", "price_basis"]
SCALE_MOVED = 1e-4  # relative; less is rounding
ROUNDING = 1e-5  # adjusted prices are stored rounded: a low may exceed an open by the last digit


def clean_bars(bars: pd.DataFrame, universe: Universe) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Usable bars with their security_id, and the rejected ones.

    Turned away: symbols outside the universe (one row each), bars before a listing or after its end, days on which the
    exchange was closed, repeated bars, prices that are missing, not positive, or outside the day's range, and bars that
    contradict their neighbours (bar_faults).
    """
    bars = bars.reset_index(drop=True)
    located = universe.locate(bars["ticker"], bars["session"])
    known = bars["ticker"].isin(universe.tickers)
    reasons = bars["fault"].copy() if "fault" in bars else _faults(bars[known])
    reasons = reasons.reindex(bars.index).astype(object)
    reasons[_impossible(bars)] = "impossible_prices"
    reasons[bars.duplicated(["ticker", "session"])] = "repeated_bar"
    reasons[~bars["session"].isin(calendar().sessions)] = "not_a_session"
    reasons[known & located.isna()] = "bar_outside_listing"
    rejected = pd.concat([_rejected(bars[known], reasons[known]), _strangers(bars[~known])], ignore_index=True)
    good = bars[known & reasons.isna()]
    ids = universe.frame["security_id"].loc[located[good.index].astype(int)]
    return good.assign(security_id=ids.to_numpy()), rejected


def new_revisions(bars: pd.DataFrame, held: pd.DataFrame, source: str, seen_at: pd.Timestamp) -> pd.DataFrame:
    """The bars that the lake does not hold in this form yet, as rows of tables.PRICES."""
    frame = bars.assign(revision_seen_at=seen_at, source=source)[PRICES.names]
    key = ["security_id", "session"]
    latest = held.sort_values("revision_seen_at").drop_duplicates(key, keep="last")
    merged = frame[key].merge(latest[key + VALUES], on=key, how="left")
    same = np.ones(len(frame), dtype=bool)
    for name in VALUES:
        old, new = merged[name].to_numpy(), frame[name].to_numpy()
        same &= (old == new) | (pd.isna(old) & pd.isna(new) & merged["open"].notna().to_numpy())
    return frame[~same]


def rescaled(bars: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    """The security_ids whose bars came back on another scale than the lake holds them on: a split or a dividend since
    then. All their history changes with it."""
    key = ["security_id", "session"]
    latest = held.sort_values("revision_seen_at").drop_duplicates(key, keep="last")
    both = bars[[*key, "close"]].merge(latest[[*key, "close"]], on=key, suffixes=("", "_held"))
    ratio = (both["close"] / both["close_held"]).groupby(both["security_id"]).agg(["median", "min", "max", "size"])
    moved = (ratio["median"] - 1).abs() > SCALE_MOVED
    alike = ratio["max"] - ratio["min"] < SCALE_MOVED * ratio["median"]
    return ratio.index[moved & alike & (ratio["size"] > 1)].tolist()


def _faults(bars: pd.DataFrame) -> pd.Series:
    ordered = bars.sort_values("session", kind="stable")
    found = [find_faults(one) for _, one in ordered.groupby("ticker", sort=False)]
    return pd.concat(found) if found else pd.Series(dtype=object)


def _impossible(bars: pd.DataFrame) -> pd.Series:
    prices = bars[PRICE_COLUMNS]
    slack = ROUNDING * bars["high"].abs()
    inside = (prices.max(axis=1) <= bars["high"] + slack) & (prices.min(axis=1) >= bars["low"] - slack)
    return prices.isna().any(axis=1) | (prices <= 0).any(axis=1) | ~inside


def _rejected(bars: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    bad = bars[reasons.notna()]
    return rejected_frame(
        {"reason": reason, "detail": f"{row['ticker']} {str(row['session'])[:10]}", "payload": payload(row)}
        for reason, row in zip(reasons.dropna(), bad.to_dict("records"), strict=True)
    )


def _strangers(bars: pd.DataFrame) -> pd.DataFrame:
    return rejected_frame(
        {
            "reason": "unknown_ticker",
            "detail": f"{ticker}: {len(group)} bars of a symbol outside the universe",
            "payload": payload({"ticker": ticker}),
        }
        for ticker, group in bars.groupby("ticker")
    )
