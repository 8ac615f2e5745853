"""What tells a file that was read from others."""

from __future__ import annotations

from pathlib import Path

from sayre.data.manifest import sha256_of

LARGE = 2**31
"""Files of more bytes are not hashed whole."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file; of one that is very large its size and time."""
    known = path.stat()
    if known.st_size > LARGE:
        return f"not hashed: {known.st_size} bytes, modified {known.st_mtime_ns}"
    return sha256_of(path)
