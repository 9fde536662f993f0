"""The night that a new one is compared with is the newest published one before it, on every engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.night_before import night_before
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores


def test_there_is_none_before_the_first_night(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        assert night_before(warehouse, TARGET, CUTOFF, 7) is None
        warehouse.publish(scores(), TARGET, CUTOFF, run_of(scores()))
        assert night_before(warehouse, TARGET, CUTOFF, 7) is None
        assert night_before(warehouse, "churn_28d", NEXT, 7) is None


def test_it_is_the_newest_before_the_cutoff_with_its_scores_and_model(config: Config) -> None:
    with open_warehouse(config) as warehouse:
        for days, users in ((0, 10), (1, 20), (3, 30)):
            rows = scores(users, 2, version=str(users))
            warehouse.publish(rows, TARGET, CUTOFF.plus_days(days), run_of(rows, version=str(users)))
        found = night_before(warehouse, TARGET, CUTOFF.plus_days(3), 7)
    assert found is not None
    assert (found.cutoff, found.model_name, found.model_version) == (NEXT, "nightcast.purchase_7d", "20")
    assert found.scores.sort_by("score").to_pylist() == scores(20, 0).select(["raw_score", "score"]).sort_by("score").to_pylist()


@pytest.mark.parametrize(("days", "within", "there"), [(7, 7, True), (8, 7, False), (1, 1, True), (1, 0, False)])
def test_an_older_night_is_not_looked_at(config: Config, days: int, within: int, there: bool) -> None:
    with open_warehouse(config) as warehouse:
        warehouse.publish(scores(), TARGET, CUTOFF, run_of(scores()))
        assert (night_before(warehouse, TARGET, CUTOFF.plus_days(days), within) is not None) is there


def test_a_week_in_which_the_clock_changes_is_a_week(config: Config) -> None:
    before, after = (Cutoff(datetime(2026, month, day, hour, tzinfo=UTC)) for month, day, hour in ((10, 19, 23), (10, 27, 0)))
    assert (after.instant - before.instant).total_seconds() / 3600 == 7 * 24 + 1
    with open_warehouse(config) as warehouse:
        warehouse.publish(scores(), TARGET, before, run_of(scores()))
        assert night_before(warehouse, TARGET, after, 7) is not None
