"""Delete the files of a Delta table that nobody needs any more, so that their number stays bounded."""

from __future__ import annotations

import posixpath

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline.lake_files import paths_below, remove


def tidy(uri: str, *, keep_versions: int | None, retention_days: int) -> int:
    """Delete data files that the current version does not hold; how many went.

    Replaced files go when they were replaced more than `retention_days` ago (or `lake_commit.LOG_DAYS`, after which their version
    cannot be opened any more); with `keep_versions`, as soon as they are in none of the last so many versions. Files that no commit
    ever named go when they are older than `retention_days`: younger ones may be parts of a run that has not committed yet.

    So a table of P partitions with one file each holds at most P files, those replaced in the last `retention_days` (with
    `keep_versions` and whole replacement: P x `keep_versions` in all), and those left by runs that died in the last `retention_days`.

    Delta's own vacuum says which files these are, but does not delete them: it would commit twice, and a table's version would
    change without a change of its rows. (It goes on naming files that are gone until the log forgets them.)
    """
    table = DeltaTable(uri)
    kept = _last_versions(uri, table.version(), keep_versions) if keep_versions else None
    unneeded = set(
        table.vacuum(retention_hours=24 * retention_days, enforce_retention_duration=False, dry_run=True, full=True, keep_versions=kept)
    )
    if kept:
        unneeded |= set(table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True, keep_versions=kept))
    found = unneeded.intersection(paths_below(uri))
    for path in sorted(found):
        remove(posixpath.join(uri, path))
    return len(found)


def _last_versions(uri: str, newest: int, number: int) -> list[int]:
    """The last versions that the log can still open, the newest first."""
    found = [newest]
    for version in range(newest - 1, max(newest - number, -1), -1):
        try:
            DeltaTable(uri, version=version)
        except DeltaError:
            break
        found.append(version)
    return found
