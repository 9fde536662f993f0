from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.tracking import runs
from tests.pipeline.tracking.conftest import CUTOFF


def test_a_run_keeps_all_that_was_logged(config: Config) -> None:
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    with runs.opened(config, "purchase_7d", "gbdt 2026-06-01", {"kind": "gbdt"}) as run:
        run.params({f"p{number}": number for number in range(150)})
        run.metrics({"auc": 0.75, "rows": np.int64(3)})
        run.history({"loss": [0.7, 0.6, 0.5]})
        run.tags({"cutoff": "20260601T000000Z"})
        run.dataset("labels", "ab" * 32, "lake/labels", 4, context="training", profile={"cutoffs": ["2026-05-01"]}, columns=["recency"])
        run.figure("roc", figure)
    logged = run.client.get_run(run.id)
    assert logged.info.status == "FINISHED"
    assert logged.info.run_name == "gbdt 2026-06-01"
    assert len(logged.data.params) == 150
    assert logged.data.metrics == {"auc": 0.75, "rows": 3.0, "loss": 0.5}
    assert [(point.step, point.value) for point in run.client.get_metric_history(run.id, "loss")] == [(1, 0.7), (2, 0.6), (3, 0.5)]
    assert {"target": "purchase_7d", "kind": "gbdt", "cutoff": "20260601T000000Z"}.items() <= logged.data.tags.items()
    (entry,) = logged.inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest, entry.tags[0].value) == ("labels", "ab" * 18, "training")
    assert json.loads(entry.dataset.source) == {"path": "lake/labels", "delta_table_version": 4}
    assert json.loads(entry.dataset.profile) == {"cutoffs": ["2026-05-01"]}
    assert json.loads(entry.dataset.schema)["mlflow_colspec"][0]["name"] == "recency"
    assert [found.path for found in run.client.list_artifacts(run.id, "figures")] == ["figures/roc.png"]


def test_a_long_history_is_logged_whole(config: Config) -> None:
    with runs.opened(config, "purchase_7d", "gbdt", {}) as run:
        run.history({"loss": np.linspace(1, 0, 2500).tolist(), "auc": [0.5] * 10})
    assert len(run.client.get_metric_history(run.id, "loss")) == 2500
    assert len(run.client.get_metric_history(run.id, "auc")) == 10


def test_a_run_whose_work_raises_is_marked_failed(config: Config) -> None:
    with pytest.raises(ValueError, match="no luck"), runs.opened(config, "purchase_7d", "gbdt", {}) as run:
        raise ValueError("no luck")
    assert run.client.get_run(run.id).info.status == "FAILED"


def test_a_table_comes_back_as_it_was_stored(config: Config) -> None:
    content = {"models": [{"version": "1", "auc": 0.1 + 0.2}], "none": None}
    with runs.opened(config, "purchase_7d", "evaluation", {}) as run:
        run.table("evaluation.json", content)
    assert runs.read_table(runs.existing(config, run.id), "evaluation.json") == content


def test_a_table_that_was_never_stored_is_missing(config: Config) -> None:
    with runs.opened(config, "purchase_7d", "evaluation", {}) as run:
        pass
    with pytest.raises(MissingInput, match=r"has no artifact evaluation\.json"):
        runs.read_table(run, "evaluation.json")


def test_the_newest_finished_run_with_the_tags_is_found(config: Config) -> None:
    found = []
    for kind in ("evaluation", "evaluation", "gbdt"):
        with runs.opened(config, "purchase_7d", kind, {"kind": kind}) as run:
            found.append(run.id)
    with pytest.raises(ValueError, match="later"), runs.opened(config, "purchase_7d", "evaluation", {"kind": "evaluation"}):
        raise ValueError("later, but failed")
    newest = runs.newest(config, "purchase_7d", {"kind": "evaluation"})
    assert newest is not None
    assert newest.id == found[1]
    assert runs.newest(config, "churn_28d", {"kind": "evaluation"}) is None


def test_a_grid_is_stored_in_the_form_that_mlflow_shows_as_a_table(config: Config) -> None:
    with runs.opened(config, "purchase_7d", "evaluation", {}) as run:
        run.grid("metrics", {"model": ["gbdt v1", "sequence v2"], "value": [0.75, 0.5], "lower": [0.7, None]})
        run.grid("dropped", {"feature": ["recency"]})
    stored = runs.read_table(run, "metrics.json")
    assert stored == {"columns": ["model", "value", "lower"], "data": [["gbdt v1", 0.75, 0.7], ["sequence v2", 0.5, None]]}
    tags = run.client.get_run(run.id).data.tags
    assert [entry["path"] for entry in json.loads(tags["mlflow.loggedArtifacts"])] == ["metrics.json", "dropped.json"]


def test_a_run_below_another_names_it(config: Config) -> None:
    with runs.opened(config, "purchase_7d", "gbdt", {}) as above, runs.opened(config, "purchase_7d", "trial 0", {}, parent=above) as below:
        pass
    assert below.client.get_run(below.id).data.tags["mlflow.parentRunId"] == above.id
    assert "mlflow.parentRunId" not in above.client.get_run(above.id).data.tags


def test_a_text_and_a_picture_are_stored_as_they_are(config: Config) -> None:
    with runs.opened(config, "purchase_7d", "evaluation", {}) as run:
        run.text("report.html", "<p>größer</p>")
        run.picture("forest", b"\x89PNG\r\n")
    folder = Path(run.client.get_run(run.id).info.artifact_uri.removeprefix("file://"))
    assert (folder / "report.html").read_bytes() == "<p>größer</p>".encode()
    assert (folder / "figures" / "forest.png").read_bytes() == b"\x89PNG\r\n"


def test_a_training_is_one_run_that_says_what_it_is(config: Config) -> None:
    first, again = runs.training(config, "purchase_7d", CUTOFF), runs.training(config, "purchase_7d", CUTOFF)
    assert first.id == again.id
    found = first.client.get_run(first.id)
    assert (found.info.run_name, found.info.status) == ("training 2026-06-01", "FINISHED")
    assert {"kind": "training", "cutoff": "20260601T000000Z", "target": "purchase_7d"}.items() <= found.data.tags.items()


def test_another_cutoff_and_another_target_are_other_trainings(config: Config) -> None:
    asked = [("purchase_7d", CUTOFF), ("purchase_7d", CUTOFF.plus_days(7)), ("churn_28d", CUTOFF)]
    assert len({runs.training(config, target, cutoff).id for target, cutoff in asked}) == 3


def test_a_run_that_nobody_ended_is_found_and_ended(config: Config) -> None:
    wanted = {"kind": "rollback"}

    def unfinished(tags: dict[str, str]) -> runs.Run | None:
        return runs.newest(config, "purchase_7d", tags, status="RUNNING")

    assert unfinished(wanted) is None
    with runs.opened(config, "purchase_7d", "rollback", wanted) as run:
        found = unfinished(wanted)
        assert found is not None
        assert found.id == run.id
        assert unfinished({"kind": "other"}) is None
        assert runs.newest(config, "purchase_7d", wanted) is None
    assert unfinished(wanted) is None
    with runs.opened(config, "purchase_7d", "rollback", wanted) as run:
        run.end("FAILED")
        assert unfinished(wanted) is None


def test_the_newest_evaluation_is_not_its_training(config: Config) -> None:
    tags = {"kind": "evaluation", "cutoff": CUTOFF.key}
    parent = runs.training(config, "purchase_7d", CUTOFF)
    assert runs.newest(config, "purchase_7d", tags) is None
    with runs.opened(config, "purchase_7d", "evaluation", tags, parent=parent) as run:
        pass
    runs.training(config, "purchase_7d", CUTOFF)
    newest = runs.newest(config, "purchase_7d", tags)
    assert newest is not None
    assert newest.id == run.id
