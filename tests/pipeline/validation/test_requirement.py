from __future__ import annotations

from pipeline.validation.requirement import OTHERWISE, SHARE, Requirement


def test_an_observed_value_is_shown_as_people_count() -> None:
    assert OTHERWISE.format(12345.0) == "12,345 otherwise"
    assert SHARE.format(0.0123) == "1.23% of the rows"


def test_a_requirement_without_a_measure_or_bounds_leaves_both_open() -> None:
    found = Requirement("level", "as the night before")
    assert (found.measure, found.least, found.most, found.shown) == ("", None, None, OTHERWISE)
