"""`nightcast`: one command per stage, and a few to set up, look around and run whole chains."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from pipeline.cli import features, project, quarantine, stages
from pipeline.errors import NightcastError

app = typer.Typer(
    name="nightcast",
    help="Every night, what each of your users will do next: calibrated scores with reasons, in your warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
project.register(app)
stages.register(app)
quarantine.register(app)
features.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Errors a person can act on become one message on stderr (codes: `pipeline.errors`)."""
    # Idle OpenMP threads sleep instead of spinning: two trainings side by side on two cores were several times slower otherwise.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    command = typer.main.get_command(app)
    try:
        command.main(args=None if argv is None else list(argv), prog_name="nightcast")
    except NightcastError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except SystemExit as end:  # how the parser reports usage errors (2), --help (0) and a command's own exit code
        return end.code if isinstance(end.code, int) else 0
    return 0
