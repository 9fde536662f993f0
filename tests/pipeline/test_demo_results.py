from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.demo_results import Row, row, show


def model(kind: str, version: str, auc: float) -> dict[str, Any]:
    return {"kind": kind, "version": version, "auc": auc, "lower": auc - 0.02, "upper": auc + 0.02}


def test_the_newest_version_of_each_kind_counts() -> None:
    evaluation = {"candidates": [model("gbdt", "10", 0.75), model("sequence", "9", 0.74), model("gbdt", "2", 0.60)]}
    found = row("buys", evaluation, {"champion": "2"}, 1234)
    assert found == Row("buys", {"gbdt": "0.750 (0.730–0.770)", "sequence": "0.740 (0.720–0.760)"}, "gbdt v2", 1234)


def test_a_champion_that_was_not_judged_is_an_earlier_one_and_none_is_a_dash() -> None:
    evaluation = {"candidates": [model("gbdt", "10", 0.75)]}
    assert row("buys", evaluation, {"champion": "3"}, 0).champion == "earlier v3"
    assert row("buys", evaluation, {"champion": None}, 0).champion == "–"


def test_the_table_fits_80_columns_and_is_followed_by_seconds_and_where_to_look() -> None:
    text = StringIO()
    rows = [Row("purchase_7d", {"gbdt": "0.750 (0.730–0.770)", "sequence": "0.740 (0.720–0.760)"}, "gbdt v10", 12345), Row("b", {}, "–", 0)]
    show(Console(file=text, width=80), rows, {"start": 12.3, "train": 40.1}, Path("/shop/nightcast.toml"))
    lines = text.getvalue().splitlines()
    assert next(line for line in lines if "purchase_7d" in line).split() == [
        "purchase_7d", "0.750", "(0.730–0.770)", "0.740", "(0.720–0.760)", "gbdt", "v10", "12,345",
    ]  # fmt: skip
    assert "start 12 s, train 40 s; together 52 s" in lines
    assert any(line.endswith("nightcast up --config /shop/nightcast.toml") for line in lines)
    assert any(line.endswith("/shop/nightcast.duckdb, table user_scores") for line in lines)


def test_the_usual_folder_is_opened_by_make_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    text = StringIO()
    show(Console(file=text, width=80), [], {}, tmp_path / "var" / "demo" / "nightcast.toml")
    assert any(line.endswith(" make up") for line in text.getvalue().splitlines())
