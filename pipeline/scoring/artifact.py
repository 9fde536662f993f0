"""The scorer artifact: a folder of plain files, and a manifest with the digest of each.

    manifest.json     what it is, made for which features and target, and the sha256 of every other file
    calibrator.json   from log-odds to probability
    sentences.json    reason texts
    base_rate.json    the mean of its calibrated probabilities at the cutoff that calibrated it
    amount.json, …    of a sum target: how much is spent by those who spend
    model.txt | model.keras, vocabulary.json, …   the classifier's own files

The registry keeps the manifest's sha256. All digests are compared before any library opens a file: a damaged LightGBM text ends the
process, an edited one gives other scores without a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.cutoff import Cutoff
from features.target import Target
from models.calibration import Calibrator
from models.classifier import Classifier
from pipeline.errors import ModelRefused

if TYPE_CHECKING:
    from models.amount import Amount

FORMAT = 1
SHOWN = 5
"""Most column names in a sentence."""
MANIFEST, CALIBRATOR, SENTENCES, BASE_RATE = "manifest.json", "calibrator.json", "sentences.json", "base_rate.json"
PLAIN_SUFFIXES = frozenset({".json", ".txt", ".keras"})
"""Formats that hold numbers and text only; a pickle, for one, would run code when opened."""


class MadeForOther(ModelRefused):
    """An intact artifact that reads other features, or answers another question, than the configuration's."""


MEND = "train again, or give the alias back to the version before: the registry and its files no longer agree"


@dataclass(frozen=True)
class Manifest:
    """What an artifact says of itself.

    target       the question it was trained for, `features.target.Target.question`
    fingerprint  of the feature set; `features` are its columns in order
    cutoffs      keys of the training cutoffs, oldest first
    files        name → sha256, hexadecimal
    """

    kind: str
    target: dict[str, Any]
    fingerprint: str
    features: tuple[str, ...]
    cutoffs: tuple[str, ...]
    files: dict[str, str]
    format: int = FORMAT


def pack(
    folder: Path,
    classifier: Classifier,
    calibrator: Calibrator,
    sentences: Mapping[str, str],
    *,
    target: Target,
    fingerprint: str,
    features: Sequence[str],
    cutoffs: Sequence[Cutoff],
    base_rate: float | None = None,
    amount: Amount | None = None,
) -> str:
    """Write the artifact into `folder`, which is empty; the sha256 of its manifest.

    Raises ValueError for a sum target without its amount, an amount of another kind of target, and files of other than plain formats.
    """
    if (amount is None) == (target.kind == "sum"):
        raise ValueError(
            f"A target of kind '{target.kind}' has {'no amount' if target.kind != 'sum' else 'an amount'} beside its classifier"
        )
    classifier.save(folder)
    if amount is not None:
        amount.save(folder)
    _write_json(folder / CALIBRATOR, calibrator.to_json())
    _write_json(folder / SENTENCES, dict(sentences))
    if base_rate is not None:
        _write_json(folder / BASE_RATE, {"probability": base_rate})
    files = {path.name: digest(path) for path in sorted(folder.iterdir())}
    if foreign := [name for name in files if Path(name).suffix not in PLAIN_SUFFIXES]:
        raise ValueError(f"A {classifier.kind} model wrote {', '.join(foreign)}; artifacts hold {', '.join(sorted(PLAIN_SUFFIXES))} only")
    keys = tuple(cutoff.key for cutoff in cutoffs)
    manifest = Manifest(classifier.kind, target.question, fingerprint, tuple(features), keys, files)
    _write_json(folder / MANIFEST, asdict(manifest))
    return digest(folder / MANIFEST)


def verify(folder: Path, manifest_sha256: str) -> Manifest:
    """The manifest, after every file in `folder` was compared with it and it with `manifest_sha256`.

    Raises ModelRefused for a digest that differs, and for a file too few, too many, linked, or of a format that can hold code.
    """
    present = {path.name: path for path in folder.iterdir()}
    unusual = sorted(name for name, path in present.items() if path.is_symlink() or not path.is_file())
    if unusual:
        raise ModelRefused(f"The artifact holds {', '.join(unusual)}, which is no plain file", mend=MEND)
    if MANIFEST not in present:
        raise ModelRefused(f"The artifact has no {MANIFEST}; it holds {', '.join(sorted(present)) or 'nothing'}", mend=MEND)
    _require_digest(present.pop(MANIFEST), manifest_sha256)
    manifest = _read_manifest(folder / MANIFEST)
    if set(present) != set(manifest.files):
        extra, missing = sorted(set(present) - set(manifest.files)), sorted(set(manifest.files) - set(present))
        raise ModelRefused(f"The artifact's files differ from its manifest: extra {extra}, missing {missing}", mend=MEND)
    if foreign := sorted(name for name in present if Path(name).suffix not in PLAIN_SUFFIXES):
        raise ModelRefused(f"The artifact holds {', '.join(foreign)}; only {', '.join(sorted(PLAIN_SUFFIXES))} are opened", mend=MEND)
    for name, expected in sorted(manifest.files.items()):
        _require_digest(present[name], expected)
    return manifest


def require_fit(manifest: Manifest, *, fingerprint: str, target: Target, columns: Sequence[str] | None = None) -> None:
    """Raise MadeForOther, with both values, if the model was made for other features or another definition of the target.

    `columns` are those that the configuration makes, where the caller knows them: the error then says which ones differ.
    """
    if manifest.fingerprint != fingerprint:
        raise MadeForOther(
            f"The model of {target.name} reads features {manifest.fingerprint}; the configuration makes {fingerprint}"
            + ("" if columns is None else f": {_difference(manifest.features, columns)}"),
            mend="restore [windows] and source.event_types, or train and promote with the new features",
        )
    if manifest.target != target.question:
        raise MadeForOther(
            f"The model of {target.name} predicts {manifest.target}; the configuration asks for {target.question}",
            mend=f"restore [targets.{target.name}], or train and promote with the new definition",
        )


def digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _difference(learned: Sequence[str], made: Sequence[str]) -> str:
    gone, new = ([name for name in these if name not in set(others)] for these, others in ((learned, made), (made, learned)))
    said = [
        f"{len(names)} {word} ({', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''})"
        for word, names in (("missing", gone), ("new", new))
        if names
    ]
    if not said:
        return "the same columns in another order" if list(learned) != list(made) else "the same columns, computed in another way"
    return ", ".join(said)


def _require_digest(path: Path, expected: str) -> None:
    found = digest(path)
    if found != expected:
        raise ModelRefused(f"{path.name} was changed: its sha256 is {found}, registered was {expected}", mend=MEND)


def _read_manifest(path: Path) -> Manifest:
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ModelRefused(
            f"The artifact has format {content.get('format')!r}; this version of Nightcast reads {FORMAT}", mend="train the target again"
        )
    return Manifest(**{**content, "features": tuple(content["features"]), "cutoffs": tuple(content["cutoffs"])})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
