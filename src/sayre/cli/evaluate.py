"""`sayre evaluate`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sayre.cli.progress import progress
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.filling.scores import Score

app = typer.Typer(help="Score methods on data whose truth is known.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


@app.command("inpaint")
def inpaint(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Counts, measured where the gap is cut.")],
    gap_width: Annotated[list[int], typer.Option(help="Planes to hide; may be given several times.")],
    axis: Annotated[int, typer.Option(help="Axis across the gap: 0 rocking, 1 row, 2 column.")] = 1,
    position: Annotated[
        list[int] | None, typer.Option(help="First hidden plane; several are averaged. Default: spread.")
    ] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only these methods.")] = None,
    crop: Annotated[
        int | None, typer.Option(help="Cut this many voxels a side around the peak first.")
    ] = None,
    mask: Annotated[str | None, typer.Option(help="File of the mask, non-zero = not measured.")] = None,
    stride: Annotated[int | None, typer.Option(help="Distance of network windows.")] = None,
    weights: Annotated[str | None, typer.Option(help="Name or .safetensors file.")] = None,
    device: Annotated[str, typer.Option(help="auto cpu cuda")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every single score as JSON.")] = False,
) -> None:
    """Hide planes of a measured pattern, fill them by every method, print how well each did."""
    from sayre import files
    from sayre.filling.settings import METHODS
    from sayre.filling.scores import COMPARED, crop_around_peak, evaluate, spread_positions, summarise

    pattern = files.load(source, mask=mask)
    if crop is not None:
        pattern = crop_around_peak(pattern, crop)
    methods = method or [m for m in COMPARED if not (m == "unet" and len(pattern.shape) == 2)]
    for name in methods:
        if name not in METHODS:
            raise InputError(f"--method: {name!r} is not known; one of {', '.join(METHODS)}")
    jobs = [
        (width, place)
        for width in gap_width
        for place in (position or spread_positions(pattern, axis=axis, width=width))
    ]
    scores: list[Score] = []
    with progress("evaluating", quiet=quiet) as advance:
        for done, (width, place) in enumerate(jobs):
            scores += evaluate(
                pattern,
                width=width,
                axis=axis,
                position=place,
                methods=methods,  # type: ignore[arg-type]
                stride=stride,
                weights=weights,
                device=device,
            )
            advance((done + 1) / len(jobs))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(score) for score in scores]))
        return
    places = len({s.position for s in scores})
    typer.echo(
        f"{Path(source).name}: axis {axis}, mean over {places} position(s); log error against the counts"
    )
    typer.echo(table(summarise(scores)))


def table(rows: list[Score]) -> str:
    """Scores as fixed-width text."""
    lines = [
        "width  method      log error   / linear   noise floor   r(log)  r(lin)   in 1σ   in 2σ      time"
    ]
    lines += [
        f"{r.width:5d}  {r.method:10s} {r.log_error:10.4f} {r.ratio:10.3f} {_floor(r.floor)} "
        f"{r.pearson_log:8.3f} {r.pearson_linear:7.3f} {_percent(r.covered_1)} {_percent(r.covered_2)} "
        f"{r.seconds:7.2f} s"
        for r in rows
    ]
    return "\n".join(lines)


def _floor(error: float) -> str:
    return f"{error:13.4f}" if error > 0 else "            -"


def _percent(fraction: float) -> str:
    return "      -" if fraction != fraction else f"{100 * fraction:5.1f} %"
