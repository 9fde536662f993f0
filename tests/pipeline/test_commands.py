from __future__ import annotations

from pathlib import Path

from features.target import MODELLED_KINDS
from pipeline.commands import (
    LEARNED_KINDS,
    Step,
    asks_a_person,
    command_line,
    config_path,
    ingest_steps,
    learned_targets,
    read_settings,
    score_steps,
    train_steps,
)


def order(steps: tuple[Step, ...]) -> dict[str, tuple[str, ...]]:
    return {step.name: step.after for step in steps}


def test_training_builds_features_once_and_opens_a_lane_per_target() -> None:
    assert order(train_steps({"buys": "occurs", "leaves": "absent"}, "2026-11-10")) == {
        "build_features": (),
        "check_leaks": ("build_features",),
        "buys.train_baselines": ("check_leaks",),
        "buys.train_gbdt": ("check_leaks",),
        "buys.train_sequence": ("check_leaks",),
        "buys.evaluate": ("buys.train_baselines", "buys.train_gbdt", "buys.train_sequence"),
        "buys.promote": ("buys.evaluate",),
        "leaves.train_baselines": ("check_leaks",),
        "leaves.train_gbdt": ("check_leaks",),
        "leaves.train_sequence": ("check_leaks",),
        "leaves.evaluate": ("leaves.train_baselines", "leaves.train_gbdt", "leaves.train_sequence"),
        "leaves.promote": ("leaves.evaluate",),
    }


def test_an_amount_is_not_learned_from_sequences() -> None:
    steps = order(train_steps({"spends": "sum"}, "2026-11-10"))
    assert "spends.train_sequence" not in steps
    assert steps["spends.evaluate"] == ("spends.train_baselines", "spends.train_gbdt")


def test_options_of_promote_reach_only_promote() -> None:
    steps = train_steps({"buys": "occurs"}, "2026-11-10", promote_options=("--dry-run",))
    assert [step.name for step in steps if "--dry-run" in step.argv] == ["buys.promote"]


def test_where_a_person_is_asked_each_lane_proposes_first() -> None:
    steps = train_steps({"buys": "sum"}, "2026-11-10", promote_options=("--json",), approval=True)
    assert list(order(steps).items())[-3:] == [
        ("buys.propose", ("buys.evaluate",)),
        ("buys.approve", ("buys.propose",)),
        ("buys.promote", ("buys.approve",)),
    ]
    lane = ("promote", "--target", "buys", "--cutoff", "2026-11-10")
    assert [step.argv for step in steps[-3:]] == [(*lane, "--dry-run"), (), (*lane, "--json")]


def test_a_person_is_asked_only_where_the_configuration_says_so() -> None:
    assert asks_a_person({"promotion": {"approval": "human"}})
    assert not any(asks_a_person(settings) for settings in ({}, {"promotion": {}}, {"promotion": {"approval": "none"}}))


def test_scoring_goes_from_features_over_scores_to_the_warehouse() -> None:
    assert order(score_steps("2026-11-10")) == {"build_features": (), "score": ("build_features",), "publish": ("score",)}


def test_every_step_names_its_day() -> None:
    for step in (*train_steps({"buys": "occurs"}, "2026-11-10"), *score_steps("2026-11-10"), *ingest_steps("2026-11-10", "2026-11-10")):
        assert "2026-11-10" in step.argv


def test_a_step_is_the_line_a_person_would_type() -> None:
    (step,) = ingest_steps("2026-11-01", "2026-11-09")
    assert command_line(step, python="/py", config="/a.toml") == [
        "/py", "-m", "pipeline", "ingest", "--from", "2026-11-01", "--to", "2026-11-09", "--config", "/a.toml", "--json",
    ]  # fmt: skip


def test_the_configuration_in_force_is_an_absolute_path(tmp_path: Path) -> None:
    assert config_path({"NIGHTCAST_CONFIG": str(tmp_path / "x.toml")}) == tmp_path / "x.toml"
    assert config_path({}) == Path.cwd() / "nightcast.toml"


def test_settings_are_empty_while_there_is_no_file(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "nightcast.toml") == {}


def test_only_targets_with_models_get_a_lane() -> None:
    assert LEARNED_KINDS == MODELLED_KINDS
    kinds = {"buys": "occurs", "spends": "sum", "leaves": "absent", "next": "next_item"}
    assert learned_targets({"targets": {name: {"kind": kind} for name, kind in kinds.items()}}) == {
        "buys": "occurs",
        "spends": "sum",
        "leaves": "absent",
    }
    assert learned_targets({}) == {}
