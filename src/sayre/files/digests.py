"""What tells files that were read from others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sayre.data.manifest import sha256_of

LARGE, MORE = 2**31, 2**26
"""Files of more bytes are not hashed whole, nor those of `MORE` where only a part of them was read."""


def digest_of(path: Path, *, whole: bool = True) -> str:
    """SHA-256 of a file; of one that is large its size and time.

    Parameters
    ----------
    path
        The file.
    whole
        Whether all of it was read.
    """
    known = path.stat()
    if known.st_size > (LARGE if whole else MORE):
        return f"not hashed: {known.st_size} bytes, modified {known.st_mtime_ns}"
    return sha256_of(path)


def are_large(paths: Sequence[Path]) -> bool:
    """Whether files together are too large to be hashed."""
    return sum(path.stat().st_size for path in paths) > LARGE
