from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.config import Config
from pipeline.errors import MissingInput, NotEnoughData
from pipeline.lake import Lake
from pipeline.stages import evaluate, promote, score, train_baselines
from pipeline.tracking import registry, runs, store
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration

KINDS = {"base_rate", "recency", "active_days", "bg_nbd"}


def train(config: Config, target: str = "purchase_7d") -> dict[str, Any]:
    return train_baselines.run(config, config.target(target), AS_OF, show=False)


@pytest.fixture(scope="module")
def trained(lake_of_the_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, dict[str, Any]]:
    """A shop whose baselines were trained twice, and the second result. Copied, never changed."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(lake_of_the_shop, root / "lake")
    place_mlflow_store(root)
    config = configuration(root)
    return config, [train(config) for _ in range(2)][1]


def test_every_baseline_ends_as_a_registered_candidate_better_than_chance(trained: tuple[Config, dict[str, Any]]) -> None:
    config, result = trained
    made = registry.candidates(config, "purchase_7d", AS_OF)
    assert {model.kind for model in made} == KINDS == {each["kind"] for each in result["baselines"]}
    assert {each["run_id"] for each in result["baselines"]} == {model.run_id for model in made}
    aucs = {each["kind"]: each["auc_out_of_fold"] for each in result["baselines"]}
    assert aucs.pop("base_rate") == 0.5
    assert min(aucs.values()) > 0.6
    assert (result["trained"], result["left_out"]) == (True, [])
    assert registry.find_champion(config, "purchase_7d") is None


def test_two_trainings_give_the_same_artifacts_and_no_user_is_in_them(trained: tuple[Config, dict[str, Any]]) -> None:
    config, _ = trained
    made: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for version in map(str, range(1, 9)):
        tags = store.prepare(config).get_model_version("purchase_7d", version).tags
        made[tags["kind"]].add(tags["manifest_sha256"])
    assert {kind: len(digests) for kind, digests in made.items()} == dict.fromkeys(KINDS, 1)
    written = [path.read_bytes() for path in (config.root / "mlartifacts").rglob("*") if path.is_file()]
    assert written
    assert not any(b"user-0" in content for content in [*written, (config.root / "mlflow.db").read_bytes()])


def test_the_run_says_what_a_baseline_reads(trained: tuple[Config, dict[str, Any]]) -> None:
    config, result = trained
    run = {each["kind"]: each["run_id"] for each in result["baselines"]}["recency"]
    assert runs.existing(config, run).client.get_run(run).data.params["reads"] == "days_since_purchase, days_since_any"


def test_the_best_baseline_scores_where_there_is_no_model_and_its_reasons_are_sentences(
    shop: Config, trained: tuple[Config, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copy(trained[0].root / "mlflow.db", tmp_path / "mlflow.db")
    target = shop.target("purchase_7d")
    aucs = {model["kind"]: model["auc"] for model in evaluate.run(shop, target, AS_OF, show=False)["candidates"]}
    assert aucs.keys() == KINDS
    decided = promote.run(shop, target, AS_OF, dry_run=False, show=False)
    assert decided["promoted"]
    assert decided["reasons"][0].startswith("no model was judged; scores come from ")
    champion = registry.champion(shop, "purchase_7d")
    assert aucs[champion.kind] == max(aucs.values())
    assert score.run(shop, AS_OF, targets=[target], show=False)["rows"] == 240
    rows = Lake(shop.lake_url).read("scores", {"target": "purchase_7d", "cutoff": AS_OF.key}, ["score", "reason_1", "reason_2"])
    assert set(rows["reason_2"].to_pylist()) == {None}
    said = {"bg_nbd": "to be expected in the next 7 days", "recency": "days since the last", "active_days": "in the last 30 days"}
    assert all(said[champion.kind] in reason for reason in rows["reason_1"].to_pylist())


def test_absence_is_foretold_as_well(shop: Config) -> None:
    aucs = {each["kind"]: each["auc_out_of_fold"] for each in train(shop, "churn_14d")["baselines"]}
    assert aucs.pop("base_rate") == 0.5
    assert min(aucs.values()) > 0.6


def relabelled(config: Config, label: int | None) -> None:
    """The training's labels: all of them this one, or nobody's."""
    lake, schema = (
        Lake(config.lake_url),
        pa.schema([pa.field("user_id", pa.string()), pa.field("label", pa.int8()), pa.field("amount", pa.float64())]),
    )
    for cutoff in config.split(config.target("purchase_7d"), AS_OF).training:
        partition = {"target": "purchase_7d", "cutoff": cutoff.key}
        users = lake.read("labels", partition, ["user_id", "bucket"])
        chosen = users.filter(pc.equal(users["bucket"], 0)) if label is not None else users.slice(0, 0)
        n = len(chosen)
        columns = [chosen["user_id"], pa.array([label or 0] * n, pa.int8()), pa.nulls(n, pa.float64())]
        part = lake.write_part("labels", {**partition, "bucket": "0"}, "relabelled", pa.table(columns, schema=schema))
        lake.commit("labels", schema, partition, [part], metadata={"timelines_version": "0"})


def test_with_one_outcome_only_there_is_the_base_rate_and_the_reason(shop: Config) -> None:
    relabelled(shop, 0)
    result = train(shop)
    assert [each["kind"] for each in result["baselines"]] == ["base_rate"]
    assert len(result["left_out"]) == 3
    assert "samples have outcome 1; at least 2 of each are needed" in result["left_out"][0]


def test_without_anybody_to_learn_from_there_is_not_enough(shop: Config) -> None:
    relabelled(shop, None)
    with pytest.raises(NotEnoughData, match="no eligible user at any training cutoff") as refusal:
        train(shop)
    assert refusal.value.exit_code == 17


def test_labels_that_were_never_built_are_missing(shop: Config) -> None:
    with pytest.raises(MissingInput, match="build-features --training"):
        train_baselines.run(shop, shop.target("purchase_7d"), AS_OF.plus_days(3), show=False)
