"""A file is what was there before or what was written, never a part of it."""

import os
import signal
import subprocess
import sys

import pytest

from sentfeat.whole import replacing, write_whole


def write_half_and_fail(place) -> None:
    with replacing(place) as staged:
        staged.write_bytes(b"ne")
        place.parent.read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    place = tmp_path / "deep" / "table.csv"
    write_whole(place, b"old")
    with pytest.raises(IsADirectoryError):
        write_half_and_fail(place)
    assert place.read_bytes() == b"old"
    assert os.listdir(place.parent) == ["table.csv"]


def test_what_is_being_written_is_hidden_from_readers_of_the_folder(tmp_path):
    with replacing(tmp_path / "table.parquet") as staged:
        staged.write_bytes(b"new")
        assert staged.parent == tmp_path
        assert not list(tmp_path.glob("[!.]*"))
        assert staged.suffix != ".parquet"
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_a_process_killed_in_the_middle_leaves_the_old_file(tmp_path):
    place = tmp_path / "table.csv"
    write_whole(place, b"old")
    code = (
        "import os, signal, pathlib, sys; from sentfeat.whole import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as staged:\n"
        "    staged.write_bytes(b'ne'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(place)]).returncode == -signal.SIGKILL
    assert place.read_bytes() == b"old"
