from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.tracking import model_folder
from pipeline.tracking.model_folder import Column, Interface

LOGGED: Any = SimpleNamespace(model_id="m-1", source_run_id="run-1")
NUMBERS = [Column("purchases_30d", "number"), Column("days_since_view", "number")]
INTERFACE = Interface("features", NUMBERS, {"purchases_30d": 1.0, "days_since_view": 3.5}, ["score"], ["numpy", "lightgbm"])
LISTS = [Column("cutoff", "text"), Column("kinds", "texts"), Column("times", "list"), Column("late", "list", optional=True)]
OF_EVENTS = Interface(
    "events", LISTS, {"cutoff": "2026-06-01T00:00:00Z", "kinds": ["view", "view"], "times": [7, None]}, ["score"], ["keras"]
)
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
    assert found.signature.inputs.input_names() == ["purchases_30d", "days_since_view"]
    assert {str(kind) for kind in found.signature.inputs.input_types()} == {"DataType.double"}
    assert found.signature.outputs.input_names() == ["score"]
    assert found.load_input_example(str(folder)).to_dict("list") == {"purchases_30d": [1.0], "days_since_view": [3.5]}
    assert found.metadata == METADATA
    assert str(tmp_path) not in (folder / "MLmodel").read_text()
    assert str(Path(__file__).parents[3]) not in (folder / "MLmodel").read_text()
    assert json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]["data"] == [[1.0, 3.5]]


def test_a_model_of_events_is_described_with_lists_and_an_example_of_them(tmp_path: Path, files: Path) -> None:
    from mlflow.models import Model

    folder = written(tmp_path, files, OF_EVENTS)
    found = Model.load(str(folder))
    assert [(column.name, str(column.type), column.required) for column in found.signature.inputs.inputs] == [
        ("cutoff", "DataType.string", True),
        ("kinds", "Array(string)", True),
        ("times", "Array(Any)", True),
        ("late", "Array(Any)", False),
    ]
    example = found.load_input_example(str(folder))
    assert example.to_dict("list") == {"cutoff": ["2026-06-01T00:00:00Z"], "kinds": [["view", "view"]], "times": [[7, None]]}
    assert found.flavors["python_function"]["config"]["reads"] == "events"


def test_the_libraries_it_needs_are_named_with_their_versions(tmp_path: Path, files: Path) -> None:
    needed = (written(tmp_path, files, INTERFACE) / "requirements.txt").read_text()
    assert [line.partition("==")[0] for line in needed.splitlines()] == ["lightgbm", "numpy"]
    assert f"numpy=={np.__version__}" in needed


def test_without_an_interface_it_is_kept_without_a_way_to_call_it(tmp_path: Path, files: Path) -> None:
    from mlflow.models import Model

    folder = written(tmp_path, files, None)
    assert Model.load(str(folder)).flavors == {}
    assert sorted(path.name for path in folder.iterdir()) == ["MLmodel", "artifacts"]
