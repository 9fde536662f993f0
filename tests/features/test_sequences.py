import numpy as np
import pytest

from features.contract import VALUE_SCALE
from features.sequences import NUMBERS, Sequences, gather
from features.timeline import Timeline
from features.vocabulary import Vocabulary
from tests.features.literal import CUTOFF, HOUR, event, timeline

VOCABULARY = Vocabulary(("x", "y"), ("c",))
SHOP = [
    event("a", 3, "view", item_id="x", category="c"),
    event("a", 2, "purchase", item_id="y", value=2 * VALUE_SCALE),
    event("a", 2 - HOUR, "view", item_id="unheard"),
    event("b", -1, "view", item_id="x"),
    event("c", 1, "purchase", item_id="y", value=-2 * VALUE_SCALE),
]


def gathered(view: Timeline, length: int = 4, rows: tuple[int, ...] = (0, 1, 2)) -> Sequences:
    return gather(view, np.array(rows, dtype=np.int64), CUTOFF, length, VOCABULARY)


def test_oldest_first_after_the_start_token_and_padded_on_the_right() -> None:
    found = gathered(timeline(*SHOP).as_of(CUTOFF))
    assert found.event_type.tolist() == [[1, 2, 3, 2, 0], [1, 0, 0, 0, 0], [1, 3, 0, 0, 0]]
    assert found.item.tolist() == [[1, 2, 3, 1, 0], [1, 0, 0, 0, 0], [1, 3, 0, 0, 0]]
    assert found.category.tolist() == [[1, 2, 1, 1, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]


def test_numbers_in_their_units() -> None:
    found = gathered(timeline(*SHOP).as_of(CUTOFF)).numbers
    named = {name: found[0, :, column] for column, name in enumerate(NUMBERS)}
    np.testing.assert_allclose(named["log_value"], [0, 0, np.log1p(2), 0, 0], rtol=1e-6)
    np.testing.assert_allclose(named["log_hours_since_previous"], [0, 0, np.log1p(24), np.log1p(1), 0], rtol=1e-6)
    np.testing.assert_allclose(named["log_hours_before_cutoff"], [0, np.log1p(72), np.log1p(48), np.log1p(47), 0], rtol=1e-6)
    np.testing.assert_allclose(named["hour_cos"], [0, 1, 1, np.cos(2 * np.pi / 24), 0], rtol=1e-6)
    np.testing.assert_allclose(named["weekday_sin"][1], np.sin(2 * np.pi * 4 / 7), rtol=1e-6)
    assert found[2, 1, 0] == -np.float32(np.log1p(2))
    assert not found[1].any()


def test_only_the_last_events_are_kept_and_the_first_of_them_knows_the_one_before() -> None:
    found = gathered(timeline(*SHOP).as_of(CUTOFF), length=1)
    assert found.event_type.tolist() == [[1, 2], [1, 0], [1, 3]]
    assert found.numbers[0, 1, NUMBERS.index("log_hours_since_previous")] == pytest.approx(np.log1p(1))


def test_dtypes_and_shapes() -> None:
    found = gathered(timeline(*SHOP).as_of(CUTOFF), length=6)
    assert [array.dtype.name for array in (found.event_type, found.item, found.category, found.numbers)] == ["int32"] * 3 + ["float32"]
    assert (found.event_type.shape, found.numbers.shape) == ((3, 7), (3, 7, len(NUMBERS)))


def test_rows_may_repeat_in_any_order() -> None:
    view = timeline(*SHOP).as_of(CUTOFF)
    assert gathered(view, rows=(2, 0, 2)).item.tolist() == gathered(view).item[[2, 0, 2]].tolist()


def test_a_longer_length_only_adds_padding() -> None:
    view = timeline(*SHOP).as_of(CUTOFF)
    short, long = gathered(view, length=3), gathered(view, length=9)
    for name in ("event_type", "item", "category", "numbers"):
        assert getattr(long, name)[:, :4].tobytes() == getattr(short, name).tobytes()
        assert not getattr(long, name)[:, 4:].any()


def test_nobody_and_nothing() -> None:
    assert gathered(timeline(event("a", -1)).as_of(CUTOFF), rows=(0,)).event_type.tolist() == [[1, 0, 0, 0, 0]]
    assert gathered(timeline().as_of(CUTOFF), rows=()).numbers.shape == (0, 5, len(NUMBERS))
