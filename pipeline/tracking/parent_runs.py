"""One parent run for each training of a target, however many processes ask for it at once.

MLflow has no key by which a second run could be refused. So whoever finds none creates one and looks again: the oldest stays, the runs
below a younger one move to it, and the younger one is deleted. A process that was handed the younger one just before may still open a
run below it; the next call moves that one too. Every training calls again at its end, and so does every evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT = "mlflow.parentRunId"
"""Tag by which MLflow folds a run below another."""
GONE = "INVALID_PARAMETER_VALUE"
"""What MLflow answers to a change of a deleted run."""


def settled(client: MlflowClient, experiment: str, name: str, key: Mapping[str, str], about: Mapping[str, str]) -> str:
    """Id of the oldest run whose tags are `key`, created with `about` too if there is none; afterwards it is the only one.

    Ties in the time of creation go to the smaller id, so that all processes agree.
    """
    if not _standing(_found(client, experiment, key)):
        client.create_run(experiment, run_name=name, tags={**key, **about})
    found = _found(client, experiment, key)
    first, *later = _standing(found)
    for run in found:
        if run is not first:
            _adopt(client, experiment, run.info.run_id, first.info.run_id)
    for run in later:
        client.delete_run(run.info.run_id)
    with _unless_deleted():
        client.set_terminated(first.info.run_id, "FINISHED")
    return str(first.info.run_id)


def _found(client: MlflowClient, experiment: str, key: Mapping[str, str]) -> list[Any]:
    """Also the deleted ones: runs may still have been opened below them."""
    from mlflow.entities import ViewType

    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in key.items())
    found = client.search_runs([experiment], wanted, ViewType.ALL)
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def _standing(found: list[Any]) -> list[Any]:
    return [run for run in found if run.info.lifecycle_stage == "active"]


def _adopt(client: MlflowClient, experiment: str, old: str, new: str) -> None:
    for child in client.search_runs([experiment], f"tags.`{PARENT}` = '{old}'"):
        with _unless_deleted():
            client.set_tag(child.info.run_id, PARENT, new)


@contextmanager
def _unless_deleted() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != GONE:
            raise
