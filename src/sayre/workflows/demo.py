"""`sayre demo`: what Sayre does, shown on a simulated peak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.option import Option
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.workflows.demonstration import Demonstration


@dataclass(frozen=True, kw_only=True)
class DemoJob:
    """Simulate a Bragg peak, lose a detector gap, fill it by every method, phase it, draw and score it."""

    folder: Annotated[Path, Option(help="Folder for the results.", flags=("-o", "--out"), metavar="DIR")] = (
        Path("demo")
    )

    resuming = "the same command begins anew"

    def run(self, bar: Bar = notebook_bar) -> DemoOutcome:
        """Do all of it.

        Raises
        ------
        InputError
            The folder cannot be made or written to, or another command writes to it.
        """
        from sayre.files.lock import folder_held
        from sayre.workflows.demonstration import demonstrate

        with folder_held(self.folder):
            return DemoOutcome(folder=self.folder, result=demonstrate(self.folder, bar))


@dataclass(frozen=True, kw_only=True)
class DemoOutcome:
    """Scores of the fillings and of phase retrieval."""

    folder: Path
    result: Demonstration

    @property
    def numbers(self) -> dict[str, Any]:
        import dataclasses

        return {
            "folder": str(self.folder),
            "fillings": [dataclasses.asdict(score) for score in self.result.fillings],
            "phasings": [phasing._asdict() for phasing in self.result.phasings],
        }

    @property
    def sentence(self) -> str:
        from sayre.workflows.demonstration import FILES, remarks

        return "\n".join([*remarks(self.result), f"{self.folder}/: {', '.join(FILES)}"])
