"""A command's result: a small table for people, one line of JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 160
"""Columns where there is no terminal to ask, such as a pipe or a log."""

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""What a terminal would obey, as text."""


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a flat result on stdout; lists of rows become tables of their own."""
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    # Values may hold anything, what others wrote included: nothing in them is read as markup.
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, markup=False, emoji=False)
    facts = Table(show_header=False, box=None, pad_edge=False)
    for key, value in result.items():
        if not _is_rows(value):
            facts.add_row(key.replace("_", " "), _text(value))
    console.print(facts)
    for key, value in result.items():
        if _is_rows(value):
            rows(console, key.replace("_", " "), value)


def rows(console: Console, title: str, values: Sequence[Mapping[str, Any]]) -> None:
    """Print rows with equal keys as one aligned table; numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name, value in values[0].items():
        table.add_column(name.replace("_", " "), justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for value in values:
        table.add_row(*(_text(cell) for cell in value.values()))
    console.print(table)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _text(value: object) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    return str(value).translate(CONTROLS)
