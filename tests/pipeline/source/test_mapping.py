from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError, SourceError
from pipeline.source.mapping import (
    Choice,
    Column,
    Equals,
    Integer,
    IsEmpty,
    Literal,
    Product,
    StartsWith,
    check_columns,
    columns_of,
    parse,
    parse_columns,
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("CustomerID", Column("CustomerID")),
        ("  größe_2 ", Column("größe_2")),
        ('"Customer ID"', Column("Customer ID")),
        ('"a ""b"" c"', Column('a "b" c')),
        ("'shop'", Literal("shop")),
        ("'it''s'", Literal("it's")),
        ("''", Literal("")),
        ("integer", Column("integer")),
        ("integer(CustomerID)", Integer(Column("CustomerID"))),
        ('integer( "Customer ID" )', Integer(Column("Customer ID"))),
        (
            "'cancel' if InvoiceNo starts with 'C' else 'purchase'",
            Choice(Literal("cancel"), Column("InvoiceNo"), StartsWith("C"), Literal("purchase")),
        ),
        ("kind if \"in no\" starts with 'C' else other", Choice(Column("kind"), Column("in no"), StartsWith("C"), Column("other"))),
        ("'x' if a = 'it''s' else b", Choice(Literal("x"), Column("a"), Equals("it's"), Column("b"))),
        ("'x' if a='v' else 'y'", Choice(Literal("x"), Column("a"), Equals("v"), Literal("y"))),
        ("'x' if a is empty else a", Choice(Literal("x"), Column("a"), IsEmpty(), Column("a"))),
        (
            "'question' if Kind = '1' else 'answer' if Kind = '2' else 'other'",
            Choice(
                Literal("question"), Column("Kind"), Equals("1"), Choice(Literal("answer"), Column("Kind"), Equals("2"), Literal("other"))
            ),
        ),
        ("starts if is = 'with' else empty", Choice(Column("starts"), Column("is"), Equals("with"), Column("empty"))),
    ],
)
def test_each_form_is_read(source: str, expected: object) -> None:
    assert parse("source.columns.user_id", source) == expected


def test_value_may_be_a_product() -> None:
    assert parse("source.columns.value", "Quantity * '0.01'") == Product(Column("Quantity"), Literal("0.01"))


@pytest.mark.parametrize(
    "source",
    [
        "",
        "a b",
        "a +",
        "a * b * c",
        "1",
        "'open",
        '"open',
        '""',
        "integer(",
        "integer(a",
        "integer('5')",
        "integer(a) b",
        "a; DROP TABLE raw",
        "'x' if a starts with b else 'y'",
        "'x' if a starts 'C' else 'y'",
        "'x' if 'a' starts with 'C' else 'y'",
        "'x' if a starts with 'C'",
        "'x' if a = b else 'y'",
        "'x' if a == 'b' else 'y'",
        "'x' if a is 'b' else 'y'",
        "'x' if a is empty",
        "'x' if a = '1' else 'y' if",
        "'x' if a = '1' else integer(b)",
        "a = 'b'",
        "a\0b",
        "count(*)",
    ],
)
def test_anything_else_is_refused_with_its_place_and_the_forms(source: str) -> None:
    with pytest.raises(ConfigError, match=r"source\.columns\.value") as found:
        parse("source.columns.value", source)
    assert repr(source) in str(found.value)
    assert "starts with" in found.value.mend


def test_columns_are_named_with_the_stream_they_stand_in() -> None:
    assert parse_columns({"value": "a * b"}, "source.streams.web.columns") == {"value": Product(Column("a"), Column("b"))}
    with pytest.raises(ConfigError, match=r"source\.streams\.web\.columns\.item_id"):
        parse_columns({"item_id": "a b"}, "source.streams.web.columns")


def test_a_choice_reads_every_column_in_it() -> None:
    found = parse("source.columns.item_id", "a if b = '1' else c if d is empty else e")
    assert set(columns_of(found)) == set("abcde")


def test_only_value_may_be_a_product() -> None:
    with pytest.raises(ConfigError, match="only `value` is a number"):
        parse("source.columns.item_id", "a * b")


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(source: str) -> None:
    with suppress(ConfigError):
        columns_of(parse("source.columns.value", source))


@given(st.text(min_size=1, max_size=20).filter(lambda name: "\0" not in name))
def test_every_column_name_can_be_quoted(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    assert parse("source.columns.user_id", quoted) == Column(name)


def test_missing_columns_are_named_with_what_there_is() -> None:
    expressions = {"user_id": Integer(Column("CustomerID")), "value": Product(Column("Quantity"), Column("Price"))}
    with pytest.raises(SourceError, match=r"no column 'CustomerID' \(for user_id\), 'Price' \(for value\); it has 'Quantity', 'User'"):
        check_columns(expressions, ["Quantity", "User"], "day.csv")


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(SourceError, match="'a' more than once"):
        check_columns({"user_id": Column("a")}, ["a", "b", "a"], "day.csv")


def test_unmapped_columns_do_not_matter() -> None:
    check_columns({"user_id": Column("a")}, ["z", "a"], "day.csv")
