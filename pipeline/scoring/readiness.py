"""Whether a version may score from now on: asked before an alias moves to it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from features.target import Target
from pipeline.config import Config
from pipeline.scoring.loan import download
from pipeline.tracking import aliases
from pipeline.tracking.registry import ModelVersion


def require_ready(config: Config, target: Target, model: ModelVersion) -> None:
    """Raise ModelRefused unless the version is finished in the registry, and its files are all there, unchanged, and fit the configuration.

    The files are fetched as the nightly scoring fetches them; no library opens one.
    """
    aliases.require_finished(config, model)
    with tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
        download(config, target, model, Path(folder))
