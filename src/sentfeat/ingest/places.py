"""The files that a path, a folder, a pattern or an address such as s3://bucket/news/*.csv.gz names; opening them.

    for file in find_files("mine", "archive/2011/*.parquet"): ...

What is packed as .gz or .zst is unpacked while it is read.
"""

from fnmatch import fnmatch
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from sentfeat.errors import SourceError


class File(NamedTuple):
    """A file and what tells whether it changed. root: the address it was found under; mtime_ns: None if unknown."""

    root: str
    path: str
    size: int
    mtime_ns: int | None

    @property
    def stem(self) -> str:
        """The path without what says how it is packed."""
        return self.path.removesuffix(".gz").removesuffix(".zst")

    def open(self) -> pa.NativeFile:
        """A stream of its unpacked content, or, of Parquet, a file to seek in."""
        system, _ = _system(self.root)
        if self.stem.endswith(".parquet") and self.stem == self.path:
            return system.open_input_file(self.path)
        return system.open_input_stream(self.path, compression="detect")


def find_files(name: str, address: str) -> tuple[File, ...]:
    """Sorted by path. A folder means all files below it; names that begin with . or _ are passed over.

    Raises SourceError if there are none.
    """
    try:
        system, path = _system(address)
        found = [info for info in _listed(system, path) if info.type == fs.FileType.File]
    except (OSError, ValueError) as error:  # also pa.ArrowInvalid
        raise SourceError(f"source {name}: {address.partition('?')[0]} cannot be listed: {error}") from error
    if not found:
        raise SourceError(f"source {name}: no file at {address.partition('?')[0]}")
    return tuple(File(address, info.path, info.size, info.mtime_ns) for info in sorted(found, key=lambda i: i.path))


def _system(address: str) -> tuple[fs.FileSystem, str]:
    if "://" in address:
        return fs.FileSystem.from_uri(address)
    return fs.LocalFileSystem(), address


def _listed(system: fs.FileSystem, path: str) -> list[fs.FileInfo]:
    if "*" not in path:
        (info,) = system.get_file_info([path])
        if info.type != fs.FileType.Directory:
            return [info]
        folder, pattern, recursive = path, "*", True
    else:
        first = path.index("*")
        folder, pattern = path[:first].rpartition("/")[0], path
        recursive = "**" in path or "/" in path[first:]
    selector = fs.FileSelector(folder, recursive=recursive, allow_not_found=True)
    found = (info for info in system.get_file_info(selector) if fnmatch(info.path, pattern))
    return [info for info in found if not _hidden(info.path.removeprefix(folder))]


def _hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))
