"""Commands made of job classes: an option for every field, in the groups that `--help` shows."""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from unicodedata import category

import typer
from typer.core import TyperCommand

from sayre.cli.configured import CONFIG_OPTIONS, Config, config_option, name_of
from sayre.cli.flags import in_flags
from sayre.cli.progress import progress
from sayre.data.json_text import to_json
from sayre.data.option import SettingError
from sayre.errors import InputError, StoppedJob, warnings_worded
from sayre.workflows.jobs.config_file import config_text, takes_config
from sayre.workflows.jobs.job import Job, Leaf, build, leaves

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress and no summary.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]


def command(kind: type[Job]) -> Any:
    """Make the command of a job: its help is the job's docstring, its options are those of `leaves`.

    Parameters
    ----------
    kind
        A job class, as `sayre.workflows.jobs.job` describes it.
    """
    configured = takes_config(kind)
    taken: set[str] = {"--quiet", "--json", *(CONFIG_OPTIONS if configured else ())}
    flags = {leaf.name: _flags(leaf, taken) for leaf in leaves(kind)}
    named = _flags_of_others(kind) | flags

    def call(ctx: typer.Context, **given: Any) -> int:
        quiet, as_json = given.pop("quiet"), given.pop("as_json")
        shown, config = False, Config.of(ctx)
        if configured:
            shown = given.pop("print_config")
            del given["config"]
        try:
            with warnings_worded(partial(in_flags, flags=named)):
                given = config.under(given, flags)
                job = _job(kind, given)
                if shown:
                    typer.echo(config_text(kind, _as_given(kind, given), name_of(ctx)), nl=False)
                    return 0
                return do(job, quiet=quiet, as_json=as_json)
        except SettingError as error:
            name = flags[error.setting][-1] if flags.get(error.setting) else error.setting
            name = config.place(error.setting) or name
            raise InputError(in_flags(f"{name}: {error.complaint}", named)) from None
        except InputError as error:
            raise InputError(in_flags(str(error), named)) from None

    parameters = [_parameter(leaf, flags[leaf.name]) for leaf in leaves(kind)]
    parameters.append(inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
    parameters += config_option(kind) if configured else []
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in (("quiet", Quiet), ("as_json", AsJson))
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    text = inspect.cleandoc(kind.__doc__ or "").split("\n\nAttributes\n")[0]
    call.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    app = typer.Typer(add_completion=False)
    app.command(cls=_Command)(call)
    return typer.main.get_command(app)


def do(job: Job, *, quiet: bool, as_json: bool) -> int:
    """Do a job, show its progress, and print what it did; returns the exit status.

    Parameters
    ----------
    job
        What to do.
    quiet
        Show neither progress nor the outcome's sentence.
    as_json
        Print the outcome's numbers as JSON, whatever `quiet` is.

    Raises
    ------
    StoppedJob
        The user pressed Ctrl-C.
    """
    try:
        outcome = job.run(partial(progress, quiet=quiet))
    except KeyboardInterrupt:
        raise StoppedJob(job.resuming) from None
    if as_json:
        typer.echo(to_json(outcome.numbers))
    elif not quiet:
        typer.echo(_without_controls(outcome.sentence))
    return int(getattr(outcome, "status", 0))


def _without_controls(text: str) -> str:
    """Write control characters as escapes, but for those that part lines and columns: texts are of files."""
    return "".join(
        ascii(sign)[1:-1] if category(sign) == "Cc" and sign not in "\n\t" else sign for sign in text
    )


def _job(kind: type[Job], given: dict[str, Any]) -> Job:
    """The job of what the command line gave; files that an option names are read."""
    given = _as_given(kind, given)
    for leaf in leaves(kind):
        if leaf.option.read is not None and given[leaf.name] is not None:
            given[leaf.name] = leaf.option.read(Path(given[leaf.name]))
    return build(kind, given)


def _as_given(kind: type[Job], given: dict[str, Any]) -> dict[str, Any]:
    """Values of options in their own types, names of files among them."""
    return given | {
        leaf.name: leaf.option.parse(given[leaf.name])
        for leaf in leaves(kind)
        if leaf.option.parse is not None and isinstance(given[leaf.name], str)
    }


def _flags_of_others(kind: type[Job]) -> dict[str, tuple[str, ...]]:
    """Flags of options that a command does not take, but names for the commands that do."""
    others = getattr(kind, "named_as", None)
    return {} if others is None else {leaf.name: _flags(leaf, set()) for leaf in leaves(others)}


def _flags(leaf: Leaf, taken: set[str]) -> tuple[str, ...]:
    """Flags of an option; one that an earlier option of the command has is left to that."""
    if leaf.option.argument:
        return ()
    wanted = leaf.option.flags or ("--" + leaf.name.replace("_", "-"),)
    free = tuple(flag for flag in wanted if flag not in taken)
    taken.update(free)
    return free


def _parameter(leaf: Leaf, flags: Sequence[str]) -> inspect.Parameter:
    option = leaf.option
    annotation = Path | None if option.read is not None else _plain(leaf.annotation)
    annotation = annotation if option.parse is None else str | None
    if option.argument:
        shown: Any = typer.Argument(metavar=option.metavar, help=option.help)
    else:
        shown = typer.Option(
            *flags,
            help=option.help,
            metavar=option.metavar,
            rich_help_panel=option.panel,
            show_default=leaf.default not in (None, False),
        )
    return inspect.Parameter(
        leaf.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=leaf.default if leaf.has_default else inspect.Parameter.empty,
        annotation=Annotated[annotation, shown],
    )


def _plain(annotation: Any) -> Any:
    """A type that the command line knows: texts for the literals among them."""
    origin = get_origin(annotation)
    if origin is Literal:
        return str
    if origin is tuple and get_args(annotation)[-1] is Ellipsis:
        return list[get_args(annotation)[0]]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        parts = [_plain(part) for part in get_args(annotation)]
        return Union[tuple(parts)]  # noqa: UP007
    return annotation


class _Command(TyperCommand):
    """A command that also takes the numbers of an option joined by commas: `--hkl 1,1,1`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        several = {flag: p.nargs for p in self.params for flag in p.opts if getattr(p, "nargs", 1) > 1}
        return super().parse_args(ctx, _split_commas(args, several))


def _split_commas(args: Sequence[str], several: dict[str, int]) -> list[str]:
    split: list[str] = []
    for token in args:
        flag, equals, joined = token.partition("=")
        if equals and flag in several:
            split += [flag, *(joined.split(",") if joined.count(",") == several[flag] - 1 else [joined])]
        elif split and split[-1] in several and token.count(",") == several[split[-1]] - 1:
            split += token.split(",")
        else:
            split.append(token)
    return split
