"""Particles in files: LAMMPS data and extended XYZ.

Endings: `.xyz` / `.extxyz`, and `.data` / `.lmp` / `.lammps` for LAMMPS.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import Particle
from sayre.data.elements import element
from sayre.data.json_text import to_json
from sayre.data.plausible import require_plausible
from sayre.errors import InputError
from sayre.files.atomic import check_place, replacing
from sayre.numerics import memory

__all__ = ["load_particle", "particle_path_check", "save_particle"]

_XYZ = (".xyz", ".extxyz")
_LAMMPS = (".data", ".lmp", ".lammps")
_MARGIN = 10.0
_STYLES = {"atomic": 2, "charge": 3, "molecular": 3, "full": 4}
"""Column of x in the lines of `Atoms`, by atom style."""


def load_particle(
    path: str | Path, *, species: str | None = None, lattice_constant: float | None = None
) -> Particle:
    """Read the atoms of one element.

    Parameters
    ----------
    path
        Extended XYZ (the first frame of several) or a LAMMPS data file of atom style atomic, charge,
        molecular or full; the ending says which. Cell and velocities are not used.
    species
        Element, where the file does not name it; LAMMPS data name it in a comment of `Masses`, if at all.
    lattice_constant
        In Å; where neither it nor the file says, the table's for the element.

    Returns
    -------
    Particle
        Atoms in the order of the file (of their numbers in LAMMPS data), centred.

    Raises
    ------
    InputError
        The file cannot be read, holds several elements or another than `species`, or names none.
    """
    path = Path(path)
    reader = _read_xyz if _ending(path) in _XYZ else _read_lammps
    try:
        text = memory.whole_text(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text; extended XYZ or LAMMPS data would do") from None
    try:
        positions, named, facts = reader(text)
    except (ValueError, LookupError, RecursionError, OverflowError) as error:
        raise InputError(
            f"{path}: damaged, or not of its ending's format ({error}); write it again"
        ) from None
    if species is not None and named is not None and species != named:
        raise InputError(f"{path}: holds {named}, not {species}; leave the element out")
    species, constant = species or named, lattice_constant or facts.get("lattice_constant")
    if species is None:
        raise InputError(f"{path}: names no element; state which it is of")
    if len(positions) == 0 or not np.isfinite(positions).all():
        raise InputError(f"{path}: no atoms, or positions that are not numbers")
    if constant is None:
        constant = element(species).lattice_constant
    require_plausible(str(path), "lattice constant", float(constant))
    return Particle(
        positions=positions - positions.mean(0),
        species=species,
        lattice_constant=float(constant),
        made=facts.get("made", {"file": path.name}),
    )


def save_particle(path: str | Path, particle: Particle, *, force: bool = False) -> None:
    """Write a particle; the ending of `path` says how. The file appears whole or not at all.

    Extended XYZ carries element, lattice constant and how the particle was made; LAMMPS data (atom style
    atomic, units metal, one type, in a box 10 Å wider) element and lattice constant, in comments.

    Parameters
    ----------
    path
        `.xyz` (extended XYZ) or `.data` (LAMMPS).
    particle
        Atoms, in Å.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        As `particle_path_check`, or the disk is full.
    """
    path = particle_path_check(path, force=force)
    write = _write_xyz if _ending(path) in _XYZ else _write_lammps
    with replacing(path, force=force) as file:
        file.write(write(particle).encode())


def particle_path_check(path: str | Path, *, force: bool = False) -> Path:
    """Check, before any work, that `save_particle` will be able to write at `path`.

    Parameters
    ----------
    path
        Where `save_particle` is to write.
    force
        Whether a file that is there may be replaced.
    """
    path = Path(path)
    _ending(path)
    check_place(path, force=force)
    return path


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in _XYZ + _LAMMPS:
        found = f"unknown ending {ending}" if ending else "no ending"
        raise InputError(f"{path}: {found} for atoms; {', '.join(_XYZ + _LAMMPS)} would do")
    return ending


def _write_xyz(particle: Particle) -> str:
    made = to_json(particle.made, sort_keys=True).replace("\\", "\\\\").replace('"', '\\"')
    head = f'Properties=species:S:1:pos:R:3 lattice_constant={particle.lattice_constant} made="{made}"'
    lines = io.StringIO()
    np.savetxt(lines, particle.positions, fmt=f"{particle.species} %.10f %.10f %.10f")
    return f'{len(particle)}\n{head} pbc="F F F"\n{lines.getvalue()}'


def _write_lammps(particle: Particle) -> str:
    low, high = particle.positions.min(0) - _MARGIN, particle.positions.max(0) + _MARGIN
    sides = "".join(f"{b:.6f} {e:.6f} {x}lo {x}hi\n" for b, e, x in zip(low, high, "xyz", strict=True))
    lines = io.StringIO()
    numbered = np.column_stack([np.arange(1, len(particle) + 1), particle.positions])
    np.savetxt(lines, numbered, fmt="%d 1 %.10f %.10f %.10f")
    return (
        f"particle of Sayre, lattice_constant={particle.lattice_constant}\n\n"
        f"{len(particle)} atoms\n1 atom types\n\n{sides}\n"
        f"Masses\n\n1 {element(particle.species).mass} # {particle.species}\n\n"
        f"Atoms # atomic\n\n{lines.getvalue()}"
    )


def _read_xyz(text: str) -> tuple[NDArray[np.float64], str | None, dict[str, Any]]:
    lines = text.split("\n", 2)
    count = int(lines[0])
    if count < 1:
        raise ValueError(f"{count} atoms")
    comment = {key: _unquoted(value) for key, value in re.findall(_PAIR, lines[1])}
    columns = comment.get("Properties", "species:S:1:pos:R:3").split(":")
    place, at = 0, {}
    for name, width in zip(columns[::3], columns[2::3], strict=True):
        at[name] = place
        place += int(width)
    rows = [line.split() for line in lines[2].split("\n", count)[:count] if line.strip()]
    if len(rows) < count or "pos" not in at:
        raise ValueError(f"{len(rows)} lines of {count} atoms" if "pos" in at else "no column pos")
    positions = np.array([row[at["pos"] : at["pos"] + 3] for row in rows], float).reshape(-1, 3)
    facts: dict[str, Any] = {}
    if "lattice_constant" in comment:
        facts["lattice_constant"] = float(comment["lattice_constant"])
    if comment.get("made", "").startswith("{"):
        facts["made"] = json.loads(comment["made"])
    return positions, _only({row[at["species"]] for row in rows}) if "species" in at else None, facts


_PAIR = re.compile(r'(?<![\w:-])([\w:-]+)=("(?:[^"\\]|\\.)*"|\S+)')


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _read_lammps(text: str) -> tuple[NDArray[np.float64], str | None, dict[str, Any]]:
    title = text.split("\n", 1)[0]
    sections = re.split(r"^(Masses|Atoms|Velocities|[A-Z][A-Za-z ]+)\b[ \t]*(#.*)?$", text, flags=re.M)
    found = {sections[i]: (sections[i + 1] or "", sections[i + 2]) for i in range(1, len(sections) - 2, 3)}
    if "Atoms" not in found:
        raise ValueError("no section Atoms")
    style = found["Atoms"][0].lstrip("# ").strip() or "atomic"
    if style not in _STYLES:
        raise ValueError(f"atom style {style}; {', '.join(_STYLES)} are read")
    rows = [line.split("#")[0].split() for line in found["Atoms"][1].splitlines() if line.strip()]
    x, kind = _STYLES[style], 1 if style in ("atomic", "charge") else 2
    table = np.array([[row[0], row[kind], *row[x : x + 3]] for row in rows], float).reshape(-1, 5)
    declared = re.search(r"^\s*(\d+)\s+atoms\s*$", text, flags=re.M)
    if declared is None or int(declared[1]) != len(table):
        raise ValueError(f"{len(table)} atoms where the head says {declared[1] if declared else 'nothing'}")
    table = table[np.argsort(table[:, 0], kind="stable")]
    names = dict(re.findall(r"^\s*(\d+)\s+\S+\s*#\s*([A-Z][a-z]?)\b", found.get("Masses", ("", ""))[1], re.M))
    kinds = {names.get(str(int(k))) for k in np.unique(table[:, 1])}
    constant = re.search(r"lattice_constant=([\d.eE+-]+)", title)
    facts = {"lattice_constant": float(constant[1])} if constant else {}
    return table[:, 2:], _only({name for name in kinds if name}), facts


def _only(names: set[str]) -> str | None:
    if len(names) > 1:
        raise ValueError(f"several elements, {', '.join(sorted(names))}; one is scattered at a time")
    return next(iter(names), None)
