"""`sayre phase`: from counts to a crystal in one file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.crystal.scan import Scan
from sayre.data.option import Option, check_settings
from sayre.data.shown import number
from sayre.errors import InputError
from sayre.retrieval.settings import Settings
from sayre.workflows.jobs.access import reads_within
from sayre.workflows.jobs.again import is_left, require_own
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import config_of, spare_the_inputs
from sayre.workflows.jobs.options import Device, Force
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.jobs.stopping import Stopping

if TYPE_CHECKING:
    from sayre.data import AnyPattern, Manifest
    from sayre.retrieval.kept import KeptRuns
    from sayre.retrieval.phased import Phased
    from sayre.workflows.reconstruction import Reconstruction


@dataclass(frozen=True, kw_only=True)
class PhaseJob:
    """Retrieve the phase of counts, measured or filled, and write the crystal."""

    input: InputFile
    output: Annotated[
        Path, Option(help="File to write: .npz, .cxi or .vti", flags=("-o", "--output"), metavar="OUTPUT")
    ]
    settings: Settings = field(default_factory=Settings)
    scan: Scan = field(default_factory=Scan)
    live: Annotated[
        Path | None,
        Option(
            help="Best start so far, renewed as it runs: a page that follows it (.html) or a picture (.png).",
            metavar="FILE",
        ),
    ] = None
    picture: Annotated[Path | None, Option(help="Picture of the crystal (.png).", metavar="FILE")] = None
    device: Device = "auto"
    force: Force = False
    _stopping: Stopping = field(default_factory=Stopping, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def folder(self) -> Path:
        """Where starts are kept until all are done."""
        return self.output.with_name(self.output.name + ".runs")

    @property
    def resuming(self) -> str:
        return self._stopping.sentence(self.folder)

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> PhaseOutcome:
        """Read, phase and write; starts are kept as they finish, and read by the next call.

        Raises
        ------
        InputError
            What cannot be read, phased or written, or what another command writes; nothing is written then.
        """
        from sayre.files.crystals.objects import crystal_path_check
        from sayre.files.lock import file_held

        started = time.perf_counter()
        self._stopping.begin(self.output)
        with file_held(self.output):
            left = not self.force and is_left(self.output, kept=self.folder)
            crystal_path_check(self.output, force=self.force or left)
            spare_the_inputs(self.output, *self.input.files, self.settings.init_file)
            return self._run(bar, started, left)

    def _run(self, bar: Bar, started: float, left: bool) -> PhaseOutcome:
        from sayre.data import Manifest
        from sayre.figures.crystal import crystal_figure
        from sayre.figures.filling import figure_path_check, save_figure
        from sayre.figures.live import LivePicture, live_path_check
        from sayre.files import save_crystal

        force = self.force or left
        if self.picture is not None:
            figure_path_check(self.picture, force=force)
        live = None if self.live is None else LivePicture(live_path_check(self.live))
        pattern = self.input.load()
        if self.output.suffix.lower() == ".vti" and len(pattern.shape) != 3:
            raise InputError(f"{self.output}: .vti is for 3D crystals, these counts are 2D; .npz or .cxi")
        stage = RetrievalStage.of(self, pattern)
        kept = stage.kept(self.folder, replace_others=self.force)
        self._stopping.kept = kept
        manifest = Manifest.collect(
            "sayre phase",
            config=config_of(replace(self, settings=stage.settings, scan=stage.scan)),
            seed=self.settings.seed,
            inputs=stage.inputs,
            weights=stage.weights,
            scan=pattern.meta.scan,
            corrections=pattern.meta.corrections,
            device=stage.device,
        )
        if left:
            require_own(self.output, manifest)
        result = stage.run(bar, kept, live)
        manifest = manifest.done(started)
        save_crystal(self.output, result.crystal, manifest, force=force)
        if live is not None:
            live.draw()
        if self.picture is not None:
            save_figure(crystal_figure(result.crystal, title=pattern.name), self.picture)
        kept.remove()  # last: the same command does what is left to do
        return PhaseOutcome(output=self.output, result=result, manifest=manifest)


@dataclass(frozen=True, kw_only=True)
class PhaseOutcome:
    """The crystal, and where it was written."""

    output: Path
    result: Reconstruction
    manifest: Manifest

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            "output": str(self.output),
            **self.result.phased.metrics,
            "seconds": self.manifest.seconds,
        }

    @property
    def sentence(self) -> str:
        return result_sentence(self.output, self.result.phased, self.manifest.seconds or 0.0)


@dataclass(frozen=True, kw_only=True)
class RetrievalStage:
    """Phase retrieval of one pattern as a job does it: on a device, resumable, with all it depends on.

    Attributes
    ----------
    pattern
        What is phased.
    settings
        With the recipe as text, where a file was named.
    scan
        With the reflection that the file of the counts states.
    inputs, weights
        Names of the files that were read, and of weights, with their SHA-256.
    device
        `cpu` or `cuda`.
    also
        Further options that starts depend on.
    """

    pattern: AnyPattern
    settings: Settings
    scan: Scan
    inputs: dict[str, str]
    weights: dict[str, str]
    device: str
    also: dict[str, Any]

    @classmethod
    def of(cls, job: Any, pattern: AnyPattern) -> RetrievalStage:
        """Check all that can be checked before any work, of a job with `input`, `settings` and `scan`.

        Parameters
        ----------
        job
            A job that has `input`, `settings`, `scan` and `device`.
        pattern
            Counts of its input.
        """
        from sayre.data.manifest import hashes
        from sayre.numerics.device import find_device
        from sayre.retrieval.engine.recipe import recipe_text
        from sayre.retrieval.starts import require_object
        from sayre.workflows.reconstruction import completed

        settings: Settings = job.settings
        settings = replace(settings, recipe=settings.recipe and recipe_text(settings.recipe))
        if settings.init_file is not None:
            require_object(settings.init_file)
        return cls(
            pattern=pattern,
            settings=settings,
            scan=completed(job.scan, pattern),
            inputs=hashes(settings.init_file, beside=job.input.hashes(pattern)),
            weights=_network(settings, len(pattern.shape)),
            device=find_device(job.device).type,
            also={
                name: getattr(job.input, name)
                for name in ("crop", "detector", "corner", "mask", "amplitudes", "roi", "axes", "readout")
            },
        )

    def kept(self, folder: Path, *, replace_others: bool, **more: Any) -> KeptRuns:
        """Return the folder of kept starts.

        Parameters
        ----------
        folder
            Where the starts are kept.
        replace_others
            Whether starts of another command are removed rather than refused.
        more
            Further options that the starts depend on.

        Raises
        ------
        InputError
            The folder holds what a command of other options kept, without `replace_others`.
        """
        from sayre.retrieval.kept import KeptRuns

        of_a_run = {**self.settings.of_a_run, **self.also, **more}
        of_a_run |= {"inputs": self.inputs, "weights": self.weights, "pattern": self.pattern.digest()}
        kept = KeptRuns(folder, of_a_run, replace=replace_others)
        kept.check()
        return kept

    def run(self, bar: Bar, kept: KeptRuns, live: Any = None) -> Reconstruction:
        """Phase the pattern; `live` is a picture that follows it.

        Parameters
        ----------
        bar
            Shows the progress.
        kept
            Folder of the starts.
        live
            Picture that follows the starts, a `sayre.figures.live.LivePicture`; None draws none.
        """
        from sayre.retrieval.engine.status import Status
        from sayre.retrieval.phasing import Watch
        from sayre.workflows.reconstruction import reconstruct

        with bar(f"phasing {self.pattern.name}") as advance:

            def report(now: Status) -> None:
                kept.begin()
                advance(now.fraction, now.note(self.settings.runs))
                if live is not None:
                    live.report(now)

            watch = Watch(report=report, on_run=None if live is None else live.finished)
            with dropping_failures(kept):
                return reconstruct(
                    self.pattern, self.settings, self.scan, device=self.device, watch=watch, kept=kept
                )


def result_sentence(output: Path, phased: Phased, seconds: float) -> str:
    """What a user wants to know of a result, in two lines.

    Parameters
    ----------
    output
        What was written.
    phased
        Result of phase retrieval.
    seconds
        Time that the job took.
    """
    failed = sum(bool(run.failed) for run in phased.runs)
    scatter, apart = phased.modes.scatter, ""
    if phased.agreement == phased.agreement:
        apart = f"\nstarts agree to {phased.agreement:.3f} (complex correlation)"
    elif len(phased.runs) == 1:
        apart = "\none start, which no other confirms"
    if scatter == scatter:
        apart += f"; another set of starts would differ by {100 * scatter:.0f} %"
    unseen = (
        ""
        if phased.free_likelihood != phased.free_likelihood
        else f" and {phased.free_likelihood:.2f} of unseen ones"
    )
    kept = f"{len(phased.selected)} of {len(phased.runs)} starts averaged"
    if phased.best is not None and len(phased.selected) > 1:
        kept = (
            f"{kept}, but start {phased.best} (counted from 0) explains the counts better and is the result"
        )
    return (
        f"{output}: {int(phased.support.sum())} voxels as phased, R = {number(phased.residual, '.3f')}, "
        f"{kept}{f' ({failed} failed)' if failed else ''}{phased.random_text}, {seconds:.0f} s"
        f"\nhalf Poisson deviance {phased.likelihood:.2f} of a voxel{unseen} (noise alone: about 0.5){apart}"
    )


def _network(settings: Settings, dimensions: int) -> dict[str, str]:
    if settings.init != "network":
        return {}
    from sayre.retrieval.learned.predictor import weights_used

    return weights_used(settings.init_weights, dimensions)


@contextmanager
def dropping_failures(kept: KeptRuns) -> Iterator[None]:
    """Leave no folder where the input was refused, every start failed, or none was kept: nothing resumes."""
    try:
        yield
    except KeyboardInterrupt:
        kept.remove_unused()
        raise
    except InputError:
        if kept.matches and all(run.failed for run in kept.read()):
            kept.remove()
        raise
