from __future__ import annotations

import re
from html.parser import HTMLParser

from features.definition import Definition
from features.feature_set import feature_set
from pipeline.catalogue import catalogue
from pipeline.catalogue_page import page

VOID = {"meta", "input", "br"}
FOUND = catalogue(
    feature_set(Definition(("view", "purchase"), (7, 30), 30, categories=("<b>home</b> & $garden",), repeat_event="purchase"))
)
PAGE = page(FOUND)


class Balanced(HTMLParser):
    """Raises for an end tag that is not the one of the last open element; `open` holds what was never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_feature_is_on_the_page_once_and_counted() -> None:
    names = [feature.name for family in FOUND.families for feature in family.features]
    assert re.findall(r"<td><code>([a-z0-9_]+)</code></td>", PAGE) == names
    assert f"{len(names)} features in {len(FOUND.families)} families" in PAGE
    for family in FOUND.families:
        assert f'<a href="#{family.name}">{family.name} <span class="number">{len(family.features)}</span></a>' in PAGE
        assert f'<section id="{family.name}">' in PAGE


def test_the_page_needs_nothing_else() -> None:
    assert re.findall(r"""(?:https?:|//|src=|@import|url\()[^\s"']*""", PAGE) == []
    assert FOUND.features.fingerprint in PAGE


def test_what_the_configuration_says_is_text() -> None:
    assert "&lt;b&gt;home&lt;/b&gt; &amp; $garden" in PAGE
    assert "<b>" not in PAGE


def test_every_element_is_closed() -> None:
    parser = Balanced()
    parser.feed(PAGE)
    assert parser.open == []


def test_the_same_features_give_the_same_page() -> None:
    assert page(catalogue(feature_set(FOUND.features.definition))) == PAGE
