from __future__ import annotations

import sys

import pytest
from airflow.sdk.exceptions import AirflowFailException

from pipeline.orchestration.command_operator import CommandOperator
from pipeline.orchestration.report_link import ReportLink, named_report

SERVED = "http://127.0.0.1:8090/validations/events"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"… INFO pipeline.validation.gate: 2026-01-05 passed validation: {SERVED}/2026-01-05/gate/report.html", "2026-01-05"),
        (f'{{"days": 1, "report_url": "{SERVED}/2026-01-05/gate/report.html", "lake_version": 3}}', "2026-01-05"),
        (f"  → read {SERVED}/2026-01-05/gate/report.html and quarantined_events", "2026-01-05"),
        ("read file:///shop/data_docs/validations/events/2026-01-05/gate/report.html", None),
        ("see https://example.org/report.pdf", None),
        ("", None),
    ],
)
def test_a_report_is_found_in_a_line_if_a_browser_can_open_it(line: str, found: str | None) -> None:
    assert named_report(line) == (f"{SERVED}/{found}/gate/report.html" if found else "")


def task(program: str) -> CommandOperator:
    return CommandOperator(task_id="ingest", argv=[sys.executable, "-c", program], links=[ReportLink()])


def link(operator: CommandOperator) -> str:
    (button,) = operator.operator_extra_links
    assert button.name == "Data Docs"
    return button.get_link(operator, ti_key=None)


def test_the_button_opens_the_last_report_that_the_command_named() -> None:
    lines = "\n".join(f"print('{SERVED}/2026-01-0{day}/gate/report.html', file=sys.stderr)" for day in (5, 6))
    operator = task(f"import sys\n{lines}\nprint('{{}}' if False else '{{\"days\": 2}}')")
    operator.execute({})
    assert link(operator) == f"{SERVED}/2026-01-06/gate/report.html"


def test_the_button_of_a_day_that_was_refused_opens_its_report() -> None:
    operator = task(f"import sys; print('read {SERVED}/2026-01-05/gate/report.html', file=sys.stderr); sys.exit(12)")
    with pytest.raises(AirflowFailException):
        operator.execute({})
    assert link(operator) == f"{SERVED}/2026-01-05/gate/report.html"


def test_without_a_report_the_button_is_off() -> None:
    operator = task("print('{\"days\": 1}')")
    operator.execute({})
    assert link(operator) == ""


def test_other_tasks_have_no_button() -> None:
    assert CommandOperator(task_id="train", argv=["true"]).operator_extra_links == ()
