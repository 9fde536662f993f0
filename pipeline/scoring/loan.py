"""A registered version on this machine: downloaded once into a private folder and verified before anybody opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.target import Target
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.scoring.artifact import require_fit, verify
from pipeline.scoring.bucket import ScorerFile
from pipeline.tracking import registry
from pipeline.tracking.registry import ModelVersion

NETWORK_WORKERS = 2
"""Most workers of this machine that may hold a neural network at once."""


@dataclass(frozen=True)
class Loaned:
    """A version with its verified files."""

    model: ModelVersion
    file: ScorerFile


def borrow(config: Config, target: Target, folder: Path) -> Loaned:
    """The target's champion, its alias read this once. Raises NoChampion and ModelRefused."""
    return download(config, target, registry.champion(config, target.name), folder)


def download(config: Config, target: Target, model: ModelVersion, folder: Path) -> Loaned:
    """A version's files below `folder`, verified, and found fit for the configured features and target."""
    place = folder / f"{target.name}-{model.version}"
    place.mkdir(mode=0o700)
    held = registry.download(config, model, place)
    features = configured_features(config)
    file = ScorerFile(str(held), model.manifest_sha256, features.fingerprint, target)
    require_fit(verify(held, model.manifest_sha256), fingerprint=features.fingerprint, target=target, columns=features.names)
    return Loaned(model, file)


def enough_workers(config: Config, models: Sequence[ModelVersion], users: int, users_per_worker: int) -> Config:
    """The configuration with no more local workers than the work is worth if one of the models is a network.

    A worker that holds one takes seconds to import its library and a gigabyte of memory: one per `users_per_worker`, two at most.
    """
    if all(model.kind != "sequence" for model in models):
        return config
    wanted = min(config.dask.workers, NETWORK_WORKERS, 1 + users // users_per_worker)
    return config.model_copy(update={"dask": config.dask.model_copy(update={"workers": wanted})})
