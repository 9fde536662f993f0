"""The one operator: a task is a command line, run as a person would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from airflow.sdk import BaseOperator, BaseOperatorLink, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from pipeline import process_tree
from pipeline.errors import RETRYABLE_EXIT_CODES
from pipeline.orchestration.report_link import named_report

PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "PYTHONPATH")
PREFIX = "NIGHTCAST_"
GRACE_SECONDS = 3.0
"""Airflow's supervisor follows its SIGTERM with a SIGKILL of this process after 5 s; by then the children must be gone."""

STDERR_LINES_KEPT = 20


def child_environment(environment: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What a stage gets to see: an allow-list, because Airflow's own variables hold its signing keys in clear."""
    kept = {name: value for name, value in environment.items() if name in PASSED_ON or name.startswith(PREFIX)}
    return {**kept, **extra}


class CommandOperator(BaseOperator):
    """Runs `argv` without a shell; the last JSON object on its stdout becomes the task's XCom.

    Empty arguments are dropped after rendering, so an option can be switched off by a template. Stdout and stderr go to the task
    log. The child stays in this process's group, has no stdin, and is killed with everything it started when the task ends.

    Each asset among `outlets` gets an event when the command has succeeded, with the same JSON object as its `extra`.

    `report_url` is the last report that the command named, also when it failed; `links` become buttons of the task in Airflow.

    Raises AirflowException (the task's retries apply) for an exit code in `RETRYABLE_EXIT_CODES` and for death by a signal;
    AirflowFailException (failed at once) for any other exit code, and for exit 0 without a JSON object on stdout.
    """

    template_fields: Sequence[str] = ("argv", "env")
    ui_color = "#dfe7f5"

    def __init__(
        self, *, argv: Sequence[str], env: Mapping[str, str] | None = None, links: Sequence[BaseOperatorLink] = (), **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.argv = list(argv)
        self.env = dict(env or {})
        self.operator_extra_links = tuple(links)
        self.report_url = ""
        self._stopped = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the command to its end; its JSON result."""
        argv = [argument for argument in map(str, self.argv) if argument]
        self.log.info("$ %s", " ".join(argv))
        process_tree.adopt_orphans()
        process = self._start(argv)
        result, complaints = None, deque[str](maxlen=STDERR_LINES_KEPT)
        try:
            for name, line in _lines(process):
                self.log.info("%s", line)
                self.report_url = named_report(line) or self.report_url
                if name == "stderr":
                    complaints.append(line)
                else:
                    result = _json_object(line) or result
        finally:
            process_tree.stop(process_tree.descendants(), GRACE_SECONDS)
            process.poll()
        self._judge(process.returncode, argv, complaints)
        if result is None:
            raise AirflowFailException(f"{argv[0]} … ended with exit code 0 but printed no JSON object on stdout: {' '.join(argv)}")
        for asset in self.outlets:
            context["outlet_events"][asset].extra = result
        return result

    def on_kill(self) -> None:
        """Called when the task is stopped, cleared or timed out: end everything this task started."""
        self._stopped = True
        process_tree.stop(process_tree.descendants(), GRACE_SECONDS)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                argv,
                env=child_environment(os.environ, self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                preexec_fn=process_tree.die_with_parent(signal.SIGKILL),  # noqa: PLW1509 – one prctl; no thread runs yet
            )
        except OSError as error:
            raise AirflowFailException(f"{argv[0]} cannot be started: {error.strerror}; set NIGHTCAST_PYTHON to a Python") from error

    def _judge(self, code: int | None, argv: Sequence[str], complaints: Sequence[str]) -> None:
        # psutil may have reaped the child of a stopped task; its code then reads 0
        if self._stopped:
            raise AirflowException("The task was stopped before its command ended")
        if code is None or code < 0:
            ended = "left no exit code" if code is None else f"was killed by signal {-code}"
            raise AirflowException(f"The command {ended}: {' '.join(argv)}")
        if code:
            kind = AirflowException if code in RETRYABLE_EXIT_CODES else AirflowFailException
            raise kind("\n".join([f"exit code {code}: {' '.join(argv)}", *complaints]))


def _lines(process: subprocess.Popen[str]) -> Iterator[tuple[str, str]]:
    """(stream, line) in order of arrival until the process has ended; a descendant that keeps a pipe open is not waited for."""
    arrived: Queue[tuple[str, str]] = Queue()  # SimpleQueue waits for ever if a signal outlasts its timeout
    streams = (("stdout", process.stdout), ("stderr", process.stderr))
    readers = [Thread(target=_read, args=(name, stream, arrived), daemon=True) for name, stream in streams if stream]
    for reader in readers:
        reader.start()
    while process.poll() is None:
        yield from _waiting(arrived, seconds=0.2)
    for reader in readers:
        reader.join(timeout=1.0)
    yield from _waiting(arrived, seconds=0.0)


def _waiting(arrived: Queue[tuple[str, str]], seconds: float) -> Iterator[tuple[str, str]]:
    try:
        yield arrived.get(timeout=seconds) if seconds else arrived.get_nowait()
        while True:
            yield arrived.get_nowait()
    except Empty:
        return


def _read(name: str, stream: IO[str], arrived: Queue[tuple[str, str]]) -> None:
    with stream:
        for line in stream:
            arrived.put((name, line.rstrip("\n")))


def _json_object(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
