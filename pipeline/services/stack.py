"""`nightcast up`: Airflow, the MLflow UI and Data Docs on loopback, over one `nightcast.toml`."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console

from pipeline.config import load
from pipeline.process_tree import ending_on_sigterm
from pipeline.services import airflow, mlflow, pages
from pipeline.services.airflow_home import USER, AirflowHome
from pipeline.services.http import answers
from pipeline.services.process import Services

CHECK_SECONDS = 2.0
START_SECONDS = 180.0


def state_folder(root: Path) -> Path:
    """Where the services keep what they need between two starts, beside `nightcast.toml`; git does not see it."""
    folder = root / ".nightcast"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def up(config_path: Path) -> None:
    """Start the services, say where they are and how to sign in, and stay until Ctrl-C or SIGTERM; then end them all.

    Raises Unreachable, with the end of its log, if a service cannot be started or ends by itself.
    """
    config, console = load(config_path), Console(stderr=True)
    state = state_folder(config.root)
    with ending_on_sigterm(), Services() as services:
        try:
            console.print("starting Airflow, MLflow and Data Docs …")
            reports = pages.start(services, state, config.path("data_docs"))
            home = airflow.start(services, state, config_path, config.validation.reports_url or reports)
            tracking = mlflow.start(services, state, config)
            airflow.wait(services, home)
            for name, url in (("MLflow", tracking), ("Data Docs", reports)):
                services.wait_until(partial(answers, url), f"{name} at {url}", START_SECONDS)
            _show_addresses(console, home, tracking, reports)
            while True:
                time.sleep(CHECK_SECONDS)
                services.check()
        except KeyboardInterrupt:
            console.print("stopping …")


def _show_addresses(console: Console, home: AirflowHome, tracking: str, reports: str) -> None:
    # only ever on a terminal: a log file would keep the password
    password = home.password() if sys.stderr.isatty() else f"in {home.passwords}"
    console.print(f"Airflow    {home.address}  user {USER}, password {password}", soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"MLflow     {mlflow.page(tracking)}\nData Docs  {reports}\nCtrl-C stops them all.", soft_wrap=True, highlight=False, markup=False
    )
