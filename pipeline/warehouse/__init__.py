"""Where people read: one protocol, one module per engine, and the only place that speaks SQL to write."""

from pipeline.warehouse.warehouse import PATIENCE_SECONDS, Warehouse, migrate, open_warehouse

__all__ = ["PATIENCE_SECONDS", "Warehouse", "migrate", "open_warehouse"]
