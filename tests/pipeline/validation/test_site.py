from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.validation.site import Site, findings_table


@pytest.mark.parametrize("address", ["http://127.0.0.1:8090", "http://127.0.0.1:8090/"])
def test_a_page_that_is_served_has_its_address(address: str, tmp_path: Path) -> None:
    assert Site(tmp_path, address).write("a/b.html", "x") == "http://127.0.0.1:8090/a/b.html"


def test_a_page_that_is_read_as_a_file_has_its_path(tmp_path: Path) -> None:
    assert Site(tmp_path, "").write("a/b.html", "x") == (tmp_path / "a/b.html").as_uri()


def test_a_page_replaces_an_earlier_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    site = Site(tmp_path, "")
    for text in ("old", "new €"):
        site.write("a.html", text)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"a.html": "new €"}


def test_a_page_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    site = Site(tmp_path, "")
    site.write("a.html", "old")
    with pytest.raises(UnicodeEncodeError):
        site.write("a.html", "\udc80")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "old"


def test_no_findings_are_said_so() -> None:
    assert findings_table([]) == "<p>None was checked.</p>"
