from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.feature_set import FeatureSet
from features.target import Target
from models import gbdt_training
from models.amount import Amount
from models.calibration import Calibrator
from models.classifier import Batch, Floats
from models.gbdt import Gbdt
from models.gbdt_parameters import GbdtParameters
from pipeline.config import Config
from pipeline.config_sections import Ladder
from pipeline.configured_features import configured_features
from pipeline.errors import ModelRefused
from pipeline.lake import Lake
from pipeline.scoring import bucket_scores
from pipeline.scoring.artifact import Manifest, pack
from pipeline.scoring.bucket import BucketInputs, ScorerFile, load_view
from pipeline.scoring.bucket_scores import AVERAGE, FOLDER, NO_FEATURES, NOT_FINITE, PARTIAL, TOO_LITTLE, ScoreTask, Unranked, score_bucket
from pipeline.scoring.inputs import bucket_inputs
from pipeline.scoring.scorer import Scorer
from tests.models.gbdt_samples import samples
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features
from tests.unranked import unranked

BASE_RATE = 0.3
LADDER = Ladder()
SPENT = Target("spent_7d", "sum", "purchase", 7, eligible_within_days=30, unit="GBP")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    made = configuration(tmp_path_factory.mktemp("shop"))
    write_events(made, users=90)
    write_features(made, AS_OF)
    return made


@pytest.fixture(scope="module")
def inputs(config: Config) -> BucketInputs:
    return bucket_inputs(config, Lake(config.lake_url), AS_OF)[1]


@pytest.fixture(scope="module")
def features(config: Config) -> FeatureSet:
    return configured_features(config)


@pytest.fixture(scope="module")
def model(features: FeatureSet) -> Gbdt:
    random = np.random.default_rng(7)
    X = random.normal(size=(200, len(features.names)))
    y = (X[:, 0] + random.normal(size=200) > 0).astype(np.int8)
    parameters = GbdtParameters(rounds=5, min_leaf=10, folds=2, threads=1)
    return gbdt_training.fit(samples(X, y, np.arange(200)), features, parameters, 7).model


@pytest.fixture(scope="module")
def packed(model: Gbdt, features: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Target, Amount | None], ScorerFile]:
    def write(target: Target, amount: Amount | None) -> ScorerFile:
        folder = tmp_path_factory.mktemp("artifact")
        sha256 = pack(
            folder,
            model,
            Calibrator(1.0, 0.0),
            {feature.name: feature.sentence for feature in features.features},
            target=target,
            fingerprint=features.fingerprint,
            features=features.names,
            cutoffs=[AS_OF.plus_days(-14)],
            base_rate=BASE_RATE,
            amount=amount,
        )
        return ScorerFile(str(folder), sha256, features.fingerprint, target)

    return write


@pytest.fixture(scope="module")
def file(config: Config, packed: Callable[[Target, Amount | None], ScorerFile]) -> ScorerFile:
    return packed(config.target("churn_14d"), None)


def scored(inputs: BucketInputs, file: ScorerFile, *, ladder: Ladder = LADDER) -> pa.Table:
    """What is written of the bucket for one scorer."""
    (written,) = score_bucket(ScoreTask(inputs, (file,), "run", ladder))
    return unranked(inputs.lake, written)


def recent(inputs: BucketInputs) -> list[str]:
    """Users of the bucket with an event in the last 30 days: the eligible ones."""
    view = load_view(inputs)
    users: list[str] = view.user_ids[view.per_user(view.event_time >= AS_OF.plus_days(-30).micros) > 0].tolist()
    return sorted(users)


def test_exactly_the_eligible_users_are_scored_and_sorted(inputs: BucketInputs, file: ScorerFile) -> None:
    rows = scored(inputs, file)
    assert rows.schema.equals(PARTIAL)
    assert rows["user_id"].to_pylist() == recent(inputs)
    assert 0 < len(rows) < load_view(inputs).users
    assert rows["score"].null_count == 0
    assert rows["refused_reason"].null_count == rows["expected_value"].null_count == len(rows)


def test_a_sum_has_probability_times_amount_and_others_nothing(
    inputs: BucketInputs, packed: Callable[[Target, Amount | None], ScorerFile]
) -> None:
    rows = scored(inputs, packed(SPENT, Amount(40.0, 300)))
    np.testing.assert_array_equal(rows["expected_value"].to_numpy(), 40.0 * rows["score"].to_numpy())
    assert rows["refused_reason"].null_count == len(rows) > 0


def test_an_eligible_user_without_features_is_refused_with_a_reason(inputs: BucketInputs, file: ScorerFile) -> None:
    lake, where = inputs.lake, {"cutoff": AS_OF.key, "bucket": "1"}
    stored = lake.read(inputs.features_table, where, ["user_id", *inputs.features])
    lost = recent(inputs)[0]
    kept = stored.filter([user != lost for user in stored["user_id"].to_pylist()])
    part = lake.write_part("features/less", where, "less", kept)
    lake.commit("features/less", kept.schema, {"cutoff": AS_OF.key}, [part], metadata={})
    rows = scored(replace(inputs, features_table="features/less", features_version=0), file)
    refused = [row for row in rows.to_pylist() if row["refused_reason"]]
    assert [(row["user_id"], row["refused_reason"], row["score"]) for row in refused] == [(lost, NO_FEATURES, None)]


class Literal:
    """A model whose log-odds are given."""

    def __init__(self, raw: float) -> None:
        self.answer = raw

    def raw(self, batch: Batch) -> Floats:
        return np.full(len(batch.rows), self.answer)


def stub(model: Literal) -> Scorer:
    manifest = Manifest("gbdt", SPENT.question, "f" * 64, (), (), {})
    return Scorer(model, Calibrator(1.0, 0.0), {}, manifest, Amount(40.0, 300))  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_is_refused_and_never_written(
    inputs: BucketInputs, file: ScorerFile, raw: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_scores, "opened", lambda file: stub(Literal(raw)))
    rows = scored(inputs, replace(file, target=SPENT))
    assert set(rows["refused_reason"].to_pylist()) == {NOT_FINITE}
    for name in ("score", "raw_score", "expected_value", "reason_1", "reason_1_effect"):
        assert rows[name].null_count == len(rows) > 0


def test_each_target_of_a_task_is_answered_as_if_it_were_alone(
    inputs: BucketInputs, config: Config, packed: Callable[[Target, Amount | None], ScorerFile], file: ScorerFile
) -> None:
    everybody = packed(config.target("purchase_7d"), None)
    spent = packed(SPENT, Amount(40.0, 300))
    together = score_bucket(ScoreTask(inputs, (everybody, file, spent), "run", LADDER))
    found = [unranked(inputs.lake, written) for written in together]
    for rows, alone, written in zip(found, (everybody, file, spent), together, strict=True):
        assert rows.equals(scored(inputs, alone))
        assert (written.bucket, written.eligible) == (1, len(rows))
    assert len(found[0]) > len(found[1]) == len(found[2])


def by_basis(rows: pa.Table, basis: str) -> pa.Table:
    return rows.filter(pc.equal(rows["score_basis"], basis))


def test_the_average_answers_for_those_the_ladder_gives_it(
    inputs: BucketInputs, file: ScorerFile, packed: Callable[[Target, Amount | None], ScorerFile]
) -> None:
    for asked, amount in ((file, 1.0), (packed(SPENT, Amount(40.0, 300)), 40.0)):
        before, after = scored(inputs, asked), scored(inputs, asked, ladder=Ladder(thin="base_rate"))
        assert by_basis(after, "rich").equals(by_basis(before, "rich"))
        thin = by_basis(after, "thin")
        assert after["user_id"].to_pylist() == before["user_id"].to_pylist()
        assert 0 < len(thin) < len(after)
        assert set(thin["reason_1"].to_pylist()) == {AVERAGE}
        assert thin["reason_2"].null_count == thin["reason_1_effect"].null_count == len(thin)
        assert thin["score"].to_pylist() == pytest.approx([BASE_RATE] * len(thin))
        assert thin["raw_score"].to_pylist() == pytest.approx([np.log(BASE_RATE / (1 - BASE_RATE))] * len(thin))
        if asked.target.kind == "sum":
            assert thin["expected_value"].to_pylist() == pytest.approx([amount * BASE_RATE] * len(thin))


def test_a_rung_may_refuse(inputs: BucketInputs, file: ScorerFile) -> None:
    before, after = scored(inputs, file), scored(inputs, file, ladder=Ladder(rich="refuse"))
    refused = after.filter(pc.is_valid(after["refused_reason"]))
    assert refused["user_id"].to_pylist() == by_basis(before, "rich")["user_id"].to_pylist() != []
    assert set(refused["refused_reason"].to_pylist()) == {TOO_LITTLE}
    assert refused["score"].null_count == len(refused)
    assert after["user_id"].to_pylist() == before["user_id"].to_pylist()


def test_a_version_that_does_not_know_its_base_rate_cannot_answer_with_it(
    inputs: BucketInputs, file: ScorerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_scores, "opened", lambda file: stub(Literal(0.0)))
    with pytest.raises(ModelRefused, match=r"spent_7d does not say its base rate, which \[scoring\.ladder\] asks for"):
        scored(inputs, replace(file, target=SPENT), ladder=Ladder(rich="base_rate", thin="base_rate"))


def test_a_target_without_anybody_has_no_file(inputs: BucketInputs, file: ScorerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_scores, "eligible", lambda view, target, cutoff: np.zeros(view.users, dtype=bool))
    assert score_bucket(ScoreTask(inputs, (file,), "run", LADDER)) == (Unranked(1, 0, None),)


def test_every_attempt_writes_files_of_its_own_named_after_the_run(inputs: BucketInputs, file: ScorerFile) -> None:
    paths = {score_bucket(ScoreTask(inputs, (file,), "night", LADDER))[0].path for _ in range(2)}
    assert len(paths) == 2
    assert all(path and path.startswith(f"{FOLDER}/night-") for path in paths)


def test_a_task_calls_itself_by_its_bucket(inputs: BucketInputs, file: ScorerFile) -> None:
    assert str(ScoreTask(inputs, (file,), "run", LADDER)) == "1"


def test_the_folder_of_an_artifact_holds_the_amount(packed: Callable[[Target, Amount | None], ScorerFile]) -> None:
    assert (Path(packed(SPENT, Amount(40.0, 300)).folder) / "amount.json").is_file()
