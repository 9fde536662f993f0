"""Members, posts and badges of a real site as one event stream, by configuration alone.

Data: Stack Exchange data dump of stats.stackexchange.com, CC BY-SA 3.0, three files in `../shared/data/cross-validated`.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.config import load
from pipeline.lake import Lake
from tests.night import Project

DATA = Path(__file__).parents[3] / "shared/data/cross-validated"
OPENED, LAST = date(2010, 7, 19), date(2014, 6, 13)
WINTER = (date(2014, 1, 1), date(2014, 3, 1))
AS_OF = date(2011, 2, 15)

SIGNUP = """event_type = "'signup'"\n"""
REPUTATION = 'value = "Reputation"\n'
"""What a person might add below that line to have a number to sum: it is the reputation on the day of the dump, in 2014."""

Event = tuple[str, str, str, str, str | None]
"""Day, time to the second, user, event type, category."""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA}: the Cross Validated files are not part of the repository")


def lines(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected(first: date, last: date) -> tuple[Counter[Event], Counter[str]]:
    """Events, and lines refused by rule, counted from the raw files by their README: no line of the pipeline is used."""
    events, refused = Counter[Event](), Counter[str]()
    posts = {"1": "question", "2": "answer"}
    every = [
        *((row["CreationDate"], row["Id"], "signup", None) for row in lines("users")),
        *((row["CreationDate"], row["OwnerUserId"], row["PostTypeId"], posts.get(row["PostTypeId"])) for row in lines("posts")),
        *((row["Date"], row["UserId"], "badge", None) for row in lines("badges")),
    ]
    for time, user, kind, category in every:
        if not str(first) <= time[:10] <= str(last):
            continue
        rules = [
            rule
            for rule, broken in (("user_id_missing", user in ("", "-1")), ("event_type_unknown", kind.isdigit() and not category))
            if broken
        ]
        if rules:
            refused[",".join(rules)] += 1
        else:
            events[(time[:10], time, user, "post" if category else kind, category)] += 1
    return events, refused


def taken_in(folder: Path, first: date, last: date) -> None:
    """Ingest the days by the shipped profile, and compare with the raw lines."""
    project = Project(folder, first, (last - first).days + 1)
    (folder / "nightcast.toml").write_text(profiles.text("cross_validated"), encoding="utf-8")
    (folder / "raw").symlink_to(DATA)
    result = project.result("ingest", "--from", str(first), "--to", str(last))
    events, refused = expected(first, last)
    counts = {
        "days": project.days,
        "rows": events.total() + refused.total(),
        "accepted": events.total(),
        "quarantined": refused.total(),
        "duplicates": 0,
    }
    assert {name: result[name] for name in counts} == counts
    assert accepted(project) == events
    rules = project.rows("SELECT rule, count(*) AS n FROM quarantined_events GROUP BY rule")
    assert {row["rule"]: row["n"] for row in rules} == dict(refused)


def accepted(project: Project) -> Counter[Event]:
    found = Lake(load(project.folder / "nightcast.toml").lake_url).read(
        "events", {}, ["event_time", "user_id", "event_type", "category", "day"]
    )
    times = (str(time)[:19] for time in found["event_time"].to_pylist())
    rest = (found[name].to_pylist() for name in ("user_id", "event_type", "category"))
    return Counter(zip(map(str, found["day"].to_pylist()), times, *rest, strict=True))


def test_two_winter_months_of_three_files_are_one_stream(tmp_path: Path) -> None:
    taken_in(tmp_path, *WINTER)


def opening(folder: Path, profile: str) -> Project:
    """The site's first seven months, by this profile, with everything that a training reads."""
    project = Project(folder, OPENED, (AS_OF - OPENED).days)
    (folder / "nightcast.toml").write_text(profile, encoding="utf-8")
    (folder / "raw").symlink_to(DATA)
    project.run("ingest", "--from", str(OPENED), "--to", str(AS_OF - timedelta(days=1)))
    project.run("build-features", "--training", "--cutoff", str(AS_OF))
    return project


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_shipped_profile_passes_the_leak_gate(tmp_path: Path) -> None:
    result = opening(tmp_path, profiles.text("cross_validated")).result("check-leaks", "--cutoff", str(AS_OF))
    assert result["passed"]
    assert {row["check"] for row in result["checks"]} >= {"truncation", "permuted_future", "shuffled_labels", "too_good", "irreplaceable"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_column_of_the_day_of_the_dump_is_caught(tmp_path: Path) -> None:
    shipped = profiles.text("cross_validated")
    assert shipped.count(SIGNUP) == 1
    project = opening(tmp_path, shipped.replace(SIGNUP, SIGNUP + REPUTATION))
    said = project.run("check-leaks", "--cutoff", str(AS_OF), expect=20).stderr
    assert "irreplaceable, post_90d, value of signup, users with little history: without it a model loses" in said
    assert "do not map a source column that is filled in or corrected after its event" in said
    refused = project.run("train-gbdt", "--target", "post_90d", "--cutoff", str(AS_OF), expect=20).stderr
    assert "The leak gate failed" in refused


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_line_since_the_site_opened_is_accounted_for(tmp_path: Path) -> None:
    taken_in(tmp_path, OPENED, LAST)
    before, refused = expected(date(2009, 1, 1), date(2010, 7, 18))
    assert (before.total(), refused.total()) == (23 - refused.total(), refused.total())
    every = sum(len(lines(name)) for name in ("users", "posts", "badges"))
    since = [counted.total() for counted in expected(OPENED, LAST)]
    assert sum(since) + 23 == every == 187_607
