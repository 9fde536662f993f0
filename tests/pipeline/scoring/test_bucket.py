from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import gbdt_training
from models.calibration import Calibrator
from models.gbdt_parameters import GbdtParameters
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput, ModelRefused
from pipeline.lake import Lake
from pipeline.scoring import bucket
from pipeline.scoring.artifact import pack
from pipeline.scoring.bucket import BucketInputs, ScorerFile, batch_of, blocks, load_view, opened
from pipeline.scoring.inputs import bucket_inputs
from tests.models.gbdt_samples import samples
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features


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
def file(config: Config, tmp_path_factory: pytest.TempPathFactory) -> ScorerFile:
    features, random, folder = configured_features(config), np.random.default_rng(7), tmp_path_factory.mktemp("artifact")
    X = random.normal(size=(200, len(features.names)))
    y = (X[:, 0] + random.normal(size=200) > 0).astype(np.int8)
    parameters = GbdtParameters(rounds=5, min_leaf=10, folds=2, threads=1)
    model = gbdt_training.fit(samples(X, y, np.arange(200)), features, parameters, 7).model
    sentences = {feature.name: feature.sentence for feature in features.features}
    target = config.target("churn_14d")
    sha256 = pack(
        folder,
        model,
        Calibrator(1.0, 0.0),
        sentences,
        target=target,
        fingerprint=features.fingerprint,
        features=features.names,
        cutoffs=[AS_OF.plus_days(-14)],
    )
    return ScorerFile(str(folder), sha256, features.fingerprint, target)


def test_features_follow_the_users_of_the_timeline_whatever_their_order_in_the_lake(inputs: BucketInputs) -> None:
    view = load_view(inputs)
    asked = np.arange(view.users)[::-1].copy()
    batch, known = batch_of(view, asked, inputs)
    rows = inputs.lake.read(inputs.features_table, {"cutoff": AS_OF.key, "bucket": "1"}).to_pylist()
    expected = {row["user_id"]: [row[name] for name in inputs.features] for row in rows}
    assert known.all()
    np.testing.assert_array_equal(batch.features, [expected[user] for user in view.user_ids[asked]])


def test_columns_that_the_lake_lacks_are_named(inputs: BucketInputs) -> None:
    view = load_view(inputs)
    with pytest.raises(MissingInput, match="never_built"):
        batch_of(view, np.arange(view.users), replace(inputs, features=(*inputs.features, "never_built")))


@pytest.mark.parametrize("users", [1, 7, 1000])
def test_blocks_hold_together_what_the_bucket_holds_whatever_their_size(
    inputs: BucketInputs, users: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "USERS_PER_BLOCK", users)
    view = load_view(inputs)
    whole, known = batch_of(view, np.arange(view.users), inputs)
    found = list(blocks(inputs))
    batches = [block.batch(np.arange(block.view.users)) for block in found]
    assert max(block.view.users for block in found) <= users
    assert np.concatenate([block.view.user_ids for block in found]).tolist() == view.user_ids.tolist()
    assert [len(block.rows) for block in found] == [int(known.sum()) for _, known in batches]
    np.testing.assert_array_equal(np.concatenate([batch.features for batch, _ in batches]), whole.features)
    np.testing.assert_array_equal(np.concatenate([known for _, known in batches]), known)
    np.testing.assert_array_equal(np.concatenate([np.diff(block.view.offsets) for block in found]), np.diff(view.offsets))


def test_a_block_knows_whom_the_features_lack(inputs: BucketInputs) -> None:
    lake, where = inputs.lake, {"cutoff": AS_OF.key, "bucket": "1"}
    stored = lake.read(inputs.features_table, where, ["user_id", *inputs.features])
    part = lake.write_part("features/odd", where, "odd", stored.take(list(range(1, len(stored), 2))))
    lake.commit("features/odd", stored.schema, {"cutoff": AS_OF.key}, [part], metadata={})
    (block,) = blocks(replace(inputs, features_table="features/odd", features_version=0))
    batch, known = block.batch(np.arange(block.view.users))
    assert known.tolist() == [place % 2 == 1 for place in range(len(stored))]
    assert batch.rows.tolist() == list(range(1, len(stored), 2))


def test_features_out_of_order_are_refused(inputs: BucketInputs) -> None:
    lake, where = inputs.lake, {"cutoff": AS_OF.key, "bucket": "1"}
    stored = lake.read(inputs.features_table, where, ["user_id", *inputs.features])
    part = lake.write_part("features/turned", where, "turned", stored.take(list(range(len(stored)))[::-1]))
    lake.commit("features/turned", stored.schema, {"cutoff": AS_OF.key}, [part], metadata={})
    with pytest.raises(MissingInput, match="Bucket 1 of features/turned is not in the order of its users"):
        list(blocks(replace(inputs, features_table="features/turned", features_version=0)))


def test_a_worker_verifies_the_artifact_before_it_opens_it(file: ScorerFile, tmp_path: Path) -> None:
    for path in Path(file.folder).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.txt").write_bytes(b"tree\n")
    with pytest.raises(ModelRefused, match=r"model\.txt was changed"):
        opened(replace(file, folder=str(tmp_path)))
