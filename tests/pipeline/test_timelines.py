from datetime import timedelta
from pathlib import Path

import pytest

from features.timeline import from_events
from pipeline import timelines
from pipeline.config import Config
from pipeline.errors import ConfigError, MissingInput, NoEvents
from pipeline.lake import Lake
from pipeline.timelines import extent, load, refresh
from tests.features.literal import CUTOFF, HOUR, TYPES, Row, event, table
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, shop


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def refreshed(config: Config, rows: list[Row]) -> tuple[Lake, int]:
    lake = ingest(config, rows)
    return lake, refresh(lake, config, InProcess(), show=False)


def contents(lake: Lake, version: int) -> list[dict[str, object]]:
    return lake.read("timelines", version=version).sort_by([("event_id", "ascending")]).to_pylist()


def test_every_event_once_in_the_bucket_of_its_user(config: Config) -> None:
    rows = shop()
    lake, version = refreshed(config, rows)
    assert lake.read("timelines").num_rows == len(rows)
    for bucket in range(BUCKETS):
        found = load(lake, bucket, TYPES, version)
        whole = from_events(table(*(row for row in rows if row["user_id"] in set(found.user_ids))), TYPES)
        assert found.event_time.tolist() == whole.event_time.tolist()
        assert found.event_type.tolist() == whole.event_type.tolist()


def test_of_an_event_delivered_twice_the_copy_known_first_stays(config: Config) -> None:
    first = event("a", 3, known=2, event_id="e", item_id="first")
    again = event("a", 2, known=1, event_id="e", item_id="again")
    lake, version = refreshed(config, [again, first, event("b", 3, event_id="e", item_id="other user")])
    assert [row["item_id"] for row in contents(lake, version)] == ["first", "other user"]


def test_an_unchanged_lake_is_left_alone_and_a_new_day_is_taken_in(config: Config) -> None:
    lake, version = refreshed(config, shop(days=20))
    assert refresh(lake, config, InProcess(), show=False) == version
    ingest(config, [event("late", 30, event_id="late", known=0)])
    later = refresh(lake, config, InProcess(), show=False)
    assert later == version + 1
    assert len(contents(lake, later)) == len(contents(lake, version)) + 1


def test_a_rebuild_from_scratch_has_the_same_rows(config: Config, tmp_path: Path) -> None:
    rows = shop()
    lake, version = refreshed(config, rows)
    early = [row for row in rows if row["event_time"] < CUTOFF.micros - 20 * 86_400_000_000]
    stepwise = configuration(tmp_path / "other")
    ingest(stepwise, early)
    refresh(Lake(stepwise.lake_url), stepwise, InProcess(), show=False)
    other, other_version = refreshed(stepwise, rows)
    for bucket in range(BUCKETS):
        where = {"bucket": str(bucket)}
        assert other.read("timelines", where, version=other_version) == lake.read("timelines", where, version=version)


def test_extent_is_the_first_cutoff_with_an_event_and_the_last_event(config: Config) -> None:
    lake, _ = refreshed(config, [event("a", 9, known=4), event("b", 5), event("b", HOUR)])
    assert extent(lake).first_known == CUTOFF.instant - timedelta(days=5) + timedelta(microseconds=1)
    assert extent(lake).last_event == CUTOFF.instant - timedelta(hours=1)


def test_a_lake_without_events_says_so(config: Config) -> None:
    lake = Lake(config.lake_url)
    with pytest.raises(NoEvents, match="no events yet"):
        refresh(lake, config, InProcess(), show=False)
    with pytest.raises(MissingInput, match="no timelines"):
        extent(lake)


@pytest.mark.parametrize("buckets", [2, 5])
def test_another_number_of_buckets_is_refused_and_nothing_is_committed(config: Config, tmp_path: Path, buckets: int) -> None:
    lake = ingest(config, shop())
    changed = configuration(tmp_path, lake={"buckets": buckets})
    with pytest.raises(ConfigError, match=rf"lake.buckets = {buckets}"):
        refresh(lake, changed, InProcess(), show=False)
    assert lake.version("timelines") is None


def test_an_empty_bucket_is_an_empty_timeline(config: Config) -> None:
    lake, version = refreshed(config, [event("a", 1)])
    assert sorted(load(lake, bucket, TYPES, version).users for bucket in range(BUCKETS)) == [0, 0, 1]


def test_a_damaged_day_is_not_built_from(config: Config) -> None:
    lake = ingest(config, shop())
    path = min(Path(lake.uri(timelines.EVENTS_TABLE)).glob("day=*/*.parquet"))
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        refresh(lake, config, InProcess(), show=False)
    assert lake.version("timelines") is None
