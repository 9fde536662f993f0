"""A model's folder as MLflow knows it: a description, and the scorer's files in a folder of their own.

    MLmodel              what it is, made by which run, and how to call it
    artifacts/scorer/    the scorer's verified files: all that Nightcast ever downloads
    scorer.py            code that hands a table to Nightcast (`model_code.py`)
    input_example.json   a made-up row, and serving_input_example.json, the same as a request
    requirements.txt     library versions

Written here and not by MLflow's `save_model`, which runs the model's code to look at it, copies the lock file of whatever project it is
started in, and writes this machine's paths into the model (MLflow 3.17, 2026-11). There is no pickle.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import Model, ModelSignature

SCORER = "artifacts/scorer"
CODE = "scorer.py"


@dataclass(frozen=True)
class Column:
    """One column that a model takes: a number (float64) or a text in each row, a list of texts, or a list of anything."""

    name: str
    holds: Literal["number", "text", "texts", "list"]
    optional: bool = False


@dataclass(frozen=True)
class Interface:
    """How a model is called.

    reads      feature columns, or lists of events
    columns    it takes; `example` is a row of them that belongs to nobody, column → value, without some of the optional ones perhaps
    outputs    names of the float64 columns it gives
    libraries  that must be installed, besides Nightcast's own code
    """

    reads: Literal["features", "events"]
    columns: Sequence[Column]
    example: Mapping[str, object]
    outputs: Sequence[str]
    libraries: Sequence[str]


def write(folder: Path, files: Path, logged: LoggedModel, metadata: Mapping[str, str], interface: Interface | None) -> None:
    """Fill `folder`, which exists, from the scorer's `files`. Without an interface the model can be kept but not called through MLflow."""
    from mlflow.models import Model

    shutil.copytree(files, folder / SCORER)
    model = Model(run_id=logged.source_run_id, model_uuid=logged.model_id, model_id=logged.model_id, metadata=dict(metadata))
    if interface:
        _make_callable(folder, model, metadata, interface)
    model.model_size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    model.save(str(folder / "MLmodel"))


def _make_callable(folder: Path, model: Model, metadata: Mapping[str, str], interface: Interface) -> None:
    shutil.copyfile(Path(__file__).with_name("model_code.py"), folder / CODE)
    needed = "".join(f"{name}=={version(name)}\n" for name in sorted(interface.libraries))
    (folder / "requirements.txt").write_text(needed, encoding="utf-8")
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.loaders.code_model",
        python_version=platform.python_version(),
        model_code_path=CODE,
        config={"manifest_sha256": metadata["manifest_sha256"], "reads": interface.reads},
        artifacts={"scorer": {"path": SCORER, "uri": SCORER}},
        streamable=False,
    )
    model.signature = _signature(interface)
    model.saved_input_example_info = _example(folder, interface)


def _signature(interface: Interface) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Array

    kinds = {"number": DataType.double, "text": DataType.string, "texts": Array(DataType.string), "list": Array(AnyType())}
    taken = [ColSpec(kinds[column.holds], column.name, required=not column.optional) for column in interface.columns]
    return ModelSignature(inputs=Schema(taken), outputs=Schema([ColSpec(DataType.double, name) for name in interface.outputs]))


def _example(folder: Path, interface: Interface) -> dict[str, Any]:
    table = {"columns": list(interface.example), "data": [list(interface.example.values())]}
    places = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
    (folder / places["artifact_path"]).write_text(json.dumps(table), encoding="utf-8")
    (folder / places["serving_input_path"]).write_text(json.dumps({"dataframe_split": table}, indent=2), encoding="utf-8")
    return {**places, "type": "dataframe", "pandas_orient": "split"}
