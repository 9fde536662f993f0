"""What is written is true: every command line in help texts and pages is accepted by the real parser, every command is documented."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pipeline.cli import app
from pipeline.commands import ingest_steps, score_steps, train_steps

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))) if path.is_file()]
GROUP = typer.main.get_command(app)
LEAVES = {
    f"{name} {own}".strip(): leaf
    for name, command in GROUP.commands.items()
    for own, leaf in (command.commands.items() if isinstance(command, typer.core.TyperGroup) else [("", command)])
}
COMMANDS = sorted(LEAVES)


def parse(argv: list[str]) -> None:
    """Parse a command line with the real parser, without running it; raises on unknown commands, options and values."""
    name = next(name for name in (" ".join(argv[:2]), argv[0]) if name in LEAVES or " " not in name)
    LEAVES[name].make_context(name, argv[len(name.split()) :])


def written_lines(text: str) -> list[list[str]]:
    """The `nightcast …` command lines of a page: in code blocks (comments cut) and between back-ticks; those with … are sketches."""
    blocks = re.findall(r"```(?:bash|sh|console)?\n(.*?)```", text, re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(nightcast [^`]+)`", text)
    found = [shlex.split(line, comments=True) for line in lines if line.startswith("nightcast ") and "…" not in line]
    return [words[1:] for words in found if len(words) > 1 and not words[1].startswith("-")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_line_on_a_page_is_accepted(page: Path) -> None:
    for words in written_lines(page.read_text(encoding="utf-8")):
        parse(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_make_verb_on_a_page_exists(page: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    written = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert written <= verbs


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"nightcast {name}" not in readme] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(name: str) -> None:
    text = " ".join((LEAVES[name].help or "").split())
    example = re.search(r"Example: nightcast (.+)$", text)
    assert example is not None, f"`nightcast {name} --help` has no example"
    words = shlex.split(example[1])
    assert words[: len(name.split())] == name.split()
    parse(words)


def test_help_runs() -> None:
    for words in ([], *(name.split() for name in COMMANDS)):
        done = subprocess.run([sys.executable, "-m", "pipeline", *words, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Usage: nightcast" in done.stdout


def test_every_command_line_that_a_dag_runs_is_accepted() -> None:
    for steps in (
        ingest_steps("2026-01-01", "2026-01-31"),
        train_steps({"purchase_7d": "occurs"}, "2026-01-01"),
        score_steps("2026-01-01"),
    ):
        for step in steps:
            parse([*step.argv, "--config", "nightcast.toml", "--json"])


@pytest.mark.parametrize(
    "words", [["score", "--cutof", "2026-01-01"], ["promote", "--target", "x"], ["run", "trian", "--cutoff", "2026-01-01"]]
)
def test_the_parser_of_this_test_refuses_wrong_lines(words: list[str]) -> None:
    with pytest.raises(typer.BadParameter.__mro__[1]):
        parse(words)
