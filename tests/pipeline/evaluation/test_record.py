from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.evaluation import record
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.recollection import recall
from pipeline.warehouse import open_warehouse
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration

RANDOM = np.random.default_rng(7)
Y = (RANDOM.random(100) < 0.3).astype(np.int8)
RAW = RANDOM.normal(size=100)
ANSWERS = [Answers("1", "gbdt", AS_OF, RAW, 1 / (1 + np.exp(-RAW)))]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    place_mlflow_store(tmp_path)
    return configuration(tmp_path)


def evidence() -> Evidence:
    return weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), Y, ANSWERS, {})


def test_evidence_is_recalled_as_it_was_kept(config: Config) -> None:
    record.keep(config, evidence(), Y, ANSWERS, [])
    run, found = recall(config, "purchase_7d", AS_OF)
    assert found == evidence()
    assert run.client.get_run(run.id).info.run_name == f"evaluation {AS_OF}"


def test_the_warehouse_gets_one_row_per_figure(config: Config) -> None:
    record.keep(config, evidence(), Y, ANSWERS, [])
    with open_warehouse(config) as warehouse:
        rows = warehouse.query("SELECT metric, value, lower, rows, basis FROM model_quality").to_pylist()
    figures = evidence().models[0].figures
    assert {row["metric"]: (row["value"], row["lower"]) for row in rows} == {
        name: (estimate.value, estimate.lower) for name, estimate in figures.items()
    }
    assert {(row["rows"], row["basis"]) for row in rows} == {(100, "validation")}


def test_the_evaluations_run_shows_pictures_and_says_the_figures(config: Config) -> None:
    record.keep(config, evidence(), Y, ANSWERS, [])
    run, _ = recall(config, "purchase_7d", AS_OF)
    said = run.client.get_run(run.id).data.tags["mlflow.note.content"]
    assert "| model | auc | average precision |" in said
    assert f"| gbdt v1 | {evidence().models[0].figures['auc'].value:.4g} (" in said
    pictures = {entry.path for entry in run.client.list_artifacts(run.id, "figures")}
    assert pictures == {f"figures/{name}.png" for name in ("roc", "precision_recall", "lift", "calibration", "scores")}


def test_a_model_that_could_not_be_judged_is_named_in_the_note() -> None:
    aside = weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), Y, ANSWERS, {"4": "it reads other features"})
    assert "Set aside: version 4, it reads other features" in record.note(aside)
