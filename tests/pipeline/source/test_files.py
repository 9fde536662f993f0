from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigError, SourceError, Unreachable
from pipeline.source import delimited, files
from pipeline.source.files import SUFFIXES, exists, expand, format_of, open_file
from tests.pipeline.source.read_rows import Line, read
from tests.pipeline.source.test_unpacking import PACK

CSV = b"id,user\n1,a\n2,b\n"
JSON = b'{"id":"1","user":"a"}\n{"id":"2","user":"b"}\n'


def contents() -> dict[str, bytes]:
    """The same two rows in every format."""
    found = {".csv": CSV, ".jsonl": JSON, ".ndjson": JSON}
    packed = {text + packing: pack(content) for text, content in found.items() for packing, pack in PACK.items()}
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["1", "2"], "user": ["a", "b"]}), buffer)
    return {**found, **packed, ".parquet": bytes(buffer.getvalue())}


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    found = fsspec.filesystem("memory")
    yield found
    found.store.clear()
    found.pseudo_dirs[:] = [""]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A folder as a web site."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_suffix_is_tried_here() -> None:
    assert set(contents()) == set(SUFFIXES)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_rows_in_every_format_from_a_folder_and_from_a_store(
    suffix: str, tmp_path: Path, memory: fsspec.AbstractFileSystem
) -> None:
    content = contents()[suffix]
    memory.pipe_file(f"/day{suffix}", content)
    (tmp_path / f"day{suffix}").write_bytes(content)
    for url in (str(tmp_path / f"day{suffix}"), f"memory:///day{suffix}", f"file://{tmp_path}/day{suffix}"):
        rows, lines = read(url)
        assert rows.place == url
        assert list(rows.columns) == ["id", "user"]
        assert [line.cells for line in lines] == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_a_file_is_read_from_a_web_site(suffix: str, site: str, tmp_path: Path) -> None:
    (tmp_path / f"day{suffix}").write_bytes(contents()[suffix])
    assert exists(f"{site}/day{suffix}")
    assert not exists(f"{site}/other{suffix}")
    assert [line.cells for line in read(f"{site}/day{suffix}?signature=secret")[1]] == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/in/DAY.CSV.GZ", (".csv", ".gz")),
        ("https://store/day.jsonl?x=.parquet", (".jsonl", "")),
        ("s3://bucket/day.parquet", (".parquet", "")),
    ],
)
def test_the_suffix_says_the_format(url: str, expected: tuple[str, str]) -> None:
    assert format_of(url) == expected


@pytest.mark.parametrize("url", ["/in/day.json", "/in/day.parquet.gz", "/in/day", "/in/day.csv.lz4", "/in/day.csv/"])
def test_another_suffix_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"is none of \.csv, \.jsonl"):
        format_of(url)


def test_no_such_file_is_not_the_same_as_a_store_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_bytes(CSV)
    assert exists(str(tmp_path / "day.csv"))
    assert not exists(str(tmp_path / "other.csv"))
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as closed:
        port = closed.server_address[1]
    with pytest.raises(Unreachable, match="cannot be read"):
        exists(f"http://127.0.0.1:{port}/day.csv")


def test_a_star_is_any_part_of_a_name_and_nothing_else_has_a_meaning(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    names = ["a/day-1.csv", "a/day-2.csv", "b/day-3.csv", "b/.day-4.csv", "b/day[1].csv", "b/other.txt", "b/c/day-5.csv"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(CSV)
        memory.pipe_file(f"/in/{name}", CSV)
    for root in (str(tmp_path), "memory://"):
        assert expand(f"{root}/in/*/day-*.csv") == [f"{root}/in/{name}" for name in names[:3]]
        assert expand(f"{root}/in/b/*.csv") == [f"{root}/in/b/day-3.csv", f"{root}/in/b/day[1].csv"]
        assert expand(f"{root}/in/b/day[1].csv") == [f"{root}/in/b/day[1].csv"]
        assert expand(f"{root}/in/*/day-1.csv") == [f"{root}/in/a/day-1.csv"]
        assert expand(f"{root}/in/b/.*.csv") == [f"{root}/in/b/.day-4.csv"]
        assert expand(f"{root}/in/b/day-?.csv") == []
        assert expand(f"{root}/nowhere/*.csv") == []
        assert expand(f"{root}/in/*/*/*.csv") == [f"{root}/in/b/c/day-5.csv"]


def test_a_name_never_leads_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "..day.csv").write_bytes(CSV)
    (tmp_path / "secret.csv").write_bytes(CSV)
    assert expand(f"{tmp_path}/in/*.csv") == []
    assert expand(f"{tmp_path}/in/..*.csv") == [f"{tmp_path}/in/..day.csv"]


def test_more_rows_than_a_chunk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 3)
    (tmp_path / "day.csv").write_bytes(b"user\n" + b"".join(b"u%d\n" % row for row in range(10)))
    with open_file(str(tmp_path / "day.csv"), settle_seconds=0, max_gib=1) as rows:
        assert [chunk.num_rows for chunk in rows.chunks] == [3, 3, 3, 1]


def test_the_thread_ends_with_the_consumer(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_bytes(b"user\n" + b"u\n" * 500_000)
    before = threading.active_count()
    with open_file(str(tmp_path / "day.csv"), settle_seconds=0, max_gib=1) as rows:
        assert next(rows.chunks).num_rows > 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
    assert threading.active_count() <= before


def test_an_error_while_chunks_are_made_reaches_the_consumer(tmp_path: Path) -> None:
    packed = gzip.compress(b"user\n" + b"".join(b"user-%d\n" % (i * i) for i in range(1_000_000)))
    (tmp_path / "day.csv.gz").write_bytes(packed[:-20])
    with open_file(str(tmp_path / "day.csv.gz"), settle_seconds=0, max_gib=1) as rows:
        assert next(rows.chunks).num_rows > 0
        with pytest.raises(SourceError, match="was not delivered whole"):
            list(rows.chunks)


def test_wanted_columns_reach_the_reader_of_json_lines(tmp_path: Path) -> None:
    (tmp_path / "day.jsonl").write_bytes(b'{"a":1}\n')
    with open_file(str(tmp_path / "day.jsonl"), settle_seconds=0, max_gib=1, wanted=("b",)) as rows:
        assert rows.columns == {"a": "number", "b": "null"}
        assert [chunk.num_rows for chunk in rows.chunks] == [1]


def test_a_file_of_a_header_alone_has_no_chunk(tmp_path: Path) -> None:
    rows, lines = read(tmp_path / "day.csv", b"id,user\n")
    assert list(rows.columns) == ["id", "user"]
    assert lines == list[Line]()
    assert files.TEXTS == (".csv", ".jsonl", ".ndjson")
