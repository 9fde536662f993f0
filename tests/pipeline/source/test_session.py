from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipeline.source.session import open_session


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "SET enable_external_access = true",
        "SET threads = 1",
        "INSTALL httpfs",
    ],
)
def test_nothing_outside_can_be_reached(sql: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with open_session(tmp_path / "spill", "UTC") as session, pytest.raises(duckdb.Error):
        session.execute(sql.format(folder=outside))
    assert list(outside.iterdir()) == []


def test_what_does_not_fit_into_memory_is_spilled_to_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    with open_session(folder, "UTC") as session:
        session.execute("CREATE TABLE wide AS SELECT range AS n, repeat(md5(range::VARCHAR), 8) AS text FROM range(3_000_000)").fetchall()
        assert sum(path.stat().st_size for path in folder.iterdir()) > 0
        (rows, texts) = session.execute("SELECT count(*), count(DISTINCT text[:32]) FROM wide").fetchall()[0]
    assert (rows, texts) == (3_000_000, 3_000_000)
    assert not folder.exists() or not any(folder.iterdir())


def test_functions_know_null(tmp_path: Path) -> None:
    with open_session(tmp_path, "Europe/Berlin") as session:
        found = session.execute(
            "SELECT to_utc(x), ten_thousandths(y, '2') FROM (VALUES (0::BIGINT, '1.5'), (NULL, NULL)) t(x, y)"
        ).fetchall()
    assert found == [(-3_600_000_000, 30_000), (None, None)]
