from tests.warehouse.engines import config, new_config, postgresql

__all__ = ["config", "new_config", "postgresql"]
