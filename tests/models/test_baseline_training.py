from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.cutoff import Cutoff
from features.definition import FAMILIES, Definition
from features.feature_set import FeatureSet, feature_set
from features.target import Target
from models.baseline_training import FittedBaselines, fit, teaching_rows
from models.baselines import BaseRate, Repetition
from models.classifier import Floats
from models.samples import InMemory, Samples

EARLY = Cutoff.from_key("20260501T000000Z")
BUYS = Target("buys", "occurs", "purchase", 14)


def columns(*, without: tuple[str, ...] = (), repeat_event: str = "", types: tuple[str, ...] = ("view", "purchase")) -> FeatureSet:
    families = tuple(name for name in FAMILIES if name not in without)
    return feature_set(Definition(types, (7, 30), 60, families=families, repeat_event=repeat_event))


def samples(X: Floats, labels: list[int], cutoff: list[int]) -> Samples:
    """Rows in blocks of two."""
    n, cutoffs = len(X), (EARLY, EARLY.plus_days(14))
    blocks = [InMemory(X[first : first + 2]) for first in range(0, n, 2)]
    return Samples(np.arange(n), np.array(labels, np.int8), np.full(n, np.nan), np.array(cutoff, np.int32), cutoffs, blocks)


def matrix(features: FeatureSet, **values: list[float]) -> Floats:
    """Columns with these values, all others undefined."""
    X = np.full((len(next(iter(values.values()))), len(features.names)), np.nan)
    for name, column in values.items():
        X[:, features.names.index(name)] = column
    return X


def fitted(features: FeatureSet, X: Floats, labels: list[int], target: Target = BUYS) -> FittedBaselines:
    return fit(samples(X, labels, [0] * len(X)), np.arange(len(X)), features, target, 7)


SHOP = columns()
FOUR = matrix(
    SHOP,
    days_since_purchase=[3.0, 40.0, np.nan, np.nan],
    days_since_any=[1.0, 40.0, 2.0, 9.0],
    active_days_purchase_30d=[4, 0, 0, 0],
    active_days_any_30d=[9, 0, 3, 1],
    active_days_ever=[20, 2, 3, 1],
    days_known=[300.0, 100.0, 20.0, 9.0],
)


@pytest.mark.parametrize(
    ("labels", "cutoff", "rows"),
    [
        ([0, 1, 1, 0, 0, 1], [0, 0, 1, 1, 1, 1], [2, 3, 4, 5]),
        ([0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_the_rows_of_the_newest_cutoff_teach_or_all_where_it_has_too_few_of_an_outcome(
    labels: list[int], cutoff: list[int], rows: list[int]
) -> None:
    assert teaching_rows(samples(np.zeros((6, 1)), labels, cutoff), 1).tolist() == rows


def test_each_baseline_reads_the_targets_own_columns() -> None:
    found = fitted(SHOP, FOUR, [1, 0, 1, 0])
    read = {each.model.kind: () if isinstance(each.model, BaseRate) else each.model.columns for each in found.fitted}
    assert read == {
        "base_rate": (),
        "recency": ("days_since_purchase", "days_since_any"),
        "active_days": ("active_days_purchase_30d",),
        "bg_nbd": ("active_days_ever", "days_known", "days_since_any"),
    }
    assert found.left_out == {}
    assert {kind: order(found, kind) for kind in read} == {
        "base_rate": [0, 0, 0, 0],
        "recency": [3, 2, 1, 0],
        "active_days": [3, 0, 0, 0],
        "bg_nbd": [3, 0, 2, 1],
    }


def order(found: FittedBaselines, kind: str) -> list[int]:
    """How many rows each row surely stands above."""
    (raw,) = (each.raw for each in found.fitted if each.model.kind == kind)
    return [int((raw < mine).sum()) for mine in raw]


def test_answers_start_from_the_base_rate_and_are_those_of_the_saved_model() -> None:
    found = fit(samples(np.tile(FOUR, (2, 1)), [1, 1, 0, 0, 0, 0, 0, 0], [0] * 8), np.arange(8), SHOP, BUYS, 7)
    base = np.log(3 / 7)  # (2 + 1) ÷ (8 + 2)
    for each in found.fitted:
        assert each.raw.mean() == pytest.approx(base)
        if not isinstance(each.model, BaseRate):
            known = np.take(np.tile(FOUR, (2, 1)), each.model.places, axis=1)
            np.testing.assert_array_equal(
                each.raw, each.model.base + each.model.direction * (each.model.position(known) - each.model.typical)
            )


@pytest.mark.parametrize(
    ("target", "features", "read"),
    [
        (BUYS, columns(repeat_event="purchase"), ("repeat_purchase_count", "repeat_purchase_span", "repeat_purchase_age")),
        (
            replace(BUYS, kind="sum"),
            columns(repeat_event="purchase"),
            ("repeat_purchase_count", "repeat_purchase_span", "repeat_purchase_age"),
        ),
        (BUYS, columns(repeat_event="view"), ("active_days_ever", "days_known", "days_since_any")),
        (BUYS, columns(repeat_event="view", without=("recency",)), ("repeat_view_count", "repeat_view_span", "repeat_view_age")),
        (replace(BUYS, event_type="any"), columns(repeat_event="purchase"), ("active_days_ever", "days_known", "days_since_any")),
        (
            replace(BUYS, event_type="any"),
            columns(repeat_event="buy", types=("buy",)),
            ("repeat_buy_count", "repeat_buy_span", "repeat_buy_age"),
        ),
    ],
)
def test_repetition_is_counted_of_the_event_asked_about_where_the_features_have_it(
    target: Target, features: FeatureSet, read: tuple[str, ...]
) -> None:
    X = np.abs(np.random.default_rng(7).normal(5, 3, size=(6, len(features.names))).round())
    (model,) = (each.model for each in fitted(features, X, [0, 1] * 3, target).fitted if isinstance(each.model, Repetition))
    assert model.columns == read
    assert model.of_any == (read[0] == "active_days_ever")
    assert model.days == 14


def test_a_shop_with_one_event_type_has_columns_of_any_event() -> None:
    features = columns(types=("purchase",))
    X = np.abs(np.random.default_rng(7).normal(5, 3, size=(6, len(features.names))).round())
    reads = [each.model.columns for each in fitted(features, X, [0, 1] * 3).fitted if not isinstance(each.model, BaseRate)]
    assert reads[0][0] == "days_since_any"
    assert reads[1] == ("active_days_any_30d",)


def test_what_the_features_lack_is_left_out_with_a_reason() -> None:
    features = columns(without=("recency", "frequency", "lifetime"))
    found = fitted(features, np.zeros((4, len(features.names))), [0, 1, 0, 1])
    assert [each.model.kind for each in found.fitted] == ["base_rate"]
    assert found.left_out == {
        "recency": "it needs the family 'recency', which [features] leaves out",
        "active_days": "it needs the family 'frequency', which [features] leaves out",
        "bg_nbd": "it needs the family 'lifetime' with a repeat event, or the families 'lifetime' and 'recency', which [features] leaves out",
    }


@pytest.mark.parametrize(("labels", "odds"), [([0, 0, 0, 0], 1 / 5), ([0, 1, 0, 0], 2 / 4), ([1, 1, 0, 1], 4 / 2), ([1, 1, 1, 1], 5)])
def test_with_too_few_of_an_outcome_there_is_the_base_rate_alone(labels: list[int], odds: float) -> None:
    found = fitted(SHOP, FOUR, labels)
    assert [each.model.kind for each in found.fitted] == ["base_rate"]
    assert found.fitted[0].raw[0] == pytest.approx(np.log(odds))
    assert set(found.left_out.values()) == {f"{sum(labels)} of 4 samples have outcome 1; at least 2 of each are needed"}


def test_absence_is_likelier_for_who_was_long_away() -> None:
    found = fitted(SHOP, FOUR, [0, 1, 0, 1], Target("leaves", "absent", "any", 14))
    assert order(found, "recency") == [0, 3, 1, 2]
    assert order(found, "active_days") == [0, 3, 1, 2]


def test_every_quantity_has_a_sentence_with_what_is_usual() -> None:
    found = {each.model.kind: dict(each.sentences) for each in fitted(SHOP, FOUR, [1, 0, 1, 0]).fitted}
    usual = found["bg_nbd"]["expected_any_14d"].rpartition("|")[2]
    assert 0 < float(usual) < 14
    assert found == {
        "base_rate": {},
        "recency": {"days_since_purchase": "{value} days since the last purchase event|no purchase events in the last 60 days|21.5"},
        "active_days": {"active_days_purchase_30d": "purchase events on {value} days in the last 30 days||0"},
        "bg_nbd": {"expected_any_14d": f"{{value}} active days to be expected in the next 14 days|never seen so far|{usual}"},
    }


def test_expected_repeats_are_told_of_the_repeat_event_and_nothing_is_usual_where_nobody_has_it() -> None:
    features = columns(repeat_event="purchase")
    (_, *others) = fitted(features, matrix(features, days_since_any=[1.0, 2.0, 3.0, 4.0]), [1, 0, 1, 0]).fitted
    assert {each.model.kind: list(each.sentences.values()) for each in others} == {
        "recency": ["{value} days since the last purchase event|no purchase events in the last 60 days"],
        "active_days": ["purchase events on {value} days in the last 30 days"],
        "bg_nbd": ["{value} days with purchase events to be expected in the next 14 days|no purchase events so far"],
    }


def test_the_same_rows_give_the_same_model_and_only_the_wanted_blocks_are_read() -> None:
    class Closed(InMemory):
        def matrix(self) -> Floats:
            raise AssertionError("read")

    first, second = (fitted(SHOP, FOUR, [1, 0, 1, 0]) for _ in range(2))
    assert [each.model for each in first.fitted] == [each.model for each in second.fitted]
    some = samples(np.concatenate([FOUR, FOUR]), [1, 0, 1, 0] * 2, [0] * 4 + [1] * 4)
    guarded = replace(some, blocks=[*(Closed(block.matrix()) for block in some.blocks[:2]), *some.blocks[2:]])
    again = fit(guarded, teaching_rows(guarded, 1), SHOP, BUYS, 7)
    assert [each.model for each in again.fitted] == [each.model for each in first.fitted]


def test_what_a_person_wants_to_know_of_each_is_there() -> None:
    told = {each.model.kind: each.parameters for each in fitted(SHOP, FOUR, [1, 0, 1, 0]).fitted}
    assert told["base_rate"] == {"log_odds": 0.0}
    assert told["recency"] == {"reads": "days_since_purchase, days_since_any"}
    typical = {each.model.kind: each.typical for each in fitted(SHOP, FOUR, [1, 0, 1, 0]).fitted}
    assert typical["recency"] == {"days_since_purchase": 21.5, "days_since_any": 5.5}
    assert typical["base_rate"] == {}
    assert told["bg_nbd"].keys() == {"reads", "r", "alpha", "a", "b"}
