from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.config_sections import Export
from pipeline.errors import MissingInput, PublishRefused
from pipeline.lake import Lake
from pipeline.stages import publish
from pipeline.validation.gate import Verdict
from pipeline.validation.score_gate import ScoreGate
from pipeline.warehouse import open_warehouse
from tests.warehouse.engines import config_at
from tests.warehouse.nights import CUTOFF, NEXT, run_of, scores, with_column

PURCHASE = Target("purchase_7d", "occurs", "purchase", 7)
CHURN = Target("churn_28d", "absent", "any", 28)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_at(tmp_path, "duckdb:///night.duckdb")


def scored(config: Config, target: Target, cutoff: Cutoff, rows: pa.Table, *, run_id: str = "run-1", **changes: str) -> None:
    """Commit the rows to the lake as the scoring stage does."""
    lake, partition = Lake(config.lake_url), {"target": target.name, "cutoff": cutoff.key}
    part = lake.write_part("scores", partition, run_id, rows)
    lake.commit("scores", rows.schema, partition, [part], metadata=run_of(rows, run_id=run_id, **changes))


def page(config: Config, target: str) -> Path:
    """The validation report of the night at CUTOFF."""
    return config.root / f"data_docs/validations/scores/{target}/{CUTOFF.key}/gate/report.html"


def test_the_scores_of_every_target_are_published_and_told(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    scored(config, CHURN, CUTOFF, scores(50, 1, seed=2))
    scored(config, PURCHASE, NEXT, scores(60, 0, seed=3))
    result = publish.run(config, CUTOFF, targets=(PURCHASE, CHURN), show=False)
    with open_warehouse(config) as warehouse:
        published = warehouse.query("SELECT target, scored, refused, run_id, checksum FROM score_runs ORDER BY scored").to_pylist()
    assert [(row["target"], row["scored"], row["refused"], row["run_id"]) for row in published] == [
        ("purchase_7d", 40, 3, "run-1"),
        ("churn_28d", 50, 1, "run-1"),
    ]
    assert result == {
        "cutoff": "2026-03-02T00:00:00Z",
        "targets": ["purchase_7d", "churn_28d"],
        "rows": 90,
        "refused": 4,
        "checksums": {row["target"]: row["checksum"] for row in published},
        "exported": [],
        "reports": {name: page(config, name).as_uri() for name in ("purchase_7d", "churn_28d")},
    }
    assert all(page(config, name).is_file() for name in ("purchase_7d", "churn_28d"))


def test_what_is_published_is_exported_where_a_folder_is_set(config: Config) -> None:
    config = config.model_copy(update={"export": Export(folder="files")})
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    exported = publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)["exported"]
    assert [pq.read_metadata(file).num_rows for file in exported] == [40, 40]


def test_publishing_again_and_after_scoring_again_gives_the_same_checksums(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    first = publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    assert publish.run(config, CUTOFF, targets=(PURCHASE,), show=False) == first
    scored(config, PURCHASE, CUTOFF, scores(40, 3, run_id="run-2"), run_id="run-2")
    assert publish.run(config, CUTOFF, targets=(PURCHASE,), show=False) == first


def test_a_cutoff_that_was_not_scored_is_named_before_anything_is_written(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    with pytest.raises(
        MissingInput, match=r"no scores of churn_28d at 2026-03-02T00:00:00Z[\s\S]*`nightcast score --cutoff 2026-03-02T00:00:00Z`"
    ):
        publish.run(config, CUTOFF, targets=(PURCHASE, CHURN), show=False)
    assert not config.path("night.duckdb").exists()


def test_an_empty_lake_is_missing_input_too(config: Config) -> None:
    with pytest.raises(MissingInput, match=r"no scores of purchase_7d"):
        publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)


def read(config: Config) -> list[tuple[object, ...]]:
    """What readers see: rows and run of each target."""
    with duckdb.connect(config.path("night_read.duckdb"), read_only=True) as reader:
        return reader.execute("SELECT target, count(*), min(run_id) FROM user_scores GROUP BY 1 ORDER BY 1").fetchall()


def test_a_run_that_lost_users_is_refused_and_the_old_night_stays(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    scored(config, PURCHASE, CUTOFF, scores(39, 3, run_id="run-2"), run_id="run-2", eligible="43")
    with pytest.raises(PublishRefused) as refused:
        publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    assert str(refused.value) == (
        "Scores of purchase_7d at 2026-03-02T00:00:00Z failed 1 requirement(s):\n"
        "  every eligible user is scored or refused, and nobody else: observed -1 users\n"
        f"  → read {page(config, 'purchase_7d').as_uri()}; what was published before stays; "
        "look into the scoring run, or correct [publish], score again, then publish"
    )
    assert read(config) == [("purchase_7d", 40, "run-1")]


def test_one_refused_night_does_not_hold_up_the_others(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, with_column(scores(40, 3), "score", [1.5]))
    scored(config, CHURN, CUTOFF, scores(50, 1, seed=2))
    with pytest.raises(PublishRefused, match=r"purchase_7d[\s\S]*score is never null and from 0 to 1: observed 1 otherwise"):
        publish.run(config, CUTOFF, targets=(PURCHASE, CHURN), show=False)
    assert read(config) == [("churn_28d", 50, "run-1")]


def test_the_rows_that_were_judged_are_those_that_are_published(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run scores the cutoff again while the gate looks at it."""
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    check = ScoreGate.check

    def overtaken(*judged: Any) -> Verdict:
        verdict = check(*judged)
        scored(config, PURCHASE, CUTOFF, with_column(scores(40, 3, run_id="run-2"), "score", [1.5]), run_id="run-2")
        return verdict

    monkeypatch.setattr(ScoreGate, "check", overtaken)
    publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    assert read(config) == [("purchase_7d", 40, "run-1")]


def test_a_night_is_compared_with_the_published_one_before_it(config: Config) -> None:
    scored(config, PURCHASE, CUTOFF, scores(400, 0))
    publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    moved = scores(400, 0)
    moved = moved.set_column(moved.column_names.index("raw_score"), "raw_score", pc.add(moved["raw_score"], 2.0))
    scored(config, PURCHASE, NEXT, moved)
    with pytest.raises(PublishRefused, match=r"raw scores are spread as on the night before, .* at most 0\.25 .*: observed \d+\.\d{3}"):
        publish.run(config, NEXT, targets=(PURCHASE,), show=False)
    scored(config, PURCHASE, NEXT, scores(400, 0))
    assert publish.run(config, NEXT, targets=(PURCHASE,), show=False)["rows"] == 400


def test_no_user_is_in_the_log(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    scored(config, PURCHASE, CUTOFF, scores(40, 3))
    with caplog.at_level("DEBUG"):
        publish.run(config, CUTOFF, targets=(PURCHASE,), show=False)
    assert "published purchase_7d at 2026-03-02T00:00:00Z: 40 scored, 3 refused" in caplog.text
    assert "u0000" not in caplog.text
