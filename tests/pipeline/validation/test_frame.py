from __future__ import annotations

from pipeline.validation import frame


def test_a_page_needs_nothing_from_elsewhere_and_runs_no_script() -> None:
    page = frame.page("A <title>", "<p>body</p>", home="../")
    assert "<h1>A &lt;title&gt;</h1>" in page
    assert 'href="../index.html"' in page
    assert not any(word in page for word in ("http", "<script", "<link", "@import", "url("))


def test_words_are_escaped() -> None:
    assert frame.bullets(["a < b"], "refused") == '<ul class="refused"><li>a &lt; b</ul>'


def test_counts_stand_below_their_names() -> None:
    table = frame.counts({"rows": 12345, "late": 0})
    assert "<th>Rows<" in table or "<th>Rows</th>" in table
    assert table.index("Rows") < table.index("12,345")


def test_what_is_no_number_is_a_dash() -> None:
    assert (frame.number(0), frame.number(None)) == ("0", "–")
