"""Parquet files of the lake's tables: how their columns are stored, and writing one that is larger than memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROWS_PER_GROUP = 65_536
"""Small enough that a reader of one bucket skips most of a large day's file by its statistics."""

LARGEST_DICTIONARY = 16 * 2**20
"""Bytes. A dictionary that outgrows this is given up in the middle of its row group, and reading it takes twice as long."""


@dataclass(frozen=True)
class Part:
    """A written, uncommitted Parquet file of one partition. Small and picklable: it travels from worker to stage."""

    path: str
    partition: tuple[tuple[str, str], ...]
    rows: int
    bytes: int


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are stored.

    dictionaries  columns whose values repeat; None: all that turn out to
    differences   integers and times that are stored as the difference to the row before
    """

    dictionaries: tuple[str, ...] | None = None
    differences: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """For `pyarrow.parquet`: compressed pages, each with a checksum."""
        return {
            "compression": "zstd",
            "write_page_checksum": True,
            "use_dictionary": True if self.dictionaries is None else list(self.dictionaries),
            "dictionary_pagesize_limit": LARGEST_DICTIONARY if self.dictionaries else None,
            "column_encoding": dict.fromkeys(self.differences, "DELTA_BINARY_PACKED") or None,
        }


ANY_LAYOUT = Layout()
