from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.tracking import model_folder
from pipeline.tracking.model_folder import Interface

LOGGED: Any = SimpleNamespace(model_id="m-1", source_run_id="run-1")
INTERFACE = Interface(["purchases_30d", "days_since_view"], [1.0, 3.5], ["score"])
METADATA = {"kind": "gbdt", "manifest_sha256": "a" * 64}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    place = tmp_path / "packed"
    place.mkdir()
    (place / "manifest.json").write_text("{}")
    return place


def written(tmp_path: Path, files: Path, interface: Interface | None) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    model_folder.write(folder, files, LOGGED, METADATA, interface)
    return folder


def test_the_scorers_files_lie_in_a_folder_of_their_own(tmp_path: Path, files: Path) -> None:
    folder = written(tmp_path, files, INTERFACE)
    assert [path.name for path in (folder / model_folder.SCORER).iterdir()] == ["manifest.json"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "MLmodel",
        "artifacts",
        "input_example.json",
        "requirements.txt",
        "scorer.py",
        "serving_input_example.json",
    ]


def test_the_description_tells_how_to_call_the_model_and_names_no_place_of_this_machine(tmp_path: Path, files: Path) -> None:
    from mlflow.models import Model

    folder = written(tmp_path, files, INTERFACE)
    found = Model.load(str(folder))
    assert found.signature.inputs.input_names() == list(INTERFACE.columns)
    assert {str(kind) for kind in found.signature.inputs.input_types()} == {"DataType.double"}
    assert found.signature.outputs.input_names() == ["score"]
    assert found.load_input_example(str(folder)).to_dict("list") == {"purchases_30d": [1.0], "days_since_view": [3.5]}
    assert found.metadata == METADATA
    assert str(tmp_path) not in (folder / "MLmodel").read_text()
    assert str(Path(__file__).parents[3]) not in (folder / "MLmodel").read_text()
    assert json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]["data"] == [[1.0, 3.5]]


def test_a_model_that_reads_events_is_kept_without_a_way_to_call_it(tmp_path: Path, files: Path) -> None:
    from mlflow.models import Model

    folder = written(tmp_path, files, None)
    assert Model.load(str(folder)).flavors == {}
    assert sorted(path.name for path in folder.iterdir()) == ["MLmodel", "artifacts", "requirements.txt"]
