"""`sayre evaluate inpaint`: methods of filling, scored on a gap whose counts are known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sayre.data.hints import did_you_mean
from sayre.data.option import Option, SettingError, check_settings
from sayre.filling.settings import METHODS
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.input_file import Crop, Dark, Flat, InputFile
from sayre.workflows.jobs.options import Device
from sayre.workflows.jobs.progress import Bar, notebook_bar

if TYPE_CHECKING:
    from sayre.filling.scores import Score


@dataclass(frozen=True, kw_only=True)
class EvaluateJob:
    """Hide planes of a measured pattern, fill them by every method, and print how well each did."""

    source: Annotated[
        str, Option(help="Counts, measured where the gap is cut.", metavar="INPUT", argument=True)
    ]
    gap_width: Annotated[
        list[int], Option(help="Planes to hide; may be given several times.", metavar="PLANES")
    ]
    axis: Annotated[
        int, Option(help="Axis across the gap: 0 rocking, 1 row, 2 column.", least=0, most=2, whole=True)
    ] = 1
    position: Annotated[
        list[int] | None,
        Option(help="First hidden plane; several are averaged. By default they are spread.", metavar="PLANE"),
    ] = None
    method: Annotated[
        list[str] | None,
        Option(
            help="Only these methods; may be given several times. By default all but crystal.", metavar="NAME"
        ),
    ] = None
    crop: Crop = None
    mask: Annotated[
        tuple[str, ...] | None,
        Option(
            help="File of a mask, non-zero where nothing was measured; may be given several times.",
            metavar="FILE",
        ),
    ] = None
    flat: Flat = "auto"
    dark: Dark = "auto"
    stride: Annotated[
        int | None, Option(help="Distance of network windows in voxels.", least=1, whole=True)
    ] = None
    weights: Annotated[
        str | None,
        Option(help="A name of `sayre weights list`, or a .safetensors file.", metavar="NAME|FILE"),
    ] = None
    within: Within = None
    device: Device = "auto"

    resuming = "nothing was scored"

    def __post_init__(self) -> None:
        check_settings(self)
        for name in self.method or ():
            if name not in METHODS:
                raise SettingError(
                    "method",
                    f"{name!r} is not known; one of {', '.join(METHODS)}{did_you_mean(name, METHODS)}",
                )

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> EvaluateOutcome:
        """Cut the gaps, fill them and score what comes back.

        Raises
        ------
        InputError
            What cannot be read or filled, an unknown method, a gap that does not fit.
        """
        from sayre.filling.cuts import spread_positions
        from sayre.filling.scores import COMPARED, evaluate
        from sayre.filling.settings import FillingSettings

        counts = InputFile(source=self.source, mask=self.mask, flat=self.flat, dark=self.dark, crop=self.crop)
        pattern = counts.load_measured()
        methods = self.method or [m for m in COMPARED if not (m == "unet" and len(pattern.shape) == 2)]
        jobs = [
            (width, place)
            for width in self.gap_width
            for place in (self.position or spread_positions(pattern, axis=self.axis, width=width))
        ]
        settings = FillingSettings(stride=self.stride, weights=self.weights)
        scores: list[Score] = []
        with bar("evaluating") as advance:
            for done, (width, place) in enumerate(jobs):
                scores += evaluate(
                    pattern,
                    width=width,
                    axis=self.axis,
                    position=place,
                    methods=methods,  # type: ignore[arg-type]
                    settings=settings,
                    device=self.device,
                )
                advance((done + 1) / len(jobs))
        return EvaluateOutcome(source=self.source, axis=self.axis, scores=tuple(scores))


@dataclass(frozen=True, kw_only=True)
class EvaluateOutcome:
    """Every single score."""

    source: str
    axis: int
    scores: tuple[Score, ...]

    @property
    def numbers(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(score) for score in self.scores]

    @property
    def sentence(self) -> str:
        from sayre.filling.scores import BRIGHT, summarise

        places, rows = len({s.position for s in self.scores}), summarise(self.scores)
        return (
            f"{Path(self.source).name}: axis {self.axis}, {places} position(s), against the counts: "
            f"bright above {BRIGHT:g} counts; noise is what it leaves to the true expectation\n{table(rows)}"
            f"\n\n{coverage_table(rows)}"
        ).rstrip()


def table(rows: list[Score]) -> str:
    """Scores as fixed-width text, and what photon noise leaves to the true expectation."""
    lines = [
        f"{'':25} {'over linear':>15} {'over hidden':>11} {'':8} {'correlation':>14} {'within':>15}",
        f"width  {'method':9}{'log error':>9} {'all':>8} {'bright':>6} {'sum':>4} {'bright':>6} "
        f"{'√ error':>8} {'log':>7} {'counts':>6} {'1σ':>7} {'2σ':>7} {'time':>7}",
    ]
    lines += [
        f"{r.width:5d}  {r.method:9s}{r.log_error:9.4f} {r.ratio:8.3f} {r.bright_ratio:6.3f} "
        f"{r.sum_ratio:4.2f} {r.bright_sum:6.2f} {r.root_error:8.3f} {r.pearson_log:7.3f} "
        f"{r.pearson_linear:6.3f} {_percent(r.covered_1)} {_percent(r.covered_2)} {r.seconds:5.1f} s"
        for r in rows
    ]
    for width in dict.fromkeys(r.width for r in rows):
        least = min((r for r in rows if r.width == width), key=lambda r: r.log_error)
        if least.floor > 0:
            lines.append(
                f"{width:5d}  noise    {least.floor:9.4f} {least.floor * least.ratio / least.log_error:8.3f} "
                f"{least.bright_floor:6.3f}    1      1 {least.root_floor:8.3f}       - {least.ceiling:6.3f}"
            )
    return "\n".join(lines)


def coverage_table(rows: list[Score]) -> str:
    """How often the stated error holds, in classes of expected counts, as fixed-width text."""
    from sayre.filling.coverage import NEAR

    lines = [
        f"width  method     from peak  expected counts  voxels   in 1σ   in 2σ   (near: {NEAR:g} voxels)"
    ]
    lines += [
        f"{r.width:5d}  {r.method:9s}  {'near' if c.near else 'away':9s}  {c.low:5g} to {c.high:<6g} "
        f"{c.voxels:8d} {_percent(c.covered_1)} {_percent(c.covered_2)}"
        for r in rows
        for c in r.classes
    ]
    return "\n".join(lines) if len(lines) > 1 else ""


def _percent(fraction: float) -> str:
    return "      -" if fraction != fraction else f"{100 * fraction:5.1f} %"
