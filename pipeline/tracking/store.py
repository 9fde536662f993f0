"""The MLflow store, ready for use: its database exists, is up to date, and holds one experiment per target.

Two processes that open a fresh MLflow database at once leave it broken for good. Every entry into this package therefore goes
through `prepare`, which works under a lock between processes and builds a new SQLite file aside, visible only when complete.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pipeline.config import Config
from pipeline.errors import Busy, Unreachable
from pipeline.tracking import saved_view

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"
SERVED = ("http://", "https://")
LOCK_SECONDS = 300
EXISTS = "RESOURCE_ALREADY_EXISTS"
UNANSWERED = frozenset({"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"})

PAGES = {"mlflow.experimentKind": "custom_model_development", **saved_view.tags()}
"""Tags of an experiment by which MLflow shows the pages of model training, where it would guess those of language models, and a view."""

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # a command's stdout is its result and nothing else
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
"""Read by MLflow when it is imported; what the environment already says wins."""


def address(config: Config) -> str:
    """The tracking URI, with the path of an SQLite file made absolute (relative paths start at the configuration's folder)."""
    uri = config.mlflow.tracking_uri
    return f"{SQLITE}{config.path(uri.removeprefix(SQLITE))}" if uri.startswith(SQLITE) else uri


def experiment_name(target: str) -> str:
    """The experiment that holds a target's trainings and evaluations."""
    return f"nightcast/{target}"


def prepare(config: Config) -> MlflowClient:
    """A client of a store that is ready: database created or upgraded, experiments and registered models of all modelled targets present.

    Cheap when all of that is so already, and safe in any number of processes at once.
    Raises Unreachable naming the URI, and Busy naming the lock if another process holds it for five minutes.
    """
    uri = address(config)
    with alone(config), answering(uri):
        client = _connected(uri)
        for target in config.modelled_targets:
            _ensure_experiment(client, target, _artifact_location(config, target))
            _ensure_registered_model(client, target)
    return client


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """Held by one process of this machine at a time; there is no lock for a server, which other machines use too.

    Raises Busy naming the lock if another process holds it for five minutes, and Unreachable if its folder cannot be written.
    """
    uri = address(config)
    if uri.startswith(SERVED):
        yield
        return
    path = Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else config.root / "mlflow"
    lock = FileLock(f"{path}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise Busy(
            f"Another process has held {path}.lock for {LOCK_SECONDS} s", mend="wait for it, or end it, and run this again"
        ) from error
    except OSError as error:
        raise Unreachable(
            f"MLflow at {uri} does not answer: {_first_line(error)}", mend="check [mlflow] tracking_uri; its folder must be writable"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turn MLflow's and the system's ways of not answering into Unreachable. The first import of MLflow happens here."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException

    mend = "check [mlflow] tracking_uri, and that the server runs or the file's folder is writable"
    try:
        yield
    except MlflowException as error:
        if error.error_code not in UNANSWERED:
            raise
        raise Unreachable(f"MLflow at {uri} does not answer: {_first_line(error)}", mend=mend) from error
    except OSError as error:
        raise Unreachable(f"MLflow at {uri} does not answer: {_first_line(error)}", mend=mend) from error
    except Exception as error:
        if not isinstance(error.__cause__, sqlite3.DatabaseError):  # a file that was damaged, or is locked
            raise
        raise Unreachable(f"MLflow at {uri} does not answer: {_first_line(error)}", mend=mend) from error


def create_sqlite(path: Path) -> None:
    """An empty, migrated MLflow database at `path`, unless there is a file; it appears only when complete."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.creating")
    fresh.unlink(missing_ok=True)
    with _loader_warning_ignored():
        _upgrade(f"{SQLITE}{fresh}")
    fresh.replace(path)


def _connected(uri: str) -> MlflowClient:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if uri.startswith(SQLITE):
        create_sqlite(Path(uri.removeprefix(SQLITE)))
    with _loader_warning_ignored():
        try:
            return MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            if "out-of-date database schema" not in str(error):
                raise
        _upgrade(uri)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _loader_warning_ignored() -> Iterator[None]:
    """2026-11: MLflow 3.17 maps a relation with a loader that SQLAlchemy 2.1 deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy", category=DeprecationWarning)
        yield


def _upgrade(uri: str) -> None:
    """MLflow's `db upgrade`, which also fills an empty database."""
    from mlflow.db import upgrade

    upgrade.callback(uri)


def _ensure_experiment(client: MlflowClient, target: str, location: str | None) -> None:
    found = client.get_experiment_by_name(experiment_name(target))
    if found is None:
        with _already_there():
            about = {"mlflow.note.content": f"Trainings, evaluations and promotions of target {target}"}
            client.create_experiment(experiment_name(target), artifact_location=location, tags={**PAGES, **about})
        return
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for key in PAGES.keys() - found.tags.keys():
        client.set_experiment_tag(found.experiment_id, key, PAGES[key])


def _ensure_registered_model(client: MlflowClient, target: str) -> None:
    if not client.search_registered_models(f"name='{target}'", max_results=1):
        with _already_there():
            client.create_registered_model(target, description=f"Scorers of target {target}")


@contextmanager
def _already_there() -> Iterator[None]:
    """A server may be asked by several machines, which share no lock: the one that comes second finds it done."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != EXISTS:
            raise


def _artifact_location(config: Config, target: str) -> str | None:
    """Where an experiment's files lie; None lets a server decide."""
    if address(config).startswith(SERVED):
        return None
    artifacts = config.mlflow.artifacts
    return f"{artifacts.rstrip('/')}/{target}" if "://" in artifacts else (config.path(artifacts) / target).as_uri()


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
