import pytest

from features.trend import trend
from tests.features.literal import columns, event, observation


def test_a_steady_pace_is_one() -> None:
    seen = observation(*(event("a", ago + 0.5) for ago in range(28)), windows=(7, 14, 28))
    found = columns(trend, seen)
    assert [found["pace_any_7d_14d"], found["pace_any_14d_28d"]] == [[1.0], [1.0]]


@pytest.mark.parametrize(("agos", "pace"), [((1.5, 2.5), 2.0), ((1.5, 10.5), 1.0), ((10.5,), 0.0), ((20.5,), None)])
def test_recent_days_against_the_longer_window(agos: tuple[float, ...], pace: float | None) -> None:
    seen = observation(*(event("a", ago) for ago in agos), windows=(7, 14))
    assert columns(trend, seen)["pace_any_7d_14d"] == [pace]


def test_one_window_has_no_trend() -> None:
    assert columns(trend, observation(event("a", 1), windows=(7,))) == {}


def test_each_kind_has_its_pace() -> None:
    seen = observation(event("a", 1.5, "purchase"), event("a", 10.5), event("a", 10.25), event("b", 0), windows=(7, 14))
    assert columns(trend, seen) == {"pace_any_7d_14d": [1.0, None], "pace_view_7d_14d": [0.0, None], "pace_purchase_7d_14d": [2.0, None]}
