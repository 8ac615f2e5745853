"""`sayre demo`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sayre.cli.progress import progress


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Simulate a Bragg peak, lose a detector gap, fill it by every method, phase it, draw and score it."""
    from sayre.cli.evaluate import table
    from sayre.workflows.demo import FILES
    from sayre.workflows.demo import demo as show

    found = show(out, partial(progress, quiet=quiet))
    typer.echo("A 6-voxel cross gap in a simulated Pt(111) peak, scored against the noise-free truth:")
    typer.echo(table(found.fillings))
    typer.echo("\nPhased, and the complex correlation with the true crystal:")
    for gap, line in zip(("gap filled", "gap taken as dark"), found.phasings, strict=True):
        typer.echo(f"{gap:<18} {line.correlation:.3f}   R = {line.residual:.3f}   {line.seconds:.1f} s")
    typer.echo(f"{out}/: {', '.join(FILES)}")
