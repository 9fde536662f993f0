from __future__ import annotations

import numpy as np
import pytest

from pipeline.simulator.belief import joining_chance, normalised, observe_day, pass_night, prior
from pipeline.simulator.population import NO_SESSION
from pipeline.simulator.world import Floats, World

SHARE = np.array([0.7, 0.3])
RATE = np.array([[0.5, 0.2]])


def believe(*weights: float) -> Floats:
    """One user of one interest class: customer after walk 0, after walk 1, gone, outside."""
    return np.reshape(weights, (4, 1, 1))


def test_the_prior_is_the_population(tiny: World) -> None:
    belief = prior(tiny, 3)
    assert belief.shape == (4, 2, 3)
    assert belief[:, :, 1] == pytest.approx(np.outer([0.4 * 0.7, 0.4 * 0.3, 0.0, 0.6], [0.6, 0.4]))


def test_a_night_takes_customers_and_brings_new_ones(tiny: World) -> None:
    moved = pass_night(believe(0.4, 0.2, 0.1, 0.3), tiny, 0.5)
    assert moved[:, 0, 0] == pytest.approx([0.36 + 0.105, 0.18 + 0.045, 0.1 + 0.06, 0.15])


def test_everybody_outside_joins_by_the_last_day(tiny: World) -> None:
    outside = np.cumprod([1 - joining_chance(tiny, day, 4) for day in range(4)])
    assert outside == pytest.approx([0.75, 0.5, 0.25, 0.0])


@pytest.mark.parametrize(
    ("walk", "arrived", "unseen", "directions", "expected"),
    [
        (NO_SESSION, 1.0, 1.0, True, [0.4 * 0.5, 0.2 * 0.8, 0.1, 0.3]),
        (NO_SESSION, 0.6, 1.0, True, [0.2 + 0.24 * 0.4 * 0.7, 0.16 + 0.24 * 0.4 * 0.3, 0.1, 0.3]),
        (NO_SESSION, 0.6, 0.5, True, [0.2 + 0.24 * 0.2 * 0.7, 0.16 + 0.24 * 0.2 * 0.3, 0.1, 0.3]),
        (0, 0.6, 0.5, True, [0.24 * 0.6 * 0.7, 0.0, 0.0, 0.0]),
        (1, 0.6, 0.5, True, [0.0, 0.24 * 0.6 * 0.3, 0.0, 0.0]),
        (1, 0.6, 0.5, False, [0.24 * 0.6 * 0.7, 0.24 * 0.6 * 0.3, 0.0, 0.0]),
    ],
)
def test_what_a_day_says(walk: int, arrived: float, unseen: float, directions: bool, expected: list[float]) -> None:
    seen = np.array([walk], dtype=np.int8)
    weighed = observe_day(believe(0.4, 0.2, 0.1, 0.3), RATE, SHARE, seen, arrived, unseen, directions=directions)
    assert weighed[:, 0, 0] == pytest.approx(expected)


def test_all_observations_together_are_certain() -> None:
    belief = believe(0.4, 0.2, 0.1, 0.3)
    seen = [observe_day(belief, RATE, SHARE, np.array([walk], dtype=np.int8), 0.6).sum() for walk in (NO_SESSION, 0, 1)]
    assert sum(seen) == pytest.approx(1)


def test_normalised_weights_sum_to_one_for_each_user() -> None:
    belief = np.array([[1.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 5.0]]).T[:, None, :]
    assert normalised(belief)[:, 0].T.tolist() == [[0.25, 0.25, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]]
