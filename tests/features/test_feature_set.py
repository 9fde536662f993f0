import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from features.definition import FAMILIES, Definition
from features.feature_set import CODE_VERSION, feature_set
from tests.features.literal import CUTOFF, TYPES, event, timeline

PLAIN = Definition(TYPES, (7, 30), 30)
SET = feature_set(PLAIN)
FULL = Definition(("view", "add_to_cart", "purchase"), (1, 7, 30), 60, categories=("Home & Garden", "c"), repeat_event="add_to_cart")
OTHER: dict[str, Any] = {
    "event_types": ("purchase", "view"),
    "windows": (7, 29),
    "lookback_days": 60,
    "families": tuple(name for name in FAMILIES if name != "trend"),
    "session_minutes": 30,
    "categories": ("c",),
    "repeat_event": "view",
    "repeat_days": 31,
}
"""A different value for every part of a definition."""


def test_columns_are_named_once_and_in_one_order() -> None:
    assert len(set(SET.names)) == len(SET.names)
    assert SET.names[0] == "days_since_any"
    assert SET.names[-1] == "active_days_per_month"


def test_every_name_is_plain() -> None:
    assert [name for name in feature_set(FULL).names if not re.fullmatch("[a-z][a-z0-9_]*", name)] == []


def test_every_sentence_shows_its_value_once_and_reads_plainly() -> None:
    for feature in feature_set(FULL).features:
        present, bar, absent = feature.sentence.partition("|")
        assert present.count("{value}") == (feature.unit != "weekday")
        assert bool(bar) == bool(absent)
        assert not set("_{}|") & set(present.replace("{value}", "") + absent)
        assert ("{value} %" in present) == (feature.unit in ("share", "probability"))
        assert feature.unit


def test_each_family_can_be_left_out() -> None:
    everything = feature_set(FULL).names
    for family in FAMILIES:
        alone = feature_set(replace(FULL, families=(family,))).names
        others = feature_set(replace(FULL, families=tuple(name for name in FAMILIES if name != family))).names
        assert alone
        assert sorted(alone + others) == sorted(everything)
        assert list(alone) == [name for name in everything if name in alone]


def test_another_definition_for_every_part_of_one() -> None:
    assert set(OTHER) == {field.name for field in fields(Definition)}


@pytest.mark.parametrize("part", OTHER)
def test_another_definition_has_another_fingerprint(part: str) -> None:
    other = feature_set(replace(PLAIN, **{part: OTHER[part]}))
    assert other.fingerprint != SET.fingerprint
    assert other.table != SET.table


def test_fingerprint_is_pinned_until_the_code_version_changes() -> None:
    assert CODE_VERSION == 2
    assert SET.fingerprint == "119629267713a0b287bf793fe4b0f62d1b781a7f03f563a34be3330a6ecb57fc"
    assert SET.table == f"features/{SET.fingerprint[:12]}"


def test_matrix_has_a_row_for_every_user_and_a_column_for_every_name() -> None:
    matrix = SET.at(timeline(event("a", 1), event("b", -1)), CUTOFF)
    assert matrix.shape == (2, len(SET.names))
    assert matrix.dtype == np.float64
    assert matrix[0, SET.names.index("events_view_7d")] == 1.0
    assert not np.isinf(matrix).any()


def test_a_cutoff_among_others_is_what_it_is_alone() -> None:
    shop = timeline(event("a", 9, known=0.5), event("a", 8, session_id="s", item_id="x", category="c"), event("b", 0.5), event("b", 7))
    cutoffs = [CUTOFF.plus_days(-ago) for ago in (8, 1, 0)]
    together = SET.compute(shop, cutoffs)
    assert together.shape == (len(SET.names), 3, 2)
    for c, cutoff in enumerate(cutoffs):
        assert np.array_equal(together[:, c].T, SET.at(shop, cutoff), equal_nan=True)


def test_nobody_is_an_empty_matrix() -> None:
    assert SET.at(timeline(), CUTOFF).shape == (0, len(SET.names))


def test_other_event_types_are_refused() -> None:
    with pytest.raises(ValueError, match="view, purchase"):
        SET.at(timeline(types=("view",)), CUTOFF)


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="called events_in_toys_30d, events_in_toys_7d; rename an event type"):
        feature_set(Definition((*TYPES, "in_toys"), (7, 30), 30, categories=("Toys",)))


def test_undefined_values_are_nan_only_where_a_family_says_so() -> None:
    row = dict(zip(SET.names, SET.at(timeline(event("a", -1)), CUTOFF)[0], strict=True))
    counts = ("events_", "sessions_", "active_days_any", "items", "categories", "value_sum", "active_days_ever")
    assert {value for name, value in row.items() if name.startswith(counts)} == {0.0}
    assert row["cutoff_weekday"] == 0.0
    assert all(np.isnan(value) for name, value in row.items() if not name.startswith((*counts, "active_days", "cutoff_weekday")))


def test_a_value_that_may_be_undefined_has_words_for_that() -> None:
    whole = feature_set(FULL)
    matrix = whole.at(timeline(event("a", -1), event("b", 1), types=FULL.event_types), CUTOFF)
    undefined = [feature for feature, values in zip(whole.features, matrix.T, strict=True) if np.isnan(values).any()]
    assert [feature.sentence for feature in undefined if "|" not in feature.sentence] == []


def test_feature_set_is_a_value() -> None:
    assert replace(SET) == SET
    assert hash(replace(SET)) == hash(SET)
