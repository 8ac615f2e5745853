"""`sayre demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sayre.cli.progress import progress


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Simulate a Bragg peak, lose a detector gap, fill it by every method, draw and score the result."""
    import numpy as np

    from sayre import io
    from sayre.cli.evaluate import table
    from sayre.data import Manifest
    from sayre.detectors import masks
    from sayre.errors import InputError
    from sayre.figures.filling import filling_figure, profile_figure, save_figure
    from sayre.inpaint.evaluate import score
    from sayre.inpaint.fill import inpaint
    from sayre.simulate.simulate import simulate

    started = time.perf_counter()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made a folder: {error.strerror}; choose another --out") from None
    crystal = simulate(
        "winterbottom",
        element="Pt",
        oversampling=3.5,
        max_counts=3e6,
        phase_range=1.5,
        rotate=True,
        generator=np.random.default_rng(7),
    )
    cross = masks.cross(crystal.pattern.shape, axes=(1, 2), starts=(70, 46), widths=(6, 6))
    gapped = crystal.pattern.with_mask(cross)
    filled, scores = {}, []
    methods = ("auto", "wiener", "linear", "cubic", "nearest")
    with progress("filling", quiet=quiet) as advance:
        for done, method in enumerate(methods):
            began = time.perf_counter()
            result = inpaint(gapped, method=method)  # type: ignore[arg-type]
            if result.method not in filled:
                filled[result.method] = result
                scores.append(
                    score(result, cross, truth=crystal.expectation, seconds=time.perf_counter() - began)
                )
            advance((done + 1) / len(methods))
    best = next(iter(filled.values()))
    manifest = Manifest.collect("sayre demo", started=started, seed=7)
    io.save(out / "filled.npz", best, manifest, force=True)
    title = "A simulated Pt nanocrystal, 111 peak, 6-voxel cross gap"
    save_figure(filling_figure(best, truth=crystal.expectation, title=title), out / "filling.png")
    lines = {name: filled[name] for name in (best.method, "wiener", "linear") if name in filled}
    profile = profile_figure(lines, crystal.expectation, axis=1, place=(64, 72, 60), reach=24)
    save_figure(profile, out / "profile.png")
    typer.echo("A 6-voxel cross gap in a simulated Pt(111) peak, scored against the noise-free truth:")
    typer.echo(table(scores))
    typer.echo(f"{out}/: filled.npz, filling.png, profile.png")
