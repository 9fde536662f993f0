#!/usr/bin/env python3
"""Stands in for the stages' interpreter: notes each command line beside the configuration and answers as a stage would.

A line of `failing` beside the configuration, such as `train-gbdt leaves 17`, makes that stage of that target end with that code.
What a stage has to say stands in a file of its name and its target, such as `promote leaves.json`, if there is one.
"""

import json
import os
import sys
from pathlib import Path

argv = sys.argv[3:]
folder = Path(os.environ["NIGHTCAST_CONFIG"]).parent
target = argv[argv.index("--target") + 1] if "--target" in argv else "-"
noted = {"argv": argv, "secrets": [name for name in os.environ if "AIRFLOW__" in name or "CANARY" in name]}
with (folder / "calls").open("a", encoding="utf-8") as calls:
    calls.write(json.dumps(noted) + "\n")
# as the gate does, whether the day passes or not
report = f"{os.environ['NIGHTCAST__VALIDATION__REPORTS_URL']}/validations/events/2026-01-31/gate/report.html"
sys.stderr.write(f"2026-01-31 was validated: {report}\n" if argv[0] == "ingest" else "")
failing = (folder / "failing").read_text(encoding="utf-8") if (folder / "failing").is_file() else ""
for stage, whose, code in (line.split() for line in failing.splitlines()):
    if (stage, whose) == (argv[0], target):
        sys.stderr.write(f"error: {stage} of {whose} was told to fail\n")
        sys.exit(int(code))
says = folder / f"{argv[0]} {target}.json"
result = json.loads(says.read_text(encoding="utf-8")) if says.is_file() else {"stage": argv[0], "target": target}
sys.stdout.write(json.dumps(result) + "\n")
sys.stderr.write("a late warning\n")
