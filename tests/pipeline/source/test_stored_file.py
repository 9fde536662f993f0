from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline import clock
from pipeline.errors import SourceError, Unreachable
from pipeline.source import stored_file
from pipeline.source.stored_file import failed, locate, open_stored, shown


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "day.csv"
    path.write_bytes(b"id\n1\n")
    _age(path, 3600)
    return path


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    found = fsspec.filesystem("memory")
    found.pipe_file("/day.csv", b"id\n1\n")
    yield found
    found.store.clear()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for, none of which is kept."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def _age(path: Path, seconds: float) -> None:
    changed = clock.now().timestamp() - seconds
    os.utime(path, (changed, changed))


def test_a_file_at_rest_is_read_at_once(path: Path, waited: list[float]) -> None:
    with open_stored(str(path), 2.0) as file:
        assert file.read(4) == b"id\n1"
        assert file.tell() == 4
        assert file.seek(0, 2) == 5
        assert file.place == str(path)
        file.check_unchanged()
    assert file.closed
    assert waited == []


def test_a_young_file_is_waited_for_until_it_is_old_enough(path: Path, waited: list[float]) -> None:
    _age(path, 100)
    with open_stored(str(path), 150.0) as file:
        file.check_unchanged()
    assert len(waited) == 1
    assert 0 < waited[0] <= 50


def test_a_time_ahead_of_the_clock_is_waited_for_once(path: Path, waited: list[float]) -> None:
    _age(path, -10_000)
    with open_stored(str(path), 2.0):
        pass
    assert waited == [2.0]


def test_a_file_that_keeps_growing_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(seconds: float) -> None:
        with path.open("ab") as file:
            file.write(b"1\n")

    _age(path, 0)
    monkeypatch.setattr(time, "sleep", grow)
    with pytest.raises(SourceError, match="is still being written"), open_stored(str(path), 60.0):
        pass


def test_a_file_in_a_store_is_waited_for_as_well(memory: object, waited: list[float]) -> None:
    with open_stored("memory:///day.csv", 60.0) as file:
        assert file.read() == b"id\n1\n"
    assert len(waited) == 1


@pytest.mark.parametrize("change", ["append", "replace", "remove", "touch"])
def test_a_file_that_changed_is_noticed(change: str, path: Path) -> None:
    with open_stored(str(path), 0.0) as file:
        file.read()
        if change == "append":
            with path.open("ab") as more:
                more.write(b"2\n")
        elif change == "replace":
            before = path.stat()
            (path.parent / "new").write_bytes(b"id\n2\n")
            os.utime(path.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
            (path.parent / "new").replace(path)
        elif change == "remove":
            path.unlink()
        else:
            _age(path, 10)
        with pytest.raises(SourceError, match=r"changed while it was read|cannot be read: No such file"):
            file.check_unchanged()


def test_a_changed_object_is_noticed(memory: fsspec.AbstractFileSystem) -> None:
    with open_stored("memory:///day.csv", 0.0) as file:
        file.check_unchanged()
        memory.pipe_file("/day.csv", b"id\n2\n")
        with pytest.raises(SourceError, match="changed while it was read"):
            file.check_unchanged()


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("", "pipe.csv"):
        with pytest.raises(SourceError, match="is not a file"), open_stored(str(tmp_path / name), 0.0):
            pass


@pytest.mark.parametrize("url", ["/no/such/day.csv", "memory:///no/such/day.csv"])
def test_a_missing_file_is_named(url: str) -> None:
    with pytest.raises(SourceError, match=r"no/such/day\.csv cannot be read"), open_stored(url, 0.0):
        pass


@pytest.mark.parametrize("url", ["nope://bucket/day.csv", "day.csv", "abfss://container/day.csv"])
def test_an_unknown_store_is_refused(url: str) -> None:
    if url == "day.csv":
        assert locate(url)[1].endswith("/day.csv")
        return
    with pytest.raises(SourceError, match=r"cannot be opened"):
        locate(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/data/a?b@c.csv", "/data/a?b@c.csv"),
        ("s3://bucket/2026-01-05.csv", "s3://bucket/2026-01-05.csv"),
        ("sftp://me:secret@host:22/day.csv", "sftp://host:22/day.csv"),
        ("https://store/day.csv?X-Amz-Signature=secret", "https://store/day.csv"),
    ],
)
def test_secrets_of_a_url_are_not_shown(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_only_a_store_that_is_away_is_worth_trying_again() -> None:
    local, remote = locate("/x")[0], fsspec.filesystem("memory")
    away = FileNotFoundError("x")
    away.__cause__ = ConnectionRefusedError("refused")
    assert isinstance(failed("x", local, OSError(5, "Input/output error")), SourceError)
    assert isinstance(failed("x", remote, PermissionError(13, "denied")), SourceError)
    assert isinstance(failed("x", remote, FileNotFoundError("x")), SourceError)
    for error in (away, ConnectionResetError("reset"), TimeoutError(), RuntimeError("403 slow down")):
        assert isinstance(failed("x", remote, error), Unreachable)
    known = SourceError("already said")
    assert failed("x", remote, known) is known


def test_the_waits_are_bounded() -> None:
    assert stored_file.MOST_WAITS <= 10
