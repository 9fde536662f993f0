"""Files of raw events, whatever their format, wherever they are stored: found by name, and read as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from pipeline.errors import ConfigError, SourceError
from pipeline.source.blocks import read_blocks
from pipeline.source.delimited import csv_rows
from pipeline.source.json_lines import json_rows
from pipeline.source.parquet import parquet_rows
from pipeline.source.read_ahead import ahead
from pipeline.source.rows import Rows
from pipeline.source.stored_file import StoredFile, failed, locate, open_stored, shown
from pipeline.source.unpacking import PACKINGS

TEXTS = (".csv", ".jsonl", ".ndjson")
SUFFIXES = (*TEXTS, *(text + packing for text in TEXTS for packing in PACKINGS), ".parquet")


def format_of(url: str) -> tuple[str, str]:
    """A file's format and packing by its name: (`.csv`, `.gz`). Raises ConfigError for a suffix that is not one of `SUFFIXES`."""
    name = shown(url).lower()
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            packing = next((each for each in PACKINGS if suffix.endswith(each)), "")
            return suffix.removesuffix(packing), packing
    raise ConfigError(f"{shown(url)} is none of {', '.join(SUFFIXES)}", mend="convert the files to one of them")


@contextmanager
def open_file(url: str, *, settle_seconds: float, max_gib: float, wanted: Sequence[str] = ()) -> Iterator[Rows]:
    """The rows of a file, given by an absolute local path or any fsspec URL; its suffix says the format and the packing.

    A file younger than `settle_seconds` is waited for. The next chunk is made in a thread while one is used. `wanted` names the columns
    of a file without a header (JSON lines) that are there even if no row of the beginning has them.
    Raises ConfigError for an unknown suffix; SourceError, also while chunks are taken, for a file that is missing, damaged, cut off, empty,
    larger than `max_gib` when unpacked, still being written, or that changes while it is read; Unreachable if its store does not answer.
    """
    kind, packing = format_of(url)
    with open_stored(url, settle_seconds) as file:
        if kind == ".parquet":
            rows = parquet_rows(file, max_gib)
        elif kind == ".csv":
            rows = csv_rows(file.place, read_blocks(file, packing, max_gib))
        else:
            rows = json_rows(file.place, read_blocks(file, packing, max_gib), wanted)
        with ahead(_checked(file, rows.chunks)) as chunks:
            yield replace(rows, chunks=chunks)


def exists(url: str) -> bool:
    """Whether there is something of this name. Raises Unreachable if the store does not answer, which is not the same as no."""
    fs, path = locate(url)
    try:
        fs.invalidate_cache(path)
        fs.info(path)
    except FileNotFoundError as error:
        if isinstance(error.__cause__, OSError):  # a store that is away, as fsspec tells it
            raise failed(shown(url), fs, error) from error
        return False
    except Exception as error:
        raise failed(shown(url), fs, error) from error
    return True


def expand(url: str) -> list[str]:
    """Every file that the name stands for, sorted; `*` is any part of a name, and nothing but `*` has a meaning.

    Hidden names (`.part-1.csv`) are matched only by a pattern that begins with a dot, as in a shell: uploads in progress are called so.
    Raises Unreachable if the store does not answer.
    """
    parts = url.split("/")
    found = [""]
    for depth, part in enumerate(parts):
        end = "/" if depth < len(parts) - 1 else ""
        found = [base + name + end for base in found for name in (_names(base, part) if "*" in part else [part])]
    return sorted(found if "*" in parts[-1] else filter(exists, found))


def _names(folder: str, pattern: str) -> list[str]:
    matches = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL).fullmatch
    fs, path = locate(folder)
    try:
        fs.invalidate_cache(path)
        listed = [name.rstrip("/").rpartition("/") for name in fs.ls(path, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except Exception as error:
        raise failed(shown(folder), fs, error) from error
    names = {name for parent, _, name in listed if parent == path.rstrip("/")}  # a file lists itself
    return [name for name in names if matches(name) and (pattern.startswith(".") or not name.startswith("."))]


def _checked(file: StoredFile, chunks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The chunks; that the file changed is said rather than that it is damaged, and also where all went well."""
    try:
        yield from chunks
    except SourceError:
        file.check_unchanged()
        raise
    file.check_unchanged()
