"""`sayre simulate dataset`: many patterns in shards, with a datasheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sayre.data.option import Option, check_settings
from sayre.workflows.progress import Bar, no_bar


@dataclass(frozen=True, kw_only=True)
class DatasetJob:
    """Simulate a data set: shards of patterns, and a datasheet; the same command resumes a stopped one."""

    config: Annotated[Path, Option(help="TOML file; examples/ has some.", metavar="CONFIG", argument=True)]
    folder: Annotated[
        Path, Option(help="Folder; shards that it holds are kept.", metavar="OUT", argument=True)
    ]
    workers: Annotated[int, Option(help="Processes on this machine.", least=1, whole=True)] = 1
    scheduler: Annotated[
        str | None, Option(help="Dask scheduler whose workers see OUT.", metavar="ADDRESS")
    ] = None
    force: Annotated[bool, Option(help="Remove another data set in OUT.")] = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        from sayre.simulation.dataset import DatasetConfig
        from sayre.simulation.dataset.shards import PATTERN

        count = DatasetConfig.from_toml(self.config).shard_count
        kept = len(list(self.folder.glob(PATTERN)))
        return f"{kept} of {count} shards are finished and kept in {self.folder}, the same command resumes"

    def run(self, bar: Bar = no_bar) -> DatasetOutcome:
        """Make the shards that are missing, then the datasheet.

        Raises
        ------
        InputError
            A configuration that cannot be used, another data set in the folder.
        """
        from sayre.data.json_text import to_json
        from sayre.figures.datasheet import datasheet_figure
        from sayre.figures.filling import save_figure
        from sayre.files.atomic import replacing
        from sayre.simulation.dataset import DatasetConfig, build
        from sayre.simulation.dataset.datasheet import markdown, summary

        settings, out = DatasetConfig.from_toml(self.config), self.folder
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
    """The datasheet."""

    folder: Path
    sheet: dict[str, Any]

    @property
    def numbers(self) -> dict[str, Any]:
        return self.sheet

    @property
    def sentence(self) -> str:
        sheet = self.sheet
        skipped = f", {len(sheet['skipped'])} draws skipped" if sheet["skipped"] else ""
        return (
            f"{self.folder}: {sheet['patterns']} patterns of {sheet['particles']} particles in "
            f"{sheet['shards']} shards, {sheet['bytes'] / 1e6:.1f} MB{skipped}; datasheet.md, .json, .png"
        )
