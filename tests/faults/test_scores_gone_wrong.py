"""A model or a run gone wrong is stopped at the gate, on every engine: readers keep the old night, and a mended rerun replaces it (F26)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from features.contract import bucket_of
from features.cutoff import Cutoff
from features.target import Target
from pipeline.config import Config
from pipeline.errors import PublishRefused
from pipeline.lake import Lake
from pipeline.stages import publish
from pipeline.warehouse import open_warehouse
from tests.warehouse.engines import ENGINES
from tests.warehouse.nights import CUTOFF, NEXT, TARGET, run_of, scores, with_column

USERS, TURNED_AWAY = 2_000, 20
PURCHASE = Target(TARGET, "occurs", "purchase", 7)
TABLES = ("user_scores", "refused_users", "score_runs")


def night(**made: str) -> pa.Table:
    return scores(USERS, TURNED_AWAY, seed=5, **made)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> pa.Table:
    """The night with another column of numbers; a refused user's null stays."""
    rows = night(run_id="run-2")
    values = change(rows[name].to_numpy().copy())
    kept = pa.array([None if math.isnan(old) else new for old, new in zip(rows[name].to_numpy(), values, strict=True)], pa.float64())
    return rows.set_column(rows.column_names.index(name), name, kept)


def every_fourth(values: np.ndarray) -> np.ndarray:
    values[::4] = -2.0
    return values


def refused_for_want_of_a_number() -> pa.Table:
    """The model gave no number for a fifth of the users: the scorer refuses them, and says why."""
    rows = night(run_id="run-2")
    reasons = [
        "the model gave no finite score" if place % 5 == 0 else reason for place, reason in enumerate(rows["refused_reason"].to_pylist())
    ]
    return with_column(rows, "refused_reason", list(reasons))


def without_a_bucket() -> pa.Table:
    rows = night(run_id="run-2")
    return rows.filter(pa.array([bucket_of(user, 16) != 3 for user in rows["user_id"].to_pylist()]))


FAULTS: dict[str, tuple[Callable[[], pa.Table], dict[str, str], str]] = {
    "NaN for some": (lambda: changed("score", lambda values: np.where(values > 0.9, np.nan, values)), {}, r"score is never null and from 0 to 1"),
    "infinite for one": (lambda: with_column(night(run_id="run-2"), "raw_score", [math.inf]), {}, r"raw_score is never null and finite"),
    "one answer for all": (lambda: changed("score", lambda values: np.full_like(values, 0.3)), {}, r"one answer for all is a model that has collapsed"),
    "one answer for a quarter": (lambda: changed("raw_score", every_fourth), {}, r"population stability index at most 0\.25"),
    "another scale": (lambda: changed("raw_score", lambda values: 1.0 + values), {}, r"population stability index at most 0\.25"),
    "uncalibrated": (
        lambda: with_column(changed("score", lambda values: values**0.1), "model_version", ["9"] * (USERS + TURNED_AWAY)),
        {"version": "9"},
        r"the mean score is from 1/2 to 2 times .*: observed [2-9]\.\d\d times",
    ),
    "no reasons": (lambda: with_column(night(run_id="run-2"), "reason_1", [None] * 1_500), {}, r"have no reason: observed 75\.00%"),
    "many without a number": (refused_for_want_of_a_number, {}, r"10% of the eligible users are refused .*: observed 20\.\d\d%"),
    "a bucket lost": (without_a_bucket, {}, r"each of the 16 buckets .*: observed 1 without any"),
    "users lost": (lambda: night(run_id="run-2").slice(7), {"eligible": "2020", "scored": "2000"}, r"every eligible user .*: observed -7 users"),
    "rows of two runs": (lambda: with_column(night(run_id="run-2"), "run_id", ["run-1"] * 9), {}, r"are those of the run: observed 9 otherwise"),
}  # fmt: skip


def staged(config: Config, rows: pa.Table, cutoff: Cutoff, **run: str) -> None:
    lake, partition = Lake(config.lake_url), {"target": TARGET, "cutoff": cutoff.key}
    part = lake.write_part("scores", partition, f"{run.get('run_id', 'run-1')}-{len(rows)}", rows)
    lake.commit("scores", rows.schema, partition, [part], metadata=run_of(rows, **run))


def read(config: Config) -> dict[str, pa.Table]:
    with open_warehouse(config) as warehouse:
        return {name: warehouse.query(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in TABLES}


@pytest.mark.parametrize("engine", ENGINES)
def test_each_fault_is_refused_with_its_numbers_and_readers_keep_the_old_night(new_config: Callable[[str], Config], engine: str) -> None:
    config = new_config(engine)
    for cutoff in (CUTOFF, NEXT):
        staged(config, night(), cutoff)
        publish.run(config, cutoff, targets=(PURCHASE,), show=False)
    before = read(config)
    for fault, (rows, run, said) in FAULTS.items():
        staged(config, rows(), NEXT, run_id="run-2", **run)
        with pytest.raises(PublishRefused, match=said) as refused:
            publish.run(config, NEXT, targets=(PURCHASE,), show=False)
        assert refused.value.exit_code == 19
        assert "u0" not in str(refused.value).replace(str(config.root), ""), fault
        assert read(config) == before, fault
    staged(config, night(run_id="run-3"), NEXT, run_id="run-3")
    again = publish.run(config, NEXT, targets=(PURCHASE,), show=False)
    assert again["checksums"] == {TARGET: before["score_runs"]["checksum"].to_pylist()[1]}
