from __future__ import annotations

import math

import pyarrow as pa
import pytest

from pipeline.errors import PublishRefused
from pipeline.warehouse.checks import findings, require_sound
from pipeline.warehouse.night import Night, night_of
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores, spending, with_column


def night(rows: pa.Table, **run: str) -> Night:
    return night_of(rows, TARGET, CUTOFF, run_of(rows, **run))


SUM = {"target_kind": "sum"}


def test_a_sound_night_has_no_findings() -> None:
    assert findings(night(scores())) == []
    require_sound(night(scores()))
    assert findings(night(spending(), **SUM)) == []


def test_the_base_rate_gives_everybody_one_score_by_design() -> None:
    alike = with_column(scores(101), "score", [0.5] * 101)
    assert findings(night(alike, model_kind="base_rate")) == []
    assert findings(night(alike, model_kind="recency")) == ["all 101 users have the same score 0.5: the model has collapsed"]


@pytest.mark.parametrize("users", [1, 100])
def test_few_users_may_all_have_the_same_score(users: int) -> None:
    assert findings(night(with_column(scores(users), "score", [0.5] * users))) == []


def test_probabilities_may_be_certain() -> None:
    assert findings(night(with_column(scores(), "score", [0.0, 1.0]))) == []


@pytest.mark.parametrize(
    ("rows", "run", "expected"),
    [
        (scores(0, 2), {}, ["no user is scored (2 refused)"]),
        (scores(40, 3), {"scored": "41", "eligible": "43"}, ["40 scored rows, and the run scored 41"]),
        (scores(40, 3), {"refused": "2"}, ["3 refused rows, and the run refused 2"]),
        (scores(1200, 3), {"eligible": "1204"}, ["1,200 scored + 3 refused is not 1,204 eligible"]),
        (with_column(scores(), "user_id", ["u00005", "u00006"]), {}, ["2 rows repeat a user"]),
        (with_column(scores(), "user_id", ["r00001"]), {}, ["1 rows repeat a user"]),
        (with_column(scores(), "score", [-1e-9, 1.1, math.nan, math.inf]), {}, ["4 values of score are not in [0, 1]"]),
        (with_column(scores(), "percentile", [100.5]), {}, ["1 values of percentile are not in [0, 100]"]),
        (with_column(scores(), "decile", [0, 11]), {}, ["2 values of decile are not in [1, 10]"]),
        (with_column(scores(), "raw_score", [math.inf]), {}, ["1 values of raw_score are not finite"]),
        (with_column(scores(), "reason_1_effect", [math.nan]), {}, ["1 values of reason_1_effect are not finite"]),
        (with_column(scores(101), "score", [0.5] * 101), {}, ["all 101 users have the same score 0.5: the model has collapsed"]),
        (scores(version="5"), {}, ["model_version is not one: 4, 5"]),
        (with_column(scores(), "model_name", ["other"]), {}, ["model_name is not one: nightcast.purchase_7d, other"]),
        (spending(), {}, ["40 users have a value of expected_value, and the target is not a sum",
                          "40 users have a value of unit, and the target is not a sum"]),
        (scores(), SUM, ["40 values of expected_value are missing, and the target is a sum", "40 values of unit are missing, and the target is a sum"]),
        (with_column(spending(), "expected_value", [None]), SUM, ["1 values of expected_value are missing, and the target is a sum"]),
        (with_column(spending(), "unit", [None, None]), SUM, ["2 values of unit are missing, and the target is a sum"]),
        (with_column(spending(), "expected_value", [-0.01, 0.0]), SUM, ["1 values of expected_value are below 0"]),
        (with_column(spending(), "expected_value", [math.nan, math.inf]), SUM, ["2 values of expected_value are not finite"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_numbers(rows: pa.Table, run: dict[str, str], expected: list[str]) -> None:
    assert findings(night(rows, **run)) == expected


def test_every_finding_is_in_the_error_and_no_user_is() -> None:
    wrong = with_column(with_column(scores(), "score", [2.0]), "user_id", ["u00001"])
    with pytest.raises(PublishRefused) as refused:
        require_sound(night(wrong))
    assert "failed 2 check(s)" in str(refused.value)
    assert "1 rows repeat a user" in str(refused.value)
    assert "not in [0, 1]" in str(refused.value)
    assert "u0000" not in str(refused.value)
