from __future__ import annotations

import pytest

from features.cutoff import Cutoff
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged
from pipeline.evaluation.promotion import decide
from tests.pipeline.evaluation.judged_models import AS_OF, EVALUATION


def unrankable(*judged: Judged, unranked: tuple[str, ...] = (), unfit: tuple[str, ...] = (), positives: int = 0) -> Evidence:
    """Of 37 users too few have an outcome; `unranked` could answer all the same, `unfit` could not."""
    apart = tuple(
        Difference(one.version, other.version, {"auc": Estimate(0.0, -1.0, 1.0)}) for one in judged for other in judged if one is not other
    )
    aside = dict.fromkeys(unranked, "users cannot be ranked") | dict.fromkeys(unfit, "it reads other features")
    return Evidence("purchase_7d", AS_OF, EVALUATION, 37, positives, judged, apart, aside, unranked)


def level(version: str, labels_until: Cutoff = EVALUATION) -> Judged:
    figures = {"auc": Estimate(0.5, 0.0, 1.0), "log_loss": Estimate(0.1)}
    return Judged(version, "base_rate", labels_until, figures)


@pytest.mark.parametrize("positives", [0, 1, 36, 37])
@pytest.mark.parametrize(
    ("judged", "unranked", "unfit", "champion", "expected"),
    [
        # a newborn shop gets the base rate, whatever else was trained
        ((level("1"),), (), (), None, (True, "1")),
        ((level("1"),), ("2", "3"), (), None, (True, "1")),
        # a champion that is fit to answer stays
        ((level("1"),), ("2", "8"), (), "8", (False, None)),
        ((level("1"), level("8")), (), (), "8", (False, None)),
        ((level("1"), level("8", AS_OF)), (), (), "8", (False, None)),
        ((level("8"),), ("2",), (), "8", (False, None)),
        # a champion that is not is as good as none
        ((level("1"),), ("2",), ("8",), "8", (True, "1")),
        # nothing is promoted that was not judged
        ((), ("2",), (), None, (False, None)),
        ((), ("2",), ("8",), "8", (False, None)),
    ],
)
def test_where_users_cannot_be_ranked_a_champion_stays_and_without_one_the_base_rate_scores(
    judged: tuple[Judged, ...],
    unranked: tuple[str, ...],
    unfit: tuple[str, ...],
    champion: str | None,
    expected: tuple[bool, str | None],
    positives: int,
) -> None:
    decision = decide(unrankable(*judged, unranked=unranked, unfit=unfit, positives=positives), champion, Rule())
    assert (decision.promoted, decision.version) == expected
    assert decision.champion == champion


FEW = (
    "there are too few outcomes to say which model is better: 0 of 37 users have outcome 1 at 2026-05-25T00:00:00Z, "
    "and it takes at least 2 with it and without it"
)


def test_the_base_rate_of_a_newborn_shop_says_why_and_where_its_scores_come_from() -> None:
    decision = decide(unrankable(level("1"), unranked=("2",)), None, Rule())
    assert decision.reasons == (
        f"{FEW}; scores come from the share of all users alone, the same for everybody",
        "there is no champion yet",
        "version 1 (base_rate) has AUC 0.5000 [0.0000, 1.0000] on 37 users; its order may be chance",
        "version 2 was set aside: users cannot be ranked",
    )


def test_a_champion_that_stays_for_want_of_outcomes_says_so() -> None:
    decision = decide(unrankable(level("1"), unranked=("8",)), "8", Rule())
    assert decision.reasons == (
        f"{FEW}; champion version 8 stays, for being unable to compare is no reason to replace it",
        "version 8 was set aside: users cannot be ranked",
    )
