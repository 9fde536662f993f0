from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.timeline import EVENT_ARRAYS, Timeline, from_events
from pipeline.config import Config
from pipeline.errors import ConfigError, MissingInput, NoEvents
from pipeline.lake import Lake
from pipeline.lake_parts import Layout
from pipeline.timeline_bucket import LAYOUT, SCHEMA, BucketTask
from pipeline.timelines import READ, Refreshed, blocks, extent, load, refresh
from tests.features.literal import CUTOFF, HOUR, TYPES, Row, event, table
from tests.pipeline.ingested import BUCKETS, InProcess, configuration, ingest, ingest_batch, shop


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def refreshed(config: Config, rows: list[Row]) -> tuple[Lake, int]:
    lake = ingest(config, rows)
    return lake, refresh(lake, config, InProcess(), show=False).version


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
    assert refresh(lake, config, InProcess(), show=False) == Refreshed(version, 0)
    ingest(config, [event("late", 30, event_id="late", known=0)])
    later = refresh(lake, config, InProcess(), show=False).version
    assert later == version + 1
    assert len(contents(lake, later)) == len(contents(lake, version)) + 1


class Watched(InProcess):
    """Keeps the tasks, to see which way a refresh took."""

    def __init__(self) -> None:
        self.tasks: list[BucketTask] = []

    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any], **options: object) -> list[Any]:
        self.tasks += arguments
        return super().map(function, arguments, **options)

    def days_read(self) -> list[tuple[str, ...]]:
        """Of each map of a refresh; `()` is all days."""
        return [self.tasks[place].days for place in range(0, len(self.tasks), BUCKETS)]


def watched(config: Config) -> tuple[int, list[tuple[str, ...]]]:
    workers = Watched()
    version = refresh(Lake(config.lake_url), config, workers, show=False).version
    return version, workers.days_read()


def test_new_days_are_merged_and_replaced_days_make_a_rebuild(config: Config) -> None:
    ingest_batch(config, "2026-02-01", [event("a", 29)])
    assert watched(config) == (0, [()])
    for day in ("2026-02-03", "2026-02-02"):
        ingest_batch(config, day, [event("a", 28, event_id=day)])
    assert watched(config) == (1, [("2026-02-02", "2026-02-03")])
    ingest_batch(config, "2026-02-04", [])
    assert watched(config) == (2, [("2026-02-04",)])
    ingest_batch(config, "2026-02-01", [event("a", 29), event("b", 29)])
    assert watched(config) == (3, [()])
    assert watched(config) == (3, [])


def test_it_says_which_events_it_holds(config: Config) -> None:
    lake = ingest(config, shop(days=3))
    for version in range(3):
        ingest_batch(config, "2026-03-02", [event("a", 1, event_id=str(version))])
        assert refresh(lake, config, InProcess(), show=False) == Refreshed(version, lake.version("events") or 0)
        assert lake.metadata("timelines", {})["events_version"] == str(version + 1)


def test_a_version_of_events_that_the_log_forgot_makes_a_rebuild(config: Config) -> None:
    lake, version = refreshed(config, shop(days=20))
    parts = [lake.write_part("timelines", {"bucket": str(bucket)}, "x", lake.read("timelines").slice(0, 0)) for bucket in range(BUCKETS)]
    known = {"events_version": "99", "buckets": str(BUCKETS)}
    lake.commit("timelines", SCHEMA, {}, parts, metadata=known, expected=version)
    assert watched(config)[1] == [()]
    assert lake.read("timelines").num_rows == 240


@pytest.mark.parametrize("damage", ["flipped", "gone", "cut off"])
def test_timelines_that_cannot_be_read_are_rebuilt(config: Config, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    lake, version = refreshed(config, shop())
    whole = sorted(contents(lake, version), key=str)
    for path in Path(lake.uri("timelines")).glob("bucket=*/*.parquet"):
        content = bytearray(path.read_bytes())
        content[60] ^= 1
        path.write_bytes(content if damage == "flipped" else content[:100])
        if damage == "gone":
            path.unlink()
    ingest_batch(config, "2026-03-02", [])
    later, read = watched(config)
    assert read == [("2026-03-02",), ()]
    assert sorted(contents(lake, later), key=str) == whole
    assert "rebuilt from all events" in caplog.text


def test_the_last_versions_stay_whole_and_an_older_one_is_named(config: Config) -> None:
    lake, _ = refreshed(config, shop())
    for day in range(2, 7):
        ingest_batch(config, f"2026-03-0{day}", [])
        refresh(lake, config, InProcess(), show=False)
    assert len(list(Path(lake.uri("timelines")).glob("bucket=*/*.parquet"))) == config.lake.keep_versions * BUCKETS
    for version in (3, 4, 5):
        assert sum(len(load(lake, bucket, TYPES, version).event_time) for bucket in range(BUCKETS)) == 240
    with pytest.raises(MissingInput, match=r"Version 2 of 'timelines' is not whole any more(.|\n)*build-features.*lake.keep_versions"):
        load(lake, 0, TYPES, 2)


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


SMALL = replace(LAYOUT, rows_per_group=4)


def stored(config: Config, rows: list[Row], *, layout: Layout = SMALL) -> tuple[Lake, int]:
    """Bucket 0 of the timelines, as these rows in this order."""
    lake = Lake(config.lake_url)
    part = lake.write_part("timelines", {"bucket": "0"}, "part", table(*rows).select(SCHEMA.names), layout)
    return lake, lake.commit("timelines", SCHEMA, {}, [part], metadata={})


def joined(found: list[Timeline]) -> dict[str, list[object]]:
    """All blocks as one, codes spelled out."""
    columns = {name: [value for block in found for value in getattr(block, name).tolist()] for name in EVENT_ARRAYS}
    for codes, names in (("item", "items"), ("category", "categories")):
        columns[codes] = [None if code < 0 else getattr(block, names)[code] for block in found for code in getattr(block, codes)]
    columns["session"] = [code >= 0 for block in found for code in block.session]
    columns["owner"] = [block.user_ids[place] for block in found for place in block.owner]
    return columns


def many_events(counts: Sequence[int]) -> list[Row]:
    """So many events of one user each, all in order; some without item, some with a category or session."""
    return [
        event(
            f"u{user}",
            50 - place,
            TYPES[place % 2],
            item_id=[None, "x", f"i{user}"][place % 3],
            category=[None, "c"][place % 2],
            value=place,
        )
        for user, count in enumerate(counts)
        for place in range(count)
    ]


@pytest.mark.parametrize("events", [1, 5, 100])
@pytest.mark.parametrize("users", [1, 2, None])
@pytest.mark.parametrize("counts", [(1,), (4, 4, 4), (3, 1, 13, 1, 1, 2), (1,) * 9, (20, 1), (1, 20)])
def test_blocks_are_the_whole_bucket_in_pieces_of_whole_users(
    config: Config, counts: tuple[int, ...], users: int | None, events: int
) -> None:
    lake, version = stored(config, many_events(counts))
    found = list(blocks(lake, 0, TYPES, version, events=events, users=users))
    whole = load(lake, 0, TYPES, version)
    assert joined(found) == joined([whole])
    assert [user for block in found for user in block.user_ids] == whole.user_ids.tolist()
    assert all(0 < block.users <= (users or block.users) for block in found)
    assert all(len(block.event_time) < events + 4 + max(counts) for block in found)


def test_an_empty_bucket_is_one_empty_block(config: Config) -> None:
    lake, version = stored(config, [])
    assert [block.users for block in blocks(lake, 0, TYPES, version, users=3)] == [0]


def test_a_file_of_another_layout_is_the_same_timeline(config: Config, tmp_path: Path) -> None:
    rows = many_events((3, 1, 13))
    lake, version = stored(config, rows)
    other, same = stored(configuration(tmp_path / "plain"), rows, layout=Layout(dictionaries=()))
    assert joined([load(lake, 0, TYPES, version)]) == joined([load(other, 0, TYPES, same)])


@pytest.mark.parametrize("rows", [[event("b", 2), event("a", 1)], [event("a", 1), event("a", 2)], [event("a", 1, "refund")]])
def test_rows_that_are_no_timeline_are_refused_with_what_to_do(config: Config, rows: list[Row]) -> None:
    lake, version = stored(config, rows)
    with pytest.raises(MissingInput, match=r"timeline of bucket 0 cannot be used(.|\n)*remove the table"):
        list(blocks(lake, 0, TYPES, version))


def test_segments_are_kept_and_no_timeline_reads_them(config: Config, tmp_path: Path) -> None:
    lake, version = refreshed(config, [event("a", 2, segment="north"), event("a", 1)])
    assert [row["segment"] for row in contents(lake, version)] == ["north", None]
    bare, same = refreshed(configuration(tmp_path / "bare"), [event("a", 2), event("a", 1)])
    for bucket in range(BUCKETS):
        one, other = load(lake, bucket, TYPES, version), load(bare, bucket, TYPES, same)
        assert joined([one]) == joined([other])
    assert "segment" not in READ


def test_a_damaged_timeline_is_not_read(config: Config) -> None:
    lake, version = stored(config, many_events((9,)))
    (path,) = Path(lake.uri("timelines")).glob("bucket=*/*.parquet")
    content, users = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(0).column(1)
    content[users.dictionary_page_offset + users.total_compressed_size - 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        load(lake, 0, TYPES, version)


def test_a_damaged_day_is_not_built_from(config: Config) -> None:
    lake = ingest(config, shop())
    path = min(Path(lake.uri("events")).glob("day=*/*.parquet"))
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        refresh(lake, config, InProcess(), show=False)
    assert lake.version("timelines") is None
