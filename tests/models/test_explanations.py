from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.definition import Definition
from features.feature_set import feature_set
from models.calibration import Calibrator
from models.classifier import Effects, Floats
from models.explanations import SINGULAR, compared, readable, rounded, top_reasons, wordings
from models.model_features import fitted_features

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


WINDOWS = Effects(
    ("events_7d", "events_30d", "gap", "events_90d"),
    log_odds=np.array([[0.2, 0.3, 0.4, -0.3], [0.5, -0.4, 0.25, -0.3], [0.3, -0.3, 0.0, 0.0], [-0.1, -0.1, 0.25, -0.1]]),
    values=np.array([[1.0, 3.0, 5.0, 8.0], [2.0, 4.0, 6.0, 9.0], [0.0] * 4, [1.0, 1.0, 7.0, 2.0]]),
)
OF_WINDOWS = {f"events_{days}d": f"{{value}} events in {days} days" for days in (7, 30, 90)} | {"gap": "{value} days ago"}


def test_windows_of_one_count_are_one_reason_told_by_the_strongest() -> None:
    raw = np.array([0.1, 0.2, 0.3, 0.4])
    texts, moved = top_reasons(WINDOWS, OF_WINDOWS, raw, CALIBRATOR)
    assert texts.tolist() == [
        ["5 days ago", "3 events in 30 days", None],
        ["6 days ago", "2 events in 7 days", None],
        [None, None, None],
        ["1 event in 7 days", "7 days ago", None],
    ]
    added = np.array([[0.4, 0.2], [0.25, -0.2], [0.0, 0.0], [-0.3, 0.25]])
    change = CALIBRATOR.probability(raw)[:, None] - CALIBRATOR.probability(raw[:, None] - added)
    np.testing.assert_allclose(moved[:, :2], np.where(added, change, np.nan), atol=1e-15)


def test_what_is_undefined_for_one_reason_is_one_reason() -> None:
    sentences = {"count": "{value} more|no purchase so far|1", "gap": "{value} days|no purchase so far|4", "views": "{value} views"}
    odds, values = (
        np.array([[0.3, 0.2, -0.4], [0.3, 0.2, -0.4], [-0.1, 0.2, 0.2]]),
        np.array([[np.nan] * 3, [2.0, np.nan, 5.0], [1.0, 3.0, 0.0]]),
    )
    texts, moved = top_reasons(Effects(("count", "gap", "views"), odds, values), sentences, RAW[[0, 0, 0]], CALIBRATOR)
    assert texts.tolist() == [
        ["no purchase so far", "unknown views", None],
        ["5 views", "2 more, usually 1", "no purchase so far"],
        ["3 days, usually 4", "0 views", "1 more"],
    ]
    assert moved[0, 0] == pytest.approx(CALIBRATOR.probability(RAW[0]) - CALIBRATOR.probability(RAW[0] - 0.5))


@given(
    arrays(np.float64, (7, 6), elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])),
    st.lists(st.sampled_from(["a_1d", "a_2d", "b_1d", "b_2d", "c", "d_1d"]), min_size=6, max_size=6, unique=True),
    st.integers(1, 5),
)
def test_reasons_are_what_a_loop_over_each_users_themes_finds(log_odds: Floats, names: list[str], count: int) -> None:
    raw, values = np.linspace(-2, 2, 7), np.arange(42.0).reshape(7, 6)
    texts, moved = top_reasons(
        Effects(tuple(names), log_odds, values), {name: f"{name}: {{value}}" for name in names}, raw, CALIBRATOR, count
    )
    for user in range(7):
        groups: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            groups.setdefault(name.split("_")[0], []).append(place)
        sums = {about: float(log_odds[user, places].sum()) for about, places in groups.items()}
        chosen = [about for about in sorted(sums, key=lambda about: -abs(sums[about])) if sums[about]][:count]
        spoken = [max(groups[about], key=lambda place: abs(log_odds[user, place])) for about in chosen]
        assert [text for text in texts[user] if text] == [f"{names[place]}: {values[user, place]:.0f}" for place in spoken]
        effects = CALIBRATOR.probability(raw[user]) - CALIBRATOR.probability(raw[user] - np.array([sums[about] for about in chosen]))
        np.testing.assert_allclose(moved[user, : len(chosen)], effects, atol=1e-15)
        assert np.isnan(moved[user, len(chosen) :]).all()


def test_a_value_is_compared_with_the_usual_one_unless_they_read_alike() -> None:
    sentence = "{value} purchases in the last 30 days|no purchase so far|1"
    assert wordings(sentence, np.array([3.0, 1.0, 1.04, np.nan, 0.0])).tolist() == [
        "3 purchases in the last 30 days, usually 1",
        "1 purchases in the last 30 days",
        "1 purchases in the last 30 days",
        "no purchase so far",
        "0 purchases in the last 30 days, usually 1",
    ]
    assert wordings("{value} spent||2", np.array([np.nan, 1.0])).tolist() == ["unknown spent", "1 spent, usually 2"]


def test_a_sentence_without_a_value_is_said_of_those_of_whom_it_is_true() -> None:
    assert wordings("most recent: x|most recent: not x", np.array([1.0, 0.0, np.nan])).tolist() == [
        "most recent: x",
        "most recent: not x",
        "most recent: not x",
    ]


def test_what_holds_for_everybody_needs_no_second_text() -> None:
    assert set(wordings("the weekday about to begin", np.array([0.0, 3.0, np.nan]))) == {"the weekday about to begin"}


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("{value} days since the last of the purchase events", "1 day since the last of the purchase events"),
        ("active on {value} days in the last 30 days", "active on 1 day in the last 30 days"),
        ("{value} add to cart events per view event", "1 add to cart event per view event"),
        ("{value} log in events in the last 7 days", "1 log in event in the last 7 days"),
        ("{value} different categories in the last 7 days", "1 different category in the last 7 days"),
        ("times that vary by {value} days", "times that vary by 1 day"),
        ("{value} times the usual pace of events in the last 7 days", "the usual pace of events in the last 7 days"),
        ("{value} times as many events as usual", "as many events as usual"),
        ("{value} purchases in the last 7 days", "1 purchases in the last 7 days"),
        ("a total value of {value} of view events", "a total value of 1 of view events"),
        ("events worth {value} on average in the last 7 days", "events worth 1 on average in the last 7 days"),
    ],
)
def test_what_is_counted_is_singular_with_a_one(sentence: str, text: str) -> None:
    assert wordings(sentence, np.array([0.98, 1.0, 1.1, 0.0]))[:2].tolist() == [text, text]
    assert wordings(sentence, np.array([1.1, 0.0, 21.0])).tolist() == [sentence.replace("{value}", each) for each in ("1.1", "0", "21")]


def test_every_sentence_of_the_features_either_counts_a_known_noun_or_counts_nothing() -> None:
    definition = Definition(("page_view", "purchase"), (1, 7), 30, session_minutes=30, categories=("toys",), repeat_event="purchase")
    for feature in (*feature_set(definition).features, *fitted_features("purchase", 28)):
        (text,) = wordings(feature.sentence, np.array([1.0]))
        if feature.unit in SINGULAR:
            assert re.search(rf"\b1 ([a-z]+ ){{0,2}}{SINGULAR[feature.unit]}\b", text), feature.name
        elif feature.unit == "ratio":
            assert "1 purchase event per" in text or "1" not in text.partition(" in the last ")[0], feature.name
        elif feature.unit not in ("category", "weekday"):
            assert re.search(r"\{value\} (%|in|on) ", feature.sentence), feature.name


def test_shares_are_shown_in_per_cent() -> None:
    sentence = compared("{value} % of the events on weekends|no events", 0.15)
    assert wordings(sentence, np.array([0.2, 0.0, 1.0, 0.15, 0.1504, 0.0012, np.nan])).tolist() == [
        "20 % of the events on weekends, usually 15 %",
        "0 % of the events on weekends, usually 15 %",
        "100 % of the events on weekends, usually 15 %",
        "15 % of the events on weekends",
        "15 % of the events on weekends",
        "0.1 % of the events on weekends, usually 15 %",
        "no events",
    ]


@pytest.mark.parametrize(
    ("sentence", "typical", "text"),
    [
        ("{value} visits|none", 1.26, "{value} visits|none|1.3"),
        ("{value} visits", 0.0, "{value} visits||0"),
        ("{value} visits|none", None, "{value} visits|none"),
        ("{value} times the usual pace|none", 1.5, "{value} times the usual pace|none"),
        ("the weekday about to begin", 3.0, "the weekday about to begin"),
    ],
)
def test_a_typical_value_is_put_behind_where_it_can_be_compared(sentence: str, typical: float | None, text: str) -> None:
    assert compared(sentence, typical) == text


def test_an_undefined_value_without_its_own_text_is_called_unknown() -> None:
    assert wordings("{value} spent", np.array([np.nan, 2.0])).tolist() == ["unknown spent", "2 spent"]


def test_a_defined_value_never_takes_the_text_for_undefined_ones() -> None:
    assert wordings(SENTENCES["gap"], np.array([1.0])).tolist() == ["1 day since the last visit"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.0, "0"),
        (-0.0, "0"),
        (1234.0, "1,234"),
        (1234.56, "1,234.6"),
        (0.5, "0.5"),
        (0.03123, "0.031"),
        (-2.25, "-2.2"),
        (2.96, "3"),
        (0.0996, "0.1"),
        (-0.0996, "-0.1"),
        (5e-324, "0"),
        (4.8e-05, "0"),
        (0.000123, "0.0001"),
        (1e300, f"{1e300:,.0f}"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert readable(value) == text


@given(arrays(np.float64, 5, elements=st.floats(-1e9, 1e9)))
def test_a_rounded_number_reads_like_the_number_itself(values: Floats) -> None:
    shown = rounded(values)
    assert [readable(value) for value in shown] == [readable(value) for value in values]
    np.testing.assert_array_equal(rounded(shown), shown)
    np.testing.assert_allclose(shown, values, atol=0.050001, rtol=0)
