"""The DuckDB file itself: made in a format that older readers open, opened by one writer at a time, copied for readers."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import duckdb
import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from pipeline.errors import Busy, Unreachable

STORAGE_VERSION = "v1.2.0"
"""Format of new files: readers built on any DuckDB from 1.2 on open them, comments included."""

OFFLINE: Mapping[str, str] = {"TimeZone": "UTC", "autoinstall_known_extensions": "false"}
CONFINED: Mapping[str, str] = {
    **OFFLINE,
    "python_enable_replacements": "false",
    "memory_limit": "1GiB",
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""Settings of every connection: nothing is downloaded, and no statement reads another file or a Python variable; what does not fit
into memory goes to a folder beside the file."""

COPY_BYTES = 16 * 1024**2
HOLDER = re.compile(r"held in (?P<program>.*?) ?\(PID (?P<pid>\d+)\)")
SAME_PROCESS = "different configuration than existing connections"


def create(path: Path) -> None:
    """Make an empty warehouse file, complete from its first moment, unless there is one. Raises Unreachable."""
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = _temporary(path)
        with duckdb.connect(config=dict(OFFLINE)) as connection:
            literal = str(fresh).replace("'", "''")
            connection.execute(f"ATTACH '{literal}' AS fresh (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("DETACH fresh")
        with suppress(FileExistsError):  # another process made it meanwhile
            os.link(fresh, path)
        fresh.unlink()
    except (OSError, duckdb.Error) as error:
        raise unreachable(path, error) from error


def connect(path: Path, patience: float, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection to the file. Raises Busy naming the holder after `patience` seconds, Unreachable when it cannot be opened."""
    retrying = Retrying(
        retry=retry_if_exception_type(Busy),
        stop=stop_after_delay(patience),
        wait=wait_random_exponential(multiplier=0.05, max=1.0),
        reraise=True,
    )
    return retrying(_connect_once, path, read_only)


def read_copy(path: Path) -> Path:
    """Where readers of the DuckDB file at `path` find it while the pipeline writes."""
    return path.with_name(f"{path.stem}_read{path.suffix}")


def refresh_read_copy(path: Path, patience: float) -> None:
    """Put a copy of the file beside it in one rename; readers keep the copy that they have open.

    A read-only connection keeps writers out until the rename is done, so that an older copy never follows a newer one. It must be
    the only connection of this process: closing any handle on a file drops all of the process's locks on it.
    Raises Busy while another process writes, Unreachable when the copy cannot be written.
    """
    copy = read_copy(path)
    reader = connect(path, patience, read_only=True)
    try:
        fresh = _temporary(copy)
        with path.open("rb") as source:
            with fresh.open("wb") as sink:
                shutil.copyfileobj(source, sink, COPY_BYTES)
                os.fsync(sink.fileno())
            fresh.replace(copy)
    except OSError as error:
        raise Unreachable(
            f"The scores are published, but their copy for readers {copy} cannot be written: {error.strerror}",
            mend="free space or allow writing there, then publish again: it replaces the night by the same rows",
        ) from error
    finally:
        reader.close()


def unreachable(path: Path, error: Exception) -> Unreachable:
    """What to tell when the engine or the file system refuses the file."""
    return Unreachable(
        f"The warehouse duckdb:///{path} cannot be opened or written: {str(error).partition(chr(10))[0]}",
        mend="check the path, its permissions and free space, or name another file in warehouse.url",
    )


def _connect_once(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(path, read_only=read_only, config=dict(CONFINED))
    except duckdb.Error as error:
        if held := HOLDER.search(str(error)):
            raise Busy(
                f"The warehouse {path} is held by {held['program'] or 'a program'}, process {held['pid']}",
                mend=f"close it (readers: open {read_copy(path).name} instead), then run this again",
            ) from error
        if SAME_PROCESS in str(error):
            raise Busy(f"The warehouse {path} is open in this process ({os.getpid()}) in another mode", mend="close that first") from error
        raise unreachable(path, error) from error


def _temporary(path: Path) -> Path:
    """Name of an unfinished file beside `path` that is this process's alone; what dead processes left there is removed."""
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    for left in path.parent.glob(f".{path.name}.*"):
        process = left.suffix.removeprefix(".")
        if left == mine or (process.isdecimal() and not psutil.pid_exists(int(process))):
            left.unlink(missing_ok=True)
    return mine
