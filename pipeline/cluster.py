"""Dask workers: a cluster on this machine or a scheduler elsewhere, always with bounded waiting."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm import CommClosedError
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from pipeline.config import Config
from pipeline.errors import Unreachable, WorkersLost
from pipeline.progress import track

Argument = TypeVar("Argument")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 30
START_SECONDS = 120
CLOSE_SECONDS = 30

SETTINGS: dict[str, object] = {
    # A worker that dies with the same task this often is not unlucky: the task kills it.
    "distributed.scheduler.allowed-failures": 2,
    # Dask waits for ever for a worker that can run a task unless it is told not to.
    "distributed.scheduler.no-workers-timeout": "60s",
    # Each worker is one core's worth of work; a library's own thread pool would fight the other workers for theirs.
    "distributed.nanny.pre-spawn-environ.POLARS_MAX_THREADS": 1,
    # A worker keeps no results that it could spill, so one that is told to pause when memory is short would wait for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.logging.distributed": "critical",
}

LOST = (KilledWorker, NoValidWorkerError, NoWorkerError, CancelledError, CommClosedError, TimeoutError)
"""What Dask raises when a worker or the scheduler is gone, or does not answer in time."""


class Workers:
    """A way to run one function on many arguments; `cluster` opens it."""

    def __init__(self, client: Client, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    def map(
        self, function: Callable[[Argument], Result], arguments: Sequence[Argument], *, label: str, show: bool, retries: int = 2
    ) -> list[Result]:
        """Results in the order of `arguments`, each a small picklable value.

        `function` is a module-level function of an installed package; it may run more than once for an argument (a worker died, or
        it raised and is tried again, up to `retries` times). `label` says what one argument is, such as `bucket`, for the progress
        bar, the dashboard and errors. The next argument is handed out when a worker is free, so no task waits at a worker, and what
        the scheduler holds does not grow with `arguments`. The first failure ends the map: the function's own error is raised as it is.
        Raises WorkersLost, naming the argument, when workers or scheduler are gone or the configured time is over.
        """
        deadline = time.monotonic() + self._seconds
        running: dict[str, tuple[int, Future]] = {}
        results: dict[int, Result] = {}
        try:
            for place, future in track(self._answers(function, arguments, label, retries, running), label, len(arguments), show):
                results[place] = self._result(future, f"{label} {arguments[place]}", deadline)
        except TimeoutError as error:
            waiting = ", ".join(str(argument) for place, argument in enumerate(arguments) if place not in results)
            raise WorkersLost(
                f"No answer within {self._seconds:.0f} s for {label} {waiting}",
                mend="raise dask.timeout_minutes or add workers, then run this again",
            ) from error
        finally:
            self._release([future for _, future in running.values()])
        return [results[place] for place in range(len(arguments))]

    def _answers(
        self,
        function: Callable[[Argument], Result],
        arguments: Sequence[Argument],
        label: str,
        retries: int,
        running: dict[str, tuple[int, Future]],
    ) -> Iterator[tuple[int, Future]]:
        """Places of arguments and their futures as they are done; `running` holds those that are not, by key.

        A second task in a worker's queue would be suspected with the first when the worker dies, and be named in its stead.
        """
        run, waiting = uuid4().hex, iter(enumerate(arguments))
        done = as_completed(timeout=self._seconds, loop=self._client.loop)
        while True:
            for place, argument in islice(waiting, max(self._threads() - len(running), 0)):
                key = f"{label}-{run}-{place}: {argument}"
                future = self._client.submit(function, argument, key=key, retries=retries, pure=False)
                running[key] = place, future
                done.add(future)
            if not running:
                return
            future = next(done)
            yield running.pop(future.key)

    def _threads(self) -> int:
        """How many tasks the workers can run at the same time now; at least one, so that a lost worker can come back to it."""
        try:
            found: dict[str, int] = self._client.nthreads(callback_timeout=CONNECT_SECONDS)
        except (OSError, *LOST) as error:
            raise WorkersLost(f"The Dask scheduler is gone: {type(error).__name__}", mend="run this again") from error
        return max(sum(found.values()), 1)

    @staticmethod
    def _result(future: Any, argument: str, deadline: float) -> Any:
        try:
            return future.result(timeout=max(1.0, deadline - time.monotonic()))
        except LOST as error:
            raise WorkersLost(
                f"Dask lost its workers or its scheduler over {argument}: {type(error).__name__}",
                mend="run this again; if the same one fails, give workers more memory (dask.memory_limit) or look at its events",
            ) from error

    def _release(self, futures: Sequence[Any]) -> None:
        if self._client.status == "running":
            self._client.cancel(futures, force=True)


@contextmanager
def cluster(config: Config) -> Iterator[Workers]:
    """Workers as configured: processes of this machine on loopback, or those of `dask.scheduler`. Closed on the way out, always.

    Processes are spawned, so a program that calls this guards its entry with `if __name__ == "__main__"`.
    Raises Unreachable when the scheduler does not answer or has no worker, and WorkersLost when local workers do not start.
    """
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        stack.enter_context(_quiet("distributed"))
        client = stack.enter_context(_remote(config.dask.scheduler) if config.dask.scheduler else _local(config))
        yield Workers(client, config.dask.timeout_minutes * 60.0)


@contextmanager
def _local(config: Config) -> Iterator[Client]:
    with TemporaryDirectory(prefix="nightcast-dask-") as folder, ExitStack() as stack:
        try:
            local = LocalCluster(
                n_workers=config.dask.workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=config.dask.memory_limit,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                local_directory=folder,
                silence_logs=logging.CRITICAL,
            )
            stack.callback(_stop, local)
            logger.info("Dask dashboard: %s", local.dashboard_link)
            client = Client(local, timeout=CONNECT_SECONDS, set_as_default=False)
            stack.callback(_disconnect, client)
            client.wait_for_workers(1, timeout=START_SECONDS)
        except (RuntimeError, TimeoutError, OSError) as error:
            raise WorkersLost(
                f"{config.dask.workers} local Dask workers did not start: {error}",
                mend="check free memory and disk, lower dask.workers, or set dask.scheduler",
            ) from error
        yield client


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    with ExitStack() as stack:
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            stack.callback(_disconnect, client)
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (TimeoutError, OSError) as error:
            raise Unreachable(
                f"The Dask scheduler at {address} does not answer, or has no worker, within {CONNECT_SECONDS} s",
                mend='start it, correct dask.scheduler, or set it to "" for workers on this machine',
            ) from error
        yield client


def _disconnect(client: Client) -> None:
    with suppress(TimeoutError, CommClosedError):
        client.close(timeout=CLOSE_SECONDS)


def _stop(local: LocalCluster) -> None:
    """A worker that is still busy when the time is over is killed: its result is not wanted any more."""
    processes = [nanny.pid for nanny in local.workers.values() if nanny.pid]
    try:
        local.close(timeout=CLOSE_SECONDS)
    except TimeoutError:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Dask reports every lost connection of a closing cluster; what matters reaches the caller as an error."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
