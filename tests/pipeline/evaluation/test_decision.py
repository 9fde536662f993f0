from __future__ import annotations

import json

from pipeline.config_sections import Promotion
from pipeline.evaluation.decision import Decision, Gate, Rule


def test_a_decision_survives_json() -> None:
    decision = Decision(True, "3", "2", ("better",), (Gate("beats the champion", "passed", "+.01"), Gate("slices", "skipped", "none")))
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision


def test_the_configuration_has_the_rules_fields_and_defaults() -> None:
    assert Rule(**Promotion().rule) == Rule()
