"""`nightcast quarantine`: the rows that broke a rule, and their way back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from pipeline.cli import report
from pipeline.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, start

DAY = ["%Y-%m-%d"]
Day = Annotated[datetime, typer.Option("--date", formats=DAY, help="The batch's day.")]
First = Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First day (default: the first there is).")]
Last = Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Last day, included (default: the last there is).")]
Into = Annotated[
    datetime | None,
    typer.Option(formats=DAY, help="The batch day in which they come back: known from its end on (default: the newest)."),
]


def register(app: typer.Typer) -> None:
    """Add `quarantine` with its commands."""
    commands = typer.Typer(
        name="quarantine",
        help="Rows that broke a rule: list the days, show the rows, take them in once the mapping or rule is mended.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    commands.command("list")(listed)
    commands.command("show")(shown)
    commands.command("readmit")(readmit)
    app.add_typer(commands)


def listed(first: First = None, last: Last = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List the committed days that have refused rows: how many break which rule, with an example.

    Example: nightcast quarantine list --from 2011-11-01
    """
    loaded = start(config)
    from pipeline.stages import quarantine as stage

    report.show(stage.listed(loaded, _day(first), _day(last)), as_json=as_json)


def shown(
    day: Day,
    rule: Annotated[str | None, typer.Option(help="Only rows that break this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many rows at most.")] = 20,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show refused rows of a day as they came, each with its place and what is wrong with it.

    Example: nightcast quarantine show --date 2011-11-08 --rule user_id_missing
    """
    loaded = start(config)
    from pipeline.stages import quarantine as stage

    report.show(stage.shown(loaded, day.date(), rule=rule, limit=limit), as_json=as_json)


def readmit(day: Day, into: Into = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Judge the day's refused rows again by today's mapping and rules; those that keep them become events.

    Example: nightcast quarantine readmit --date 2011-11-08
    """
    loaded = start(config)
    from pipeline.stages import quarantine as stage

    report.show(stage.readmit(loaded, day.date(), _day(into)), as_json=as_json)


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()
