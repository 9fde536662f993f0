from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.warehouse import checksum as module
from pipeline.warehouse.checksum import checksum
from pipeline.warehouse.schema import conform
from pipeline.warehouse.tables import USER_SCORES
from tests.warehouse.nights import CUTOFF, TARGET, scores, with_column

ROW = {
    "target": TARGET,
    "cutoff": CUTOFF.instant,
    "user_id": 'u"1',
    "score": 0.1,
    "raw_score": -0.0,
    "percentile": 100.0,
    "decile": 1,
    "reason_1": "",
    "reason_2_effect": 1e-05,
    "score_basis": "rich",
    "horizon_days": 7,
    "model_name": "m",
    "model_version": "4",
    "run_id": "r",
    "scored_at": datetime(2026, 3, 2, tzinfo=UTC),
}
LINE = r'"purchase_7d",1772409600000000,"u\"1",0.1,,,0.0,100.0,1,"",,,,1e-05,,"rich",7,"m","4"' + "\n"


def rows_of(*rows: dict[str, object]) -> pa.Table:
    names = {name: None for row in rows for name in row}
    return conform(USER_SCORES, pa.table({name: [row.get(name) for row in rows] for name in names}))


def night() -> pa.Table:
    rows = scores(30, 0).drop_columns(["refused_reason"])
    return conform(USER_SCORES, rows, {"target": TARGET, "cutoff": CUTOFF.instant})


def test_a_row_is_one_line_of_canonical_text() -> None:
    assert checksum(rows_of(ROW)) == hashlib.sha256(LINE.encode()).hexdigest()


def test_no_rows_are_the_digest_of_nothing() -> None:
    assert checksum(USER_SCORES.arrow.empty_table()) == hashlib.sha256(b"").hexdigest()


def test_users_are_sorted_by_their_bytes() -> None:
    users = ["a", "B", "ä", "🛒", ""]
    ordered = sorted(users, key=lambda user: user.encode())
    assert checksum(rows_of(*({**ROW, "user_id": user} for user in users))) == checksum(
        rows_of(*({**ROW, "user_id": user} for user in ordered))
    )
    assert ordered == ["", "B", "a", "ä", "🛒"]


def test_run_and_time_of_scoring_are_left_out() -> None:
    later = {**ROW, "run_id": "another", "scored_at": datetime(2027, 1, 1, tzinfo=UTC)}
    assert checksum(rows_of(later)) == checksum(rows_of(ROW))


@pytest.mark.parametrize(
    "change",
    [
        {"reason_1": None},
        {"reason_1": ","},
        {"score": 0.1 + 2**-56},
        {"decile": 2},
        {"reason_2_effect": None, "reason_3_effect": 1e-05},
        {"user_id": "u1"},
        {"cutoff": CUTOFF.plus_days(1).instant},
        {"unit": "GBP"},
    ],
    ids=str,
)
def test_any_other_change_is_another_digest(change: dict[str, object]) -> None:
    assert checksum(rows_of({**ROW, **change})) != checksum(rows_of(ROW))


@given(st.permutations(range(30)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    assert checksum(night().take(pa.array(order))) == checksum(night())


def test_how_rows_are_cut_into_pieces_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = checksum(night())
    monkeypatch.setattr(module, "SLICE_ROWS", 7)
    rows = night()
    assert checksum(pa.concat_tables([rows.slice(20), rows.slice(0, 5), rows.slice(5, 15)])) == whole


def test_a_column_type_that_a_driver_chose_does_not_matter() -> None:
    rows = night()
    wide = rows.set_column(0, "target", rows["target"].cast(pa.large_string()))
    assert checksum(wide) == checksum(rows)
    assert checksum(with_column(rows, "decile", [9])) != checksum(rows)
