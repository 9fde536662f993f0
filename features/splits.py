"""Forward-in-time splits: which cutoffs teach and which one judges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from features.cutoff import Cutoff, local_midnight
from features.target import Target


@dataclass(frozen=True)
class Split:
    """Cutoffs of one training as of an instant.

    ·──train──·──train──·──train──┊ reach ┊ embargo ┊──evaluation──┊ reach ┊ as_of
    Every training label closes at or before the evaluation cutoff less the embargo, so no model learns from what it is judged on;
    between training cutoffs there is none. The evaluation label closes at or before `as_of`.
    """

    training: tuple[Cutoff, ...]
    evaluation: Cutoff


@dataclass(frozen=True)
class Roles:
    """What each training cutoff is for, as positions from the oldest, 0, on."""

    teach: tuple[int, ...]
    stop: int
    calibrate: int


def roles(cutoffs: int) -> Roles:
    """The newest cutoff calibrates, the one before it ends training early, all older ones teach. Raises ValueError for none.

    Of two, the older teaches and ends training; one alone does everything, and only its users can be held out.
    """
    if cutoffs < 1:
        raise ValueError(f"{cutoffs} cutoffs have no roles; at least 1 is needed")
    stop = max(cutoffs - 2, 0)
    return Roles(tuple(range(max(stop, 1))), stop, cutoffs - 1)


def latest_matured(target: Target, as_of: Cutoff, zone: str) -> Cutoff:
    """The latest local midnight whose prediction window has closed by `as_of`."""
    day = as_of.plus_days(-target.reach_days).local_date(zone)
    cutoff = local_midnight(day, zone)
    while not target.matured(cutoff, as_of):
        day -= timedelta(days=1)
        cutoff = local_midnight(day, zone)
    return cutoff


def split(target: Target, as_of: Cutoff, zone: str, *, cutoffs: int, step_days: int, embargo_days: int = 0) -> Split:
    """The evaluation cutoff and `cutoffs` training cutoffs, `step_days` apart, newest last.

    Cutoffs are local midnights. The caller drops training cutoffs that lie before the first event.
    """
    evaluation = latest_matured(target, as_of, zone)
    newest = latest_matured(target, evaluation.plus_days(-embargo_days), zone)
    days = [newest.local_date(zone) - timedelta(days=step_days * back) for back in range(cutoffs)]
    return Split(tuple(local_midnight(day, zone) for day in reversed(days)), evaluation)
