from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from features.eligibility import score_basis
from features.timeline import SORT_KEY, from_events
from pipeline.errors import ConfigError, MissingInput
from pipeline.evaluation.groups import KNOWN, TENURES, UNKNOWN, require_known, user_groups
from pipeline.lake import Lake
from pipeline.lake_parts import Layout
from pipeline.timeline_bucket import SCHEMA, TABLE
from tests.features.literal import CUTOFF, DAY, HOUR, MICRO, TYPES, Row, event, table
from tests.properties.shops import SHOPS


def groups(folder: Path, rows: Sequence[Row], *columns: str, older: bool = False) -> dict[str, dict[str, object]]:
    """Column → user → group, of all users; rows lie in small groups in the file, which has no segment if it is of an `older` release."""
    lake, held = Lake(str(folder / "lake")), table(*rows).select(SCHEMA.names).sort_by([(name, "ascending") for name in SORT_KEY])
    stored = held.drop_columns("segment") if older else held
    part = lake.write_part(TABLE, {"bucket": "0"}, "part", stored, Layout(rows_per_group=3))
    version = lake.commit(TABLE, stored.schema, {}, [part], metadata={})
    view = from_events(held, TYPES).as_of(CUTOFF)
    found = user_groups(lake, 0, version, view, np.arange(view.users), CUTOFF, columns, {})
    return {name: dict(zip(view.user_ids, values, strict=True)) for name, values in found.items()}


def test_tenure_counts_whole_days_since_the_first_visible_event(tmp_path: Path) -> None:
    days = {"a": HOUR, "b": 30 - MICRO, "c": 30, "d": 90 - MICRO, "e": 90, "f": 365 - MICRO, "g": 365, "h": 3000}
    rows = [event(user, ago) for user, ago in days.items()]
    late = event("a", 400, known=-HOUR)
    found = groups(tmp_path, [*rows, late, event("b", HOUR), event("i", -DAY)], "tenure")["tenure"]
    under, months, year, more = TENURES
    assert list(found.values()) == [under, under, months, months, year, year, more, more, UNKNOWN]


def test_a_segment_is_that_of_the_latest_visible_event_with_one(tmp_path: Path) -> None:
    rows = [
        event("moved", 9, segment="north"),
        event("moved", 5, segment="south"),
        event("silent", 9, segment="north"),
        event("silent", 5),
        event("late", 9, segment="north"),
        event("late", 5, known=-MICRO, segment="south"),
        event("just", 9, known=0, segment="north"),
        event("future", 9, segment="north"),
        event("future", 0, segment="south"),
        event("none", 9),
        event("tied", 5, event_id="1", segment="north"),
        event("tied", 5, event_id="2", segment="south"),
    ]
    assert groups(tmp_path, rows, "segment")["segment"] == {
        "moved": "south",
        "silent": "north",
        "late": "north",
        "just": "north",
        "future": "north",
        "none": UNKNOWN,
        "tied": "south",
    }


def test_a_category_is_the_most_frequent_visible_one_and_ties_go_to_the_alphabet(tmp_path: Path) -> None:
    def bought(user: str, *categories: str | None, ago: float = 5) -> list[Row]:
        return [event(user, ago - place * HOUR, category=category) for place, category in enumerate(categories)]

    rows = [*bought("often", "z", "a", "z"), *bought("tied", "b", "a"), *bought("rarely", None, None, "c"), *bought("never", None)]
    found = groups(tmp_path, [*rows, *bought("future", "b"), *bought("future", "a", "a", ago=0)], "category")["category"]
    assert found == {"future": "b", "never": UNKNOWN, "often": "z", "rarely": "c", "tied": "a"}


def test_only_the_users_asked_about_in_their_order_and_features_as_they_are(tmp_path: Path) -> None:
    rows = [event("a", 1), *(event("b", ago) for ago in range(1, 6)), event("c", 1)]
    groups(tmp_path, rows)
    view, lake = from_events(table(*rows), TYPES).as_of(CUTOFF), Lake(str(tmp_path / "lake"))
    values = np.array([2.5, np.nan])
    found = user_groups(lake, 0, 0, view, np.array([2, 1]), CUTOFF, ["recency", "score_basis"], {"recency": values, "other": values})
    assert list(found) == ["recency", "score_basis"]
    np.testing.assert_array_equal(found["recency"], values)
    assert found["score_basis"].tolist() == ["thin", "rich"]


def test_timelines_from_before_events_had_a_segment_know_none(tmp_path: Path) -> None:
    found = groups(tmp_path, [event("a", 40, category="c"), event("b", 1)], *KNOWN, older=True)
    assert found == {
        "score_basis": {"a": "thin", "b": "thin"},
        "tenure": {"a": TENURES[1], "b": TENURES[0]},
        "segment": {"a": UNKNOWN, "b": UNKNOWN},
        "category": {"a": "c", "b": UNKNOWN},
    }


def test_a_bucket_without_users_has_no_groups(tmp_path: Path) -> None:
    assert groups(tmp_path, [], *KNOWN) == {name: {} for name in KNOWN}


def test_a_bucket_that_is_not_there_is_named(tmp_path: Path) -> None:
    groups(tmp_path, [event("a", 1)])
    view = from_events(table(event("a", 1)), TYPES)
    with pytest.raises(MissingInput, match=r"'bucket': '7'"):
        user_groups(Lake(str(tmp_path / "lake")), 7, 0, view, np.arange(1), CUTOFF, ["segment"], {})


def test_an_unknown_column_is_named_with_what_is_allowed() -> None:
    require_known([*KNOWN, "events_7d"], ["events_7d"])
    with pytest.raises(ConfigError, match=r"names country, age; users are grouped by score_basis, tenure, segment, category, or a feature"):
        require_known(["segment", "country", "age"], ["events_7d"])
    view = from_events(table(event("a", 1)), TYPES)
    with pytest.raises(ConfigError, match="names recency"):
        user_groups(Lake("none"), 0, 0, view, np.arange(1), CUTOFF, ["recency"], {})


def naive(rows: Sequence[Row], user: str) -> tuple[str, str]:
    """Segment and category of a user, by sorting the visible rows."""
    micros = CUTOFF.micros
    own = [row for row in rows if row["user_id"] == user and row["event_time"] < micros and row["available_at"] <= micros]
    own.sort(key=lambda row: tuple(row[name] for name in SORT_KEY))
    segments = [row["segment"] for row in own if row["segment"]]
    counts = Counter(row["category"] for row in own if row["category"])
    category = min(counts, key=lambda name: (-counts[name], name), default=UNKNOWN)
    return segments[-1] if segments else UNKNOWN, category


@given(SHOPS)
@settings(max_examples=40)
def test_groups_equal_a_plain_loop(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = groups(Path(folder), rows, *KNOWN)
    view = from_events(table(*rows), TYPES).as_of(CUTOFF)
    assert {user: (found["segment"][user], found["category"][user]) for user in view.user_ids} == {
        user: naive(rows, user) for user in view.user_ids
    }
    assert list(found["score_basis"].values()) == score_basis(view).tolist()
    assert [group == UNKNOWN for group in found["tenure"].values()] == (np.diff(view.offsets) == 0).tolist()
