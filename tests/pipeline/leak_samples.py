"""A sample of the users of a synthetic lake, as the leak gate draws it."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.leaks.sample import Sample, draw
from tests.synthetic_lake import AS_OF


def drawn(config: Config) -> Sample:
    """All users of the training of purchase_7d."""
    held = config.split(config.target("purchase_7d"), AS_OF)
    cutoffs = (*held.training, held.evaluation)
    return draw(Lake(config.lake_url), configured_features(config), cutoffs, users=1000, buckets=config.lake.buckets, seed=7)
