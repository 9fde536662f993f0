"""How models and their figures are called in the reasons of a decision."""

from __future__ import annotations

from pipeline.evaluation.evidence import Estimate, Judged

ALONE = {
    "base_rate": "from the share of all users alone, the same for everybody",
    "recency": "from recency alone: how long ago the last event was",
    "active_days": "from activity alone: on how many days there were events",
    "bg_nbd": "from repetition alone: how often and how recently the event came (BG/NBD)",
}
"""Where the scores of a baseline come from, for who reads the decision."""


def named(model: Judged) -> str:
    """Its version and kind."""
    return f"version {model.version} ({model.kind})"


def shown(estimate: Estimate) -> str:
    """The figure with the ends of its interval."""
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} [{estimate.lower:.4f}, {estimate.upper:.4f}]"
