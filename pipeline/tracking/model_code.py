"""The code that MLflow keeps beside a model, and runs for whoever loads it as a Python function, in a notebook say.

It only finds Nightcast and hands the table over. Nightcast itself never runs it: each night opens the scorer's own, verified files.
"""

from typing import Any

import mlflow
import pandas as pd


class NightcastScorer(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Feature columns in, or lists of events, one row per user; `score` out, and `expected_value` where the target is a sum."""

    def load_context(self, context: Any) -> None:
        """Verify and open the scorer's files."""
        try:
            from pipeline.scoring.event_scorer import open_event_scorer
            from pipeline.scoring.table_scorer import open_table_scorer
        except ImportError as error:
            raise ImportError("This model answers through Nightcast's own code, which is not installed in this environment") from error
        opened = open_event_scorer if context.model_config["reads"] == "events" else open_table_scorer
        self.scorer = opened(context.artifacts["scorer"], context.model_config["manifest_sha256"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002 – MLflow's signature
        """The nightly scores of these rows."""
        return self.scorer.judge(model_input)


mlflow.models.set_model(NightcastScorer())
