from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from features.contract import bucket_of
from features.target import Kind
from pipeline.config import Config
from pipeline.config_sections import Ladder, Scoring
from pipeline.errors import PublishRefused
from pipeline.validation.facts import Facts
from pipeline.validation.score_gate import open_score_gate
from tests.pipeline.validation.staged_nights import judge, published, staged, target
from tests.warehouse.nights import scores, spending, with_column

Configured = Callable[..., Config]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (scores(), "occurs"),
        (spending(), "sum"),
        (with_column(scores(), "score", [0.0, 1.0]), "absent"),
        (with_column(scores(100, 0), "score", [0.5] * 100), "occurs"),
        (scores(36, 4), "occurs"),
    ],
)
def test_a_sound_night_passes_and_has_a_report(rows: pa.Table, kind: Kind, configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, staged(rows), kind)
    assert (verdict.passed, verdict.failures) == (True, ())
    page = Path(verdict.report_url.removeprefix("file://"))
    assert page == configured().root / "data_docs/validations/scores/purchase_7d/20260302T000000Z/gate/report.html"
    assert page.is_file()


SCORE = "score is never null and from 0 to 1"
REFUSED = "at most 10% of the eligible users are refused (publish.max_refused_share)"
LOST = "every eligible user is scored or refused, and nobody else"
RUN = "model_name, model_version and run_id are those of the run: observed {} otherwise"
FINITE = "raw_score is never null and finite: observed {} otherwise"
EFFECTS = "the effects of reasons are finite: observed {} otherwise"
EXPECTED = "expected_value is never null, finite and not below 0: observed {} otherwise"
NO_VALUE = "there is no expected_value and no unit: the target's kind is occurs: observed {} otherwise"
TWICE = "no user has two rows: observed {} otherwise"
REASONS = "at most 50% of the scored users have no reason: observed {}"
COLLAPSED = "scores differ among users of one score_basis (rich, thin): one answer for all is a model that has collapsed"


@pytest.mark.parametrize(
    ("rows", "run", "kind", "said"),
    [
        (scores(0, 2), {}, "occurs", ["at least one user has a score: observed 0 users"]),
        (scores(40, 3), {"scored": "41"}, "occurs", ["as many users have a score as the run scored: observed -1 users"]),
        (scores(40, 3), {"refused": "2"}, "occurs", ["as many users are refused with a reason as the run refused: observed +1 users"]),
        (scores(1200, 3), {"eligible": "1204"}, "occurs", [f"{LOST}: observed -1 users"]),
        (scores(40, 3), {"eligible": "42"}, "occurs", [f"{LOST}: observed +1 users"]),
        (with_column(scores(40, 3).slice(0, 41), "refused_reason", [""]), {}, "occurs",
         ["as many users are refused with a reason as the run refused: observed -1 users", f"{LOST}: observed -1 users"]),
        (scores(40, 5), {}, "occurs", [f"{REFUSED}: observed 11.11%"]),
        (with_column(scores(), "user_id", ["u00005", "u00006"]), {}, "occurs", [TWICE.format(2)]),
        (with_column(scores(), "user_id", ["r00001"]), {}, "occurs", [TWICE.format(1)]),
        (with_column(scores(), "score", [-1e-9, 1.1, math.nan, math.inf, None]), {}, "occurs", [f"{SCORE}: observed 5 otherwise"]),
        (with_column(scores(), "percentile", [100.5, None]), {}, "occurs", ["percentile is never null and from 0 to 100: observed 2 otherwise"]),
        (with_column(scores(), "decile", [0, 11, None]), {}, "occurs", ["decile is never null and from 1 to 10: observed 3 otherwise"]),
        (with_column(scores(), "raw_score", [math.inf, math.nan, None]), {}, "occurs", [FINITE.format(3)]),
        (with_column(scores(), "reason_1_effect", [math.nan, None]), {}, "occurs", [EFFECTS.format(1)]),
        (with_column(scores(), "reason_1", [None] * 20), {}, "occurs", []),
        (with_column(scores(), "reason_1", [None] * 21), {}, "occurs", [REASONS.format("52.50%")]),
        (with_column(scores(300), "score", [0.5] * 300), {}, "occurs", [f"{COLLAPSED}: observed 0 between the highest and the lowest"]),
        (scores(version="5"), {}, "occurs", [RUN.format(40)]),
        (with_column(scores(), "model_name", ["other", None]), {}, "occurs", [RUN.format(2)]),
        (with_column(scores(), "run_id", ["run-2"]), {}, "occurs", [RUN.format(1)]),
        (spending(), {}, "occurs", [NO_VALUE.format(40)]),
        (scores(), {}, "sum", [EXPECTED.format(40), "unit is never null: observed 40 otherwise"]),
        (with_column(spending(), "expected_value", [None, -0.01, 0.0, math.nan, math.inf]), {}, "sum", [EXPECTED.format(4)]),
        (with_column(spending(), "unit", [None, None]), {}, "sum", ["unit is never null: observed 2 otherwise"]),
    ],
)  # fmt: skip
def test_each_defect_is_found_alone(
    rows: pa.Table, run: dict[str, str], kind: Kind, said: list[str], configured: Configured, staging: Path
) -> None:
    assert list(judge(configured(), staging, staged(rows, **run), kind).failures) == said


def test_what_a_refused_user_lacks_is_no_defect(configured: Configured, staging: Path) -> None:
    rows = scores(40, 4)
    assert set(rows.slice(40).column("score").to_pylist()) == {None}
    assert judge(configured(), staging, staged(rows)).passed


def test_the_base_rate_gives_everybody_one_score_and_no_reasons_by_design(configured: Configured, staging: Path) -> None:
    alike = with_column(with_column(scores(300), "score", [0.5] * 300), "reason_1", [None] * 300)
    assert judge(configured(), staging, staged(alike, model_kind="base_rate")).passed
    assert len(judge(configured(), staging, staged(alike, model_kind="recency")).failures) == 2


def by_basis(answers: dict[str, Callable[[int], float]]) -> pa.Table:
    """A night whose users are answered by what is known of them."""
    rows = scores(400)
    return with_column(rows, "score", [answers[basis](place) for place, basis in enumerate(rows["score_basis"].to_pylist()[:400])])


def alike(_: int) -> float:
    return 0.3


def differing(place: int) -> float:
    return place / 1000


@pytest.mark.parametrize(
    ("answers", "ladder", "passed"),
    [
        ({"rich": differing, "thin": differing, "new": alike}, {}, True),
        ({"rich": alike, "thin": alike, "new": lambda _: 0.1}, {}, False),
        ({"rich": alike, "thin": lambda _: 0.4, "new": differing}, {}, False),
        ({"rich": alike, "thin": lambda _: 0.4, "new": differing}, {"new": "champion"}, True),
        ({"rich": alike, "thin": alike, "new": alike}, {"rich": "base_rate", "thin": "base_rate"}, True),
    ],
)
def test_a_ladder_hides_no_collapse_and_is_none(
    answers: dict[str, Callable[[int], float]], ladder: dict[str, str], passed: bool, configured: Configured, staging: Path
) -> None:
    config = configured().model_copy(update={"scoring": Scoring(ladder=Ladder.model_validate(ladder))})
    assert judge(config, staging, staged(by_basis(answers))).passed is passed


@pytest.mark.parametrize(("users", "judged"), [(320, True), (319, False)])
def test_a_missing_bucket_is_found_where_chance_cannot_empty_one(users: int, judged: bool, configured: Configured, staging: Path) -> None:
    rows = scores(2 * users, 0)
    kept = [bucket_of(user, 16) != 5 for user in rows["user_id"].to_pylist()]
    verdict = judge(configured(), staging, staged(rows.filter(pa.array(kept)).slice(0, users)))
    assert verdict.failures == (("each of the 16 buckets (lake.buckets) has users: observed 1 without any",) if judged else ())


def test_a_night_of_a_fresh_lake_has_users_in_every_bucket(configured: Configured, staging: Path) -> None:
    assert judge(configured(), staging, staged(scores(320, 0))).passed


def test_the_limits_are_those_of_the_configuration(configured: Configured, staging: Path) -> None:
    config = configured().model_copy(update={"publish": configured().publish.model_copy(update={"max_refused_share": 0.5})})
    assert judge(config, staging, staged(scores(40, 40))).passed


def test_the_verdict_does_not_depend_on_the_order_of_the_rows(configured: Configured, staging: Path) -> None:
    wrong = with_column(with_column(scores(400, 3), "score", [2.0, math.nan]), "user_id", ["u00001"])
    with open_score_gate(configured(), staging) as gate:
        said = {
            gate.check(staged(wrong.take(random.Random(seed).sample(range(403), 403))), target(), published(scores(400))).failures
            for seed in range(4)
        }
    assert len(said) == 1
    assert len(next(iter(said))) == 2


def test_nights_of_several_kinds_are_judged_one_after_the_other(configured: Configured, staging: Path) -> None:
    with open_score_gate(configured(), staging) as gate:
        passed = [gate.check(staged(rows), target(kind), None).passed for rows, kind in NIGHTS]
    assert passed == [True, True, False, True]


NIGHTS: list[tuple[pa.Table, Kind]] = [(scores(), "occurs"), (spending(), "sum"), (scores(), "sum"), (scores(), "absent")]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("score", [f"{n}%" for n in range(43)], r"hold string in score, and double is needed"),
        ("user_id", [[n] for n in range(43)], r"hold list<.*> in user_id, and string is needed"),
    ],
)
def test_a_column_of_another_type_is_refused(name: str, values: list[object], message: str, configured: Configured, staging: Path) -> None:
    rows = scores()
    strange = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    with pytest.raises(PublishRefused, match=message):
        judge(configured(), staging, staged(strange))


def test_a_column_that_is_not_there_counts_as_empty(configured: Configured, staging: Path) -> None:
    assert judge(configured(), staging, staged(scores().drop_columns(["decile"]))).failures == (
        "decile is never null and from 1 to 10: observed 40 otherwise",
    )


def test_a_gate_without_expectations_does_not_pass(configured: Configured, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Facts, "judged", lambda *_: ())
    assert judge(configured(), staging, staged(scores())).failures == ("no expectation was checked",)


def test_the_log_names_the_report_and_no_user(configured: Configured, staging: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pipeline.validation")
    passed = judge(configured(), staging, staged(scores()))
    refused = judge(configured(), staging, staged(with_column(scores(), "user_id", ["u00001"])))
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("INFO", f"purchase_7d at 2026-03-02T00:00:00Z: passed validation: {passed.report_url}"),
        ("WARNING", f"purchase_7d at 2026-03-02T00:00:00Z: did not pass validation, 1 finding(s): {refused.report_url}"),
    ]
    pages = [path.read_text() for path in (configured().root / "data_docs").rglob("*") if path.is_file()]
    assert not any("u0000" in page for page in pages)
