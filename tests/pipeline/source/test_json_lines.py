from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.source import blocks, json_lines
from pipeline.source.files import open_file
from tests.pipeline.source.read_rows import Line, lines_of, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.jsonl"


def table_of(path: Path, content: bytes) -> list[dict[str, object]]:
    """The cells of every row by column name."""
    rows, lines = read(path, content)
    return [dict(zip(rows.columns, line.cells, strict=True)) for line in lines if not line.fault]


def test_a_row_for_each_line_and_the_line_with_it(path: Path) -> None:
    rows, lines = read(path, b'\xef\xbb\xbf{"id": "1", "v": 2.50}\n\n{"v":3,"id":"b"}\r\n  \n {} ')
    assert rows.columns == {"id": "string", "v": "number"}
    assert not rows.header
    assert lines == [
        Line(1, ("1", "2.50"), None, '{"id": "1", "v": 2.50}'),
        Line(3, ("b", "3"), None, '{"v":3,"id":"b"}'),
        Line(5, (None, None), None, " {} "),
    ]


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        ("12.10", "12.10", "number"),
        ("1000000000000000000", "1000000000000000000", "number"),
        ("1234567890123456789012345678901234567890.5", "1234567890123456789012345678901234567890.5", "number"),
        ("-0", "-0", "number"),
        ("1E400", "1E400", "number"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827", "number"),
        ("true", "true", "boolean"),
        ("false", "false", "boolean"),
        ("null", None, "null"),
        ('""', "", "string"),
        ('"12.10"', "12.10", "string"),
        (r'"a\"\\\n\u00e9\ud83d\ude00"', 'a"\\\né😀', "string"),
        ('"=cmd()"', "=cmd()", "string"),
        ('{ "b": [1.50, {"c": null}],  "d": "\\u0000" }', '{ "b": [1.50, {"c": null}],  "d": "\\u0000" }', "object"),
        ("[1.0, 2]", "[1.0, 2]", "array"),
        ("[]", "[]", "array"),
    ],
)
def test_a_value_is_as_written_with_its_type(value: str, text: str | None, kind: str, path: Path) -> None:
    rows, lines = read(path, f'{{"before":1 , "v" : {value}, "after": "z"}}\n'.encode())
    assert rows.columns["v"] == kind
    assert lines[0].cells == ("1", text, "z")


def test_types_that_differ_are_all_named(path: Path) -> None:
    rows, _ = read(path, b'{"v":1,"w":null}\n{"v":"a"}\n{"v":null}\n')
    assert rows.columns == {"v": "number or string", "w": "null"}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"id": 1', "not valid JSON: Expecting ',' delimiter"),
        (b'{"id": 1}}', "something follows the value at character 10"),
        (b'{"id": 1} {"id": 2}', "something follows"),
        (b'{"id": NaN}', "NaN is no JSON value"),
        (b'{"id": -Infinity}', "-Infinity is no JSON value"),
        (b'{"id": 01}', "not valid JSON"),
        (b"{'id': 1}", "not valid JSON"),
        (b'{"id": 1,}', "not valid JSON"),
        (b'{"id": "a\tb"}', "Invalid control character"),
        (b'{"id": "a\0b"}', "Invalid control character"),
        (b'{"id": "a\\u0000b"}', "NUL"),
        (b'{"i\\u0000d": "a"}', "NUL"),
        (b'{"id": "\\ud83d"}', "half of a character"),
        (b'{"id": "caf\xe9"}', "not UTF-8"),
        (b'{"id": 1, "id": 2}', "the key 'id' twice"),
        (b'{"id": {"a": 1, "a": 1}}', "the key 'a' twice"),
        (b"[1]", "not an object"),
        (b'"text"', "not an object"),
        (b"null", "not an object"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"id,user", "not valid JSON"),
    ],
)
def test_only_the_broken_line_is_at_fault(line: bytes, fault: str, path: Path) -> None:
    _, lines = read(path, b'{"id":"1"}\n' + line + b'\n{"id":"2"}\n')
    assert [(row.line, row.cells) for row in lines if not row.fault] == [(1, ("1",)), (3, ("2",))]
    broken = lines[1]
    assert broken.line == 2
    assert fault in str(broken.fault)
    assert broken.text == line.decode("utf-8", "backslashreplace")


def test_an_overlong_line_is_at_fault_and_kept_short(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 5_000)
    _, lines = read(path, b'{"id":"1"}\n{"id":"' + b"x" * 12_345 + b'"}\n{"id":"2"}\n')
    assert [(row.line, bool(row.fault), len(str(row.text))) for row in lines] == [(1, False, 10), (2, True, 1_000), (3, False, 10)]
    assert "longer than 5,000 bytes" in str(lines[1].fault)


def test_keys_of_later_blocks_are_kept_in_the_text_and_are_columns_if_wanted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10)
    path.write_bytes(b'{"id":"1"}\n{"id":"2","late":5,"other":6}\n')
    with open_file(str(path), settle_seconds=0, max_gib=1, wanted=("late", "id")) as rows:
        assert rows.columns == {"id": "string", "late": "null"}
        assert lines_of(rows) == [Line(1, ("1", None), None, '{"id":"1"}'), Line(2, ("2", "5"), None, '{"id":"2","late":5,"other":6}')]


def test_so_many_keys_that_they_are_no_columns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MOST_KEYS", 2)
    path.write_bytes(b'{"a":1,"b":2,"c":3,"d":4}\n')
    with open_file(str(path), settle_seconds=0, max_gib=1, wanted=("d",)) as rows:
        assert list(rows.columns) == ["a", "b", "d"]
        assert [line.cells for line in lines_of(rows)] == [("1", "2", "4")]


def test_a_chunk_of_many_columns_has_fewer_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MOST_CELLS", 6)
    path.write_bytes(b'{"a":1,"b":2,"c":3}\n' * 5)
    with open_file(str(path), settle_seconds=0, max_gib=1) as rows:
        assert [chunk.num_rows for chunk in rows.chunks] == [2, 2, 1]


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(content: bytes, path: Path) -> None:
    with pytest.raises(SourceError, match=r"day\.jsonl is empty"):
        read(path, content)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)


def _json(value: object, ascii_only: bool) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(key, ascii_only)}:{_json(each, ascii_only)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + " ,".join(_json(each, ascii_only) for each in value) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=ascii_only)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=5), st.booleans())
def test_whatever_is_written_is_read_back(tmp_path: Path, records: list[dict[str, Any]], ascii_only: bool) -> None:
    content = "".join(_json(record, ascii_only) + "\n" for record in records)
    found = table_of(tmp_path / "day.jsonl", content.encode())
    keys = dict.fromkeys(key for record in records for key in record)
    expected = [
        {key: value if (value := record.get(key)) is None or isinstance(value, str) else _json(value, ascii_only) for key in keys}
        for record in records
    ]
    assert found == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from([b'{"a":1}', b'{"b":[1]}', b"", b"   ", b"{", b"\xff", b"\0", b"[]", b'{"a":1,"a":2}', b'{"a":"b\\u0000"}']),
        max_size=12,
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([1, 10, 1 << 20]),
    st.sampled_from([1, 3, 1 << 20]),
)
def test_every_line_of_any_mixture_is_accounted_for_once(tmp_path: Path, lines: list[bytes], end: bytes, block: int, parsed: int) -> None:
    expected = [number for number, line in enumerate(lines, start=1) if line.strip()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", block)
        patch.setattr(json_lines, "PARSED_AT_ONCE", parsed)
        if not expected:
            with pytest.raises(SourceError, match="is empty"):
                read(tmp_path / "day.jsonl", end.join(lines))
            return
        _, found = read(tmp_path / "day.jsonl", end.join(lines))
    assert [line.line for line in found] == expected
    assert all(line.text is not None for line in found)
