from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.definition import Definition
from features.eligibility import eligible
from features.feature_set import feature_set
from features.labels import labels
from pipeline.config import Config
from pipeline.feature_build import BuildTask, Goal, build_bucket
from pipeline.lake import Lake
from pipeline.timelines import load, refresh
from tests.features.literal import CUTOFF, TYPES, event
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, shop

SET = feature_set(Definition(TYPES, (7, 30), 30))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def built(config: Config, *goals: Goal) -> tuple[Lake, int]:
    lake = Lake(config.lake_url)
    version = refresh(lake, config, InProcess(), show=False).version
    tasks = [BuildTask(lake, bucket, version, SET, goals) for bucket in range(BUCKETS)]
    found = [each for task in tasks for each in build_bucket(task)]
    for goal in goals:
        parts = [part for of, part in found if of == goal]
        lake.commit(goal.table(SET), goal.schema(SET), goal.partition, parts, metadata={})
    return lake, version


def test_features_of_everyone_seen_and_labels_of_everyone_asked(config: Config) -> None:
    ingest(config, [*shop(), event("unseen", -1), event("quiet for long", 40)])
    target = config.target("quiet")
    cutoff = CUTOFF.plus_days(-10)
    lake, version = built(config, Goal(cutoff), Goal(cutoff, target))
    for bucket in range(BUCKETS):
        timeline = load(lake, bucket, TYPES, version)
        view = timeline.as_of(cutoff)
        seen, asked = np.diff(view.offsets) > 0, eligible(view, target, cutoff)
        rows = lake.read(SET.table, {"bucket": str(bucket)}, ["user_id", *SET.names])
        assert rows["user_id"].to_pylist() == view.user_ids[seen].tolist()
        matrix = np.stack([rows[name].to_numpy() for name in SET.names], axis=1)
        assert matrix.tobytes() == SET.at(view, cutoff)[seen].tobytes()
        outcome = lake.read("labels", {"bucket": str(bucket)}, ["user_id", "label"])
        assert outcome["user_id"].to_pylist() == view.user_ids[asked].tolist()
        assert outcome["label"].to_pylist() == labels(timeline, target, cutoff)[asked].tolist()
        assert outcome.schema.field("label").type == pa.int8()


def test_partitions_lie_in_the_order_that_their_tables_promise(config: Config) -> None:
    ingest(config, shop())
    lake, _ = built(config, Goal(CUTOFF), Goal(CUTOFF, config.target("buys")))
    (features_at,) = {path.parts[-3] for path in Path(lake.uri(SET.table)).glob("cutoff=*/bucket=*/*.parquet")}
    (labels_at,) = {path.parts[-4:-2] for path in Path(lake.uri("labels")).glob("target=*/cutoff=*/bucket=*/*.parquet")}
    assert (features_at, labels_at) == (f"cutoff={CUTOFF.key}", ("target=buys", f"cutoff={CUTOFF.key}"))


def test_a_bucket_without_rows_writes_no_part(config: Config) -> None:
    lake = ingest(config, [event("a", 1)])
    version = refresh(lake, config, InProcess(), show=False).version
    tasks = [BuildTask(lake, bucket, version, SET, (Goal(CUTOFF), Goal(CUTOFF.plus_days(-5)))) for bucket in range(BUCKETS)]
    written = [goal for task in tasks for goal, _ in build_bucket(task)]
    assert written == [Goal(CUTOFF)]


def test_a_task_is_named_by_its_bucket(config: Config) -> None:
    assert str(BuildTask(Lake("x"), 5, 0, SET, ())) == "5"
