"""The button "Data Docs" of a task in Airflow: it opens the validation report that the task's command named last."""

from __future__ import annotations

import re
from typing import Any

from airflow.sdk import BaseOperatorLink

REPORT = re.compile(r"https?://[^\s\"]+/report\.html")


def named_report(line: str) -> str:
    """The address of a validation report in a line of output; empty if there is none. A browser opens no file from Airflow's pages."""
    found = REPORT.search(line)
    return found[0] if found else ""


class ReportLink(BaseOperatorLink):
    """Airflow asks for it when the task has ended, in the task's own process, and keeps the answer."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 – Airflow's signature
        """The report's address; empty, and the button off, if the command named none."""
        return str(operator.report_url)
