"""Pictures for MLflow: how well models rank, whether probabilities mean what they say, how training went. No screen is needed."""

from pipeline.evaluation.figures.judgement import judgement
from pipeline.evaluation.figures.training import importance, learning_curve

__all__ = ["importance", "judgement", "learning_curve"]
