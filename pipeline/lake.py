"""Delta tables whose partitions are replaced whole: write the files, then commit them in one transaction.

A worker writes Parquet parts; nobody sees them until the stage commits. A part that is never committed is an invisible orphan
that `vacuum` removes. Two first writers of an empty partition would both succeed in plain Delta and double it; here each commit
carries an application transaction per partition, so the second one fails.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from pipeline import clock
from pipeline.errors import Busy, MissingInput

Partition = Mapping[str, str]

PARTITION_TYPES: Mapping[str, pa.DataType] = {"bucket": pa.int32()}
"""Arrow types of partition columns; all others are strings."""

ROWS_PER_GROUP = 65_536
"""Small enough that a reader of one bucket skips most of a large day's file by its statistics."""


@dataclass(frozen=True)
class Part:
    """A written, uncommitted Parquet file of one partition. Small and picklable: it travels from worker to stage."""

    path: str
    partition: tuple[tuple[str, str], ...]
    rows: int
    bytes: int


@dataclass(frozen=True)
class Lake:
    """The Delta tables below one URL (a local folder, `s3://…`, `gs://…`). Picklable: workers rebuild their own handles."""

    url: str

    def uri(self, table: str) -> str:
        """Where the table is."""
        return posixpath.join(self.url, table)

    def open(self, table: str) -> DeltaTable | None:
        """The table as it is now, or None before its first commit."""
        return DeltaTable(self.uri(table)) if DeltaTable.is_deltatable(self.uri(table)) else None

    def version(self, table: str) -> int | None:
        """The table's version now, or None before its first commit."""
        found = self.open(table)
        return None if found is None else found.version()

    def write_part(self, table: str, partition: Partition, name: str, rows: pa.Table) -> Part:
        """Write `rows` (without the partition columns) as one file, invisible until committed.

        `name` is unique among all runs, for example run id and bucket. Pages carry checksums, which `read` verifies.
        """
        folder = posixpath.join(*(f"{key}={value}" for key, value in partition.items()))
        path = posixpath.join(folder, f"{name}.parquet")
        filesystem, base = _filesystem(self.uri(table))
        filesystem.create_dir(posixpath.join(base, folder), recursive=True)
        target = posixpath.join(base, path)
        pq.write_table(rows, target, filesystem=filesystem, compression="zstd", write_page_checksum=True, row_group_size=ROWS_PER_GROUP)
        return Part(path, tuple(partition.items()), rows.num_rows, filesystem.get_file_info(target).size)

    def commit(
        self,
        table: str,
        schema: pa.Schema,
        replaces: Partition,
        parts: Sequence[Part],
        *,
        metadata: Mapping[str, str],
        expected: int | None = None,
    ) -> int:
        """Replace the partition(s) matching `replaces` by `parts` in one transaction; the new version.

        `schema` is that of the files; the partition columns are those of the parts. `expected` is the table version that the
        parts were made from (default: the current one). `metadata` is kept in the table's history.
        Raises Busy if another run committed the same partition in between.
        """
        columns = list(dict(parts[0].partition)) if parts else list(replaces)
        full = Schema.from_arrow(pa.schema([*schema, *(pa.field(name, PARTITION_TYPES.get(name, pa.string())) for name in columns)]))
        actions = [_add_action(part) for part in parts]
        found = self.open(table) if expected is None else DeltaTable(self.uri(table), version=expected)
        claim = _claim(replaces)
        recorded = {**metadata, "partition": claim}
        try:
            if found is None:
                properties = CommitProperties(custom_metadata=recorded, app_transactions=[Transaction(claim, 1)])
                create_table_with_add_actions(
                    self.uri(table), full, actions, mode="error", partition_by=columns, commit_properties=properties
                )
                return 0
            turn = (found.transaction_version(claim) or 0) + 1
            properties = CommitProperties(custom_metadata=recorded, app_transactions=[Transaction(claim, turn)])
            filters = [(key, "=", value) for key, value in replaces.items()]
            found.create_write_transaction(
                actions, "overwrite", full, partition_by=columns, partition_filters=filters, commit_properties=properties
            )
        except (CommitFailedError, DeltaError) as error:
            if isinstance(error, CommitFailedError) or "exist" in str(error):
                raise Busy(
                    f"Another run committed {table} {claim} at the same time", mend="run this again: it replaces the partition whole"
                ) from error
            raise
        committed: int = DeltaTable(self.uri(table)).version()
        return committed

    def read(
        self, table: str, where: Partition | None = None, columns: Sequence[str] | None = None, *, version: int | None = None
    ) -> pa.Table:
        """The rows of the partitions matching `where`, partition columns included, page checksums verified.

        Raises MissingInput if the table, or a partition matching `where`, does not exist.
        """
        found = DeltaTable(self.uri(table), version=version) if version is not None else self.open(table)
        if found is None:
            raise MissingInput(f"The lake has no table '{table}' under {self.url}", mend="run the stage that writes it first")
        paths = found.file_uris(file_pruning_predicate=[(key, "=", value) for key, value in (where or {}).items()] or None)
        if not paths:
            raise MissingInput(f"Table '{table}' has no partition {dict(where or {})}", mend="run the stage that writes it first")
        names = found.metadata().partition_columns
        wanted = [name for name in columns if name not in names] if columns is not None else None
        tables = [self._read_file(path, names, wanted, columns) for path in sorted(paths)]
        return pa.concat_tables(tables)

    def scan(self, table: str, *, version: int) -> pads.Dataset:
        """The files of one version as a dataset, for reads with a filter; without partition columns, page checksums verified."""
        found = DeltaTable(self.uri(table), version=version)
        paths = [_filesystem(path) for path in sorted(found.file_uris())]
        verified = pads.ParquetFragmentScanOptions(page_checksum_verification=True)
        filesystem = paths[0][0] if paths else None
        return pads.dataset(
            [path for _, path in paths], format=pads.ParquetFileFormat(default_fragment_scan_options=verified), filesystem=filesystem
        )

    def partitions(self, table: str) -> list[dict[str, str]]:
        """The partitions that hold at least one file; empty before the first commit."""
        found = self.open(table)
        if found is None:
            return []
        return [dict(values) for values in sorted({tuple(sorted(part.items())) for part in found.partitions()})]

    def metadata(self, table: str, replaced: Partition) -> dict[str, str]:
        """What the latest commit that replaced this partition recorded (`metadata` of `commit`); empty if none did.

        Walks the history backwards, so it is quick for recent partitions.
        """
        found, claim, seen = self.open(table), _claim(replaced), 0
        while found is not None and seen <= found.version():
            entries = found.history(max(16, 2 * seen))
            for entry in entries[seen:]:
                if entry.get("partition") == claim:
                    return {key: str(value) for key, value in entry.items()}
            if len(entries) <= seen:
                break
            seen = len(entries)
        return {}

    def _read_file(self, path: str, names: Sequence[str], wanted: Sequence[str] | None, columns: Sequence[str] | None) -> pa.Table:
        filesystem, base = _filesystem(path)
        rows = pq.ParquetFile(base, filesystem=filesystem, page_checksum_verification=True).read(columns=wanted)
        values = dict(piece.split("=", 1) for piece in path.split("/") if piece.split("=", 1)[0] in names and "=" in piece)
        for name in names:
            if columns is None or name in columns:
                kind = PARTITION_TYPES.get(name, pa.string())
                rows = rows.append_column(name, pa.repeat(pa.scalar(values[name]).cast(kind), rows.num_rows))
        return rows


def _claim(partition: Partition) -> str:
    """One text per partition, whatever the order of its keys."""
    return json.dumps(dict(partition), sort_keys=True)


def _add_action(part: Part) -> AddAction:
    return AddAction(
        path=part.path,
        size=part.bytes,
        partition_values=dict(part.partition),
        modification_time=int(clock.now().timestamp() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": part.rows}),
    )


def _filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" in uri:
        filesystem, path = pafs.FileSystem.from_uri(uri)
        return filesystem, path
    return pafs.LocalFileSystem(), uri
