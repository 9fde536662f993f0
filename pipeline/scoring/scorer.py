"""A champion ready to judge: classifier, calibrator and reason texts from one verified artifact."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit

from features.target import Target
from features.timeline import Flags
from models import baselines
from models.calibration import LARGEST_MOVE, Calibrator
from models.classifier import Batch, Classifier, Floats
from models.explanations import Texts, top_reasons
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import BASE_RATE, CALIBRATOR, SENTENCES, Manifest, require_fit, verify

if TYPE_CHECKING:
    from models.amount import Amount

REASONS = 3
READ_EVENTS = frozenset({"sequence"})
"""Kinds that read a user's events; the others read feature columns alone."""


@dataclass(frozen=True)
class Judgement:
    """What a model says of n users.

    raw, probability  (n,) log-odds before calibration, and the calibrated probability; NaN where the model gave no finite answer
    expected          (n,) probability × the amount of those who spend, in the target's unit, for a sum target; else None
    """

    raw: Floats
    probability: Floats
    expected: Floats | None = None

    @property
    def usable(self) -> Flags:
        """(n,) whether there is a whole answer."""
        flags: Flags = np.isfinite(self.probability)
        return flags if self.expected is None else flags & np.isfinite(self.expected)


@dataclass(frozen=True)
class Scorer:
    """One model version. `amount` is there for a sum target, `base_rate` not in versions trained before it was kept."""

    classifier: Classifier
    calibrator: Calibrator
    sentences: Mapping[str, str]
    manifest: Manifest
    amount: Amount | None = None
    base_rate: float | None = None

    def judge(self, batch: Batch) -> Judgement:
        """Raw log-odds and calibrated probability of each user, and the expected value of a sum target."""
        raw = np.asarray(self.classifier.raw(batch), dtype=np.float64)
        raw = np.where(np.isfinite(raw), raw, np.nan)
        return self._meant(raw, batch)

    def average(self, batch: Batch) -> Judgement:
        """The mean probability at the cutoff that calibrated the model, for each user, with the log-odds that mean it.

        A sum's expected value is that probability × the user's own amount. Raises ModelRefused for a version that does not know its mean.
        """
        if self.base_rate is None:
            raise ModelRefused(
                f"The model of {self.manifest.target['name']} does not say its base rate, which [scoring.ladder] asks for",
                mend='train and promote it again, or set the rungs of scoring.ladder to "champion" or "refuse"',
            )
        return self._meant(np.full(len(batch.rows), raw_of(self.base_rate, self.calibrator)), batch)

    def _meant(self, raw: Floats, batch: Batch) -> Judgement:
        probability = self.calibrator.probability(raw)
        return Judgement(raw, probability, probability * self.amount.expected(batch.features) if self.amount else None)

    def reasons(self, batch: Batch, judgement: Judgement) -> tuple[Texts, Floats]:
        """(n, 3) texts and (n, 3) signed effects on the probability, strongest first; None and NaN where there are fewer, or no score."""
        texts, moved = np.full((len(batch.rows), REASONS), None, dtype=object), np.full((len(batch.rows), REASONS), np.nan)
        kept = np.flatnonzero(judgement.usable)
        if len(kept):
            usable = replace(batch, rows=batch.rows[kept], features=batch.features[kept])
            effects = self.classifier.effects(usable)
            texts[kept], moved[kept] = top_reasons(effects, self.sentences, judgement.raw[kept], self.calibrator, count=REASONS)
        return texts, moved


def open_scorer(folder: Path, manifest_sha256: str, *, fingerprint: str, target: Target) -> Scorer:
    """The scorer in `folder`, every file compared with its digest before any library opens it.

    `fingerprint` and `target` are those in force. Raises ModelRefused for a changed file, for a model that was made for
    other features or another definition of the target, with both values, for one whose columns are not those it was trained on, and for
    one whose calibrator or amount cannot be read.
    """
    manifest = verify(folder, manifest_sha256)
    require_fit(manifest, fingerprint=fingerprint, target=target)
    if manifest.kind not in LOADERS:
        raise ModelRefused(f"The model is of kind '{manifest.kind}'; known are {', '.join(LOADERS)}", mend="train the target again")
    sentences = json.loads((folder / SENTENCES).read_text(encoding="utf-8"))
    try:
        calibrator = Calibrator.from_json(json.loads((folder / CALIBRATOR).read_text(encoding="utf-8")))
        amount = _load_amount(folder) if target.kind == "sum" else None
        return Scorer(LOADERS[manifest.kind](folder), calibrator, sentences, manifest, amount, _base_rate(folder, manifest))
    except ValueError as error:
        raise ModelRefused(str(error), mend="train the target again, with this version of Nightcast") from error


def raw_of(probability: float, calibrator: Calibrator) -> float:
    """The log-odds that the calibrator takes for this probability in (0, 1). Raises ValueError for another one."""
    if not 0 < probability < 1:
        raise ValueError(f"A base rate lies between 0 and 1, got {probability!r}")
    wanted, reach = float(logit(probability)), LARGEST_MOVE / calibrator.slope
    return float(brentq(lambda raw: float(calibrator.log_odds(np.array([raw]))[0]) - wanted, -reach, reach))


def _base_rate(folder: Path, manifest: Manifest) -> float | None:
    if BASE_RATE not in manifest.files:
        return None
    return float(json.loads((folder / BASE_RATE).read_text(encoding="utf-8"))["probability"])


def _load_amount(folder: Path) -> Amount:
    from models import amount

    return amount.load(folder, threads=1)


def _load_gbdt(folder: Path) -> Classifier:
    from models import gbdt

    return gbdt.load(folder, threads=1)


def _load_sequence(folder: Path) -> Classifier:
    from models import sequence_classifier

    return sequence_classifier.load(folder)


LOADERS: Mapping[str, Callable[[Path], Classifier]] = {
    "gbdt": _load_gbdt,
    "sequence": _load_sequence,
    **dict.fromkeys(baselines.KINDS, baselines.load),
}
"""Kind → how its own files are opened. Each loads its heavy library only when asked."""
