"""Files in slices, against pandas as another reader and writer."""

import gzip
import json

import pandas as pd
import pyarrow as pa
import pytest

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.files import read_slices, scan, write_slices

ROWS = [
    {"id": 1, "text": 'He said "up",\nthen left', "price": 2.5, "note": None},
    {"id": 2, "text": "naïve café", "price": None, "note": "x"},
    {"id": 3, "text": "plain", "price": 3.0, "note": None},
]
NAMES = ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"]
TABLE = pa.Table.from_pylist(ROWS)


def read(path, rows=2):
    contents = scan(path)
    return contents, [table.to_pylist() for table in read_slices(path, rows, contents.schema)]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_again_in_slices_of_the_size_asked_for(tmp_path, name):
    path = tmp_path / name
    assert write_slices(path, path, TABLE.schema, [TABLE.slice(0, 1), TABLE.slice(1)]) == 3
    contents, slices = read(path)
    assert contents.rows == 3
    assert [len(rows) for rows in slices] == [2, 1]
    found = [row for rows in slices for row in rows]
    spelled = [{**row, "note": row["note"] or ""} for row in ROWS] if ".csv" in name else ROWS  # CSV has no null text
    assert found == spelled


@pytest.mark.parametrize(("name", "reader"), [("a.csv.gz", pd.read_csv), ("a.parquet", pd.read_parquet)])
def test_others_read_what_is_written(tmp_path, name, reader):
    path = tmp_path / name
    write_slices(path, path, TABLE.schema, [TABLE])
    assert reader(path)["text"].tolist() == [row["text"] for row in ROWS]


def test_types_hold_for_the_whole_file_not_only_its_beginning(tmp_path):
    path = tmp_path / "long.csv"
    pd.DataFrame({"text": ["a"] * 60000, "late": [1] * 59999 + ["x"], "wide": [1] * 59999 + [0.5]}).to_csv(path)
    schema = scan(path).schema
    assert (schema.field("late").type, schema.field("wide").type) == (pa.string(), pa.float64())
    assert sum(len(table) for table in read_slices(path, 16384, schema)) == 60000


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "", "-20"], pa.int64()),
        (["1", "2.50", "-1e-05"], pa.float64()),
        (["0.12345678901234567"], pa.float64()),
        (["true", "FALSE"], pa.bool_()),
        (["0000320193", "1"], pa.string()),
        (["12345678901234567890"], pa.string()),
        (["1234567890123456", "1.5"], pa.string()),
        (["1E5", "2"], pa.string()),
        (["0x1F", "2"], pa.string()),
        (["tRUE"], pa.string()),
        (["1", "true"], pa.string()),
    ],
)
def test_cells_that_only_look_like_numbers_stay_as_they_are(tmp_path, cells, kind):
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{cell},x\n" for cell in ["id", *cells]))
    contents, (rows,) = read(path, 99)
    assert contents.schema.field("id").type == kind
    if kind == pa.string():
        assert [row["id"] for row in rows] == cells


def test_json_lines_hold_times_to_the_nanosecond(tmp_path):
    times = pa.table({"at": pa.array([1_000_000_001, None], pa.timestamp("ns", "UTC"))})
    times = times.append_column("took", pa.array([1_000_000_001, None], pa.duration("ns")))
    write_slices(tmp_path / "a.jsonl", tmp_path / "a.jsonl", times.schema, [times])
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert pd.Timestamp(first["at"]) == pd.Timestamp(1_000_000_001, tz="UTC")
    assert pd.Timedelta(first["took"]).value == 1_000_000_001
    assert second == {"at": None, "took": None}


def test_lines_of_json_may_differ_in_their_keys(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "n": 1}\n\n{"n": 2.5}\n{"text": "c", "tags": ["x"]}\n')
    contents, (rows,) = read(path, 9)
    assert contents.rows == 3
    assert [(row["text"], row["n"], row["tags"]) for row in rows] == [
        ("a", 1, None),
        (None, 2.5, None),
        ("c", None, ["x"]),
    ]


def test_a_file_with_a_header_alone_has_columns_and_no_rows(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\n")
    assert scan(tmp_path / "a.csv") == (0, pa.schema([("text", pa.string()), ("n", pa.string())]))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"text,n\na,1\nb,2,3\n", "Expected 2 columns, got 3: b,2,3"),
        ("a.csv", b"text,text\na,b\n", "several columns of one name: text, text"),
        ("a.csv", b"text\n\xff\xfe\n", "invalid UTF8"),
        ("a.csv", b"text,\xdcberschrift\na,b\n", "cannot read"),
        ("a.csv", b"", "Empty CSV"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', "line 2: not a JSON object"),
        ("a.jsonl", b'{"n": 1}\n{"n": "b"}\n', "cannot read"),
        ("a.jsonl", b'{"n": 12345678901234567890}\n', "cannot read"),
        ("a.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 1000, mtime=0)[:-20], "cannot read"),
        ("a.parquet", b"PAR1 not really", "cannot read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_anything_is_done(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message):
        scan(tmp_path / name)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.parquet.gz", "a.txt.gz"])
def test_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot tell the format"):
        scan(tmp_path / name)


def test_columns_that_a_format_cannot_hold_are_refused(tmp_path):
    nested = pa.table({"text": ["a"], "tags": [["x"]]})
    with pytest.raises(DataError, match=r"write \.parquet or \.jsonl"):
        write_slices(tmp_path / "a.csv", tmp_path / "a.csv", nested.schema, [nested])
    write_slices(tmp_path / "a.jsonl", tmp_path / "a.jsonl", nested.schema, [nested])
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {"text": "a", "tags": ["x"]}
