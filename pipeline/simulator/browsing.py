"""What happens in the sessions: views that walk round a department, carts, purchases, and cancellations days later."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipeline.simulator.population import NEVER, NO_SESSION, Population
from pipeline.simulator.world import (
    CANCEL,
    CART,
    CATEGORIES,
    DEPARTMENTS,
    EXTRA_VIEW,
    EXTRA_VIEWS,
    ITEMS_PER_CATEGORY,
    LEGS,
    PURCHASE,
    VIEW,
    Flags,
    Floats,
    Ints,
    World,
)

DAY_SECONDS = 86_400
OPENING_SECONDS, OPEN_SECONDS = 7 * 3600, 15 * 3600
SHORTEST_GAP, LONGEST_GAP = 5, 90
NO_SESSION_ID = -1


@dataclass(frozen=True)
class Sessions:
    """S sessions, by day, then user: (S,) user, day, direction of the walk, days of lateness."""

    user: Ints
    day: Ints
    walk: Ints
    late: Ints


@dataclass(frozen=True)
class Views:
    """V views in the order of the walks: (V,) session, item, whether it was carted."""

    session: Ints
    item: Ints
    carted: Flags


@dataclass(frozen=True)
class Purchases:
    """P purchases: (P,) session, item, cents, and the day of the cancellation (NEVER: kept)."""

    session: Ints
    item: Ints
    cents: Ints
    cancelled: Ints


@dataclass(frozen=True)
class Events:
    """N real events, each once: sessions' events first, then cancellations.

    user, kind, item  (N,) codes; item // ITEMS_PER_CATEGORY is the category
    second            (N,) seconds since the first day's midnight; distinct and increasing within a session
    cents             (N,) minor units, negative for a cancellation, 0 for views and carts
    arrived           (N,) day in whose file the event is first delivered
    session           (N,) position in Sessions, NO_SESSION_ID for a cancellation
    undoes            (N,) position of the purchase that a cancellation undoes, else the event's own
    """

    user: Ints
    kind: Ints
    item: Ints
    second: Ints
    cents: Ints
    arrived: Ints
    session: Ints
    undoes: Ints


@dataclass(frozen=True)
class Activity:
    """Everything that happened: sessions with their (S,) numbers of carts and purchases, the purchases, and all events."""

    sessions: Sessions
    carts: Ints
    bought: Ints
    purchases: Purchases
    events: Events


def browse(world: World, population: Population, rng: np.random.Generator) -> Activity:
    """Fill every session with events; see `Activity`."""
    day, user = np.nonzero(population.walk != NO_SESSION)
    late = rng.choice(len(world.lateness), size=len(day), p=world.lateness)
    sessions = Sessions(user, day, population.walk[day, user].astype(np.int64), late)
    views = _views(world, sessions, rng)
    buys = rng.random(len(views.session)) < np.asarray(world.buying)[population.buying[user[views.session]]]
    bought = views.carted & buys
    purchases = _purchases(world, sessions, views.session[bought], views.item[bought], rng)
    events, position = _in_sessions(sessions, views, purchases, rng)
    carts = np.bincount(views.session[views.carted], minlength=len(day))
    return Activity(
        sessions,
        carts,
        np.bincount(purchases.session, minlength=len(day)),
        purchases,
        _with_cancellations(events, position, purchases, rng),
    )


def _views(world: World, sessions: Sessions, rng: np.random.Generator) -> Views:
    """Every session's views.

    A walk visits a department's three categories and ends where it began: a b c a or a c b a. First, last and number of
    views per category are the same for both directions; only the order in the middle tells them apart.
    """
    count, width = len(sessions.day), len(DEPARTMENTS[0])
    department, start = rng.integers(0, len(DEPARTMENTS), count), rng.integers(0, width, count)
    turn = np.where(sessions.walk == 1, 1, width - 1)
    leg = start[:, None] + turn[:, None] * np.arange(LEGS)
    category = department[:, None] * width + leg % width
    views = 1 + rng.multinomial(rng.binomial(EXTRA_VIEWS, EXTRA_VIEW, count), np.full(LEGS, 1 / LEGS))
    rank = np.searchsorted(_zipf(), rng.random(int(views.sum())), side="right")
    session = np.repeat(np.arange(count), views.sum(axis=1))
    item = np.asarray(np.repeat(category.ravel(), views.ravel()) * ITEMS_PER_CATEGORY + rank, dtype=np.int64)
    return Views(session, item, rng.random(len(session)) < world.carting)


def _zipf() -> Floats:
    """Cumulative popularity of a category's items: the i-th is chosen in proportion to 1 / i."""
    weight = 1 / np.arange(1, ITEMS_PER_CATEGORY + 1)
    return np.asarray(np.cumsum(weight)[:-1] / weight.sum())


def _purchases(world: World, sessions: Sessions, session: Ints, item: Ints, rng: np.random.Generator) -> Purchases:
    price = np.round(np.exp(rng.normal(7.3, 0.8, len(CATEGORIES) * ITEMS_PER_CATEGORY))).astype(np.int64) + 49
    quantity = rng.choice([1, 2, 3], size=len(item), p=[0.75, 0.18, 0.07])
    delay = world.first_return + rng.choice(len(world.return_delay), size=len(item), p=world.return_delay)
    cancelled = np.where(rng.random(len(item)) < world.returned, sessions.day[session] + delay, NEVER)
    return Purchases(session, item, price[item] * quantity, cancelled)


def _in_sessions(sessions: Sessions, views: Views, purchases: Purchases, rng: np.random.Generator) -> tuple[Events, Ints]:
    """The sessions' events in order, and where each purchase is among them: (P,).

    First the views, then the carts, then the purchases, the latter two shuffled: otherwise the category of the last cart or
    purchase would tell which category was visited later.
    """
    step, carted = np.arange(len(views.session), dtype=np.float64), views.carted
    sizes = (len(step), int(carted.sum()), len(purchases.session))
    owner = np.concatenate([views.session, views.session[carted], purchases.session])
    place = np.concatenate([step, len(step) + rng.random(sizes[1]), len(step) + 1 + rng.random(sizes[2])])
    order = np.lexsort((place, owner))
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    owner = owner[order]
    events = Events(
        user=sessions.user[owner],
        kind=np.repeat([VIEW, CART, PURCHASE], sizes)[order],
        item=np.concatenate([views.item, views.item[carted], purchases.item])[order],
        second=_seconds(sessions.day, owner, rng),
        cents=np.concatenate([np.zeros(sizes[0] + sizes[1], dtype=np.int64), purchases.cents])[order],
        arrived=(sessions.day + sessions.late)[owner],
        session=owner,
        undoes=np.arange(len(owner)),
    )
    return events, position[len(order) - sizes[2] :]


def _seconds(day: Ints, owner: Ints, rng: np.random.Generator) -> Ints:
    """(N,) when each event happens, `owner` (N,) being its session, in order: a start in opening hours, then gaps; never past midnight."""
    opening = OPENING_SECONDS + (rng.beta(3.0, 2.2, len(day)) * OPEN_SECONDS).astype(np.int64)
    elapsed = np.cumsum(rng.integers(SHORTEST_GAP, LONGEST_GAP, len(owner)))
    begins = elapsed[np.searchsorted(owner, np.arange(len(day)))]
    return np.asarray((day * DAY_SECONDS + opening - begins)[owner] + elapsed)


def _with_cancellations(events: Events, position: Ints, purchases: Purchases, rng: np.random.Generator) -> Events:
    """The events, then one for each cancelled purchase, on its day between eight and eight; `position` (P,) of the purchases."""
    undone = purchases.cancelled != NEVER
    undoes, day = position[undone], purchases.cancelled[undone]
    count = len(day)
    added = Events(
        user=events.user[undoes],
        kind=np.full(count, CANCEL),
        item=events.item[undoes],
        second=day * DAY_SECONDS + rng.integers(8 * 3600, 20 * 3600, count),
        cents=-events.cents[undoes],
        arrived=day,
        session=np.full(count, NO_SESSION_ID),
        undoes=undoes,
    )
    return Events(**{field.name: np.concatenate([getattr(events, field.name), getattr(added, field.name)]) for field in fields(Events)})
