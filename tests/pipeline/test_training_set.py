from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.contract import bucket_of
from features.cutoff import Cutoff
from features.definition import Definition
from features.eligibility import eligible
from features.feature_set import feature_set
from features.labels import outcome
from features.timeline import from_events
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.lake_parts import Layout
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


def stored(users: set[str]) -> list[str]:
    """By bucket, then user id: the order of the lake's files."""
    return sorted(users, key=lambda user: (bucket_of(user, BUCKETS), user))


def test_rows_are_features_and_labels_by_cutoff_then_bucket_then_user(config: Config) -> None:
    target = config.target("buys")
    found = training_set(Lake(config.lake_url), SET, target, TRAINING[::-1])
    assert found.cutoffs == TRAINING
    assert found.cutoff.tolist() == [0] * 12 + [1] * 12
    whole = from_events(table(*ROWS), TYPES)
    users = np.searchsorted(whole.user_ids, stored(set(whole.user_ids)))
    for place, cutoff in enumerate(TRAINING):
        rows = np.flatnonzero(found.cutoff == place)
        assert found.matrix(rows).tobytes() == SET.at(whole.as_of(cutoff), cutoff)[users].tobytes()
        assert found.labels[rows].tolist() == outcome(whole, target, cutoff).label[users].tolist()
        assert found.users[rows].tolist() == users.tolist(), "a user's number is the place of the id among all"


def test_a_block_holds_rows_of_one_cutoff_and_one_bucket(config: Config) -> None:
    found = training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING)
    whole = from_events(table(*ROWS), TYPES)
    sizes = [len(block) for block in found.blocks]
    assert sizes == [len(block.matrix()) for block in found.blocks]
    of_block = np.repeat(np.arange(len(sizes)), sizes)
    kinds = {
        (block, cutoff, bucket_of(whole.user_ids[user], BUCKETS))
        for block, cutoff, user in zip(of_block, found.cutoff, found.users, strict=True)
    }
    assert len(kinds) == len(sizes) == 2 * len({bucket_of(user, BUCKETS) for user in whole.user_ids})


def test_files_of_several_row_groups_are_several_blocks_of_the_same_rows(config: Config) -> None:
    whole = training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING)
    lake, table_name = Lake(config.lake_url), SET.table
    for cutoff in TRAINING:
        for part in [found for found in lake.partitions(table_name) if found["cutoff"] == cutoff.key]:
            rows = lake.read(table_name, part, ["user_id", *SET.names])
            small = lake.write_part(table_name, part, f"small-{cutoff.key}", rows, Layout(rows_per_group=2))
            lake.commit(table_name, rows.schema, part, [small], metadata={})
    found = training_set(lake, SET, config.target("buys"), TRAINING)
    assert len(found.blocks) > len(whole.blocks)
    assert {len(block) for block in found.blocks} <= {1, 2}
    every = np.arange(len(whole.labels))
    assert found.matrix(every).tobytes() == whole.matrix(every).tobytes()
    assert np.array_equal(found.users, whole.users)


def test_dtypes(config: Config) -> None:
    found = training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING)
    arrays = (found.blocks[0].matrix(), found.users, found.labels, found.amounts, found.cutoff)
    assert [array.dtype.name for array in arrays] == ["float64", "int64", "int8", "float64", "int32"]
    assert found.blocks[0].matrix().flags["C_CONTIGUOUS"]


def test_features_are_read_when_they_are_wanted_from_the_version_of_the_beginning(config: Config) -> None:
    lake = Lake(config.lake_url)
    found = training_set(lake, SET, config.target("buys"), TRAINING)
    before = found.matrix(np.arange(24))
    part = lake.partitions(SET.table)[0]
    rows = lake.read(SET.table, part, ["user_id", *SET.names])
    lake.commit(SET.table, rows.schema, part, [lake.write_part(SET.table, part, "none", rows.slice(0, 0))], metadata={})
    assert np.array_equal(found.matrix(np.arange(24)), before, equal_nan=True)
    for path in Path(lake.uri(SET.table)).rglob("*.parquet"):
        path.unlink()
    with pytest.raises(MissingInput, match="not there any more"):
        found.blocks[0].matrix()


def test_a_damaged_page_is_noticed(config: Config) -> None:
    found = training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING)
    block = found.blocks[0]
    path = Path(block.uri)  # type: ignore[attr-defined]
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(1)
    content[column.data_page_offset + column.total_compressed_size - 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(OSError, match="CRC checksum"):
        block.matrix()


def test_the_amounts_of_a_sum_are_its_values_and_nan_elsewhere(config: Config, tmp_path: Path) -> None:
    source = {**config.source.model_dump(), "columns": {"user_id": "u", "event_time": "t", "event_type": "e", "value": "v"}}
    asked = {"spends": {"kind": "sum", "event_type": "purchase", "horizon_days": 7}}
    spends = configuration(tmp_path / "sums", source=source, targets=asked)
    priced = [{**row, "value": 10_000 * place} for place, row in enumerate(ROWS)]
    lake = ingest(spends, priced)
    build_features.run(spends, [CUTOFF], training=True, show=False)
    found = training_set(lake, SET, spends.target("spends"), TRAINING)
    whole = from_events(table(*priced), TYPES)
    assert found.amounts.max() > 100
    for place, cutoff in enumerate(TRAINING):
        rows = np.flatnonzero(found.cutoff == place)
        assert found.amounts[rows].tolist() == outcome(whole, spends.target("spends"), cutoff).amount[found.users[rows]].tolist()
    assert np.isnan(training_set(Lake(config.lake_url), SET, config.target("buys"), TRAINING).amounts).all()


def test_labels_without_a_column_of_amounts_have_none(config: Config) -> None:
    lake = Lake(config.lake_url)
    where = {"target": "buys", "cutoff": TRAINING[0].key}
    rows = lake.read("labels", where, ["user_id", "label", "bucket"])
    schema = rows.schema.remove(2)
    parts = [
        lake.write_part(
            "labels", {**where, "bucket": str(bucket)}, f"old-{bucket}", rows.filter(pc.equal(rows["bucket"], bucket)).select([0, 1])
        )
        for bucket in set(rows["bucket"].to_pylist())
    ]
    lake.commit("labels", schema, where, parts, metadata={})
    assert np.isnan(training_set(lake, SET, config.target("buys"), TRAINING[:1]).amounts).all()


def test_only_eligible_users_are_in(config: Config) -> None:
    wide = training_set(Lake(config.lake_url), SET, config.target("quiet"), [CUTOFF.plus_days(-5)])
    narrow = {"kind": "absent", "horizon_days": 5, "eligible": {"event_type": "purchase", "within_days": 3}}
    changed = configuration(config.root, targets={"quiet": narrow, "buys": config.targets["buys"].model_dump()})
    build_features.run(changed, [CUTOFF], training=True, show=False)
    target, cutoff = changed.target("quiet"), CUTOFF.plus_days(-5)
    tight = training_set(Lake(config.lake_url), SET, target, [cutoff])
    whole = from_events(table(*ROWS), TYPES)
    asked = set(whole.user_ids[eligible(whole, target, cutoff)])
    assert len(tight.labels) == len(asked) < len(wide.labels)
    rows = np.searchsorted(whole.user_ids, stored(asked))
    assert tight.matrix(np.arange(len(rows))).tobytes() == SET.at(whole.as_of(cutoff), cutoff)[rows].tobytes()


def test_labelled_users_without_features_are_counted(config: Config) -> None:
    lake = Lake(config.lake_url)
    part = next(found for found in lake.partitions(SET.table) if found["cutoff"] == TRAINING[0].key)
    rows = lake.read(SET.table, part, ["user_id", *SET.names])
    lake.commit(SET.table, rows.schema, part, [lake.write_part(SET.table, part, "fewer", rows.slice(1))], metadata={})
    with pytest.raises(MissingInput, match=f"1 users labelled for 'buys' at {TRAINING[0]} have no features there"):
        training_set(lake, SET, config.target("buys"), TRAINING)


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
