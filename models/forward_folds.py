"""Which cutoffs a trial of parameters learns from, and which later rows judge it; users are held out where time does not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.cutoff import Cutoff
from features.splits import Roles
from features.target import Target
from features.timeline import Flags, Ints
from models import folds
from models.samples import Samples


@dataclass(frozen=True)
class Layout:
    """Positions of cutoffs: the one that judges, and the earlier ones that teach, ascending.

    matured  whether every teaching window had closed by the judging cutoff. If so, all users teach and all are judged, as every night;
             if not, the windows overlap, and a user who is judged must not teach
    """

    judges: int
    teach: tuple[int, ...]
    matured: bool


@dataclass(frozen=True)
class ForwardFold:
    """Ascending positions of samples: learn (l,), all of earlier cutoffs than judged (m,), which end the training early as well.

    That flatters every trial alike, by the choice of one number of rounds.
    """

    learn: Ints
    judged: Ints


@dataclass(frozen=True)
class ContestFold:
    """Ascending positions of samples of three groups of users: learn at the teaching cutoffs, stop and judged at the stop cutoff."""

    learn: Ints
    stop: Ints
    judged: Ints


def layouts(cutoffs: Sequence[Cutoff], teach: Sequence[int], target: Target, wanted: int) -> tuple[Layout, ...]:
    """At most `wanted` layouts within the positions `teach` of `cutoffs`, ascending; none where fewer than two cutoffs teach.

    The newest cutoff judges first. Each next one is the newest whose window had closed by the one before, so that they ask about different
    days; where too few are so far apart, the newest of the others follow. Each is taught by those before it whose windows had closed by
    then, and where there is none by all those before it.
    """
    judging = list(reversed(teach))[:-1]
    apart: list[int] = []
    for position in judging:
        if not apart or target.matured(cutoffs[position], cutoffs[apart[-1]]):
            apart.append(position)
    chosen = [*apart, *(position for position in judging if position not in apart)][:wanted]
    return tuple(_layout(cutoffs, position, [earlier for earlier in teach if earlier < position], target) for position in chosen)


def forward_folds(samples: Samples, teach: Sequence[int], target: Target, wanted: int, seed: int) -> tuple[ForwardFold, ...]:
    """The rows of each layout; one whose learning or judged rows have one outcome only is left out.

    Users are dealt to as many groups as there are folds, two at least; where windows overlap, the fold's own group is judged and the
    others teach.
    """
    groups = max(2, wanted)
    group = folds.assign(samples.users, groups, seed)
    made = []
    for number, layout in enumerate(layouts(samples.cutoffs, teach, target, wanted)):
        own = group == number % groups
        learn = np.isin(samples.cutoff, layout.teach) & (layout.matured | ~own)
        judged = (samples.cutoff == layout.judges) & (layout.matured | own)
        if _both_outcomes(samples, learn) and _both_outcomes(samples, judged):
            made.append(ForwardFold(np.flatnonzero(learn), np.flatnonzero(judged)))
    return tuple(made)


def contest_folds(samples: Samples, roles: Roles, parts: int, seed: int) -> tuple[ContestFold, ...]:
    """One fold per group of users: its rows at the stop cutoff are judged, the next group's end the training, all others teach.

    So every row of the stop cutoff is judged once, by a model that has seen neither its user nor any outcome that it is judged by.
    There are `parts` groups, three at least; a fold that lacks an outcome where it learns, or a row to stop with, is left out.
    """
    groups = max(3, parts)
    group = folds.assign(samples.users, groups, seed)
    teaching, stopping = np.isin(samples.cutoff, roles.teach), samples.cutoff == roles.stop
    made = []
    for own in range(groups):
        after = (own + 1) % groups
        learn = teaching & (group != own) & (group != after)
        stop, judged = (np.flatnonzero(stopping & (group == which)) for which in (after, own))
        if _both_outcomes(samples, learn) and len(stop) and len(judged):
            made.append(ContestFold(np.flatnonzero(learn), stop, judged))
    return tuple(made)


def _layout(cutoffs: Sequence[Cutoff], judges: int, earlier: Sequence[int], target: Target) -> Layout:
    closed = tuple(position for position in earlier if target.matured(cutoffs[position], cutoffs[judges]))
    return Layout(judges, closed or tuple(earlier), bool(closed))


def _both_outcomes(samples: Samples, chosen: Flags) -> bool:
    return len(np.unique(samples.labels[chosen])) == 2
