import numpy as np
import pyarrow as pa
import pytest

from features.timeline import EVENT_ARRAYS, NULL_CODE, from_events, from_sorted, running_total
from tests.features.literal import CUTOFF, DAY, HOUR, MICRO, TYPES, Row, event, table, timeline


def test_events_are_sorted_by_user_then_time() -> None:
    found = timeline(event("b", 1), event("a", 1), event("b", 3), event("a", 2))
    assert found.user_ids.tolist() == ["a", "b"]
    assert found.offsets.tolist() == [0, 2, 4]
    assert ((CUTOFF.micros - found.event_time) // (24 * 3_600_000_000)).tolist() == [2, 1, 3, 1]
    assert found.owner.tolist() == [0, 0, 1, 1]


def test_ties_in_time_go_by_availability_then_id() -> None:
    rows = [event("a", 1, known=0, item_id="late"), event("a", 1, item_id="z", event_id="2"), event("a", 1, item_id="a", event_id="1")]
    found = timeline(*rows)
    assert found.items[found.item].tolist() == ["a", "z", "late"]


def test_nulls_become_minus_one_and_a_zero_without_a_value() -> None:
    found = timeline(event("a", 2), event("a", 1, item_id="i", category="c", session_id="s", value=-5))
    assert found.item.tolist() == found.category.tolist() == found.session.tolist() == [NULL_CODE, 0]
    assert found.value.tolist() == [0, -5]
    assert found.has_value.tolist() == [False, True]


def test_an_event_at_the_cutoff_is_not_visible_and_one_microsecond_before_is() -> None:
    found = timeline(event("a", 0), event("a", MICRO), event("b", -DAY)).as_of(CUTOFF)
    assert found.user_ids.tolist() == ["a", "b"]
    assert np.diff(found.offsets).tolist() == [1, 0]


def test_an_event_becomes_visible_at_the_instant_it_is_available() -> None:
    found = timeline(event("a", 5, known=0), event("b", 5, known=-MICRO)).as_of(CUTOFF)
    assert np.diff(found.offsets).tolist() == [1, 0]


def test_no_event_at_all_is_an_empty_timeline() -> None:
    found = timeline()
    assert (found.users, found.offsets.tolist(), found.as_of(CUTOFF).users) == (0, [0], 0)


def test_flags_are_counted_per_user() -> None:
    found = timeline(event("a", 1, value=2**53 + 1), event("b", 1, value=1), event("b", 2, value=-1), event("c", 1))
    assert found.per_user(found.has_value).tolist() == [1, 2, 0]


def test_types_are_positions_in_the_configured_order() -> None:
    found = timeline(event("a", 2, "purchase"), event("a", 1, "view"))
    assert found.event_type.tolist() == [1, 0]
    assert found.of_type("purchase").tolist() == [True, False]
    assert found.of_type("any").tolist() == [True, True]


def test_an_unknown_event_type_is_named() -> None:
    with pytest.raises(ValueError, match="refund"):
        from_events(table(event("a", 1, "refund")), TYPES)
    with pytest.raises(ValueError, match="refund"):
        timeline(event("a", 1)).of_type("refund")


def test_running_total_differences_are_sums() -> None:
    assert running_total(np.array([True, False, True])).tolist() == [0, 1, 1, 2]


def test_user_ids_beyond_ascii_keep_one_order() -> None:
    users = ["z", "é", "Z", "用", "a"]
    found = timeline(*(event(user, HOUR) for user in users))
    assert found.user_ids.tolist() == sorted(users)


THREE_USERS = (
    event("a", 3, item_id="y", category="d", session_id="s", value=7),
    event("a", 2, "purchase", item_id="x"),
    event("b", 5, known=4, session_id="t"),
    event("c", 1, category="c", item_id="x"),
    event("c", 1, item_id="y"),
)
TEXTS = ("user_id", "event_type", "item_id", "category", "session_id")


def as_dictionaries(rows: pa.Table) -> pa.Table:
    """Each of two chunks has its own dictionaries, which name things that do not occur in it."""
    pieces = []
    for first, last in ((0, 3), (3, 5)):
        piece = rows.slice(first, last - first)
        for place, field in enumerate(rows.schema):
            if field.name in TEXTS:
                whole = pa.concat_arrays([pa.array(["unused"]), *piece[field.name].chunks]).dictionary_encode()
                piece = piece.set_column(place, field.name, whole.slice(1))
        pieces.append(piece)
    return pa.concat_tables(pieces)


def test_dictionaries_and_texts_are_the_same_timeline() -> None:
    texts, coded = from_events(table(*THREE_USERS), TYPES), from_sorted(as_dictionaries(table(*THREE_USERS)), TYPES)
    assert coded.user_ids.tolist() == ["a", "b", "c"]
    assert coded.offsets.tolist() == [0, 2, 3, 5]
    for name in set(EVENT_ARRAYS) - {"item", "category", "session"}:
        assert getattr(coded, name).tolist() == getattr(texts, name).tolist()
    assert coded.items[coded.item].tolist() == ["y", "x", coded.items[NULL_CODE], "x", "y"]
    assert coded.categories[coded.category[[0, 3]]].tolist() == ["d", "c"]
    assert (coded.item == NULL_CODE).tolist() == [False, False, True, False, False]
    assert (coded.session == NULL_CODE).tolist() == [False, True, False, True, True]
    assert coded.session[0] != coded.session[2]


@pytest.mark.parametrize(
    "rows",
    [
        (event("b", 2), event("a", 1)),
        (event("a", 2), event("b", 1), event("a", 1)),
        (event("a", 1), event("a", 2)),
        (event("b", 3), event("a", 1, known=0), event("a", 1)),
    ],
)
def test_rows_in_another_order_are_refused(rows: tuple[Row, ...]) -> None:
    with pytest.raises(ValueError, match="wanted: user_id, event_time, available_at, event_id"):
        from_sorted(table(*rows), TYPES)
    assert from_events(table(*rows), TYPES).users <= 2


def test_arrays_are_owned_and_can_be_written() -> None:
    found = from_sorted(table(*THREE_USERS), TYPES)
    for name in ("offsets", *EVENT_ARRAYS):
        assert getattr(found, name).flags.writeable
        assert getattr(found, name).flags.c_contiguous


def test_some_of_the_users_keep_their_events() -> None:
    found = timeline(*THREE_USERS).of_users(1, 3)
    assert found.user_ids.tolist() == ["b", "c"]
    assert found.offsets.tolist() == [0, 1, 3]
    assert found.items[found.item[1:]].tolist() == ["x", "y"]
    assert timeline(*THREE_USERS).of_users(3, 3).users == 0
