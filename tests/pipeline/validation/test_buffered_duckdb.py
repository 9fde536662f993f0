from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from pipeline.validation import buffered_duckdb


def test_rows_are_there_after_the_connection_has_closed(tmp_path: Path) -> None:
    buffered_duckdb.register()
    engine = sa.create_engine(f"{buffered_duckdb.URL}{tmp_path / 'a.duckdb'}")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE t AS SELECT * FROM range(3) AS r(x)"))
        result = connection.execute(sa.text("SELECT x, x * 2 AS y FROM t WHERE x < :most"), {"most": 2})
        nothing = connection.execute(sa.text("SELECT x FROM t WHERE false"))
    engine.dispose()
    assert [tuple(row) for row in result.fetchall()] == [(0, 0), (1, 2)]
    assert nothing.fetchall() == []


def test_the_interpreter_ends_in_silence() -> None:
    code = "import great_expectations; from pipeline.validation import buffered_duckdb; buffered_duckdb.register()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "GX_ANALYTICS_ENABLED": "false"}
    )
    assert ended.stderr == ""


def test_columns_are_named_in_order_and_have_no_key(tmp_path: Path) -> None:
    buffered_duckdb.register()
    engine = sa.create_engine(f"{buffered_duckdb.URL}{tmp_path / 'a.duckdb'}")
    with engine.connect() as connection:
        connection.execute(sa.text('CREATE TABLE "a day" (b DOUBLE PRIMARY KEY, a VARCHAR)'))
        found = sa.inspect(connection)
        assert [column["name"] for column in found.get_columns("a day")] == ["b", "a"]
        assert found.get_pk_constraint("a day")["constrained_columns"] == []
    engine.dispose()
