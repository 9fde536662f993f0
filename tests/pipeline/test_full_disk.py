from __future__ import annotations

import errno

import pytest

from pipeline.errors import SourceError, Unreachable
from pipeline.full_disk import naming_full_disk


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError('IO Error: Could not write all bytes to file "x": No space left on device\nmore'),
        RuntimeError("Out of Memory Error: failed to offload data block of size 256.0 KiB"),
    ],
)
def test_a_full_disk_is_one_error_that_names_the_place(error: Exception) -> None:
    with pytest.raises(Unreachable, match="The disk of /some/where is full") as found, naming_full_disk("/some/where"):
        raise error
    assert "\n" not in found.value.message
    assert found.value.mend


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), ValueError("x"), SourceError("no space left on device")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as found, naming_full_disk("/some/where"):
        raise error
    assert found.value is error
