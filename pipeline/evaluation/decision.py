"""Who scores from now on, and why: the words that promotion ends in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Rule:
    """What a challenger must show; the fields are those of `[promotion]` in nightcast.toml.

    min_effect        the lower end of the paired difference of AUC to the champion must exceed it
    max_ece           expected calibration error that must not be surely exceeded
    min_positives     users of each outcome at the evaluation cutoff without whom no learned model is promoted
    slice_level       chance that a challenger which is nowhere worse is refused for a slice, over all slices together
    suspicious_auc    an AUC surely above it is taken for a leak
    """

    min_effect: float = 0.0
    max_ece: float = 0.05
    min_positives: int = 20
    slice_level: float = 0.05
    suspicious_auc: float = 0.99


@dataclass(frozen=True)
class Gate:
    """One condition that the considered version had to meet, with its numbers; `skipped` where there was nothing to compare."""

    name: str
    verdict: Verdict
    words: str


@dataclass(frozen=True)
class Decision:
    """What to do with the alias.

    promoted    whether `version` takes it from `champion` (None: nobody had it)
    version     the candidate that was considered; None if there was none
    reasons     sentences with the numbers, the most telling one first
    gates       every condition asked of `version`, in order
    """

    promoted: bool
    version: str | None
    champion: str | None
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Decision:
        """Inverse of `to_json`."""
        gates = tuple(Gate(**gate) for gate in content["gates"])
        return cls(content["promoted"], content["version"], content["champion"], tuple(content["reasons"]), gates)
