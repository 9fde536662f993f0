from __future__ import annotations

import pytest

from pipeline.warehouse.schema import Table, View
from pipeline.warehouse.tables import TABLES, USER_SCORES, VIEWS

RELATIONS = [*TABLES, *VIEWS]
KEYS = {
    "user_scores": ("target", "cutoff", "user_id"),
    "score_runs": ("target", "cutoff"),
    "refused_users": ("target", "cutoff", "user_id"),
    "quarantined_events": ("batch_date", "row"),
    "validation_runs": ("batch_date",),
    "model_quality": ("target", "cutoff", "model_version", "slice", "metric", "basis"),
    "feature_drift": ("cutoff", "feature"),
    "decile_outcomes": ("target", "cutoff", "decile"),
    "schema_version": ("version",),
}


def test_every_table_has_its_promised_key() -> None:
    assert {table.name: table.key for table in TABLES} == KEYS


def test_user_scores_has_its_promised_columns() -> None:
    assert USER_SCORES.names == (
        *("target", "cutoff", "user_id", "score", "expected_value", "unit", "raw_score", "percentile", "decile"),
        *("reason_1", "reason_2", "reason_3", "reason_1_effect", "reason_2_effect", "reason_3_effect"),
        *("score_basis", "horizon_days", "model_name", "model_version", "run_id", "scored_at"),
    )


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_every_comment_is_a_sentence(relation: Table | View) -> None:
    for comment in (relation.comment, *(column.comment for column in relation.columns)):
        assert len(comment) > 10
        assert comment.endswith(".")


def test_a_partition_holds_whole_keys() -> None:
    assert {table.name: table.parted_by for table in TABLES if table.parted_by} == {"user_scores": "cutoff", "refused_users": "cutoff"}
    assert all(table.parted_by in table.key for table in TABLES if table.parted_by)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_key_columns_exist_and_are_never_null(table: Table) -> None:
    columns = {column.name: column for column in table.columns}
    assert len(columns) == len(table.columns)
    assert not any(columns[name].optional for name in table.key)
