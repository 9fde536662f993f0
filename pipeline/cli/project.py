"""Commands around the stages: set up, look around, run whole chains."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import report
from pipeline.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, CutoffText, TargetNames, bars, cutoff_of, start, targets_of


class Profile(StrEnum):
    """Configurations that ship with Nightcast."""

    starter = "starter"
    demo = "demo"
    online_retail = "online_retail"
    cross_validated = "cross_validated"


class Shop(StrEnum):
    """What the simulator knows how to be."""

    plain = "plain"
    ordered = "ordered"
    noise = "noise"


class Chain(StrEnum):
    """Chains of stages that `run` knows."""

    train = "train"
    score = "score"


def register(app: typer.Typer) -> None:
    """Add the project's commands."""
    for command in (init, doctor, simulate, status, run, demo, up):
        app.command()(command)


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = DEFAULT_CONFIG,
    profile: Annotated[Profile, typer.Option(help="Which commented configuration to start from.")] = Profile.starter,
    to_stdout: Annotated[bool, typer.Option("--print", help="Print it instead of writing it.")] = False,
) -> None:
    """Write a commented nightcast.toml to start from; an existing file is never overwritten.

    Example: nightcast init
    """
    from pipeline import profiles

    if to_stdout:
        typer.echo(profiles.text(profile.value), nl=False)
        return
    profiles.write(profile.value, path)
    typer.echo(f"wrote {path}; next: set [source], then `nightcast doctor`")


def doctor(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check configuration, source, warehouse, lake, MLflow, Dask, GPU and disk; one line each, with the mend.

    Example: nightcast doctor
    """
    loaded = start(config)
    from pipeline import health

    checks = health.examine(loaded)
    report.show({"checks": [check.row() for check in checks]}, as_json=as_json)
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the shop's event files and its oracle go.")] = Path("shop"),
    profile: Annotated[Shop, typer.Option(help="plain: no order effects; ordered: with; noise: nothing to learn.")] = Shop.plain,
    users: Annotated[int, typer.Option(min=1, help="How many users.")] = 3000,
    days: Annotated[int, typer.Option(min=29, help="How many days.")] = 196,
    first: Annotated[datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="The first day.")] = datetime(2026, 1, 1),  # noqa: DTZ001 – a calendar day
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Simulate a shop with known truth: users, funnel, seasons, churn, returns.

    Example: nightcast simulate shop --users 3000 --days 196
    """
    from pipeline.stages import simulate as stage

    result = stage.run(folder, profile=profile.value, users=users, days=days, start=first.date(), seed=seed, show=bars(as_json))
    report.show(result, as_json=as_json)


def status(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Last runs, champions and freshness at a glance.

    Example: nightcast status
    """
    loaded = start(config)
    from pipeline import overview

    report.show(overview.status(loaded), as_json=as_json)


def run(
    chain: Annotated[Chain, typer.Argument(help="Which chain.")],
    cutoff: CutoffText,
    targets: TargetNames = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Run a whole chain in one process tree, without Airflow; the same command lines as its DAG.

    Example: nightcast run score --cutoff 2011-11-10
    """
    loaded = start(config)
    cutoff_of(cutoff, loaded)
    wanted = {target.name: target.kind for target in targets_of(targets, loaded)}
    from pipeline import chain as chains

    report.show(chains.run(chain.value, wanted, cutoff, config=config, show=bars(as_json)), as_json=as_json)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo lives.")] = Path("var/demo"),
    users: Annotated[int, typer.Option(min=200, help="How many users the shop has.")] = 3000,
    days: Annotated[int, typer.Option(min=120, help="How many days of history.")] = 196,
    seed: Annotated[int, typer.Option(help="Same seed, same shop.")] = 7,
) -> None:
    """Simulate a shop, then run ingest, train and score through Airflow, and show what came out.

    Example: nightcast demo
    """
    from pipeline import demo as demonstration
    from pipeline import logs

    logs.configure(verbose=False)
    demonstration.run(folder, users=users, days=days, seed=seed, show=bars(False))


def up(config: Annotated[Path, typer.Option("--config", help="The configuration file.")] = Path("var/demo/nightcast.toml")) -> None:
    """Start Airflow, the MLflow UI and Data Docs on free loopback ports; Ctrl-C stops them all.

    Example: nightcast up
    """
    start(config)
    from pipeline.services import stack

    stack.up(config)
