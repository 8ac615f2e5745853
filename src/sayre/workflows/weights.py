"""`sayre weights`: lists and verifies the trained weights that the package contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.option import Option
from sayre.errors import InputError
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.networks.registry import Weights

TOLERANCE = 0.05
"""Largest difference that is allowed between a network's output for its sample and the stored one."""

Name = Annotated[
    str,
    Option(help="Name of the weights, which `sayre weights list` shows.", metavar="NAME", argument=True),
]
AnyName = Annotated[
    str | None,
    Option(help="Verify these weights only; by default all are verified.", metavar="NAME", argument=True),
]


@dataclass(frozen=True, kw_only=True)
class ListWeightsJob:
    """List the trained weights that the package contains, and what each is for."""

    resuming = ""

    def run(self, bar: Bar = notebook_bar) -> WeightsOutcome:
        """Read the registry."""
        from sayre.networks.registry import registry

        rows = [_row(row) for row in registry().values()]
        text = "\n".join(_line(row) for row in registry().values())
        return WeightsOutcome(
            numbers=rows, sentence=text or "This version of the package contains no weights."
        )


@dataclass(frozen=True, kw_only=True)
class VerifyWeightsJob:
    """Check the hash of each file of weights, and that its network reproduces the output of a sample."""

    name: AnyName = None

    resuming = ""

    def run(self, bar: Bar = notebook_bar) -> WeightsOutcome:
        """Load and apply each network.

        Raises
        ------
        InputError
            The name is not known, or the hash or the output of a file is not that of the registry.
        """
        from sayre.networks.registry import find, registry

        rows = [find(self.name)] if self.name else list(registry().values())
        differences: dict[str, float] = {}
        with bar("verifying") as advance:
            for done, row in enumerate(rows):
                differences[row.name] = _difference(row)
                if differences[row.name] > TOLERANCE:
                    raise InputError(
                        f"{row.name}: the output differs from that of the sample by "
                        f"{differences[row.name]:.2g}, where {TOLERANCE} is allowed; reinstall sayre"
                    )
                advance((done + 1) / len(rows))
        lines = (
            f"{name}: the hash is right, and the sample is reproduced to {d:.1e}"
            for name, d in differences.items()
        )
        return WeightsOutcome(numbers=differences, sentence="\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class WeightsPathJob:
    """Print the path of a file of weights."""

    name: Name

    resuming = ""

    def run(self, bar: Bar = notebook_bar) -> WeightsOutcome:
        """Return the path.

        Raises
        ------
        InputError
            The name is not known.
        """
        from sayre.networks.registry import find

        path = str(find(self.name).path)
        return WeightsOutcome(numbers={"path": path}, sentence=path)


@dataclass(frozen=True)
class WeightsOutcome:
    """Weights, as numbers for scripts and as sentences."""

    numbers: Any
    sentence: str


def _difference(row: Weights) -> float:
    """Compute the largest difference of a network's output from that of its sample."""
    if row.task == "shape":
        from sayre.retrieval.learned import predictor as shapes

        return shapes.verify_sample(row)
    from sayre.filling.network import predictor as fillings

    return fillings.verify_sample(row)


def _row(row: Weights) -> dict[str, Any]:
    """Return what `sayre weights list --json` shows of some weights."""
    size = row.path.stat().st_size
    return {"name": row.name, "task": row.task, "default": row.default, "bytes": size, "summary": row.summary}


def _line(row: Weights) -> str:
    """Return what `sayre weights list` shows of some weights."""
    mark = " (default)" if row.default else ""
    what = f"gap widths {row.widths[0]}–{row.widths[1]}" if any(row.widths) else f"{row.dimensions}D"
    size = row.path.stat().st_size / 1e6
    return f"{row.name}{mark}: {row.summary} [{row.task}, {what}, {size:.1f} MB]"
