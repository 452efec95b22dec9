"""Tables at the door: ours, or a vendor's with a session, a ticker and columns of numbers."""

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_integer_dtype, is_numeric_dtype

from sentfeat.backtest.arms import DESCRIPTION
from sentfeat.backtest.baseline import BASELINE_COLUMNS, FIELDS
from sentfeat.errors import DataError

KEY_NAMES = ("security_id", "ticker")
WORKING_NAMES = ("outcome", "open_to_close", "turnover", "target", "basis_is_raw", *BASELINE_COLUMNS)
RENAMED = "given_{}"


def accept(features: pd.DataFrame, prices: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Both tables with session (naive midnight) and security_id (text), and notes on what was made of them.

    features: `session`, `security_id` or `ticker`, and numeric columns (all of them are features but those in
    arms.DESCRIPTION); other columns are left out with a note. prices: `session`, the same key, open, high, low, close,
    volume, and perhaps price_basis (without it, not raw) and revision_seen_at (the newest is taken). A session may be
    a date, text such as 2024-03-01, or a number such as 20240301. Raises DataError for missing columns, sessions that
    are no dates, and tables that share no security.
    """
    _require(features, ("session",), "features")
    _require(prices, ("session", *FIELDS), "prices")
    key = next((name for name in KEY_NAMES if name in features and name in prices), None)
    if key is None:
        raise DataError(
            "features and prices share neither security_id nor ticker; give both tables the same one. "
            f"features: {list(features.columns)[:12]}, prices: {list(prices.columns)[:12]}"
        )
    given, bars = _keyed(features, key, "features"), _keyed(prices, key, "prices")
    _require_common(given["security_id"], bars["security_id"], key)
    if "revision_seen_at" in bars:
        bars = bars.sort_values("revision_seen_at", kind="stable").drop_duplicates(
            ["security_id", "session"], keep="last"
        )
    if "price_basis" not in bars:
        bars = bars.assign(price_basis="not stated")
    rows, notes = _numeric(given)
    return rows, bars, notes


def _require(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(f"{what}: columns {missing} are missing; got {list(frame.columns)}")


def _require_common(features: pd.Series, prices: pd.Series, key: str) -> None:
    asked, priced = features.unique(), prices.unique()
    if len(asked) and len(priced) and set(asked).isdisjoint(priced):
        raise DataError(
            f"features and prices have no {key} in common: {list(asked[:3])} here, {list(priced[:3])} there; "
            "spell them the same way in both tables"
        )


def _keyed(frame: pd.DataFrame, key: str, what: str) -> pd.DataFrame:
    try:
        session = _dates(frame["session"])
    except (ValueError, TypeError) as error:
        raise DataError(f"{what}: the column session holds something that is no date: {error}") from error
    if session.dt.tz is not None or not (session == session.dt.normalize()).all():
        raise DataError(f"{what}: the column session must hold dates without a clock, as 2024-03-01; convert it first")
    if frame[key].isna().any() or session.isna().any():
        raise DataError(f"{what}: {key} or session is empty in some rows; drop or fill them")
    keyed = frame.assign(session=session.astype("datetime64[us]"), security_id=frame[key].astype(str))
    return keyed.reset_index(drop=True)  # it may repeat, as after pd.concat


def _dates(session: pd.Series) -> pd.Series:
    if is_integer_dtype(session):
        return pd.to_datetime(session.astype("string"), format="%Y%m%d")
    return pd.to_datetime(session)


def _numeric(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows with their description and the columns of numbers; infinite values become null."""
    given = [name for name in rows.columns if name not in DESCRIPTION]
    decimals = [name for name in given if rows[name].dtype == object and infer_dtype(rows[name]) == "decimal"]
    rows = rows.astype(dict.fromkeys(decimals, float))
    numbers = [name for name in given if is_numeric_dtype(rows[name]) or is_bool_dtype(rows[name])]
    others = [str(name) for name in given if name not in numbers]
    notes = [f"Columns that are no numbers, left out: {', '.join(others)}."] if others else []
    kept = rows[[name for name in rows.columns if name in DESCRIPTION or name in numbers]]
    taken = {name: RENAMED.format(name) for name in numbers if name in WORKING_NAMES}
    if taken:
        notes.append(f"Renamed, since the baseline has columns of that name: {', '.join(taken)}.")
    kept = kept.rename(columns={**{name: str(name) for name in numbers}, **taken})
    floats = kept.select_dtypes("floating").columns
    return kept.assign(**{name: kept[name].replace([np.inf, -np.inf], np.nan) for name in floats}).copy(), tuple(notes)
