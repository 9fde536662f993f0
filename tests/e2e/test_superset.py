"""A real BI tool reads the warehouse: Apache Superset, connected to PostgreSQL with a login of `nightcast_reader`, in a real browser.

Set NIGHTCAST_SCREENSHOTS to a folder to keep the picture.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from pipeline.config import Config
from pipeline.services.process import Services
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.readers import PRIVATE, READABLE, ROLE
from pipeline.warehouse.tables import SCORE_DECILES, USER_SCORES
from tests.e2e import superset
from tests.warehouse.engines import config_at, postgresql
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

__all__ = ["postgresql"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DATABASE, LOGIN = "nightcast_bi", "nightcast_bi_analyst"
USERS, PATIENCE_MS = 4000, 60_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the search path"),
    pytest.mark.skipif(not superset.PROGRAM.exists(), reason="Superset is not installed: `make bi`"),
]


@dataclass(frozen=True)
class Shop:
    """A warehouse with one realised night, and the address that the analyst connects with."""

    config: Config
    address: str


@pytest.fixture(scope="module")
def shop(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    config = config_at(tmp_path_factory.mktemp("shop"), postgresql.replace("/postgres?", f"/{DATABASE}?"))
    with psycopg.connect(postgresql, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {DATABASE}")  # type: ignore[call-overload]
        rows = scores(USERS, 0)
        with open_warehouse(config) as warehouse:
            warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
            warehouse.replace("decile_outcomes", {"target": TARGET, "cutoff": CUTOFF.instant}, came_true(rows))
        owner.execute(f"CREATE ROLE {LOGIN} LOGIN IN ROLE {ROLE}")  # type: ignore[call-overload]
        yield Shop(config, config.warehouse.url.replace("postgresql://postgres:@", f"postgresql+psycopg2://{LOGIN}@"))


def came_true(rows: pa.Table) -> pa.Table:
    """Outcomes drawn from the scores: well calibrated but for chance."""
    happened = np.random.default_rng(5).random(USERS) < rows["score"].to_numpy()
    deciles = rows["decile"].to_numpy()
    events = [int(happened[deciles == tenth].sum()) for tenth in range(1, 11)]
    return pa.table({"decile": range(1, 11), "users": [USERS // 10] * 10, "realised_events": events})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A visitor's page of a running Superset."""
    with Services() as services, sync_playwright() as playwright:
        address = superset.start(services, tmp_path_factory.mktemp("superset"))
        with playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
            context = browser.new_context(viewport={"width": 1500, "height": 850}, base_url=address)
            context.set_default_timeout(PATIENCE_MS)
            yield context.new_page()


@pytest.fixture(scope="module")
def visit(page: Page) -> superset.Visit:
    return superset.Visit(page.context)


@pytest.fixture(scope="module")
def database(visit: superset.Visit, shop: Shop) -> int:
    """Connected so that Superset itself would let a visitor write."""
    return visit.create("database", database_name="Nightcast", sqlalchemy_uri=shop.address, allow_dml=True, expose_in_sqllab=True)


@pytest.fixture(scope="module")
def dataset(visit: superset.Visit, database: int) -> int:
    return visit.create("dataset", database=database, schema="public", table_name=SCORE_DECILES.name)


def test_the_tables_are_listed_with_their_comments(visit: superset.Visit, database: int) -> None:
    listed = visit.get(f"/api/v1/database/{database}/tables/?q=(schema_name:public,force:!t)")["result"]
    assert {table["value"] for table in listed} >= set(READABLE)
    for relation in (USER_SCORES, SCORE_DECILES):
        found = visit.get(f"/api/v1/database/{database}/table_metadata/?name={relation.name}&schema=public")
        assert found["comment"] == relation.comment
        assert {column["name"]: column["comment"] for column in found["columns"]} == {each.name: each.comment for each in relation.columns}


def test_what_a_column_means_stands_in_the_dataset(visit: superset.Visit, dataset: int) -> None:
    columns = visit.get(f"/api/v1/dataset/{dataset}")["result"]["columns"]
    assert {column["column_name"]: column["description"] for column in columns} == {
        each.name: each.comment for each in SCORE_DECILES.columns
    }


@pytest.mark.parametrize("sql", ["DELETE FROM user_scores", "CREATE TABLE mine (x int)", f"SELECT * FROM {PRIVATE[0]}"])
def test_a_visitor_can_neither_write_nor_read_the_quarantine(visit: superset.Visit, database: int, sql: str) -> None:
    answer = visit.send("POST", "/api/v1/sqllab/execute/", {"database_id": database, "schema": "public", "sql": sql, "runAsync": False})
    assert "permission denied" in json.dumps(answer)


def test_a_chart_shows_what_came_true_beside_what_was_expected(
    page: Page, visit: superset.Visit, shop: Shop, dataset: int, tmp_path: Path
) -> None:
    chart = visit.create(
        "chart",
        slice_name="Did it come true? Expected and realised events by decile",
        datasource_id=dataset,
        datasource_type="table",
        viz_type="echarts_timeseries_bar",
        params=json.dumps(bars(dataset)),
    )
    with page.expect_response(lambda answer: "/api/v1/chart/data" in answer.url) as drawn:
        page.goto(f"/explore/?slice_id={chart}")
    (result,) = drawn.value.json()["result"]
    with open_warehouse(shop.config) as warehouse:
        wanted = warehouse.query("SELECT decile, expected_events, realised_events FROM score_deciles ORDER BY decile").to_pylist()
    found = sorted(result["data"], key=lambda row: int(row["decile"]))
    assert [row["realised"] for row in found] == [row["realised_events"] for row in wanted]
    assert [row["expected"] for row in found] == pytest.approx([row["expected_events"] for row in wanted])
    canvas = page.locator("canvas").first
    expect(canvas).to_be_visible()
    page.wait_for_timeout(3000)  # the bars grow
    folder = Path(os.environ.get("NIGHTCAST_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "superset-deciles.png")


def bars(dataset: int) -> dict[str, Any]:
    """Two bars for each decile."""

    def total(column: str, label: str) -> dict[str, Any]:
        return {"expressionType": "SIMPLE", "column": {"column_name": column}, "aggregate": "SUM", "label": label, "hasCustomLabel": True}

    return {
        "datasource": f"{dataset}__table",
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "decile",
        "xAxisForceCategorical": True,
        "x_axis_sort": "decile",
        "x_axis_sort_asc": True,
        "x_axis_title": "decile, 1 = most likely",
        "x_axis_title_margin": 30,
        "y_axis_title": "users for whom it came true",
        "y_axis_title_margin": 50,
        "y_axis_title_position": "Left",
        "metrics": [total("expected_events", "expected"), total("realised_events", "realised")],
        "adhoc_filters": [
            {"expressionType": "SIMPLE", "subject": "target", "operator": "==", "comparator": TARGET, "clause": "WHERE"},
            {"expressionType": "SIMPLE", "subject": "realised_events", "operator": "IS NOT NULL", "comparator": None, "clause": "WHERE"},
        ],
        "row_limit": 1000,
        "show_legend": True,
        "time_range": "No filter",
    }
