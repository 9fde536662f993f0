"""Parsed expressions as SQL. Source columns go by position (`c0`, `c1`, …), so no name from outside reaches a statement."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.source.mapping import Choice, Column, Equals, Expression, Integer, IsEmpty, Literal, Product, StartsWith

Positions = Mapping[str, int]
"""Position of each source column by name."""


def quoted(name: str) -> str:
    """The name as an SQL identifier, safe whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string, safe whatever it contains."""
    return "'" + text.replace("'", "''") + "'"


def text_of(expression: Expression, positions: Positions) -> str:
    """SQL for the expression's text; null where empty. A product has no text: see `factors_of`."""
    match expression:
        case Column(name):
            return f"nullif(c{positions[name]}, '')"
        case Literal(text):
            return f"nullif({literal(text)}, '')"
        case Integer(column):
            source = f"trim(c{positions[column.name]})"
            whole = f"CAST(CAST(split_part({source}, '.', 1) AS HUGEINT) AS VARCHAR)"
            return f"CASE WHEN regexp_full_match({source}, '[+-]?[0-9]{{1,37}}([.]0*)?') THEN {whole} END"
        case Choice(then, column, test, otherwise):
            source, one, other = text_of(column, positions), text_of(then, positions), text_of(otherwise, positions)
            if isinstance(test, IsEmpty):
                return f"CASE WHEN {source} IS NULL THEN {one} ELSE {other} END"
            return f"CASE WHEN {_passes(test, source)} THEN {one} WHEN {source} IS NOT NULL THEN {other} END"
        case Product():
            raise TypeError("A product is a number; only `value` may be one")


def _passes(test: StartsWith | Equals, source: str) -> str:
    match test:
        case StartsWith(prefix):
            return f"starts_with({source}, {literal(prefix)})"
        case Equals(text):
            return f"{source} = {literal(text)}"


def factors_of(expression: Expression, positions: Positions) -> tuple[str, str]:
    """SQL for the texts of the two numbers whose product is the value; the second is '1' where there is only one."""
    if isinstance(expression, Product):
        return text_of(expression.left, positions), text_of(expression.right, positions)
    return text_of(expression, positions), "'1'"


def not_whole(expression: Expression, positions: Positions) -> str:
    """SQL for whether `integer(A)` was given a text that is not a whole number; `false` for every other expression."""
    if not isinstance(expression, Integer):
        return "false"
    source = f"trim(c{positions[expression.column.name]})"
    return f"({source} <> '' AND {text_of(expression, positions)} IS NULL)"
