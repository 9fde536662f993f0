"""Where tuning keeps its trials: a database that one process at a time works on for each target, and that holds numbers only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from pipeline.config import Config
from pipeline.errors import Busy, Unreachable
from pipeline.postgresql_url import ADDRESS, conninfo, masked

KEY = "training.tuning.storage"
SQLITE = "sqlite:///"
LOCK_SECONDS = 60
SQLITE_SECONDS = 60
"""How long one target's process waits for another's to have written."""


def address(config: Config) -> str:
    """The URL as Optuna takes it: the path of an SQLite file is relative to the configuration's folder."""
    url = config.training.tuning.storage
    return f"{SQLITE}{config.path(url.removeprefix(SQLITE))}" if url.startswith(SQLITE) else url


@contextmanager
def opened(config: Config, target: str) -> Iterator[RDBStorage]:
    """The storage, made if there is none, while no other process of this machine tunes the same target.

    Raises Unreachable, without a password in its text, when the database does not answer, Busy when another process tunes the target, and
    ConfigError for a PostgreSQL URL that cannot be read.
    """
    url = address(config)
    with _alone(config, url, target), _answering(url):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = RDBStorage(url, engine_kwargs={"connect_args": _connection(url)})
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _connection(url: str) -> dict[str, object]:
    if url.startswith(SQLITE):
        return {"timeout": SQLITE_SECONDS}
    conninfo(url, KEY)
    said = parse_qs(urlsplit(url).query)
    return {name: value for name, value in ADDRESS.items() if name not in said}


@contextmanager
def _answering(url: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        # The cause is what the database said; what Optuna makes of it is a guess, and SQLAlchemy's text may hold the URL.
        cause = getattr(error.__cause__ if isinstance(error, StorageInternalError) else error, "orig", None) or type(error).__name__
        raise Unreachable(
            f"{KEY} = {masked(url)} does not answer: {masked(str(cause)).strip()}",
            mend="check that the server runs or the file's folder is writable; without the file, only trials that are done are lost",
        ) from error


@contextmanager
def _alone(config: Config, url: str, target: str) -> Iterator[None]:
    path = Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else config.root / "tuning.db"
    lock = FileLock(f"{path}.{target}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise Busy(f"Another process has tuned '{target}' for {LOCK_SECONDS} s and more", mend="let it end, then run this again") from error
    except OSError as error:
        raise Unreachable(f"{KEY} = {masked(url)} does not answer: {error}", mend="check that the file's folder is writable") from error
    try:
        yield
    finally:
        lock.release()
