"""`sayre phase`."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sayre.cli import options
from sayre.cli.grouped import grouped
from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.retrieval.binning import Binning
    from sayre.retrieval.engine.runs import Progress
    from sayre.retrieval.phased import Phased
    from sayre.workflows.reconstruction import Settings


_RETRIEVAL = "Retrieval"


@dataclass(frozen=True, kw_only=True)
class RetrievalOptions:
    """How the phase is retrieved."""

    recipe: options.Recipe = None
    runs: options.Runs = 20
    enough: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="No more starts once two agree to this complex correlation; 0.95 with --init network.",
            rich_help_panel=_RETRIEVAL,
        ),
    ] = None
    seed: options.Seed = 0
    keep: Annotated[
        float,
        typer.Option(help="Fraction of the starts to average at most.", rich_help_panel=_RETRIEVAL),
    ] = 0.5
    gaps: Annotated[
        str, typer.Option(help="bounded (by the filling's error), free or zero.", rich_help_panel=_RETRIEVAL)
    ] = "bounded"
    sigmas: Annotated[
        float,
        typer.Option(min=0, help="Standard errors that bound a filled voxel.", rich_help_panel=_RETRIEVAL),
    ] = 2.0
    confidence: Annotated[
        float,
        typer.Option(
            min=0,
            help="Interval of measured counts in units of √(I + 1); 0 takes them as exact.",
            rich_help_panel=_RETRIEVAL,
        ),
    ] = 0.0
    threshold: Annotated[float, typer.Option(help="Of shrink-wrap.", rich_help_panel=_RETRIEVAL)] = 0.3
    reference: Annotated[
        str, typer.Option(help="What it is a fraction of: max rms average.", rich_help_panel=_RETRIEVAL)
    ] = "rms"
    smoothing: Annotated[
        tuple[float, float],
        typer.Option(help="Shrink-wrap's width in voxels at the start and end.", rich_help_panel=_RETRIEVAL),
    ] = (2.0, 1.0)

    def __post_init__(self) -> None:
        if not all(0 <= width < math.inf for width in self.smoothing):
            raise InputError(f"--smoothing: must be 0 or more voxels, found {self.smoothing}")

    def settings(self, binning: Binning) -> Settings:
        from sayre.retrieval.engine.support import ShrinkWrap
        from sayre.workflows.reconstruction import Settings, recipe_text

        return Settings(
            recipe=self.recipe and recipe_text(self.recipe),
            runs=self.runs,
            enough=self.enough,
            seed=self.seed,
            keep=self.keep,
            gaps=self.gaps,  # type: ignore[arg-type]
            sigmas=self.sigmas,
            confidence=self.confidence,
            binning=binning,
            shrink_wrap=ShrinkWrap(
                threshold=self.threshold,
                reference=self.reference,  # type: ignore[arg-type]
                sigma=self.smoothing,
            ),
        )


@grouped
def phase(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Counts, measured or filled: .npz .npy .cxi .h5 .nxs .tif")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help=".npz, .cxi or .vti")],
    retrieval: RetrievalOptions,
    known: options.ScanOptions,
    mask: options.Mask = None,
    crop: options.Crop = None,
    binning: options.Binning = (1, 1, 1),
    init: Annotated[
        str,
        typer.Option(help="random, network (the shape is learned: for strain), or a file of an object."),
    ] = "random",
    weights: Annotated[str | None, typer.Option(help="Of the network: a name, or a file.")] = None,
    device: options.Device = "auto",
    picture: Annotated[Path | None, typer.Option(help="Draw the crystal there (.png .pdf .svg).")] = None,
    live: Annotated[
        Path | None, typer.Option(help="Redraw the best start so far there while it runs (.png).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT and the picture.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Retrieve the phase of a Bragg peak: density, displacement and strain of the crystal.

    Finished starts are kept in OUTPUT.runs until all are done; a killed command goes on from there.
    """
    from sayre import files
    from sayre.data import Manifest
    from sayre.data.manifest import hashes
    from sayre.figures.crystal import crystal_figure
    from sayre.figures.filling import figure_path_check, save_figure
    from sayre.figures.live import LivePicture
    from sayre.files.crystals.objects import crystal_path_check, load_crystal, save_crystal
    from sayre.numerics.device import find_device
    from sayre.retrieval.kept import KeptRuns
    from sayre.retrieval.learned.predictor import weights_used
    from sayre.retrieval.prepare import around_peak
    from sayre.workflows.reconstruction import reconstruct
    from sayre.workflows.run import forgetting_failures

    started = time.perf_counter()
    crystal_path_check(output, force=force)
    for written in (output, picture, live):
        if written is not None:
            options.spare_the_input(written, source, mask, init, known.geometry)
    used = find_device(device).type
    if picture is not None:
        figure_path_check(picture, force=force)
    drawn = None if live is None else LivePicture(figure_path_check(live, force=True))
    settings, scan = retrieval.settings(binning), known.scan()
    pattern = files.load_filled(source, mask=mask)
    if output.suffix.lower() == ".vti" and len(pattern.measured.shape) != 3:
        raise InputError(f"{output}: .vti is for 3D crystals, these counts are 2D; .npz or .cxi")
    if crop is not None:
        pattern = around_peak(pattern, crop)
    from_file = init not in ("random", "network")
    if weights is not None and init != "network":
        raise InputError(f"--weights {weights}: belongs to --init network, found --init {init}")
    start = load_crystal(init).object if from_file else init
    learned = weights_used(weights, pattern.measured.intensity.ndim) if init == "network" else {}
    meta = pattern.meta
    inputs = {meta.source or source: meta.sha256 or ""} | hashes(mask, init if from_file else None)
    kept = KeptRuns(
        output.with_name(output.name + ".runs"),
        {**settings.of_a_run, "crop": crop, "inputs": inputs, "weights": learned},
        replace=force,
    )
    with progress(f"phasing {meta.source}", quiet=quiet) as advance:

        def report(now: Progress) -> None:
            advance(now.fraction, now.note(settings.runs))
            if drawn is not None:
                drawn.report(now)

        with forgetting_failures(kept):
            found, crystal, *_ = reconstruct(
                pattern,
                settings,
                scan,
                init=start,
                weights=weights,
                device=used,
                kept=kept,
                report=report,
                on_run=None if drawn is None else drawn.finished,
            )
    manifest = Manifest.collect(
        "sayre phase",
        started=started,
        config={**asdict(settings), "crop": crop, "init": init},
        seed=settings.seed,
        inputs=inputs,
        weights=learned,
        device=used,
    )
    save_crystal(output, crystal, manifest, force=force)
    kept.remove()
    if drawn is not None:
        drawn.draw()
    if picture is not None:
        save_figure(crystal_figure(crystal, title=meta.source or ""), picture)
    if not quiet:
        summary = {"output": str(output), **found.metrics, "seconds": round(time.perf_counter() - started, 1)}
        typer.echo(json.dumps(summary) if as_json else sentence(output, found, summary["seconds"]))


def sentence(output: Path, found: Phased, seconds: float) -> str:
    """What a user wants to know of a result, in two lines."""
    failed = sum(bool(run.failed) for run in found.runs)
    scatter, apart = found.modes.scatter, ""
    if found.agreement == found.agreement:
        apart = f"\nstarts agree to {found.agreement:.3f} (complex correlation)"
    if scatter == scatter:
        apart += f"; another set of starts would differ by {100 * scatter:.0f} %"
    return (
        f"{output}: {int(found.support.sum())} voxels, R = {found.residual:.3f}, {len(found.selected)} of "
        f"{len(found.runs)} starts averaged{f' ({failed} failed)' if failed else ''}, {seconds:.0f} s{apart}"
    )
