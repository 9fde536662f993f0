"""One Delta transaction that replaces what one or several partitions name, also when others commit at the same time.

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

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from pipeline import clock
from pipeline.errors import Busy
from pipeline.lake_parts import Part

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
class Change:
    """What becomes of a partition: the files matching `replaces` (all, if it is empty) go, those of `parts` come.

    metadata  kept in the table's history
    """

    replaces: Mapping[str, str]
    parts: Sequence[Part]
    metadata: Mapping[str, str]

    @property
    def claim(self) -> str:
        """One text per partition, whatever the order of its keys."""
        return claim(self.replaces)


@dataclass(frozen=True)
class Replacement:
    """The changes of one commit, to a table of this schema and with these partition columns.

    Several changes are of different partitions, each of which says the value of the same columns.
    """

    uri: str
    schema: Schema
    columns: Sequence[str]
    changes: Sequence[Change]

    @property
    def claims(self) -> tuple[str, ...]:
        """Of all changes."""
        return tuple(change.claim for change in self.changes)

    @property
    def actions(self) -> list[AddAction]:
        """The files that come."""
        return [_added(part) for change in self.changes for part in change.parts]

    @property
    def recorded(self) -> dict[str, str]:
        """For the table's history; `metadata_of` reads it."""
        if len(self.changes) == 1:
            return {**self.changes[0].metadata, ONE: self.changes[0].claim}
        return {SEVERAL: json.dumps({change.claim: dict(change.metadata) for change in self.changes})}


ONE, SEVERAL = "partition", "partitions"


def metadata_of(entry: Mapping[str, Any], partition: Mapping[str, str]) -> dict[str, str] | None:
    """What a commit of the history recorded of a partition; None if it did not replace it."""
    if entry.get(ONE) == claim(partition):
        return {key: str(value) for key, value in entry.items()}
    return json.loads(entry[SEVERAL]).get(claim(partition)) if SEVERAL in entry else None


def claim(partition: Mapping[str, str]) -> str:
    """The name of a partition in a table's log."""
    return json.dumps(dict(partition), sort_keys=True)


def replace(wanted: Replacement, base: DeltaTable | None) -> int:
    """Commit the changes, made from `base` (None: there was no table), all or none; the version that they became.

    Raises Busy if another run committed one of the partitions since `base`, or, when everything is replaced, anything at all that
    crosses it. All commits of a table name the same partition columns, or none.
    """
    taken = _turns(base, wanted.claims)
    turns = [turn + 1 for turn in taken]
    for _ in range(ATTEMPTS):
        try:
            _attempt(wanted, base, turns)
            return _version_of(wanted, base, turns)
        except DeltaError as error:
            if not isinstance(error, CommitFailedError) and "already exists" not in str(error):
                raise
            base, refusal = DeltaTable(wanted.uri), error
        if not all(change.replaces for change in wanted.changes) or _turns(base, wanted.claims) != taken:
            break
    raise Busy(
        f"Another run committed {wanted.uri.rsplit('/', 1)[-1]} {', '.join(wanted.claims)} at the same time",
        mend="run this again: it replaces the partition whole",
    ) from refusal


def history(table: DeltaTable) -> Iterator[dict[str, Any]]:
    """What each commit recorded, newest first. Reads the log backwards in growing pieces, so recent commits are found quickly."""
    seen, entries = 0, table.history(4)
    while len(entries) > seen:
        yield from entries[seen:]
        seen = len(entries)
        entries = table.history(4 * seen)


def _turns(table: DeltaTable | None, names: Sequence[str]) -> list[int]:
    return [0 if table is None else table.transaction_version(name) or 0 for name in names]


def _attempt(wanted: Replacement, base: DeltaTable | None, turns: Sequence[int]) -> None:
    recorded = wanted.recorded
    taken = [Transaction(name, turn) for name, turn in zip(wanted.claims, turns, strict=True)]
    if base is None:
        create_table_with_add_actions(
            wanted.uri,
            wanted.schema,
            wanted.actions,
            mode="error",
            partition_by=list(wanted.columns),
            configuration=PROPERTIES,
            commit_properties=CommitProperties(custom_metadata=recorded, app_transactions=taken, max_commit_retries=0),
        )
        return
    several = len(wanted.changes) > 1
    base.create_write_transaction(
        [*wanted.actions, *(_removed(base, wanted.changes) if several else [])],
        "append" if several else "overwrite",
        wanted.schema,
        partition_by=list(wanted.columns),
        partition_filters=None if several else [(key, "=", value) for key, value in wanted.changes[0].replaces.items()],
        commit_properties=CommitProperties(custom_metadata=recorded, app_transactions=taken),
    )


def _added(part: Part) -> AddAction:
    return AddAction(
        path=part.path,
        size=part.bytes,
        partition_values=dict(part.partition),
        modification_time=int(clock.now().timestamp() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": part.rows}),
    )


def _removed(base: DeltaTable, changes: Sequence[Change]) -> list[RemoveAction]:
    """The files that go; Delta's own overwrite can say one partition, or all combinations of some values."""
    replaced = {frozenset(change.replaces.items()) for change in changes}
    now = int(clock.now().timestamp() * 1000)
    gone = []
    for file in pa.table(base.get_add_actions()).to_pylist():
        values = {key: str(value) for key, value in file["partition"].items()}
        if any(each <= values.items() for each in replaced):
            gone.append(RemoveAction(file["path"], True, now, file["size_bytes"], values))
    return gone


def _version_of(wanted: Replacement, base: DeltaTable | None, turns: Sequence[int]) -> int:
    """The version in which these turns were taken; others may have followed, and while they do, numbers in `history` are wrong."""
    oldest = 0 if base is None else int(base.version()) + 1
    version = int(DeltaTable(wanted.uri).version())
    while version > oldest and _turns(DeltaTable(wanted.uri, version=version - 1), wanted.claims[:1]) >= list(turns[:1]):
        version -= 1
    return version
