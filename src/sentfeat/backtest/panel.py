"""The one row set that all arms are fitted on: targets, columns, and a ledger of what was left out and why."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import LATENT_TONE, PRICE, text_columns
from sentfeat.backtest.baseline import LEVEL_COLUMNS, NEEDED, price_features, wide_bars
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError
from sentfeat.sessions import sessions_between

HORIZON = 1  # sessions that a label spans: its own, from open to close
CLIP = 4.0
FEATURE_KEYS = ("session", "security_id")
PRICE_NEEDS = ("security_id", "session", "open", "high", "low", "close", "volume", "price_basis")


@dataclass(frozen=True)
class Panel:
    """All rows as arrays over (T sessions, N securities); `present` says which cells are rows.

    `target` is y1: ln(close / open) of the row's session, demeaned within the session, divided by the session's
    standard deviation, clipped at +-4; 0 where there is no row. `returns` is close / open - 1, unclipped, for profit
    and loss. `values` (T, N, P) holds the columns, NaN for null. `covered` marks rows with tone.
    """

    sessions: pd.DatetimeIndex
    securities: pd.Index
    tickers: pd.Series  # by security_id
    present: np.ndarray
    covered: np.ndarray
    target: np.ndarray
    returns: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    block_of: tuple[str, ...]
    ledger: pd.DataFrame  # step, rows
    notes: tuple[str, ...]


class Ledger:
    """Counts of rows, one line per reason for leaving some out."""

    def __init__(self, given: int) -> None:
        self._lines: list[tuple[str, int]] = [("rows given", given)]

    def keep(self, rows: pd.DataFrame, good: pd.Series | np.ndarray, reason: str) -> pd.DataFrame:
        """The rows that are good; the others are counted under `reason`."""
        kept = rows[np.asarray(good, dtype=bool)]
        self._lines.append((reason, len(kept) - len(rows)))
        return kept

    def frame(self, kept: int) -> pd.DataFrame:
        return pd.DataFrame([*self._lines, ("rows kept", kept)], columns=["step", "rows"])


def build_panel(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings) -> Panel:
    """Join feature rows with bars, leave out what cannot be tested, and compute target and baseline.

    `features` follows tables.FEATURES (only `session` and `security_id` must be there), `prices` has one bar per
    security and session. Text columns that are null in every row are left out with a note; other nulls stay null.
    Raises DataError for missing columns or repeated keys.
    """
    _require(features, FEATURE_KEYS, "features")
    _require(prices, PRICE_NEEDS, "prices")
    ledger = Ledger(len(features))
    rows = eligible(features, settings, ledger)
    prices = prices[prices["security_id"].astype(str).isin(rows["security_id"].unique())]
    rows, baseline = _with_prices(rows, prices, ledger)
    rows = _with_target(rows, settings, ledger)
    text = {name: block for name, block in text_columns(list(rows.columns)).items() if rows[name].notna().any()}
    for name in baseline:
        rows[name] = within_session(rows[name], rows["session"])
    blocks = dict.fromkeys(baseline, PRICE) | text
    return _as_arrays(rows, blocks, ledger.frame(len(rows)), _notes(features, baseline, text))


def within_session(values: pd.Series, session: pd.Series) -> pd.Series:
    """Values less the session's mean, over its standard deviation (n - 1), clipped at +-4.

    Null stays null; a session without dispersion is null. Own-session scaling uses nothing that is not known at the
    cut-off (for a target: at the close), and keeps single days and single names from carrying a linear fit.
    """
    groups = values.groupby(session)
    spread = groups.transform("std")
    return ((values - groups.transform("mean")) / spread.where(spread > 0)).clip(-CLIP, CLIP)


def _require(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(f"{what}: columns {missing} are missing; got {list(frame.columns)}")


def eligible(features: pd.DataFrame, settings: BacktestSettings, ledger: Ledger | None = None) -> pd.DataFrame:
    """Rows of the tested cut-off, on an exchange session, whose sources were read, in the order of the key."""
    ledger = ledger or Ledger(len(features))
    rows = features.assign(
        session=pd.to_datetime(features["session"]), security_id=features["security_id"].astype(str)
    ).sort_values(list(FEATURE_KEYS), kind="stable")
    if "cutoff" in rows:
        rows = ledger.keep(rows, rows["cutoff"] == str(settings.cutoff), "other cut-off")
    if len(rows):
        days = sessions_between(rows["session"].min(), rows["session"].max())
        rows = ledger.keep(rows, rows["session"].isin(days), "no exchange session on that day")
    if "coverage_ok" in rows:
        covered = rows["coverage_ok"].astype("boolean").fillna(False)
        rows = ledger.keep(rows, covered, "a required source was not read (blind is not the same as no news)")
    if rows.duplicated(list(FEATURE_KEYS)).any():
        raise DataError("features: more than one row for a security and session; pass one cut-off and one model")
    return rows


def _with_prices(rows: pd.DataFrame, prices: pd.DataFrame, ledger: Ledger) -> tuple[pd.DataFrame, list[str]]:
    """Rows with `open_to_close` (log) and the baseline columns, and the names of the latter."""
    if rows.empty or prices.empty:
        return ledger.keep(rows, np.zeros(len(rows)), "no bar").assign(open_to_close=np.nan), []
    first = min(rows["session"].min(), pd.to_datetime(prices["session"]).min())
    days = sessions_between(first, rows["session"].max())
    securities = pd.Index(sorted(rows["security_id"].unique()))
    bars = wide_bars(prices, days, securities)
    baseline = price_features(bars, raw_basis=bool((prices["price_basis"] == "raw").all()))
    at = days.get_indexer(rows["session"]), securities.get_indexer(rows["security_id"])
    picked = {name: frame.to_numpy()[at] for name, frame in baseline.items()}
    log_return = np.log(bars["close"] / bars["open"]).to_numpy()[at]
    rows = rows.assign(open_to_close=log_return, **picked)
    rows = ledger.keep(rows, rows["open_to_close"].notna(), "no bar with an open and a close in the session")
    rows = ledger.keep(rows, rows[list(NEEDED)].notna().all(axis=1), "fewer than 22 bars before the session")
    return rows, [name for name in baseline if rows[name].notna().any()]


def _with_target(rows: pd.DataFrame, settings: BacktestSettings, ledger: Ledger) -> pd.DataFrame:
    breadth = rows.groupby("session")["open_to_close"].transform("size")
    reason = f"fewer than {settings.min_securities} securities in the session"
    rows = ledger.keep(rows, breadth >= settings.min_securities, reason)
    target = within_session(rows["open_to_close"], rows["session"])
    return ledger.keep(rows.assign(target=target), target.notna(), "no dispersion of returns in the session")


def _notes(features: pd.DataFrame, baseline: list[str], text: dict[str, str]) -> tuple[str, ...]:
    notes = []
    if not set(LEVEL_COLUMNS) & set(baseline):
        notes.append(
            f"Prices are not all raw: the level columns {', '.join(LEVEL_COLUMNS)} are left out of the baseline."
        )
    empty = [name for name in text_columns(list(features.columns)) if name not in text]
    if empty:
        notes.append(f"Text columns without a single value in the rows kept, left out: {', '.join(empty)}.")
    return tuple(notes)


def _as_arrays(rows: pd.DataFrame, blocks: dict[str, str], ledger: pd.DataFrame, notes: tuple[str, ...]) -> Panel:
    sessions = pd.DatetimeIndex(sorted(rows["session"].unique()))
    securities = pd.Index(sorted(rows["security_id"].unique()))
    at = sessions.get_indexer(rows["session"]), securities.get_indexer(rows["security_id"])
    shape = len(sessions), len(securities)

    def spread(values: np.ndarray, empty: float) -> np.ndarray:
        grid = np.full(shape + values.shape[1:], empty)
        grid[at] = values
        return grid

    values = spread(rows[list(blocks)].astype("float64").to_numpy(na_value=np.nan), np.nan)
    tone = rows[LATENT_TONE].notna() if LATENT_TONE in blocks else pd.Series(False, index=rows.index)
    names = rows["ticker"] if "ticker" in rows else rows["security_id"]
    return Panel(
        sessions=sessions,
        securities=securities,
        tickers=names.astype(str).groupby(rows["security_id"]).last(),
        present=spread(np.ones(len(rows)), 0.0).astype(bool),
        covered=spread(tone.to_numpy(dtype=float), 0.0).astype(bool),
        target=spread(rows["target"].to_numpy(), 0.0),
        returns=spread(np.expm1(rows["open_to_close"].to_numpy()), np.nan),
        values=values,
        columns=tuple(blocks),
        block_of=tuple(blocks.values()),
        ledger=ledger,
        notes=notes,
    )
