"""Everything Nightcast says to MLflow; MLflow itself is imported when first needed."""

from pipeline.tracking.registry import champions

__all__ = ["champions"]
