from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from features.contract import bucket_of
from features.cutoff import Cutoff
from features.definition import Definition
from features.feature_set import feature_set
from features.labels import outcome
from features.timeline import from_events
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.stages import build_features
from pipeline.training_set import training_set
from tests.features.literal import CUTOFF, TYPES, table
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, shop

SET = feature_set(Definition(TYPES, (7, 30), 30, session_minutes=30))
TRAINING = (CUTOFF.plus_days(-21), CUTOFF.plus_days(-14))
ROWS = shop()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    @contextmanager
    def in_process(config: Config) -> Iterator[InProcess]:
        yield InProcess()

    monkeypatch.setattr(build_features, "cluster", in_process)
    config = configuration(tmp_path)
    ingest(config, ROWS)
    build_features.run(config, [CUTOFF], training=True, show=False)
    return config


def test_rows_are_features_and_labels_by_cutoff_then_user(config: Config) -> None:
    target = config.target("buys")
    found = training_set(Lake(config.lake_url), SET, target, TRAINING[::-1])
    assert found.cutoffs == TRAINING
    keys = list(zip(found.cutoff.tolist(), found.user_ids.tolist(), strict=True))
    assert keys == sorted(keys)
    assert len(keys) == 24
    whole = from_events(table(*ROWS), TYPES)
    for place, cutoff in enumerate(TRAINING):
        of = found.cutoff == place
        users = np.searchsorted(whole.user_ids, found.user_ids[of])
        assert found.features[of].tobytes() == SET.at(whole.as_of(cutoff), cutoff)[users].tobytes()
        assert found.labels[of].tolist() == outcome(whole, target, cutoff).label[users].tolist()
    assert found.bucket.tolist() == [bucket_of(user, BUCKETS) for user in found.user_ids]


def test_dtypes(config: Config) -> None:
    found = training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING)
    assert [array.dtype.name for array in (found.features, found.labels, found.cutoff, found.bucket)] == [
        "float64",
        "int8",
        "int32",
        "int32",
    ]
    assert found.features.flags["C_CONTIGUOUS"]


def test_only_eligible_users_are_in(config: Config) -> None:
    wide = training_set(Lake(config.lake_url), SET, config.target("quiet"), [CUTOFF.plus_days(-5)])
    narrow = {"kind": "absent", "horizon_days": 5, "eligible": {"event_type": "purchase", "within_days": 3}}
    changed = configuration(config.root, targets={"quiet": narrow, "buys": config.targets["buys"].model_dump()})
    build_features.run(changed, [CUTOFF], training=True, show=False)
    tight = training_set(Lake(config.lake_url), SET, changed.target("quiet"), [CUTOFF.plus_days(-5)])
    assert set(tight.user_ids) < set(wide.user_ids)


@pytest.mark.parametrize("cutoff", [CUTOFF, CUTOFF.plus_days(-17)])
def test_a_cutoff_that_was_not_built_for_the_target_is_named(config: Config, cutoff: Cutoff) -> None:
    with pytest.raises(MissingInput, match=rf"'buys' at {cutoff}") as caught:
        training_set(Lake(config.lake_url), SET, config.target("buys"), [TRAINING[0], cutoff])
    assert "nightcast build-features --training" in caught.value.mend


def test_other_windows_are_not_confused_with_these(config: Config) -> None:
    with pytest.raises(MissingInput, match="have not been built"):
        training_set(Lake(config.lake_url), feature_set(Definition(TYPES, (7,), 30)), config.target("buys"), TRAINING)


def test_labels_of_another_definition_are_refused(config: Config) -> None:
    changed = configuration(config.root, targets={"buys": {"kind": "occurs", "event_type": "view", "horizon_days": 7}})
    with pytest.raises(MissingInput, match="another definition"):
        training_set(Lake(config.lake_url), SET, changed.target("buys"), TRAINING)


def test_a_cutoff_with_nobody_has_no_rows(config: Config, tmp_path: Path) -> None:
    young = configuration(tmp_path / "young")
    lake = ingest(young, [row for row in ROWS if row["event_time"] >= CUTOFF.plus_days(-18).micros])
    build_features.run(young, [CUTOFF], training=True, show=False)
    found = training_set(lake, SET, young.target("buys"), TRAINING)
    assert set(found.cutoff) == {1}
    assert found.cutoffs == TRAINING
