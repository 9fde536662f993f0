"""One MLflow run per training or evaluation: parameters, metrics and their history, the data it read, figures, files.

Nothing here names a user: metrics are over all rows, and data sets are logged by name, digest and address.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

from features.cutoff import Cutoff, local_name
from pipeline import clock
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.tracking import parent_runs, store

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

METRICS_PER_CALL = 1000
PARAMS_PER_CALL = 100
TRAINING = "training"
"""Kind of the run that stands for the whole training of a target."""
COMMIT = "mlflow.source.git.commit"
TABLES = "mlflow.loggedArtifacts"
"""Tag that lists the tables MLflow shows of a run."""


@dataclass(frozen=True)
class Run:
    """An MLflow run that is open, or an earlier one that gets an addition. Every method raises Unreachable if MLflow does not answer."""

    id: str
    client: MlflowClient
    uri: str

    def params(self, values: Mapping[str, object]) -> None:
        """Log parameters; a parameter keeps its first value."""
        from mlflow.entities import Param

        params = [Param(name, str(value)) for name, value in values.items()]
        with store.answering(self.uri):
            for start in range(0, len(params), PARAMS_PER_CALL):
                self.client.log_batch(self.id, params=params[start : start + PARAMS_PER_CALL])

    def metrics(self, values: Mapping[str, SupportsFloat], *, model_id: str | None = None) -> None:
        """Log one value of each metric, and show it with the model of that id too if there is one."""
        self._log({name: [value] for name, value in values.items()}, first_step=0, model_id=model_id)

    def history(self, curves: Mapping[str, Sequence[SupportsFloat]]) -> None:
        """Log one value per iteration or epoch, the first as step 1."""
        self._log(curves, first_step=1)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags, replacing those of the same name."""
        from mlflow.entities import RunTag

        with store.answering(self.uri):
            self.client.log_batch(self.id, tags=[RunTag(name, value) for name, value in values.items()])

    def dataset(
        self,
        name: str,
        digest: str,
        uri: str,
        version: int | None,
        *,
        context: str,
        profile: Mapping[str, Any],
        columns: Sequence[str] = (),
    ) -> None:
        """Record which version of a lake table was read.

        digest   identifies the content; MLflow keeps 36 characters
        context  `training` or `evaluation`
        profile  what else there is to say of it; columns: names of those that are numbers
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"path": uri, "delta_table_version": version})
        schema = json.dumps({"mlflow_colspec": [{"type": "double", "name": column, "required": True} for column in columns]})
        entry = Dataset(name, digest[:36], "delta_table", source, schema=schema if columns else None, profile=json.dumps(dict(profile)))
        with store.answering(self.uri):
            self.client.log_inputs(self.id, datasets=[DatasetInput(entry, tags=[InputTag("mlflow.data.context", context)])])

    def figure(self, name: str, figure: Figure) -> None:
        """Store a figure as `figures/<name>.png`."""
        with store.answering(self.uri):
            self.client.log_figure(self.id, figure, f"figures/{name}.png")

    def picture(self, name: str, png: bytes) -> None:
        """Store a picture that is drawn already as `figures/<name>.png`."""
        with store.answering(self.uri), tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
            path = Path(folder) / f"{name}.png"
            path.write_bytes(png)
            self.client.log_artifact(self.id, str(path), "figures")

    def text(self, name: str, content: str) -> None:
        """Store a text as an artifact, UTF-8; MLflow shows `.html` as a page and `.md` as text."""
        with store.answering(self.uri):
            self.client.log_text(self.id, content, name)

    def table(self, name: str, content: Mapping[str, Any]) -> None:
        """Store a JSON document as an artifact."""
        with store.answering(self.uri):
            self.client.log_dict(self.id, dict(content), name)

    def grid(self, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Store columns of equal length as `<name>.json` in the form that MLflow shows as a table and compares between runs.

        Written here because `log_table` goes through a pandas call that pandas 3 deprecates (MLflow 3.17, 2026-11).
        """
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        self.table(f"{name}.json", {"columns": list(columns), "data": rows})
        with store.answering(self.uri):
            listed = json.loads(self.client.get_run(self.id).data.tags.get(TABLES, "[]"))
        self.tags({TABLES: json.dumps([*listed, {"path": f"{name}.json", "type": "table"}])})

    def _log(self, curves: Mapping[str, Sequence[SupportsFloat]], *, first_step: int, model_id: str | None = None) -> None:
        from mlflow.entities import Metric

        now = int(clock.now().timestamp() * 1000)
        metrics = [
            Metric(name, float(value), now, step, model_id=model_id)
            for name, values in curves.items()
            for step, value in enumerate(values, first_step)
        ]
        with store.answering(self.uri):
            for start in range(0, len(metrics), METRICS_PER_CALL):
                self.client.log_batch(self.id, metrics=metrics[start : start + METRICS_PER_CALL])

    def end(self, status: str) -> None:
        """Mark the run as FINISHED or FAILED; `opened` does so by itself."""
        with store.answering(self.uri):
            self.client.set_terminated(self.id, status)


def training(config: Config, target: str, as_of: Cutoff) -> Run:
    """The run under which MLflow folds everything about the training of a target as of a cutoff: its candidates and its evaluations.

    Found, or created; `parent_runs` says how it stays the only one. It is FINISHED, and its end moves with every call.
    """
    client, uri, commit = store.prepare(config), store.address(config), _git_commit()
    told = f"Everything about the training of {target} as of {as_of}: its candidates, and what their evaluation found."
    about = {"target": target, "mlflow.note.content": told, **({COMMIT: commit} if commit else {})}
    with store.alone(config), store.answering(uri):
        experiment = client.get_experiment_by_name(store.experiment_name(target)).experiment_id
        name = f"{TRAINING} {local_name(as_of, config.source.time_zone)}"
        return Run(parent_runs.settled(client, experiment, name, {"kind": TRAINING, "cutoff": as_of.key}, about), client, uri)


@contextmanager
def opened(config: Config, target: str, name: str, tags: Mapping[str, str], *, parent: Run | None = None) -> Iterator[Run]:
    """A new run in the target's experiment, below `parent` if there is one; ended as FINISHED, or as FAILED if the block raises.

    A run whose process was killed stays RUNNING in MLflow; only a rollback looks for its own.
    """
    client, uri, commit = store.prepare(config), store.address(config), _git_commit()
    above = {parent_runs.PARENT: parent.id} if parent else {}
    every = {"target": target, **tags, **above, **({COMMIT: commit} if commit else {})}
    with store.answering(uri):
        experiment = client.get_experiment_by_name(store.experiment_name(target))
        run = Run(client.create_run(experiment.experiment_id, run_name=name, tags=every).info.run_id, client, uri)
    try:
        yield run
    except BaseException:
        run.end("FAILED")
        raise
    run.end("FINISHED")


def existing(config: Config, run_id: str) -> Run:
    """A run that ended earlier, to add to it."""
    return Run(run_id, store.prepare(config), store.address(config))


def newest(config: Config, target: str, tags: Mapping[str, str], *, status: str = "FINISHED") -> Run | None:
    """The newest run of a target's experiment with these tags; one that is RUNNING is at work, or its process was killed."""
    client = store.prepare(config)
    with store.answering(store.address(config)):
        experiment = client.get_experiment_by_name(store.experiment_name(target))
        wanted = " and ".join([f"attributes.status = '{status}'", *(f"tags.`{key}` = '{value}'" for key, value in tags.items())])
        found = client.search_runs([experiment.experiment_id], wanted, max_results=1, order_by=["attributes.start_time DESC"])
    return Run(found[0].info.run_id, client, store.address(config)) if found else None


def read_table(run: Run, name: str) -> dict[str, Any]:
    """A JSON document stored by `Run.table`. Raises MissingInput if the run has none of that name."""
    with store.answering(run.uri):
        stored = {entry.path for entry in run.client.list_artifacts(run.id)}
    if name not in stored:
        raise MissingInput(f"MLflow run {run.id} has no artifact {name}", mend="run the stage that writes it again")
    with tempfile.TemporaryDirectory(prefix="nightcast-") as folder, store.answering(run.uri):
        path = Path(run.client.download_artifacts(run.id, name, folder))
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _git_commit() -> str:
    """The commit of the code that runs; empty where it was installed without its history."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
