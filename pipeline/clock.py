"""The only place that reads the wall clock; everything else takes a cutoff or an instant."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, tz-aware UTC."""
    return datetime.now(UTC)
