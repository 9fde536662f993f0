"""A champion whose files were changed is refused before any library opens them; the alias stays and nothing is scored (F21)."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import ModelRefused
from pipeline.lake import Lake
from pipeline.scoring.artifact import digest
from pipeline.stages import score
from pipeline.tracking import registry
from tests.faults.scoring_night import TARGET, ready, score_by_command
from tests.synthetic_lake import AS_OF


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A folder with a champion; each test puts its files back."""
    return ready(tmp_path_factory.mktemp("night"))


@pytest.fixture
def artifact(night: Config, tmp_path: Path) -> Iterator[Path]:
    """The champion's folder in the artifact store, restored afterwards."""
    (model,) = (night.root / "mlartifacts").rglob("model.txt")
    shutil.copytree(model.parent, tmp_path / "kept")
    yield model.parent
    shutil.rmtree(model.parent)
    shutil.copytree(tmp_path / "kept", model.parent)


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.txt").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.txt").write_bytes(content)


def truncate(folder: Path) -> None:
    content = (folder / "model.txt").read_bytes()
    (folder / "model.txt").write_bytes(content[: len(content) // 2])


def edit_a_leaf_in_place(folder: Path) -> None:
    text = (folder / "model.txt").read_text()
    start = text.index("leaf_value=") + len("leaf_value=")
    digit = next(place for place in range(start, len(text)) if text[place] in "12345678")
    (folder / "model.txt").write_text(f"{text[:digit]}9{text[digit + 1 :]}")


def swap_in_another_models_trees(folder: Path) -> None:
    """A whole and valid model, but not the one that was registered."""
    lines = (folder / "model.txt").read_text().splitlines()
    (folder / "model.txt").write_text("\n".join(["[learning_rate: 0.5]" if "learning_rate" in line else line for line in lines]))


def keep_columns_that_were_dropped(folder: Path) -> None:
    content = json.loads((folder / "model_features.json").read_text())
    (folder / "model_features.json").write_text(json.dumps({**content, "dropped": {}}))


def shift_the_calibration(folder: Path) -> None:
    content = json.loads((folder / "calibrator.json").read_text())
    (folder / "calibrator.json").write_text(json.dumps({**content, "intercept": content["intercept"] + 1}))


def leave_the_calibration_out(folder: Path) -> None:
    (folder / "calibrator.json").unlink()


def swap_in_other_sentences(folder: Path) -> None:
    (folder / "sentences.json").write_text(json.dumps({"recency": "visit http://elsewhere"}))


def add_a_pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(print))


def change_model_and_manifest_together(folder: Path) -> None:
    edit_a_leaf_in_place(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.txt"] = digest(folder / "model.txt")
    (folder / "manifest.json").write_text(json.dumps(manifest))


TAMPERINGS = [
    flip_a_bit,
    truncate,
    edit_a_leaf_in_place,
    swap_in_another_models_trees,
    keep_columns_that_were_dropped,
    shift_the_calibration,
    leave_the_calibration_out,
    swap_in_other_sentences,
    add_a_pickle,
    change_model_and_manifest_together,
]


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_a_changed_champion_is_refused_and_nothing_is_scored(night: Config, artifact: Path, tamper: Callable[[Path], None]) -> None:
    tamper(artifact)
    with pytest.raises(ModelRefused):
        score.run(night, AS_OF, targets=[night.target(TARGET)], show=False)
    assert registry.champion(night, TARGET).version == "1"
    assert Lake(night.lake_url).version("scores") is None


@pytest.mark.parametrize("tamper", [truncate, flip_a_bit])
def test_the_command_ends_with_its_own_exit_code_and_does_not_crash(night: Config, artifact: Path, tamper: Callable[[Path], None]) -> None:
    tamper(artifact)
    done = score_by_command(night)
    assert done.returncode == 16, done.stderr
    assert "model.txt was changed" in done.stderr
    assert registry.champion(night, TARGET).version == "1"


def test_a_champion_put_back_scores_again(night: Config) -> None:
    assert score.run(night, AS_OF, targets=[night.target(TARGET)], show=False)["rows"] == 240
