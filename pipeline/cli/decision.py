"""What a promotion decided, for a person at a terminal: what happens, why, and every gate with its numbers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.cli.report import CONTROLS, PIPED_WIDTH

MARKS = {"passed": "passed", "failed": "FAILED", "skipped": "–"}


def show(result: Mapping[str, Any]) -> None:
    """Print the result of the stage `promote` on stdout."""
    # Reasons name groups of users, whose names others wrote: nothing in them is read as markup, or obeyed by the terminal.
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, markup=False, emoji=False, highlight=False)
    console.print(f"{result['target']}, trained as of {result['as_of']}: {headline(result)}", style="bold")
    console.print("\nWhy")
    why = Table.grid(padding=(0, 2, 0, 0))
    for reason in result["reasons"]:
        why.add_row("  •", _plain(reason))
    console.print(why)
    if result["gates"]:
        console.print(f"\nGates of version {result['version']}")
        gates = Table.grid(padding=(0, 2, 0, 0))
        for gate in result["gates"]:
            style = "bold red" if gate["verdict"] == "failed" else ""
            gates.add_row(f"  {MARKS[gate['verdict']]}", gate["gate"], _plain(gate["numbers"]), style=style)
        console.print(gates)


def headline(result: Mapping[str, Any]) -> str:
    """What happens to the alias, in one sentence."""
    version, champion, dry_run = result["version"], result["champion"], result["dry_run"]
    stays = f"version {champion} stays champion" if champion else "there is still no champion"
    if not result["promoted"]:
        return f"{stays}{' (dry run: nothing is recorded)' if dry_run else ''}"
    if version == champion:
        return f"version {version} is champion"
    return f"version {version} would become champion (dry run: {stays})"


def _plain(text: str) -> str:
    return text.translate(CONTROLS)
