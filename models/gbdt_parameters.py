"""What a training of gradient-boosted trees may be told, and how LightGBM is told so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from models.feature_selection import SAMPLE_ROWS

Device = Literal["cpu", "gpu", "cuda"]


@dataclass(frozen=True)
class GbdtParameters:
    """How trees are grown, stopped, held out and weighted. The defaults are those of `[training.gbdt]`.

    rounds            most trees; early_stopping: rounds without a better held-out loss
    depth             at most 6 keeps exact reasons fast for every user
    folds             of users; from `crossfit_rows` teaching rows on, one training with a tenth of the users held out takes their place
    bagging_fraction  of rows, drawn for every tree; feature_fraction: of columns
    l1, l2, path_smooth, extra_trees  LightGBM's lambda_l1, lambda_l2 and those of the same names
    bags              models of different seeds, averaged in log-odds
    half_life_days    a cutoff so much older than the newest weighs half; 0: all weigh the same
    positive_weight   of outcome 1, in training and early stopping: the log-odds are then off, and calibration brings them back
    monotone          name of a column, or a beginning followed by `*` → 1: the score never falls as the column rises; −1: never rises
    device            where LightGBM trains; only "cpu" gives the same model text every time
    threads           0: all cores
    """

    rounds: int = 1000
    learning_rate: float = 0.03
    leaves: int = 7
    depth: int = 6
    min_leaf: int = 50
    early_stopping: int = 50
    folds: int = 5
    crossfit_rows: int = 400_000
    bagging_fraction: float = 0.5
    feature_fraction: float = 0.3
    l1: float = 0.0
    l2: float = 0.0
    path_smooth: float = 0.0
    extra_trees: bool = False
    bags: int = 1
    half_life_days: float = 0.0
    positive_weight: float = 1.0
    monotone: Mapping[str, int] = field(default_factory=dict)
    device: Device = "cpu"
    threads: int = 0

    def settings(self, names: Sequence[str], seed: int) -> dict[str, Any]:
        """LightGBM's parameters of a classifier that reads the columns `names`, in this order.

        Bins are drawn alike whatever the seed, so that trainings of several seeds share one binned matrix.
        """
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "min_data_in_leaf": self.min_leaf,
            "lambda_l1": self.l1,
            "lambda_l2": self.l2,
            "path_smooth": self.path_smooth,
            "extra_trees": self.extra_trees,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": int(self.bagging_fraction < 1),
            "feature_fraction": self.feature_fraction,
            "seed": seed,
            "data_random_seed": 1,
            "bin_construct_sample_cnt": SAMPLE_ROWS,
            "feature_pre_filter": False,
            "num_threads": self.threads,
            "verbosity": -1,
            **self._monotone(names),
            **self._device(),
        }

    def unmatched(self, names: Sequence[str]) -> list[str]:
        """The entries of `monotone` that stand for none of these columns."""
        return [pattern for pattern in self.monotone if not any(_stands_for(pattern, name) for name in names)]

    def _monotone(self, names: Sequence[str]) -> dict[str, Any]:
        directions = [self._direction(name) for name in names]
        return {"monotone_constraints": directions, "monotone_constraints_method": "intermediate"} if any(directions) else {}

    def _direction(self, name: str) -> int:
        """The column's own entry, else that of its longest beginning, else 0: free."""
        standing = [pattern for pattern in self.monotone if _stands_for(pattern, name)]
        return self.monotone[max(standing, key=lambda pattern: (pattern == name, len(pattern)))] if standing else 0

    def _device(self) -> dict[str, Any]:
        """A graphics card adds in no fixed order: promising the same text there would be a lie."""
        if self.device != "cpu":
            return {"device_type": self.device}
        return {"device_type": "cpu", "deterministic": True, "force_row_wise": True}


def _stands_for(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
