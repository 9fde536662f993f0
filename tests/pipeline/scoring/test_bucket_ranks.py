from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.bucket_ranks import RankTask, rank_bucket, write_order
from pipeline.scoring.bucket_scores import FOLDER, PARTIAL
from pipeline.scoring.night import SCORES, SCORES_TABLE, Provenance

PARTITION = {"target": "purchase_7d", "cutoff": "20260601T000000Z"}
PROVENANCE = Provenance("purchase_7d", "3", 7, "run", datetime(2026, 6, 1, 4, tzinfo=UTC))


def written(lake: Lake, name: str, *rows: tuple[str, float | None]) -> str:
    """A bucket's users with their raw scores; those without are refused."""
    found = [{"user_id": user, "raw_score": raw, "refused_reason": "no score" if raw is None else None} for user, raw in rows]
    part = lake.write_part(FOLDER, {}, name, pa.Table.from_pylist(found, schema=PARTIAL))
    return f"{FOLDER}/{part.path}"


def task(lake: Lake, bucket: int, path: str, order: str) -> RankTask:
    return RankTask(lake, bucket, path, order, PARTITION, PROVENANCE)


def test_the_parts_of_a_night_are_ranked_among_everybody_and_read_in_the_order_of_their_buckets(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    paths = {10: written(lake, "x", ("b", 0.9), ("c", 0.1)), 2: written(lake, "y", ("a", None), ("d", 0.4))}
    order = write_order(lake, "run", list(paths.values()))
    found = [rank_bucket(task(lake, bucket, path, order)) for bucket, path in paths.items()]
    assert [dict(one.counts) for one in found] == [
        {"eligible": 2, "scored": 2, "refused": 0},
        {"eligible": 2, "scored": 1, "refused": 1},
    ]
    lake.commit(SCORES_TABLE, SCORES, PARTITION, [part for one in found for part in one.parts], metadata={})
    rows = lake.read(SCORES_TABLE, PARTITION)
    assert rows["user_id"].to_pylist() == ["a", "d", "b", "c"]
    assert rows["percentile"].to_pylist() == [None, 200 / 3, 100, 100 / 3]
    assert set(rows["model_version"].to_pylist()) == {"3"}


def test_a_night_of_refused_users_has_no_order(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    path = written(lake, "x", ("a", None))
    found = rank_bucket(task(lake, 0, path, write_order(lake, "run", [path])))
    assert found.counts == {"eligible": 1, "scored": 0, "refused": 1}


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    path = written(lake, "x", ("a", 0.5))
    order = write_order(lake, "run", [path])
    lake.remove_file(path)
    with pytest.raises(MissingInput, match=r"scores_unranked/x\.parquet"):
        rank_bucket(task(lake, 0, path, order))


def test_a_task_calls_itself_by_its_bucket(tmp_path: Path) -> None:
    assert str(task(Lake(str(tmp_path)), 7, "path", "order")) == "7"
