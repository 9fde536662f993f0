from __future__ import annotations

import numpy as np
import pytest

from models.calibration import Calibrator
from models.classifier import Effects
from models.explanations import readable, top_reasons, wordings

SENTENCES = {
    "views": "{value} views in the last week",
    "gap": "{value} days since the last visit|no visit so far",
    "spend": "{value} spent",
}
CALIBRATOR = Calibrator(0.5, -1.0)
RAW = np.array([0.2, -1.0])
EFFECTS = Effects(
    ("views", "gap", "spend"),
    log_odds=np.array([[0.1, -0.7, 0.3], [0.0, 0.2, 0.0]]),
    values=np.array([[4.0, np.nan, 12.345], [0.0, 3.0, 9.0]]),
)


def test_the_strongest_come_first_whatever_their_sign() -> None:
    texts, _ = top_reasons(EFFECTS, SENTENCES, RAW, CALIBRATOR, count=2)
    assert texts[0].tolist() == ["no visit so far", "12.3 spent"]


def test_quantities_without_effect_are_no_reasons() -> None:
    texts, moved = top_reasons(EFFECTS, SENTENCES, RAW, CALIBRATOR)
    assert texts[1].tolist() == ["3 days since the last visit", None, None]
    assert np.isnan(moved[1]).tolist() == [False, True, True]


def test_the_effect_is_what_the_probability_would_lose() -> None:
    _, moved = top_reasons(EFFECTS, SENTENCES, RAW, CALIBRATOR)
    probability = CALIBRATOR.probability(np.array([0.2, 0.2 + 0.7, 0.2 - 0.3, 0.2 - 0.1]))
    assert moved[0] == pytest.approx(probability[0] - probability[1:])
    assert moved[0, 0] < 0 < moved[0, 1]


def test_fewer_quantities_than_reasons_leave_the_rest_empty() -> None:
    texts, moved = top_reasons(EFFECTS, SENTENCES, RAW, CALIBRATOR, count=5)
    assert texts.shape == moved.shape == (2, 5)
    assert texts[0, 3:].tolist() == [None, None]


def test_ties_go_to_the_earlier_quantity() -> None:
    tied = Effects(("views", "spend"), np.array([[0.3, -0.3]]), np.array([[1.0, 2.0]]))
    assert top_reasons(tied, SENTENCES, RAW[:1], CALIBRATOR, count=1)[0].tolist() == [["1 views in the last week"]]


def test_each_user_is_explained_alone() -> None:
    together = top_reasons(EFFECTS, SENTENCES, RAW, CALIBRATOR)
    alone = top_reasons(Effects(EFFECTS.names, EFFECTS.log_odds[1:], EFFECTS.values[1:]), SENTENCES, RAW[1:], CALIBRATOR)
    assert alone[0].tolist() == together[0][1:].tolist()


def test_nobody_gives_empty_arrays() -> None:
    nobody = Effects(EFFECTS.names, np.zeros((0, 3)), np.zeros((0, 3)))
    texts, moved = top_reasons(nobody, SENTENCES, np.zeros(0), CALIBRATOR)
    assert texts.shape == moved.shape == (0, 3)


def test_a_quantity_without_a_sentence_is_named() -> None:
    with pytest.raises(ValueError, match="No sentence for spend"):
        top_reasons(EFFECTS, {"views": "", "gap": ""}, RAW, CALIBRATOR)


def test_an_undefined_value_without_its_own_text_is_called_unknown() -> None:
    assert wordings("{value} spent", np.array([np.nan, 2.0])).tolist() == ["unknown spent", "2 spent"]


def test_a_defined_value_never_takes_the_text_for_undefined_ones() -> None:
    assert wordings(SENTENCES["gap"], np.array([1.0])).tolist() == ["1 days since the last visit"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (0.0, "0"), (-0.0, "0"), (1234.0, "1,234"), (1234.56, "1,234.6"), (0.5, "0.5"), (0.03123, "0.031"), (-2.25, "-2.2")],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert readable(value) == text
