from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from features.definition import Definition
from features.feature import Feature, theme
from features.feature_set import FeatureSet, feature_set
from models import bg_nbd, model_features
from models.bg_nbd import BgNbd
from models.model_features import ModelFeatures, Repeat
from tests.models.feature_columns import columns
from tests.models.tiny_shop import EVENT_TYPES, START, memoryless

REPEATS = ("repeat_purchase_count", "repeat_purchase_span", "repeat_purchase_age")
NAMES = ("nothing", *REPEATS, "visits", "visits_per_day")
COLUMNS = columns(NAMES, repeat_event="purchase")


def matrix(users: int = 400, seed: int = 1) -> np.ndarray:
    """Rows of `NAMES`; a third of the users never bought."""
    random = np.random.default_rng(seed)
    age = np.where(random.random(users) < 0.33, np.nan, random.integers(1, 200, users))
    count = np.where(np.isnan(age), np.nan, random.poisson(2, users))
    span = np.where(count > 0, np.floor(age * random.random(users)), age * 0)
    visits = random.poisson(20, users)
    return np.column_stack([np.zeros(users), count, span, age, visits, visits / 30])


@pytest.fixture(scope="module")
def fitted() -> ModelFeatures:
    return model_features.fit(matrix(), COLUMNS, seed=3)


def test_what_tells_something_is_kept_and_what_needs_the_population_is_added(fitted: ModelFeatures) -> None:
    assert fitted.names == (*REPEATS, "visits", "expected_purchase_30d", "alive_purchase")
    assert fitted.dropped == {"nothing": "0 for everyone", "visits_per_day": "moves with visits (correlation 1.00000)"}
    assert [feature.name for feature in fitted.base] == list(NAMES)


def test_the_matrix_holds_the_kept_columns_and_what_bg_nbd_expects(fitted: ModelFeatures) -> None:
    X = matrix(seed=2)
    applied = fitted.apply(X)
    assert (applied.shape, applied.dtype) == ((400, 6), np.float64)
    np.testing.assert_array_equal(applied[:, :4], X[:, 1:5])
    population = bg_nbd.fit(*matrix()[:, 1:4].T)
    assert fitted.repeat == Repeat("purchase", 30, population)
    np.testing.assert_array_equal(applied[:, 4], population.expected(*X[:, 1:4].T, 30))
    np.testing.assert_array_equal(applied[:, 5], population.alive(*X[:, 1:4].T))
    assert np.isnan(applied[:, 4]).tolist() == np.isnan(X[:, 3]).tolist()


def test_a_users_columns_depend_on_that_user_alone(fitted: ModelFeatures) -> None:
    X = matrix(seed=2)
    together = fitted.apply(X)
    for row in (0, 7, 399):
        np.testing.assert_array_equal(fitted.apply(X[row : row + 1]), together[row : row + 1])
    np.testing.assert_array_equal(fitted.apply(np.asfortranarray(X[::-1]))[::-1], together)
    assert fitted.apply(X[:0]).shape == (0, 6)


def test_a_fitted_column_that_tells_nothing_is_dropped_too() -> None:
    X = matrix()
    X[:, 1:4] = np.nan
    found = model_features.fit(X, COLUMNS, seed=3)
    assert found.names == ("visits",)
    assert found.dropped["expected_purchase_30d"] == found.dropped["alive_purchase"] == "undefined for everyone"
    np.testing.assert_array_equal(found.apply(matrix()), matrix()[:, 4:5])


@pytest.mark.parametrize("families", [("lifetime",), ("recency",)])
def test_without_a_repeat_event_or_its_counts_only_base_columns_are_read(families: tuple[str, ...]) -> None:
    event = "" if "lifetime" in families else "purchase"
    found = model_features.fit(matrix(), columns(NAMES, repeat_event=event, families=families), seed=3)
    assert (found.repeat, found.names) == (None, (*REPEATS, "visits"))


def test_every_column_has_a_sentence(fitted: ModelFeatures) -> None:
    assert list(fitted.sentences) == list(fitted.names)
    assert fitted.sentences["visits"] == "{value} of visits|no visits|20"
    expected = fitted.sentences["expected_purchase_30d"]
    assert expected.startswith("{value} days with purchase events to be expected in the next 30 days|no purchase events so far|0")


def test_typical_is_the_median_of_those_who_have_a_value(fitted: ModelFeatures) -> None:
    applied = fitted.apply(matrix())
    assert fitted.typical == {name: float(np.nanmedian(column)) for name, column in zip(fitted.names, applied.T, strict=True)}
    assert fitted.typical["visits"] == 20.0


def test_the_seed_and_nothing_else_chooses_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_features, "sampled", lambda X, seed: X[seed : seed + 100])
    first = model_features.fit(matrix(), COLUMNS, seed=3)
    assert first == model_features.fit(matrix(), COLUMNS, seed=3)
    assert first.fingerprint != model_features.fit(matrix(), COLUMNS, seed=4).fingerprint


def test_another_number_of_columns_is_refused(fitted: ModelFeatures) -> None:
    with pytest.raises(ValueError, match=r"reads 6 feature columns, got an array of shape \(2, 5\)"):
        fitted.apply(np.zeros((2, 5)))


def test_the_fingerprint_is_over_all_that_was_decided(fitted: ModelFeatures) -> None:
    others = [
        replace(fitted, base=fitted.base[::-1]),
        replace(fitted, base_fingerprint="e" * 64),
        replace(fitted, dropped={}),
        replace(fitted, repeat=None),
        replace(fitted, typical={**fitted.typical, "visits": 21.0}),
        replace(fitted, repeat=Repeat("purchase", 30, BgNbd(1, 1, 1, 1))),
        replace(fitted, repeat=Repeat("purchase", 31, fitted.repeat.population)),
    ]
    assert len({made.fingerprint for made in (fitted, *others)}) == 8
    assert len(fitted.fingerprint) == 64


def test_a_new_way_to_compute_is_a_new_fingerprint(fitted: ModelFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    before, content = fitted.fingerprint, fitted.to_json()
    monkeypatch.setattr(model_features, "CODE_VERSION", 99)
    assert fitted.fingerprint != before
    with pytest.raises(ValueError, match="code version 2; this code reads 99"):
        ModelFeatures.from_json(content)


@pytest.mark.parametrize("event", ["", "purchase"])
def test_all_survives_json_exactly(event: str) -> None:
    made = model_features.fit(matrix(), columns(NAMES, repeat_event=event), seed=3)
    again = ModelFeatures.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    np.testing.assert_array_equal(again.apply(matrix(seed=5)), made.apply(matrix(seed=5)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dropped": {}}, "were changed: their fingerprint is"),
        ({"more": 1}, "were changed"),
        ({"dropped": None}, "not whole"),
        ({"typical": {}}, "were changed"),
        ({"typical": None}, "not whole"),
        ({"base": [{"name": "a"}]}, "not whole"),
        ({"repeat": {"event": "purchase"}}, "not whole: 'days'"),
        ({"code": None}, "code version None"),
    ],
)
def test_content_that_is_not_what_was_written_is_refused(fitted: ModelFeatures, change: dict[str, object], complaint: str) -> None:
    content = json.loads(json.dumps(fitted.to_json()))
    with pytest.raises(ValueError, match=complaint):
        ModelFeatures.from_json({**content, **change})
    with pytest.raises(ValueError, match="not whole: 'base_fingerprint'"):
        ModelFeatures.from_json({name: value for name, value in content.items() if name != "base_fingerprint"})


def test_the_columns_of_the_lifetime_family_are_the_ones_that_are_read() -> None:
    timeline = memoryless(60, days=50, per_day=0.3, seed=1)
    asked = feature_set(Definition(EVENT_TYPES, (7, 30), 30, repeat_event="purchase", repeat_days=14))
    X = asked.at(timeline, START.plus_days(45))
    found = model_features.fit(X, asked, seed=1)
    assert "expected_purchase_14d" in found.names
    assert found.apply(X).shape == (60, len(found.names))


def with_categories() -> tuple[FeatureSet, np.ndarray]:
    """A category of two named levels and another one, a weekday, and a count; user 3 has no category."""
    features = (
        Feature("latest_category", "category", "most recent category: {value}|no category", ("Toys & Games", "garden", "another one")),
        Feature("cutoff_weekday", "weekday", "the weekday about to begin"),
        Feature("visits_7d", "events", "{value} visits"),
    )
    known = FeatureSet(columns(()).definition, features, "f" * 64)
    codes = np.tile([0.0, 1.0, 2.0, np.nan, 0.0, 0.0], 20)
    return known, np.column_stack([codes, np.arange(120.0) % 7, np.arange(120.0) // 6])


def test_a_category_is_one_column_per_level() -> None:
    known, X = with_categories()
    found = model_features.fit(X, known, seed=1)
    levels = ("toys___games", "garden", "another_one")
    assert found.names == (*(f"latest_category_is_{level}" for level in levels), "cutoff_weekday", "visits_7d")
    assert {theme(name) for name in found.names} == {"latest_category", "cutoff_weekday", "visits"}
    applied = found.apply(X)
    assert applied[:6, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(applied[:, 3:], X[:, 1:])
    assert ModelFeatures.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_level_is_named_and_neither_it_nor_a_weekday_is_compared() -> None:
    known, X = with_categories()
    sentences = model_features.fit(X, known, seed=1).sentences
    assert (
        sentences["latest_category_is_another_one"]
        == "most recent category: none of the named ones|most recent category: a named one, or none"
    )
    assert sentences["latest_category_is_garden"] == "most recent category: garden|most recent category: not garden"
    assert sentences["cutoff_weekday"] == "the weekday about to begin"
    assert sentences["visits_7d"] == "{value} visits||9.5"


def test_a_level_that_nobody_has_is_dropped_alone() -> None:
    known, X = with_categories()
    X[X[:, 0] == 2, 0] = 1
    found = model_features.fit(X, known, seed=1)
    assert found.dropped == {"latest_category_is_another_one": "0 for everyone"}
    assert found.names[:2] == ("latest_category_is_toys___games", "latest_category_is_garden")
    assert found.apply(X)[2, :2].tolist() == [0, 1]
