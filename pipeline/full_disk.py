"""One error for a full disk, which every engine reports in words of its own."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import NightcastError, Unreachable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SAID_FULL = re.compile(r"no space left on device|disk quota exceeded|file too large|failed to offload data block", re.IGNORECASE)
"""What the engines below say of a full disk; the last is DuckDB's, which spills to what is left of it."""


@contextmanager
def naming_full_disk(place: str | Path) -> Iterator[None]:
    """Turn the many ways in which a full disk is reported into one: Unreachable, which says that `place` is full. May be nested."""
    try:
        yield
    except NightcastError:
        raise
    except Exception as error:
        if not (isinstance(error, OSError) and error.errno in FULL) and not SAID_FULL.search(str(error)):
            raise
        raise Unreachable(
            f"The disk of {place} is full: {str(error).partition(chr(10))[0]}",
            mend="free space there, then run this again: a day or a night is in whole or not at all, and is replaced whole",
        ) from error
