"""The user's own files: clocks, column maps, merged tags, and what cannot be used."""

import datetime as dt
import gzip

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import fs

from sentfeat.config import FilesPrices, FilesSource
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import to_documents
from sentfeat.ingest.file_times import parse_days, parse_times
from sentfeat.ingest.files import FilesBars, FilesNews
from sentfeat.sessions import Window
from tests.s3 import BUCKET

ALL_TIME = Window(pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2030-01-01", tz="UTC"))
COLUMNS = {"published_at": "when", "title": "headline", "tickers": "symbol"}
NEW_YORK = "America/New_York"


def news(path, **settings) -> FilesNews:
    return FilesNews(
        FilesSource(name="mine", path=str(path), columns=settings.pop("columns", COLUMNS), **settings), "."
    )


def write_csv(path, rows: str):
    path.write_text("when,headline,symbol\n" + rows)
    return path


def utc(values: list[str], zone: str | None) -> list[str]:
    times, _ = parse_times(pd.Series(values), zone, "mine")
    return [None if pd.isna(at) else at.strftime("%Y-%m-%d %H:%M") for at in times]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-07-01 09:30:00", NEW_YORK, "2026-07-01 13:30"),
        ("2026-01-05 09:30:00", NEW_YORK, "2026-01-05 14:30"),
        ("2026-07-01T09:30:00Z", NEW_YORK, "2026-07-01 09:30"),
        ("2026-07-01T09:30:00+02:00", None, "2026-07-01 07:30"),
        ("2026-11-01 01:30:00", NEW_YORK, "2026-11-01 06:30"),  # the clock shows it twice: the later one
        ("2026-03-08 02:30:00", NEW_YORK, "2026-03-08 07:00"),  # the clock never shows it: when it moved on
        ("2026-07-01", None, "2026-07-02 03:59"),  # a bare date is known at its end, New York
        ("20260701", NEW_YORK, "2026-07-02 03:59"),
        ("2026/07/01", NEW_YORK, "2026-07-02 03:59"),
        ("2026-07-01 09:30:00+00", NEW_YORK, "2026-07-01 09:30"),  # as PostgreSQL writes it
        ("20260701T093000Z", None, "2026-07-01 09:30"),
        ("2026-07", NEW_YORK, None),
        ("2026-13-01", NEW_YORK, None),
        ("yesterday", NEW_YORK, None),
        ("", NEW_YORK, None),
    ],
)
def test_a_clock_is_read_as_declared(text, zone, expected):
    assert utc([text], zone) == [expected]


def test_times_of_all_manners_may_stand_in_one_column():
    mixed = ["2026-07-01 09:30:00-04", "2026-01-05 09:30:00-05", "2026-01-05 09:30:00", "20260105"]
    expected = ["2026-07-01 13:30", "2026-01-05 14:30", "2026-01-05 14:30", "2026-01-06 04:59"]
    assert utc(mixed, NEW_YORK) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2011-01-03", "2011-01-04 00:00:00", "20110105"], ["2011-01-03", "2011-01-04", "2011-01-05"]),
        (["2011-01-03 00:00:00-05:00", "2011-07-05 00:00:00-04:00"], ["2011-01-03", "2011-07-05"]),
        ([20110103, 20110104], ["2011-01-03", "2011-01-04"]),
        ([20110103.0, None], ["2011-01-03", None]),
        ([dt.date(2011, 1, 3)], ["2011-01-03"]),
        (["03/01/2011", "13/01/2011", "2011-02-30", ""], [None] * 4),
        (pd.date_range("2011-01-03 18:00", periods=1, tz=NEW_YORK), ["2011-01-03"]),
    ],
)
def test_a_session_is_read_as_a_date_or_not_at_all(values, expected):
    found = parse_days(pd.Series(values))
    assert [None if pd.isna(day) else day.strftime("%Y-%m-%d") for day in found] == expected


def test_a_naive_time_without_a_declared_zone_is_refused(tmp_path):
    path = write_csv(tmp_path / "n.csv", "2026-07-01 09:30:00,Apple rises,AAPL\n")
    with pytest.raises(SourceError, match=r"without a zone.*timezone = \"America/New_York\""):
        news(path).fetch(ALL_TIME)
    with pytest.raises(SourceError, match="'Mars/Olympus' is no IANA zone"):
        news(path, timezone="Mars/Olympus").fetch(ALL_TIME)


def test_naive_parquet_times_need_a_zone_too(tmp_path):
    path = tmp_path / "n.parquet"
    frame = pd.DataFrame({"when": pd.to_datetime(["2026-07-01 09:30"]), "headline": "Apple rises", "symbol": "AAPL"})
    frame.to_parquet(path)
    with pytest.raises(SourceError, match="without a zone"):
        news(path).fetch(ALL_TIME)
    item = news(path, timezone=NEW_YORK).fetch(ALL_TIME).items.iloc[0]
    assert item["published_at"] == pd.Timestamp("2026-07-01 13:30", tz="UTC")


def test_rows_of_one_text_become_one_item_with_all_tags(tmp_path):
    path = write_csv(
        tmp_path / "n.csv",
        "2026-07-01T09:30:00Z,Apple and Intel rise,AAPL\n"
        "2026-07-01T09:30:00Z,Apple and Intel rise,INTC\n"
        "2026-07-02T09:30:00Z,Apple and Intel rise,AAPL\n"
        '2026-07-03T09:30:00Z,Chips,"INTC, AMD"\n'
        "2026-07-04T09:30:00Z,Nobody,\n",
    )
    items = news(path).fetch(ALL_TIME).items
    assert items["tickers"].tolist() == [("AAPL", "INTC"), ("AAPL",), ("INTC", "AMD"), ()]


def test_tags_may_be_lists_and_ids_and_ciks_numbers(tmp_path):
    frame = pd.DataFrame(
        {
            "when": ["2026-07-01T09:30:00Z", "2026-07-02T09:30:00Z"],
            "headline": ["Apple and Intel rise", "Nobody does"],
            "symbol": [["AAPL", " INTC "], []],
            "number": [7, None],
            "filer": ["0000320193", ""],
        }
    )
    frame.to_parquet(tmp_path / "n.parquet")
    frame.to_json(tmp_path / "n.jsonl", orient="records", lines=True)
    for name in ("n.parquet", "n.jsonl"):
        source = news(tmp_path / name, columns=COLUMNS | {"item_id": "number", "cik": "filer"})
        items = source.fetch(ALL_TIME).items
        assert items["tickers"].tolist() == [("AAPL", "INTC"), ()]
        assert items["item_id"].tolist() == ["7", None]
        assert items["cik"].tolist() == [320193, None]
        assert len(set(to_documents(items, source, pd.Timestamp("2026-08-01", tz="UTC"))["document_id"])) == 2


def test_undated_rows_are_handed_over_for_the_quarantine(tmp_path):
    path = write_csv(tmp_path / "n.csv", "soon,Apple rises,AAPL\n2026-07-01T09:30:00Z,Intel falls,INTC\n")
    harvest = news(path).fetch(ALL_TIME)
    assert harvest.items["title"].tolist() == ["Intel falls"]
    assert harvest.rejected["reason"].tolist() == ["undated"]
    assert "Apple rises" in harvest.rejected["payload"][0]


def test_an_archive_vouches_for_its_own_span_only(tmp_path):
    path = write_csv(tmp_path / "n.csv", "2026-07-01T12:00:00Z,a b,A\n2026-07-10T12:00:00Z,c d,A\n")
    covered = news(path).fetch(ALL_TIME).covered
    assert covered == Window(pd.Timestamp("2026-07-01 04:00", tz="UTC"), pd.Timestamp("2026-07-10 12:00", tz="UTC"))
    later = Window(pd.Timestamp("2026-07-11", tz="UTC"), pd.Timestamp("2026-07-12", tz="UTC"))
    assert news(path).fetch(later).covered is None
    assert news(path, covers_to=dt.date(2026, 7, 12)).fetch(later).covered == later


def test_windows_are_half_open(tmp_path):
    path = write_csv(tmp_path / "n.csv", "2026-07-01T12:00:00Z,a,A\n2026-07-02T12:00:00Z,b,A\n")
    edge = Window(pd.Timestamp("2026-07-01 12:00", tz="UTC"), pd.Timestamp("2026-07-02 12:00", tz="UTC"))
    assert news(path).fetch(edge).items["title"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"published_at": "when", "title": "nope"}, r"has no column 'nope'; it has \['when', 'headline', 'symbol'\]"),
        ({"published_at": "when"}, r"needs \['title'\]"),
        ({"published_at": "when", "title": "headline", "mood": "x"}, r"does not know \['mood'\]"),
    ],
)
def test_a_wrong_column_map_is_named(tmp_path, columns, message):
    path = write_csv(tmp_path / "n.csv", "2026-07-01T12:00:00Z,a,A\n")
    with pytest.raises(SourceError, match=message):
        news(path, columns=columns).fetch(ALL_TIME)


def test_missing_corrupt_and_foreign_files_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"no file at .*absent\.csv"):
        news(tmp_path / "absent.csv").fetch(ALL_TIME)
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"not parquet at all")
    with pytest.raises(SourceError, match=r"cannot read .*bad\.parquet"):
        news(bad).fetch(ALL_TIME)
    (tmp_path / "news.docx").write_text("x")
    with pytest.raises(SourceError, match=r"news\.docx is neither"):
        news(tmp_path / "news.docx").fetch(ALL_TIME)


def test_json_lines_gzip_and_globs_are_read(tmp_path):
    row = '{"when": "2026-07-0%dT12:00:00Z", "headline": "Apple rises", "symbol": "AAPL"}\n'
    (tmp_path / "a.jsonl").write_text(row % 1)
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(row % 2)
    assert len(news(tmp_path / "*.jsonl*").fetch(ALL_TIME).items) == 2


def packed(path, text: str):
    with pa.CompressedOutputStream(str(path), "zstd" if path.suffix == ".zst" else "gzip") as file:
        file.write(text.encode())


def test_a_folder_means_all_its_files_packed_or_not(tmp_path):
    head = "when,headline,symbol\n"
    (tmp_path / "2026" / "07").mkdir(parents=True)
    packed(tmp_path / "2026" / "a.csv.zst", head + "2026-07-01T12:00:00Z,a,A\n")
    packed(tmp_path / "2026" / "07" / "b.csv.gz", head + "2026-07-02T12:00:00Z,b,A\n")
    packed(
        tmp_path / "2026" / "07" / "c.jsonl.zst", '{"when": "2026-07-03T12:00:00Z", "headline": "c", "symbol": "A"}\n'
    )
    frame = pd.DataFrame({"when": ["2026-07-04T12:00:00Z"], "headline": ["d"], "symbol": ["A"]})
    frame.to_parquet(tmp_path / "2026" / "d.parquet")
    (tmp_path / "2026" / ".hidden.csv").write_text("nothing")
    (tmp_path / "2026" / "_SUCCESS").write_text("")
    assert news(tmp_path / "2026").fetch(ALL_TIME).items["title"].tolist() == ["a", "b", "c", "d"]
    assert news(tmp_path / "2026" / "**").fetch(ALL_TIME).items["title"].tolist()[0] == "a"
    assert news(tmp_path / "*" / "*" / "*.gz").fetch(ALL_TIME).items["title"].tolist() == ["b"]


def test_files_on_an_object_store_are_read_by_pattern_and_named_when_absent(s3):
    where = f"?endpoint_override={s3}&scheme=http&region=us-east-1"
    system, _ = fs.FileSystem.from_uri(f"s3://{BUCKET}{where}")
    for day in (1, 2):
        with system.open_output_stream(f"{BUCKET}/vendor/{day}.csv.gz", compression="gzip") as file:
            file.write(f"when,headline,symbol\n2026-07-0{day}T12:00:00Z,item {day},A\n".encode())
    source = news(f"s3://{BUCKET}/vendor/*.csv.gz{where}")
    assert source.fetch(ALL_TIME).items["title"].tolist() == ["item 1", "item 2"]
    assert news(f"s3://{BUCKET}/vendor{where}").fetch(ALL_TIME).items.shape[0] == 2
    with pytest.raises(SourceError, match=rf"no file at s3://{BUCKET}/nobody/\*\.csv$"):
        news(f"s3://{BUCKET}/nobody/*.csv{where}").fetch(ALL_TIME)


def test_a_changed_file_is_read_again(tmp_path):
    path = write_csv(tmp_path / "n.csv", "2026-07-01T12:00:00Z,a,A\n")
    source = news(path)
    before = source.fingerprint()
    assert len(source.fetch(ALL_TIME).items) == 1
    write_csv(path, "2026-07-01T12:00:00Z,a,A\n2026-07-02T12:00:00Z,b,A\n")
    assert len(source.fetch(ALL_TIME).items) == 2
    assert source.fingerprint() != before


def test_bars_are_filtered_and_carry_their_basis(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(
        "t,k,d,o,h,l,c,v\nA,Stocks,2026-07-01,1,2,1,2,5\nA,Stocks,02/07/2026,1,2,1,2,5\nS,ETFs,2026-07-01,1,2,1,2,5\n"
    )
    names = dict(zip(("ticker", "session", "open", "high", "low", "close", "volume"), "tdohlcv", strict=True))
    settings = FilesPrices(path=str(path), columns=names, basis="raw", where={"k": "Stocks"})
    days = pd.Timestamp("2026-07-01"), pd.Timestamp("2026-07-02")
    harvest = FilesBars(settings, ".").bars(pd.DataFrame(), *days)
    assert harvest.items[["ticker", "close", "price_basis"]].values.tolist() == [["A", 2.0, "raw"]]
    assert harvest.rejected[["reason", "detail"]].values.tolist() == [["undated", "session '02/07/2026'"]]
    wrong = FilesPrices(path=str(path), columns={"ticker": "t"}, basis="raw")
    with pytest.raises(SourceError, match="column map of bars must map exactly"):
        FilesBars(wrong, ".").bars(pd.DataFrame(), *days)
