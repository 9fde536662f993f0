"""The numbers of a day that the gate judges: counts over its file, its record, and what the days before it say is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from features.cutoff import HOUR_MICROS, Cutoff
from features.target import ANY
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.validation.requirement import Requirement
from pipeline.validation.suite import ACCEPTED, AGE, QUARANTINED, VOLUME, recent, wanted_types

Counted = Mapping[str, float | None]


@dataclass(frozen=True)
class Facts:
    """A day or a night in numbers.

    observed  value of each fact; None where there is none
    waiting   facts that need more history than there is, each with what is there
    usual     what they were compared with, in words
    rows      the fact without which there is nothing to judge, and what is said then
    """

    observed: Counted
    waiting: Mapping[str, str]
    usual: Sequence[str] = ()
    rows: tuple[str, str] = (ACCEPTED, "there are no events")

    def judged(self, required: Sequence[Requirement]) -> tuple[Requirement, ...]:
        """The requirements that can be judged now; without rows only their number."""
        needed, _ = self.rows
        if not self.observed[needed]:
            return tuple(each for each in required if each.fact == needed)
        return tuple(each for each in required if each.fact not in self.waiting)

    def left_out(self, required: Sequence[Requirement]) -> list[tuple[str, str]]:
        """The others, in words, each with the reason."""
        kept = self.judged(required)
        return [(each.allowed, self.waiting.get(each.fact, self.rows[1])) for each in required if each not in kept]


def day_facts(config: Config, record: DayRecord, history: Sequence[DayRecord], counted: Counted, day_end: Cutoff) -> Facts:
    """The facts of the day with `record`, of which `counted` came from its file; `history` holds earlier days, ascending."""
    observed, waiting = dict(counted), dict[str, str]()
    observed[QUARANTINED] = record.quarantined / record.rows if record.rows else 0.0
    newest = counted.get(AGE)
    observed[AGE] = None if newest is None else (day_end.micros - newest) / HOUR_MICROS
    usual = _compare_volume(config, record.day, history, observed, waiting)
    _add_recent(config, record.day, history, observed, waiting)
    return Facts(observed, waiting, usual)


def _compare_volume(
    config: Config, day: date, history: Sequence[DayRecord], observed: dict[str, float | None], waiting: dict[str, str]
) -> list[str]:
    weeks = config.validation.volume_weeks
    same = [record for record in history if record.day.weekday() == day.weekday()][-weeks:]
    if len(same) < weeks:
        waiting[VOLUME] = f"{len(same)} of {weeks} earlier days of that weekday are there"
        return []
    middle = median(record.accepted for record in same)
    observed[VOLUME] = (observed[ACCEPTED] or 0) / middle if middle else None
    days = ", ".join(f"{record.day} {record.accepted:,}" for record in same)
    return [f"The usual number of accepted rows on a {day:%A} is {middle:,.0f}, the median of {days}."]


def _add_recent(
    config: Config, day: date, history: Sequence[DayRecord], observed: dict[str, float | None], waiting: dict[str, str]
) -> None:
    first = day - timedelta(days=config.validation.present_within_days - 1)
    window = [record for record in history if record.day >= first]
    reach = (day - history[0].day).days + 1 if history else 1
    for event_type in wanted_types(config) if config.validation.present_within_days else []:
        earlier = sum(record.accepted if event_type == ANY else record.by_type.get(event_type, 0) for record in window)
        observed[recent(event_type)] = (observed[recent(event_type)] or 0) + earlier
        if reach < config.validation.present_within_days:
            waiting[recent(event_type)] = f"the days that are there reach back {reach} of {config.validation.present_within_days} days"
