from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models import gbdt
from models.classifier import Batch, Floats
from pipeline.config import Config
from pipeline.config_sections import Ladder, Scoring
from pipeline.errors import MissingInput, ModelRefused, NoChampion, NoEvents, PublishRefused
from pipeline.lake import Lake
from pipeline.scoring import scorer
from pipeline.scoring.bucket_scores import AVERAGE, FOLDER, ScoreTask, Unranked, score_bucket
from pipeline.stages import publish, score, train_gbdt
from pipeline.tracking import registry
from pipeline.warehouse import open_warehouse
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration, write_features

PARTITION = {"target": "purchase_7d", "cutoff": AS_OF.key}


@pytest.fixture(scope="module")
def trained(lake_of_the_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which version 1 of purchase_7d is champion and version 2 is there too. Copied, never changed."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(lake_of_the_shop, root / "lake")
    place_mlflow_store(root)
    config = configuration(root)
    for _ in range(2):
        train_gbdt.run(config, config.target("purchase_7d"), AS_OF, show=False)
    registry.set_alias(config, "purchase_7d", registry.CHAMPION, "1")
    return root


@pytest.fixture
def night(shop: Config, trained: Path, tmp_path: Path) -> Config:
    """A shop with the trained models; their files stay where they were stored."""
    shutil.copy(trained / "mlflow.db", tmp_path / "mlflow.db")
    return shop


def scored(config: Config, *names: str) -> dict[str, Any]:
    return score.run(config, AS_OF, targets=[config.target(name) for name in names or ("purchase_7d",)], show=False)


def rows(config: Config) -> pa.Table:
    return Lake(config.lake_url).read("scores", PARTITION)


def test_every_eligible_user_is_scored_once_with_reasons_and_provenance(night: Config) -> None:
    result = scored(night)
    found = rows(night)
    assert (result["rows"], result["refused"], result["models"]) == (240, 0, {"purchase_7d": "1"})
    assert len(set(found["user_id"].to_pylist())) == len(found) == 240
    assert set(found["model_version"].to_pylist()) == {"1"}
    assert set(found["run_id"].to_pylist()) == {result["run_id"]}
    assert all(0 < value < 1 for value in found["score"].to_pylist())
    assert found["reason_1"].null_count == 0
    metadata = Lake(night.lake_url).metadata("scores", PARTITION)
    assert (metadata["eligible"], metadata["scored"], metadata["refused"]) == ("240", "240", "0")
    assert (metadata["model_version"], metadata["run_id"], metadata["lake_version"]) == ("1", result["run_id"], "0")
    assert (metadata["events_version"], metadata["model_kind"], metadata["target_kind"]) == ("5", "gbdt", "occurs")
    assert found["expected_value"].null_count == found["unit"].null_count == 240
    assert Lake(night.lake_url).list_files(FOLDER) == []


def test_the_score_is_the_calibrated_answer_of_the_champions_own_model(night: Config, tmp_path: Path) -> None:
    from pipeline.configured_features import configured_features

    scored(night)
    features = configured_features(night)
    known = Lake(night.lake_url).read(features.table, {"cutoff": AS_OF.key}).sort_by("user_id")
    matrix = np.column_stack([known[name].to_numpy() for name in features.names])
    model = gbdt.load(registry.download(night, registry.champion(night, "purchase_7d"), tmp_path))
    raw = np.asarray(model.booster.predict(model.features.apply(matrix), raw_score=True))
    found = rows(night).sort_by("user_id")
    assert found["user_id"].to_pylist() == known["user_id"].to_pylist()
    np.testing.assert_array_equal(found["raw_score"].to_numpy(), raw)
    assert (np.diff(found["score"].to_numpy()[np.argsort(raw)]) >= 0).all()


def test_scoring_again_gives_the_same_rows_but_for_run_and_time(night: Config) -> None:
    scored(night)
    first = rows(night)
    scored(night)
    second = rows(night)
    assert first["run_id"][0] != second["run_id"][0]
    assert first.drop_columns(["run_id", "scored_at"]).equals(second.drop_columns(["run_id", "scored_at"]))


def test_scores_can_be_published_and_again_with_the_same_checksum(night: Config) -> None:
    checksums = []
    for _ in range(2):
        scored(night)
        publish.run(night, AS_OF, targets=[night.target("purchase_7d")], show=False)
        with open_warehouse(night) as warehouse:
            checksums.append(warehouse.checksum("purchase_7d", AS_OF))
    assert checksums[0] == checksums[1]


def test_an_alias_that_moves_meanwhile_changes_nothing_in_this_run(night: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def while_the_alias_moves(task: ScoreTask) -> tuple[Unranked, ...]:
        registry.set_alias(night, "purchase_7d", registry.CHAMPION, "2")
        return score_bucket(task)

    monkeypatch.setattr(score, "score_bucket", while_the_alias_moves)
    scored(night)
    assert set(rows(night)["model_version"].to_pylist()) == {"1"}
    assert registry.champion(night, "purchase_7d").version == "2"


class Hesitant(gbdt.Gbdt):
    """No finite answer for every twelfth user."""

    def raw(self, batch: Batch) -> Floats:
        raw = super().raw(batch)
        raw[::12] = np.nan
        return raw


def test_a_user_without_a_finite_score_is_refused_with_a_reason_and_counted(night: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def hesitant(folder: Path) -> Hesitant:
        model = gbdt.load(folder)
        return Hesitant(model.booster, model.features)

    monkeypatch.setitem(scorer.LOADERS, "gbdt", hesitant)
    result = scored(night)
    found = rows(night)
    refused = found.filter(pa.compute.is_valid(found["refused_reason"]))
    assert 0 < result["refused"] == len(refused) < 40
    assert result["rows"] + result["refused"] == 240
    assert set(refused["refused_reason"].to_pylist()) == {"the model gave no finite score"}
    for name in ("score", "raw_score", "percentile", "decile", "reason_1", "reason_1_effect"):
        assert refused[name].null_count == len(refused)
    assert found["percentile"].to_pandas().max() == 100
    publish.run(night, AS_OF, targets=[night.target("purchase_7d")], show=False)


class Broken(gbdt.Gbdt):
    """One answer for everybody."""

    answer: ClassVar[float]

    def raw(self, batch: Batch) -> Floats:
        return np.full(len(batch.rows), self.answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.nan, "at least one user has a score: observed 0 users"),
        (np.inf, "at least one user has a score: observed 0 users"),
        (-np.inf, "at least one user has a score: observed 0 users"),
        (0.3, "one answer for all is a model that has collapsed: observed 0"),
        (1e300, "one answer for all is a model that has collapsed: observed 0"),
    ],
)
def test_a_broken_model_leaves_the_published_night_as_it_was(
    night: Config, monkeypatch: pytest.MonkeyPatch, answer: float, said: str
) -> None:
    asked = [night.target("purchase_7d")]
    scored(night)
    before = publish.run(night, AS_OF, targets=asked, show=False)["checksums"]

    def broken(folder: Path) -> Broken:
        model = gbdt.load(folder)
        return Broken(model.booster, model.features)

    monkeypatch.setattr(Broken, "answer", answer, raising=False)
    monkeypatch.setitem(scorer.LOADERS, "gbdt", broken)
    scored(night)
    with pytest.raises(PublishRefused) as refused:
        publish.run(night, AS_OF, targets=asked, show=False)
    assert said in refused.value.message
    with open_warehouse(night) as warehouse:
        assert {"purchase_7d": warehouse.checksum("purchase_7d", AS_OF)} == before


def test_the_base_rate_of_the_champions_own_training_answers_where_the_ladder_says_so(night: Config, tmp_path: Path) -> None:
    scored(night)
    before = rows(night)
    scored(night.model_copy(update={"scoring": Scoring(ladder=Ladder(thin="base_rate"))}))
    after = rows(night)
    thin = pc.equal(after["score_basis"], "thin")
    assert after.column("user_id").equals(before.column("user_id"))
    assert set(after.filter(thin)["reason_1"].to_pylist()) == {AVERAGE}
    assert len(set(after.filter(thin)["percentile"].to_pylist())) == 1
    names = ["user_id", "score", "raw_score", "reason_1"]
    assert after.filter(pc.invert(thin)).select(names).equals(before.filter(pc.invert(thin)).select(names))
    held = registry.download(night, registry.champion(night, "purchase_7d"), tmp_path)
    kept = json.loads((held / "base_rate.json").read_text())["probability"]
    assert after.filter(thin)["score"].to_pylist() == pytest.approx([kept] * pc.sum(thin).as_py())
    assert kept == pytest.approx(np.mean(before["score"].to_numpy()), abs=0.1)


def test_without_a_champion_of_every_target_nothing_is_scored(night: Config) -> None:
    with pytest.raises(NoChampion, match="churn_14d"):
        scored(night, "purchase_7d", "churn_14d")
    assert Lake(night.lake_url).version("scores") is None


def test_without_features_at_the_cutoff_the_line_to_run_is_named(night: Config) -> None:
    with pytest.raises(MissingInput, match="nightcast build-features --cutoff 2026-04-12"):
        score.run(night, AS_OF.plus_days(1), targets=[night.target("purchase_7d")], show=False)


def test_features_of_another_configuration_do_not_count(night: Config, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="for the configured windows"):
        scored(configuration(tmp_path, windows={"lookback_days": 60, "days": (14,)}))


@pytest.mark.usefixtures("night")
def test_a_champion_of_other_features_is_refused_with_those_that_differ(tmp_path: Path) -> None:
    other = configuration(tmp_path, windows={"lookback_days": 60, "days": (7, 14)})
    write_features(other, AS_OF)
    with pytest.raises(
        ModelRefused, match=r"reads features .*; the configuration makes .*: \d+ missing \(.*_30d.*\), \d+ new \(.*_14d"
    ) as refused:
        scored(other)
    assert "train and promote with the new features" in refused.value.mend
    assert Lake(other.lake_url).version("scores") is None


def test_another_definition_of_the_target_is_refused(night: Config, tmp_path: Path) -> None:
    targets = {"purchase_7d": {"kind": "occurs", "event_type": "view", "horizon_days": 7}}
    with pytest.raises(ModelRefused, match=r"'event_type': 'purchase'.*'event_type': 'view'"):
        scored(configuration(tmp_path, targets=targets))


def test_what_a_killed_run_has_left_unranked_goes_in_time(night: Config) -> None:
    left = Path(night.lake_url, FOLDER, "dead-1.parquet")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    scored(night)
    assert left.exists()
    os.utime(left, (0, 0))
    scored(night)
    assert not left.exists()


def test_nobody_eligible_is_no_night(night: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.scoring.bucket_scores.eligible", lambda view, target, cutoff: np.zeros(view.users, dtype=bool))
    with pytest.raises(NoEvents, match="Nobody is eligible"):
        scored(night)
    assert Lake(night.lake_url).version("scores") is None
