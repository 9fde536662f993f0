"""A real shop's invoice lines, through the same commands: models and baselines judged on the users of 2011-10-09.

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
    counts = {"days": 278, "rows": 451_127, "accepted": 335_399, "quarantined": 111_827, "duplicates": 3_901, "late": 0}
    assert {name: taken[name] for name in counts} == counts
    sums = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in list(counts)[1:])
    assert retail.rows(f"SELECT count(*) AS days, {sums} FROM validation_runs WHERE passed") == [counts]
    assert retail.rows("SELECT count(*) AS n FROM quarantined_events") == [{"n": 111_827}]


CANCELLED = """
SELECT (SELECT sum(coalesce(CAST(accepted_by_type->>'cancel' AS BIGINT), 0) + coalesce(CAST(repeated_by_type->>'cancel' AS BIGINT), 0))
        FROM validation_runs)
     + (SELECT count(*) FROM quarantined_events WHERE (source_row->>'InvoiceNo') LIKE 'C%') AS n
"""
REPEATED = """
SELECT (SELECT sum(duplicates) FROM validation_runs)
     + (SELECT sum(copies - 1) FROM (SELECT count(*) AS copies FROM quarantined_events GROUP BY batch_date, source_row)) AS n
"""
"""A refused row that comes twice is refused twice: both have to be shown."""


def test_what_is_known_of_the_lines_comes_out_of_the_warehouse(retail: Project) -> None:
    """The counts that the data's own README states."""
    missing = "SELECT count(*) AS n FROM quarantined_events WHERE list_contains(string_split(rule, ','), 'user_id_missing')"
    found = {
        name: int(retail.rows(sql)[0]["n"]) for name, sql in {"missing": missing, "repeated": REPEATED, "cancelled": CANCELLED}.items()
    }
    assert found == {"missing": 111_827, "repeated": 3_942, "cancelled": 8_197}


def test_models_and_baselines_are_judged_on_the_same_users_and_the_champion_is_good(retail: Project) -> None:
    retail.run("build-features", "--training", "--cutoff", AS_OF)
    retail.run("check-leaks", "--cutoff", AS_OF)
    for stage in ("train-baselines", "train-gbdt", "train-sequence"):
        retail.run(stage, "--target", "purchase_30d", "--cutoff", AS_OF)
    judged = retail.result("evaluate", "--target", "purchase_30d", "--cutoff", AS_OF)
    retail.run("promote", "--target", "purchase_30d", "--cutoff", AS_OF)
    for candidate in judged["candidates"]:
        sys.stdout.write(
            f"{candidate['kind']}: AUC {candidate['auc']:.4f} ({candidate['lower']:.4f}–{candidate['upper']:.4f}) on {judged['rows']} users\n"
        )
    aucs = {candidate["kind"]: candidate["auc"] for candidate in judged["candidates"]}
    assert aucs.keys() == {"base_rate", "recency", "active_days", "bg_nbd", "gbdt", "sequence"}
    assert max(aucs.values()) >= 0.72
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
