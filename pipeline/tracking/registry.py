"""The model registry: one registered model per target, one version per finished training, the alias `champion` on one of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import ModelRefused, NoChampion
from pipeline.full_disk import naming_full_disk
from pipeline.tracking import model_folder, store
from pipeline.tracking.model_folder import Interface
from pipeline.tracking.runs import COMMIT, Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
MODEL_ID = "model_id"
"""Tag of a version whose files are those of an MLflow model; a version without it, from before, is a folder of scorer files."""
VERSIONS = "mlflow.modelVersions"
"""Tag by which MLflow's pages lead from a model to its version."""
GIT_COMMIT = "git_commit"
CHECKS = ("leak_gate", "sufficiency")
"""What a training's run is tagged with about its data; its version is tagged alike."""
PAGE = 200


@dataclass(frozen=True)
class ModelVersion:
    """One registered version, by what its tags say.

    cutoff                   the instant as of which it was trained
    newest_training_cutoff   the last cutoff whose labels it learned from
    labels_until             end of that cutoff's prediction window: nothing later has taught it
    fingerprint              of the features it reads
    manifest_sha256          of its artifact's manifest, hexadecimal
    checks                   what its training found: `leak_gate` → `passed`, `sufficiency` → `go` or `warn`, those that it recorded
    """

    target: str
    version: str
    kind: str
    cutoff: Cutoff
    newest_training_cutoff: Cutoff
    labels_until: Cutoff
    fingerprint: str
    manifest_sha256: str
    run_id: str
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A finished training that is about to be registered; the fields are those of ModelVersion."""

    kind: str
    cutoff: Cutoff
    newest_training_cutoff: Cutoff
    labels_until: Cutoff
    fingerprint: str
    manifest_sha256: str

    @property
    def tags(self) -> dict[str, str]:
        """As the registry keeps it."""
        return {
            "kind": self.kind,
            "cutoff": self.cutoff.key,
            "newest_training_cutoff": self.newest_training_cutoff.key,
            "labels_until": self.labels_until.key,
            "fingerprint": self.fingerprint,
            "manifest_sha256": self.manifest_sha256,
        }


@dataclass(frozen=True)
class Card:
    """What people see of a version: a description in words, its figures, and how to call it."""

    description: str = ""
    figures: Mapping[str, SupportsFloat] = field(default_factory=dict)
    interface: Interface | None = None


def register(config: Config, target: str, run: Run, files: Path, candidate: Candidate, card: Card = Card()) -> ModelVersion:
    """Store the scorer's `files` as a model that `run` made, and make a version of it.

    The version is created last and carries its tags from the start: a training killed before leaves none. What the run is tagged with
    about its checks and its code goes with it.
    Raises FileNotFoundError where there are no files.
    """
    from mlflow.entities import LoggedModelOutput

    if not files.is_dir() or not any(files.iterdir()):
        raise FileNotFoundError(f"{files} holds no files to register")
    client = run.client
    with store.answering(store.address(config)), tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
        known = client.get_run(run.id)
        tags = {**candidate.tags, "run_id": run.id, **_inherited(known.data.tags)}
        name = f"{target}-{candidate.kind}"
        told = {**tags, "mlflow.note.content": card.description}
        model = client.create_logged_model(known.info.experiment_id, name, run.id, told, known.data.params, model_type=candidate.kind)
        model_folder.write(Path(folder), files, model, {"target": target, **tags}, card.interface)
        client.log_model_artifacts(model.model_id, folder)
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run.id, [LoggedModelOutput(model.model_id, step=0)])
        run.metrics(card.figures, model_id=model.model_id)
        made = client.create_model_version(
            target,
            model.artifact_location,  # a source `models:/…` would be looked up in the process's default store
            run_id=run.id,
            tags={**tags, MODEL_ID: model.model_id},
            description=card.description,
            model_id=model.model_id,
            await_creation_for=0,
        )
        version = {"name": target, "version": str(made.version)}
        client.set_logged_model_tags(model.model_id, {VERSIONS: json.dumps([version])})
    return version_of(made)


def _inherited(tags: Mapping[str, str]) -> dict[str, str]:
    found = {name: tags[name] for name in CHECKS if name in tags}
    return {**found, GIT_COMMIT: tags[COMMIT]} if COMMIT in tags else found


def candidates(config: Config, target: str, cutoff: Cutoff) -> tuple[ModelVersion, ...]:
    """The newest version of each kind trained as of `cutoff`, sorted by kind; empty if none."""
    client = store.prepare(config)
    newest: dict[str, ModelVersion] = {}
    with store.answering(store.address(config)):
        for found in search(client, f"name='{target}' and tags.cutoff='{cutoff.key}'"):
            version = version_of(found)
            held = newest.get(version.kind)
            if held is None or int(version.version) > int(held.version):
                newest[version.kind] = version
    return tuple(newest[kind] for kind in sorted(newest))


def champion(config: Config, target: str) -> ModelVersion:
    """The version that carries the alias now. Raises NoChampion."""
    found = find_champion(config, target)
    if found is None:
        raise NoChampion(
            f"Target '{target}' has no champion yet: no version of model '{target}' carries the alias '{CHAMPION}'",
            mend=f"run `nightcast run train --cutoff …`, or promote a trained one: `nightcast promote --target {target} --cutoff …`",
        )
    return found


def find_champion(config: Config, target: str) -> ModelVersion | None:
    """The version that carries the alias now, or None."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        aliases = {str(alias): str(version) for alias, version in client.get_registered_model(target).aliases.items()}
        return version_of(client.get_model_version(target, aliases[CHAMPION])) if CHAMPION in aliases else None


def champions(config: Config) -> dict[str, str | None]:
    """The champion's version of every target that has models; None where there is none yet."""
    found = {target: find_champion(config, target) for target in config.modelled_targets}
    return {target: model.version if model else None for target, model in found.items()}


def set_alias(config: Config, target: str, alias: str, version: str) -> None:
    """Move an alias to a version, in one step of the store."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        client.set_registered_model_alias(target, alias, version)


def drop_alias(config: Config, target: str, alias: str) -> None:
    """Take an alias away from whichever version has it."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        client.delete_registered_model_alias(target, alias)


def annotate(config: Config, target: str, version: str, tags: Mapping[str, str]) -> None:
    """Set tags on a version, replacing those of the same name."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        for key, value in tags.items():
            client.set_model_version_tag(target, version, key, value)


def describe(config: Config, target: str, version: str, text: str) -> None:
    """Replace a version's description, which MLflow shows as Markdown."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        client.update_model_version(target, version, text)


def describe_model(config: Config, target: str, text: str) -> None:
    """Replace the description of the target's registered model, of which its versions are part."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        client.update_registered_model(target, text)


def download(config: Config, model: ModelVersion, folder: Path) -> Path:
    """Copy a version's scorer files into `folder`; the folder that holds them. Nothing is opened: `open_scorer` checks digests first.

    Of a model's folder nothing else is fetched: its description and its code are for other programs.
    """
    client = store.prepare(config)
    from mlflow.artifacts import download_artifacts

    uri = store.address(config)
    with store.answering(uri), naming_full_disk(folder):
        tags = client.get_model_version(model.target, model.version).tags
        place = client.get_model_version_download_uri(model.target, model.version)
        within = f"{place.rstrip('/')}/{model_folder.SCORER}" if MODEL_ID in tags else place
        return Path(download_artifacts(artifact_uri=within, dst_path=str(folder), tracking_uri=uri))


def search(client: MlflowClient, wanted: str) -> list[Any]:
    """All versions that a filter of MLflow finds, as MLflow has them."""
    found, token = [], None
    while True:
        page = client.search_model_versions(wanted, max_results=PAGE, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def version_of(found: Any) -> ModelVersion:
    """What MLflow has of a version, read. Raises ModelRefused where its tags are not those of a training."""
    tags = dict(found.tags)
    try:
        return ModelVersion(
            target=found.name,
            version=str(found.version),
            kind=tags["kind"],
            cutoff=Cutoff.from_key(tags["cutoff"]),
            newest_training_cutoff=Cutoff.from_key(tags["newest_training_cutoff"]),
            labels_until=Cutoff.from_key(tags["labels_until"]),
            fingerprint=tags["fingerprint"],
            manifest_sha256=tags["manifest_sha256"],
            run_id=tags["run_id"],
            checks={name: tags[name] for name in CHECKS if name in tags},
        )
    except (KeyError, ValueError) as error:
        raise ModelRefused(
            f"Version {found.version} of model '{found.name}' was not registered by a training: its tags lack or garble {error}",
            mend="give the alias to a version that `nightcast train-…` registered",
        ) from error
