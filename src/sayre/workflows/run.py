"""`sayre run`: from counts to a crystal and a report, in one folder."""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.crystal.scan import Scan
from sayre.data.option import Option, check_settings
from sayre.errors import InputError, SayreWarning
from sayre.filling.settings import FillingSettings
from sayre.retrieval.settings import Settings
from sayre.workflows.fill import method_of, steps_config
from sayre.workflows.jobs.access import reads_within
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import collected_warnings, config_of
from sayre.workflows.jobs.options import Device, Force
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.jobs.stopping import FILLED, Stopping
from sayre.workflows.phase import RetrievalStage

if TYPE_CHECKING:
    from sayre.data import AnyPattern, Manifest
    from sayre.filling.kept import Kept
    from sayre.retrieval.kept import KeptRuns
    from sayre.workflows.outcome import RunOutcome
    from sayre.workflows.reconstruction import Reconstruction

RUNS = "runs"
FILES = (
    FILLED,
    "object.npz",
    "object.cxi",
    "object.vti",
    "pattern.png",
    "filling.png",
    "profile.png",
    "crystal.png",
    "explained.png",
    "convergence.png",
    "resolution.png",
    "manifest.json",
    "report.md",
    "report.html",
)
"""What a folder may hold in the end, in the order it is written."""


KeepStarts = Annotated[
    bool,
    Option(help="Keep the starts when all is done; the same command with more --runs then adds to them."),
]


@dataclass(frozen=True, kw_only=True)
class RunJob:
    """Fill the gaps of a Bragg peak, phase it, and report the crystal: files and pictures in a folder.

    The same command resumes a run that was stopped: steps of the filling, and every finished start, are kept
    in the folder until all is done. An earlier result in the folder is not touched until then.

    Counts that `sayre inpaint` filled are not filled again unless --method names how. Where it does not, and
    the starts agree, the filled counts that are written in the end are those of the crystal.
    """

    input: InputFile
    folder: Annotated[Path, Option(help="Folder for the results.", flags=("-o", "--output"), metavar="DIR")]
    filling: FillingSettings = field(default_factory=FillingSettings)
    settings: Settings = field(default_factory=Settings)
    scan: Scan = field(default_factory=Scan)
    device: Device = "auto"
    keep_starts: KeepStarts = False
    force: Force = False
    _stopping: Stopping = field(default_factory=Stopping, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        return self._stopping.sentence(self.folder / RUNS)

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> RunOutcome:
        """Do all of it.

        Raises
        ------
        InputError
            What cannot be read, filled, phased or written; a folder that is not empty, without `force`, or
            whose files are the input, or that another command writes.
        """
        from sayre.files.lock import folder_held

        started = time.perf_counter()
        self._stopping.begin(self.folder / FILES[-1])
        self._check_place()
        with folder_held(self.folder):
            self._check_folder()
            self._spare_the_inputs()
            return self._run(bar, started)

    def _run(self, bar: Bar, started: float) -> RunOutcome:
        from sayre.files.checkpoints import Checkpoints
        from sayre.filling.kept import InMemory
        from sayre.workflows.outcome import RunOutcome
        from sayre.workflows.reconstruction import resolution_curves

        with collected_warnings() as told:
            counts = self.input.load(keep_filling=self.filling.method == "auto")
            stage = RetrievalStage.of(self, counts)
            kept = stage.kept(self.folder / RUNS, replace_others=self.force, **self._filling_config(counts))
            self._stopping.kept = kept
            checkpoints = Checkpoints(kept, "the filling so far")
            steps = InMemory(checkpoints)
            pattern = self._filled(counts, kept, steps, bar)
            stage = replace(stage, pattern=pattern)
            manifest = self._manifest(stage, filled_now=pattern is not counts)
            _keep(pattern, manifest, kept)
            result = stage.run(bar, kept)
            handed = self._by_crystal(counts, pattern, result, bar, steps)
            checkpoints.clear()
            if handed is not pattern:  # the same again is made by the same choice
                manifest = replace(manifest, config={**manifest.config, "method": self.filling.method})
            outcome = RunOutcome(
                folder=self.folder,
                pattern=handed,
                result=result,
                curves=resolution_curves(result.phased, result.scan.geometry, stage.settings),
                manifest=replace(manifest, seconds=round(time.perf_counter() - started, 3)),
            )
        outcome = _write(replace(outcome, warnings=tuple(told.warnings), notes=tuple(told.notes)))
        if not self.keep_starts:
            kept.remove()
        return outcome

    def _check_place(self) -> None:
        folder = self.folder
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; name a folder")
        above = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
            raise InputError(f"{folder}: {above} cannot be written to; choose another folder")

    def _check_folder(self) -> None:
        from sayre.files.lock import LOCK

        folder = self.folder
        held = folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())
        if held and not (self.force or (folder / RUNS).is_dir()):
            raise InputError(f"{folder}: exists and is not empty; `force=True` overwrites")

    def _spare_the_inputs(self) -> None:
        """Refuse to write over what is read, with `force` or without."""
        written = [self.folder / name for name in FILES if (self.folder / name).exists()]
        read = (*self.input.files, self.settings.init_file)
        for path in (Path(name.partition("::")[0]) for name in read if name is not None):
            if path.exists() and any(os.path.samefile(path, name) for name in written):
                raise InputError(
                    f"{self.folder}: {path} is an input and would be overwritten; choose another folder"
                )

    def _filling_config(self, counts: AnyPattern) -> dict[str, Any]:
        """What the filling of the counts depends on; nothing where they are not filled."""
        from sayre.data import FilledPattern

        if isinstance(counts, FilledPattern) or not counts.mask.any():
            return {}
        return steps_config(counts, self.filling, self.device)

    def _filled(self, counts: AnyPattern, kept: KeptRuns, steps: Kept, bar: Bar) -> AnyPattern:
        """Counts without gaps; what a stopped job filled is read again."""
        from sayre.data import FilledPattern
        from sayre.files import load_filled
        from sayre.filling.fill import inpaint

        if isinstance(counts, FilledPattern) or not counts.mask.any():
            return counts
        earlier = kept.folder / FILLED
        if kept.matches and earlier.is_file():
            try:
                again = load_filled(earlier)
            except InputError:
                kept.discard(FILLED)
            else:
                if isinstance(again, FilledPattern):
                    return replace(again, pattern=counts)
        with bar(f"filling {counts.name}") as advance:
            return inpaint(counts, self.filling, device=self.device, progress=advance, kept=steps)

    def _by_crystal(
        self,
        counts: AnyPattern,
        pattern: AnyPattern,
        result: Reconstruction,
        bar: Bar,
        steps: Kept | None = None,
    ) -> AnyPattern:
        """What is handed back in gaps that were filled by default: the crystal fills them, if starts agree.

        It is phased anew for this, without the counts in copies of the gaps, which tell how far to trust it.
        """
        from sayre.data import Pattern
        from sayre.filling.fill import inpaint
        from sayre.retrieval.choice.modes import TRUSTED

        filled_now = isinstance(counts, Pattern) and pattern is not counts
        if not (filled_now and self.filling.method == "auto" and result.phased.agreement >= TRUSTED):
            return pattern
        with bar(f"filling {counts.name} by the crystal") as advance, warnings.catch_warnings():
            warnings.simplefilter("ignore", SayreWarning)  # of the counts, which were told before
            by_crystal = inpaint(
                counts.measured,
                self.filling,
                method="crystal",
                device=self.device,
                progress=advance,
                kept=steps,
            )
        return by_crystal if by_crystal.method.startswith("crystal") else pattern

    def _manifest(self, stage: RetrievalStage, *, filled_now: bool) -> Manifest:
        from sayre.data import FilledPattern, Manifest
        from sayre.filling.network.predictor import weights_used

        pattern, weights = stage.pattern, stage.weights
        config = config_of(replace(self, settings=stage.settings, scan=stage.scan))
        if isinstance(pattern, FilledPattern) and filled_now:
            config["method"] = method_of(pattern)
            weights = weights | weights_used(pattern.method, self.filling.weights)
        return Manifest.collect(
            "sayre run",
            config=config,
            seed=self.settings.seed,
            inputs=stage.inputs,
            weights=weights,
            scan=pattern.meta.scan,
            corrections=pattern.meta.corrections,
            device=stage.device,
        )


def _keep(pattern: AnyPattern, manifest: Manifest, kept: KeptRuns) -> None:
    """Mark that more is to come, and keep what was filled."""
    from sayre.data import FilledPattern
    from sayre.files import save
    from sayre.files.checkpoints import Checkpoints

    if isinstance(pattern, FilledPattern) and not (kept.matches and (kept.folder / FILLED).is_file()):
        kept.begin()
        save(kept.folder / FILLED, pattern, manifest)
        Checkpoints(kept, FILLED).clear()


def _made_here(folder: Path) -> bool:
    """Whether a run of Sayre wrote into a folder: what has the names of its files is the user's elsewhere."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and str(found.get("command")).startswith("sayre ")


def _write(outcome: RunOutcome) -> RunOutcome:
    """Write what there is of `FILES`; remove those of an earlier run that this one does not make."""
    from sayre.data import FilledPattern
    from sayre.files import save
    from sayre.files.atomic import replacing
    from sayre.workflows.jobs.repeating import command_line
    from sayre.workflows.report import draw, html_report, report

    folder, manifest, crystal = outcome.folder, outcome.manifest, outcome.result.crystal
    folder.mkdir(parents=True, exist_ok=True)
    ours = _made_here(folder)
    written: list[str] = []
    if isinstance(outcome.pattern, FilledPattern):
        written.append(FILLED)
        save(folder / FILLED, outcome.pattern, manifest, force=True)
    for ending in ("npz", "cxi", "vti") if crystal.object.ndim == 3 else ("npz", "cxi"):
        written.append(f"object.{ending}")
        save(folder / written[-1], crystal, manifest, force=True)
    written += draw(outcome)
    written += ["manifest.json", "report.md", "report.html"]
    outcome = replace(outcome, files=tuple(written))
    command = command_line("sayre run", RunJob, manifest.config, folder)
    texts = {
        "manifest.json": manifest.to_json() + "\n",
        "report.md": report(outcome),
        "report.html": html_report(outcome, command),
    }
    for name, text in texts.items():
        with replacing(folder / name, force=True) as file:
            file.write(text.encode())
    for name in set(FILES) - set(written) if ours else ():
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    return outcome
