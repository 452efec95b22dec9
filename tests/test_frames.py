"""CSV files as people make them."""

import gzip

import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.frames import is_csv, read_csv


def test_a_field_too_many_is_an_error_and_an_empty_one_is_dropped(tmp_path):
    path = tmp_path / "a.csv"
    for content in ("text,n\na,1,\nb,2,\n", "text,n\na,1\nb,2,,\n", "text,n\na,1,,\nb,2\n"):
        path.write_text(content)
        assert read_csv(path).to_dict("list") == {"text": ["a", "b"], "n": [1, 2]}
    for content in ("text,n\nup, they say,1\n", "text,n\na,1\nup, they say,1\n", 'text,n\n"a\nb",1\nup, they say,1\n'):
        path.write_text(content)
        with pytest.raises(DataError, match=rf"a\.csv, line {content.count(chr(10))}: 3 fields.*in quotes"):
            read_csv(path)


def test_text_is_kept_as_it_is_written_and_numbers_are_numbers(tmp_path):
    path = tmp_path / "a.CSV.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbftext,entity,n\n007,0700,1\nNA,,\nTrue,1e5,3\n"))
    found = read_csv(path, ("text", "entity", "label"))
    assert is_csv(path)
    assert found["text"].tolist() == ["007", "NA", "True"]
    assert found["entity"].tolist() == ["0700", "", "1e5"]
    assert found["n"].isna().tolist() == [False, True, False]
    assert read_csv(path)["entity"].tolist()[::2] == [700, 100000]


@pytest.mark.parametrize("content", [b"", "text,n\ncafé,1\n".encode("latin-1"), b"\n\n"])
def test_what_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*a\.csv"):
        read_csv(path, ("text",))
    with pytest.raises(DataError, match="no file"):
        read_csv(tmp_path / "b.csv")


def test_a_file_without_rows_has_its_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,n\n")
    assert list(read_csv(path, ("text",))) == ["text", "n"]
    assert isinstance(read_csv(path), pd.DataFrame)


def test_a_cell_may_hold_a_whole_filing(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,n\n" + "word " * 100_000 + ",1\n")
    assert len(read_csv(path, ("text",))["text"][0]) == 500_000
