"""Patterns, crystals and particles to files."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sayre.data import Crystal, FilledPattern, Manifest, Particle, Pattern, SimulatedPattern
from sayre.data.expect import expect
from sayre.errors import InputError, warn
from sayre.files.atomic import check_place, replacing
from sayre.files.atoms import save_particle
from sayre.files.crystals.objects import crystal_path_check, save_crystal
from sayre.files.formats import module_of
from sayre.files.patterns.contents import Output

_TIFF = (".tif", ".tiff")


class HasCrystal(Protocol):
    """A result that holds a crystal: of `sayre.phase` and `sayre.reconstruct`."""

    @property
    def crystal(self) -> Crystal: ...


def save(
    path: str | Path,
    what: Output | Crystal | HasCrystal | Particle,
    manifest: Manifest | None = None,
    *,
    force: bool = False,
    cxi_fill: str = "data",
) -> None:
    """Write a pattern or a crystal; the ending of `path` says how. The file appears whole or not at all.

    Parameters
    ----------
    path
        `.npz`: `intensity`, `mask`, `manifest` and, of a filled pattern, `sigma`, of a simulated one
        `expectation`, `amplitude`, `oversampling`; what is known of `energy`, `distance`, `pixel_size`,
        `hkl`, `detector`, `grid_step`. `.h5`/`.hdf5`/`.nxs`: the same as NeXus. `.cxi`: PyNX's layout, see
        `sayre.files.patterns.cxi.write`. `.tif`/`.tiff`: the counts, and `NAME_sigma.tif` and `NAME_mask.tif`
        beside them; no simulated patterns.
        `.npy`: the counts of a filled pattern alone; mask, sigma and manifest are lost. A crystal goes to
        `.npz`, `.cxi` or `.vti`: see `sayre.files.crystals.objects.save_crystal`. A particle goes to
        `.xyz` or LAMMPS `.data`.
    what
        A pattern, measured, filled or simulated, a crystal, a result that holds one, or a particle.
    manifest
        What made it; by default versions, date and computer alone.
    force
        Overwrite an existing file.
    cxi_fill
        For a filled pattern in a `.cxi`: filled voxels as `data` (counts like any other), or
        `interpolated` (PyNX's estimates of masked pixels).

    Raises
    ------
    InputError
        As `output_path_check`, or the disk is full, or `cxi_fill` does not apply.
    """
    manifest = manifest or Manifest.collect("sayre.save")
    expect(manifest, Manifest, argument="manifest")
    crystal = what if isinstance(what, Crystal) else getattr(what, "crystal", None)
    if isinstance(crystal, Crystal):
        save_crystal(path, crystal, manifest, force=force)
        return
    if isinstance(what, Particle):
        save_particle(path, what, force=force)
        return
    expect(what, Pattern, FilledPattern, SimulatedPattern, Crystal, Particle, argument="save")
    assert isinstance(what, Pattern | FilledPattern | SimulatedPattern)
    path = output_path_check(path, force=force, kind=type(what))
    ending = path.suffix.lower()
    if cxi_fill not in ("data", "interpolated"):
        raise InputError(f"cxi_fill: found {cxi_fill!r}; data or interpolated would do")
    if cxi_fill == "interpolated" and (ending != ".cxi" or not isinstance(what, FilledPattern)):
        raise InputError(f"{path}: cxi_fill=interpolated is for filled patterns in .cxi files only")
    if cxi_fill == "interpolated":
        warn(
            f"{path.name}: filled voxels are negative, as PyNX marks estimates, and the default mask of its "
            "command line makes zeros of them; pass them to pynx.cdi.CDI without a mask, or write data"
        )
    what, module = what.numpy(), module_of(path)
    with replacing(path, force=force) as file:
        if ending == ".npy":
            module.write_npy(file, what, manifest)
        elif ending == ".cxi":
            module.write(file, what, manifest, cxi_fill)
        else:
            module.write(file, what, manifest)
    for name, array in module.companions(what).items() if ending in _TIFF else ():
        with replacing(module.beside(path, name), force=force) as file:
            module.write_companion(file, name, array)


def output_path_check(path: str | Path, force: bool = False, *, kind: type = FilledPattern) -> Path:
    """Check, before any work, that `save` will be able to write an object of type `kind` at `path`.

    Parameters
    ----------
    path
        Where `save` is to write.
    force
        Whether a file that is there may be replaced.
    kind
        Class of what is to be written.

    Raises
    ------
    InputError
        Unknown ending, or one that cannot hold `kind`; a missing or read-only folder; an existing file
        without `force`.
    """
    if kind is Crystal:
        return crystal_path_check(path, force=force)
    path = Path(path)
    ending = path.suffix.lower()
    module_of(path)
    if ending == ".npy" and kind is not FilledPattern:
        raise InputError(f"{path}: .npy holds filled counts only; .npz, .h5 or .cxi holds a {kind.__name__}")
    if ending in _TIFF and kind.__name__ == "SimulatedPattern":
        raise InputError(f"{path}: {ending} cannot hold complex amplitudes; .npz, .h5 or .cxi can")
    for place in (path, *also_written(path)):
        check_place(place, force=force)
    return path


def also_written(path: Path) -> tuple[Path, ...]:
    """Return the files that `save` may write beside the one named: those of `.tif`."""
    if path.suffix.lower() not in _TIFF:
        return ()
    module = module_of(path)
    return tuple(module.beside(path, name) for name in ("sigma", "mask"))
