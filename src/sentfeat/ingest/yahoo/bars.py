"""Daily bars from Yahoo, as they were traded or adjusted: which of the two is always said.

What Yahoo calls unadjusted is adjusted for splits; for the traded prices the splits are undone. Its adjusted closes
come and go and are computed from dividends that are often wrong, so both are asked for and compared (bar_faults).
"""

import pandas as pd

from sentfeat.config import YahooPrices
from sentfeat.errors import SourceError
from sentfeat.ingest.bar_faults import PRICE_FAULTS, PRICES, find_faults
from sentfeat.ingest.documents import payload
from sentfeat.ingest.source import Harvest, rejected_frame
from sentfeat.ingest.yahoo.asking import TooFast, ask
from sentfeat.sessions import utc_now

COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adjusted_close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split",
}


class YahooBars:
    """Daily bars of each ticker; see config.YahooPrices. One without an answer is a rejected row, not a silent gap."""

    live = True

    def __init__(self, settings: YahooPrices) -> None:
        self.name, self._basis = settings.name, settings.basis

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        """See PriceSource. Raises SourceError if nothing came."""
        tickers = sorted(universe.loc[universe["valid_to"] >= last, "ticker"].unique())
        frames, missing = [], []
        for number, ticker in enumerate(tickers):
            try:
                frames.append(self._history(ticker, first, last))
            except TooFast as error:
                missing += [_missing(t, first, last, str(error)) for t in tickers[number:]]
                break
            except SourceError as error:
                missing.append(_missing(ticker, first, last, str(error)))
        if not frames:
            first_problem = missing[0]["detail"] if missing else "the universe lists nobody"
            raise SourceError(f"source {self.name}: no bars for any of {len(tickers)} tickers; {first_problem}")
        problem = f"{len(missing)} of {len(tickers)} tickers gave no bars" if missing else None
        return Harvest(pd.concat(frames, ignore_index=True), None, rejected_frame(missing), problem)

    def _history(self, ticker: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """Bars of one ticker from `first` to `last`. Raises SourceError, also for an empty answer.

        They are read up to now: Yahoo's prices of any day are adjusted for the splits since.
        """
        raw = ask("bars", lambda yahoo: yahoo.history(start=first, auto_adjust=False, actions=True), ticker)
        if raw.empty:
            raise SourceError(f"bars of {ticker}: Yahoo answered with an empty table")
        absent = [name for name in COLUMNS if name not in raw]
        if absent:
            raise SourceError(f"bars of {ticker}: {', '.join(absent)} did not come")
        frame = raw.rename(columns=COLUMNS)[list(COLUMNS.values())].reset_index(names="session")
        frame["session"] = pd.to_datetime(frame["session"]).dt.tz_localize(None).dt.normalize()
        faults = find_faults(frame)
        if self._basis == "raw":  # what is wrong with dividends alone leaves traded prices as they are
            faults = faults.where(faults.isin(PRICE_FAULTS), None)
        frame = on_basis(frame, self._basis).assign(ticker=ticker, fault=faults)
        return frame[frame["session"] <= last]


def on_basis(bars: pd.DataFrame, basis: str) -> pd.DataFrame:
    """One ticker's bars by session as `raw`, splits undone, or `adjusted_asof` today for splits and dividends."""
    if basis == "adjusted_asof":
        factor = (bars["adjusted_close"] / bars["close"]).to_numpy()[:, None]
        return bars.assign(
            **pd.DataFrame(bars[PRICES] * factor, columns=PRICES),
            price_basis=basis,
            adjusted_asof_date=utc_now().date(),
        )
    splits = bars["split"].where(bars["split"] > 0, 1.0)
    later = splits[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)  # new shares that one of that day has become
    traded = {name: bars[name] * later for name in PRICES}
    return bars.assign(**traded, volume=bars["volume"] / later, price_basis=basis, adjusted_asof_date=None)


def _missing(ticker: str, first: pd.Timestamp, last: pd.Timestamp, why: str) -> dict[str, str]:
    return {"reason": "no_bars", "detail": why, "payload": payload({"ticker": ticker, "from": first, "to": last})}
