"""`sayre simulate dataset`: simulates many patterns in shards, with a datasheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.option import Option, check_settings
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.simulation.dataset import DatasetConfig


@dataclass(frozen=True, kw_only=True)
class DatasetJob:
    """Simulate a data set: shards of patterns, and a datasheet.

    If it is stopped, the same command makes the shards that are missing.
    """

    config: Annotated[
        Path,
        Option(
            help="Configuration of the data set, a TOML file; the folder examples/ has some.",
            metavar="CONFIG",
            argument=True,
        ),
    ]
    folder: Annotated[
        Path,
        Option(
            help="Write the data set to this folder; shards of it that are there already are kept.",
            metavar="OUT",
            argument=True,
        ),
    ]
    workers: Annotated[
        int,
        Option(help="Number of processes on this machine.", least=1, whole=True, metavar="COUNT"),
    ] = 1
    scheduler: Annotated[
        str | None,
        Option(
            help="Address of a Dask scheduler whose workers make the shards; they must see OUT by the same "
            "name.",
            metavar="ADDRESS",
        ),
    ] = None
    within: Within = None
    force: Annotated[bool, Option(help="Remove another data set in OUT.")] = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        """What is kept when the simulation is stopped, and how to resume it."""
        from sayre.simulation.dataset import DatasetConfig
        from sayre.simulation.dataset.shards import PATTERN

        count = DatasetConfig.from_toml(self.config).shard_count
        kept = len(list(self.folder.glob(PATTERN)))
        return f"{kept} of {count} shards are finished and kept in {self.folder}; the same command resumes"

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> DatasetOutcome:
        """Make the shards that are missing, and then the datasheet.

        Raises
        ------
        InputError
            The configuration cannot be used, or the folder holds another data set, or another command
            writes to it.
        """
        from sayre.files.lock import folder_held
        from sayre.simulation.dataset import DatasetConfig

        settings = DatasetConfig.from_toml(self.config)
        with folder_held(self.folder):
            return self._run(settings, bar)

    def _run(self, settings: DatasetConfig, bar: Bar) -> DatasetOutcome:
        from sayre.data.json_text import to_json
        from sayre.figures.datasheet import datasheet_figure
        from sayre.figures.filling import save_figure
        from sayre.files.atomic import replacing
        from sayre.simulation.dataset import build
        from sayre.simulation.dataset.datasheet import markdown, summary

        out = self.folder
        with bar("simulating") as advance:
            build(
                settings,
                out,
                workers=self.workers,
                scheduler=self.scheduler,
                force=self.force,
                progress=advance,
            )
        sheet = summary(out, config=settings.model_dump(mode="json"), seed=settings.seed)
        title = out.resolve().name
        save_figure(datasheet_figure(sheet, title=title), out / "datasheet.png")
        texts = {
            "datasheet.json": to_json(sheet, indent=1, sort_keys=True),
            "datasheet.md": markdown(sheet, title=title, picture="datasheet.png"),
        }
        for name, text in texts.items():
            with replacing(out / name, force=True) as file:
                file.write(text.encode())
        return DatasetOutcome(folder=out, sheet=sheet)


@dataclass(frozen=True, kw_only=True)
class DatasetOutcome:
    """The datasheet of a finished data set."""

    folder: Path
    sheet: dict[str, Any]

    @property
    def numbers(self) -> dict[str, Any]:
        """The datasheet in plain numbers."""
        return self.sheet

    @property
    def sentence(self) -> str:
        """The size of the data set in words, and the files of its datasheet."""
        sheet = self.sheet
        count = len(sheet["skipped"])
        draws = "1 draw of a particle was" if count == 1 else f"{count} draws of particles were"
        skipped = f" {draws} skipped." if count else ""
        return (
            f"{self.folder}: {sheet['patterns']} patterns of {sheet['particles']} particles in "
            f"{sheet['shards']} shards, {sheet['bytes'] / 1e6:.1f} MB.{skipped} datasheet.md, datasheet.json "
            "and datasheet.png describe them."
        )
