from __future__ import annotations

import numpy as np
import pytest

from features.definition import FAMILIES, Definition
from features.feature import Feature
from features.feature_set import feature_set
from models.explanations import wordings
from pipeline.catalogue import catalogue, facts, rows

TYPES = ("page_view", "purchase")
WHOLE = Definition(TYPES, (1, 7), 30, session_minutes=30, categories=("home & garden",), repeat_event="purchase", repeat_days=28)
CHOSEN = Definition(TYPES, (7,), 30, families=("recency", "trend"))


@pytest.mark.parametrize("definition", [WHOLE, CHOSEN, Definition(("buy",), (7,), 30)])
def test_every_column_of_the_table_is_under_its_family_in_the_order_of_the_matrix(definition: Definition) -> None:
    features = feature_set(definition)
    own = [family for family in catalogue(features).families if family.name != "fitted"]
    assert tuple(family.name for family in own) == definition.families
    assert tuple(feature for family in own for feature in family.features) == features.features


def test_every_family_says_what_it_is_about_and_how_it_counts() -> None:
    for family in catalogue(feature_set(WHOLE)).families:
        assert (family.about[-1:], family.rule[-1:]) == (".", "."), f"the first lines of {family.name} are what people read"
        assert family.features


def test_what_a_training_adds_stands_last_where_a_repeat_is_declared() -> None:
    (*_, fitted) = catalogue(feature_set(WHOLE)).families
    assert (fitted.name, [feature.name for feature in fitted.features]) == ("fitted", ["expected_purchase_28d", "alive_purchase"])
    families = tuple(name for name in FAMILIES if name != "lifetime")
    without = catalogue(feature_set(Definition(TYPES, (7,), 30, families=families, repeat_event="purchase")))
    assert tuple(family.name for family in without.families) == families


@pytest.mark.parametrize("value", [0.0, 1.0, 3.25, -12.0, np.nan])
def test_every_sentence_becomes_a_reason(value: float) -> None:
    found = catalogue(feature_set(WHOLE))
    for feature in (feature for family in found.families for feature in family.features):
        (text,) = wordings(feature.sentence, np.array([value]))
        assert text
        assert not set("{}|_") & set(text), feature.name
        assert feature.sentence.partition("|")[0].count("{value}") == (feature.unit != "weekday")


def test_facts_are_those_of_the_definition() -> None:
    features = feature_set(WHOLE)
    found = facts(catalogue(features))
    assert found["features"] == len(features.names) + 2
    assert (found["windows_in_days"], found["lookback_in_days"], found["event_types"]) == ([1, 7], 30, ["page_view", "purchase"])
    assert (found["sessions_by"], found["categories"]) == ("a pause of 30 minutes", ["home & garden"])
    assert (found["repeat_event"], found["fingerprint"]) == ("purchase", features.fingerprint)
    assert facts(catalogue(feature_set(CHOSEN)))["sessions_by"] == "the given ids"


def test_a_row_parts_the_sentence_from_what_is_said_without_a_value() -> None:
    features = [Feature("a", "days", "seen {value} days ago|never seen"), Feature("b", "events", "{value} events")]
    assert rows([*features, Feature("c", "category", "most recent: {value}|none", ("toys", "another one"))]) == [
        {"name": "a", "unit": "days", "sentence": "seen {value} days ago", "undefined": "never seen"},
        {"name": "b", "unit": "events", "sentence": "{value} events", "undefined": ""},
        {"name": "c", "unit": "category", "sentence": "most recent: toys, another one", "undefined": "none"},
    ]
