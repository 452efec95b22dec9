"""Live rows that differ from backfilled ones show; those that do not, do not."""

import numpy as np
import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.monitor import monitor
from sentfeat.publish import Shelf
from sentfeat.retention import plan_prune, prune
from sentfeat.sessions import Cutoff, sessions_between, tradable_at
from sentfeat.store import Lake
from sentfeat.tables import PRICES
from tests.published import publish, run_sentfeat

SESSIONS = sessions_between("2026-09-01", "2026-10-30")
BACKFILLED, SECURITIES = 20, 40


def lake_with(folder, shift: float) -> Lake:
    """Twenty sessions published a year later, the others an hour before their open with tones moved by `shift`;
    returns equal the tone where it is positive, so the rank correlation is known to be high."""
    rng, lake = np.random.default_rng(0), Lake(folder)
    shelf, bars = Shelf(lake, "m", Cutoff.PRE_OPEN), []
    for number, session in enumerate(SESSIONS):
        live = number >= BACKFILLED
        tone = np.clip(rng.normal(0.1 + (shift if live else 0), 0.3, SECURITIES), -1, 1)
        at = tradable_at(pd.DatetimeIndex([session]))[0] + (pd.Timedelta(hours=-1) if live else pd.Timedelta(days=365))
        publish(shelf, session, at, sent_mean=tone, coverage_ok=[number != 25] * SECURITIES)
        bars.append(pd.DataFrame({"session": session, "close": 100 * (1 + 0.01 * tone)}))
    frame = pd.concat(bars).assign(security_id=lambda rows: [f"id-T{n}" for n in rows.index], open=100.0)
    frame = frame.reindex(columns=PRICES.names).assign(
        revision_seen_at=pd.Timestamp("2026-11-01", tz="UTC"),
        high=200.0,
        low=1.0,
        price_basis="raw",
        source="s",
        adjusted_asof_date=None,
    )
    lake.append(PRICES, frame, "year=2026")
    return lake


def psi(seen: np.ndarray, expected: np.ndarray) -> float:
    """The stability index once more, by histogram over the expected deciles."""
    edges = np.quantile(expected, np.linspace(0, 1, 11))
    edges[0], edges[-1] = -np.inf, np.inf
    p, q = ((np.histogram(x, edges)[0] + 0.5) / (len(x) + 5) for x in (seen, expected))
    return float(np.sum((p - q) * np.log(p / q)))


@pytest.mark.parametrize(("shift", "drifted"), [(0.0, False), (0.3, True)])
def test_drift_is_the_stability_index_of_the_live_rows(tmp_path, shift, drifted):
    lake = lake_with(tmp_path / "lake", shift)
    table = monitor(lake, Cutoff.PRE_OPEN, window=15).set_index("session")
    rows = pd.read_parquet(tmp_path / "lake" / "features")
    live = rows[rows["session"].isin([day.date() for day in SESSIONS[-15:]])]["sent_mean"].to_numpy()
    filled = rows[rows["session"].isin([day.date() for day in SESSIONS[:BACKFILLED]])]["sent_mean"].to_numpy()
    assert table["drift"].iloc[-1] == pytest.approx(psi(live, filled), rel=1e-6)
    assert (table["drift"].iloc[-1] > 0.25) == drifted
    assert table["drift"].iloc[: BACKFILLED + 1].isna().all(), "too few live rows to say anything"


def test_live_rows_coverage_and_correlation_are_told_by_session(tmp_path):
    table = monitor(lake_with(tmp_path / "lake", 0.0), Cutoff.PRE_OPEN, window=10)
    assert table["live"].tolist() == [number >= BACKFILLED for number in range(len(SESSIONS))]
    assert table.loc[table["covered"] < 1, "session"].tolist() == [SESSIONS[25]]
    assert table["ic"].min() > 0.999, "prices follow the tone exactly"
    assert (table["rows"] == SECURITIES).all()


def test_live_rows_stay_live_when_their_first_version_was_replaced_and_pruned(tmp_path):
    lake = Lake(tmp_path / "lake")
    shelf, session = Shelf(lake, "m", Cutoff.PRE_OPEN), pd.Timestamp("2023-11-14")
    opens = tradable_at(pd.DatetimeIndex([session]))[0]
    for days, tone in ((-0.01, 0.1), (30, 0.2), (60, 0.3)):
        publish(shelf, session, opens + pd.Timedelta(days=days), sent_mean=[tone, None])
    prune(lake, plan_prune(lake, opens + pd.Timedelta(days=90)))
    assert not lake.files("superseded", "")
    assert monitor(lake, Cutoff.PRE_OPEN, window=10)["live"].tolist() == [True]


def test_a_model_or_cutoff_without_rows_is_refused(tmp_path):
    lake = Lake(tmp_path / "lake")
    publish(Shelf(lake, "m", Cutoff.PRE_OPEN), SESSIONS[0], pd.Timestamp("2027-01-01", tz="UTC"))
    with pytest.raises(DataError, match="no session of model 'm' at evening"):
        monitor(lake, Cutoff.EVENING, window=10)
    with pytest.raises(DataError, match="no session of model 'n' at pre_open"):
        monitor(lake, Cutoff.PRE_OPEN, window=10, model="n")


def test_without_prices_or_live_rows_there_is_no_number_and_no_error(tmp_path):
    lake = Lake(tmp_path / "lake")
    publish(Shelf(lake, "m", Cutoff.PRE_OPEN), SESSIONS[0], pd.Timestamp("2027-01-01", tz="UTC"), sent_mean=[0.1, None])
    table = monitor(lake, Cutoff.PRE_OPEN, window=10)
    assert table[["drift", "ic"]].isna().all(axis=None)
    told = run_sentfeat("monitor", "--lake", lake.root)
    assert told.exit_code == 0, told.stderr
    assert "2026-09-01" in told.stdout
