"""`sayre weights`."""

from __future__ import annotations

from typing import Annotated

import typer

from sayre.errors import InputError

app = typer.Typer(help="Trained weights that ship with the package.", no_args_is_help=True)


@app.command("list")
def list_weights() -> None:
    """Every registry row."""
    from sayre.networks.registry import registry

    if not registry():
        typer.echo("no weights ship with this version")
    for row in registry().values():
        size = row.path.stat().st_size / 1e6
        mark = " (default)" if row.default else ""
        what = f"widths {row.widths[0]}–{row.widths[1]}" if any(row.widths) else f"{row.dimensions}D"
        typer.echo(f"{row.name}{mark}: {row.summary} [{row.task}, {what}, {size:.1f} MB]")


@app.command("verify")
def verify(name: Annotated[str | None, typer.Argument(help="Only this row.")] = None) -> None:
    """Check each file's hash and that it reproduces its sample output."""
    from sayre.filling.network import predictor as filling
    from sayre.networks.registry import find, registry
    from sayre.retrieval.learned import predictor as learned

    for row in [find(name)] if name else list(registry().values()):
        difference = (learned if row.task == "shape" else filling).verify_sample(row)
        if difference > 0.05:
            raise InputError(
                f"{row.name}: output differs from its sample by {difference:.2g} (0.05 allowed); reinstall"
            )
        typer.echo(f"{row.name}: hash ok, sample reproduced to {difference:.1e}")


@app.command("path")
def path(name: Annotated[str, typer.Argument(help="Registry name.")]) -> None:
    """Where the file lies."""
    from sayre.networks.registry import find

    typer.echo(str(find(name).path))
