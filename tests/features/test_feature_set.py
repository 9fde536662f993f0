from dataclasses import replace

import numpy as np
import pytest

from features.definition import Definition
from features.feature_set import CODE_VERSION, feature_set
from tests.features.literal import CUTOFF, TYPES, event, timeline

SET = feature_set(Definition(TYPES, (30, 7), 30))


def test_columns_are_named_once_and_in_one_order() -> None:
    assert len(set(SET.names)) == len(SET.names)
    assert feature_set(Definition(TYPES, (7, 30, 7), 30)) == SET
    assert SET.names[0] == "days_since_any"


def test_every_sentence_shows_its_value_and_reads_plainly() -> None:
    for feature in feature_set(Definition(("view", "add_to_cart", "purchase"), (7, 30), 30)).features:
        assert feature.sentence.count("{value}") == 1
        assert "_" not in feature.sentence.format(value=1)
        assert feature.unit


@pytest.mark.parametrize(
    "other",
    [
        feature_set(Definition(("purchase", "view"), (7, 30), 30)),
        feature_set(Definition(TYPES, (7, 29), 30)),
        feature_set(Definition(TYPES, (7, 30), 60)),
        feature_set(Definition(("view",), (7, 30), 30)),
    ],
)
def test_another_question_has_another_fingerprint(other: object) -> None:
    assert other.fingerprint != SET.fingerprint


def test_fingerprint_is_pinned_until_the_code_version_changes() -> None:
    assert CODE_VERSION == 1
    assert SET.fingerprint == "adb3a52dfd622456e4e2b36d13e9b8302e875a2f8199d64b4b4050bfef7fb6d4"
    assert SET.table == f"features/{SET.fingerprint[:12]}"


def test_matrix_has_a_row_for_every_user_and_a_column_for_every_name() -> None:
    view = timeline(event("a", 1), event("b", -1)).as_of(CUTOFF)
    matrix = SET.at(view, CUTOFF)
    assert matrix.shape == (2, len(SET.names))
    assert matrix.dtype == np.float64
    assert matrix[0, SET.names.index("events_view_7d")] == 1.0
    assert not np.isinf(matrix).any()


def test_nobody_is_an_empty_matrix() -> None:
    assert SET.at(timeline().as_of(CUTOFF), CUTOFF).shape == (0, len(SET.names))


def test_other_event_types_are_refused() -> None:
    with pytest.raises(ValueError, match="view, purchase"):
        SET.at(timeline(types=("view",)), CUTOFF)


def test_a_window_beyond_the_lookback_is_refused() -> None:
    with pytest.raises(ValueError, match="60 days is longer than the lookback of 30"):
        feature_set(Definition(TYPES, (7, 60), 30))


def test_undefined_values_are_nan_only_where_a_family_says_so() -> None:
    row = dict(zip(SET.names, SET.at(timeline(event("a", -1)).as_of(CUTOFF), CUTOFF)[0], strict=True))
    assert all(
        value == 0 for name, value in row.items() if name.startswith(("events", "sessions", "active_days_any", "items", "value_sum"))
    )
    assert all(np.isnan(value) for name, value in row.items() if name.startswith(("days_since", "gap", "overdue", "pace", "value_max")))


def test_feature_set_is_a_value() -> None:
    assert replace(SET) == SET
    assert hash(replace(SET)) == hash(SET)
