"""`sayre info`: what is in a file of counts: scans, detectors, motors, geometry, and what is missing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from sayre.crystal.stated import StatedGeometry
from sayre.data.option import Option, check_settings
from sayre.errors import InputError, SayreWarning, warn
from sayre.files.safety.apart import tried_apart
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.input_file import Frames, Reading, Source
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.data import AnyPattern
    from sayre.scans.protocol import Entry, RawScan


FEW = 20
"""Scans of a file up to which those without frames are listed too."""


@dataclass(frozen=True, kw_only=True)
class InfoJob:
    """Show what a file holds: scans, detectors, motors, what is missing, and the geometry that would be used.

    The geometry is printed as the TOML file that --geometry takes, with the source of every number.
    """

    named_as: ClassVar[type[Reading]] = Reading
    """Options of other commands that messages name: those by which counts are read."""

    source: Source
    frames: Frames = None
    within: Within = None
    counters: Annotated[
        bool, Option(help="List the counters of the scan, which --normalise takes, and all motors.")
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        return "nothing was written"

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> InfoOutcome:
        """Look into the file; the frames are read where one scan, or none, is there to choose from.

        Raises
        ------
        InputError
            What cannot be read.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", SayreWarning)
            with bar(f"reading {Path(self.source).name}"):
                found = found_in(self.source, frames=self.frames)
        done = None if found.pattern is None else found.pattern.measured.meta.corrections
        for one in caught:
            if not done or done not in str(one.message):  # what was corrected is a line of the outcome
                warn(str(one.message))
        return replace(found, counters=self.counters)


@tried_apart
def found_in(source: str, *, frames: str | None = None) -> InfoOutcome:
    """Look into a file.

    Parameters
    ----------
    source, frames
        As `sayre.load` takes them.
    """
    from sayre.detectors.hygiene.checks import checked
    from sayre.files.formats import split_path
    from sayre.scans.loading import load_filled, opened
    from sayre.scans.normalised import unusable
    from sayre.scans.pattern import pattern_of
    from sayre.scans.registry import reader_of

    file, inside = split_path(source)
    reader = None if file.suffix.lower() in (".npz", ".mat") else reader_of(file)
    if reader is not None and inside is None:
        entries = reader.entries(file)
        if len(entries) != 1:
            return InfoOutcome(source=source, layout=reader.name, entries=tuple(entries))
    raw = opened(source, frames=frames)
    if raw is None:
        return InfoOutcome(source=source, pattern=load_filled(source))
    for remark in unusable(raw):
        warn(f"{Path(source).name}: {remark}")
    try:
        pattern, problem = checked(pattern_of(raw, source), placed=raw.moved is not None), None
    except InputError as error:
        pattern, problem = None, str(error)
    return InfoOutcome(source=source, layout=raw.layout, scan=raw, pattern=pattern, problem=problem)


@dataclass(frozen=True, kw_only=True)
class InfoOutcome:
    """What was found: the scans of a file, or one of them with its counts, or the problem with it."""

    source: str
    layout: str | None = None
    entries: tuple[Entry, ...] = ()
    scan: RawScan | None = None
    pattern: AnyPattern | None = None
    problem: str | None = None
    counters: bool = False

    @property
    def geometry(self) -> StatedGeometry:
        """What the file states of the geometry."""
        from sayre.crystal.geometry_file import stated_in

        if self.pattern is None:
            return StatedGeometry() if self.scan is None else self.scan.geometry
        meta = self.pattern.measured.meta
        if meta.geometry is not None:
            return stated_in(meta.geometry, self.source)
        known = {key: getattr(meta, key) for key in ("energy", "distance", "pixel_size")}
        return StatedGeometry(values={key: value for key, value in known.items() if value is not None})

    @property
    def numbers(self) -> dict[str, Any]:
        found: dict[str, Any] = {"file": self.source, "layout": self.layout}
        if self.pattern is None and self.scan is None:
            scans = [
                {"scan": entry.number, "title": entry.title, "detectors": list(entry.detectors)}
                for entry in self.entries
            ]
            return {**found, "scans": scans}
        if self.scan is not None:
            found |= {
                "scan": self.scan.number,
                "title": self.scan.title,
                "detector": self.scan.detector,
                "dataset": self.scan.dataset,
                "moved": [motor.name for motor in self.scan.moved or ()],
                "motors": dict(self.scan.motors),
                "counters": list(self.scan.counters),
            }
        geometry = self.geometry
        if self.pattern is not None:
            found |= {
                "shape": list(self.pattern.shape),
                "masked_voxels": int(self.pattern.measured.mask.sum()),
            }
        return {
            **found,
            "problem": self.problem,
            "geometry": dict(geometry.values),
            "missing": list(geometry.missing),
            "refused": dict(geometry.refused),
        }

    @property
    def sentence(self) -> str:
        if self.pattern is None and self.scan is None:
            return "\n".join([f"{self.source}: {self.layout}, {len(self.entries)} scans", *self._scans()])
        lines = [f"{self.source}: cannot be used"] if self.pattern is None else [str(self.pattern.measured)]
        if self.scan is not None:
            lines += self._scan(self.scan)
        if self.problem is not None:
            lines.append(f"  problem       {self.problem}")
        meta = None if self.pattern is None else self.pattern.measured.meta
        text = (meta.geometry if meta is not None else None) or self.geometry.toml()
        lines += ["", "# the geometry, as far as the file states it", text.rstrip()]
        return "\n".join(lines)

    def _scans(self) -> list[str]:
        name = Path(self.source).name
        shown = [entry for entry in self.entries if entry.detectors]
        if not shown or len(self.entries) <= FEW:
            shown = list(self.entries)
        lines = [
            f"  {name}::{entry.number}  {entry.title}"
            + (f"  ({', '.join(entry.detectors)})" if entry.detectors else "  (no frames)")
            for entry in shown
        ]
        others = len(self.entries) - len(shown)
        return [*lines, f"  and {others} scans without frames (--json lists them)"] if others else lines

    def _scan(self, scan: RawScan) -> list[str]:
        moved = [
            f"{motor.name} {motor.positions[0]:.6g} to {motor.positions[-1]:.6g} "
            f"{motor.unit if motor.turns else ''}".rstrip()
            for motor in scan.moved or ()
        ]
        place = scan.dataset or "no folder"
        lines = [
            f"  scan          {scan.number} {scan.title}".rstrip(),
            f"  layout        {scan.layout}, detector {scan.detector}, frames in {place}",
            f"  moved         {', '.join(moved) or ('not stated' if scan.moved is None else 'nothing')}",
        ]
        shown = scan.motors if self.counters else {}
        if shown:
            lines.append("  motors        " + ", ".join(f"{name} {at:.6g}" for name, at in shown.items()))
        if self.counters:
            lines.append("  counters      " + (", ".join(scan.counters) or "none"))
        return lines
