"""What moving an alias takes: one mover at a time, whose it is now, a version by its number, and who was withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import MissingInput, ModelRefused
from pipeline.refresh_lock import refresh_lock
from pipeline.tracking import registry, store
from pipeline.tracking.registry import MODEL_ID, ModelVersion

WITHDRAWN = "withdrawn"
"""Tag of a version that a rollback took the alias from; its text says why. No promotion considers such a version."""
FINISHED = "READY"


@contextmanager
def alone(config: Config, target: str) -> Iterator[None]:
    """Held by one promotion or rollback of a target at a time; freed when its process ends, however it ends.

    It reaches as far as the file system that holds the MLflow database, or the configuration if MLflow is a server. Raises Busy.
    """
    uri = store.address(config)
    place = Path(uri.removeprefix(store.SQLITE)) if uri.startswith(store.SQLITE) else config.root / "mlflow"
    with refresh_lock(place.with_name(f"{place.name}.{target}.lock")):
        yield


def holder(config: Config, target: str, alias: str) -> str | None:
    """The version that has the alias now, whatever state it is in; None if nobody has it."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        aliases = client.get_registered_model(target).aliases
    return str(aliases[alias]) if alias in aliases else None


def version(config: Config, target: str, number: str) -> ModelVersion:
    """The version of that number. Raises MissingInput naming those there are, and ModelRefused if no training registered it."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        found = {str(each.version): each for each in registry.search(client, f"name='{target}'")}
    if number not in found:
        there = ", ".join(sorted(found, key=int)) or "none"
        raise MissingInput(f"Target '{target}' has no version {number}; there are: {there}", mend="name one of those")
    return registry.version_of(found[number])


def tags(config: Config, target: str, number: str) -> dict[str, str]:
    """A version's tags."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        return dict(client.get_model_version(target, number).tags)


def description(config: Config, target: str, number: str) -> str:
    """What MLflow shows people of a version; empty if nothing."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        return str(client.get_model_version(target, number).description or "")


def withdrawn(config: Config, target: str, numbers: Iterable[str]) -> dict[str, str]:
    """Those of the versions that a rollback has taken the alias from, and why."""
    said = {number: tags(config, target, number).get(WITHDRAWN) for number in numbers}
    return {number: why for number, why in said.items() if why is not None}


def reinstate(config: Config, target: str, number: str) -> None:
    """Forget that a version was withdrawn."""
    client = store.prepare(config)
    if WITHDRAWN in tags(config, target, number):
        with store.answering(store.address(config)):
            client.delete_model_version_tag(target, number, WITHDRAWN)


def require_finished(config: Config, model: ModelVersion) -> None:
    """Raise ModelRefused unless both the version and the logged model behind it, if it has one, were stored to the end."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        found = client.get_model_version(model.target, model.version)
        states = {"version": str(found.status)}
        if MODEL_ID in found.tags:
            states["logged model"] = str(client.get_logged_model(found.tags[MODEL_ID]).status)
    if unfinished := [f"its {what} is {state}" for what, state in states.items() if state.rpartition(".")[2] != FINISHED]:
        raise ModelRefused(
            f"Version {model.version} of model '{model.target}' is not finished: {', '.join(unfinished)}; both have to be {FINISHED}",
            mend="train again: the version was registered by hand, or its training broke off",
        )
