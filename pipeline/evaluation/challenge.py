"""One version asking for the alias: what its gates look at, and how sure they have to be."""

from __future__ import annotations

from dataclasses import dataclass

from models.baselines import KINDS
from pipeline.evaluation.decision import Rule, Verdict
from pipeline.evaluation.evidence import Difference, Estimate, Evidence, Judged
from pipeline.evaluation.multiplicity import lower_end
from pipeline.evaluation.wording import named, shown


@dataclass(frozen=True)
class Challenge:
    """`considered` challenges the champion, None where there is none or it could not be judged."""

    evidence: Evidence
    considered: Judged
    champion: Judged | None
    rule: Rule

    @property
    def parts(self) -> int:
        """Into how many parts the chance of error is divided so that it bounds the chance that anybody at all is promoted by luck.

        Every learned challenger has one part. Where there is a champion that a baseline may replace, the baselines together have one part
        more, and each of them its part of that; without one no baseline needs luck.
        """
        challengers = [model for model in self.evidence.models if self.champion is None or model.version != self.champion.version]
        baselines = sum(model.kind in KINDS for model in challengers)
        parts = len(challengers) - baselines + (1 if self.champion and baselines else 0)
        return parts * baselines if self.of_baseline and self.champion else max(parts, 1)

    @property
    def of_baseline(self) -> bool:
        """Whether a baseline challenges."""
        return self.considered.kind in KINDS

    @property
    def beside_champion(self) -> Difference | None:
        """The figures of the considered version minus those of the champion."""
        return self.evidence.between(self.considered.version, self.champion.version) if self.champion else None

    @property
    def closest(self) -> Judged | None:
        """The baseline, the champion included, over which the considered version's lead is the least sure."""
        others = [each for each in self.evidence.models if each.kind in KINDS and each.version != self.considered.version]
        return min(others, key=lambda each: lower_end(self.evidence.difference(self.considered.version, each.version)), default=None)

    @property
    def scored(self) -> str:
        """In words: its AUC."""
        return f"AUC {shown(self.considered.figures['auc'])} on {self.evidence.rows} users"

    def compared(self, other: Judged) -> str:
        """In words: both AUCs, and how far they are apart."""
        both = f"AUC {shown(self.considered.figures['auc'])} against {shown(other.figures['auc'])} of {named(other)}"
        difference = shown(self.evidence.difference(self.considered.version, other.version))
        return f"{both} on the same {self.evidence.rows} users; the paired difference is {difference}"

    def lies(self, estimate: Estimate, bar: float) -> tuple[bool, str]:
        """Whether the estimate is surely above `bar`, and its lower end in words."""
        lower = lower_end(estimate, self.parts)
        end = "" if self.parts == 1 else f", {lower:.4f} after dividing the chance of error by {self.parts},"
        return lower > bar, f"its lower end{end} is {'above' if lower > bar else 'not above'} {bar:g}"


def verdict(good: bool) -> Verdict:
    """Of a gate that had something to judge."""
    return "passed" if good else "failed"
