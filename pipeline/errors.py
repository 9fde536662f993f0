"""What can go wrong, one class per thing a person would do differently about it.

    NightcastError                1   anything below
    ├── ConfigError              10   nightcast.toml or the environment is wrong
    ├── SourceError              11   raw events cannot be read as configured
    ├── ValidationFailed         12   the day's events did not pass the gate
    ├── NoEvents                 13   nothing is known before this cutoff, or on this day
    ├── NotMatured               14   the target's horizon has not closed yet
    ├── NoChampion               15   no model of this target carries the alias
    ├── ModelRefused             16   an artifact was changed, or was made for other features
    ├── NotEnoughData            17   too few users, or only one outcome, to learn from
    ├── MissingInput             18   a stage's input has not been built yet
    ├── PublishRefused           19   the staged scores failed their check; the old night stays
    ├── LeakFound                20   features or labels know the future: nothing is trained on them
    ├── Unreachable              30   warehouse, lake, MLflow or Dask does not answer  (retry helps)
    ├── Busy                     31   another run holds the lock                       (retry helps)
    └── WorkersLost              32   Dask lost its workers or its scheduler           (retry helps)

Exit code 2 stays with the command line's own usage errors.
"""

from __future__ import annotations


class NightcastError(Exception):
    """An error a person can act on: what is wrong and its value, then what to do."""

    exit_code = 1

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.mend}" if self.mend else self.message


class ConfigError(NightcastError):
    """The configuration is wrong; every finding is listed at once."""

    exit_code = 10


class SourceError(NightcastError):
    """Raw events cannot be read: missing file, column or table, or a value of the wrong shape."""

    exit_code = 11


class ValidationFailed(NightcastError):
    """A day's events did not pass the gate; nothing was committed."""

    exit_code = 12


class NoEvents(NightcastError):
    """There is nothing to work on: no events before the cutoff, or none for the day."""

    exit_code = 13


class NotMatured(NightcastError):
    """A label was asked for whose prediction window is still open."""

    exit_code = 14


class NoChampion(NightcastError):
    """No model version of the target carries the alias `champion`."""

    exit_code = 15


class ModelRefused(NightcastError):
    """A model artifact does not match its digest or the features it should read."""

    exit_code = 16


class NotEnoughData(NightcastError):
    """Too few users or only one outcome: a model would be noise."""

    exit_code = 17


class MissingInput(NightcastError):
    """An earlier stage has not run for this cutoff."""

    exit_code = 18


class PublishRefused(NightcastError):
    """Staged scores failed their check; readers still see the previous night."""

    exit_code = 19


class LeakFound(NightcastError):
    """The leak gate failed: a feature knows what happened after its cutoff, or looks too good to be true."""

    exit_code = 20


class Unreachable(NightcastError):
    """A service or file outside this process does not answer."""

    exit_code = 30


class Busy(NightcastError):
    """Another run holds what this one needs; the message names the holder."""

    exit_code = 31


class WorkersLost(NightcastError):
    """Dask lost workers more often than allowed, or the scheduler itself."""

    exit_code = 32


RETRYABLE_EXIT_CODES = frozenset(kind.exit_code for kind in (Unreachable, Busy, WorkersLost))
