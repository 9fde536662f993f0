"""What Great Expectations found on a day, in sentences. A suite that was not checked in full never counts as met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.validation.requirement import Requirement


def failed(required: Sequence[Requirement], outcome: Any) -> tuple[str, ...]:
    """A sentence for each requirement that was not met, could not be computed, or was not checked at all."""
    if not required or not outcome.results:
        return ("no expectation was checked",)
    found = _by_fact(outcome)
    return tuple(sentence for each in required if (sentence := _failure(each, found.get(each.fact))))


def ordered(required: Sequence[Requirement], outcome: Any) -> list[Any]:
    """The results in the order of the requirements; Great Expectations puts those that raised first."""
    found = _by_fact(outcome)
    return [found[each.fact] for each in required if each.fact in found]


def raised(result: Any) -> list[str]:
    """What went wrong while an expectation was computed; GX gives one flat dict, or one per metric."""
    found = result.exception_info or {}
    each = [found] if "raised_exception" in found else list(found.values())
    return [str(info.get("exception_message")) for info in each if isinstance(info, dict) and info.get("raised_exception")]


def shown(result: Any) -> str:
    """The observed value in words."""
    value = (result.result or {}).get("observed_value")
    return "nothing" if value is None else str(result.expectation_config.meta["shown"]).format(value)


def _by_fact(outcome: Any) -> Mapping[str, Any]:
    return {result.expectation_config.kwargs["column"]: result for result in outcome.results}


def _failure(required: Requirement, result: Any) -> str:
    if result is None:
        return f"{required.allowed}: was not checked"
    if messages := raised(result):
        return f"{required.allowed}: could not be computed: {messages[0]}"
    return "" if result.success else f"{required.allowed}: observed {shown(result)}"
