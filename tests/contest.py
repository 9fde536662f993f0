"""Versions of one target that say the same, and evaluations of them with literal figures: what promotion and rollback work on."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from pathlib import Path

from features.cutoff import Cutoff
from models.baselines import BaseRate
from models.calibration import Calibrator
from pipeline.config import Config, load
from pipeline.configured_features import configured_features
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged
from pipeline.evaluation.recollection import EVALUATION, EVIDENCE
from pipeline.scoring.artifact import pack
from pipeline.tracking import registry, runs
from pipeline.tracking.registry import Candidate
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, SETTINGS, write_toml

TARGET = "purchase_7d"
KINDS = {"1": "gbdt", "2": "sequence", "3": "gbdt"}
"""Of the versions 1, 2, …"""


def place(root: Path, *, versions: int = 2) -> Config:
    """A folder with a configuration file of one target, and so many registered versions of it, none with an alias.

    The versions' files lie elsewhere and are shared by all such folders: never change them.
    """
    shutil.copy(_placed(versions) / "mlflow.db", root / "mlflow.db")
    return load(_written(root))


def place_anew(root: Path, *, versions: int = 2) -> Config:
    """The same with files of its own."""
    config = load(_written(root))
    place_mlflow_store(root)
    for version in list(KINDS)[:versions]:
        register(config, version)
    return config


@cache
def _placed(versions: int) -> Path:
    folder = tempfile.mkdtemp(prefix="nightcast-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return place_anew(Path(folder), versions=versions).root


def _written(root: Path) -> Path:
    return write_toml(root, targets={TARGET: SETTINGS["targets"][TARGET]})


def register(config: Config, version: str, as_of: Cutoff = AS_OF) -> None:
    """The next version, trained as of `as_of`; `version` says which it will be."""
    found, features, target = config.split(config.target(TARGET), as_of), configured_features(config), config.target(TARGET)
    with tempfile.TemporaryDirectory() as folder, runs.opened(config, TARGET, KINDS[version], {"kind": KINDS[version]}) as run:
        sha256 = pack(
            Path(folder),
            BaseRate(-1.0),
            Calibrator(1.0, 0.0),
            {},
            target=target,
            fingerprint=features.fingerprint,
            features=features.names,
            cutoffs=found.training,
        )
        newest = found.training[-1]
        told = Candidate(KINDS[version], as_of, newest, newest.plus_days(target.horizon_days), features.fingerprint, sha256)
        made = registry.register(config, TARGET, run, Path(folder), told)
    assert made.version == version


def judge(config: Config, areas: Mapping[str, float], as_of: Cutoff = AS_OF) -> None:
    """Keep a finished evaluation of the training as of `as_of` in which the versions have these AUCs, known to ± 0.005."""
    found = evidence(config, areas, as_of)
    with runs.opened(config, TARGET, EVALUATION, {"kind": EVALUATION, "cutoff": as_of.key}) as run:
        run.table(EVIDENCE, found.to_json())


def evidence(config: Config, areas: Mapping[str, float], as_of: Cutoff = AS_OF) -> Evidence:
    """What the evaluation found; other figures follow the AUC."""
    held = config.split(config.target(TARGET), as_of).evaluation
    checks = {"leak_gate": "passed", "sufficiency": "go"}
    models = [Judged(version, KINDS[version], held, _figures(area), checks) for version, area in areas.items()]
    pairs = [_pair(one, other, areas[one] - areas[other]) for one, other in combinations(areas, 2)]
    return Evidence(TARGET, as_of, held, 5000, 900, tuple(models), tuple(pairs), {})


def _figures(area: float) -> dict[str, Estimate]:
    loss = 1 - area
    return {
        "auc": _known(area),
        "log_loss": _known(loss),
        "brier": _known(loss / 2),
        "average_precision": _known(area),
        "ece": _known(0.01),
    }


def _pair(one: str, other: str, lead: float) -> Difference:
    figures = {"auc": _known(lead), "log_loss": _known(-lead), "brier": _known(-lead / 2), "average_precision": _known(lead)}
    surely_worse = 0.001 if lead < 0 else 0.5 if lead == 0 else 0.999
    return Difference(one, other, {**figures, "ece": _known(0.0)}, {"auc": surely_worse, "log_loss": surely_worse})


def _known(value: float) -> Estimate:
    return Estimate(value, value - 0.005, value + 0.005)
