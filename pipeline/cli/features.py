"""`nightcast features`: what models read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import report
from pipeline.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, start
from pipeline.errors import ConfigError

Html = Annotated[Path | None, typer.Option("--html", help="Write a page to this file instead, readable offline.")]


def register(app: typer.Typer) -> None:
    """Add `features` with its command."""
    commands = typer.Typer(
        name="features",
        help="What models read: every feature with its unit and its sentence.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    commands.command("describe")(describe)
    app.add_typer(commands)


def describe(html: Html = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List every feature of the configuration by family: its name, its unit, and the sentence that becomes a score's reason.

    Example: nightcast features describe --html features.html
    """
    loaded = start(config)
    from pipeline import catalogue, catalogue_page
    from pipeline.configured_features import configured_features

    found = catalogue.catalogue(configured_features(loaded))
    if html:
        _write(html, catalogue_page.page(found))
        report.show({"page": str(html), "features": found.count}, as_json=as_json)
    elif as_json:
        columns = [{"family": family.name, **row} for family in found.families for row in catalogue.rows(family.features)]
        report.show({**catalogue.facts(found), "columns": columns}, as_json=True)
    else:
        titled = {f"\n{family.name}: {family.about}": _readable(catalogue.rows(family.features)) for family in found.families}
        report.show({**catalogue.facts(found), **titled}, as_json=False)


def _readable(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "sentence": row["sentence"].replace("{value}", "…")} for row in rows]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", mend="name a path in a folder that exists and is writable"
        ) from error
