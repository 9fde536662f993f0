"""Whatever the bytes of a file: each of its lines is an event, a refused row or a re-delivery, or there is one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.config import Config
from pipeline.errors import NightcastError
from pipeline.lake import Lake
from pipeline.stages import ingest
from pipeline.warehouse import open_warehouse

DAY = date(2026, 1, 5)
HEADER = b"id,user,time,type,value"
SOUND = {"id": "sound", "user": "u", "time": "2026-01-05 10:00:00", "type": "view", "value": "1"}
EXAMPLES = 8

Shop = Callable[[str], Config]
Counts = dict[str, int]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One folder for every example of a format."""
    root = tmp_path_factory.mktemp("shop")

    def of(suffix: str) -> Config:
        (root / suffix).mkdir(exist_ok=True)
        columns = {"event_id": "id", "user_id": "user", "event_time": "time", "event_type": "type", "value": "value"}
        return Config(
            root=root / suffix,
            source={
                "files": f"{{date}}.{suffix}",
                "event_types": ["view", "purchase"],
                "columns": columns,
                "settle_seconds": 0,
                "drift": "accept",
            },
            targets={"t": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
            validation={"max_quarantined_share": 1.0, "max_age_hours": 0},
            lake={"buckets": 4},
        )

    return of


def taken(config: Config, content: bytes) -> Counts:
    """Ingest a day with these bytes; what is recorded of it, which is what is there."""
    (config.root / f"{DAY}{Path(config.source.files).suffix}").write_bytes(content)
    ingest.run(config, DAY, DAY, show=False)
    with open_warehouse(config) as warehouse:
        (found,) = warehouse.query("SELECT rows, accepted, quarantined, duplicates FROM validation_runs").to_pylist()
        refused = warehouse.query("SELECT reason, rule, source_row FROM quarantined_events").to_pylist()
    counts: Counts = found
    assert counts["rows"] == counts["accepted"] + counts["quarantined"] + counts["duplicates"]
    assert counts["quarantined"] == len(refused)
    assert all(row["reason"] and row["rule"] and row["source_row"] for row in refused)
    assert counts["accepted"] == Lake(config.lake_url).read("events", {"day": DAY.isoformat()}).num_rows
    return counts


def or_error(config: Config, content: bytes) -> Counts | None:
    """`taken`, or None after an error that a person can act on, which has left the day as it was."""
    version = Lake(config.lake_url).version("events")
    try:
        return taken(config, content)
    except NightcastError as error:
        said = error
    assert said.mend
    assert Lake(config.lake_url).version("events") == version
    return None


FIELD = st.one_of(
    st.sampled_from(
        ["", "1", "u1", "view", "2026-01-05 10:00:00", "2026-01-05T10:00:00Z", "9999-12-31", "nan", "-inf", "1e999", "\U0001f600", "'; --"]
    ),
    st.text(st.characters(exclude_characters='",\r\n', exclude_categories=["Cs"]), max_size=12),
)
LINE = st.one_of(
    st.lists(FIELD, min_size=1, max_size=7).map(lambda fields: ",".join(fields).encode()),
    st.tuples(FIELD, FIELD, st.just("2026-01-05 10:00:00"), st.sampled_from(["view", "purchase"]), FIELD).map(
        lambda f: ",".join(f).encode()
    ),
)
BYTES = st.one_of(
    LINE, st.binary(max_size=40), st.sampled_from([b'"', b'"open', b'a"b', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'""', b"\r", b""])
)
SOUND_LINE = ",".join(SOUND.values()).encode()


@settings(max_examples=EXAMPLES)
@given(st.lists(LINE, max_size=12))
@example([b",,,,", b",", SOUND_LINE])
def test_every_line_of_a_csv_without_quotes_is_a_row(shop: Shop, lines: list[bytes]) -> None:
    counts = taken(shop("csv"), b"\n".join([HEADER, SOUND_LINE, *lines, b""]))
    assert counts["rows"] == 1 + sum(line != b"" for line in lines)


@settings(max_examples=EXAMPLES)
@given(st.lists(BYTES, max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r"]))
@example([b'"'], b"\n")
@example([b'b,"u\n1",2026-01-05 10:00:00,view,1', b"x"], b"\n")
def test_bytes_that_may_be_a_csv_lose_nothing(shop: Shop, lines: list[bytes], end: bytes) -> None:
    """A quote may span lines, so there may be fewer rows than lines; but none for an empty line, and the sound lines are there."""
    first, last = SOUND_LINE, SOUND_LINE.replace(b"sound", b"last")
    content = end.join([HEADER, first, *lines, last, b""])
    counts = or_error(shop("csv"), content)
    if counts is not None:
        assert 1 <= counts["rows"] <= sum(line != b"" for line in content.splitlines()) - 1


JSON_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
JSON_LINE = st.one_of(
    st.dictionaries(st.sampled_from([*SOUND, "more"]), JSON_VALUE, max_size=6).map(lambda found: json.dumps(found).encode()),
    JSON_VALUE.map(lambda found: json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.fixed_dictionaries({**{name: st.just(text) for name, text in SOUND.items()}, "id": JSON_VALUE}).map(
        lambda found: json.dumps(found).encode()
    ),
    st.binary(min_size=1, max_size=30).map(lambda found: found.translate(None, b"\r\n")),
)


@settings(max_examples=EXAMPLES)
@given(st.lists(JSON_LINE, max_size=12))
@example([b"[" * 2_000, b'{"id": "\\ud800"}', b'{"user": NaN}', b"{}", b'{"id": 1, "id": 2}'])
def test_every_line_of_a_json_lines_file_is_a_row(shop: Shop, lines: list[bytes]) -> None:
    counts = taken(shop("jsonl"), b"\n".join([json.dumps(SOUND).encode(), *lines, b""]))
    assert counts["rows"] == 1 + sum(line.strip() != b"" for line in lines)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl", "parquet", "csv.gz", "jsonl.zst", "csv.bz2", "csv.xz"]))
def test_any_bytes_are_taken_or_refused_with_one_clear_error(shop: Shop, content: bytes, suffix: str) -> None:
    or_error(shop(suffix), content)
