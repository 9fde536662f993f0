"""How long nights are kept: `warehouse.keep_days`, counted back from the newest cutoff that is published."""

from __future__ import annotations

import logging
from datetime import UTC
from typing import TYPE_CHECKING

from features.cutoff import Cutoff
from pipeline.errors import Busy, PublishRefused
from pipeline.warehouse.night import Night

if TYPE_CHECKING:
    from pipeline.warehouse.sql import SqlWarehouse

logger = logging.getLogger(__name__)

FIND_NEWEST = "SELECT max(cutoff) AS newest FROM score_runs"


def oldest_kept(warehouse: SqlWarehouse) -> Cutoff | None:
    """Nights before this cutoff are dropped; None: none are, because all are kept or nothing is published."""
    newest = warehouse.query(FIND_NEWEST)["newest"][0].as_py() if warehouse.keep_days else None
    return Cutoff(newest.astimezone(UTC)).plus_days(-warehouse.keep_days) if newest else None


def require_kept(warehouse: SqlWarehouse, night: Night) -> None:
    """Raises PublishRefused for a night that would be dropped as soon as it is published."""
    oldest = oldest_kept(warehouse)
    if oldest and night.cutoff < oldest:
        raise PublishRefused(
            f"Scores of {night.target} at {night.cutoff} are older than any that is kept: warehouse.keep_days = {warehouse.keep_days}, "
            f"so nights before {oldest} are dropped",
            mend="publish a later cutoff, or raise warehouse.keep_days (0 keeps all)",
        )


def retire(warehouse: SqlWarehouse) -> None:
    """Drop the nights that are older than is kept. Where somebody holds one, they stay until the next publish: this night is published."""
    if oldest := oldest_kept(warehouse):
        try:
            warehouse.drop_before(oldest)
        except Busy as busy:
            logger.warning("nights before %s are not dropped yet; the next publish tries again: %s", oldest, busy.message)
