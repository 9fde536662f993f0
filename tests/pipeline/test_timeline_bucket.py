import polars as pl

from features.timeline import SORT_KEY
from pipeline.lake import Lake
from pipeline.timeline_bucket import SCHEMA, BucketTask, merged, ordered
from tests.features.literal import Row, event, table


def frame(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(table(*rows)).select(SCHEMA.names)


HELD = ordered(frame(event("a", 9, event_id="1"), event("c", 9, event_id="2"), event("c", 7, event_id="3"), event("d", 5, event_id="4")))


def test_new_events_go_between_those_of_their_user_and_new_users_between_the_others() -> None:
    new = frame(event("b", 8, event_id="5"), event("c", 8, event_id="6"), event("e", 1, event_id="7"))
    assert merged(HELD, new)["event_id"].to_list() == ["1", "5", "2", "6", "3", "4", "7"]


def test_of_one_event_the_row_known_first_stays_whichever_came_first() -> None:
    earlier, later = event("c", 9, known=9.5, event_id="2", item_id="x"), event("c", 8, known=1, event_id="3", item_id="y")
    found = merged(HELD, frame(earlier, later))
    assert found.filter(pl.col("event_id").is_in(["2", "3"])).select("event_id", "item_id").rows() == [("2", "x"), ("3", None)]
    assert len(found) == len(HELD)


def test_the_same_id_of_another_user_is_another_event() -> None:
    assert len(merged(HELD, frame(event("a", 9, event_id="2")))) == len(HELD) + 1


def test_rows_that_are_equal_but_for_a_null_have_one_order() -> None:
    rows = [event("a", 3, event_id="1", item_id=item, session_id=session) for item in ("x", None) for session in ("s", None)]
    found = {ordered(frame(*rows[place:], *rows[:place])).select("item_id", "session_id").row(0) for place in range(4)}
    assert len(found) == 1


def test_nothing_new_and_nothing_held() -> None:
    nothing = frame()
    assert merged(HELD, nothing).equals(HELD)
    assert merged(nothing, HELD).equals(HELD)
    assert merged(nothing, nothing).is_empty()
    assert HELD.equals(HELD.sort(SORT_KEY))


def test_a_task_is_named_by_its_bucket() -> None:
    assert str(BucketTask(Lake("x"), 5, 8, 0)) == "5"
