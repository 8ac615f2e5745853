"""What made a file: enough to make it again."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from sayre import __version__
from sayre.data.json_text import to_json

_LIBRARIES = ("numpy", "scipy", "torch", "finufft")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Provenance of an output.

    `inputs` and `weights` map names to SHA-256; `scan` tells which scan of the input was read, from which
    dataset and files (`sayre.data.grid.ScanRecord`); `corrections` says what was done to the counts when they
    were read; `seconds` and `peak_memory_mib` are of the process.
    """

    command: str
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    scan: Any = None
    corrections: str | None = None
    device: str = "cpu"
    versions: Mapping[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    created: str = ""
    seconds: float | None = None
    peak_memory_mib: float | None = None

    @classmethod
    def collect(cls, command: str, *, started: float | None = None, **known: Any) -> Manifest:
        """Fill in versions, commit, time and memory; `started` is a `time.perf_counter()` reading.

        Parameters
        ----------
        command
            Name of what makes the output.
        started
            A `time.perf_counter()` reading at the start; None leaves `seconds` unknown.
        known
            Further fields of the manifest: `config`, `seed`, `inputs`, `weights`, `scan`, `corrections`,
            `device`.
        """
        versions = {"python": platform.python_version(), "sayre": __version__}
        for name in _LIBRARIES:
            try:
                versions[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return cls(
            command=command,
            versions=versions,
            git_commit=_git_commit(),
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            seconds=None if started is None else round(time.perf_counter() - started, 3),
            peak_memory_mib=peak_memory_mib(),
            **known,
        )

    def done(self, started: float) -> Manifest:
        """Return the manifest with the memory and the time since `started`, a `time.perf_counter()`."""
        seconds = round(time.perf_counter() - started, 3)
        return replace(self, seconds=seconds, peak_memory_mib=peak_memory_mib())

    def to_json(self) -> str:
        """JSON text; values that JSON lacks are written as `sayre.data.json_text.plain` has them."""
        return to_json(self, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        return cls(**json.loads(text))


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(*files: str | Path | None, beside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Names of files (`file.h5::/inside` too) with their SHA-256; None is left out.

    Of several files of one name, those that follow the first are called by their whole path.

    Parameters
    ----------
    files
        The files.
    beside
        Names and digests of files that come first.
    """
    found = dict(beside or {})
    for path in (Path(str(file).partition("::")[0]) for file in files if file is not None):
        digest = sha256_of(path)
        name = path.name if found.get(path.name, digest) == digest else str(path)
        found[name] = digest
    return found


def peak_memory_mib() -> float | None:
    """Largest resident set of this process; None where the system does not count it (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _git_commit() -> str | None:
    """Commit of the checkout this package runs from; None for an installed package or without git."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() or None
