"""Files that appear whole or not at all, for whatever is written outside of a lake's object store."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, staging: Path | None = None) -> Iterator[Path]:
    """A name to write to; its file is synced and renamed to `path` if the block ends well, and removed if it does not.

    The name lies in `staging` (default: beside `path`, hidden), which must be on the same file system. Both folders are
    made. A killed process leaves the staged file and never a half-written `path`.
    """
    staged = (staging or path.parent) / f".{path.name}.{uuid.uuid4().hex}"
    for folder in (staged.parent, path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield staged
        with open(staged, "rb+") as file:  # without it a power cut can leave the new name with no content
            os.fsync(file.fileno())
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A name for a folder to fill, beside `folder` and hidden; it gets the name `folder` if the block ends well.

    What a failed or killed block left behind is removed by the next one. Raises OSError if `folder` holds files then.
    """
    staged = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(staged, ignore_errors=True)
    yield staged
    staged.rename(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`: a reader sees all of it or what was there before."""
    with replacing(path) as staged:
        staged.write_bytes(content)
