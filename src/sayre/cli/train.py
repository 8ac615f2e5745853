"""`sayre train`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sayre.cli.progress import progress

app = typer.Typer(help="Train networks.", no_args_is_help=True)

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML file; examples/ has some.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder of checkpoint, curves and weights.")]
Resume = Annotated[
    Path | None,
    typer.Option(metavar="CKPT", help="Checkpoint to continue from: last.ckpt in a run's folder."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace another run in the folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]


@app.callback()
def _root() -> None:
    pass


@app.command("inpaint")
def inpaint(
    config: Config,
    out: Out = Path("runs/inpaint"),
    resume: Resume = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a gap-filling network on simulated (and measured) patterns."""
    from sayre.workflows.train_inpaint import InpaintRun, train_inpaint

    settings = InpaintRun.from_toml(config)
    with _training("inpaint", config, out, quiet) as report:
        weights = train_inpaint(settings, out, resume=resume, force=force, report=report).weights
    typer.echo(f"{weights}: use it by `sayre inpaint … --weights`; curves in {out}/metrics.csv")


@app.command("phase")
def phase(
    config: Config,
    out: Out = Path("runs/phase"),
    resume: Resume = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a network that gives phase retrieval its start, on simulated strained crystals.

    The key `network` of the configuration says which: "shape" or "published".
    """
    from sayre.workflows.train_phase import AnyPhaseRun, train_phase

    settings = AnyPhaseRun.from_toml(config).root
    with _training("phase", config, out, quiet) as report:
        weights = train_phase(settings, out, resume=resume, force=force, report=report)
    typer.echo(f"{weights}: use it by `sayre phase … --init network --weights`; curves in {out}/metrics.csv")


@contextmanager
def _training(kind: str, config: Path, out: Path, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Show progress; a user who stops the run learns what is kept and how to resume it."""
    try:
        with progress("training", quiet=quiet) as report:
            yield report
    except KeyboardInterrupt:
        checkpoint = out / "last.ckpt"
        resume = shlex.join(
            ["sayre", "train", kind, str(config), "-o", str(out), "--resume", str(checkpoint)]
        )
        kept = f"{checkpoint} keeps what was trained, resume it by `{resume}`"
        lost = "no epoch was finished and nothing is kept, the same command starts again"
        typer.echo(f"sayre: stopped; {kept if checkpoint.exists() else lost}", err=True)
        raise typer.Exit(130) from None
