"""The manifest inside a file that Sayre wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sayre.errors import InputError, understood
from sayre.numerics import memory


def manifest_in(path: Path) -> dict[str, Any] | None:
    """Return the manifest of a file of counts or of a crystal as JSON has it; None where it holds none.

    Parameters
    ----------
    path
        `.npz`, `.cxi`, `.h5`, `.tif` or `.vti`.
    """
    readers = {".npz": _of_npz, ".tif": _of_tiff, ".tiff": _of_tiff, ".vti": _of_vti}
    try:
        with understood(path):
            found = json.loads(readers.get(path.suffix.lower(), _of_hdf5)(path))
    except InputError:
        return None
    return found if isinstance(found, dict) else None


def _of_npz(path: Path) -> str:
    from sayre.files.patterns import npz

    return str(npz.read_arrays(path, ["manifest"])["manifest"])


def _of_hdf5(path: Path) -> str:
    from sayre.files.hdf5 import nexus
    from sayre.files.hdf5.tree import opened
    from sayre.files.safety import sound

    with opened(path) as file:
        found = (nexus.dataset_at(file, f"{entry}/sayre_1/manifest") for entry in file)
        return nexus.text(sound.value(next(one for one in found if one is not None)))


def _of_tiff(path: Path) -> str:
    import tifffile

    with tifffile.TiffFile(path) as file:
        return str((file.shaped_metadata or ({},))[0]["manifest"])


def _of_vti(path: Path) -> str:
    head = memory.whole(path, each=1).partition(b"</FieldData>")[0]
    codes = re.findall(rb'Name="manifest"[^>]*>([\d ]+)<', head)[0]
    return bytes(map(int, codes.split())).rstrip(b"\0").decode()
