from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.eligibility import eligible
from features.labels import outcome
from features.target import Kind, Target
from pipeline import feature_build
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.feature_build import LABELS_SCHEMA, BuildTask, Goal, build_bucket
from pipeline.lake import Lake
from pipeline.timelines import load, refresh
from tests.features.literal import CUTOFF, TYPES, event
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, shop

SET = configured_features(configuration(Path()))


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
        labels = lake.read("labels", {"bucket": str(bucket)}, ["user_id", "label", "amount", "item"])
        assert labels["amount"].null_count == labels["item"].null_count == len(labels)
        assert labels["user_id"].to_pylist() == view.user_ids[asked].tolist()
        assert labels["label"].to_pylist() == outcome(timeline, target, cutoff).label[asked].tolist()
        assert labels.schema.field("label").type == pa.int8()


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


KINDS: tuple[Kind, ...] = ("sum", "next_item")


def test_amounts_and_items_are_stored_where_the_target_has_them(config: Config) -> None:
    spend, following = (Target(kind, kind, "purchase", 7) for kind in KINDS)
    bought = event("a", -1, "purchase", item_id="kettle", value=125_000)
    ingest(
        config, [event("a", 1), bought, event("a", -2, "purchase", item_id="cup", value=5_000), event("b", 1), event("b", -8, "purchase")]
    )
    lake, _ = built(config, Goal(CUTOFF, spend), Goal(CUTOFF, following))

    def rows(target: str) -> list[dict[str, object]]:
        return sorted(lake.read("labels", {"target": target}, LABELS_SCHEMA.names).to_pylist(), key=str)

    assert rows("sum") == [
        {"user_id": "a", "label": 1, "amount": 13.0, "item": None},
        {"user_id": "b", "label": 0, "amount": 0.0, "item": None},
    ]
    assert rows("next_item") == [
        {"user_id": "a", "label": 1, "amount": None, "item": "kettle"},
        {"user_id": "b", "label": 0, "amount": None, "item": None},
    ]


def files(config: Config, goals: tuple[Goal, ...], users: int) -> dict[tuple[Goal, int], bytes]:
    """What is written for each goal and bucket if a block has so many users."""
    lake = Lake(config.lake_url)
    version = refresh(lake, config, InProcess(), show=False).version
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_build, "MATRIX_BYTES", 8 * len(SET.names) * sum(not goal.target for goal in goals) * users)
        tasks = [BuildTask(lake, bucket, version, SET, goals) for bucket in range(BUCKETS)]
        assert {task.users_per_block for task in tasks} == {users}
        found = [(goal, task.bucket, part) for task in tasks for goal, part in build_bucket(task)]
    return {(goal, bucket): Path(lake.uri(goal.table(SET)), part.path).read_bytes() for goal, bucket, part in found}


def test_the_size_of_a_block_and_of_its_row_groups_changes_no_byte(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_build, "GROUP_BYTES", 8 * len(SET.names) * 5)
    ingest(config, shop(users=40))
    cutoffs = [CUTOFF.plus_days(-ago) for ago in (0, 7, 50)]
    goals = (*map(Goal, cutoffs), *(Goal(cutoff, config.target("quiet")) for cutoff in cutoffs))
    whole = files(config, goals, 1000)
    assert len(whole) == len(goals) * BUCKETS
    for users in (1, 3, 7):
        assert files(config, goals, users) == whole


def test_a_row_group_of_any_number_of_columns_has_about_the_same_size() -> None:
    for columns in (1, 3, 40, 300, 3000):
        layout = feature_build._layout(pa.schema([pa.field(str(place), pa.float64()) for place in range(columns)]))
        size = layout.rows_per_group * columns * 8
        assert size <= feature_build.GROUP_BYTES
        assert size > feature_build.GROUP_BYTES / 2 or layout.rows_per_group == 65_536


def test_labels_alone_need_no_features(config: Config) -> None:
    ingest(config, shop())
    lake, _ = built(config, Goal(CUTOFF.plus_days(-10), config.target("buys")))
    assert lake.read("labels").num_rows == 12
    assert lake.version(SET.table) is None


def test_a_task_is_named_by_its_bucket(config: Config) -> None:
    assert str(BuildTask(Lake("x"), 5, 0, SET, ())) == "5"
