from datetime import UTC, datetime

import pytest

from features.cutoff import Cutoff
from features.target import Target, type_code

CUTOFF = Cutoff(datetime(2026, 1, 1, tzinfo=UTC))
TARGET = Target("t", "occurs", "purchase", horizon_days=30, gap_days=7)


def test_window_begins_after_the_gap_and_lasts_the_horizon() -> None:
    start, end = TARGET.window(CUTOFF)
    assert (str(start), str(end)) == ("2026-01-08T00:00:00Z", "2026-02-07T00:00:00Z")
    assert TARGET.reach_days == 37


def test_target_matures_at_the_instant_its_window_closes() -> None:
    closes = CUTOFF.plus_days(37)
    assert TARGET.matured(CUTOFF, closes)
    assert not TARGET.matured(CUTOFF, Cutoff(closes.instant.replace(day=6)))


def test_the_unit_is_no_part_of_the_question() -> None:
    question = Target("spent", "sum", "purchase", 30, unit="GBP").question
    assert question == Target("spent", "sum", "purchase", 30).question
    assert question["horizon_days"] == 30
    assert question != Target("spent", "sum", "purchase", 31).question


def test_a_type_is_its_position_and_any_none() -> None:
    assert [type_code(name, ("view", "purchase")) for name in ("view", "purchase", "any")] == [0, 1, -1]
    with pytest.raises(ValueError, match="'refund' is not one of view, purchase"):
        type_code("refund", ("view", "purchase"))
