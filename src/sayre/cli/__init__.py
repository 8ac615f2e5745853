"""The command line: one thin module a subcommand."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import typer

from sayre._version import __version__
from sayre.cli import demo, evaluate, inpaint, phase, simulate, train, weights
from sayre.cli.run import run as whole
from sayre.errors import InputError, SayreWarning

# The base of what typer raises for a wrong command line; its module and its name depend on the release.
_UsageError: Any = next(
    base for base in reversed(typer.BadParameter.__mro__) if hasattr(base, "format_message")
)

app = typer.Typer(
    help="Bragg coherent diffraction imaging: fill detector gaps, retrieve the phase, see the crystal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("inpaint")(inpaint.inpaint)
app.command("phase")(phase.phase)
app.command("run")(whole)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(simulate.app, name="simulate")
app.add_typer(train.app, name="train")
app.add_typer(weights.app, name="weights")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    pass


def _say(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    print(f"sayre: warning: {message}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit status (0 done, 1 a defect, 2 input or options that cannot be used)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SayreWarning)
        warnings.showwarning = _say
        try:
            status = app(arguments, standalone_mode=False)
        except typer.Exit as leave:
            return leave.exit_code
        except InputError as error:
            print(f"sayre: {error}", file=sys.stderr)
            return 2
        except _UsageError as error:
            message = error.format_message() or "no command given"
            print(f"sayre: {message} (--help after a command lists its options)", file=sys.stderr)
            return 2
        except (KeyboardInterrupt, typer.Abort):
            print("sayre: stopped; no half-written file was left", file=sys.stderr)
            return 130
    return int(status or 0)


def run() -> None:
    """Entry point of the `sayre` script."""
    sys.exit(main())
