from __future__ import annotations

import numpy as np

from pipeline.config import Config
from pipeline.leaks.sample import Sample
from pipeline.leaks.sampled_rows import EVERYONE, LITTLE_HISTORY, Rows, sampled_rows
from pipeline.training_set import training_set
from tests.synthetic_lake import AS_OF


def rows_of(sample: Sample, config: Config) -> Rows:
    target = config.target("purchase_7d")
    return sampled_rows(sample, target, config.split(target, AS_OF).training)


def test_they_are_the_rows_that_training_reads(sample: Sample, trained: Config) -> None:
    rows, target = rows_of(sample, trained), trained.target("purchase_7d")
    taught = training_set(sample.lake, sample.features, target, rows.cutoffs)
    assert len(rows.labels) == len(taught.labels)
    assert len(np.unique(rows.users)) == len(np.unique(taught.users)) == rows.users.max() + 1
    for cutoff in range(len(rows.cutoffs)):
        here, there = rows.cutoff == cutoff, np.flatnonzero(taught.cutoff == cutoff)
        mine, theirs = (
            np.column_stack(both) for both in ((rows.features[here], rows.labels[here]), (taught.matrix(there), taught.labels[there]))
        )
        assert np.array_equal(mine[np.lexsort(mine.T)], theirs[np.lexsort(theirs.T)], equal_nan=True)


def test_a_user_s_rows_share_a_number_at_all_cutoffs(sample: Sample, trained: Config) -> None:
    """The value of a user's first day does not change any more."""
    rows = rows_of(sample, trained)
    value = rows.features[:, sample.features.names.index("first_day_value")]
    first, second = (dict(zip(rows.users[rows.cutoff == cutoff], value[rows.cutoff == cutoff], strict=True)) for cutoff in (0, 1))
    both = [user for user in first.keys() & second.keys() if not np.isnan(first[user])]
    assert len({first[user] for user in both}) > 20
    assert [first[user] for user in both] == [second[user] for user in both]


def test_without_a_source_only_what_it_told_changes(sample: Sample, trained: Config) -> None:
    rows = rows_of(sample, trained)
    changed = ~np.isclose(rows.without("value of purchase"), rows.features, equal_nan=True, rtol=0, atol=0).all(axis=0)
    names = {name for name, differs in zip(sample.features.names, changed, strict=True) if differs}
    assert {name for name in names if "value" not in name} == set()
    assert "value_sum_purchase_30d" in names
    assert np.array_equal(rows.without("session_id"), rows.features, equal_nan=True)


def test_strata_are_everyone_and_those_with_little_history(sample: Sample, trained: Config) -> None:
    rows = rows_of(sample, trained)
    assert rows.strata[EVERYONE].all()
    assert 0 < rows.strata[LITTLE_HISTORY].sum() < len(rows.labels)
    events = rows.features[:, sample.features.names.index("events_any_30d")]
    assert events[rows.strata[LITTLE_HISTORY]].mean() < events[~rows.strata[LITTLE_HISTORY]].mean()


def test_what_can_be_taken_away(sample: Sample, trained: Config) -> None:
    assert rows_of(sample, trained).sources == ("category", "every column but user, time and type", "item_id", "value of purchase")
