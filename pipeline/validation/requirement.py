"""What a fact must be: the unit of every suite."""

from __future__ import annotations

from dataclasses import dataclass

REPEATED = "repeated_identities"
"""The fact that counts rows whose identity another row has already."""

OTHERWISE = "{:,.0f} otherwise"
SHARE = "{:.2%} of the rows"


@dataclass(frozen=True)
class Requirement:
    """Bounds, both included, of one fact.

    fact     name of the fact; `[A-Za-z0-9_]` only
    allowed  what the bounds say, in words
    measure  SQL aggregate over the staged rows, from which the fact comes; empty where it does not come from them
    shown    format of an observed value
    """

    fact: str
    allowed: str
    measure: str = ""
    least: float | None = None
    most: float | None = None
    shown: str = OTHERWISE
