"""One JSON object from one line, every value as exact as it is written."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from pipeline.source import blocks

NESTED = {dict, list}
SPACES = re.compile(r"[ \t]*")


class Fault(Exception):
    """What is wrong with a line, for people."""


class Number(str):
    """A JSON number as written."""

    __slots__ = ()


class Nested(str):
    """A JSON object or array as written; `kind` says which."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """`object` or `array`."""
        return "object" if self.startswith("{") else "array"


def parse(line: bytes) -> tuple[str, dict[str, object]]:
    """The line as text, without its end, and its object: str, Number, Nested, bool or None by key. Raises Fault if it is no object."""
    if len(line) >= blocks.LONGEST_LINE:
        raise Fault(f"The line is longer than {blocks.LONGEST_LINE:,} bytes")
    try:
        text = line.rstrip(b"\r\n").decode()
        found, end = DECODER.raw_decode(text, len(text) - len(text.lstrip(" \t")))
        if text[end:].strip(" \t"):
            raise Fault(f"The line is not valid JSON: something follows the value at character {end + 1:,}")
    except UnicodeDecodeError:
        raise Fault("The line is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Fault(f"The line is not valid JSON: {error.msg} at character {error.pos + 1:,}") from None
    except RecursionError:
        raise Fault("The line is not valid JSON: it is nested too deeply") from None
    if not isinstance(found, dict):
        raise Fault("The line is valid JSON, but not an object")
    if not NESTED.isdisjoint(map(type, found.values())):
        found = _with_nested(text)
    if "\\u" in text:
        _check_characters(found)
    return text, found


def kind_of(value: object) -> str:
    """The JSON type of a value of `parse`."""
    if isinstance(value, Nested):
        return value.kind
    if isinstance(value, Number):
        return "number"
    return {str: "string", bool: "boolean"}.get(type(value), "null")


def text_of(value: object) -> str | None:
    """A value of `parse` as text; None for null."""
    if value is None or isinstance(value, str):
        return value
    return "true" if value else "false"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Fault(f"The line names the key {twice[:80]!a} twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise Fault(f"The line is not valid JSON: {name} is no JSON value")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant)


def _with_nested(text: str) -> dict[str, object]:
    """The object of a line known to be valid, its nested values as they are written."""
    found: dict[str, object] = {}
    position = _next(text, text.index("{") + 1)
    while text[position] != "}":
        key, position = DECODER.raw_decode(text, position)
        start = _next(text, _next(text, position) + 1)
        value, position = DECODER.raw_decode(text, start)
        found[key] = Nested(text[start:position]) if isinstance(value, dict | list) else value
        position = _next(text, position)
        if text[position] == ",":
            position = _next(text, position + 1)
    return found


def _next(text: str, position: int) -> int:
    return SPACES.match(text, position).end()  # type: ignore[union-attr]


def _check_characters(found: dict[str, object]) -> None:
    """Escapes can write what no text may hold."""
    parts = [part for pair in found.items() for part in pair if isinstance(part, str)]
    if any("\0" in part for part in parts):
        raise Fault("The line holds a NUL character")
    try:
        "\n".join(parts).encode()
    except UnicodeEncodeError:
        raise Fault("The line holds half of a character, such as \\ud83d alone") from None
