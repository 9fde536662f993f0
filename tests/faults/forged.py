"""Models that carry code, as somebody with access to the registry might plant them. The code only leaves a mark."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.scoring.artifact import digest
from pipeline.tracking import registry, runs
from pipeline.tracking.registry import Candidate, ModelVersion


class Mark:
    """Unpickling it writes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return Path.touch, (self.path,)


def pickled(path: Path) -> bytes:
    """A pickle that writes the file at `path` when it is opened."""
    return pickle.dumps(Mark(path))


def keras_lambda(file: Path, marker: Path) -> None:
    """A network whose Lambda layer writes `marker` when the layer is made anew from the file, or called."""
    import keras

    layer = keras.layers.Lambda(eval(f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]"))
    keras.Sequential([keras.Input((3,)), layer]).save(file)
    marker.unlink(missing_ok=True)


def resealed(folder: Path, **changes: object) -> str:
    """The manifest's digest after its list of files was made to fit what is in `folder`, and `changes` were put into it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path.name: digest(path) for path in folder.iterdir() if path.name != "manifest.json"}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": files, **changes}))
    return digest(folder / "manifest.json")


def planted(config: Config, like: ModelVersion, folder: Path, kind: str) -> ModelVersion:
    """A version whose tags are all in order, made of the files in `folder`, and the champion's alias on it."""
    sha256 = digest(folder / "manifest.json")
    told = Candidate(kind, like.cutoff, like.newest_training_cutoff, like.labels_until, like.fingerprint, sha256)
    with runs.opened(config, like.target, kind, {}) as run:
        made = registry.register(config, like.target, run, folder, replace(told, cutoff=Cutoff.from_key("20260101T000000Z")))
    registry.set_alias(config, like.target, registry.CHAMPION, made.version)
    return made
