"""Delta tables whose partitions are replaced whole, and plain files beside them: write the files, then commit in one transaction.

A worker writes Parquet parts; nobody sees them until the stage commits. A part that is never committed is an invisible orphan
that `tidy` removes. A plain file is whole under its name or not there; what makes it count is that a committed table names it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError

from pipeline import lake_files, lake_tidy
from pipeline.errors import MissingInput
from pipeline.lake_commit import Change, Replacement, history, metadata_of, replace
from pipeline.lake_parts import ANY_LAYOUT, Layout, Part, PartWriter

Partition = Mapping[str, str]

PARTITION_TYPES: Mapping[str, pa.DataType] = {"bucket": pa.int32()}
"""Arrow types of partition columns; all others are strings."""


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

    def write_part(self, table: str, partition: Partition, name: str, rows: pa.Table, layout: Layout = ANY_LAYOUT) -> Part:
        """Write `rows` (without the partition columns) as one file, invisible until committed.

        `name` is unique among all runs, for example run id and bucket. Pages carry checksums, which `read` verifies.
        """
        path = _part_path(partition, name)
        filesystem, target = lake_files.filesystem(posixpath.join(self.uri(table), path))
        filesystem.create_dir(posixpath.dirname(target), recursive=True)
        pq.write_table(rows, target, filesystem=filesystem, row_group_size=layout.rows_per_group, **layout.options)
        return Part(path, tuple(partition.items()), rows.num_rows, filesystem.get_file_info(target).size)

    def part_writer(self, table: str, partition: Partition, name: str, schema: pa.Schema, layout: Layout = ANY_LAYOUT) -> PartWriter:
        """`write_part` for rows that come piece by piece, to be used as a context; what was written is then its `part`."""
        path = _part_path(partition, name)
        return PartWriter(posixpath.join(self.uri(table), path), Part(path, tuple(partition.items()), 0, 0), schema, layout)

    def put_part(self, table: str, partition: Partition, name: str, file: Path) -> Part:
        """Copy a finished local Parquet file into the table as `write_part` would have written it: invisible until committed."""
        path = _part_path(partition, name)
        size = lake_files.put(posixpath.join(self.uri(table), path), file)
        return Part(path, tuple(partition.items()), pq.read_metadata(file).num_rows, size)

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
        Runs that replace different partitions at the same time all succeed. Raises Busy if another run committed the same
        partition in between, or anything at all when everything is replaced.
        """
        base = self.open(table) if expected is None else self._at(table, expected)
        return self._commit(table, schema, [Change(replaces, parts, metadata)], base)

    def commit_all(self, table: str, schema: pa.Schema, changes: Sequence[Change]) -> int:
        """Replace several partitions in one transaction, so that a reader sees all of them or none; the new version.

        Each has at least one part. Raises Busy if another run committed one of them at the same time.
        """
        return self._commit(table, schema, changes, self.open(table))

    def _commit(self, table: str, schema: pa.Schema, changes: Sequence[Change], base: DeltaTable | None) -> int:
        parts, replaces = changes[0].parts, changes[0].replaces
        columns = list(dict(parts[0].partition)) if parts else list(replaces)
        full = Schema.from_arrow(pa.schema([*schema, *(pa.field(name, PARTITION_TYPES.get(name, pa.string())) for name in columns)]))
        return replace(Replacement(self.uri(table), full, columns, changes), base)

    def read(
        self, table: str, where: Partition | None = None, columns: Sequence[str] | None = None, *, version: int | None = None
    ) -> pa.Table:
        """The rows of the partitions matching `where`, partition columns included, page checksums verified.

        Raises MissingInput if the table, a partition matching `where`, or that version of the table does not exist (any more).
        """
        found = self._at(table, version) if version is not None else self.open(table)
        if found is None:
            raise MissingInput(f"The lake has no table '{table}' under {self.url}", mend="run the stage that writes it first")
        paths = _chosen(found, table, where or {})
        names = found.metadata().partition_columns
        wanted = [name for name in columns if name not in names] if columns is not None else None
        with _whole(found, table):
            return pa.concat_tables([_read_file(path, names, wanted, columns) for path in paths])

    def row_groups(
        self, table: str, where: Partition, columns: Sequence[str], *, dictionaries: Sequence[str], version: int
    ) -> Iterator[pa.Table]:
        """The rows of `read`, one row group at a time, files in the order of their paths; without partition columns.

        The columns in `dictionaries` stay the dictionaries that the file holds, which is several times quicker than spelling texts out.
        At least one table comes, which may be empty. Page checksums are verified. Raises MissingInput as `read` does.
        """
        found = self._at(table, version)
        for path in _chosen(found, table, where):
            with _whole(found, table), lake_files.open_parquet(path, dictionaries) as file:
                if not file.num_row_groups:
                    yield file.read(columns=list(columns))
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns=list(columns), use_threads=False)

    def scan(self, table: str, *, version: int, where: Sequence[Partition] = ()) -> pads.Dataset:
        """The files of one version, or of those of its partitions that match one of `where`, as a dataset for reads with a filter.

        Without partition columns; page checksums verified. Without files an empty dataset with the table's columns.
        Raises MissingInput if that version does not exist (any more).
        """
        found = self._at(table, version)
        names = found.metadata().partition_columns
        chosen = [uri for uri, values in _files(found).items() if not where or any(each.items() <= values.items() for each in where)]
        if not chosen:
            schema = pa.schema(found.schema().to_arrow())
            return pads.dataset(pa.schema([field for field in schema if field.name not in names]).empty_table())
        paths = [lake_files.filesystem(uri) for uri in sorted(chosen)]
        verified = pads.ParquetFragmentScanOptions(page_checksum_verification=True)
        return pads.dataset(
            [path for _, path in paths], format=pads.ParquetFileFormat(default_fragment_scan_options=verified), filesystem=paths[0][0]
        )

    def files(self, table: str, *, version: int) -> dict[str, dict[str, str]]:
        """Where the files of one version are, each with the values of its partition.

        Raises MissingInput if that version does not exist (any more).
        """
        return _files(self._at(table, version))

    def names(self, table: str) -> dict[str, str]:
        """Of a table with one partition column and one file each: partition value → name of its file, as given to `put_part`."""
        found = self.open(table)
        return {} if found is None else {next(iter(values.values())): _name(uri) for uri, values in _files(found).items()}

    def footer(self, table: str, partition: Partition) -> dict[str, str]:
        """Key-value metadata in the partition's file; empty if there is no such partition."""
        found = self.open(table)
        uris = [uri for uri, values in _files(found).items() if values == partition] if found is not None else []
        return _key_values(uris[0]) if uris else {}

    def partitions(self, table: str) -> list[dict[str, str]]:
        """The partitions that hold at least one file; empty before the first commit."""
        found = self.open(table)
        if found is None:
            return []
        return [dict(values) for values in sorted({tuple(sorted(part.items())) for part in found.partitions()})]

    def metadata(self, table: str, replaced: Partition) -> dict[str, str]:
        """What the latest commit that replaced this partition recorded (`metadata` of `commit`); empty if none did.

        Walks the history backwards, so it is quick for recent partitions. Commits older than `lake_commit.LOG_DAYS` are forgotten
        in time, except for a table's last.
        """
        found = self.open(table)
        entries = history(found) if found is not None else ()
        return next((said for entry in entries if (said := metadata_of(entry, replaced)) is not None), {})

    def tidy(self, table: str, *, keep_versions: int | None, retention_days: int) -> int:
        """Delete the table's files that nobody needs any more; see `lake_tidy.tidy` for which, and for the bound."""
        return lake_tidy.tidy(self.uri(table), keep_versions=keep_versions, retention_days=retention_days) if self.open(table) else 0

    def put_file(self, path: str, file: Path) -> None:
        """Copy a local file to `path`, relative to the lake; whole under its name, or not there."""
        lake_files.put(posixpath.join(self.url, path), file)

    def open_file(self, path: str) -> pq.ParquetFile | None:
        """The Parquet file at `path`, relative to the lake; None if there is none. Page checksums are verified. Close it."""
        uri = posixpath.join(self.url, path)
        return lake_files.open_parquet(uri) if lake_files.exists(uri) else None

    def list_files(self, folder: str) -> list[str]:
        """Whole Parquet files below `folder`, as paths relative to the lake, sorted; none if there is no such folder."""
        paths = lake_files.paths_below(posixpath.join(self.url, folder))
        return [posixpath.join(folder, path) for path in paths if path.endswith(lake_files.SUFFIX)]

    def remove_file(self, path: str) -> None:
        """Delete the file at `path`, relative to the lake, if it is there."""
        lake_files.remove(posixpath.join(self.url, path))

    def tidy_files(self, folder: str, names: Partition, *, retention_days: int) -> int:
        """Delete the files below `folder` that no committed run names; see `lake_files.remove_unnamed`. `names` as from `names`.

        So `folder` holds at most one file for each of `names`, and those of the last `retention_days`.
        """
        return lake_files.remove_unnamed(posixpath.join(self.url, folder), names, retention_days=retention_days)

    def _at(self, table: str, version: int) -> DeltaTable:
        try:
            return DeltaTable(self.uri(table), version=version)
        except DeltaError as error:
            raise MissingInput(
                f"The lake under {self.url} has no version {version} of '{table}' (any more)", mend="run the stage that writes it again"
            ) from error


def _chosen(found: DeltaTable, table: str, where: Partition) -> list[str]:
    paths = found.file_uris(file_pruning_predicate=[(key, "=", value) for key, value in where.items()] or None)
    if not paths:
        raise MissingInput(f"Table '{table}' has no partition {dict(where)}", mend="run the stage that writes it first")
    return sorted(paths)


@contextmanager
def _whole(found: DeltaTable, table: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingInput(
            f"Version {found.version()} of '{table}' is not whole any more: {error}", mend="run the stage that writes it again"
        ) from error


def _files(table: DeltaTable) -> dict[str, dict[str, str]]:
    names = table.metadata().partition_columns
    return {uri: _partition_values(uri, names) for uri in table.file_uris()}


def _partition_values(uri: str, names: Sequence[str]) -> dict[str, str]:
    return dict(piece.split("=", 1) for piece in uri.split("/") if "=" in piece and piece.split("=", 1)[0] in names)


def _part_path(partition: Partition, name: str) -> str:
    return posixpath.join(*(f"{key}={value}" for key, value in partition.items()), name + lake_files.SUFFIX)


def _name(uri: str) -> str:
    return posixpath.basename(uri).removesuffix(lake_files.SUFFIX)


def _key_values(uri: str) -> dict[str, str]:
    filesystem, path = lake_files.filesystem(uri)
    found = pq.read_metadata(path, filesystem=filesystem).metadata or {}
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


def _read_file(uri: str, names: Sequence[str], wanted: Sequence[str] | None, columns: Sequence[str] | None) -> pa.Table:
    with lake_files.open_parquet(uri) as file:
        rows = file.read(columns=wanted)
    values = _partition_values(uri, names)
    for name in names:
        if columns is None or name in columns:
            kind = PARTITION_TYPES.get(name, pa.string())
            rows = rows.append_column(name, pa.repeat(pa.scalar(values[name]).cast(kind), rows.num_rows))
    return rows
