"""The folder of pages: written so that readers see an old page or a new one, and named by its address."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.config import Config


class Site:
    """Pages below `folder`, which is served at `address` or, if that is empty, read as files."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._address = address.rstrip("/") or folder.absolute().as_uri()

    def write(self, name: str, text: str) -> str:
        """Put the text at `name`, relative to the folder, in place of an earlier one; its URL."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
        return f"{self._address}/{name}"


def findings_table(results: Sequence[Any]) -> str:
    """Great Expectations' own table of its results, as HTML."""
    if not results:
        return "<p>None was checked.</p>"
    from great_expectations.render.renderer.content_block import ValidationResultsTableContentBlockRenderer

    block = ValidationResultsTableContentBlockRenderer.render(list(results))
    return "\n".join(filter(str.strip, str(_view().render({"content_block": block.to_json_dict()})).splitlines()))


@cache
def _view() -> Any:
    from great_expectations.render.view import DefaultJinjaComponentView

    return DefaultJinjaComponentView()


def site_of(config: Config) -> Site:
    """The site of a configuration: `data_docs` beside it."""
    return Site(config.root / "data_docs", config.validation.reports_url)
