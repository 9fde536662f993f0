import numpy as np

from features.feature import ratio


def test_ratio_of_nothing_is_undefined() -> None:
    found = ratio(np.array([6, 0, 5, 0]), np.array([3, 3, 0, 0]))
    assert found[:2].tolist() == [2.0, 0.0]
    assert np.isnan(found[2:]).all()


def test_ratio_to_the_undefined_is_undefined() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([np.nan]))).all()
