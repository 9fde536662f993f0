from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.source.mapping import Choice, Column, Equals, Expression, Integer, Literal, Product, StartsWith, parse
from pipeline.source.mapping_sql import factors_of, literal, not_whole, quoted, text_of

TEXTS = st.text(max_size=20).filter(lambda text: "\0" not in text)


def evaluate(sql: str, value: str | None) -> object:
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {sql} FROM (SELECT CAST(? AS VARCHAR) AS c0)", [value]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("a", "x", "x"),
        ("a", " x ", " x "),
        ("a", "", None),
        ("a", None, None),
        ("'it''s'", None, "it's"),
        ("integer(a)", "13798.0", "13798"),
        ("integer(a)", "13798.", "13798"),
        ("integer(a)", " 13798 ", "13798"),
        ("integer(a)", "-5", "-5"),
        ("integer(a)", "+007", "7"),
        ("integer(a)", "9" * 37, "9" * 37),
        ("integer(a)", "", None),
        ("integer(a)", "  ", None),
        ("integer(a)", "1.5", None),
        ("integer(a)", "nan", None),
        ("integer(a)", "1e3", None),
        ("'cancel' if a starts with 'C' else 'purchase'", "C12", "cancel"),
        ("'cancel' if a starts with 'C' else 'purchase'", "c12", "purchase"),
        ("'cancel' if a starts with 'C' else 'purchase'", None, None),
        ("'cancel' if a starts with 'C' else a", "D1", "D1"),
        ("'x' if a = 'v' else 'y'", "v", "x"),
        ("'x' if a = 'v' else 'y'", "V", "y"),
        ("'x' if a = 'v' else 'y'", "", None),
        ("'x' if a = '' else 'y'", "", None),
        ("'x' if a = '1' else 'y' if a = '2' else 'z'", "1", "x"),
        ("'x' if a = '1' else 'y' if a = '2' else 'z'", "2", "y"),
        ("'x' if a = '1' else 'y' if a = '2' else 'z'", "3", "z"),
        ("'x' if a = '1' else 'y' if a = '2' else 'z'", None, None),
        ("'x' if a is empty else a", "", "x"),
        ("'x' if a is empty else a", None, "x"),
        ("'x' if a is empty else a", " ", " "),
    ],
)
def test_texts(expression: str, value: str | None, expected: str | None) -> None:
    assert evaluate(text_of(parse("source.columns.user_id", expression), {"a": 0}), value) == expected


@pytest.mark.parametrize(("value", "broken"), [("1.5", True), ("x", True), ("13798.0", False), ("", False), (None, None)])
def test_a_fraction_is_not_whole(value: str | None, broken: bool | None) -> None:
    assert evaluate(not_whole(Integer(Column("a")), {"a": 0}), value) is broken


def test_other_expressions_are_always_whole() -> None:
    assert evaluate(not_whole(Column("a"), {"a": 0}), "1.5") is False


@pytest.mark.parametrize(
    ("expression", "factors"),
    [(Product(Column("a"), Literal("0.01")), ("7", "0.01")), (Column("a"), ("7", "1")), (Literal("3"), ("3", "1"))],
)
def test_factors(expression: Expression, factors: tuple[str, str]) -> None:
    left, right = factors_of(expression, {"a": 0})
    assert (evaluate(left, "7"), evaluate(right, "7")) == factors


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_no_text_escapes_from_a_literal_or_a_name(text: str, prefix: str) -> None:
    assert evaluate(literal(text), None) == text
    for test, passed in ((StartsWith(prefix), text.startswith(prefix)), (Equals(prefix), text == prefix)):
        chosen = text_of(Choice(Literal("yes"), Column("a"), test, Literal("no")), {"a": 0})
        assert evaluate(chosen, text) == (None if text == "" else "yes" if passed else "no")
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT 1 AS {quoted(text + 'x')}").description[0][0] == text + "x"
