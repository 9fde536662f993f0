"""What a source brings for one batch: the rows of each of its streams, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from features.cutoff import Cutoff
from pipeline.source.rows import Rows


@dataclass(frozen=True)
class Delivery:
    """The rows of one stream for one batch.

    stream          name of the stream in the configuration (`Source.each`)
    rows            its rows
    available_from  the earliest instant at which they could be known, for rows that come back from quarantine; None: as mapped
    """

    stream: str
    rows: Rows
    available_from: Cutoff | None = None
