from __future__ import annotations

import pytest

from pipeline.evaluation.challenge import Challenge
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Judged
from tests.pipeline.evaluation.judged_models import BASELINES, RECENCY, evidence, model

CHAMPION, ONE, TWO = model("10", 0.70), model("11", 0.71), model("12", 0.72)


@pytest.mark.parametrize(
    ("judged", "considered", "champion", "parts"),
    [
        ((ONE,), ONE, None, 1),
        ((ONE, TWO), ONE, None, 2),
        ((ONE, CHAMPION), ONE, CHAMPION, 1),
        ((ONE, TWO, CHAMPION), TWO, CHAMPION, 2),
        # without a champion the baselines need no luck, beside one they have a part together
        ((ONE, TWO, *BASELINES), ONE, None, 2),
        ((ONE, TWO, *BASELINES, CHAMPION), ONE, CHAMPION, 3),
        ((ONE, TWO, *BASELINES, CHAMPION), RECENCY, CHAMPION, 12),
        ((*BASELINES, CHAMPION), RECENCY, CHAMPION, 4),
        ((ONE, *BASELINES), ONE, RECENCY, 2),
        (BASELINES, RECENCY, None, 1),
    ],
)
def test_the_chance_of_error_is_divided_among_those_who_challenge(
    judged: tuple[Judged, ...], considered: Judged, champion: Judged | None, parts: int
) -> None:
    assert Challenge(evidence(*judged), considered, champion, Rule()).parts == parts


@pytest.mark.parametrize("champion", [CHAMPION, RECENCY])
def test_the_parts_of_all_challengers_together_are_at_most_the_whole_chance_of_error(champion: Judged) -> None:
    judged = (ONE, TWO, *BASELINES, CHAMPION)
    challengers = [each for each in judged if each is not champion]
    assert sum(1 / Challenge(evidence(*judged), each, champion, Rule()).parts for each in challengers) == pytest.approx(1)


def test_the_closest_baseline_is_the_one_over_which_the_lead_is_least_sure() -> None:
    found = Challenge(evidence(*BASELINES, ONE), ONE, None, Rule()).closest
    assert found is not None
    assert found.version == "4"
    assert Challenge(evidence(ONE, TWO), ONE, None, Rule()).closest is None
