from __future__ import annotations

from types import SimpleNamespace

from pipeline.validation.expectation import expectation
from pipeline.validation.requirement import Requirement

REQUIRED = Requirement("wrong_bucket", "bucket is from 0 to 15", most=0, shown="{:,.0f} otherwise")


def test_a_requirement_becomes_an_expectation_with_its_bounds_and_words() -> None:
    made = expectation(REQUIRED)
    assert (made.column, made.min_value, made.max_value) == ("wrong_bucket", None, 0)
    assert made.meta == {"allowed": "bucket is from 0 to 15", "shown": "{:,.0f} otherwise"}
    assert made.severity == "critical"


def test_pages_say_the_words_and_not_the_expectations_name() -> None:
    made = expectation(REQUIRED)
    (words,) = type(made)._prescriptive_renderer(configuration=made.configuration)
    assert words.to_json_dict()["string_template"]["params"] == {"allowed": "bucket is from 0 to 15"}
    result = SimpleNamespace(result={"observed_value": 3.0}, expectation_config=made.configuration)
    assert type(made)._diagnostic_observed_value_renderer(result=result) == "3 otherwise"
