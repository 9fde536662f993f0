from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from features.cutoff import Cutoff
from features.target import Kind, Target
from models.amount import Amount
from models.calibration import Calibrator
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import MANIFEST, MadeForOther, digest, pack, require_fit, verify

TARGET = Target("purchase_7d", "occurs", "purchase", 7)
Artifact = tuple[Path, str]


class Written:
    """A classifier that saves the files it is given."""

    kind = "gbdt"

    def __init__(self, **files: bytes) -> None:
        self.files = files

    def save(self, folder: Path) -> None:
        for name, content in self.files.items():
            (folder / name.replace("_", ".")).write_bytes(content)


def packed(folder: Path, model: Written, target: Target = TARGET, amount: Amount | None = None) -> str:
    folder.mkdir()
    return pack(
        folder,
        model,  # type: ignore[arg-type]
        Calibrator(1.0, 0.0),
        {"a": "{value} of a"},
        target=target,
        fingerprint="f" * 64,
        features=("a",),
        cutoffs=[Cutoff.from_key("20260501T000000Z")],
        amount=amount,
    )


def test_the_manifest_says_what_the_artifact_is(artifact: Artifact) -> None:
    manifest = verify(*artifact)
    assert (manifest.kind, manifest.fingerprint, manifest.features) == ("gbdt", "f" * 64, ("purchases_30d", "days_since_view"))
    assert manifest.target["horizon_days"] == 7
    assert manifest.cutoffs == ("20260518T000000Z",)
    assert set(manifest.files) == {"model.txt", "model_features.json", "calibrator.json", "sentences.json"}


def test_the_same_model_packs_to_the_same_digest(tmp_path: Path) -> None:
    assert packed(tmp_path / "a", Written(model_txt=b"tree")) == packed(tmp_path / "b", Written(model_txt=b"tree"))


def test_a_model_that_writes_a_format_that_can_hold_code_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.pkl"):
        packed(tmp_path / "a", Written(model_pkl=b"x"))


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.txt").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.txt").write_bytes(content)


def truncate(folder: Path) -> None:
    content = (folder / "model.txt").read_bytes()
    (folder / "model.txt").write_bytes(content[: len(content) // 2])


def empty(folder: Path) -> None:
    (folder / "model.txt").write_bytes(b"")


def edit_a_leaf(folder: Path) -> None:
    text = (folder / "model.txt").read_text()
    start = text.index("leaf_value=") + len("leaf_value=")
    digit = next(place for place in range(start, len(text)) if text[place].isdigit() and text[place] != "0")
    (folder / "model.txt").write_text(text[:digit] + ("9" if text[digit] != "9" else "1") + text[digit + 1 :])


def swap(folder: Path) -> None:
    (folder / "sentences.json").write_bytes((folder / "calibrator.json").read_bytes())


def add_a_pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps({"runs": "code"}))


def add_a_folder(folder: Path) -> None:
    (folder / "code").mkdir()


def link_outside(folder: Path) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_bytes((folder / "model.txt").read_bytes())
    (folder / "model.txt").unlink()
    (folder / "model.txt").symlink_to(outside)


def remove_a_file(folder: Path) -> None:
    (folder / "sentences.json").unlink()


def remove_the_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def rewrite_the_manifest(folder: Path) -> None:
    flip_a_bit(folder)
    content = json.loads((folder / MANIFEST).read_text())
    content["files"]["model.txt"] = digest(folder / "model.txt")
    (folder / MANIFEST).write_text(json.dumps(content))


TAMPERINGS = [
    flip_a_bit,
    truncate,
    empty,
    edit_a_leaf,
    swap,
    add_a_pickle,
    add_a_folder,
    link_outside,
    remove_a_file,
    remove_the_manifest,
    rewrite_the_manifest,
]


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_any_change_is_refused(artifact: Artifact, tamper: Callable[[Path], None]) -> None:
    tamper(artifact[0])
    with pytest.raises(ModelRefused) as refusal:
        verify(*artifact)
    assert refusal.value.exit_code == 16


def test_an_artifact_of_an_unknown_format_is_refused(artifact: Artifact) -> None:
    folder, _ = artifact
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(ModelRefused, match="format 99"):
        verify(folder, digest(folder / MANIFEST))


def test_a_registered_artifact_with_a_pickle_is_refused_all_the_same(artifact: Artifact) -> None:
    folder, _ = artifact
    add_a_pickle(folder)
    content = json.loads((folder / MANIFEST).read_text())
    content["files"]["model.pkl"] = digest(folder / "model.pkl")
    (folder / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ModelRefused, match=r"model\.pkl"):
        verify(folder, digest(folder / MANIFEST))


def test_other_features_are_refused_with_both_fingerprints(artifact: Artifact) -> None:
    with pytest.raises(MadeForOther, match=f"{'f' * 64}.*{'e' * 64}"):
        require_fit(verify(*artifact), fingerprint="e" * 64, target=TARGET)


def test_another_definition_of_the_target_is_refused_with_both(artifact: Artifact) -> None:
    with pytest.raises(MadeForOther, match=r"'horizon_days': 7.*'horizon_days': 14"):
        require_fit(verify(*artifact), fingerprint="f" * 64, target=replace(TARGET, horizon_days=14))


def test_what_fits_passes(artifact: Artifact) -> None:
    require_fit(verify(*artifact), fingerprint="f" * 64, target=TARGET)


COLUMNS = ("purchases_30d", "days_since_view")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (("purchases_30d",), "1 missing (days_since_view)"),
        (("purchases_30d", "days_since_view", "carts_7d"), "1 new (carts_7d)"),
        (("purchases_30d", "days_since_visit"), "1 missing (days_since_view), 1 new (days_since_visit)"),
        (COLUMNS[::-1], "the same columns in another order"),
        (COLUMNS, "the same columns, computed in another way"),
        ((*COLUMNS, *(f"new_{number}" for number in range(6))), "6 new (new_0, new_1, new_2, new_3, new_4, …)"),
    ],
)
def test_other_features_are_refused_with_what_differs(artifact: Artifact, made: tuple[str, ...], said: str) -> None:
    with pytest.raises(MadeForOther, match=r"reads features f{64}; the configuration makes e{64}: ") as refused:
        require_fit(verify(*artifact), fingerprint="e" * 64, target=TARGET, columns=made)
    assert refused.value.message.endswith(f": {said}")


def test_a_unit_renames_nothing_that_the_model_learned(artifact: Artifact) -> None:
    require_fit(verify(*artifact), fingerprint="f" * 64, target=replace(TARGET, unit="GBP"))


@pytest.mark.parametrize(("kind", "amount", "said"), [("sum", None, "has an amount"), ("occurs", Amount(2.0, 1), "has no amount")])
def test_an_amount_belongs_to_a_sum(tmp_path: Path, kind: Kind, amount: Amount | None, said: str) -> None:
    with pytest.raises(ValueError, match=f"kind '{kind}' {said}"):
        packed(tmp_path / "a", Written(model_txt=b"tree"), replace(TARGET, kind=kind), amount)
    assert not list((tmp_path / "a").iterdir())
