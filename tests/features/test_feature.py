import numpy as np
import pytest

from features.feature import ratio, theme, within


def test_ratio_of_nothing_is_undefined() -> None:
    found = ratio(np.array([6, 0, 5, 0]), np.array([3, 3, 0, 0]))
    assert found[:2].tolist() == [2.0, 0.0]
    assert np.isnan(found[2:]).all()


def test_ratio_to_the_undefined_is_undefined() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([np.nan]))).all()


def test_windows_are_named_as_people_do() -> None:
    assert (within(1), within(30)) == ("in the last day", "in the last 30 days")


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("events_purchase_30d", "events_purchase"),
        ("events_purchase_7d", "events_purchase"),
        ("active_days_purchase_7d", "active_days_purchase"),
        ("value_max_any_365d", "value_max_any"),
        ("pace_any_7d_30d", "pace_any"),
        ("days_since_any", "days_since_any"),
        ("active_days_ever", "active_days_ever"),
        ("hours_0_6_share", "hours_0_6_share"),
        ("latest_category_is_toys___games", "latest_category"),
        ("top_category_is_7d", "top_category"),
        ("top_category_share", "top_category_share"),
        ("events_is_it_7d", "events_is_it"),
    ],
)
def test_a_theme_is_the_name_without_windows_and_levels(name: str, about: str) -> None:
    assert theme(name) == about
