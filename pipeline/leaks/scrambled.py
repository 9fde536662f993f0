"""Another future: what a cutoff does not show, dealt out anew."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.cutoff import DAY_MICROS, Cutoff

TOGETHER = (("event_type",), ("item_id", "category"), ("value",), ("session_id",), ("event_time", "available_at"))
"""Columns that change hands together; the times of an event stay a pair, so that what was not visible does not become so."""

LONGEST_SHIFT_DAYS = 30


def scrambled(events: pl.DataFrame, hidden: pl.Expr, cutoff: Cutoff, random: np.random.Generator) -> pl.DataFrame:
    """`events` with those that are `hidden` at the cutoff scrambled, all others as they are.

    Types, items, values, sessions and times are exchanged among the hidden events, and what happens after the cutoff moves to another
    time after it. Users are drawn anew with repetition: if they were exchanged, each would keep the number of hidden events.
    """
    marked = events.with_columns(hidden=hidden)
    kept, dealt = marked.filter(~pl.col("hidden")).drop("hidden"), marked.filter("hidden").drop("hidden")
    for columns in TOGETHER:
        order = random.permutation(len(dealt))
        dealt = dealt.with_columns([dealt[name].gather(order) for name in columns])
    dealt = dealt.with_columns(dealt["user_id"].gather(random.integers(0, len(dealt), len(dealt))) if len(dealt) else [])
    later = pl.Series(random.integers(0, LONGEST_SHIFT_DAYS * DAY_MICROS, len(dealt)), dtype=pl.Duration("us"))
    after = pl.col("event_time") >= pl.lit(cutoff.instant).cast(pl.Datetime("us", "UTC"))
    moved = dealt.with_columns(
        event_time=pl.when(after).then(pl.col("event_time") + later).otherwise("event_time"),
        available_at=pl.when(after).then(pl.col("available_at") + later).otherwise("available_at"),
    )
    return pl.concat([kept, moved])
