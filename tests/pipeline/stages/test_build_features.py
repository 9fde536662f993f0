from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import Busy, NightcastError, NoEvents, NotMatured
from pipeline.lake import Lake
from pipeline.stages import build_features
from tests.features.literal import CUTOFF, event
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, ingest_batch, shop
from tests.pipeline.lake_ages import days_pass

SET = configured_features(configuration(Path()))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(config: Config) -> Iterator[InProcess]:
        yield InProcess()

    monkeypatch.setattr(build_features, "cluster", opened)


def rows(lake: Lake, table: str) -> list[tuple[object, ...]]:
    """Rows as text, so that NaN equals NaN."""
    return sorted(tuple(map(repr, row.values())) for row in lake.read(table).to_pylist())


def test_a_night_on_real_workers_equals_the_same_in_one_process(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = ingest(config, shop())
    result = build_features.run(config, [CUTOFF], training=True, show=False)
    other = configuration(tmp_path / "other")
    ingest(other, shop())
    with monkeypatch.context() as patch:

        @contextmanager
        def opened(config: Config) -> Iterator[InProcess]:
            yield InProcess()

        patch.setattr(build_features, "cluster", opened)
        assert build_features.run(other, [CUTOFF], training=True, show=False) == result
    for table in (SET.table, "labels"):
        assert rows(lake, table) == rows(Lake(other.lake_url), table)


@pytest.mark.usefixtures("in_process")
def test_result_counts_what_was_asked_for(config: Config) -> None:
    ingest(config, shop())
    assert build_features.run(config, [CUTOFF], training=True, show=False) == {
        "cutoffs": [str(CUTOFF.plus_days(-ago)) for ago in (21, 17, 14, 10, 7, 5)],
        "users": 12,
        "features": len(SET.names),
        "rows": 72,
        "labels": 72,
        "fingerprint": SET.fingerprint,
        "timelines_version": 0,
        "events_version": 0,
        "built": 12,
    }


@pytest.mark.usefixtures("in_process")
def test_without_training_there_are_features_at_the_cutoff_and_no_labels(config: Config) -> None:
    lake = ingest(config, shop())
    result = build_features.run(config, [CUTOFF], training=False, show=False)
    assert (result["cutoffs"], result["rows"], result["labels"]) == ([str(CUTOFF)], 12, 0)
    assert lake.version("labels") is None


@pytest.mark.usefixtures("in_process")
def test_a_rerun_builds_nothing_and_says_the_same(config: Config) -> None:
    lake = ingest(config, shop())
    first = build_features.run(config, [CUTOFF], training=True, show=False)
    versions = [lake.version(table) for table in ("timelines", SET.table, "labels")]
    again = build_features.run(config, [CUTOFF], training=True, show=False)
    assert again == {**first, "built": 0}
    assert [lake.version(table) for table in ("timelines", SET.table, "labels")] == versions


@pytest.mark.usefixtures("in_process")
def test_everything_of_a_table_is_committed_at_once_or_not_at_all(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = ingest(config, shop())

    def refused(*_: object, **__: object) -> int:
        raise Busy("another run")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit_all", refused)
        with pytest.raises(Busy):
            build_features.run(config, [CUTOFF], training=True, show=False)
    assert lake.version(SET.table) is lake.version("labels") is None
    assert build_features.run(config, [CUTOFF], training=True, show=False)["built"] == 12
    assert lake.version(SET.table) == lake.version("labels") == 0
    assert len(lake.partitions("labels")) == len(lake.partitions(SET.table)) == 6 * BUCKETS
    assert {lake.metadata(SET.table, {"cutoff": found["cutoff"]})["rows"] for found in lake.partitions(SET.table)} == {"12"}


@pytest.mark.usefixtures("in_process")
def test_files_that_were_replaced_or_never_committed_go_in_time(config: Config) -> None:
    lake = ingest(config, shop())
    for night in range(4):
        ingest_batch(config, f"2026-03-0{night + 2}", [event("u1", 20, known=19, event_id=f"late {night}")])
        build_features.run(config, [CUTOFF], training=True, show=False)
        lake.write_part("labels", {"target": "buys", "cutoff": CUTOFF.key, "bucket": "0"}, f"dead-{night}", pa.table({"x": [night]}))
        for table in ("labels", SET.table):
            found = list(Path(lake.uri(table)).rglob("*=*/*.parquet"))
            assert len(found) <= 6 * BUCKETS * (2 if night else 1) + 2
        days_pass(lake, 2 * config.lake.retention_days)
    assert lake.read("labels").num_rows == lake.read(SET.table).num_rows == 72


@pytest.mark.usefixtures("in_process")
def test_late_events_reach_the_next_build_and_equal_a_build_from_scratch(config: Config, tmp_path: Path) -> None:
    early, late = shop(), [event("u1", 20, "purchase", known=-1, event_id="late")]
    lake = ingest(config, early)
    build_features.run(config, [CUTOFF], training=True, show=False)
    before = rows(lake, SET.table)
    same_day = [row for row in early if row["event_time"] // 86_400_000_000 == late[0]["event_time"] // 86_400_000_000]
    ingest(config, same_day + late)
    build_features.run(config, [CUTOFF], training=True, show=False)
    assert rows(lake, SET.table) == before
    scratch = configuration(tmp_path / "scratch")
    ingest(scratch, early + late)
    build_features.run(scratch, [CUTOFF], training=True, show=False)
    for table in (SET.table, "labels"):
        assert rows(lake, table) == rows(Lake(scratch.lake_url), table)


@pytest.mark.usefixtures("in_process")
def test_a_changed_target_rebuilds_its_labels_alone(config: Config) -> None:
    lake = ingest(config, shop())
    build_features.run(config, [CUTOFF], training=True, show=False)
    features_version = lake.version(SET.table)
    quiet = config.targets["quiet"].model_dump()
    changed = configuration(config.root, targets={"buys": {"kind": "occurs", "event_type": "view", "horizon_days": 7}, "quiet": quiet})
    assert build_features.run(changed, [CUTOFF], training=True, show=False)["built"] == 3
    assert lake.version(SET.table) == features_version


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("buckets", [1, 7])
def test_number_of_buckets_changes_no_row(tmp_path: Path, buckets: int) -> None:
    found = []
    for place, number in enumerate((3, buckets)):
        config = configuration(tmp_path / str(place), lake={"buckets": number})
        lake = ingest(config, shop(), buckets=number)
        build_features.run(config, [CUTOFF], training=True, show=False)
        columns = ["user_id", "cutoff", *SET.names]
        found.append(sorted(tuple(map(repr, row.values())) for row in lake.read(SET.table, columns=columns).to_pylist()))
    assert found[0] == found[1]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("training", "ago", "error", "code"),
    [
        (False, 90, NoEvents, 13),
        (True, 90, NoEvents, 13),
        (True, 55, NotMatured, 14),
        (True, -20, NotMatured, 14),
        (False, -60, NoEvents, 13),
    ],
)
def test_a_cutoff_that_cannot_be_served_leaves_nothing_behind(
    config: Config, training: bool, ago: int, error: type[NightcastError], code: int
) -> None:
    lake = ingest(config, shop())
    with pytest.raises(error) as caught:
        build_features.run(config, [CUTOFF.plus_days(-ago)], training=training, show=False)
    assert caught.value.exit_code == code
    assert caught.value.mend
    assert lake.version(SET.table) is lake.version("labels") is None


@pytest.mark.usefixtures("in_process")
def test_nobody_eligible_is_said_before_anything_is_committed(config: Config) -> None:
    changed = configuration(
        config.root, targets={"buys": {"kind": "occurs", "horizon_days": 7, "eligible": {"event_type": "purchase", "within_days": 1}}}
    )
    lake = ingest(changed, [event("a", ago) for ago in range(1, 60)])
    with pytest.raises(NoEvents, match="'buys'"):
        build_features.run(changed, [CUTOFF], training=True, show=False)
    assert lake.version(SET.table) is None


@pytest.mark.usefixtures("in_process")
def test_no_events_at_all(config: Config) -> None:
    with pytest.raises(NoEvents, match="no events yet"):
        build_features.run(config, [CUTOFF], training=False, show=False)
