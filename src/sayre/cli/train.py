"""`sayre train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train networks.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


@app.command("inpaint")
def inpaint(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML file; examples/ has some.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of checkpoints and curves.")] = Path(
        "runs/inpaint"
    ),
    resume: Annotated[Path | None, typer.Option(help="Checkpoint to go on from.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a gap-filling network on simulated (and measured) patterns."""
    from sayre.workflows.train_inpaint import InpaintRun, train_inpaint

    settings = InpaintRun.from_toml(config)
    _check_resume(resume)
    result = train_inpaint(settings, out, resume=resume, progress=not quiet)
    typer.echo(f"{result.weights}: use it by `sayre inpaint … --weights`; curves in {out}/metrics.csv")


@app.command("phase")
def phase(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML file; examples/ has some.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of checkpoints and curves.")] = Path(
        "runs/phase"
    ),
    resume: Annotated[Path | None, typer.Option(help="Checkpoint to go on from.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a network that gives phase retrieval its start, on simulated strained crystals.

    The key `network` of the configuration says which: "shape" or "published".
    """
    from sayre.workflows.train_phase import AnyPhaseRun, train_phase

    settings = AnyPhaseRun.from_toml(config).root
    _check_resume(resume)
    weights = train_phase(settings, out, resume=resume, progress=not quiet)
    typer.echo(f"{weights}: use it by `sayre phase … --init network --weights`; curves in {out}/metrics.csv")


def _check_resume(resume: Path | None) -> None:
    from sayre.errors import InputError

    if resume is not None and not resume.is_file():
        raise InputError(f"{resume}: no such checkpoint; the folder of the run has last.ckpt")
