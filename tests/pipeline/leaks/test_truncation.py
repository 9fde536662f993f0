from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features import feature_set as families
from features.feature import Column, Columns
from features.frequency import frequency
from features.observation import Observation
from pipeline.config import Config
from pipeline.leaks.sample import Sample
from pipeline.leaks.truncation import SET_OF_USERS, Compared, FutureTask, compare_bucket, judged, known_at
from tests.features.literal import CUTOFF, MICRO, event, table
from tests.pipeline.leak_samples import drawn
from tests.synthetic_lake import AS_OF, configuration, write_features, write_training

CUTOFFS = (AS_OF.plus_days(-28), AS_OF.plus_days(-14))


def compared(sample: Sample) -> tuple[Compared, Compared]:
    without, other = Compared(), Compared()
    for bucket in sample.buckets:
        cut, dealt = compare_bucket(FutureTask(sample, bucket, CUTOFFS, 7))
        without.add(cut)
        other.add(dealt)
    return without, other


@pytest.fixture
def tampered(trained: Config, tmp_path: Path) -> Config:
    shutil.copytree(trained.root / "lake", tmp_path / "lake")
    return configuration(tmp_path)


def test_known_is_before_the_cutoff_and_available_by_then() -> None:
    events = pl.DataFrame(table(event("a", MICRO), event("a", 0), event("a", MICRO, known=0), event("a", 1, known=-MICRO)))
    assert events.select(known_at(CUTOFF)).to_series().to_list() == [True, False, True, False]


def test_honest_features_depend_on_nothing_later(sample: Sample) -> None:
    without, other = compared(sample)
    assert without.cells == other.cells > 10_000
    assert not without.differing
    assert not other.differing


def test_the_planted_leak_is_seen_both_ways(sample: Sample) -> None:
    assert min(found.planted for found in compared(sample)) > 50


def peeking(observation: Observation) -> Columns:
    """Frequency that also counts what comes after the range."""
    later = np.maximum(observation.events.offsets[1:] - observation.end, 0)
    for column in frequency(observation):
        yield Column(column.feature, column.values + later if column.feature.name == "events_any_7d" else column.values)


def test_a_family_that_reads_past_its_range_is_caught(tampered: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(families.FAMILIES, "frequency", peeking)  # type: ignore[arg-type]
    write_training(tampered, "purchase_7d")
    without, other = compared(drawn(tampered))
    assert set(without.differing) == {"events_any_7d"}
    assert set(other.differing) == {"events_any_7d"}
    finding, planted = judged("truncation", without)
    assert not finding.passed
    assert finding.detail.endswith("depend on what was not known at their cutoff; most often events_any_7d")
    assert planted.passed


def test_a_value_written_after_the_build_is_caught(tampered: Config) -> None:
    """Features that were computed in another way than now, such as by another version."""
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setitem(
            families.FAMILIES, "frequency", lambda seen: (Column(one.feature, one.values * (1 + 2**-52)) for one in frequency(seen))
        )  # type: ignore[arg-type]
        write_features(tampered, CUTOFFS[0])
    without, _ = compared(drawn(tampered))
    assert without.differing.total() > 0


def test_a_user_who_is_not_there_is_caught(tampered: Config, sample: Sample) -> None:
    shorter = Sample(**{**vars(sample), "features_version": sample.features_version})
    events = shorter.events(0)
    first = events["user_id"][0]

    class Lacking(Sample):
        def built(self, bucket: int, cutoff: object, users: pl.Series) -> pl.DataFrame:
            return super().built(bucket, cutoff, users).filter(pl.col("user_id") != first)  # type: ignore[arg-type]

    found, _ = compare_bucket(FutureTask(Lacking(**vars(shorter)), 0, CUTOFFS, 7))
    assert set(found.differing) == {SET_OF_USERS}


def test_a_gate_that_sees_no_planted_leak_is_blind() -> None:
    _, planted = judged("permuted_future", Compared(cells=10, differing=Counter(), planted=0))
    assert (planted.check, planted.passed) == ("planted", False)
