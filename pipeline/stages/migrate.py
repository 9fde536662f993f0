"""Bring the warehouse to this program's version of the tables, before the night does it by itself."""

from __future__ import annotations

import logging
from typing import Any

from pipeline import warehouse
from pipeline.config import Config

logger = logging.getLogger(__name__)


def run(config: Config, *, show: bool) -> dict[str, Any]:  # noqa: ARG001 – nothing to count
    """Upgrade tables, views and comments, and let readers read them; from which version to which, `before` null for an empty warehouse.

    People may read meanwhile: they see the tables as they were, then as they are. Run again, or twice at once, it changes nothing more.
    Raises ConfigError for a warehouse of a newer program, and what `open_warehouse` raises.
    """
    migration = warehouse.migrate(config)
    if migration.found == migration.reached:
        logger.info("%s has tables of version %d already", config.warehouse_place, migration.reached)
    else:
        logger.info("%s brought from version %s to %d", config.warehouse_place, migration.found or "none", migration.reached)
    return {"warehouse": config.warehouse_place, "before": migration.found, "version": migration.reached}
