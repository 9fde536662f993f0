from tests.faults.laid_night import scored_night, trained_night
from tests.warehouse.engines import config, new_config, postgresql

__all__ = ["config", "new_config", "postgresql", "scored_night", "trained_night"]
