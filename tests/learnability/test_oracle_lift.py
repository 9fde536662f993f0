"""On a shop whose truth is known, the GBDT comes close to the best possible score; real stages, real files.

The oracle knows the process and each user's observable history (`nightcast simulate`); nobody can do better than that on average.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from features.cutoff import parse_cutoff
from features.splits import latest_matured
from models.metrics import auc
from pipeline.config import load
from pipeline.lake import Lake
from tests.night import Project, simulated

CONFIG = (Path(__file__).parents[2] / "pipeline/profiles/demo.toml").read_text(encoding="utf-8")
TARGETS = ("purchase_7d", "churn_28d")
SHARE_OF_LIFT = 0.95


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    config = CONFIG.replace("events/{date}", "shop/events/{date}")
    project = simulated(tmp_path_factory.mktemp("plain"), config, users=6000, days=196)
    project.run("build-features", "--training", "--cutoff", project.cutoff)
    project.run("check-leaks", "--cutoff", project.cutoff)
    return project


@pytest.mark.parametrize("target", TARGETS)
def test_the_gbdt_reaches_95_percent_of_the_oracles_lift(target: str, shop: Project) -> None:
    shop.run("train-gbdt", "--target", target, "--cutoff", shop.cutoff)
    judged = shop.result("evaluate", "--target", target, "--cutoff", shop.cutoff)["candidates"][0]
    best = oracle_auc(shop, target)
    share = (judged["auc"] - 0.5) / (best - 0.5)
    sys.stdout.write(f"{target}: GBDT {judged['auc']:.4f}, oracle {best:.4f}, share of lift {share:.3f}\n")
    assert best > 0.65, "the shop has nothing to learn"
    assert share >= SHARE_OF_LIFT
    assert share < 1.05, "better than the best possible score: a leak"


def oracle_auc(shop: Project, target: str) -> float:
    """AUC of the oracle on the very users that the model was judged on."""
    config = load(shop.folder / "nightcast.toml")
    cutoff = latest_matured(config.target(target), parse_cutoff(shop.cutoff, "UTC"), "UTC")
    judged = pl.DataFrame(Lake(config.lake_url).read("labels", {"target": target, "cutoff": cutoff.key}, ["user_id", "label"]))
    oracle = pl.read_parquet(shop.folder / "shop/oracle.parquet").filter(
        (pl.col("target") == target) & (pl.col("cutoff") == cutoff.instant)
    )
    both = judged.join(oracle, on="user_id", how="inner")
    assert len(both) == len(judged)
    # Sessions of the last days that would be delivered after the shop's last day are not in the files.
    assert (both["label"] == both["happened"]).mean() > 0.985
    return auc(both["label"].to_numpy(), both["probability"].to_numpy())
