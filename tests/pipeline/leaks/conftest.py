from __future__ import annotations

import pytest

from pipeline.config import Config
from pipeline.leaks.sample import Sample
from tests.pipeline.leak_samples import drawn
from tests.synthetic_lake import configuration, write_events, write_training


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A lake with everything that the training of purchase_7d reads. Never changed."""
    config = configuration(tmp_path_factory.mktemp("leaks"))
    write_events(config, users=150)
    write_training(config, "purchase_7d")
    return config


@pytest.fixture(scope="session")
def sample(trained: Config) -> Sample:
    """All of its users."""
    return drawn(trained)
