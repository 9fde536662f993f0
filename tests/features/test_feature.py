import numpy as np

from features.feature import ratio, within


def test_ratio_of_nothing_is_undefined() -> None:
    found = ratio(np.array([6, 0, 5, 0]), np.array([3, 3, 0, 0]))
    assert found[:2].tolist() == [2.0, 0.0]
    assert np.isnan(found[2:]).all()


def test_ratio_to_the_undefined_is_undefined() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([np.nan]))).all()


def test_windows_are_named_as_people_do() -> None:
    assert (within(1), within(30)) == ("in the last day", "in the last 30 days")
