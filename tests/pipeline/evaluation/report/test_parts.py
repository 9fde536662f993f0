from __future__ import annotations

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.report.parts import NONE, badge, difference_cell, figure_cell, folded, section, table

AUC = Estimate(0.74, 0.73, 0.75)


def test_names_from_outside_cannot_become_markup() -> None:
    evil = "<b>Côte & d'Ivoire</b>"
    for made in (section("a", evil, evil), table([evil], []), folded(evil, ""), badge(evil, "baseline")):
        assert "<b>" not in made
        assert "&lt;b&gt;Côte &amp; d&#x27;Ivoire&lt;/b&gt;" in made


def test_a_section_leaves_out_empty_parts() -> None:
    assert (
        section("why", "Why", "All.", "", "<p>x</p>") == '<section id="why">\n<h2>Why</h2>\n<p class="about">All.</p>\n<p>x</p>\n</section>'
    )


def test_a_cell_shows_the_figure_above_its_interval() -> None:
    assert figure_cell("auc", AUC) == '<td class="figure open"><strong>0.740</strong><small>0.730 to 0.750</small></td>'
    assert figure_cell("auc", Estimate(0.5)).count("<small>") == 0
    assert figure_cell("auc", None) == NONE


def test_a_difference_has_a_sign_and_the_color_of_what_it_says() -> None:
    found = difference_cell("auc", Estimate(0.02, 0.01, 0.03), "better")
    assert found == '<td class="figure better"><strong>+0.020</strong><small>+0.010 to +0.030</small></td>'
    assert difference_cell("auc", None, "open") == NONE
