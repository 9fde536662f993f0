from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.target import Kind
from models.classifier import Batch, Floats
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation import rows
from pipeline.evaluation.rows import JudgeTask, judge_bucket
from pipeline.feature_build import LABELS_SCHEMA
from pipeline.lake import Lake
from pipeline.scoring.bucket import ScorerFile
from pipeline.scoring.inputs import bucket_inputs
from pipeline.scoring.scorer import Judgement
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features, write_labels

EVALUATION = AS_OF.plus_days(-7)


class Counting:
    """A scorer whose log-odds are the number of visible events."""

    def judge(self, batch: Batch) -> Judgement:
        raw: Floats = np.diff(batch.view.offsets)[batch.rows].astype(np.float64)
        return Judgement(raw, 1 / (1 + np.exp(-raw)), 3 * raw)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    made = configuration(tmp_path)
    write_events(made, users=60)
    write_features(made, EVALUATION)
    write_labels(made, "purchase_7d", EVALUATION)
    monkeypatch.setattr(rows, "opened", lambda file: Counting())
    return made


def task(config: Config, scorers: int = 1, kind: Kind = "occurs") -> JudgeTask:
    lake = Lake(config.lake_url)
    file = ScorerFile("folder", "sha", "fingerprint", replace(config.target("purchase_7d"), kind=kind))
    return JudgeTask(bucket_inputs(config, lake, EVALUATION)[0], lake.version("labels") or 0, "purchase_7d", (file,) * scorers)


def test_answers_stand_beside_the_outcomes_of_the_same_users(config: Config) -> None:
    answers = judge_bucket(task(config, scorers=2))
    lake, where = Lake(config.lake_url), {"target": "purchase_7d", "cutoff": EVALUATION.key, "bucket": "0"}
    stored = {row["user_id"]: row["label"] for row in lake.read("labels", where).to_pylist()}
    events = lake.read("timelines", {"bucket": "0"})
    known = events.filter(pa.compute.less(events["event_time"], EVALUATION.instant)).to_pylist()
    seen = [row["user_id"] for row in known if row["available_at"] <= EVALUATION.instant]
    assert answers.raw.shape == answers.probability.shape == (len(stored), 2)
    assert answers.y.tolist() == [stored[user] for user in sorted(stored)]
    assert answers.raw[:, 0].tolist() == [seen.count(user) for user in sorted(stored)]


def test_a_sum_has_the_amounts_of_the_same_users_and_what_was_expected(config: Config) -> None:
    lake, partition = Lake(config.lake_url), {"target": "purchase_7d", "cutoff": EVALUATION.key}
    labels = lake.read("labels", {**partition, "bucket": "0"}, LABELS_SCHEMA.names)
    amounts = pa.array(np.arange(len(labels)) / 4)
    shuffled = labels.set_column(2, "amount", amounts).take(pa.array(np.arange(len(labels))[::-1]))
    part = lake.write_part("labels", {**partition, "bucket": "0"}, "amounts", shuffled)
    lake.commit("labels", shuffled.schema, partition, [part], metadata={})
    answers = judge_bucket(task(config, scorers=2, kind="sum"))
    stored = {row["user_id"]: (row["label"], row["amount"]) for row in shuffled.to_pylist()}
    assert answers.amounts is not None
    assert answers.expected is not None
    assert list(zip(answers.y.tolist(), answers.amounts.tolist(), strict=True)) == [stored[user] for user in sorted(stored)]
    np.testing.assert_array_equal(answers.expected, 3 * answers.raw)
    plain = judge_bucket(task(config))
    assert (plain.amounts, plain.expected) == (None, None)


def test_users_stand_beside_their_groups(config: Config) -> None:
    plain, grouped = judge_bucket(task(config)), judge_bucket(replace(task(config), slices=("tenure", "days_since_any")))
    lake, inputs = Lake(config.lake_url), task(config).inputs
    where = {"cutoff": EVALUATION.key, "bucket": "0"}
    stored = {row["user_id"]: row["days_since_any"] for row in lake.read(inputs.features_table, where).to_pylist()}
    labelled = sorted(lake.read("labels", {"target": "purchase_7d", **where})["user_id"].to_pylist())
    assert plain.groups == {}
    assert list(grouped.groups) == ["tenure", "days_since_any"]
    np.testing.assert_array_equal(grouped.groups["days_since_any"], [stored[user] for user in labelled])
    assert set(grouped.groups["tenure"]) <= {"under 30 days", "30 to 89 days", "90 to 364 days"}
    assert len(grouped.groups["tenure"]) == len(grouped.y)


def test_labels_of_users_without_features_are_another_age(config: Config) -> None:
    lake, partition = Lake(config.lake_url), {"target": "purchase_7d", "cutoff": EVALUATION.key}
    found = lake.read("labels", {**partition, "bucket": "0"}, LABELS_SCHEMA.names)
    more = pa.concat_tables([found, pa.Table.from_pylist([{"user_id": "stranger", "label": 1}], schema=found.schema)])
    part = lake.write_part("labels", {**partition, "bucket": "0"}, "more", more)
    lake.commit("labels", more.schema, partition, [part], metadata={})
    with pytest.raises(MissingInput, match="differ in age"):
        judge_bucket(task(config))
