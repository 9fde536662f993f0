"""Servers on this machine: started with a log file, waited for until they answer, ended with everything they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

from pipeline import process_tree
from pipeline.errors import Unreachable

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.5
GRACE_SECONDS = 10.0
TAIL_LINES = 20


@dataclass(frozen=True)
class Service:
    """A server: its command line, its whole environment, and the file that takes its output."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


class Services:
    """The servers of one session; leaving the context ends all of them at once, within bounded time.

    Enter it in the thread that lives longest: a server gets SIGTERM as soon as the thread that started it ends.
    """

    def __init__(self) -> None:
        self._running: list[tuple[Service, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Services:
        process_tree.adopt_orphans()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self, service: Service) -> None:
        """Start it and return at once. Raises Unreachable if there is no such program."""
        service.log.parent.mkdir(parents=True, exist_ok=True)
        with service.log.open("ab") as log:
            try:
                process = subprocess.Popen(
                    service.argv,
                    env=dict(service.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C reaches only this process, which ends the servers in order
                    preexec_fn=process_tree.die_with_parent(signal.SIGTERM),  # noqa: PLW1509 – one prctl, nothing else
                )
            except OSError as error:
                raise Unreachable(
                    f"{service.name}: {service.argv[0]} cannot be started: {error.strerror}", mend="run `make setup`"
                ) from error
        self._running.append((service, process))

    def run(self, service: Service, seconds: float) -> None:
        """Run a preparing command to its end. Raises Unreachable with the end of its log if it fails or takes longer."""
        self.start(service)
        process = self._running.pop()[1]
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end([process])
        if code != 0:
            ended = f"took longer than {seconds:.0f} s" if code is None else f"ended with exit code {code}"
            raise Unreachable(f"{service.name} {ended}; the end of {service.log}:\n{tail(service.log)}")

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait until `ready` says so. Raises Unreachable if a server ends meanwhile, or if it takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                logs = ", ".join(str(service.log) for service, _ in self._running)
                raise Unreachable(f"{what} is not ready after {seconds:.0f} s", mend=f"see {logs}")
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raises Unreachable, with the end of its log, for a server that has ended."""
        for service, process in self._running:
            if process.poll() is not None:
                raise Unreachable(
                    f"{service.name} ended by itself with exit code {process.returncode}; the end of {service.log}:\n{tail(service.log)}"
                )

    def stop(self) -> None:
        """End every server and what it started, orphans included."""
        _end([process for _, process in self._running])
        self._running.clear()
        process_tree.stop(_adopted(), GRACE_SECONDS)


def free_port(wanted: int) -> int:
    """`wanted` if nothing listens there on loopback, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unreachable(f"No free port on {LOOPBACK}", mend="end some of the programs that listen there")


def tail(log: Path) -> str:
    """The last lines of a log file."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return "\n".join(lines[-TAIL_LINES:])


def _end(servers: Sequence[subprocess.Popen[bytes]]) -> None:
    process_tree.stop([process for server in servers for process in process_tree.tree(server.pid)], GRACE_SECONDS)
    for server in servers:
        server.poll()  # psutil has reaped it; let Popen notice


def _adopted() -> list[psutil.Process]:
    """Orphans of our servers: they lead or belong to sessions that are not ours."""
    own = os.getsid(0)
    return [process for process in process_tree.descendants() if _session(process.pid) not in (own, None)]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
