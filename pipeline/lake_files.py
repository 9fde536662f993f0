"""Files below a lake's URL, on this machine or in an object store: whole under their name, or not there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipeline import clock

SUFFIX = ".parquet"


def filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem of a path or URL, and the path in it."""
    if "://" in uri:
        found, path = pafs.FileSystem.from_uri(uri)
        return found, path
    return pafs.LocalFileSystem(), uri


def put(uri: str, source: Path) -> int:
    """Copy the local file `source` to `uri`, replacing what is there; its size in bytes.

    A copy that is cut off leaves nothing under the name: an object store shows an object when it is complete, and here the file
    gets its name last. What a killed copy leaves is `….tmp`, which `tidy` removes.
    """
    target, path = filesystem(uri)
    local = isinstance(target, pafs.LocalFileSystem)
    copied = f"{path}.tmp" if local else path
    target.create_dir(posixpath.dirname(path), recursive=True)
    try:
        pafs.copy_files(str(source), copied, source_filesystem=pafs.LocalFileSystem(), destination_filesystem=target)
        if local:
            Path(copied).replace(path)
    finally:
        if local:
            Path(copied).unlink(missing_ok=True)
    return int(target.get_file_info(path).size)


def exists(uri: str) -> bool:
    """Whether there is a file."""
    found, path = filesystem(uri)
    return bool(found.get_file_info(path).type != pafs.FileType.NotFound)


def open_parquet(uri: str, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    """The Parquet file, whose reads verify page checksums and leave the columns in `dictionaries` as such; to be closed by the caller.

    Raises FileNotFoundError if there is none.
    """
    found, path = filesystem(uri)
    return pq.ParquetFile(path, filesystem=found, read_dictionary=list(dictionaries), page_checksum_verification=True)


def paths_below(uri: str) -> list[str]:
    """Every file below a folder, half ones included, as paths relative to it, sorted; none if there is no such folder."""
    _, path = filesystem(uri)
    return sorted(posixpath.relpath(entry.path, path) for entry in _entries(uri))


def remove(uri: str) -> None:
    """Delete the file, if it is there."""
    found, path = filesystem(uri)
    with suppress(FileNotFoundError):
        found.delete_file(path)


def remove_unnamed(uri: str, names: Mapping[str, str], *, retention_days: int) -> int:
    """Delete the files below the folder that `names` does not name, if they are older than `retention_days`; how many.

    `names` maps the value of the partition (`2026-01-05` of `day=2026-01-05/`) to the name, without suffix, of the file that counts.
    Younger files may belong to a run that is about to be named.
    """
    found, _ = filesystem(uri)
    oldest = clock.now() - timedelta(days=retention_days)
    unnamed = [entry.path for entry in _entries(uri) if not _named(entry.path, names) and entry.mtime < oldest]
    for path in unnamed:
        with suppress(FileNotFoundError):
            found.delete_file(path)
    return len(unnamed)


def _entries(uri: str) -> list[pafs.FileInfo]:
    found, path = filesystem(uri)
    entries = found.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=True))
    return [entry for entry in entries if entry.type == pafs.FileType.File]


def _named(path: str, names: Mapping[str, str]) -> bool:
    folder, name = posixpath.split(path)
    value = posixpath.basename(folder).partition("=")[2]
    return names.get(value, "") + SUFFIX == name
