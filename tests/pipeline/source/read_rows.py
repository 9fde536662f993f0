"""What a reader yields, as plain Python."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.source.files import open_file
from pipeline.source.rows import CHUNK_ROWS, Rows


class Line(NamedTuple):
    """A row: its number and cells; or a line at fault: its number, no cells, what is wrong, and the line."""

    line: int
    cells: tuple[object, ...]
    fault: str | None = None
    text: str | None = None


def lines_of(rows: Rows) -> list[Line]:
    """Every row and fault, after a check that the chunks are as `Rows` promises."""
    found: list[Line] = []
    for chunk in rows.chunks:
        chunk.validate(full=True)
        names = ["line", "fault", "text", *(f"c{position}" for position in range(len(rows.columns)))]
        assert chunk.column_names == names
        assert 0 < chunk.num_rows <= CHUNK_ROWS
        columns = chunk.to_pydict()
        for line, fault, text, *cells in zip(*columns.values(), strict=True):
            assert fault is None or set(cells) <= {None}
            found.append(Line(line, () if fault else tuple(cells), fault, text))
    numbers = [row.line for row in found]
    assert numbers == sorted(set(numbers))
    return found


def read(path: Path | str, content: bytes | None = None, *, max_gib: float = 1.0, settle_seconds: float = 0.0) -> tuple[Rows, list[Line]]:
    """The file's rows, after `content` was written to it."""
    if content is not None:
        Path(path).write_bytes(content)
    with open_file(str(path), settle_seconds=settle_seconds, max_gib=max_gib) as rows:
        return rows, lines_of(rows)
