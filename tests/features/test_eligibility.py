import pytest

from features.eligibility import eligible, score_basis
from features.target import Target
from tests.features.literal import CUTOFF, HOUR, MICRO, event, timeline


def target(event_type: str = "any", within: int = 0) -> Target:
    return Target("t", "occurs", "purchase", 7, eligible_event_type=event_type, eligible_within_days=within)


@pytest.mark.parametrize(
    ("ago", "within", "asked"), [(400, 0, True), (10, 10, True), (10 + MICRO, 10, False), (0, 0, False), (-1, 10, False)]
)
def test_within_days_ends_at_the_cutoff_and_zero_means_ever(ago: float, within: int, asked: bool) -> None:
    view = timeline(event("a", ago)).as_of(CUTOFF)
    assert eligible(view, target(within=within), CUTOFF).tolist() == [asked]


def test_only_the_asked_type_makes_eligible() -> None:
    view = timeline(event("a", 1, "view"), event("b", 1, "purchase")).as_of(CUTOFF)
    assert eligible(view, target("purchase"), CUTOFF).tolist() == [False, True]


def test_what_is_not_yet_known_makes_nobody_eligible() -> None:
    assert eligible(timeline(event("a", 1, known=-1)).as_of(CUTOFF), target(), CUTOFF).tolist() == [False]


@pytest.mark.parametrize(
    ("agos", "basis"),
    [
        ((), "new"),
        ((1,), "thin"),
        ((5, 4, 3, 2), "thin"),
        ((1, 1, 1, 1, 1), "thin"),
        ((5, 4, 3, 2, 1), "rich"),
        ((2, 1, 1, 1, 1), "rich"),
        ((1 + HOUR, 1, 1, 1, 1), "rich"),
        ((1 - HOUR, 1, 1, 1, 1), "thin"),
    ],
)
def test_basis_needs_five_events_on_two_days(agos: tuple[float, ...], basis: str) -> None:
    view = timeline(event("a", 3, "view"), *(event("b", ago) for ago in agos), event("b", -1), event("c", 1)).as_of(CUTOFF)
    assert score_basis(view).tolist() == ["thin", basis, "thin"]


def test_basis_of_nobody_is_empty() -> None:
    assert score_basis(timeline()).tolist() == []
