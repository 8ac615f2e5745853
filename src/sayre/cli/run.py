"""`sayre run`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sayre.cli import options
from sayre.cli.grouped import grouped
from sayre.cli.phase import sentence
from sayre.cli.progress import progress


@grouped
def run(
    source: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="Counts, with or without gaps: .npz .npy .cxi .h5 .nxs .tif"),
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.")],
    known: options.ScanOptions,
    mask: options.Mask = None,
    detector: options.DetectorName = None,
    crop: options.Crop = None,
    binning: options.Binning = (1, 1, 1),
    method: options.Method = "auto",
    recipe: options.Recipe = None,
    runs: options.Runs = 20,
    init: Annotated[
        str, typer.Option(help="Of the starts: random, or network (the shape is learned: for strain).")
    ] = "random",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    force: Annotated[bool, typer.Option("--force", help="Overwrite what DIR holds.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fill the gaps of a Bragg peak, phase it, and report the crystal: files and pictures in DIR.

    A killed command goes on where it stopped when it is given again.
    """
    from sayre.workflows.reconstruction import Settings
    from sayre.workflows.report import numbers
    from sayre.workflows.run import run as whole

    result = whole(
        source,
        folder,
        mask=mask,
        detector=detector,
        crop=crop,
        method=method,  # type: ignore[arg-type]
        settings=Settings(recipe=recipe, runs=runs, seed=seed, binning=binning),
        scan=known.scan(),
        init=init,  # type: ignore[arg-type]
        device=device,
        force=force,
        bar=partial(progress, quiet=quiet),
    )
    if quiet:
        return
    if as_json:
        typer.echo(json.dumps(numbers(result)))
    else:
        typer.echo(sentence(folder, result.phased, result.manifest.seconds or 0))
        typer.echo(f"{folder}/: {', '.join(result.files)}")
