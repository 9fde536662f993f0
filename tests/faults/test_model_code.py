"""A model that carries code is never run by the night, whatever the registry says of it (F22). Every probe is shown to be live first."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import ModelRefused
from pipeline.scoring.bucket import opened
from pipeline.scoring.loan import borrow
from pipeline.stages import score
from pipeline.tracking import registry, store
from tests.faults import forged
from tests.faults.scoring_night import TARGET, ready, scores
from tests.synthetic_lake import AS_OF

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
"""Keras 3.15 turns TensorFlow variables into arrays in NumPy's old way; 2026-11."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return ready(tmp_path_factory.mktemp("night"))


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """The file that planted code would write; it must not be there at the end."""
    path = tmp_path / "code-was-run"
    yield path
    assert not path.exists()


@pytest.fixture
def copied(night: Config, tmp_path: Path) -> Iterator[Path]:
    """The files of version 1 to build a forgery of; its alias is put back afterwards."""
    (tmp_path / "copied").mkdir()
    yield registry.download(night, registry.champion(night, TARGET), tmp_path / "copied")
    registry.set_alias(night, TARGET, registry.CHAMPION, "1")


def refused(night: Config, folder: Path, match: str) -> None:
    """The champion is fetched, verified and opened as the night does it."""
    (folder / "loan").mkdir()
    with pytest.raises(ModelRefused, match=match):
        opened(borrow(night, night.target(TARGET), folder / "loan").file)


@pytest.mark.parametrize("name", ["model.pkl", "network.h5", "model.joblib", "code.py"])
def test_a_file_that_could_hold_code_is_not_opened(night: Config, copied: Path, tmp_path: Path, marker: Path, name: str) -> None:
    (copied / name).write_bytes(forged.pickled(marker))
    pickle.loads((copied / name).read_bytes())
    marker.unlink()
    forged.resealed(copied)
    forged.planted(night, registry.champion(night, TARGET), copied, "gbdt")
    refused(night, tmp_path, f"The artifact holds {name}; only")


def test_a_pickle_in_the_place_of_the_trees_is_not_opened(night: Config, copied: Path, tmp_path: Path, marker: Path) -> None:
    (copied / "model.txt").write_bytes(forged.pickled(marker))
    forged.resealed(copied)
    forged.planted(night, registry.champion(night, TARGET), copied, "gbdt")
    refused(night, tmp_path, "model.txt")


def test_a_network_with_a_lambda_layer_is_refused(night: Config, copied: Path, tmp_path: Path, marker: Path) -> None:
    import keras

    forged.keras_lambda(copied / "model.keras", marker)
    keras.saving.load_model(copied / "model.keras", safe_mode=False)  # the probe works
    marker.unlink()
    for name, text in {"vocabulary.json": "{}", "settings.json": "{}"}.items():
        (copied / name).write_text(text)
    forged.resealed(copied, kind="sequence")
    forged.planted(night, registry.champion(night, TARGET), copied, "sequence")
    refused(night, tmp_path, "Lambda")


def test_a_kind_that_nightcast_does_not_know_is_refused(night: Config, copied: Path, tmp_path: Path) -> None:
    forged.resealed(copied, kind="pyfunc")
    forged.planted(night, registry.champion(night, TARGET), copied, "pyfunc")
    refused(night, tmp_path, "kind 'pyfunc'")


def test_code_in_the_models_folder_is_not_even_fetched(night: Config, marker: Path) -> None:
    model = store.prepare(night).get_model_version(TARGET, "1")
    folder = Path(model.source.removeprefix("file://"))
    plant(folder, marker)
    load = "import sys, mlflow; mlflow.pyfunc.load_model(sys.argv[1])"
    subprocess.run([sys.executable, "-c", load, str(folder)], capture_output=True, timeout=120, check=False)
    assert marker.exists()  # the probe works: MLflow runs it
    marker.unlink()
    assert score.run(night, AS_OF, targets=[night.target(TARGET)], show=False)["rows"] == 240
    assert len(scores(night)) == 240


def plant(folder: Path, marker: Path) -> None:
    """Code that MLflow runs when it loads the model: in the place of our own, and in a loader module."""
    touch = f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
    (folder / "scorer.py").write_text(touch)
    (folder / "code").mkdir()
    (folder / "code" / "planted_loader.py").write_text(f"{touch}\ndef _load_pyfunc(path): pass\n")
    shutil.copy(folder / "MLmodel", folder / "MLmodel.before")
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(
        text.replace("loader_module: mlflow.pyfunc.loaders.code_model", "loader_module: planted_loader\n    code: code")
    )
