"""How good the trees of the shipped profiles are, as they train: `python -m tests.benchmarks.quality --development | --open`.

--development  on earlier cutoffs, against a stand-in for the reference (`reference_aggregates`): as often as one likes
--open         on the cutoffs of `../shared/data/reference`, user by user against the reference's own scores. They are tests: choices are
               made on the earlier cutoffs and committed first. Each look is written down in `quality_looks.md` before it is shown.

Features, training cutoffs and settings are those of the shipped profiles; trainer and calibration are those of `nightcast train-gbdt`. All
figures are of the users in both. A difference is AUC of ours − AUC of theirs, with the middle 95 % of 2,000 draws of users. The calibration
error may reach the larger of theirs and what 95 in 100 redraws of the outcomes from our probabilities stay under.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from features.cutoff import Cutoff, local_midnight
from features.feature import Floats
from features.feature_set import FeatureSet
from features.splits import latest_matured
from features.target import Target
from features.timeline import Timeline, from_events
from models.calibration import calibration_bound, expected_calibration_error
from models.metrics import auc, log_loss
from pipeline import profiles
from pipeline.config import Config, load
from pipeline.configured_features import configured_features
from tests.benchmarks.quality_events import SHARED, real_events
from tests.benchmarks.quality_judging import Judged, Pair, differences, interval, untuned
from tests.benchmarks.quality_training import trained
from tests.benchmarks.reference_aggregates import aggregates, plain_events

LOOKS = Path(__file__).with_name("quality_looks.md")
CHOICES = ("features", "models", "pipeline", "tests/benchmarks")
"""What must be committed before a look."""

REFERENCE_CUTOFFS = 12
"""The stand-in learns from the first of at most so many months."""


@dataclass(frozen=True)
class Task:
    """What is asked: the days of `development` come before the sealed day, and their labels have closed by it where data allows."""

    name: str
    profile: str
    target: str
    horizon_days: int
    active_only: bool
    sealed: date
    development: tuple[date, ...]
    reference: str


SPRING, SUMMER, AUTUMN, WINTER = date(2013, 3, 16), date(2013, 6, 16), date(2013, 9, 16), date(2013, 12, 10)
BY_MONTH = tuple(date(2011, month, 9) for month in (6, 7, 8, 9))
TASKS = (
    Task("Online Retail, 30 d", "online_retail", "purchase_30d", 30, False, date(2011, 10, 9), BY_MONTH, "purchase_30d_2011-10-09"),
    Task(
        "Online Retail, 90 d",
        "online_retail",
        "purchase_30d",
        90,
        False,
        date(2011, 8, 10),
        (date(2011, 5, 10), date(2011, 6, 10)),
        "purchase_90d_2011-08-10",
    ),
    Task(
        "Cross Validated, all",
        "cross_validated",
        "post_90d",
        90,
        False,
        date(2014, 3, 16),
        (SPRING, SUMMER, AUTUMN, WINTER),
        "post_90d_all_2014-03-16",
    ),
    Task(
        "Cross Validated, active",
        "cross_validated",
        "post_90d",
        90,
        True,
        date(2014, 3, 16),
        (SPRING, SUMMER, AUTUMN, WINTER),
        "post_90d_active_2014-03-16",
    ),
)


class Site:
    """A profile's configuration and events, and both kinds of columns at any cutoff."""

    def __init__(self, profile: str) -> None:
        self.profile = profile
        with TemporaryDirectory() as folder:
            path = Path(folder) / "nightcast.toml"
            profiles.write(profile, path)
            self.config: Config = load(path)
        self.events = real_events(profile)
        self.timeline: Timeline = from_events(self.events, self.config.source.event_types)
        self.features: FeatureSet = configured_features(self.config)

    @cached_property
    def visits(self) -> pl.DataFrame:
        return plain_events(self.events)

    def target(self, task: Task) -> Target:
        """The profile's target, asked over the task's horizon and of the task's users."""
        asked = replace(self.config.target(task.target), name=task.name, horizon_days=task.horizon_days)
        return replace(asked, eligible_event_type=asked.event_type, eligible_within_days=90) if task.active_only else asked

    def midnight(self, day: date) -> Cutoff:
        return local_midnight(day, self.config.source.time_zone)

    def known(self, cutoffs: Sequence[Cutoff]) -> list[Cutoff]:
        """Those with an event before them, ascending."""
        return sorted(cutoff for cutoff in cutoffs if cutoff.micros > self.timeline.event_time.min())

    def ours(self, task: Task, cutoff: Cutoff) -> Judged:
        """The profile's trees, taught at its training cutoffs as of this one."""
        target, training, zone = self.target(task), self.config.training, self.config.source.time_zone
        newest = latest_matured(target, cutoff, zone).local_date(zone)
        taught = self.known([self.midnight(newest - timedelta(days=training.step_days * back)) for back in range(training.cutoffs)])
        asked = [*taught, cutoff]
        values: Mapping[Cutoff, Floats] = dict(zip(asked, self.features.compute(self.timeline, asked).transpose(1, 2, 0), strict=True))
        return trained(self.timeline, target, taught, cutoff, values.__getitem__, self.features, training)

    def stand_in(self, task: Task, cutoff: Cutoff) -> Judged:
        """Plain aggregates, taught at the first of the months before."""
        target, users = self.target(task), self.timeline.user_ids.astype(str)
        month = cutoff.local_date(self.config.source.time_zone).replace(day=1)
        taught: list[Cutoff] = []
        while len(taught) < REFERENCE_CUTOFFS and self.known([first := self.midnight(month)]):
            taught += [first] if target.matured(first, cutoff) else []
            month = (month - timedelta(days=1)).replace(day=1)
        return untuned(self.timeline, target, taught[::-1], cutoff, lambda at: aggregates(self.visits, users, at))

    def paired(self, ours: Judged, theirs: pl.DataFrame) -> Pair:
        """On the users in both, where `theirs` has user_id, score, happened."""
        here = pl.DataFrame({"user_id": self.timeline.user_ids[ours.users].astype(str), "ours": ours.score, "label": ours.happened})
        both = here.join(theirs, on="user_id", how="inner", validate="1:1").sort("user_id")
        # Another shop's customer of the same number is another user.
        users = (f"{self.profile} " + both["user_id"]).to_numpy()
        differ = int((both["label"] != both["happened"]).sum())
        sys.stdout.write(f"  {len(here):,} users here, {len(theirs):,} there, {len(both):,} in both, {differ} with another outcome\n")
        return Pair(users, both["ours"].to_numpy(), both["score"].to_numpy(), both["happened"].to_numpy())


def development(sites: Mapping[str, Site], tasks: Sequence[Task]) -> None:
    names, pairs = [], []
    for task in tasks:
        site = sites[task.profile]
        for day in task.development:
            cutoff = site.midnight(day)
            other = site.stand_in(task, cutoff)
            theirs = pl.DataFrame(
                {"user_id": site.timeline.user_ids[other.users].astype(str), "score": other.score, "happened": other.happened}
            )
            names.append(f"{task.name}, {day}")
            pairs.append(site.paired(site.ours(task, cutoff), theirs))
    sys.stdout.write(table(names, pairs))


def opened(sites: Mapping[str, Site]) -> None:
    commit = committed()
    pairs = [
        sites[task.profile].paired(sites[task.profile].ours(task, sites[task.profile].midnight(task.sealed)), reference(task))
        for task in TASKS
    ]
    shown = table([task.name for task in TASKS], pairs)
    measured, _ = differences(pairs)
    cells = " | ".join(cell(Figures.of(pair), found) for pair, found in zip(pairs, measured, strict=True))
    with LOOKS.open("a", encoding="utf-8") as log:
        log.write(f"| {commit} | {cells} | {measured.mean():+.4f} |\n")
    sys.stdout.write(shown)


def reference(task: Task) -> pl.DataFrame:
    """The reference's scores; its Cross Validated ids are written as floats."""
    scores = pl.read_csv(SHARED / f"reference/reference_{task.reference}.csv.gz")
    return scores.select(
        pl.col("user_id").cast(pl.Float64).cast(pl.Int64).cast(pl.String),
        score=pl.col("reference_score").cast(pl.Float64),
        happened=pl.col("happened").cast(pl.Int8),
    )


def committed() -> str:
    """Date and id of the commit that holds the choices. Ends the run if something that a score depends on is not in it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", *(f":/{path}" for path in CHOICES)], capture_output=True, text=True, check=True
    ).stdout
    if changed:
        raise SystemExit(f"Commit the choices first; these are not what the commit holds:\n{changed}")
    return subprocess.run([*git, "log", "-1", "--format=%cs | %h"], capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Figures:
    """What is asked of one pair beside the difference: ours against theirs, and our calibration error against what it may reach."""

    auc: tuple[float, float]
    log_loss: tuple[float, float]
    calibration: tuple[float, float]

    @classmethod
    def of(cls, pair: Pair) -> Figures:
        """Of the users in both."""
        both = (pair.ours, pair.theirs)
        ours, theirs = (expected_calibration_error(pair.happened, score) for score in both)
        return cls(
            auc=(auc(pair.happened, pair.ours), auc(pair.happened, pair.theirs)),
            log_loss=(log_loss(pair.happened, pair.ours), log_loss(pair.happened, pair.theirs)),
            calibration=(ours, max(theirs, calibration_bound(pair.ours))),
        )


def cell(figures: Figures, difference: float) -> str:
    """A task's cell in the log of looks."""
    (ours, _), (loss, other), (error, most) = figures.auc, figures.log_loss, figures.calibration
    return f"{ours:.4f} ({difference:+.4f}); {loss:.4f} : {other:.4f}; {error:.4f} {'≤' if error <= most else '>'} {most:.4f}"


def table(names: Sequence[str], pairs: Sequence[Pair]) -> str:
    """The figures of each pair row by row, the difference in AUC also on average."""
    measured, drawn = differences(pairs)
    head = f"{'AUC':>8}{'theirs':>8}{'difference':>12}   {'95 %':17}{'log loss':>9}{'theirs':>8}{'ECE':>8}{'at most':>9}"
    lines = [f"{'':36}{'users':>7}{'base':>7}{head}"]
    for position, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        (lower, upper), figures = interval(drawn[:, position]), Figures.of(pair)
        start = f"{name:36}{len(pair.users):>7,}{pair.happened.mean():>7.3f}{figures.auc[0]:>8.4f}{figures.auc[1]:>8.4f}"
        middle = f"{measured[position]:>+12.4f}   {lower:+.4f} … {upper:+.4f}"
        end = f"{figures.log_loss[0]:>9.4f}{figures.log_loss[1]:>8.4f}{figures.calibration[0]:>8.4f}{figures.calibration[1]:>9.4f}"
        lines.append(f"{start}{middle}{end}")
    lower, upper = interval(drawn.mean(axis=1))
    lines.append(f"{'mean':66}{measured.mean():>+12.4f}   {lower:+.4f} … {upper:+.4f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = options.add_mutually_exclusive_group()
    which.add_argument("--development", action="store_true")
    which.add_argument("--open", action="store_true")
    options.add_argument("--only", default="", metavar="TEXT", help="with --development: the tasks whose name starts with this")
    chosen = options.parse_args()
    if not (chosen.development or chosen.open):
        raise SystemExit("The sealed cutoffs stay closed without --open, and each look at them is logged; --development uses earlier ones")
    tasks = [task for task in TASKS if chosen.open or task.name.startswith(chosen.only)]
    sites = {profile: Site(profile) for profile in dict.fromkeys(task.profile for task in tasks)}
    if chosen.open:
        opened(sites)
    else:
        development(sites, tasks)


if __name__ == "__main__":
    main()
