"""`sayre inpaint`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def inpaint(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Counts: .npz .npy .cxi .h5 .nxs .tif")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The ending chooses the format.")],
    mask: Annotated[str | None, typer.Option(help="File of the mask, non-zero = not measured.")] = None,
    detector: Annotated[
        str | None, typer.Option(help="Mask the gaps of this detector: maxipix, merlin, eiger-4m …")
    ] = None,
    method: Annotated[str, typer.Option(help="auto unet wiener linear cubic nearest biharmonic")] = "auto",
    stride: Annotated[
        int | None, typer.Option(help="Distance of network windows: smaller is slower, better.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name or .safetensors file.")] = None,
    device: Annotated[str, typer.Option(help="auto cpu cuda")] = "auto",
    cxi_fill: Annotated[str, typer.Option(help="In .cxi: data, or interpolated (PyNX's encoding).")] = "data",
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Fill the gaps of a measured pattern and state the error of every filled voxel."""
    from sayre import io
    from sayre.data import Manifest
    from sayre.inpaint.fill import METHODS
    from sayre.inpaint.fill import inpaint as fill

    started = time.perf_counter()
    io.output_path_check(output, force=force)
    if method not in METHODS:
        raise InputError(f"--method: {method!r} is not known; one of {', '.join(METHODS)}")
    pattern = io.load(source, mask=mask)
    if detector is not None:
        pattern = pattern.with_mask(_detector_mask(detector, pattern.shape))
    with progress(f"filling {pattern.meta.source}", quiet=quiet) as advance:
        filled = fill(
            pattern,
            method=method,  # type: ignore[arg-type]
            stride=stride,
            weights=weights,
            device=device,
            progress=advance,
        )
    manifest = Manifest.collect(
        "sayre inpaint",
        started=started,
        config={
            "method": filled.method,
            "stride": stride,
            "device": device,
            "mask": mask,
            "detector": detector,
        },
        inputs={pattern.meta.source or str(source): pattern.meta.sha256 or ""},
        weights=_weights_used(filled.method, weights),
    )
    io.save(output, filled, manifest, force=force, cxi_fill=cxi_fill)
    if quiet:
        return
    summary = {
        "output": str(output),
        "method": filled.method,
        "filled_voxels": int(pattern.mask.sum()),
        "gaps": [f"{gap.kind} of {gap.width}" for gap in pattern.gaps],
        "counts_added": float(filled.intensity[pattern.mask].sum(dtype=float)),
        "counts_measured": float(pattern.intensity.sum(dtype=float)),
        "seconds": round(time.perf_counter() - started, 2),
    }
    typer.echo(json.dumps(summary) if as_json else _sentence(summary))


def _detector_mask(name: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    from sayre.detectors import detector

    known = detector(name)
    if shape[-2:] != known.shape:
        raise InputError(
            f"--detector: {name} has {known.shape} pixels, frames {shape[-2:]}; for a part of it give --mask"
        )
    return known.mask()


def _weights_used(method: str, weights: str | None) -> dict[str, str]:
    if method != "unet":
        return {}
    from sayre.inpaint.predict import load_predictor

    predictor = load_predictor(weights, "cpu")
    return {predictor.name: predictor.sha256}


def _sentence(summary: dict[str, object]) -> str:
    gaps = summary["gaps"]
    assert isinstance(gaps, list)
    shown = ", ".join(gaps[:3]) + (f" and {len(gaps) - 3} more" if len(gaps) > 3 else "")
    return (
        f"{summary['output']}: {summary['filled_voxels']} voxels ({shown}) filled by {summary['method']}, "
        f"{summary['counts_added']:.4g} counts beside {summary['counts_measured']:.4g} measured, "
        f"{summary['seconds']} s"
    )
