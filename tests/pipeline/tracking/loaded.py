"""A packed artifact registered as the champion, and loaded as people load it: `models:/<target>@champion`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.tracking import registry, runs, store
from pipeline.tracking.model_folder import Interface
from pipeline.tracking.registry import Candidate, Card

TARGET = "purchase_7d"


@contextmanager
def loaded_champion(config: Config, candidate: Candidate, files: Path, interface: Interface) -> Iterator[Any]:
    """As MLflow loads it, while its tracking address is this configuration's."""
    with runs.opened(config, TARGET, candidate.kind, {}) as run:
        made = registry.register(config, TARGET, run, files, candidate, Card("words", {}, interface))
    registry.set_alias(config, TARGET, registry.CHAMPION, made.version)
    with store.answering(store.address(config)):
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(store.address(config))
        try:
            yield mlflow.pyfunc.load_model(f"models:/{TARGET}@{registry.CHAMPION}")
        finally:
            mlflow.set_tracking_uri(before)
