from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import EVENTS
from features.cutoff import Cutoff
from features.timeline import from_events
from models.baselines import BASELINE_FILE, KINDS, ActiveDays, BaseRate, Quantity, Recency, Repetition, load, statistics
from models.bg_nbd import BgNbd
from models.calibration import Calibrator
from models.classifier import Batch, Floats
from models.explanations import top_reasons

CUTOFF = Cutoff.from_key("20260601T000000Z")
NAN = np.nan
POPULATION = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)


def batch(*rows: tuple[float, ...]) -> Batch:
    return Batch(from_events(EVENTS.empty_table(), ("view",)), np.arange(len(rows)), CUTOFF, np.array(rows, dtype=float))


def shared(*columns: str, direction: int = 1) -> dict[str, Any]:
    """A baseline that reads every column of its matrix; base rate and typical position 0."""
    places = tuple(range(len(columns)))
    return {
        "reason": columns[0], "columns": columns, "places": places, "width": len(columns), "direction": direction, "base": 0.0, "typical": 0.0,
    }  # fmt: skip


def recency(direction: int = 1) -> Recency:
    return Recency(**shared("days_since_purchase", "days_since_any", direction=direction), lookback_days=90)


def repetition(direction: int = 1, *, of_any: bool = False, days: int = 30) -> Repetition:
    named = shared("count", "span", "age", direction=direction)
    return Repetition(**named, population=POPULATION, days=days, of_any=of_any, lookback_days=90)


def test_the_base_rate_is_the_same_for_everybody_and_has_no_reasons() -> None:
    model, asked = BaseRate(-1.5), batch((1.0,), (NAN,))
    assert model.raw(asked).tolist() == [-1.5, -1.5]
    texts, moved = top_reasons(model.effects(asked), {}, model.raw(asked), Calibrator(1.0, 0.0))
    assert texts.tolist() == [[None] * 3] * 2
    assert np.isnan(moved).all()


def test_recency_is_the_distance_in_log_days_and_who_has_none_comes_after_all_who_have() -> None:
    rows = ((0.5, 0.1), (12.0, 3.0), (89.0, 1.0), (NAN, 1.0), (NAN, 80.0), (NAN, NAN))
    raw = recency().raw(batch(*rows))
    assert raw[:3].tolist() == pytest.approx(-np.log([1.5, 13, 90]))
    assert raw[3:].tolist() == pytest.approx([-np.log(91) - np.log(2), -np.log(91) - np.log(81), -2 * np.log(91)])
    assert (np.diff(raw) < 0).all()


def test_active_days_count_and_undefined_is_none() -> None:
    model = ActiveDays(**shared("active_days_purchase_90d"))
    assert model.raw(batch((0.0,), (3.0,), (NAN,))).tolist() == pytest.approx([0, np.log(4), 0])


def test_repetition_is_the_chance_of_any_event_within_the_horizon() -> None:
    raw = repetition(days=39).raw(batch((2, 30.43, 38.86), (0, 0, 0), (NAN, NAN, NAN)))
    alive = 1 / (1 + 0.793 / 3.426 * ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243)
    chance = alive * (1 - ((4.414 + 38.86) / (4.414 + 38.86 + 39)) ** 2.243)
    assert raw[0] == pytest.approx(np.log((chance + 1e-3) / (1 - chance + 1e-3)))
    assert raw[1] > raw[2] == pytest.approx(np.log(1e-3 / 1.001))


def test_repeats_of_any_event_are_whole_days_back_from_the_cutoff() -> None:
    """Days active ever, days known, days since the last event; within a lookback of 90 days."""
    rows = np.array([(3, 40.2, 10.7), (1, 5.5, 5.5), (2, 200.1, NAN), (2, 1.0, 0.3), (0, NAN, NAN)])
    repeats, last, age = statistics(rows, 90)
    assert repeats.tolist() == pytest.approx([2, 0, 1, 1, NAN], nan_ok=True)
    assert last.tolist() == pytest.approx([30, 0, 110, 0, NAN], nan_ok=True)
    assert age.tolist() == pytest.approx([40, 5, 200, 0, NAN], nan_ok=True)
    assert repetition(of_any=True).raw(batch((3, 40.2, 10.7)))[0] == repetition().raw(batch((2, 30, 40)))[0]


@pytest.mark.parametrize("kind", [recency, repetition])
def test_what_makes_an_event_likelier_makes_its_absence_less_likely(kind: Any) -> None:
    rows = batch((3.0, 2.0, 5.0), (20.0, 15.0, 30.0)) if kind is repetition else batch((3.0, 1.0), (50.0, 1.0))
    np.testing.assert_array_equal(kind(-1).raw(rows), -kind(1).raw(rows))


def test_answers_start_from_the_base_rate_and_effects_are_the_way_from_there() -> None:
    plain = recency()
    model = Recency(**{**vars(plain), "base": -1.0, "typical": -2.0})
    asked = batch((12.0, 3.0), (NAN, 3.0))
    raw, effects = model.raw(asked), model.effects(asked)
    assert raw[0] == pytest.approx(-1.0 + 2.0 - np.log(13))
    np.testing.assert_array_equal(model.base + effects.log_odds[:, 0], raw)
    texts, moved = top_reasons(effects, {"days_since_purchase": "{value} days since it|never"}, raw, Calibrator(1.0, 0.0))
    assert texts[:, 0].tolist() == ["12 days since it", "never"]
    assert texts[:, 1:].tolist() == [[None, None]] * 2
    chance = 1 / (1 + np.exp(-np.array([raw[0], -1.0])))
    assert moved[0, 0] == pytest.approx(chance[0] - chance[1])


def test_a_reason_of_repetition_is_what_is_to_be_expected() -> None:
    rows = batch((2, 30.43, 38.86), (NAN, NAN, NAN))
    values = repetition(days=39).effects(rows).values[:, 0]
    assert values.tolist() == pytest.approx([1.226, NAN], abs=5e-4, nan_ok=True)


def test_a_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reads a matrix of 2 feature columns, got an array of shape \(1, 3\)"):
        recency().raw(batch((1.0, 2.0, 3.0)))


EVERY = (BaseRate(-0.25), recency(-1), ActiveDays(**shared("active_days_any_7d")), repetition(), repetition(of_any=True))


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.kind)
def test_a_saved_baseline_comes_back_with_the_same_bits(model: BaseRate | Quantity, tmp_path: Path) -> None:
    model.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [BASELINE_FILE]
    assert load(tmp_path) == model
    assert {each.kind for each in EVERY} == set(KINDS)


def broken(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**content, **changes}.items() if value != "nothing"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "oracle"}, "one of base_rate, recency, active_days, bg_nbd"),
        ({"kind": "nothing"}, "one of base_rate"),
        ({"kind": "recency"}, "The baseline recency has"),
        ({"days": "nothing"}, "The baseline bg_nbd has"),
        ({"extra": 1}, "The baseline bg_nbd has"),
        ({"days": 0}, "one day or more, got 0"),
        ({"days": "30"}, "is not whole"),
        ({"direction": 0}, "direction 1 or -1"),
        ({"typical": float("nan")}, "finite base and typical"),
        ({"base": float("inf")}, "finite base and typical"),
        ({"places": [0, 1, 9]}, "not columns of a matrix of 3"),
        ({"places": [0, 1]}, "not columns of a matrix of 3"),
        ({"columns": ["count"], "places": [0]}, "BG/NBD reads 3 columns"),
        ({"population": {"r": 1.0}}, "BG/NBD has the parameters"),
        ({"population": {"r": -1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}}, "finite numbers above 0"),
        ({"population": None}, "is not whole"),
    ],
)
def test_content_that_is_not_whole_is_refused(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    repetition().save(tmp_path)
    path = tmp_path / BASELINE_FILE
    path.write_text(json.dumps(broken(json.loads(path.read_text()), **changes)))
    with pytest.raises(ValueError, match=says):
        load(tmp_path)


def test_a_base_rate_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / BASELINE_FILE).write_text('{"kind": "base_rate", "log_odds": NaN}')
    with pytest.raises(ValueError, match="finite number, got nan"):
        load(tmp_path)


days = st.one_of(st.just(NAN), st.floats(0.001, 3000))


@given(st.lists(st.tuples(st.integers(1, 500), days, days), min_size=1, max_size=20))
def test_every_answer_is_finite_and_each_user_depends_on_that_user_alone(rows: list[tuple[float, ...]]) -> None:
    known: Floats = np.array(rows, dtype=float)
    for model in (Recency(**shared("a", "b", "c"), lookback_days=90), ActiveDays(**shared("a", "b", "c")), repetition(of_any=True)):
        raw = model.raw(batch(*map(tuple, known)))
        assert np.isfinite(raw).all()
        alone = np.concatenate([model.raw(batch(tuple(row))) for row in known])
        np.testing.assert_array_equal(raw, alone)
