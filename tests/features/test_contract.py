import duckdb
import pyarrow as pa
import pytest

from features.contract import EARLIEST, EVENTS, LATEST, LONGEST, VALUE_RANGE, bucket_of


@pytest.mark.parametrize(("user", "bucket"), [("", 9), ("12583.0", 8), ("Zoë", 3)])
def test_bucket_is_pinned_across_versions(user: str, bucket: int) -> None:
    assert bucket_of(user, 16) == bucket


def test_bucket_equals_the_sql_that_the_docstring_gives() -> None:
    users = [f"user-{number}" for number in range(50)] + ["Zoë", "用户", " "]
    found = duckdb.execute("SELECT (('0x' || md5(u)[:8])::UBIGINT % 7)::INT FROM unnest(?) AS t(u)", [users]).fetchall()
    assert [bucket_of(user, 7) for user in users] == [bucket for (bucket,) in found]


def test_buckets_fill_evenly() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[bucket_of(f"u{number}", 8)] += 1
    assert min(counts) > 900


def test_times_are_utc_microseconds_and_values_exact_integers() -> None:
    assert EVENTS.field("event_time").type == pa.timestamp("us", tz="UTC")
    assert EVENTS.field("available_at").type == pa.timestamp("us", tz="UTC")
    assert EVENTS.field("value").type == pa.int64()


def test_allowed_ranges_are_declared() -> None:
    assert (str(EARLIEST), str(LATEST)) == ("1971-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    assert (pa.scalar(-(2**63), pa.int64()).as_py(), pa.scalar(2**63 - 1, pa.int64()).as_py()) == VALUE_RANGE
    assert set(LONGEST) == {field.name for field in EVENTS if field.type == pa.string()} - {"event_type"}
