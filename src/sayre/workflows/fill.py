"""`sayre inpaint`: from counts with gaps to filled counts."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.option import Option, SettingError, check_settings
from sayre.errors import warn
from sayre.filling.settings import FillingSettings
from sayre.workflows.jobs.access import reads_within
from sayre.workflows.jobs.again import is_left, require_own
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import config_of, spare_the_inputs
from sayre.workflows.jobs.options import Device, Force
from sayre.workflows.jobs.progress import Bar, notebook_bar
from sayre.workflows.jobs.stopping import Stopping

if TYPE_CHECKING:
    from sayre.data import FilledPattern, Manifest, Pattern
    from sayre.files.checkpoints import Checkpoints
    from sayre.filling.tuning.tuned import Tuned

_TUNING = "fine_tuning"
"""What fine-tuning found, in a manifest."""


@dataclass(frozen=True, kw_only=True)
class FillJob:
    """Fill the gaps of a measured pattern and state the standard error of every filled voxel."""

    input: InputFile
    output: Annotated[
        Path,
        Option(
            help="File to write; its ending chooses the format: .npz .cxi .h5 .tif",
            flags=("-o", "--output"),
            metavar="OUTPUT",
        ),
    ]
    filling: FillingSettings = field(default_factory=FillingSettings)
    cxi_fill: Annotated[
        str,
        Option(
            help="How a .cxi stores filled voxels: as counts (data), or in PyNX's encoding (interpolated).",
            choices=("data", "interpolated"),
            metavar="data|interpolated",
        ),
    ] = "data"
    picture: Annotated[
        Path | None, Option(help="Picture of the gap before and after (.png).", metavar="FILE")
    ] = None
    fine_tune: Annotated[
        bool,
        Option(
            help="Train the network on for a minute with the measured part of the pattern, if that helps."
        ),
    ] = False
    seed: Annotated[int, Option(help="Seed of the fine-tuning.", least=0, whole=True)] = 0
    save_weights: Annotated[
        Path | None,
        Option(
            help="File for the fine-tuned weights (.safetensors), which `--weights` takes.", metavar="FILE"
        ),
    ] = None
    device: Device = "auto"
    force: Force = False
    _stopping: Stopping = field(default_factory=Stopping, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_settings(self)
        if self.save_weights is None:
            return
        if not self.fine_tune:
            raise SettingError("save_weights", "there are none without `fine_tune=True`")
        if self.save_weights.suffix != ".safetensors":
            raise SettingError("save_weights", f"{self.save_weights} does not end in .safetensors")

    @property
    def folder(self) -> Path:
        """Where finished steps of the filling are kept until all are done."""
        return self.output.with_name(self.output.name + ".runs")

    @property
    def resuming(self) -> str:
        return self._stopping.sentence(self.folder)

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> FillOutcome:
        """Read, fill and write; finished steps of a long filling are kept, and read by the next call.

        Raises
        ------
        InputError
            What cannot be read, filled or written, or what another command writes; nothing is written then.
        """
        from sayre.files import output_path_check
        from sayre.files.atomic import check_place
        from sayre.files.lock import file_held
        from sayre.files.writing import also_written

        started = time.perf_counter()
        self._stopping.begin(self.output)
        beside = also_written(self.output)
        with file_held(self.output):
            left = not self.force and is_left(self.output, kept=self.folder, beside=beside)
            output_path_check(self.output, force=self.force or left)
            if self.save_weights is not None:
                check_place(self.save_weights, force=self.force or left)
                beside = (*beside, self.save_weights)
            for place in (self.output, *beside):
                spare_the_inputs(place, *self.input.files)
            return self._run(bar, started, left)

    def _run(self, bar: Bar, started: float, left: bool) -> FillOutcome:
        from sayre.data import Manifest
        from sayre.figures.filling import figure_path_check, filling_figure, save_figure
        from sayre.files import save
        from sayre.files.checkpoints import Checkpoints
        from sayre.files.kept import KeptFolder
        from sayre.filling.fill import inpaint
        from sayre.filling.network.predictor import weights_used

        if self.picture is not None:
            figure_path_check(self.picture, force=self.force or left)
        pattern = self.input.load_measured()
        config = {"command": "inpaint", **steps_config(pattern, self.filling, self.device)}
        if self.fine_tune:
            config["fine_tune"] = self.seed
        kept = KeptFolder(self.folder, config, replace=self.force)
        kept.check()
        self._stopping.kept = kept
        manifest = Manifest.collect(
            "sayre inpaint",
            config=config_of(self),
            inputs=self.input.hashes(pattern),
            scan=pattern.meta.scan,
            corrections=pattern.meta.corrections,
        )
        if left:
            require_own(self.output, manifest, "method", _TUNING)
        steps = Checkpoints(kept, "the filling so far")
        settings, tuned = self._tuned(pattern, bar, steps)
        network = None if tuned is None else tuned.predictor
        with bar(f"filling {pattern.name}") as advance:
            filled = inpaint(
                pattern, settings, device=self.device, network=network, progress=advance, kept=steps
            )
        found = {} if tuned is None else {_TUNING: tuned.record}
        manifest = replace(
            manifest.done(started),
            config={**manifest.config, "method": method_of(filled), **found},
            weights=weights_used(filled.method, self.filling.weights),
        )
        save(self.output, filled, manifest, force=self.force or left, cxi_fill=self.cxi_fill)
        if self.picture is not None:
            save_figure(filling_figure(filled, title=pattern.name), self.picture)
        if self.save_weights is not None and tuned is not None:
            if tuned.improved:
                tuned.save(self.save_weights, self.filling.weights)
            else:
                warn(f"{self.save_weights}: is not written, since fine-tuning did not help")
        kept.remove()
        return FillOutcome(output=self.output, filled=filled, manifest=manifest, tuned=tuned)

    def _tuned(self, pattern: Pattern, bar: Bar, steps: Checkpoints) -> tuple[FillingSettings, Tuned | None]:
        """The settings with the counts of a photon, once they are known, and what fine-tuning found."""
        if not self.fine_tune:
            return self.filling, None
        from sayre.filling.tuning import fine_tune

        with bar(f"fine-tuning on {pattern.name}") as advance:
            tuned = fine_tune(
                pattern, self.filling, device=self.device, seed=self.seed, progress=advance, kept=steps
            )
        return replace(self.filling, gain=tuned.gain), tuned


def steps_config(pattern: Pattern, settings: FillingSettings, device: str) -> dict[str, Any]:
    """Return all that the steps of a filling depend on, as JSON can hold it.

    Parameters
    ----------
    pattern
        Counts with gaps.
    settings
        Of the filling.
    device
        `auto`, `cpu` or `cuda`; of consequence to the network and the crystal.
    """
    from sayre.filling.fill import chosen_method, network_asked
    from sayre.filling.network.predictor import weights_used
    from sayre.numerics.device import find_device

    method, network = chosen_method(settings), network_asked(pattern, settings)
    weights = weights_used("unet", settings.weights) if network else {}
    return {
        "pattern": pattern.digest(),
        **({"readout": pattern.readout} if pattern.readout else {}),
        "filling": {**asdict(settings), "method": method, "weights": weights},
        "filling_device": find_device(device).type if network or method == "crystal" else "cpu",
    }


@dataclass(frozen=True, kw_only=True)
class FillOutcome:
    """The filled pattern, and where it was written."""

    output: Path
    filled: FilledPattern
    manifest: Manifest
    tuned: Tuned | None = None

    @property
    def numbers(self) -> dict[str, Any]:
        pattern = self.filled.pattern
        return {
            "output": str(self.output),
            "method": self.filled.method,
            "filled_voxels": int(pattern.mask.sum()),
            "gaps": [f"{gap.kind} of {gap.width}" for gap in pattern.gaps],
            "counts_added": float(self.filled.intensity[pattern.mask].sum(dtype=float)),
            "counts_measured": float(pattern.intensity.sum(dtype=float)),
            "seconds": self.manifest.seconds,
            **({} if self.tuned is None else {_TUNING: self.tuned.record}),
        }

    @property
    def sentence(self) -> str:
        from sayre.numerics.gaps import describe_gaps

        numbers, shown = self.numbers, describe_gaps(self.filled.pattern.gaps)
        first = "" if self.tuned is None else f"{self.tuned.sentence}\n"
        return first + (
            f"{self.output}: {numbers['filled_voxels']} voxels ({shown}) filled by {self.filled.method}, "
            f"{numbers['counts_added']:.4g} counts beside {numbers['counts_measured']:.4g} measured, "
            f"{self.manifest.seconds:.1f} s"
        )


def method_of(filled: FilledPattern) -> str:
    """The option `method` that fills the same again: `unet` where the network left a part to wiener."""
    return filled.method.partition(" ")[0]
