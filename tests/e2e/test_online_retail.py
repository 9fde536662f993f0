"""A real shop's invoice lines, through the same commands: both models judged on the users of 2011-10-09.

Data: UCI Machine Learning Repository, D. Chen (2015), "Online Retail", CC BY 4.0, doi 10.24432/C5BW33, one file a day in `../shared/data/online-retail`.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline import profiles
from tests.night import Project

SHARED = Path(__file__).parents[3] / "shared/data"
DATA = SHARED / "online-retail"
REFERENCE = SHARED / "reference/reference_purchase_30d_2011-10-09.csv.gz"
FIRST, LAST, AS_OF, JUDGED = "2010-12-01", "2011-11-08", "2011-11-08", "2011-10-08T23:00:00Z"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA}: the Online Retail files are not part of the repository")


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("retail"), date(2010, 12, 1), 343)
    (project.folder / "nightcast.toml").write_text(profiles.text("online_retail"), encoding="utf-8")
    (project.folder / "events").symlink_to(DATA)
    return project


def test_every_line_is_accounted_for(retail: Project) -> None:
    taken = retail.result("ingest", "--from", FIRST, "--to", LAST)
    assert taken["days"] == 278
    assert taken["rows"] == 451_127
    assert taken["accepted"] + taken["quarantined"] + taken["duplicates"] == taken["rows"]
    nameless = retail.rows("SELECT count(*) AS n FROM quarantined_events WHERE rule LIKE '%user_id%'")
    assert nameless == [{"n": 111_827}]


def test_both_models_are_judged_on_the_same_users_and_the_champion_is_good(retail: Project) -> None:
    retail.run("build-features", "--training", "--cutoff", AS_OF)
    for stage in ("train-gbdt", "train-sequence"):
        retail.run(stage, "--target", "purchase_30d", "--cutoff", AS_OF)
    judged = retail.result("evaluate", "--target", "purchase_30d", "--cutoff", AS_OF)
    retail.run("promote", "--target", "purchase_30d", "--cutoff", AS_OF)
    for candidate in judged["candidates"]:
        sys.stdout.write(
            f"{candidate['kind']}: AUC {candidate['auc']:.4f} ({candidate['lower']:.4f}–{candidate['upper']:.4f}) on {judged['rows']} users\n"
        )
    assert {candidate["kind"] for candidate in judged["candidates"]} == {"gbdt", "sequence"}
    assert max(candidate["auc"] for candidate in judged["candidates"]) >= 0.72
    assert judged["cutoff"] == JUDGED


@pytest.mark.skipif(not REFERENCE.is_file(), reason=f"no {REFERENCE}")
def test_users_and_outcomes_are_those_of_the_reference(retail: Project) -> None:
    from pipeline.config import load
    from pipeline.lake import Lake

    labels = Lake(load(retail.folder / "nightcast.toml").lake_url).read("labels", {"target": "purchase_30d", "cutoff": "20111008T230000Z"})
    ours = pl.DataFrame(labels).select("user_id", "label")
    reference = pl.read_csv(REFERENCE, schema_overrides={"user_id": pl.String})
    both = ours.join(reference, on="user_id", how="inner")
    sys.stdout.write(f"{len(ours)} users here, {len(reference)} in the reference, {len(both)} in both\n")
    assert len(ours) == len(reference) == len(both)
    assert (both["label"] == both["happened"]).all()
