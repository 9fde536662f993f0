from __future__ import annotations

from pathlib import Path

import pytest

from features.cutoff import parse_cutoff
from pipeline.config import load
from pipeline.errors import ConfigError

MINIMAL = """
[source]
files = "events/{date}.csv.gz"
event_types = ["view", "purchase"]
[source.columns]
user_id = "u"
event_time = "t"
event_type = "k"
[targets.purchase_7d]
kind = "occurs"
event_type = "purchase"
horizon_days = 7
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "nightcast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def findings(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return str(caught.value)


def test_a_minimal_file_gets_every_default(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL))
    assert config.warehouse.url == "duckdb:///nightcast.duckdb"
    assert config.lake_url == str(tmp_path / "lake")
    assert config.windows.days == (7, 14, 30, 60, 90, 180)
    assert config.target("purchase_7d").reach_days == 7


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCAST__WAREHOUSE__URL", "postgresql://loader:secret@db/shop")
    config = load(write(tmp_path, MINIMAL))
    assert config.warehouse.url == "postgresql://loader:secret@db/shop"
    assert config.warehouse_place == "postgresql://loader:***@db/shop"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://loader:secret@db/shop", "postgresql://loader:***@db/shop"),
        ("postgresql://db/shop?user=loader&password=secret&x=1", "postgresql://db/shop?user=loader&password=***&x=1"),
        ("postgresql://loader@db/shop", "postgresql://loader@db/shop"),
        ("duckdb:///night.duckdb", "duckdb:///night.duckdb"),
    ],
)
def test_people_see_the_warehouse_without_its_password(tmp_path: Path, url: str, shown: str) -> None:
    assert load(write(tmp_path, MINIMAL + f"[warehouse]\nurl = '{url}'\n")).warehouse_place == shown


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nightcast init"):
        load(tmp_path / "nightcast.toml")


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in findings(tmp_path, "[source]\nfiles = \n")


def test_all_findings_come_at_once_with_place_and_value(tmp_path: Path) -> None:
    text = MINIMAL.replace("horizon_days = 7", "horizon_days = 0\ncolour = 1") + "[lake]\nulr = 'x'\n[dask]\nworkers = 'two'\n"
    said = findings(tmp_path, text)
    assert "4 finding(s)" in said
    assert "targets.purchase_7d.horizon_days = 0" in said
    assert "targets.purchase_7d.colour: unknown key" in said
    assert "lake.ulr: unknown key" in said
    assert "dask.workers = 'two'" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('k"', 'k"\nprice = "p"', "unknown event columns price"),
        ('event_time = "t"\n', "", "does not say where event_time"),
        ('"events/{date}.csv.gz"', '"events/all.csv"', "{date}"),
        ('files = "events/{date}.csv.gz"', "", "exactly one of `files`, `table` and `query`"),
        ('event_types = ["view", "purchase"]', 'event_types = ["view"]', "'purchase' is not one of any, view"),
        ('kind = "occurs"', 'kind = "next_item"', "targets.purchase_7d.kind = 'next_item' needs the event column item_id"),
        ('kind = "occurs"', 'kind = "sum"', "targets.purchase_7d.kind = 'sum' needs the event column value"),
        ('kind = "occurs"', 'kind = "happens"', "'occurs', 'absent', 'sum' or 'next_item'"),
        ("[targets.purchase_7d]", "[targets.'Purchase; drop']", "Purchase; drop"),
        ("[source]", '[source]\ntime_zone = "Europe/Londn"', "IANA"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in findings(tmp_path, MINIMAL.replace(old, new, 1))


def test_an_unknown_target_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are purchase_7d"):
        load(write(tmp_path, MINIMAL)).target("purchase_8d")


SPENT = """
[targets.spent_7d]
kind = "sum"
event_type = "purchase"
horizon_days = 7
"""
WITH_VALUE = MINIMAL.replace('event_type = "k"', 'event_type = "k"\nvalue = "v"\nitem_id = "i"') + SPENT
NAMED = SPENT.replace("spent_7d", "next_7d").replace("sum", "next_item")


def test_a_sum_is_modelled_like_any_target_and_says_its_unit(tmp_path: Path) -> None:
    config = load(write(tmp_path, WITH_VALUE + 'unit = "GBP"\n'))
    assert config.modelled_targets == ("purchase_7d", "spent_7d")
    assert config.modelled_target("spent_7d").unit == "GBP"
    assert load(write(tmp_path, WITH_VALUE)).target("spent_7d").unit == ""


def test_a_unit_belongs_to_a_sum(tmp_path: Path) -> None:
    said = findings(tmp_path, MINIMAL.replace('kind = "occurs"', 'kind = "occurs"\nunit = "GBP"'))
    assert "targets.purchase_7d" in said
    assert "unit = 'GBP' is for targets of kind 'sum', and this one is 'occurs': remove it" in said


def test_a_target_without_models_is_declared_and_not_modelled(tmp_path: Path) -> None:
    config = load(write(tmp_path, WITH_VALUE + NAMED))
    assert config.target("next_7d").kind == "next_item"
    assert config.modelled_targets == ("purchase_7d", "spent_7d")


def test_asking_for_a_model_of_it_says_where_its_labels_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'next_7d' is of kind 'next_item'; models are there for occurs, absent, sum only") as caught:
        load(write(tmp_path, WITH_VALUE + NAMED)).modelled_target("next_7d")
    assert "purchase_7d" in caught.value.mend
    assert "table `labels`" in caught.value.mend


def test_the_split_is_that_of_the_section_training(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL + "[training]\ncutoffs = 2\nstep_days = 3\nembargo_days = 5\n"))
    found = config.split(config.target("purchase_7d"), parse_cutoff("2026-03-31", "UTC"))
    assert [str(cutoff)[:10] for cutoff in (*found.training, found.evaluation)] == ["2026-03-09", "2026-03-12", "2026-03-24"]
