from __future__ import annotations

import json
from math import nan
from typing import NamedTuple

import numpy as np
import pytest

from features.cutoff import local_name
from models.classifier import Labels
from pipeline.config import Config
from pipeline.evaluation import record
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.evidence import Estimate, Evidence
from pipeline.evaluation.recollection import recall
from pipeline.tracking import runs
from pipeline.tracking.runs import Run
from pipeline.warehouse import open_warehouse
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration

RANDOM = np.random.default_rng(7)
ROWS = 400
RAW = RANDOM.normal(size=ROWS)
Y: Labels = (RANDOM.random(ROWS) < 1 / (1 + np.exp(-RAW))).astype(np.int8)
GROUPS = {"segment": np.array(["DE"] * 250 + ["FR"] * 140 + ["EI"] * 10, dtype=object)}
NOISY = RAW + RANDOM.normal(size=ROWS)
ANSWERS = [Answers(version, "gbdt", AS_OF.plus_days(-30), raw, 1 / (1 + np.exp(-raw))) for version, raw in (("2", RAW), ("1", NOISY))]
DECISION = Decision(True, "2", "1", ("version 2 (gbdt) replaces champion version 1 (gbdt)",))


class Kept(NamedTuple):
    """One evaluation as it is found after it was kept."""

    config: Config
    evidence: Evidence
    run: Run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("kept")
    place_mlflow_store(root)
    config = configuration(root, evaluation={"slices": ["segment"], "slice_rows": 100, "replicates": 100})
    evidence = weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), Y, ANSWERS, {}, groups=GROUPS, settings=config.evaluation)
    record.keep(config, evidence, DECISION, Y, ANSWERS, [], {"labels": 4, "features_1234": 9})
    run, found = recall(config, "purchase_7d", AS_OF)
    return Kept(config, found, run)


def test_evidence_is_recalled_as_it_was_kept(kept: Kept) -> None:
    settings = kept.config.evaluation
    assert kept.evidence == weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), Y, ANSWERS, {}, groups=GROUPS, settings=settings)


def test_the_evaluation_is_one_run_below_that_of_the_training(kept: Kept) -> None:
    found = kept.run.client.get_run(kept.run.id)
    assert found.info.run_name == f"evaluation {local_name(AS_OF, kept.config.source.time_zone)}"
    assert found.data.tags["mlflow.parentRunId"] == runs.training(kept.config, "purchase_7d", AS_OF).id
    assert found.data.tags["proposal"] == "promote"
    assert Decision.from_json(runs.read_table(kept.run, record.PROPOSAL)) == DECISION


def test_the_warehouse_gets_one_row_per_figure_of_all_users_and_of_each_group_judged(kept: Kept) -> None:
    with open_warehouse(kept.config) as warehouse:
        rows = warehouse.query("SELECT slice, metric, value, lower, \"rows\" AS users, basis FROM model_quality WHERE model_version = '2'")
    stored = {(row["slice"], row["metric"]): (row["value"], row["lower"], row["users"]) for row in rows.to_pylist()}
    figures = {("all", name): (each.value, each.lower, 400) for name, each in kept.evidence.models[0].figures.items()}
    for part in kept.evidence.slices:
        if not part.too_small:
            figures |= {(part.name, name): (each.value, each.lower, part.rows) for name, each in part.models["2"].items()}
    assert stored == figures
    assert {users for users, _ in stored} == {"all", "segment = DE", "segment = FR"}
    assert set(rows["basis"].to_pylist()) == {"validation"}


def test_a_figure_that_is_not_a_number_is_kept_as_unknown() -> None:
    rows = record.quality_rows({"auc": Estimate(nan)}, 3, "segment = DE").to_pylist()
    assert rows == [{"slice": "segment = DE", "metric": "auc", "value": None, "lower": None, "upper": None, "rows": 3}]


def test_the_run_shows_pictures_a_page_and_says_the_figures(kept: Kept) -> None:
    said = kept.run.client.get_run(kept.run.id).data.tags["mlflow.note.content"]
    assert said.startswith(
        "**gbdt v2 should score purchase_7d from now on.** Version 2 (gbdt) replaces champion version 1 (gbdt). On the same"
    )
    assert "| model | AUC | average precision | log loss |" in said
    assert "| gbdt v2 | 0." in said
    pictures = {entry.path for entry in kept.run.client.list_artifacts(kept.run.id, "figures")}
    names = ("roc", "precision_recall", "lift", "calibration", "scores", "forest", "forest_log_loss")
    assert pictures == {f"figures/{name}.png" for name in names}
    assert record.REPORT in {entry.path for entry in kept.run.client.list_artifacts(kept.run.id)}


def test_figures_have_names_by_which_runs_compare(kept: Kept) -> None:
    metrics = kept.run.client.get_run(kept.run.id).data.metrics
    best, other, lead = kept.evidence.models[0].figures, kept.evidence.models[1].figures, kept.evidence.difference("2", "1")
    assert metrics["gbdt_v1_auc"] == other["auc"].value
    assert (metrics["evaluation_auc"], metrics["evaluation_auc_lower"]) == (best["auc"].value, best["auc"].lower)
    assert (metrics["lead_auc"], metrics["lead_auc_upper"]) == (lead.value, lead.upper)


def test_the_tables_read_are_data_sets_of_the_run(kept: Kept) -> None:
    found = {each.dataset.name: each for each in kept.run.client.get_run(kept.run.id).inputs.dataset_inputs}
    versions = {name: json.loads(each.dataset.source)["delta_table_version"] for name, each in found.items()}
    assert versions == {"labels": 4, "features_1234": 9}
    assert {tag.value for each in found.values() for tag in each.tags} == {"evaluation"}


def test_a_model_that_could_not_be_judged_is_named_in_the_note() -> None:
    aside = weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), Y, ANSWERS, {"4": "it reads other features"})
    assert "Set aside: version 4, it reads other features" in record.note(aside, DECISION)
