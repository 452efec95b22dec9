"""The one row set that all arms are fitted on: targets, columns, and a ledger of what was left out and why."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import LATENT_TONE, OTHER, PRICE, TEXT_BLOCKS, TONE, text_columns
from sentfeat.backtest.baseline import LEVEL_COLUMNS, NEEDED, Wide, price_features, wide_bars
from sentfeat.backtest.groups import Group, row_groups
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError
from sentfeat.sessions import sessions_between

CLIP = 4.0
KEYS = ["session", "security_id"]


@dataclass(frozen=True)
class Panel:
    """All rows as arrays over (T sessions, N securities); `present` says which cells are rows.

    `target` is ln(close / open) from the row's open to the close `horizon` - 1 sessions later (y1: its own), demeaned
    within the session, divided by the session's standard deviation, clipped at +-4; 0 where there is no row. `returns`
    is close / open - 1, unclipped, for profit and loss. `values` (T, N, P) holds the columns, NaN for null.
    `liquidity` is the mean daily turnover of the month before in currency, NaN unless prices are raw.
    """

    sessions: pd.DatetimeIndex
    securities: pd.Index
    tickers: pd.Series  # by security_id
    present: np.ndarray
    target: np.ndarray
    returns: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...]
    block_of: tuple[str, ...]
    groups: dict[str, Group]
    liquidity: np.ndarray
    ledger: pd.DataFrame  # step, rows
    notes: tuple[str, ...]
    horizon: int = 1

    @property
    def latent(self) -> int:
        """The column that stands for tone where one is needed."""
        if LATENT_TONE in self.columns:
            return self.columns.index(LATENT_TONE)
        named = [b for b in (TONE, OTHER, *TEXT_BLOCKS) if b in self.block_of]
        return self.block_of.index(named[0])

    @property
    def account(self) -> str:
        """What became of the rows, in one line."""
        return ", ".join(f"{step}: {rows:,}" for step, rows in self.ledger.itertuples(index=False) if rows)

    @property
    def covered(self) -> np.ndarray:
        """(T, N): rows with tone."""
        return np.isfinite(self.values[..., self.latent])

    def columns_in(self, blocks: tuple[str, ...]) -> np.ndarray:
        """Positions of the columns of these blocks."""
        return np.flatnonzero(np.isin(self.block_of, blocks))


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


def build_panel(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings, horizon: int = 1) -> Panel:
    """Join feature rows with bars, leave out what cannot be tested, and compute target and baseline.

    Both tables are as intake.accept gives them. Text columns that are null in every row are left out with a note; other
    nulls stay null. Raises DataError for repeated keys.
    """
    ledger = Ledger(len(features))
    rows = eligible(features, settings, ledger)
    prices = prices[prices["security_id"].isin(rows["security_id"].unique())]
    rows, baseline = _with_prices(rows, prices, horizon, ledger)
    rows = _with_target(rows, settings, ledger)
    text = {name: block for name, block in text_columns(features.columns).items() if rows[name].notna().any()}
    groups = row_groups(rows)
    for name in baseline:
        rows[name] = within_session(rows[name], rows["session"])
    notes = _notes(features, baseline, text)
    return _as_arrays(rows, dict.fromkeys(baseline, PRICE) | text, groups, (ledger.frame(len(rows)), notes, horizon))


def within_session(values: pd.Series, session: pd.Series) -> pd.Series:
    """Values less the session's mean, over its standard deviation (n - 1), clipped at +-4.

    Null stays null; a session without dispersion is null. Own-session scaling uses nothing that is not known at the
    cut-off (for a target: at the close), and keeps single days and single names from carrying a linear fit.
    """
    groups = values.groupby(session)
    spread = groups.transform("std")
    return ((values - groups.transform("mean")) / spread.where(spread > 0)).clip(-CLIP, CLIP)


def eligible(features: pd.DataFrame, settings: BacktestSettings, ledger: Ledger | None = None) -> pd.DataFrame:
    """Rows of the tested cut-off, on an exchange session, whose sources were read, in the order of the key."""
    ledger = ledger or Ledger(len(features))
    rows = features.sort_values(KEYS, kind="stable")
    if "cutoff" in rows:
        rows = ledger.keep(rows, rows["cutoff"] == str(settings.cutoff), "other cut-off")
    if len(rows):
        days = sessions_between(rows["session"].min(), rows["session"].max())
        rows = ledger.keep(rows, rows["session"].isin(days), "no exchange session on that day")
    if "coverage_ok" in rows:
        covered = rows["coverage_ok"].astype("boolean").fillna(False)
        rows = ledger.keep(rows, covered, "a required source was not read (blind is not the same as no news)")
    if rows.duplicated(KEYS).any():
        raise DataError("features: more than one row for a security and session; pass one cut-off and one model")
    return rows


def _with_prices(
    rows: pd.DataFrame, prices: pd.DataFrame, horizon: int, ledger: Ledger
) -> tuple[pd.DataFrame, list[str]]:
    """Rows with outcome (log), open_to_close (log), turnover and the baseline columns, and the names of the latter."""
    if rows.empty or prices.empty:
        empty = dict.fromkeys(("outcome", "open_to_close", "turnover", *NEEDED), np.nan)
        return ledger.keep(rows, np.zeros(len(rows)), "no bar").assign(**empty), []
    days, securities = _axes(rows, prices)
    bars = wide_bars(prices, days, securities)
    raw = bool((prices["price_basis"] == "raw").all())
    baseline = price_features(bars, raw_basis=raw)
    at = days.get_indexer(rows["session"]), securities.get_indexer(rows["security_id"])
    frames = baseline | _outcomes(bars, horizon)
    rows = rows.assign(**{name: frame.to_numpy()[at] for name, frame in frames.items()})
    rows = ledger.keep(rows, rows["open_to_close"].notna(), "no bar with an open and a close in the session")
    if horizon > 1:
        rows = ledger.keep(rows, rows["outcome"].notna(), f"no close {horizon - 1} sessions later")
    rows = ledger.keep(rows, rows[list(NEEDED)].notna().all(axis=1), "fewer than 22 bars before the session")
    return rows.assign(basis_is_raw=raw), [name for name in baseline if rows[name].notna().any()]


def _axes(rows: pd.DataFrame, prices: pd.DataFrame) -> tuple[pd.DatetimeIndex, pd.Index]:
    first = min(rows["session"].min(), prices["session"].min())
    last = max(rows["session"].max(), prices["session"].max())
    return sessions_between(first, last), pd.Index(sorted(rows["security_id"].unique()))


def _outcomes(bars: Wide, horizon: int) -> Wide:
    """What is forecast and counted as money, and the turnover of the month before (for grouping and capacity)."""
    turnover = (bars["close"] * bars["volume"]).rolling(21, min_periods=5).mean().shift(1)
    return {
        "outcome": np.log(bars["close"].shift(1 - horizon) / bars["open"]),
        "open_to_close": np.log(bars["close"] / bars["open"]),
        "turnover": turnover,
    }


def _with_target(rows: pd.DataFrame, settings: BacktestSettings, ledger: Ledger) -> pd.DataFrame:
    breadth = rows.groupby("session")["outcome"].transform("size")
    reason = f"fewer than {settings.min_securities} securities in the session"
    rows = ledger.keep(rows, breadth >= settings.min_securities, reason)
    target = within_session(rows["outcome"], rows["session"])
    return ledger.keep(rows.assign(target=target), target.notna(), "no dispersion of returns in the session")


def _notes(features: pd.DataFrame, baseline: list[str], text: dict[str, str]) -> tuple[str, ...]:
    notes = []
    if not set(LEVEL_COLUMNS) & set(baseline):
        notes.append(
            f"Prices are not all raw: the level columns {', '.join(LEVEL_COLUMNS)} are left out of the baseline, and "
            "turnover serves for grouping only."
        )
    empty = [name for name in text_columns(features.columns) if name not in text]
    if empty:
        notes.append(f"Text columns without a single value in the rows kept, left out: {', '.join(empty)}.")
    return tuple(notes)


def _as_arrays(rows: pd.DataFrame, blocks: dict[str, str], groups: dict[str, pd.Series], rest: tuple) -> Panel:
    sessions = pd.DatetimeIndex(sorted(rows["session"].unique()))
    securities = pd.Index(sorted(rows["security_id"].unique()))
    at = sessions.get_indexer(rows["session"]), securities.get_indexer(rows["security_id"])
    shape = len(sessions), len(securities)

    def spread(values: np.ndarray, empty: float) -> np.ndarray:
        grid = np.full(shape + values.shape[1:], empty)
        grid[at] = values
        return grid

    values = rows[list(blocks)].astype("float64").to_numpy(na_value=np.nan)
    raw = bool(rows["basis_is_raw"].all()) if "basis_is_raw" in rows else False
    names = rows["ticker"] if "ticker" in rows else rows["security_id"]
    ledger, notes, horizon = rest
    return Panel(
        sessions=sessions,
        securities=securities,
        tickers=names.astype(str).groupby(rows["security_id"]).last(),
        present=spread(np.ones(len(rows)), 0.0).astype(bool),
        target=spread(rows["target"].to_numpy(), 0.0),
        returns=spread(np.expm1(rows["open_to_close"].to_numpy()), np.nan),
        values=spread(values, np.nan),
        columns=tuple(blocks),
        block_of=tuple(blocks.values()),
        groups={name: Group.of(codes, lambda c: spread(c, -1.0)) for name, codes in groups.items()},
        liquidity=spread(rows["turnover"].to_numpy(), np.nan) if raw else np.full(shape, np.nan),
        ledger=ledger,
        notes=notes,
        horizon=horizon,
    )
