from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from pipeline.day_record import DayRecord
from pipeline.errors import SourceError
from pipeline.source.delivery import Delivery
from pipeline.source.drift import difference, difference_of_keys, without_drift
from pipeline.source.rows import Rows

BEFORE = {"user": "text", "value": "bigint"}


def record(day: int, **streams: Mapping[str, str]) -> DayRecord:
    return DayRecord(date(2026, 1, day), f"run{day}", 1, 1, 0, 0, 0, columns=streams)


def delivery(columns: Mapping[str, str], stream: str = "events", *, header: bool = True) -> Delivery:
    return Delivery(stream, Rows("events/2026-01-09.csv", columns, header, iter(())))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (BEFORE, []),
        ({"value": "bigint", "user": "text"}, []),
        ({**BEFORE, "coupon": "text"}, ["new: coupon (text)"]),
        ({"user": "text"}, ["missing: value (bigint)"]),
        ({**BEFORE, "value": "text"}, ["value was bigint, is text"]),
        (
            {"USER": "text", "value": "double", "at": "date"},
            ["new: USER (text), at (date)", "missing: user (text)", "value was bigint, is double"],
        ),
    ],
)
def test_the_difference_is_told_in_words(now: Mapping[str, str], said: list[str]) -> None:
    assert difference(BEFORE, now) == said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"user": "string", "value": "number"}, []),
        ({"user": "string"}, []),
        ({"user": "string", "value": "null"}, []),
        ({"user": "string", "value": "number or string"}, []),
        ({"user": "string", "wanted": "null"}, []),
        ({"user": "string", "rare": "string"}, []),
        ({"user": "string", "coupon": "number"}, ["new: coupon (number)"]),
        ({"user": "number or object"}, ["user was string, is number or object"]),
        ({"empty": "number"}, []),
    ],
)
def test_keys_of_json_lines_come_and_go(now: Mapping[str, str], said: list[str]) -> None:
    before = [{"user": "string", "value": "number", "empty": "null"}, {"user": "string", "rare": "string"}]
    assert difference_of_keys(before, now) == said


def test_a_drifted_source_is_named_with_the_day_compared_and_the_mend() -> None:
    found = without_drift([delivery({"user": "text"})], [record(8, events=BEFORE)])
    with pytest.raises(SourceError) as refused:
        next(found)
    assert refused.value.message == "events/2026-01-09.csv has other columns than the source had on 2026-01-08: missing: value (bigint)"
    assert "NIGHTCAST__SOURCE__DRIFT=accept" in refused.value.mend


def test_each_stream_is_compared_with_the_newest_day_that_has_it() -> None:
    earlier = [record(8, events=BEFORE), record(7, events={"old": "text"}, refunds={"id": "text"})]
    given = [delivery(BEFORE), delivery({"id": "text"}, "refunds"), delivery({"any": "text"}, "first_time")]
    assert list(without_drift(given, earlier)) == given
    with pytest.raises(SourceError, match="on 2026-01-07: new: note"):
        list(without_drift([delivery({"id": "text", "note": "text"}, "refunds")], earlier))


def test_keys_are_compared_with_all_the_days() -> None:
    earlier = [record(8, events={"user": "string"}), record(7, events={"user": "string", "rare": "number"})]
    given = [delivery({"rare": "number"}, header=False)]
    assert list(without_drift(given, earlier)) == given
    with pytest.raises(SourceError, match="2026-01-08: new: coupon"):
        list(without_drift([delivery({"user": "string", "coupon": "number"}, header=False)], earlier))


def test_a_first_day_is_compared_with_nothing() -> None:
    assert len(list(without_drift([delivery(BEFORE)], []))) == 1


def test_a_delivery_is_checked_only_when_it_is_asked_for() -> None:
    found = without_drift([delivery(BEFORE), delivery({})], [record(8, events=BEFORE)])
    assert next(found).rows.columns == BEFORE
    with pytest.raises(SourceError):
        next(found)
