from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pipeline.simulator.world import EXTRA_VIEW, EXTRA_VIEWS, LEGS, MAX_RATE, World, none_marked, season


def test_season_is_higher_on_saturdays_and_before_the_holidays() -> None:
    summer, winter = season(date(2025, 6, 2), 7), season(date(2025, 12, 1), 7)
    assert summer.argmax() == 5
    assert (winter > summer).all()
    assert season(date(2025, 1, 1), 365).mean() == pytest.approx(1, abs=0.01)


def test_rates_follow_the_latest_walk_and_stay_below_one(tiny: World) -> None:
    rates = replace(tiny, interest=(0.3, 0.94)).rates(date(2025, 6, 7), 1)[0]
    factor = season(date(2025, 6, 7), 1)[0]
    assert rates[0] == pytest.approx([0.3 * 1.3 * factor, 0.3 * 0.4 * factor])
    assert rates[1, 0] == MAX_RATE


def test_a_session_arrives_by_and_by(tiny: World) -> None:
    assert [tiny.seen_by(age) for age in range(4)] == pytest.approx([0.5, 0.8, 1.0, 1.0])


def test_a_pending_cancellation_is_weighed_by_the_time_it_has_not_come(tiny: World) -> None:
    # Half of all purchases come back, after 3, 4 or 5 days with chances .5, .3, .2.
    ages = np.array([1, 3, 4, 5, 6, 90])
    assert tiny.returned_within(ages, 2) == pytest.approx([0, 0.5 * 0.8, 0.5 * 0.5 / 0.75, 0.5 * 0.2 / 0.6, 0, 0])
    assert tiny.returned_within(ages, 30) == pytest.approx([0.5, 0.5, 0.25 / 0.75, 0.1 / 0.6, 0, 0])


def test_a_session_without_marked_views_is_a_mean_over_its_length() -> None:
    chance = 0.3
    rng = np.random.default_rng(1)
    views = LEGS + rng.binomial(EXTRA_VIEWS, EXTRA_VIEW, 200_000)
    assert none_marked(np.array(chance)) == pytest.approx(np.mean((1 - chance) ** views), abs=0.002)


def test_shares_that_do_not_sum_to_one_are_refused(tiny: World) -> None:
    with pytest.raises(ValueError, match=r"lateness sums to 0\.9"):
        replace(tiny, lateness=(0.5, 0.4))


def test_a_cancellation_that_could_overtake_its_purchase_is_refused(tiny: World) -> None:
    with pytest.raises(ValueError, match="first_return = 2"):
        replace(tiny, first_return=2)
