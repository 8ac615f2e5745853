"""`sayre phase`."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.phasing.phase import Phased
    from sayre.phasing.physics.geometry import Geometry
    from sayre.phasing.runs import Progress


def phase(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Counts, measured or filled: .npz .npy .cxi .h5 .nxs .tif")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help=".npz, .cxi or .vti")],
    mask: Annotated[str | None, typer.Option(help="File of the mask, non-zero = not measured.")] = None,
    crop: Annotated[int | None, typer.Option(help="Voxels a side around the peak.")] = None,
    init: Annotated[str, typer.Option(help="random, or a file of an object to start from.")] = "random",
    recipe: Annotated[
        str,
        typer.Option(help="default quick precise fixed, text such as '(HIO*20 + SW)**10, ER*50', or a file."),
    ] = "default",
    runs: Annotated[int, typer.Option(help="Starts.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 0,
    keep: Annotated[float, typer.Option(help="Fraction of the starts to average at most.")] = 0.5,
    gaps: Annotated[str, typer.Option(help="bounded (by the filling's error), free or zero.")] = "bounded",
    sigmas: Annotated[float, typer.Option(help="Standard errors that bound a filled voxel.")] = 2.0,
    confidence: Annotated[
        float, typer.Option(help="Interval of measured counts in units of √(I + 1); 0 takes them as exact.")
    ] = 0.0,
    threshold: Annotated[float, typer.Option(help="Of shrink-wrap.")] = 0.3,
    reference: Annotated[str, typer.Option(help="What it is a fraction of: max rms average.")] = "rms",
    smoothing: Annotated[
        tuple[float, float], typer.Option(help="Shrink-wrap's width in voxels at the start and end.")
    ] = (2.0, 1.0),
    geometry: Annotated[
        Path | None, typer.Option(help="TOML of the scan, for the laboratory frame; see docs/physics.md.")
    ] = None,
    hkl: Annotated[tuple[int, int, int] | None, typer.Option(help="Reflection.")] = None,
    lattice_constant: Annotated[float | None, typer.Option(help="Å, of a cubic crystal.")] = None,
    along: Annotated[int | None, typer.Option(help="Array axis along G, without a geometry.")] = None,
    voxel_size: Annotated[float | None, typer.Option(help="nm, in the laboratory frame.")] = None,
    device: Annotated[str, typer.Option(help="auto cpu cuda")] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Retrieve the phase of a Bragg peak: density, displacement and strain of the crystal.

    Finished starts are kept in OUTPUT.runs until all are done; a killed command goes on from there.
    """
    from sayre import io
    from sayre.data import FilledPattern, Manifest
    from sayre.io.objects import crystal_path_check, load_crystal, save_crystal
    from sayre.phasing.kept import KeptRuns
    from sayre.phasing.phase import phase as retrieve
    from sayre.phasing.physics.crystal import to_crystal
    from sayre.phasing.prepare import around_peak
    from sayre.phasing.support import ShrinkWrap

    started = time.perf_counter()
    crystal_path_check(output, force=force)
    scan = _geometry(geometry)
    loaded = io.load_filled(source, mask=mask)
    pattern = around_peak(loaded, crop) if crop is not None else loaded
    measured = pattern.pattern if isinstance(pattern, FilledPattern) else pattern
    config: dict[str, Any] = {
        "recipe": Path(recipe).read_text() if Path(recipe).is_file() else recipe,
        "runs": runs,
        "seed": seed,
        "gaps": gaps,
        "sigmas": sigmas,
        "confidence": confidence,
        "keep": keep,
    }
    wrap: dict[str, Any] = {"threshold": threshold, "reference": reference, "sigma": smoothing}
    inputs = {measured.meta.source or source: measured.meta.sha256 or ""}
    identity = {**config, **wrap, "crop": crop, "init": init, "mask": mask, "inputs": inputs}
    kept = KeptRuns(
        output.with_name(output.name + ".runs"), {k: v for k, v in identity.items() if k != "keep"}
    )
    with progress(f"phasing {measured.meta.source}", quiet=quiet) as advance:

        def report(now: Progress) -> None:
            residuals = ", ".join(f"{r:.3f}" for r in now.residuals[:3])
            advance(now.fraction, f"start {now.indices[0] + 1} of {runs}, R {residuals}")

        found = retrieve(
            pattern,
            **config,
            shrink_wrap=ShrinkWrap(**wrap),
            init=None if init == "random" else load_crystal(init).object,
            device=device,
            finished=kept.read(),
            report=report,
            on_run=kept.write,
        )
    crystal = to_crystal(
        found.object,
        found.support,
        geometry=scan,
        grid=measured.grid,
        voxel_size=voxel_size,
        hkl=hkl or measured.meta.hkl,
        lattice_constant=lattice_constant,
        along=along,
        metrics=found.metrics,
    )
    manifest = Manifest.collect(
        "sayre phase",
        started=started,
        config={**config, **wrap, "crop": crop, "init": init},
        seed=seed,
        inputs=inputs,
        device=device,
    )
    save_crystal(output, crystal, manifest, force=force)
    kept.remove()
    if not quiet:
        summary = {"output": str(output), **found.metrics, "seconds": round(time.perf_counter() - started, 1)}
        typer.echo(json.dumps(summary) if as_json else sentence(output, found, summary["seconds"]))


def sentence(output: Path, found: Phased, seconds: float) -> str:
    """What a user wants to know of a result, in two lines."""
    failed = sum(bool(run.failed) for run in found.runs)
    scatter, apart = found.modes.scatter, ""
    if scatter == scatter:
        apart = (
            f"\nstarts agree to {found.agreement:.3f} (complex correlation); another set of starts would "
            f"differ by {100 * scatter:.0f} %"
        )
    return (
        f"{output}: {int(found.support.sum())} voxels, R = {found.residual:.3f}, {len(found.believed)} of "
        f"{len(found.runs)} starts averaged{f' ({failed} failed)' if failed else ''}, {seconds:.0f} s{apart}"
    )


def _geometry(path: Path | None) -> Geometry | None:
    """Geometry from TOML: the fields of `Geometry`, or `beamline` and `angles` and the rest of them."""
    if path is None:
        return None
    from sayre.phasing.physics.geometry import Geometry

    try:
        known = tomllib.loads(path.read_text())
        known = {key: tuple(v) if isinstance(v, list) else v for key, v in known.items()}
        return Geometry.at(**known) if "beamline" in known else Geometry(**known)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise InputError(f"{path}: not a geometry: {error}; docs/physics.md has an example") from None
