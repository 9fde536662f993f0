"""Affinity: which categories a user keeps to, and how often the same items come back."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.cutoff import DAY_MICROS
from features.definition import slug
from features.feature import Column, Columns, Feature, Floats, ratio, within
from features.observation import Observation
from features.timeline import NULL_CODE, Codes, Ints
from features.visible import Positions

EVENTS, CATEGORIES, TOP, SQUARES, TOP_AGE, TOP_CODE, LATEST_CODE = range(7)
TOUCHES, ITEMS = range(2)

ANOTHER = "another one"
"""The level of all categories that the definition does not name."""


def affinity(observation: Observation) -> Columns:
    """Over the lookback's events with a category: the share of the top one, their concentration, and each chosen category's part.

    The concentration is the normalised Herfindahl index (k Σ n² − N²) / (N² (k − 1)) of k categories with n of N events each: 0 where
    all are equal, 1 where there is one only. Of top categories with as many events, the one touched last is the top.
    `repeat_share` is the share of events whose item the user had touched before within the lookback, among those with an item.
    NaN where there are no such events; counts are 0. Where categories are chosen, `latest_category` is that of the last event with one, and
    `top_category` the top one: codes in the order of the definition, the next one for all others.
    """
    events, lookback = observation.events, within(observation.definition.lookback_days)
    mix = _mix(observation.recent, observation.end, observation.cutoffs, events.event_time, events.category)
    touches, items = _repeats(observation.recent, observation.end, events.item)
    without = f"|no events with a category {lookback}"
    top = "the category with the most events"
    sentence = f"{{value}} % of the events in {top}{without}"
    yield Column(Feature("top_category_share", "share", sentence), ratio(mix[TOP], mix[EVENTS]))
    sentence = f"a concentration of {{value}} % on few categories (100 % is one alone){without}"
    yield Column(Feature("category_concentration", "share", sentence), _concentration(mix))
    sentence = f"{{value}} days since the last event in {top}{without}"
    yield Column(Feature("days_since_top_category", "days", sentence), ratio(mix[TOP_AGE], (mix[EVENTS] > 0) * DAY_MICROS))
    sentence = f"{{value}} % of the events on items touched before|no events with an item {lookback}"
    yield Column(Feature("repeat_share", "share", sentence), ratio(touches - items, touches))
    yield from _codes(observation, mix, without)
    yield from _chosen(observation, mix[EVENTS])


def _concentration(mix: Ints) -> Floats:
    events, kinds, squares = mix[EVENTS], mix[CATEGORIES], mix[SQUARES]
    single = kinds == 1
    return ratio(np.where(single, 1, kinds * squares - events * events), np.where(single, 1, events * events * (kinds - 1)))


def _codes(observation: Observation, mix: Ints, without: str) -> Columns:
    """The latest and the top category of each user, as codes."""
    categories = observation.definition.categories
    if not categories:
        return
    code_of = {name: code for code, name in enumerate(categories)}
    # The last place is for users without a category: their code, −1, points there.
    codes = np.array([*(code_of.get(name, len(categories)) for name in observation.events.categories), np.nan])
    levels = (*map(_plain, categories), ANOTHER)
    for name, said, row in (
        ("latest_category", "most recent category", LATEST_CODE),
        ("top_category", "category with the most events", TOP_CODE),
    ):
        yield Column(Feature(name, "category", f"{said}: {{value}}{without}", levels), codes[mix[row]])


def _chosen(observation: Observation, categorised: Ints) -> Columns:
    """Of each category in the definition: its share of the lookback's events with a category, and its events in each window."""
    events, categories = observation.events, observation.definition.categories
    if not categories:
        return
    place_of = {name: place for place, name in enumerate(categories)}
    places = np.array([place_of.get(name, NULL_CODE) for name in events.categories] + [NULL_CODE], dtype=np.int32)
    # The last place is for events without a category: their code, −1, points there.
    starts = np.concatenate([observation.starts, observation.recent[None]])
    counts = _counts(starts, observation.end, places[events.category], len(categories))
    for place, name in enumerate(categories):
        sentence = f"{{value}} % of the events in category {_plain(name)}|no events with a category"
        sentence += f" {within(observation.definition.lookback_days)}"
        yield Column(Feature(f"share_in_{slug(name)}", "share", sentence), ratio(counts[place, -1], categorised))
        for window, days in enumerate(observation.windows):
            sentence = f"{{value}} events in category {_plain(name)} {within(days)}"
            yield Column(Feature(f"events_in_{slug(name)}_{days}d", "events", sentence), counts[place, window])


def _plain(name: str) -> str:
    """A category as a sentence shows it: without the characters that mean something there."""
    return name.translate(str.maketrans("|{}", "/()"))


@njit(cache=True, nogil=True)
def _mix(recent: Positions, end: Positions, cutoffs: Ints, time: Ints, category: Codes) -> Ints:
    """(7, C, U) events with a category, categories, events in the top one, sum of squares, µs since the top one, which one, the latest."""
    found = np.zeros((7, *end.shape), dtype=np.int64)
    met = np.zeros(category.max() + 1 if len(category) else 0, dtype=np.int64)
    for c in range(end.shape[0]):
        for user in range(end.shape[1]):
            first, behind = recent[c, user], end[c, user]
            for i in range(first, behind):
                if category[i] >= 0:
                    met[category[i]] += 1
            events, categories, top, squares, age, code, latest = 0, 0, 0, 0, 0, NULL_CODE, NULL_CODE
            for i in range(behind - 1, first - 1, -1):
                number = met[category[i]] if category[i] >= 0 else 0
                if number:
                    if latest == NULL_CODE:
                        latest = category[i]
                    met[category[i]] = 0
                    events += number
                    categories += 1
                    squares += number * number
                    if number > top:
                        top, age, code = number, cutoffs[c] - time[i], category[i]
            found[:, c, user] = events, categories, top, squares, age, code, latest
    return found


@njit(cache=True, nogil=True)
def _repeats(recent: Positions, end: Positions, item: Codes) -> tuple[Ints, Ints]:
    """(C, U) events with an item, and different items among them."""
    touches, items = np.empty(end.shape, dtype=np.int64), np.empty(end.shape, dtype=np.int64)
    stamps, walk = np.zeros(item.max() + 1 if len(item) else 0, dtype=np.int64), 0
    for user in range(end.shape[1]):
        for c in range(end.shape[0]):
            walk += 1
            touched, different = 0, 0
            for i in range(recent[c, user], end[c, user]):
                if item[i] >= 0:
                    touched += 1
                    if stamps[item[i]] != walk:
                        stamps[item[i]] = walk
                        different += 1
            touches[c, user], items[c, user] = touched, different
    return touches, items


@njit(cache=True, nogil=True)
def _counts(starts: Positions, end: Positions, place: Codes, places: int) -> Ints:
    """(M, W, C, U) events of each place from each of the starts (W, C, U) on, the latest start first."""
    windows, cutoffs, users = starts.shape
    counts, met = np.empty((places, windows, cutoffs, users), dtype=np.int64), np.empty(places, dtype=np.int64)
    for c in range(cutoffs):
        for user in range(users):
            met[:] = 0
            i = end[c, user]
            for window in range(windows):
                while i > starts[window, c, user]:
                    i -= 1
                    if place[i] >= 0:
                        met[place[i]] += 1
                for of in range(places):
                    counts[of, window, c, user] = met[of]
    return counts
