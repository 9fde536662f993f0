from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.target import Target
from pipeline.errors import NightcastError
from pipeline.simulator.forecast import answerable, no_event, session_without
from pipeline.simulator.oracle import TARGETS
from pipeline.simulator.world import World


def test_a_day_ahead_is_leaving_or_staying_away(tiny: World) -> None:
    quiet = no_event(tiny, np.array([[[0.5, 0.2]]]), np.zeros(2))
    assert quiet[0, 0] == pytest.approx([0.1 + 0.9 * 0.5, 0.1 + 0.9 * 0.8])


def test_two_days_ahead_by_hand(tiny: World) -> None:
    rates = np.array([[[0.5, 0.2]], [[0.6, 0.1]]])
    after = np.array([0.1 + 0.9 * (0.4 + 0.6 * 0.25), 0.1 + 0.9 * (0.9 + 0.1 * 0.25)])
    redrawn = 0.25 * (0.7 * after[0] + 0.3 * after[1])
    quiet = no_event(tiny, rates, np.array([0.25]))
    assert quiet[0, 0] == pytest.approx([0.1 + 0.9 * (0.5 * after[0] + 0.5 * redrawn), 0.1 + 0.9 * (0.8 * after[1] + 0.2 * redrawn)])


def test_without_churn_and_memory_days_multiply(tiny: World) -> None:
    world = replace(tiny, churn=0.0)
    quiet = no_event(world, np.full((7, 1, 2), 0.1), np.array([0.4]))
    assert quiet == pytest.approx((1 - 0.1 * 0.6) ** 7)


def test_every_session_has_an_event_but_not_always_a_purchase(tiny: World) -> None:
    purchase, absence = TARGETS
    assert session_without(tiny, absence).tolist() == [0, 0]
    assert (np.diff(session_without(tiny, purchase)) < 0).all()


@pytest.mark.parametrize(
    "target",
    [
        Target("spend", "sum", "purchase", 7),
        Target("returns", "occurs", "cancel", 7),
        Target("later", "occurs", "purchase", 7, gap_days=3),
    ],
)
def test_a_target_beyond_the_oracle_is_refused_by_name(target: Target) -> None:
    with pytest.raises(NightcastError, match=target.name):
        answerable(target)
