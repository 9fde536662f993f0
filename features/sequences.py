"""The last events of each user as fixed-length arrays, oldest first: what a sequence model reads.

One user with three visible events, length 4:

    event_type  [ 1      2+view  2+cart  2+buy   0       ]
                  start  oldest  …       newest  padding
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.contract import VALUE_SCALE
from features.cutoff import DAY_MICROS, EPOCH_WEEKDAY, HOUR_MICROS, Cutoff
from features.timeline import Codes, Flags, Ints, Timeline
from features.vocabulary import PADDING_ID, UNKNOWN_ID, Vocabulary

START_TOKEN = 1
FIRST_EVENT_TYPE = 2

NUMBERS = (
    "log_value",
    "log_hours_since_previous",
    "log_hours_before_cutoff",
    "hour_sin",
    "hour_cos",
    "weekday_sin",
    "weekday_cos",
)
"""Names of the K columns of `Sequences.numbers`, in order."""

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sequences:
    """B users, L + 1 steps: step 0 is the start token, then the last ≤ L visible events oldest first, then padding.

    event_type  int32 (B, L+1): 0 padding, 1 start token, 2 + type code
    item        int32 (B, L+1): 0 padding, 1 unknown, none or start, ≥ 2 vocabulary
    category    int32 (B, L+1): likewise
    numbers     float32 (B, L+1, K), columns `NUMBERS`: signed log(1 + |value|), log(1 + hours) since the user's previous visible
                event (0 for the first), log(1 + hours) before the cutoff, hour of the day and weekday (both UTC) on the circle;
                all 0 at the start token and in the padding
    """

    event_type: Codes
    item: Codes
    category: Codes
    numbers: Floats32


def gather(view: Timeline, rows: Ints, cutoff: Cutoff, length: int, vocabulary: Vocabulary) -> Sequences:
    """Sequences of the users at positions `rows` (B,) of `view`, which was cut by `Timeline.as_of(cutoff)`.

    A user without a visible event gets the start token alone. Memory is B × (length + 1) × (3 × 4 + K × 4) bytes, so callers batch.
    """
    last = view.offsets[rows + 1]
    first = np.maximum(view.offsets[rows], last - length)
    at = first[:, None] + np.arange(length, dtype=np.int64)
    real: Flags = at < last[:, None]
    position = at[real]
    return Sequences(
        event_type=_steps(real, view.event_type[position] + np.int32(FIRST_EVENT_TYPE), START_TOKEN),
        item=_steps(real, _named(view.item[position], view.items, vocabulary.item_ids), UNKNOWN_ID),
        category=_steps(real, _named(view.category[position], view.categories, vocabulary.category_ids), UNKNOWN_ID),
        numbers=_number_steps(real, _numbers(view, position, np.repeat(view.offsets[rows], real.sum(axis=1)), cutoff)),
    )


def _steps(real: Flags, values: Codes, start: int) -> Codes:
    steps = np.full((len(real), real.shape[1] + 1), PADDING_ID, dtype=np.int32)
    steps[:, 0] = start
    steps[:, 1:][real] = values
    return steps


def _number_steps(real: Flags, values: Floats32) -> Floats32:
    steps = np.zeros((len(real), real.shape[1] + 1, len(NUMBERS)), dtype=np.float32)
    steps[:, 1:][real] = values
    return steps


def _named(codes: Codes, names: npt.NDArray[np.object_], ids_of: Callable[[npt.NDArray[np.object_]], Codes]) -> Codes:
    """Vocabulary ids of a bucket's codes; only the names that occur here are looked up."""
    used, inverse = np.unique(codes, return_inverse=True)
    ids = np.full(len(used), UNKNOWN_ID, dtype=np.int32)
    ids[used >= 0] = ids_of(names[used[used >= 0]])
    named: Codes = ids[inverse]
    return named


def _numbers(view: Timeline, position: Ints, first_of_user: Ints, cutoff: Cutoff) -> Floats32:
    """(E, K) for the events at `position` (E,), of users whose first visible event is at `first_of_user` (E,)."""
    time = view.event_time[position]
    since = time - view.event_time[np.maximum(position - 1, first_of_user)]
    hour = 2 * np.pi * (time % DAY_MICROS) / DAY_MICROS
    weekday = 2 * np.pi * ((time // DAY_MICROS + EPOCH_WEEKDAY) % 7) / 7
    value = view.value[position] / VALUE_SCALE
    columns = (
        np.sign(value) * np.log1p(np.abs(value)),
        np.log1p(since / HOUR_MICROS),
        np.log1p((cutoff.micros - time) / HOUR_MICROS),
        np.sin(hour),
        np.cos(hour),
        np.sin(weekday),
        np.cos(weekday),
    )
    return np.stack(columns, axis=1).astype(np.float32)
