from __future__ import annotations

import pytest

from pipeline.source.json_line import Fault, Nested, Number, kind_of, parse, text_of


def test_nested_values_are_cut_out_of_the_line_as_written() -> None:
    line = b' { "a" : [ 1.50 , "]}" ] ,"b":{ } , "c" : "{[" , "d":12.10,"e":[]} \r\n'
    text, found = parse(line)
    assert text == line.decode().rstrip("\r\n")
    assert found == {"a": '[ 1.50 , "]}" ]', "b": "{ }", "c": "{[", "d": "12.10", "e": "[]"}
    assert [type(value) for value in found.values()] == [Nested, Nested, str, Number, Nested]
    assert [kind_of(value) for value in found.values()] == ["array", "object", "string", "number", "array"]


@pytest.mark.parametrize(
    ("line", "kind", "text"), [(b'{"a":true}', "boolean", "true"), (b'{"a":false}', "boolean", "false"), (b'{"a":null}', "null", None)]
)
def test_true_false_and_null(line: bytes, kind: str, text: str | None) -> None:
    value = parse(line)[1]["a"]
    assert (kind_of(value), text_of(value)) == (kind, text)


def test_an_escape_that_only_looks_like_nul_is_text() -> None:
    assert parse(rb'{"a":"\\u0000"}')[1] == {"a": r"\u0000"}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"a":\xa0}'])
def test_what_is_no_object_is_a_fault(line: bytes) -> None:
    with pytest.raises(Fault, match="The line"):
        parse(line)
