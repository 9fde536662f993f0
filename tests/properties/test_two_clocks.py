"""What a night computed is what a rebuild says of that night, to the last bit, however late and in whatever order events came.

`event_time` says when it happened, `available_at` when it could be known: the mapped column, else the end of the batch's date.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import NoEvents
from pipeline.lake import Lake
from pipeline.stages import build_features
from pipeline.timelines import load, refresh
from tests.features.literal import CUTOFF, HOUR, TYPES, Row, event
from tests.night import Project
from tests.pipeline.ingested import InProcess, configuration, ingest_batch
from tests.properties.shops import FEATURES

NIGHTS = 5
"""The last night's cutoff is `CUTOFF`; batch 0 is the first, batch 4 the last."""

Batches = list[list[Row]]
Matrix = dict[str, bytes]
"""Each seen user's row of features."""


@dataclass(frozen=True)
class Arrival:
    """An event that comes in with batch `batch`, `late` hours after it happened.

    known  for a mapped `available_at`: which part of the hours in between, but inside the batch's own day. What a source says was
           known before its batch began cannot have been seen by the night before.
    """

    batch: int
    user: str
    kind: str
    late: int
    known: float | None
    item: str | None
    value: int | None
    again: int | None

    def rows(self, place: int) -> list[tuple[int, Row]]:
        """The event, and perhaps its delivery again in a later batch, each with its batch."""
        end = float(NIGHTS - 1 - self.batch)
        known = end if self.known is None else end + self.known * min(self.late, 23) * HOUR
        columns = {"event_id": f"e{place:03d}", "item_id": self.item, "value": self.value}
        first = event(self.user, end + self.late * HOUR, self.kind, known=known, **columns)
        if self.again is None or self.again <= self.batch:
            return [(self.batch, first)]
        once_more = event(self.user, end + self.late * HOUR, self.kind, known=float(NIGHTS - 1 - self.again), **columns)
        return [(self.batch, first), (self.again, once_more)]


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        batch=st.integers(0, NIGHTS - 1),
        user=st.sampled_from("abcf"),
        kind=st.sampled_from(TYPES),
        late=st.one_of(st.integers(1, 24), st.integers(1, 96)),
        known=st.sampled_from([None, None, 0.5, 1.0]),
        item=st.sampled_from(["x", "y", None]),
        value=st.sampled_from([None, 5, 10**13]),
        again=st.one_of(st.none(), st.integers(0, NIGHTS - 1)),
    ),
    min_size=1,
    max_size=25,
)


def batches(arrivals: Sequence[Arrival]) -> Batches:
    delivered = [each for place, arrival in enumerate(arrivals) for each in arrival.rows(place)]
    return [[row for batch, row in delivered if batch == night] for night in range(NIGHTS)]


def cutoff(night: int) -> Cutoff:
    return CUTOFF.plus_days(night + 1 - NIGHTS)


def day(night: int) -> str:
    return str((cutoff(night).instant - timedelta(days=1)).date())


@contextmanager
def shop(**lake: int) -> Iterator[Config]:
    with tempfile.TemporaryDirectory() as folder:
        yield configuration(Path(folder), lake={"buckets": 3, **lake})


def features_at(config: Config, night: int) -> Matrix:
    """As the current events say it; nobody before the first event."""
    lake, found = Lake(config.lake_url), {}
    try:
        version = refresh(lake, config, InProcess(), show=False).version
    except NoEvents:
        return {}
    for bucket in range(config.lake.buckets):
        view = load(lake, bucket, TYPES, version).as_of(cutoff(night))
        matrix = FEATURES.at(view, cutoff(night)) if view.users else np.zeros((0, 0))
        found.update({str(view.user_ids[user]): matrix[user].tobytes() for user in np.flatnonzero(np.diff(view.offsets))})
    return found


def night_by_night(config: Config, delivered: Batches) -> list[Matrix]:
    found = []
    for night, rows in enumerate(delivered):
        ingest_batch(config, day(night), rows, buckets=config.lake.buckets)
        found.append(features_at(config, night))
    return found


def backfilled(config: Config, delivered: Batches, order: Sequence[int], refreshed: Sequence[bool]) -> list[Matrix]:
    for night, stop in zip(order, refreshed, strict=True):
        ingest_batch(config, day(night), delivered[night], buckets=config.lake.buckets)
        if stop:
            features_at(config, night)
    return [features_at(config, night) for night in range(NIGHTS)]


@given(ARRIVALS, st.permutations(range(NIGHTS)), st.lists(st.booleans(), min_size=NIGHTS, max_size=NIGHTS), st.integers(1, 4))
@settings(max_examples=30)
def test_a_backfill_in_any_order_equals_every_night(
    arrivals: list[Arrival], order: Sequence[int], refreshed: Sequence[bool], buckets: int
) -> None:
    delivered = batches(arrivals)
    with shop() as nightly, shop(buckets=buckets) as rebuilt:
        nights = night_by_night(nightly, delivered)
        assert backfilled(rebuilt, delivered, order, refreshed) == nights
        assert [features_at(nightly, night) for night in range(NIGHTS)] == nights


@given(ARRIVALS, st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_a_batch_that_comes_in_again_shuffled_changes_no_bit(arrivals: list[Arrival], chance: random.Random) -> None:
    delivered = batches(arrivals)
    with shop() as config:
        nights = night_by_night(config, delivered)
        for night in chance.sample(range(NIGHTS), 2):
            ingest_batch(config, day(night), chance.sample(delivered[night], len(delivered[night])))
        assert [features_at(config, night) for night in range(NIGHTS)] == nights


LATE: Batches = [
    [event("a", 2.5, known=2, event_id="1"), event("b", 2.5, "purchase", known=2, event_id="2", value=5)],
    [event("a", 1.5, "purchase", known=1, event_id="3", value=7), event("b", 2.2, known=1, event_id="late")],
    [event("a", 0.5, known=0, event_id="4"), event("c", 2.9, known=0, event_id="later")],
]
"""Three days; events of the first day come with the second and the third."""


def test_late_events_leave_published_nights_alone_and_count_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the stage: the committed rows of a night stay, and a rebuild of all three writes the same."""
    monkeypatch.setattr(build_features, "cluster", in_process)
    nightly, rebuilt = configuration(tmp_path / "nightly"), configuration(tmp_path / "rebuilt")
    cutoffs = [CUTOFF.plus_days(-ago) for ago in (2, 1, 0)]
    published = []
    for at, rows in zip(cutoffs, LATE, strict=True):
        ingest_batch(nightly, str(at.plus_days(-1).instant.date()), rows)
        build_features.run(nightly, [at], training=False, show=False)
        published.append(committed(nightly, at))
    for at, rows in reversed(list(zip(cutoffs, LATE, strict=True))):
        ingest_batch(rebuilt, str(at.plus_days(-1).instant.date()), rows)
    build_features.run(rebuilt, cutoffs, training=False, show=False)
    assert [committed(rebuilt, at) for at in cutoffs] == published
    build_features.run(nightly, cutoffs, training=False, show=False)
    assert [committed(nightly, at) for at in cutoffs] == published
    assert [sorted(night) for night in published] == [["a", "b"], ["a", "b"], ["a", "b", "c"]]
    assert published[0]["b"] != published[1]["b"]


@contextmanager
def in_process(config: Config) -> Iterator[InProcess]:
    yield InProcess()


def committed(config: Config, at: Cutoff) -> Matrix:
    """The rows of the lake's features at a cutoff."""
    lake = Lake(config.lake_url)
    (table,) = {f"features/{path.parent.name}" for path in Path(lake.uri("features")).glob("*/_delta_log")}
    rows = lake.read(table, {"cutoff": at.key}).drop_columns(["bucket", "cutoff"])
    values = np.stack([rows[name].to_numpy() for name in rows.column_names if name != "user_id"], axis=1)
    return {user: line.tobytes() for user, line in zip(rows["user_id"].to_pylist(), values, strict=True)}


PROJECT = """
[source]
files = "{date}.csv"
event_types = ["view", "purchase"]
settle_seconds = 0
[source.columns]
event_id = "id"
user_id = "user"
event_time = "at"
event_type = "what"
[lake]
buckets = 2
[dask]
workers = 1
[windows]
lookback_days = 30
days = [2, 7]
[targets.buys]
kind = "occurs"
event_type = "purchase"
horizon_days = 2
"""
START, DAYS = date(2026, 3, 1), 4


@pytest.mark.slow
def test_the_command_line_night_by_night_equals_a_backfill(tmp_path: Path) -> None:
    nightly, backfill = project(tmp_path / "nightly"), project(tmp_path / "backfill")
    days = [START + timedelta(days=place) for place in range(DAYS)]
    cutoffs = [each + timedelta(days=1) for each in days]
    for each in days:
        nightly.run("ingest", "--date", str(each))
        nightly.run("build-features", "--cutoff", str(each + timedelta(days=1)))
    nights = features(nightly)
    backfill.run("ingest", "--date", str(days[-1]))
    backfill.run("ingest", "--from", str(days[0]), "--to", str(days[-1]))
    every = [word for each in cutoffs for word in ("--cutoff", str(each))]
    backfill.run("build-features", *every)
    assert features(backfill) == nights
    nightly.run("build-features", *every)
    assert features(nightly) == nights
    assert [len(night) for night in nights] == [20] * DAYS


def project(folder: Path) -> Project:
    """Twenty users with an event on most days; every seventh comes up to three days late, every ninth comes twice."""
    folder.mkdir()
    (folder / "nightcast.toml").write_text(PROJECT, encoding="utf-8")
    chance = random.Random(7)
    lines: list[list[str]] = [[] for _ in range(DAYS)]
    for place in range(20 * DAYS * 2):
        batch = place % DAYS
        happened = START + timedelta(days=batch - (chance.randrange(4) if place % 7 == 0 else 0))
        line = f"e{place},u{place // DAYS % 20},{happened}T{chance.randrange(24):02d}:30:00,{chance.choice(TYPES)}"
        lines[batch].append(line)
        if place % 9 == 0 and batch + 1 < DAYS:
            lines[batch + 1].append(line)
    for batch, rows in enumerate(lines):
        (folder / f"{START + timedelta(days=batch)}.csv").write_text("\n".join(["id,user,at,what", *rows, ""]), encoding="utf-8")
    return Project(folder, START, DAYS)


def features(found: Project) -> list[Matrix]:
    config = configuration(found.folder)
    return [committed(config, Cutoff(CUTOFF.instant.replace(day=1 + place))) for place in range(1, DAYS + 1)]
