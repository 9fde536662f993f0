"""Which column of the source becomes which column of an event: the small expressions of `source.columns`, parsed.

CustomerID                                                a column; "Customer ID" in double quotes where the name is not one word
'shop'                                                    the same text in every row; '' inside is one quote
Quantity * UnitPrice                                      a product of numbers, for `value` alone
integer(CustomerID)                                       13798.0 read as 13798
'cancel' if InvoiceNo starts with 'C' else 'purchase'     one text or the other
'question' if Kind = '1' else 'answer' if Kind = '2' else 'other'     the first that holds
'guest' if CustomerID is empty else CustomerID            the one test that an empty column passes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import ConfigError, SourceError


@dataclass(frozen=True)
class Column:
    """The text of a source column; null where empty."""

    name: str


@dataclass(frozen=True)
class Literal:
    """The same text in every row."""

    text: str


@dataclass(frozen=True)
class Integer:
    """A column's number without its decimal point; null where empty. A fraction breaks the row."""

    column: Column


@dataclass(frozen=True)
class Product:
    """The exact product of two decimal numbers; null where either is empty."""

    left: Column | Literal
    right: Column | Literal


@dataclass(frozen=True)
class StartsWith:
    """Whether a column's text begins with `prefix`."""

    prefix: str


@dataclass(frozen=True)
class Equals:
    """Whether a column's text is `text`."""

    text: str


@dataclass(frozen=True)
class IsEmpty:
    """Whether a column has no text."""


@dataclass(frozen=True)
class Choice:
    """`then` where the column passes the test, else `otherwise`; null where it is empty, unless that is the test."""

    then: Column | Literal
    column: Column
    test: StartsWith | Equals | IsEmpty
    otherwise: Column | Literal | Choice


Expression = Column | Literal | Integer | Product | Choice

TOKEN = re.compile(r"""\s*(?:(?P<name>[^\W\d]\w*)|"(?P<quoted>(?:[^"]|"")+)"|'(?P<text>(?:[^']|'')*)'|(?P<sign>[*()=]))""")
FORMS = """a column, "a column", 'text', A * B, integer(A), or 'x' if A starts with 'C' else 'y'; also: if A = 'v', if A is empty"""


class _Tokens:
    """The tokens of one expression, taken from the left."""

    def __init__(self, place: str, source: str) -> None:
        self.place, self.source = place, source
        self.left = list(_split(place, source))

    def peek(self) -> tuple[str, str]:
        return self.left[0] if self.left else ("end", "")

    def take(self, kind: str, value: str | None = None) -> str:
        found = self.peek()
        if found[0] != kind or value not in (None, found[1]):
            raise _unreadable(self.place, self.source)
        return self.left.pop(0)[1]

    def column(self) -> Column:
        return Column(self.take("quoted" if self.peek()[0] == "quoted" else "name"))

    def operand(self) -> Column | Literal:
        return Literal(self.take("text")) if self.peek()[0] == "text" else self.column()


def parse(place: str, source: str) -> Expression:
    """The expression written at `place` of the configuration. Raises ConfigError naming the place, its text and the forms there are."""
    tokens = _Tokens(place, source)
    found: Expression
    if tokens.left[:2] == [("name", "integer"), ("sign", "(")]:
        tokens.left = tokens.left[2:]
        found = Integer(tokens.column())
        tokens.take("sign", ")")
    else:
        first = tokens.operand()
        if tokens.peek() == ("sign", "*"):
            tokens.take("sign", "*")
            found = Product(first, tokens.operand())
        elif tokens.peek() == ("name", "if"):
            found = _choice(tokens, first)
        else:
            found = first
    tokens.take("end") if tokens.left else None
    if isinstance(found, Product) and not place.endswith(".value"):
        raise ConfigError(f"{place} = {source!r} is a product, and only `value` is a number", mend="map a column or a text to it")
    return found


def _choice(tokens: _Tokens, then: Column | Literal) -> Choice:
    tokens.take("name", "if")
    column, test = tokens.column(), _test(tokens)
    tokens.take("name", "else")
    otherwise = tokens.operand()
    return Choice(then, column, test, _choice(tokens, otherwise) if tokens.peek() == ("name", "if") else otherwise)


def _test(tokens: _Tokens) -> StartsWith | Equals | IsEmpty:
    if tokens.peek() == ("sign", "="):
        tokens.take("sign")
        return Equals(tokens.take("text"))
    if tokens.peek() == ("name", "is"):
        tokens.take("name")
        tokens.take("name", "empty")
        return IsEmpty()
    tokens.take("name", "starts")
    tokens.take("name", "with")
    return StartsWith(tokens.take("text"))


def _split(place: str, source: str) -> Iterator[tuple[str, str]]:
    position, text = 0, source.strip()
    if "\0" in text:
        raise _unreadable(place, source)
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unreadable(place, source)
        position, kind = match.end(), match.lastgroup
        value = match.group(kind)
        yield kind, value.replace('""', '"') if kind == "quoted" else value.replace("''", "'")


def _unreadable(place: str, source: str) -> ConfigError:
    return ConfigError(f"{place} = {source!r} cannot be read", mend=f"write {FORMS}")


def parse_columns(columns: Mapping[str, str], place: str = "source.columns") -> dict[str, Expression]:
    """Every expression of a stream's `columns`, written at `place`, by event column. Raises ConfigError as `parse` does."""
    return {name: parse(f"{place}.{name}", source) for name, source in columns.items()}


def columns_of(expression: Expression) -> tuple[str, ...]:
    """Names of the source columns that the expression reads."""
    match expression:
        case Column(name):
            return (name,)
        case Literal():
            return ()
        case Integer(column):
            return (column.name,)
        case Product(left, right):
            return columns_of(left) + columns_of(right)
        case Choice(then, column, _, otherwise):
            return (column.name, *columns_of(then), *columns_of(otherwise))


def check_columns(expressions: Mapping[str, Expression], available: Sequence[str], place: str) -> None:
    """Raise SourceError if an expression reads a column that the source at `place` lacks, or if the source names one twice."""
    if twice := sorted({name for name in available if list(available).count(name) > 1}):
        raise SourceError(f"{place} has the column {', '.join(map(repr, twice))} more than once", mend="give every column its own name")
    wanted = {(event, name) for event, expression in expressions.items() for name in columns_of(expression)}
    missing = sorted(f"{name!r} (for {event})" for event, name in wanted if name not in available)
    if missing:
        raise SourceError(
            f"{place} has no column {', '.join(missing)}; it has {', '.join(map(repr, available))}",
            mend="correct source.columns in nightcast.toml, or have the source deliver the column again",
        )
