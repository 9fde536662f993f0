"""Bad input gets one clear error: the thing, its value, the mend; an exit code of its own; nothing half-written."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from pipeline.lake import Lake
from tests.night import Project


@pytest.fixture
def project(ingested: Project, tmp_path: Path) -> Project:
    return ingested.copy(tmp_path / "project")


def change(project: Project, old: str, new: str) -> None:
    path = project.folder / "nightcast.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def tables(project: Project) -> dict[str, int | None]:
    lake = Lake(str(project.folder / "lake"))
    return {name: lake.version(name) for name in ("events", "timelines", "labels", "scores")}


def refused(project: Project, code: int, *words: str) -> str:
    """The command's error; the lake is as it was."""
    before = tables(project)
    said: str = project.run(*words, expect=code).stderr
    after = tables(project)
    assert {name: version for name, version in after.items() if name != "timelines"} == {
        name: version for name, version in before.items() if name != "timelines"
    }
    assert said.count("error: ") == 1
    assert "  → " in said, "no mend"
    assert "Traceback" not in said
    return said


def test_a_missing_column_is_named_with_those_there_are(project: Project) -> None:
    change(project, 'item_id = "item_id"', 'item_id = "sku"')
    said = refused(project, 11, "ingest", "--date", "2026-01-05")
    assert "sku" in said
    assert "item_id" in said


def test_a_source_that_drifts_is_told_in_words_and_taken_in_when_that_is_meant(project: Project) -> None:
    path = project.folder / "shop" / "events" / "2026-01-06.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header, *lines = file.read().splitlines()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join([f"{header},coupon", *(f"{line},X" for line in lines)]) + "\n")
    said = refused(project, 11, "ingest", "--date", "2026-01-06")
    assert "other columns than the source had on 2026-01-05: new: coupon (text)" in said
    assert "NIGHTCAST__SOURCE__DRIFT=accept" in said
    project.run("ingest", "--date", "2026-01-06", environment={**os.environ, "NIGHTCAST__SOURCE__DRIFT": "accept"})


def test_a_day_without_refused_rows_to_show_is_named(project: Project) -> None:
    assert "2027-01-01 is not in the lake" in refused(project, 18, "quarantine", "show", "--date", "2027-01-01")
    assert "before they came" in refused(project, 10, "quarantine", "readmit", "--date", "2026-01-06", "--into", "2026-01-05")


def test_an_unknown_configuration_key_is_named(project: Project) -> None:
    change(project, "[lake]", "[lake]\nbukkets = 4")
    assert "lake.bukkets: unknown key" in refused(project, 10, "score", "--cutoff", project.cutoff)


def test_an_unreachable_warehouse_is_named_without_its_password(project: Project) -> None:
    change(project, "[lake]", '[warehouse]\nurl = "postgresql://nightcast:hunter2@127.0.0.1:1/shop"\n[lake]')
    said = refused(project, 30, "status")
    assert "127.0.0.1:1" in said
    assert "hunter2" not in said


def test_a_cutoff_without_events_says_what_there_is(project: Project) -> None:
    said = refused(project, 13, "build-features", "--cutoff", "2025-06-01")
    assert "2025-06-01" in said
    assert "2026-01-0" in said


def test_a_day_without_data_is_named(project: Project) -> None:
    assert "2027-01-01" in refused(project, 13, "ingest", "--date", "2027-01-01")


def test_a_target_whose_horizon_has_not_closed_says_when_it_will(project: Project) -> None:
    said = refused(project, 14, "build-features", "--training", "--cutoff", "2026-01-20")
    assert "churn_28d" in said


def test_no_champion_yet_says_what_to_run(project: Project) -> None:
    project.run("build-features", "--cutoff", project.cutoff)
    assert "nightcast run train" in refused(project, 15, "score", "--cutoff", project.cutoff)


def test_features_not_built_says_what_to_run(project: Project) -> None:
    said = refused(project, 18, "train-gbdt", "--target", "purchase_7d", "--cutoff", project.cutoff)
    assert "nightcast build-features --training" in said


def test_scores_not_there_says_what_to_run(project: Project) -> None:
    assert f"nightcast score --cutoff {project.cutoff}" in refused(project, 18, "publish", "--cutoff", project.cutoff)
