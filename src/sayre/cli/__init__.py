"""The command line: every command is derived from the job that it does."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import typer

from sayre._version import __version__
from sayre.cli.commands import COMMANDS, group
from sayre.errors import InputError, SayreNote, SayreWarning, StoppedJob, printable

# The base of what typer raises for a wrong command line; its module and its name depend on the release.
_UsageError: Any = next(
    base for base in reversed(typer.BadParameter.__mro__) if hasattr(base, "format_message")
)


_STOPPED = 130


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


app = typer.Typer(
    cls=group(COMMANDS),
    help="Bragg coherent diffraction imaging: fill detector gaps, retrieve the phase, see the crystal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    pass


def _shower() -> Callable[..., None]:
    """Return a function that shows the text of a warning, the same text once."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            kind = "note" if issubclass(category, SayreNote) else "warning"
            print(f"sayre: {kind}: {printable(str(message))}", file=sys.stderr)

    return show


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit status (0 done, 1 a defect, 2 input or options that cannot be used)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SayreWarning)
        warnings.showwarning = _shower()
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
        except OSError as error:
            place = "" if error.filename is None else f"{error.filename}: "
            print(f"sayre: {printable(place)}{printable(str(error.strerror or error))}", file=sys.stderr)
            return 2
        except MemoryError:
            print(
                "sayre: there is not enough memory; a part of the counts (--crop) takes less", file=sys.stderr
            )
            return 2
        except StoppedJob as stopped:
            print(f"sayre: stopped; {stopped}", file=sys.stderr)
            return _STOPPED
        except (KeyboardInterrupt, typer.Abort):
            status = _STOPPED
    if status == _STOPPED:  # before a job began, or after it was done; typer has caught the interrupt
        print("sayre: stopped; no half-written file was left", file=sys.stderr)
    return int(status or 0)


def run() -> None:
    """Entry point of the `sayre` script."""
    sys.exit(main())
