"""`nightcast simulate`: a shop with known truth, as daily event files, with the best possible scores beside them."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any

from pipeline import clock
from pipeline.errors import NightcastError
from pipeline.simulator import files
from pipeline.simulator.oracle import TARGETS, cutoff_days
from pipeline.simulator.profiles import profile as world_of
from pipeline.simulator.shop import simulate

log = logging.getLogger(__name__)


def run(folder: Path, *, profile: str, users: int, days: int, start: date, seed: int, show: bool) -> dict[str, Any]:
    """Write `folder/events/{date}.csv.gz` for `days` arrival days (UTC) from `start` on, and `folder/oracle.parquet`.

    The same arguments give the same bytes; a run that was killed is completed by running it again. `users` counts everybody
    who ever joins; the result's `users` those with a delivered event, its `events` the delivered ones, each once.
    Raises NightcastError for an unknown profile, a size below 1, or a folder that holds other events.
    """
    began = clock.now()
    world = world_of(profile)
    for name, value, least in (("users", users, 1), ("days", days, 1), ("seed", seed, 0)):
        if value < least:
            raise NightcastError(f"{name} = {value}, at least {least} is needed", mend=f"pass a larger --{name}")
    files.claim(folder, {"profile": profile, "users": users, "days": days, "start": start.isoformat(), "seed": seed})
    batches, oracle = simulate(world, users, days, start, seed)
    written = files.write_batches(folder, batches, start, show=show)
    cutoffs = cutoff_days(days)
    answers = oracle.answers(TARGETS, cutoffs)
    oracle_rows = files.write_oracle(folder, answers, start, users, count=len(TARGETS) * len(cutoffs), show=show)
    result = {
        "events": batches.events,
        "users": batches.users,
        "days": days,
        "files": written,
        "duplicates": batches.duplicates,
        "late": batches.late,
        "broken": batches.broken,
        "oracle_rows": oracle_rows,
        "seconds": round((clock.now() - began).total_seconds(), 1),
    }
    log.info("Simulated %(events)d events of %(users)d users in %(files)d files", result)
    return result
