"""The groups that users belong to at a cutoff: what is known of them, for how long, from which segment, in which category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cutoff import DAY_MICROS, Cutoff
from features.eligibility import score_basis
from features.timeline import NULL_CODE, Ints, Timeline
from models.classifier import Floats
from pipeline.errors import ConfigError
from pipeline.lake import Lake
from pipeline.timeline_bucket import TABLE

Texts = npt.NDArray[np.object_]

KNOWN = ("score_basis", "tenure", "segment", "category")
"""Columns that every bucket has; any other is the name of a feature."""

UNKNOWN = "(unknown)"
"""Group of the users who have no visible value."""

TENURES = ("under 30 days", "30 to 89 days", "90 to 364 days", "365 days and more")
TENURE_EDGES = (30, 90, 365)

READ = ("user_id", "event_time", "available_at", "segment")


def require_known(columns: Sequence[str], features: Sequence[str]) -> None:
    """Raise ConfigError for one of `evaluation.slices` that is neither in `KNOWN` nor one of the features."""
    if strangers := [name for name in columns if name not in KNOWN and name not in features]:
        raise ConfigError(
            f"evaluation.slices names {', '.join(strangers)}; users are grouped by {', '.join(KNOWN)}, or a feature column",
            mend="correct evaluation.slices in nightcast.toml; `nightcast features describe` lists the feature columns",
        )


def user_groups(
    lake: Lake,
    bucket: int,
    timelines_version: int,
    view: Timeline,
    rows: Ints,
    cutoff: Cutoff,
    columns: Sequence[str],
    features: Mapping[str, Floats],
) -> dict[str, npt.NDArray[np.object_ | np.float64]]:
    """For each of `columns` the groups (n,) of the users at positions `rows` (n,) of a view of the bucket at the cutoff.

    score_basis  `rich`, `thin` or `new`
    tenure       whole days from the first visible event to the cutoff, as one of `TENURES`
    segment      that of the latest visible event which has one; read from version `timelines_version` of the lake's `timelines`
    category     the one with the most visible events; ties go to the first of the alphabet
    any other    the feature of that name: float64 (n,) from `features`, NaN where it is undefined

    All but features are objects of str, `UNKNOWN` for users without any. Raises ConfigError as `require_known` does, MissingInput if
    the bucket is not there.
    """
    require_known(columns, list(features))
    found: dict[str, npt.NDArray[np.object_ | np.float64]] = {}
    for name in columns:
        if name == "score_basis":
            found[name] = score_basis(view)[rows]
        elif name == "tenure":
            found[name] = _tenures(view, cutoff)[rows]
        elif name == "segment":
            found[name] = _segments(lake, bucket, timelines_version, view, cutoff)[rows]
        elif name == "category":
            found[name] = _categories(view)[rows]
        else:
            found[name] = features[name]
    return found


def _tenures(view: Timeline, cutoff: Cutoff) -> Texts:
    seen = np.diff(view.offsets) > 0
    tenure = np.full(view.users, UNKNOWN, dtype=object)
    days = (cutoff.micros - view.event_time[view.offsets[:-1][seen]]) // DAY_MICROS
    tenure[seen] = np.array(TENURES, dtype=object)[np.searchsorted(TENURE_EDGES, days, side="right")]
    return tenure


def _segments(lake: Lake, bucket: int, version: int, view: Timeline, cutoff: Cutoff) -> Texts:
    """Rows come in the order of time within a user, so that the last one that is written stays."""
    latest, users = np.full(view.users, UNKNOWN, dtype=object), pa.array(view.user_ids, pa.string())
    for group in lake.row_groups(TABLE, {"bucket": str(bucket)}, READ, dictionaries=["user_id"], version=version):
        if "segment" not in group.column_names:  # written before events had one
            break
        visible = pc.and_(pc.less(group["event_time"], cutoff.instant), pc.less_equal(group["available_at"], cutoff.instant))
        told = group.filter(pc.and_(visible, pc.is_valid(group["segment"])))
        for part in told.to_batches():
            owner, segment = part["user_id"], part["segment"].dictionary_encode()
            place = pc.index_in(owner.dictionary, value_set=users).to_numpy(zero_copy_only=False)[owner.indices.to_numpy()]
            latest[place] = segment.dictionary.to_numpy(zero_copy_only=False)[segment.indices.to_numpy()]
    return latest


def _categories(view: Timeline) -> Texts:
    order = np.argsort(view.categories)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[NULL_CODE] = np.arange(len(order)), NULL_CODE
    told = view.category != NULL_CODE
    pairs, counts = np.unique(view.owner[told] * len(order) + rank[view.category[told]], return_counts=True)
    user, place = np.divmod(pairs, max(len(order), 1))
    best = np.lexsort((place, -counts, user))
    owners, first = np.unique(user[best], return_index=True)
    top = np.full(view.users, UNKNOWN, dtype=object)
    top[owners] = view.categories[order][place[best[first]]]
    return top
