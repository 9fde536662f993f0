from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.validation.outcome import failed, ordered, raised, shown
from pipeline.validation.requirement import Requirement

A, B = Requirement("a", "a is so", most=0), Requirement("b", "b is so", most=0)


def result(fact: str, *, success: bool, exception_info: object = None, observed: object = 1.0) -> SimpleNamespace:
    config = SimpleNamespace(kwargs={"column": fact}, meta={"shown": "{:,.0f} otherwise"})
    return SimpleNamespace(expectation_config=config, success=success, exception_info=exception_info, result={"observed_value": observed})


def outcome(*results: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(results=list(results))


def test_only_what_is_not_met_is_said() -> None:
    found = outcome(result("a", success=True), result("b", success=False, observed=1234))
    assert failed([A, B], found) == ("b is so: observed 1,234 otherwise",)


def test_a_number_that_is_not_there_is_said() -> None:
    assert failed([A], outcome(result("a", success=False, observed=None))) == ("a is so: observed nothing",)
    assert shown(SimpleNamespace(result=None)) == "nothing"


def test_an_expectation_that_was_left_out_fails() -> None:
    assert failed([A, B], outcome(result("a", success=True))) == ("b is so: was not checked",)


def test_an_empty_suite_fails() -> None:
    assert failed([], outcome(result("a", success=True))) == failed([A], outcome()) == ("no expectation was checked",)


def test_success_with_an_exception_is_no_success() -> None:
    info = {"raised_exception": True, "exception_message": "boom"}
    assert failed([A], outcome(result("a", success=True, exception_info=info))) == ("a is so: could not be computed: boom",)


@pytest.mark.parametrize(
    ("info", "messages"),
    [
        (None, []),
        ({"raised_exception": False, "exception_message": None}, []),
        ({"raised_exception": True, "exception_message": "boom"}, ["boom"]),
        ({"metric": {"raised_exception": True, "exception_message": "boom"}, "other": {"raised_exception": False}}, ["boom"]),
    ],
)
def test_both_shapes_of_an_exception_are_seen(info: object, messages: list[str]) -> None:
    assert raised(result("a", success=True, exception_info=info)) == messages


def test_results_come_in_the_order_of_the_requirements() -> None:
    first, second = result("a", success=True), result("b", success=False)
    assert ordered([A, B], outcome(second, first)) == [first, second]
    assert ordered([A, B], outcome(second)) == [second]
