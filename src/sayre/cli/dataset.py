"""`sayre simulate dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sayre.cli.progress import progress
from sayre.data.json_text import to_json


def dataset(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="TOML file; examples/ has one.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder; shards that it holds are kept.")],
    workers: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers see OUT.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove another data set in OUT.")] = False,
) -> None:
    """Simulate a data set: shards of patterns, and a datasheet; the same command resumes a stopped run."""
    from sayre.figures.datasheet import datasheet_figure
    from sayre.figures.filling import save_figure
    from sayre.files.atomic import replacing
    from sayre.simulation.dataset import DatasetConfig, build
    from sayre.simulation.dataset.datasheet import markdown, summary
    from sayre.simulation.dataset.shards import PATTERN

    settings = DatasetConfig.from_toml(config)
    with progress("simulating", quiet=quiet) as advance:
        try:
            build(settings, out, workers=workers, scheduler=scheduler, force=force, progress=advance)
        except KeyboardInterrupt:
            kept = len(list(out.glob(PATTERN)))
            typer.echo(
                f"sayre: stopped; {kept} of {settings.shard_count} shards are finished and kept in {out}, "
                "the same command resumes",
                err=True,
            )
            raise typer.Exit(130) from None
    found = summary(out, config=settings.model_dump(mode="json"), seed=settings.seed)
    title = out.resolve().name
    save_figure(datasheet_figure(found, title=title), out / "datasheet.png")
    texts = {
        "datasheet.json": to_json(found, indent=1, sort_keys=True),
        "datasheet.md": markdown(found, title=title, picture="datasheet.png"),
    }
    for name, text in texts.items():
        with replacing(out / name, force=True) as file:
            file.write(text.encode())
    if not quiet:
        skipped = f", {len(found['skipped'])} draws skipped" if found["skipped"] else ""
        typer.echo(
            f"{out}: {found['patterns']} patterns of {found['particles']} particles in {found['shards']} "
            f"shards, {found['bytes'] / 1e6:.1f} MB{skipped}; datasheet.md, .json, .png"
        )
