"""The expectation of every suite. Importing this loads Great Expectations, which takes seconds."""

from __future__ import annotations

from typing import Any

import great_expectations.expectations as gxe
from great_expectations.render import LegacyDiagnosticRendererType, LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

from pipeline.validation.outcome import shown
from pipeline.validation.requirement import Requirement


class ExpectFactToBeBetween(gxe.ExpectColumnMaxToBeBetween):  # type: ignore[misc]  # pydantic v1 model, untyped here
    """The one row of `facts` holds a number between two bounds; null fails. Pages say it in the requirement's words."""

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)  # type: ignore[untyped-decorator]
    def _prescriptive_renderer(cls, configuration: Any = None, **_: Any) -> list[RenderedStringTemplateContent]:
        words = {"template": "$allowed", "params": {"allowed": configuration.meta["allowed"]}}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=words)]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)  # type: ignore[untyped-decorator]
    def _diagnostic_observed_value_renderer(cls, result: Any = None, **_: Any) -> str:
        return shown(result)


def expectation(required: Requirement) -> ExpectFactToBeBetween:
    """The requirement as an expectation."""
    return ExpectFactToBeBetween(
        column=required.fact,
        min_value=required.least,
        max_value=required.most,
        severity="critical",
        meta={"allowed": required.allowed, "shown": required.shown},
    )
