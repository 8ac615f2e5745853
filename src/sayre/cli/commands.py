"""Which command does which job; a command's code is imported when it is asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Group:
    """Commands under one name; `default` is the one that is meant where none is named."""

    help: str
    commands: Mapping[str, str]
    default: str | None = None


COMMANDS: Mapping[str, str | Group] = {
    "demo": "sayre.workflows.demo:DemoJob",
    "info": "sayre.workflows.info:InfoJob",
    "merge": "sayre.workflows.merge:MergeJob",
    "inpaint": "sayre.workflows.fill:FillJob",
    "phase": "sayre.workflows.phase:PhaseJob",
    "run": "sayre.workflows.run:RunJob",
    "batch": "sayre.workflows.batch.job:BatchJob",
    "strain": "sayre.workflows.strain.job:StrainJob",
    "view": "sayre.viewer.job:ViewJob",
    "evaluate": Group(
        "Score methods on data whose truth is known.", {"inpaint": "sayre.workflows.evaluate:EvaluateJob"}
    ),
    "simulate": Group(
        "Simulate Bragg peaks of nanocrystals, and data sets of them: `simulate OUT` is `simulate peak OUT`.",
        {
            "peak": "sayre.workflows.simulation.simulate:SimulateJob",
            "dataset": "sayre.workflows.simulation.dataset:DatasetJob",
        },
        default="peak",
    ),
    "train": Group(
        "Train networks for filling and for phase retrieval, on simulated patterns.",
        {
            "inpaint": "sayre.workflows.training.train:TrainInpaintJob",
            "phase": "sayre.workflows.training.train:TrainPhaseJob",
        },
    ),
    "study": Group(
        "Make tables and figures of the thesis that Sayre follows: `study NAME` is `study make NAME`.",
        {"make": "sayre.studies.job:StudyJob", "list": "sayre.studies.job:ListStudiesJob"},
        default="make",
    ),
    "weights": Group(
        "List, verify and locate the trained weights that ship with the package.",
        {
            "list": "sayre.workflows.weights:ListWeightsJob",
            "verify": "sayre.workflows.weights:VerifyWeightsJob",
            "path": "sayre.workflows.weights:WeightsPathJob",
        },
    ),
}


def group(commands: Mapping[str, str | Group], default: str | None = None) -> type[TyperGroup]:
    """Make a class of command groups that import a command when it is asked for.

    Parameters
    ----------
    commands
        `module:Job`, or a further group, by name.
    default
        Command that is meant where the first argument names none.
    """

    class Lazy(TyperGroup):
        listing = False

        def format_help(self, ctx: Any, formatter: Any) -> None:
            self.listing = True
            super().format_help(ctx, formatter)
            self.listing = False

        def list_commands(self, ctx: Any) -> list[str]:
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in commands:
                return None
            if self.listing:
                return TyperCommand(cmd_name, help=_summary(commands[cmd_name]))
            return _command(cmd_name, commands[cmd_name])

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            self._require(ctx, args[0])
            return super().resolve_command(ctx, args)

        def _require(self, ctx: Any, name: str) -> None:
            if name in commands:
                return
            from sayre.data.hints import did_you_mean

            if hint := did_you_mean(name, commands):
                ctx.fail(f"No such command {name!r}{hint}")

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            named = not args or args[0] in commands or args[0] == "--help"
            if not named and default is not None and not Path(args[0]).suffix:  # no file that can be written
                self._require(ctx, args[0])
            return super().parse_args(ctx, args if named or default is None else [default, *args])

    return Lazy


def _summary(what: str | Group) -> str:
    """What a command does, read from the text of its module, which takes a second to import."""
    if isinstance(what, Group):
        return what.help
    module, _, job = what.partition(":")
    found = importlib.util.find_spec(module)
    source = Path(str(found and found.origin)).read_text(encoding="utf-8")
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == job)
    text = ast.get_docstring(next(classes)) or ""
    return " ".join(text.split("\n\n")[0].split())


def _command(name: str, what: str | Group) -> Any:
    if isinstance(what, Group):
        app = typer.Typer(
            cls=group(what.commands, what.default), help=what.help, no_args_is_help=True, add_completion=False
        )
        app.callback()(lambda: None)
        made = typer.main.get_command(app)
    else:
        from sayre.cli.derive import command

        module, _, job = what.partition(":")
        made = command(getattr(importlib.import_module(module), job))
    made.name = name
    return made
