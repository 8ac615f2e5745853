"""`sayre inpaint`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from sayre.cli import options
from sayre.cli.progress import progress
from sayre.errors import InputError


def inpaint(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Counts: .npz .npy .cxi .h5 .nxs .tif")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The ending chooses the format.")],
    mask: options.Mask = None,
    detector: options.DetectorName = None,
    method: options.Method = "auto",
    stride: Annotated[
        int | None, typer.Option(help="Distance of network windows: smaller is slower, better.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name or .safetensors file.")] = None,
    device: options.Device = "auto",
    cxi_fill: Annotated[str, typer.Option(help="In .cxi: data, or interpolated (PyNX's encoding).")] = "data",
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fill the gaps of a measured pattern and state the error of every filled voxel."""
    from sayre import files
    from sayre.data import Manifest
    from sayre.detectors import frame_mask
    from sayre.filling.settings import METHODS
    from sayre.filling.fill import inpaint as fill
    from sayre.filling.network.predictor import weights_used

    started = time.perf_counter()
    files.output_path_check(output, force=force)
    options.spare_the_input(output, source, mask)
    if method not in METHODS:
        raise InputError(f"--method: {method!r} is not known; one of {', '.join(METHODS)}")
    pattern = files.load(source, mask=mask)
    if detector is not None:
        pattern = pattern.with_mask(frame_mask(detector, pattern.shape))
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
        weights=weights_used(filled.method, weights),
    )
    files.save(output, filled, manifest, force=force, cxi_fill=cxi_fill)
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


def _sentence(summary: dict[str, object]) -> str:
    gaps = summary["gaps"]
    assert isinstance(gaps, list)
    shown = ", ".join(gaps[:3]) + (f" and {len(gaps) - 3} more" if len(gaps) > 3 else "")
    return (
        f"{summary['output']}: {summary['filled_voxels']} voxels ({shown}) filled by {summary['method']}, "
        f"{summary['counts_added']:.4g} counts beside {summary['counts_measured']:.4g} measured, "
        f"{summary['seconds']} s"
    )
