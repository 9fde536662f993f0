"""One Delta transaction that replaces what a partition names, also when others commit at the same time.

What `deltalake` leaves open, and how it is closed here (each is a test):

- Two first writers of an empty partition both succeed and double it. Each commit carries an application transaction for its
  partition, whose number only one of them can take.
- Two creators of a table both succeed: the second is appended as version 1. Creating is never retried.
- Commits that replace different partitions are refused when they cross. They are tried again on the newer table, unless that one
  has a new commit of the same partition.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from pipeline.errors import Busy

ATTEMPTS = 20
"""Every refused attempt means that another commit went through, so this many crossing commits are waited for."""

LOG_DAYS = 30
"""How long a version can be opened by its number."""

PROPERTIES: Mapping[str, str] = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": f"interval {LOG_DAYS} days",
    "delta.deletedFileRetentionDuration": f"interval {LOG_DAYS} days",
}
"""Of every table. The log holds a file for each of the N commits of the last `LOG_DAYS`, for up to 2 x 20 around them (it is cut at a
checkpoint, when the next one is written), and N / 20 + 3 checkpoints."""


@dataclass(frozen=True)
class Replacement:
    """What a commit does: the files matching `replaces` (all, if it is empty) go, those of `actions` come.

    schema, columns  of the table, and which of its columns are partitions
    metadata         kept in the table's history
    """

    uri: str
    schema: Schema
    columns: Sequence[str]
    replaces: Mapping[str, str]
    actions: Sequence[AddAction]
    metadata: Mapping[str, str]

    @property
    def claim(self) -> str:
        """One text per partition, whatever the order of its keys."""
        return claim(self.replaces)


def claim(partition: Mapping[str, str]) -> str:
    """The name of a partition in a table's log."""
    return json.dumps(dict(partition), sort_keys=True)


def replace(change: Replacement, base: DeltaTable | None) -> int:
    """Commit the change, made from `base` (None: there was no table); the version that it became.

    Raises Busy if another run committed the same partition since `base`, or, when everything is replaced, anything at all that
    crosses it. All commits of a table name the same partition columns, or none.
    """
    taken = _turn(base, change.claim)
    for _ in range(ATTEMPTS):
        try:
            _attempt(change, base, taken + 1)
            return _version_of(change, base, taken + 1)
        except DeltaError as error:
            if not isinstance(error, CommitFailedError) and "already exists" not in str(error):
                raise
            base, refusal = DeltaTable(change.uri), error
        if not change.replaces or _turn(base, change.claim) != taken:
            break
    raise Busy(
        f"Another run committed {change.uri.rsplit('/', 1)[-1]} {change.claim} at the same time",
        mend="run this again: it replaces the partition whole",
    ) from refusal


def history(table: DeltaTable) -> Iterator[dict[str, Any]]:
    """What each commit recorded, newest first. Reads the log backwards in growing pieces, so recent commits are found quickly."""
    seen, entries = 0, table.history(4)
    while len(entries) > seen:
        yield from entries[seen:]
        seen = len(entries)
        entries = table.history(4 * seen)


def _turn(table: DeltaTable | None, name: str) -> int:
    return 0 if table is None else table.transaction_version(name) or 0


def _attempt(change: Replacement, base: DeltaTable | None, turn: int) -> None:
    recorded = {**change.metadata, "partition": change.claim}
    turns = [Transaction(change.claim, turn)]
    if base is None:
        create_table_with_add_actions(
            change.uri,
            change.schema,
            list(change.actions),
            mode="error",
            partition_by=list(change.columns),
            configuration=PROPERTIES,
            commit_properties=CommitProperties(custom_metadata=recorded, app_transactions=turns, max_commit_retries=0),
        )
    else:
        base.create_write_transaction(
            list(change.actions),
            "overwrite",
            change.schema,
            partition_by=list(change.columns),
            partition_filters=[(key, "=", value) for key, value in change.replaces.items()],
            commit_properties=CommitProperties(custom_metadata=recorded, app_transactions=turns),
        )


def _version_of(change: Replacement, base: DeltaTable | None, turn: int) -> int:
    """The version in which this turn was taken; others may have followed, and while they do, numbers in `history` are wrong."""
    oldest = 0 if base is None else int(base.version()) + 1
    version = int(DeltaTable(change.uri).version())
    while version > oldest and _turn(DeltaTable(change.uri, version=version - 1), change.claim) >= turn:
        version -= 1
    return version
