from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from features.target import Target
from pipeline.errors import NightcastError
from pipeline.simulator import files
from pipeline.simulator.delivery import Batches
from pipeline.simulator.oracle import UNKNOWN, Answer

FIRST = date(2026, 2, 27)
ROWS = pl.DataFrame({"event_id": ["a", "b", "c"], "value": [1.5, None, -20.0]})
BATCHES = Batches(ROWS, np.array([2, 2, 3]), 3, 1, 0, 0, 0)


def answer(target: str, cutoff: int, happened: int) -> Answer:
    user = np.array([0, 2])
    return Answer(
        Target(target, "occurs", "purchase", 7), cutoff, user, np.array([0.1, 1 / 3]), np.array([0.0, 1.0]), np.full(2, happened, np.int8)
    )


def test_each_day_gets_its_file_even_without_rows(tmp_path: Path) -> None:
    files.claim(tmp_path, {})
    assert files.write_batches(tmp_path, BATCHES, FIRST, show=False) == 3
    texts = {path.name: gzip.decompress(path.read_bytes()).decode() for path in (tmp_path / "events").iterdir()}
    assert texts == {
        "2026-02-27.csv.gz": "event_id,value\na,1.50\nb,\n",
        "2026-02-28.csv.gz": "event_id,value\n",
        "2026-03-01.csv.gz": "event_id,value\nc,-20.00\n",
    }


def test_the_oracle_is_one_table_with_open_horizons_null(tmp_path: Path) -> None:
    answers = [answer("soon", 1, 1), answer("soon", 2, UNKNOWN)]
    assert files.write_oracle(tmp_path, iter(answers), FIRST, 3, count=2, show=False) == 4
    table = pq.read_table(tmp_path / "oracle.parquet")
    assert table.schema == files.ORACLE
    assert table["user_id"].to_pylist() == ["u000000", "u000002"] * 2
    assert [str(cutoff) for cutoff in table["cutoff"].to_pylist()[1:3]] == ["2026-02-28 00:00:00+00:00", "2026-03-01 00:00:00+00:00"]
    assert table["probability"].to_pylist()[:2] == [0.1, 0.333333333333]
    assert table["happened"].to_pylist() == [1, 1, None, None]


def test_a_killed_write_leaves_the_old_file_and_is_completed_by_a_rerun(tmp_path: Path) -> None:
    files.write_oracle(tmp_path, [answer("soon", 1, 1)], FIRST, 3, count=1, show=False)
    before = (tmp_path / "oracle.parquet").read_bytes()

    def killed() -> Iterator[Answer]:
        yield answer("later", 1, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_oracle(tmp_path, killed(), FIRST, 3, count=1, show=False)
    assert (tmp_path / "oracle.parquet").read_bytes() == before
    files.write_oracle(tmp_path, [answer("later", 1, 0)], FIRST, 3, count=1, show=False)
    assert pq.read_table(tmp_path / "oracle.parquet")["target"].to_pylist() == ["later", "later"]


def test_a_folder_is_claimed_for_one_simulation(tmp_path: Path) -> None:
    files.claim(tmp_path / "shop", {"seed": 1})
    files.claim(tmp_path / "shop", {"seed": 2})
    assert json.loads((tmp_path / "shop" / "simulation.json").read_text()) == {"seed": 2}
    files.write_batches(tmp_path / "shop", BATCHES, FIRST, show=False)
    files.claim(tmp_path / "shop", {"seed": 2})
    with pytest.raises(NightcastError, match=r'already holds files of \{"seed": 2\}, not of \{"seed": 3\}'):
        files.claim(tmp_path / "shop", {"seed": 3})
    assert json.loads((tmp_path / "shop" / "simulation.json").read_text()) == {"seed": 2}


def test_events_of_unknown_origin_are_never_touched(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "2026-01-01.csv.gz").write_bytes(b"mine")
    with pytest.raises(NightcastError, match="an unknown origin"):
        files.claim(tmp_path, {"seed": 1})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["2026-01-01.csv.gz"]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NightcastError, match=r"Cannot write to .*file"):
        files.claim(tmp_path / "file", {})
