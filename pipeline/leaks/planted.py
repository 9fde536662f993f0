"""Leaks planted on purpose: a gate that misses them is blind, and its silence means nothing."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.cutoff import DAY_MICROS, Cutoff
from features.timeline import Ints
from models.classifier import Floats, Labels

NOISE = 0.2
"""Of a column made from labels 0 and 1: its AUC is about 0.9998."""


def next_event(users: pl.Series, events: pl.DataFrame, cutoff: Cutoff) -> Floats:
    """For each of `users` the days until the first event at or after the cutoff, NaN without one: a column that knows the future."""
    instant = pl.lit(cutoff.instant).cast(pl.Datetime("us", "UTC"))
    after = events.filter(pl.col("event_time") >= instant).group_by("user_id").agg(first=pl.col("event_time").min())
    found = users.to_frame("user_id").join(after, on="user_id", how="left", maintain_order="left")
    micros = found.select((pl.col("first") - instant).dt.total_microseconds().cast(pl.Float64).fill_null(float("nan")))
    days: Floats = micros.to_series().to_numpy() / DAY_MICROS
    return days


def told(labels: Labels, random: np.random.Generator) -> Floats:
    """(n,) the outcome with a little noise: a column from a table that was filled in afterwards."""
    return labels + random.normal(0.0, NOISE, len(labels))


def twice(rows: Floats, labels: Labels, users: Ints) -> tuple[Floats, Labels, Ints]:
    """Every user a second time under another number, with the same rows and outcomes: folds by user do not part them."""
    return np.concatenate([rows, rows]), np.concatenate([labels, labels]), np.concatenate([users, users + users.max() + 1])
