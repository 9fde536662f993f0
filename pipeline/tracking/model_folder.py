"""A model's folder as MLflow knows it: a description, and the scorer's files in a folder of their own.

    MLmodel              what it is, made by which run, and for a table-reading model how to call it
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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import Model, ModelSignature

SCORER = "artifacts/scorer"
CODE = "scorer.py"
LIBRARIES = ("lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "scipy")


@dataclass(frozen=True)
class Interface:
    """How a table-reading model is called.

    columns  (F,) names of the columns it takes, float64; `example` is one row of them that belongs to nobody
    outputs  names of the float64 columns it gives
    """

    columns: Sequence[str]
    example: Sequence[float]
    outputs: Sequence[str]


def write(folder: Path, files: Path, logged: LoggedModel, metadata: Mapping[str, str], interface: Interface | None) -> None:
    """Fill `folder`, which exists, from the scorer's `files`. Without an interface the model can be kept but not called through MLflow."""
    from mlflow.models import Model

    shutil.copytree(files, folder / SCORER)
    (folder / "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in LIBRARIES), encoding="utf-8")
    model = Model(run_id=logged.source_run_id, model_uuid=logged.model_id, model_id=logged.model_id, metadata=dict(metadata))
    if interface:
        _make_callable(folder, model, metadata, interface)
    model.model_size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    model.save(str(folder / "MLmodel"))


def _make_callable(folder: Path, model: Model, metadata: Mapping[str, str], interface: Interface) -> None:
    shutil.copyfile(Path(__file__).with_name("model_code.py"), folder / CODE)
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.loaders.code_model",
        python_version=platform.python_version(),
        model_code_path=CODE,
        config={"manifest_sha256": metadata["manifest_sha256"]},
        artifacts={"scorer": {"path": SCORER, "uri": SCORER}},
        streamable=False,
    )
    model.signature = _signature(interface)
    model.saved_input_example_info = _example(folder, interface)


def _signature(interface: Interface) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    taken, given = ([ColSpec(DataType.double, name) for name in names] for names in (interface.columns, interface.outputs))
    return ModelSignature(inputs=Schema(taken), outputs=Schema(given))


def _example(folder: Path, interface: Interface) -> dict[str, Any]:
    table = {"columns": list(interface.columns), "data": [list(interface.example)]}
    places = {"artifact_path": "input_example.json", "serving_input_path": "serving_input_example.json"}
    (folder / places["artifact_path"]).write_text(json.dumps(table), encoding="utf-8")
    (folder / places["serving_input_path"]).write_text(json.dumps({"dataframe_split": table}, indent=2), encoding="utf-8")
    return {**places, "type": "dataframe", "pandas_orient": "split"}
