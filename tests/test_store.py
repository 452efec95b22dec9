"""Files appear whole, segments are written once, published sessions keep their history."""

import signal
import subprocess
import sys

import httpx
import numpy as np
import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.errors import ConfigError, DataError, LakeError, SessionError
from sentfeat.publish import Outcome, Shelf, announce
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import FEATURES, QUARANTINE
from tests.s3 import BUCKET, lake_on

SESSION = pd.Timestamp("2026-11-19")


def quarantine(*hashes: str) -> pd.DataFrame:
    at = pd.Timestamp("2026-11-20 03:00", tz="UTC")
    return pd.DataFrame(
        {"row_hash": hashes, "source": "s", "reason": "undated", "detail": "d", "payload": "{}", "seen_at": at}
    )


def features(n_news: int = 1, tickers: tuple[str, ...] = ("AA", "BB")) -> pd.DataFrame:
    frame = pd.DataFrame({"ticker": tickers}).reindex(columns=FEATURES.names)
    return frame.assign(
        security_id=[f"id-{ticker}" for ticker in tickers],
        session=SESSION,
        cutoff="pre_open",
        known_at=pd.Timestamp("2026-11-19 14:15", tz="UTC"),
        tradable_at=pd.Timestamp("2026-11-19 14:30", tz="UTC"),
        coverage_ok=True,
        sources_ok_share=1.0,
        has_news=n_news > 0,
        n_news=n_news,
    )


def provenance(at: str, input_hash: str = "x") -> dict[str, str]:
    return {"input_hash": input_hash, "published_at": pd.Timestamp(at, tz="UTC").isoformat()}


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def test_the_same_rows_are_one_segment(lake):
    first = lake.append(QUARANTINE, quarantine("a", "b"), "date=2026-11-20")
    again = lake.append(QUARANTINE, quarantine("b", "a"), "date=2026-11-20")
    assert first == again
    assert lake.append(QUARANTINE, quarantine(), "date=2026-11-20") is None
    assert lake.read(QUARANTINE)["row_hash"].tolist() == ["a", "b"]


def test_nothing_but_whole_parquet_files_lies_in_a_dataset(lake, tmp_path):
    lake.append(QUARANTINE, quarantine("a"), "date=2026-11-20")
    files = [path for path in (tmp_path / "lake" / "quarantine").rglob("*") if path.is_file()]
    assert [path.suffix for path in files] == [".parquet"]
    assert not list((tmp_path / "lake" / ".staging").iterdir())


def test_a_corrupt_file_is_named_and_not_read_around(lake, tmp_path):
    lake.append(QUARANTINE, quarantine("a"), "date=2026-11-20")
    bad = tmp_path / "lake" / "quarantine" / "date=2026-11-21" / "bad.parquet"
    bad.parent.mkdir()
    bad.write_bytes(b"PAR1 this is no parquet")
    with pytest.raises(DataError, match=r"bad\.parquet is not a readable Parquet file"):
        read_table("quarantine", lake=lake)


def test_publishing_again_changes_nothing_and_differing_rows_keep_the_old(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    assert shelf.publish(SESSION, features(1), provenance("2026-11-19 14:20")) == Outcome.NEW
    assert shelf.publish(SESSION, features(1), provenance("2026-11-20 10:00", "y")) == Outcome.SAME
    assert shelf.publish(SESSION, features(2), provenance("2026-11-21 10:00", "z")) == Outcome.REPLACED

    def n_news(as_of=None) -> list[int]:
        return read_features(lake=lake, as_of=as_of)["n_news"].tolist()

    assert n_news() == [2, 2]
    assert n_news("2026-11-20 12:00") == [1, 1]
    assert n_news("2026-11-19 14:21") == [1, 1]
    assert n_news("2026-11-19 14:00") == []
    assert n_news("2026-11-21 10:00") == [2, 2]


def test_a_session_is_done_only_with_the_same_inputs_and_an_intact_file(lake, tmp_path):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    assert not shelf.is_done(SESSION, "x")
    shelf.publish(SESSION, features(), provenance("2026-11-19 14:20"))
    assert shelf.is_done(SESSION, "x")
    assert not shelf.is_done(SESSION, "other")
    path = tmp_path / "lake" / shelf.data_path(SESSION)
    path.write_bytes(path.read_bytes()[:-10])
    assert not shelf.is_done(SESSION, "x")
    assert shelf.publish(SESSION, features(), provenance("2026-11-19 15:00")) == Outcome.SAME
    assert shelf.is_done(SESSION, "x")


def test_reading_refuses_what_is_not_there(lake):
    with pytest.raises(DataError, match="holds no features yet"):
        read_features(lake=lake)
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    shelf.publish(SESSION, features(), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    with pytest.raises(DataError, match="no rows for ZZ.*2 tickers: AA, BB"):
        read_features(tickers=["AA", "ZZ"], lake=lake)
    with pytest.raises(ConfigError, match="cutoff must be evening or pre_open, got 'noon'"):
        read_features(cutoff="noon", lake=lake)
    with pytest.raises(ConfigError, match="no table 'feature'"):
        read_table("feature", lake=lake)
    assert read_features("2026-11-20", lake=lake).empty


@pytest.mark.parametrize("before_manifest", [True, False])
def test_killed_while_a_session_is_replaced_readers_see_the_version_before(lake, monkeypatch, before_manifest):
    """Killed before the new file is written, or before its manifest is."""
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    shelf.publish(SESSION, features(1), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    put, fatal = Lake.put, shelf.manifest_path(SESSION) if before_manifest else shelf.data_path(SESSION)

    def deadly(lake, path, data):
        if path == fatal:
            raise KeyboardInterrupt
        put(lake, path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put", deadly)
        with pytest.raises(KeyboardInterrupt):
            shelf.publish(SESSION, features(9), provenance("2026-11-20 10:00", "y"))
    for as_of in (None, "2026-11-19 14:21", "2026-11-20 12:00"):
        assert read_features(lake=lake, as_of=as_of)["n_news"].tolist() == [1, 1]
    assert not shelf.is_done(SESSION, "y")
    assert shelf.publish(SESSION, features(9), provenance("2026-11-21 10:00", "y")) == Outcome.REPLACED
    assert read_features(lake=lake)["n_news"].tolist() == [9, 9]
    assert read_features(lake=lake, as_of="2026-11-20 12:00")["n_news"].tolist() == [1, 1]
    assert shelf.manifest(SESSION)["first_published_at"] == "2026-11-19T14:20:00+00:00"


def test_a_new_session_is_not_there_before_its_manifest(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    later = SESSION + pd.Timedelta(days=1)
    for session in (SESSION, later):
        shelf.publish(session, features().assign(session=session), provenance("2026-11-20 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, later)
    lake.delete(shelf.manifest_path(later))
    assert read_features(lake=lake)["session"].unique().tolist() == [SESSION]
    assert shelf.sessions().tolist() == [SESSION]


def test_a_version_that_was_damaged_before_it_was_replaced_is_said_to_be_lost(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    shelf.publish(SESSION, features(1), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    lake.put(shelf.data_path(SESSION), b"damaged")
    shelf.publish(SESSION, features(2), provenance("2026-11-20 10:00", "y"))
    assert read_features(lake=lake)["n_news"].tolist() == [2, 2]
    with pytest.raises(DataError, match="2026-11-19 at pre_open: the version published at 2026-11-19T14:20.* is lost"):
        read_features(lake=lake, as_of="2026-11-19 15:00")
    assert read_features("2026-11-20", lake=lake, as_of="2026-11-19 15:00").empty, "a session that is not asked for"


def test_one_ticker_or_any_collection_of_them_can_be_asked_for(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    shelf.publish(SESSION, features(tickers=("A", "AL", "L")), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    assert read_features(tickers="AL", lake=lake)["ticker"].tolist() == ["AL"]
    two = ["L", "A"]
    for wanted in (two, tuple(two), set(two), np.array(two), pd.Series(two), pd.Index(two), iter(two)):
        assert read_features(tickers=wanted, lake=lake)["ticker"].tolist() == ["A", "L"]
    assert read_features(tickers=[], lake=lake).empty


def test_a_model_or_cutoff_that_was_never_published_is_named_with_those_that_were(lake):
    Shelf(lake, "m", Cutoff.PRE_OPEN).publish(SESSION, features(), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    with pytest.raises(DataError, match=r"no session of model 'n' at pre_open in .*; there are m \(pre_open\)"):
        read_features(model="n", lake=lake)
    with pytest.raises(DataError, match="no session of model 'm' at evening"):
        read_features(cutoff="evening", lake=lake)
    with pytest.raises(DataError, match="no session of model 'm' at evening"):
        read_features(cutoff="evening", as_of="2026-11-21", lake=lake)


@pytest.mark.parametrize("days", [{"start": "2026-13-01"}, {"end": "soon"}])
def test_a_day_that_is_none_is_refused(lake, days):
    Shelf(lake, "m", Cutoff.PRE_OPEN).publish(SESSION, features(), provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    with pytest.raises(SessionError, match="is not a date"):
        read_features(lake=lake, **days)


def test_missing_counts_stay_missing(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    blind = features().assign(coverage_ok=False, has_news=None, n_news=None)
    shelf.publish(SESSION, blind, provenance("2026-11-19 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
    row = read_features(lake=lake).iloc[0]
    assert row["n_news"] is pd.NA
    assert row["has_news"] is pd.NA
    assert not row["coverage_ok"]


def test_the_newest_session_is_announced_and_never_set_back(lake):
    announce(lake, "m", Cutoff.EVENING, SESSION)
    announce(lake, "m", Cutoff.EVENING, SESSION - pd.Timedelta(days=1))
    announce(lake, "other", Cutoff.EVENING, SESSION)
    assert lake.get_json("LATEST.json")["v1"]["m"] == {"evening": "2026-11-19"}
    assert lake.get_json("CURRENT.json") == {"model": "m"}


def test_plain_readers_see_the_same_table(lake, tmp_path):
    """A feature folder is read by pandas, DuckDB and Polars without any help of ours."""
    import duckdb
    import polars

    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    shelf.publish(SESSION, features(3), provenance("2026-11-19 14:20"))
    later = SESSION + pd.Timedelta(days=1)
    shelf.publish(later, features(4).assign(session=later), provenance("2026-11-20 14:20"))
    announce(lake, "m", Cutoff.PRE_OPEN, later)
    ours = read_features(lake=lake)
    folder = tmp_path / "lake" / shelf.folder

    by_pandas = pd.read_parquet(folder).sort_values(["session", "ticker"])
    by_duckdb = duckdb.sql(f"select * from '{folder}/**/*.parquet' order by session, ticker").df()
    by_polars = polars.read_parquet(folder).sort("session", "ticker")
    for n_news in (by_pandas["n_news"], by_duckdb["n_news"], by_polars["n_news"].to_list()):
        assert list(n_news) == ours["n_news"].tolist() == [3, 3, 4, 4]
    assert pd.to_datetime(by_pandas["session"]).tolist() == ours["session"].tolist()
    assert set(FEATURES.names) <= set(by_pandas.columns)
    assert str(by_polars["session"].dtype) == "Date"


def test_an_address_with_a_password_in_it_is_refused_without_repeating_it():
    with pytest.raises(ConfigError) as refused:
        Lake("s3://AKIAKEY:hunter2@market/lake")
    assert "through the environment" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_lake_on_s3_is_a_lake(s3, tmp_path):
    """Append, listing, publication, history and reading as of a date: on an object store as on disk."""
    contents = []
    for place in (lake_on(s3), str(tmp_path / "lake")):
        lake = Lake(place)
        assert lake.append(QUARANTINE, quarantine("a"), "date=2026-11-20") == lake.append(
            QUARANTINE, quarantine("a"), "date=2026-11-20"
        )
        lake.append(QUARANTINE, quarantine("b"), "date=2026-11-21")
        shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
        for at, n in (("2026-11-19 14:20", 1), ("2026-11-20 10:00", 2)):
            shelf.publish(SESSION, features(n), provenance(at, str(n)))
        announce(lake, "m", Cutoff.PRE_OPEN, SESSION)
        lake.delete(f"manifests/{shelf.folder}/absent.json")
        lake.delete(lake.files("quarantine")[0])
        assert shelf.is_done(SESSION, "2")
        assert lake.location("x.json").endswith("/lake/x.json")
        contents.append(
            (
                lake.files(""),
                read_table("quarantine", lake=Lake(place))["row_hash"].tolist(),
                read_features(lake=place)["n_news"].tolist(),
                read_features(lake=place, as_of="2026-11-19 15:00")["n_news"].tolist(),
            )
        )
    assert contents[0] == contents[1]
    assert contents[0][1:] == (["b"], [2, 2], [1, 1])


def test_an_upload_cut_off_on_s3_leaves_the_old_file(s3):
    """Killed while the bytes are on their way: the store keeps what it had, and no half upload."""
    place = lake_on(s3)
    Lake(place).put("t.parquet", b"old")
    code = (
        "import os, signal, socket, sys, threading; from sentfeat.store import Lake\n"
        "lake = Lake(sys.argv[1]); stream = lake._fs.open_output_stream(lake._base + '/t.parquet')\n"
        "stream.write(b'n' * 1_000_000); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, place])
    assert killed.returncode == -signal.SIGKILL
    assert Lake(place).get("t.parquet") == b"old"
    uploads = httpx.get(f"http://{s3}/{BUCKET}?uploads").text
    assert "<Upload>" not in uploads


def test_a_read_only_lake_can_be_read_and_names_itself_when_written(read_only):
    lake = Lake(read_only)
    assert lake.get("x.json") == b"{}"
    with pytest.raises(LakeError, match=rf"cannot write {read_only}/x\.json \(Permission denied\); what was there"):
        lake.put("x.json", b"[]")
    assert lake.get("x.json") == b"{}"
