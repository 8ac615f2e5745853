"""From counts to a crystal and a report, in one folder."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from sayre import files
from sayre.crystal.resolution import ShellCurve
from sayre.data import Crystal, FilledPattern, Manifest, Pattern
from sayre.data.manifest import hashes
from sayre.detectors import frame_mask
from sayre.detectors.hygiene import cleaned
from sayre.errors import InputError, SayreWarning
from sayre.files.atomic import replacing
from sayre.filling.fill import METHODS, Method, inpaint
from sayre.filling.network.predictor import weights_used
from sayre.numerics.device import find_device
from sayre.retrieval.engine.runs import Progress
from sayre.retrieval.kept import KeptRuns
from sayre.retrieval.learned.predictor import weights_used as shape_weights
from sayre.retrieval.phased import Phased
from sayre.retrieval.prepare import around_peak
from sayre.workflows.reconstruction import Scan, Settings, recipe_text, reconstruct, resolution_curves

FILLED, RUNS = "filled.npz", "runs"
FILES = (
    FILLED,
    "object.npz",
    "object.cxi",
    "object.vti",
    "filling.png",
    "crystal.png",
    "convergence.png",
    "resolution.png",
    "manifest.json",
    "report.md",
)
"""What a folder may hold in the end, in the order it is written."""

Start = Literal["random", "network"]
Bar = Callable[[str], AbstractContextManager[Callable[..., None]]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What `run` did; `files` are those it wrote, `said` the warnings on the way."""

    folder: Path
    pattern: Pattern | FilledPattern
    phased: Phased
    crystal: Crystal
    curves: dict[str, ShellCurve]
    manifest: Manifest
    files: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


@contextmanager
def _silent(title: str) -> Iterator[Callable[..., None]]:
    yield lambda fraction, note="": None


def run(
    source: str | Path,
    folder: str | Path,
    *,
    mask: str | Path | None = None,
    detector: str | None = None,
    crop: int | None = None,
    method: Method = "auto",
    settings: Settings | None = None,
    scan: Scan | None = None,
    init: Start = "random",
    device: str = "auto",
    force: bool = False,
    bar: Bar = _silent,
) -> Result:
    """Fill the gaps of a pattern, phase it, bring the crystal to its frame, and write all of it.

    Nothing is written before the first iterations of phasing have run. From then on a call that was stopped
    is taken up by the next one with the same arguments, at the start that it was stopped in. Until all is
    done what was filled and found is kept in `RUNS`, and a result that the folder holds is not touched.

    Parameters
    ----------
    source, mask
        As `sayre.files.load` takes them. Counts that `sayre inpaint` filled are not filled again unless
        `method` names how.
    folder
        Made where it is missing; see `FILES`. 2D counts give no `.vti`.
    detector
        Name of a built-in detector whose gaps are masked.
    crop
        Voxels a side around the brightest one, before anything is filled.
    method
        As `sayre.filling` takes it, where voxels are masked.
    settings, scan
        Of phase retrieval; what is known of the measurement beside the counts.
    init
        Where starts begin, as `sayre.retrieval.phased.phase` takes it.
    device
        `auto`, `cpu` or `cuda`.
    force
        Overwrite what `folder` holds.
    bar
        Makes a progress bar: a context manager of a title that gives a function of fraction and note.

    Raises
    ------
    InputError
        What cannot be read, filled, phased or written; a folder that is not empty, without `force`, or
        whose files are the input.
    """
    started = time.perf_counter()
    settings, scan = settings or Settings(), scan or Scan()
    settings = replace(settings, recipe=settings.recipe and recipe_text(settings.recipe))
    place = Path(folder)
    _check_folder(place, force)
    _spare_the_input(place, source, mask)
    if method not in METHODS:
        raise InputError(f"method: {method!r} is not known; one of {', '.join(METHODS)}")
    if init not in get_args(Start):
        raise InputError(f"init: {init!r} is not known; one of {', '.join(get_args(Start))}")
    device = find_device(device).type
    with _heard() as said:
        counts = _counts(source, mask, detector, crop, method)
        inputs = _inputs(counts, source, mask)
        scan = scan.of(counts)
        config = {"crop": crop, "method": method, "detector": detector, "mask": mask, "init": init}
        learned = shape_weights(None, counts.measured.intensity.ndim) if init == "network" else {}
        of_a_run = {**settings.of_a_run, **config, "inputs": inputs, "weights": learned}
        kept = KeptRuns(place / RUNS, of_a_run, replace=force)
        if not (kept.ours or force):
            _refuse_unfinished(place)
        pattern = _filled(counts, method, device, place / RUNS / FILLED if kept.ours else None, bar)
        used = pattern.method if isinstance(pattern, FilledPattern) else method
        manifest = Manifest.collect(
            "sayre run",
            config={**asdict(settings), **asdict(scan), **config, "method": used},
            seed=settings.seed,
            inputs=inputs,
            weights=learned | (weights_used(used) if isinstance(pattern, FilledPattern) else {}),
            device=device,
        )
        with bar(f"phasing {pattern.meta.source}") as advance:

            def report(now: Progress) -> None:
                if not kept.ours:
                    _begin(pattern, manifest, kept)
                advance(now.fraction, now.note(settings.runs))

            with forgetting_failures(kept):
                made = reconstruct(
                    pattern, settings, scan, init=init, device=device, kept=kept, report=report
                )
        result = Result(
            folder=place,
            pattern=pattern,
            phased=made.phased,
            crystal=made.crystal,
            curves=resolution_curves(made.phased, made.pattern, made.scan.geometry),
            manifest=replace(manifest, seconds=round(time.perf_counter() - started, 3)),
        )
    result = _write(replace(result, said=tuple(said)))
    kept.remove()
    return result


def _check_folder(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder")
    above = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise InputError(f"{folder}: {above} cannot be written to; choose another folder")
    if folder.is_dir() and any(folder.iterdir()) and not (force or (folder / RUNS).is_dir()):
        raise InputError(f"{folder}: exists and is not empty; --force overwrites")


def _spare_the_input(folder: Path, *read: str | Path | None) -> None:
    """Nothing is written over what is read, with or without `force`."""
    names = [folder / name for name in FILES if (folder / name).exists()]
    for path in (Path(str(name).partition("::")[0]) for name in read if name is not None):
        if path.exists() and any(os.path.samefile(path, name) for name in names):
            raise InputError(f"{folder}: {path} is read and would be written over; choose another folder")


@contextmanager
def forgetting_failures(kept: KeptRuns) -> Iterator[None]:
    """Where every start failed, keep none of them: they are nothing to go on with."""
    try:
        yield
    except InputError:
        if kept.ours and all(run.failed for run in kept.read()):
            kept.remove()
        raise


def _refuse_unfinished(folder: Path) -> None:
    if (folder / RUNS).is_dir():
        raise InputError(
            f"{folder}: holds an unfinished run of other options or counts; give the same to go on with it, "
            "or --force to start anew"
        )


def _counts(
    source: str | Path, mask: str | Path | None, detector: str | None, crop: int | None, method: str
) -> Pattern | FilledPattern:
    loaded = files.load_filled(source, mask=mask)
    if method != "auto":
        loaded = loaded.measured
    if detector is not None:
        loaded = loaded.measured.with_mask(frame_mask(detector, loaded.measured.shape))
    return cleaned(loaded) if crop is None else around_peak(loaded, crop)


def _inputs(counts: Pattern | FilledPattern, source: str | Path, mask: str | Path | None) -> dict[str, str]:
    meta = counts.meta
    return {meta.source or str(source): meta.sha256 or ""} | hashes(mask)


def _filled(
    counts: Pattern | FilledPattern, method: Method, device: str, before: Path | None, bar: Bar
) -> Pattern | FilledPattern:
    """Counts without gaps; `before` is where a stopped run left them."""
    if isinstance(counts, FilledPattern) or not counts.mask.any():
        return counts
    if before is not None and before.is_file():
        again = files.load_filled(before)
        if isinstance(again, FilledPattern):
            return replace(again, pattern=counts, method=_method_of(before))
    with bar(f"filling {counts.meta.source}") as advance:
        return inpaint(counts, method=method, device=device, progress=advance)


def _method_of(filled: Path) -> str:
    import numpy as np

    with np.load(filled) as file:
        return str(Manifest.from_json(str(file["manifest"])).config["method"])


def _begin(pattern: Pattern | FilledPattern, manifest: Manifest, kept: KeptRuns) -> None:
    """The mark that more is to come, and what was filled."""
    kept.begin()
    if isinstance(pattern, FilledPattern):
        files.save(kept.folder / FILLED, pattern, manifest)


def _write(result: Result) -> Result:
    """What there is of `FILES`; those of an earlier run that this one has not are removed."""
    from sayre.workflows.report import draw, report

    folder, manifest = result.folder, result.manifest
    solid = result.crystal.object.ndim == 3
    written = []
    if isinstance(result.pattern, FilledPattern):
        written.append(FILLED)
        files.save(folder / FILLED, result.pattern, manifest, force=True)
    for ending in ("npz", "cxi", "vti") if solid else ("npz", "cxi"):
        written.append(f"object.{ending}")
        files.save(folder / written[-1], result.crystal, manifest, force=True)
    written += draw(result)
    written += ["manifest.json", "report.md"]
    result = replace(result, files=tuple(written))
    _write_text(folder / "manifest.json", manifest.to_json() + "\n")
    _write_text(folder / "report.md", report(result))
    for name in set(FILES) - set(written):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
    return result


def _write_text(path: Path, text: str) -> None:
    with replacing(path, force=True) as file:
        file.write(text.encode())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Warnings as they are shown."""
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", SayreWarning, append=True)
        show = warnings.showwarning

        def both(message: Warning | str, category: type[Warning], *args: Any, **known: Any) -> None:
            if issubclass(category, SayreWarning) and str(message) not in said:
                said.append(str(message))
            show(message, category, *args, **known)

        warnings.showwarning = both
        yield said
