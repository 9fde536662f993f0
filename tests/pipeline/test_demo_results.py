from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.demo_results import NAMES, Contender, Row, row, show
from pipeline.scoring.scorer import LOADERS


def model(kind: str, version: str, auc: float, half: float = 0.02) -> dict[str, Any]:
    return {"kind": kind, "version": version, "auc": auc, "lower": auc - half, "upper": auc + half}


def test_everything_judged_is_listed_the_best_first_and_the_champion_is_marked() -> None:
    judged = [model("recency", "8", 0.70), model("gbdt", "10", 0.75), model("gbdt", "2", 0.60), model("base_rate", "7", 0.5, half=0)]
    found = row("buys", {"candidates": judged}, {"champion": "10"}, 1234)
    assert found == Row(
        "buys",
        (
            Contender("LightGBM v10", "0.750 (0.730–0.770)", champion=True),
            Contender("recency alone v8", "0.700 (0.680–0.720)", champion=False),
            Contender("LightGBM v2", "0.600 (0.580–0.620)", champion=False),
            Contender("base rate v7", "0.500", champion=False),
        ),
        1234,
    )


def test_a_champion_that_was_not_judged_is_an_earlier_one_and_there_may_be_none() -> None:
    evaluation = {"candidates": [model("gbdt", "10", 0.75)]}
    assert row("buys", evaluation, {"champion": "3"}, 0).contenders[1:] == (Contender("earlier v3", "–", champion=True),)
    assert [each.champion for each in row("buys", evaluation, {"champion": None}, 0).contenders] == [False]


def test_every_kind_has_a_name_for_people() -> None:
    assert NAMES.keys() == LOADERS.keys()


def test_the_table_fits_80_columns_and_is_followed_by_seconds_and_where_to_look() -> None:
    text = StringIO()
    judged = [model("active_days", "8", 0.70), model("gbdt", "10", 0.75)]
    rows = [row("purchase_7d", {"candidates": judged}, {"champion": "10"}, 12345), Row("b", (), 0)]
    show(Console(file=text, width=80), rows, {"start": 12.3, "train": 40.1}, Path("/shop/nightcast.toml"))
    lines = text.getvalue().splitlines()
    first = next(place for place, line in enumerate(lines) if "purchase_7d" in line)
    assert [line.split() for line in lines[first : first + 2]] == [
        ["purchase_7d", "LightGBM", "v10", "0.750", "(0.730–0.770)", "champion", "12,345"],
        ["active", "days", "alone", "v8", "0.700", "(0.680–0.720)"],
    ]
    assert "start 12 s, train 40 s; together 52 s" in lines
    assert any(line.endswith("nightcast up --config /shop/nightcast.toml") for line in lines)
    assert any(line.endswith("/shop/nightcast.duckdb, table user_scores") for line in lines)


def test_the_usual_folder_is_opened_by_make_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    text = StringIO()
    show(Console(file=text, width=80), [], {}, tmp_path / "var" / "demo" / "nightcast.toml")
    assert any(line.endswith(" make up") for line in text.getvalue().splitlines())
