"""`nightcast demo`: a simulated shop goes through the `ingest`, `train` and `score` DAGs of a real Airflow; then what came out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console

from pipeline import clock, demo_results, profiles
from pipeline.config import Config, load
from pipeline.errors import ConfigError
from pipeline.process_tree import ending_on_sigterm
from pipeline.services import airflow, pages
from pipeline.services.airflow_api import AirflowApi
from pipeline.services.follow import run_dag
from pipeline.services.process import Services
from pipeline.services.stack import state_folder
from pipeline.stages import simulate

FIRST_DAY = date(2026, 1, 1)
SHOP_PROFILE = "ordered"
PARSE_SECONDS = 120.0
RUN_SECONDS = 1800.0


@dataclass(frozen=True)
class Shop:
    """What the demo's shop is made of; the folder remembers it, so that a second demo need not make it again."""

    users: int
    days: int
    seed: int
    first_day: str = FIRST_DAY.isoformat()
    profile: str = SHOP_PROFILE

    @property
    def last_day(self) -> date:
        """The last day with events."""
        return self.cutoff - timedelta(days=1)

    @property
    def cutoff(self) -> date:
        """The night after the last day."""
        return date.fromisoformat(self.first_day) + timedelta(days=self.days)


class Phases:
    """How long each part of the demo took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - began


def run(folder: Path, *, users: int, days: int, seed: int, show: bool) -> None:
    """Simulate a shop below `folder`, run the three DAGs on it, print results and where to look. The services end with it.

    What exists already (Airflow's home, the same shop) is used again. Raises RunFailed with the end of the failed task's log,
    and ConfigError if the folder holds another shop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, shop, phases = folder.resolve() / "nightcast.toml", Shop(users, days, seed), Phases()
    remembered = _refuse_another_shop(folder, shop)
    path.write_text(profiles.text("demo"), encoding="utf-8")
    config, console = load(path), Console(stderr=True)
    with ending_on_sigterm(), Services() as services:
        with phases("start"):
            console.print(f"starting Airflow, simulating {users:,} users over {days} days …", highlight=False)
            api = _airflow_and_shop(services, config, path, lambda: _make_shop(folder, shop, remembered, show=show))
        runs = {}
        for dag, parameters in _parameters(shop).items():
            with phases(dag):
                runs[dag] = run_dag(api, dag, parameters, seconds=RUN_SECONDS, show=show)
        results = demo_results.collect(config, api, runs["train"], shop.cutoff)
    demo_results.show(Console(file=sys.stdout), results, phases.seconds, path)


def _parameters(shop: Shop) -> dict[str, dict[str, str]]:
    cutoff = shop.cutoff.isoformat()
    return {"ingest": {"from": shop.first_day, "to": shop.last_day.isoformat()}, "train": {"cutoff": cutoff}, "score": {"cutoff": cutoff}}


def _airflow_and_shop(services: Services, config: Config, path: Path, make_shop: Callable[[], object]) -> AirflowApi:
    began, shop = clock.now(), _in_background(make_shop)
    state = state_folder(config.root)
    # the reports' addresses are kept; `nightcast up` serves them there again
    reports = pages.start(services, state, config.path("data_docs"))
    home = airflow.start(services, state, path, config.validation.reports_url or reports)
    api = airflow.wait(services, home)
    for dag in ("ingest", "train", "score"):
        services.wait_until(partial(api.parsed_since, dag, began), f"DAG {dag}", PARSE_SECONDS)
    shop.result()
    return api


def _in_background(work: Callable[[], object]) -> Future[object]:
    """Run `work` in a thread that nobody waits for when the program ends. The servers start in the main thread; see `Services`."""
    promise: Future[object] = Future()

    def fulfil() -> None:
        try:
            promise.set_result(work())
        except BaseException as error:  # noqa: BLE001 – handed to whoever asks for the result
            promise.set_exception(error)

    Thread(target=fulfil, daemon=True).start()
    return promise


def _marker(folder: Path) -> Path:
    return folder / "shop.json"


def _refuse_another_shop(folder: Path, shop: Shop) -> bool:
    """Whether the folder holds this very shop. Raises ConfigError if it holds another."""
    if not _marker(folder).is_file():
        return False
    found: dict[str, Any] = json.loads(_marker(folder).read_text(encoding="utf-8"))
    if found != asdict(shop):
        raise ConfigError(
            f"{folder} holds another shop: {found}, not {asdict(shop)}", mend=f"remove {folder}, or name another folder with --folder"
        )
    return True


def _make_shop(folder: Path, shop: Shop, remembered: bool, *, show: bool) -> None:
    if remembered:
        return
    start = date.fromisoformat(shop.first_day)
    simulate.run(folder, profile=shop.profile, users=shop.users, days=shop.days, start=start, seed=shop.seed, show=show)
    _marker(folder).write_text(json.dumps(asdict(shop)), encoding="utf-8")
