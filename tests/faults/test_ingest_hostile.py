"""Hostile files end to end: every line is an event or is refused with a reason, or there is one clear error; nothing is lost (F29, F34)."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Config
from tests.faults.raw_shop import FIRST, HEADER, Shop, made, row

TIME = "2026-01-05T10:00:00Z"
LENIENT = "[validation]\nmax_quarantined_share = 1.0"

IDS = [
    "007",
    "1e5",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Ω≈ç√∫˜µ≤≥÷",
    "\u202eevil\u202c",
    "'; DROP TABLE events; --",
    "Robert'); DELETE FROM user_scores WHERE ('1'='1",
    "=cmd|'/c calc'!A1",
    "@SUM(1+1)*cmd()",
    "+1",
    "-1",
    "../../../../etc/passwd",
    "{{ 7 * 7 }}",
    "${HOME}",
    "%s%n",
    "<script>alert(1)</script>",
    "NULL",
    "nan",
    "true",
    "a b",
    "x" * 256,
]
"""Users that look like something else: taken as they are."""

AMOUNTS = {"1.5": 15_000, "-3": -30_000, "0.0001": 1, "100000000000000": 10**18, "1e3": 10_000_000, "": None}
WRONG_AMOUNTS = ["inf", "-inf", "Infinity", "nan", "NaN", "1e400", str(10**18), "-" + str(10**18), "12,5", "twelve", "0x1F", "1_000", "٣٤"]

REFUSED_LINES = [
    b'q1,"open,2026-01-05T10:00:00Z,view,1',
    b'q2,"a"b,2026-01-05T10:00:00Z,view,1',
    b"q3,u1,2026-01-05T10:00:00Z,view",
    b"q4,u1,2026-01-05T10:00:00Z,view,1,more",
    b"q5,caf\xe9,2026-01-05T10:00:00Z,view,1",
    b"q6,\xed\xa0\x80,2026-01-05T10:00:00Z,view,1",
    b"q7,\xff\xfe,2026-01-05T10:00:00Z,view,1",
    b"q8,a\x00b,2026-01-05T10:00:00Z,view,1",
    b"q9,u1,9999-12-31T00:00:00Z,view,1",
    b"q10,u1,2026-01-05T10:00:00Z,VIEW,1",
    b"q11,u1,2026-01-05T10:00:00Z,view' OR '1'='1,1",
    b"q12,,2026-01-05T10:00:00Z,view,1",
    b"q13,   ,2026-01-05T10:00:00Z,view,1",
    b",u1,2026-01-05T10:00:00Z,view,1",
    b"q15," + b"x" * 257 + b",2026-01-05T10:00:00Z,view,1",
    b"q16,u1,,view,1",
    b"q17,u1,2026-01-05T10:00:00Z,,1",
    b",,,,",
    b"\xf0\x9f\x92\xa9",
    b'"',
]


def csv(*fields: str) -> bytes:
    """A line with every field in quotes."""
    return ",".join('"' + each.replace('"', '""') + '"' for each in fields).encode()


def corpus() -> tuple[list[bytes], dict[str, str], dict[str, int | None], set[int]]:
    """The lines below the header; users and values by id of those to be taken; line numbers of those to be refused."""
    good = [csv(f"u{number}", user, TIME, "view", "1") for number, user in enumerate(IDS)]
    good += [csv(f"v{number}", "u1", TIME, "view", text) for number, text in enumerate(AMOUNTS)]
    bad = REFUSED_LINES + [csv(f"w{number}", "u1", TIME, "view", text) for number, text in enumerate(WRONG_AMOUNTS)]
    lines: list[bytes] = []
    for number in range(max(len(good), len(bad))):
        lines += good[number : number + 1] + bad[number : number + 1]
    refused = {number + 2 for number, line in enumerate(lines) if line in bad}
    return lines, {f"u{n}": user for n, user in enumerate(IDS)}, {f"v{n}": value for n, value in enumerate(AMOUNTS.values())}, refused


@pytest.mark.parametrize(("start", "end"), [(b"", b"\n"), (b"\xef\xbb\xbf", b"\r\n")], ids=["plain", "BOM and CR LF"])
def test_every_line_of_a_hostile_csv_is_taken_as_it_is_or_refused_with_a_reason(tmp_path: Path, start: bytes, end: bytes) -> None:
    lines, users, values, refused = corpus()
    shop = made(tmp_path / "shop", more=LENIENT)
    shop.deliver(FIRST, start + end.join([HEADER.encode(), *lines, b""]))
    shop.ingest()
    assert shop.tally() == (len(lines), len(users) + len(values), len(refused), 0, 0, True)
    events = {event["event_id"]: event for event in shop.events()}
    assert {name: event["user_id"] for name, event in events.items() if name in users} == users
    assert {name: event["value"] for name, event in events.items() if name in values} == values
    assert {each["row"] for each in shop.refused()} == refused


def test_refused_rows_of_a_hostile_csv_fit_into_postgresql(tmp_path: Path, new_config: Callable[[str], Config]) -> None:
    """Which holds neither NUL nor half a character."""
    lines, users, values, refused = corpus()
    url = new_config("postgresql").warehouse.url
    shop = made(tmp_path / "shop", more=f"{LENIENT}\n[warehouse]\nurl = {json.dumps(url)}")
    shop.deliver(FIRST, b"\n".join([HEADER.encode(), *lines, b""]))
    shop.ingest()
    assert shop.tally() == (len(lines), len(users) + len(values), len(refused), 0, 0, True)
    assert {each["row"] for each in shop.refused()} == refused


def test_refused_rows_keep_their_texts(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop", more=LENIENT)
    shop.deliver(FIRST, [row(1), "q1,=cmd|'/c calc'!A1,tomorrow,view,\U0001f600", "q2,u1,2026-01-05"])
    shop.ingest()
    first, second = (json.loads(each["source_row"]) for each in shop.refused())
    assert first == {"id": "q1", "user": "=cmd|'/c calc'!A1", "time": "tomorrow", "type": "view", "value": "\U0001f600"}
    assert second == {"line": "q2,u1,2026-01-05"}
    assert "event_time_unreadable" in shop.refused()[0]["rule"]
    assert "value" in shop.refused()[0]["rule"]


GOOD_JSON: dict[str, Any] = {"id": "e1", "user": "u1", "time": TIME, "type": "view", "value": 1.5}
TAKEN_JSON = [
    json.dumps(GOOD_JSON),
    json.dumps({**GOOD_JSON, "id": "e2", "user": "\U0001f600"}),
    json.dumps({**GOOD_JSON, "id": "e3", "user": "'; DROP TABLE events; --"}, ensure_ascii=False),
    json.dumps({**GOOD_JSON, "id": "e4", "value": None}),
    json.dumps({**GOOD_JSON, "id": "e5", "value": "2.5"}),
    json.dumps({"value": 3, **{name: GOOD_JSON[name] for name in ("type", "time", "user")}, "id": "e6"}),
    json.dumps({**GOOD_JSON, "id": "e7", "unknown": {"deep": [1, {"deeper": None}]}}),
    json.dumps({**GOOD_JSON, "id": 8}),
]
REFUSED_JSON = [
    b"{bad",
    b"[1, 2]",
    b"null",
    b'"text"',
    b"{}",
    b"42",
    b'{"id": "f1", "user": "u1"',
    json.dumps(GOOD_JSON).encode()[:-5] + b"\xff\xfe}",
    json.dumps({**GOOD_JSON, "id": "f2", "user": "a\0b"}).encode(),
    json.dumps({**GOOD_JSON, "id": "f3", "value": "many"}).encode(),
    json.dumps({**GOOD_JSON, "id": "f4", "value": 10**18}).encode(),
    json.dumps({**GOOD_JSON, "id": "f5", "time": "9999-12-31T00:00:00Z"}).encode(),
    json.dumps({**GOOD_JSON, "id": "f6", "type": ["view"]}).encode(),
    json.dumps({**GOOD_JSON, "id": "f7", "value": float("inf")}).encode(),
    json.dumps({**GOOD_JSON, "id": "f8"}).encode() * 2,
    b'{"id": "f9", "user": "\\ud800", "time": "' + TIME.encode() + b'", "type": "view"}',
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b"id,user,time,type,value",
    b"\x00",
]


def test_every_line_of_hostile_json_lines_is_taken_or_refused_with_a_reason(tmp_path: Path) -> None:
    lines = [line for pair in zip(map(str.encode, TAKEN_JSON), REFUSED_JSON, strict=False) for line in pair] + REFUSED_JSON[
        len(TAKEN_JSON) :
    ]
    shop = made(tmp_path / "shop", source={"files": "events/{date}.jsonl"}, more=LENIENT)
    shop.deliver(FIRST, b"\n".join(lines) + b"\n", ".jsonl")
    shop.ingest()
    assert {event["event_id"] for event in shop.events()} == {*(f"e{number}" for number in range(1, 8)), "8"}
    assert {each["row"] for each in shop.refused()} == {number + 1 for number, line in enumerate(lines) if line in REFUSED_JSON}
    assert shop.tally() == (len(lines), len(TAKEN_JSON), len(REFUSED_JSON), 0, 0, True)


def parquet(**columns: Any) -> bytes:
    """A Parquet file of the corpus' columns, some of them replaced."""
    lines = [row(number).split(",") for number in range(5_000)]
    texts = {name: [line[place] for line in lines] for place, name in enumerate(HEADER.split(","))}
    sink = io.BytesIO()
    pq.write_table(
        pa.table({**texts, **columns}), sink, compression="none", write_page_checksum=True, data_page_size=4_096, use_dictionary=False
    )
    return sink.getvalue()


def flipped(content: bytes, place: float) -> bytes:
    at = int(len(content) * place)
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


WHOLE_PARQUET = parquet()
WHOLE_GZ = gzip.compress("\n".join([HEADER, *(row(number) for number in range(5_000)), ""]).encode())
DAMAGED = {
    "an empty file": (".csv", b""),
    "UTF-16": (".csv", f"{HEADER}\n{row(1)}\n".encode("utf-16")),
    "a header with a quote": (".csv", f'"{HEADER}\n{row(1)}\n'.encode()),
    "a column twice": (".csv", b"id,user,time,type,value,user\n"),
    "a column missing": (".csv", b"id,user,time,type\n"),
    "Parquet named csv": (".csv", WHOLE_PARQUET),
    "half a gz": (".csv.gz", WHOLE_GZ[: len(WHOLE_GZ) // 2]),
    "a bit in a gz": (".csv.gz", flipped(WHOLE_GZ, 0.5)),
    "text named gz": (".csv.gz", f"{HEADER}\n{row(1)}\n".encode()),
    "an empty gz": (".csv.gz", b""),
    "half a Parquet file": (".parquet", WHOLE_PARQUET[: len(WHOLE_PARQUET) // 2]),
    "a Parquet file without its end": (".parquet", WHOLE_PARQUET[:-1]),
    "a bit in a page": (".parquet", flipped(WHOLE_PARQUET, 0.4)),
    "a bit in the footer": (".parquet", flipped(WHOLE_PARQUET, 0.999)),
    "text named Parquet": (".parquet", f"{HEADER}\n{row(1)}\n".encode()),
    "an empty Parquet file": (".parquet", b""),
    "Parquet without a column": (".parquet", parquet(value=pa.nulls(5_000)).replace(b"user", b"USER")),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_is_one_clear_error_and_commits_nothing(tmp_path: Path, what: str) -> None:
    suffix, content = DAMAGED[what]
    shop = made(tmp_path / "shop", source={"files": f"events/{{date}}{suffix}"}, more=LENIENT)
    path = shop.deliver(FIRST, content, suffix)
    assert path.name in shop.refuses(11)
    assert shop.taken().events == {}


def test_a_bomb_is_refused_before_it_has_filled_anything(tmp_path: Path) -> None:
    """60 MB of zeros in 60 kB."""
    shop = made(tmp_path / "shop", source={"files": "events/{date}.csv.gz", "max_file_gib": 0.01}, more=LENIENT)
    shop.deliver(FIRST, gzip.compress(HEADER.encode() + b"\n" + b"0" * 60_000_000), ".csv.gz")
    assert "max_file_gib" in shop.refuses(11)


def test_a_field_of_50_megabytes_costs_its_own_line_at_most(tmp_path: Path) -> None:
    shop = made(tmp_path / "shop", more=LENIENT)
    shop.deliver(FIRST, "\n".join([HEADER, row(1), f"big,u1,{TIME},view,{'9' * 50_000_000}", row(2), ""]))
    shop.ingest()
    assert {event["event_id"] for event in shop.events()} == {"05-1", "05-2"}
    assert shop.tally() == (3, 2, 1, 0, 0, True)
    (refused,) = shop.refused()
    assert refused["row"] == 3


def test_types_of_parquet_that_nobody_expected(tmp_path: Path) -> None:
    """Whole rows of odd types are read as text, or refused; never lost."""
    shop = made(tmp_path / "shop", source={"files": "events/{date}.parquet"}, more=LENIENT)
    odd: dict[str, Any] = {
        "user": pa.array([b"bytes\xff" if n % 2 else b"u1" for n in range(5_000)]),
        "value": pa.array([[float(n)] if n % 3 else None for n in range(5_000)]),
    }
    shop.deliver(FIRST, parquet(**odd), ".parquet")
    done = shop.begin("ingest", "--date", str(FIRST)).ended()
    assert done.code in {0, 11, 12}, done.said
    if done.code == 0:
        assert shop.tally()[0] == 5_000
    else:
        assert shop.taken().events == {}


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    shop: Shop = made(tmp_path / "shop")
    (shop.folder / "events" / f"{FIRST}.csv").mkdir(parents=True)
    assert shop.begin("ingest", "--date", str(FIRST)).ended().code in {11, 13}
