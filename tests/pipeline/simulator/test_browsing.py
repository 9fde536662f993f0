from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from pipeline.simulator.browsing import DAY_SECONDS, NO_SESSION_ID, Activity, browse
from pipeline.simulator.oracle import Oracle
from pipeline.simulator.population import NEVER, Population, draw
from pipeline.simulator.world import CANCEL, CART, CATEGORIES, ITEMS_PER_CATEGORY, PURCHASE, VIEW, Ints, World


@pytest.fixture
def shop(tiny: World) -> tuple[Population, Activity]:
    rng = np.random.default_rng(3)
    population = draw(tiny, 3000, 20, tiny.rates(date(2025, 6, 1), 20), rng)
    return population, browse(tiny, population, rng)


def cells(owner: Ints, category: Ints, sessions: int) -> Ints:
    """(S, 6) how many events of each session lie in each category."""
    return np.bincount(owner * 6 + category, minlength=sessions * 6).reshape(sessions, 6)


def test_events_of_a_session_follow_each_other_within_its_day(shop: tuple[Population, Activity]) -> None:
    events, sessions = shop[1].events, shop[1].sessions
    inside = events.session != NO_SESSION_ID
    owner, second = events.session[inside], events.second[inside]
    assert (np.diff(second)[np.diff(owner) == 0] >= 5).all()
    assert (second // DAY_SECONDS == sessions.day[owner]).all()
    assert (events.user[inside] == sessions.user[owner]).all()
    assert (events.arrived[inside] == (sessions.day + sessions.late)[owner]).all()


def test_the_funnel_narrows_with_the_chances_of_the_class(shop: tuple[Population, Activity], tiny: World) -> None:
    population, activity = shop
    events = activity.events
    views, carts = (np.sum(events.kind == kind) for kind in (VIEW, CART))
    assert carts / views == pytest.approx(tiny.carting, abs=0.01)
    for buying in (0, 1):
        mine = population.buying[activity.sessions.user] == buying
        assert activity.bought[mine].sum() / activity.carts[mine].sum() == pytest.approx(tiny.buying[buying], abs=0.02)
    assert activity.carts.sum() == carts
    assert activity.bought.sum() == np.sum(events.kind == PURCHASE) == len(activity.purchases.item)


def test_what_is_bought_was_carted_and_what_is_carted_was_viewed_before(shop: tuple[Population, Activity]) -> None:
    events = shop[1].events
    items = len(CATEGORIES) * ITEMS_PER_CATEGORY
    inside = events.session != NO_SESSION_ID
    assert (np.diff(events.kind[inside])[np.diff(events.session[inside]) == 0] >= 0).all()
    keys = [
        events.session[inside & (events.kind == kind)] * items + events.item[inside & (events.kind == kind)]
        for kind in (VIEW, CART, PURCHASE)
    ]
    assert np.isin(keys[2], keys[1]).all()
    assert np.isin(keys[1], keys[0]).all()


def test_a_cancellation_mirrors_a_purchase_days_later(shop: tuple[Population, Activity], tiny: World) -> None:
    events, purchases = shop[1].events, shop[1].purchases
    undone = np.flatnonzero(events.kind == CANCEL)
    bought = events.undoes[undone]
    assert (events.kind[bought] == PURCHASE).all()
    assert (events.cents[bought] == -events.cents[undone]).all()
    assert (events.cents[undone] < 0).all()
    for name in ("user", "item"):
        assert (getattr(events, name)[bought] == getattr(events, name)[undone]).all()
    delay = events.second[undone] // DAY_SECONDS - events.second[bought] // DAY_SECONDS
    assert set(delay.tolist()) == {3, 4, 5}
    assert (purchases.cancelled < NEVER).mean() == pytest.approx(tiny.returned, abs=0.03)
    assert [(delay == days).mean() for days in (3, 4, 5)] == pytest.approx(tiny.return_delay, abs=0.03)
    assert (events.arrived[undone] > events.arrived[bought]).all()


def test_items_of_a_category_are_chosen_by_zipf(plain: Oracle) -> None:
    events = plain.activity.events
    rank = np.bincount(events.item[events.kind == VIEW] % ITEMS_PER_CATEGORY)
    weight = 1 / np.arange(1, ITEMS_PER_CATEGORY + 1)
    assert rank / rank.sum() == pytest.approx(weight / weight.sum(), abs=0.003)


def test_the_order_of_the_categories_shows_the_direction(ordered: Oracle) -> None:
    events, sessions = ordered.activity.events, ordered.activity.sessions
    views = np.flatnonzero(events.kind == VIEW)
    category, owner = events.item[views] // ITEMS_PER_CATEGORY, events.session[views]
    moved = (np.diff(owner) == 0) & (np.diff(category) != 0)
    clockwise = (category[1:] - category[:-1]) % 3 == 1
    assert (clockwise[moved] == (sessions.walk[owner[1:][moved]] == 1)).all()
    assert set(np.bincount(owner[1:][moved]).tolist()) == {3}


def test_without_the_order_nothing_shows_the_direction(ordered: Oracle) -> None:
    """Counts, first and last categories by event type, times and values, all together, predict it no better than chance."""
    events, sessions = ordered.activity.events, ordered.activity.sessions
    count = 40_000
    inside = (events.session < count) & (events.session != NO_SESSION_ID)
    owner, kind, category = events.session[inside], events.kind[inside], events.item[inside] // ITEMS_PER_CATEGORY
    columns = [sessions.day[:count] % 7]
    for code in (VIEW, CART, PURCHASE):
        mine = kind == code
        columns += list(cells(owner[mine], category[mine], count).T)
        for step in (1, -1):
            edge = np.full(count, -1)
            edge[owner[mine][::-step]] = category[mine][::-step]
            columns.append(edge)
    first = np.searchsorted(owner, np.arange(count))
    columns += [np.bincount(owner, events.cents[inside]), events.second[inside][np.append(first[1:], len(owner)) - 1]]
    table = np.stack(columns, axis=1).astype(float)
    direction, half = sessions.walk[:count], count // 2
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(table[:half], direction[:half])
    auc = roc_auc_score(direction[half:], model.predict_proba(table[half:])[:, 1])
    error = np.sqrt(1 / (12 * half * 0.65 * 0.35))
    assert auc == pytest.approx(0.5, abs=4 * error)
