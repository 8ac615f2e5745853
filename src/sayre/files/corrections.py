"""What the detector did to counts is taken out: response of the pixels, hot and bad pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sayre.data import Pattern
from sayre.errors import InputError, note, understood
from sayre.files.formats import readable, split_path
from sayre.files.patterns.companions import Kind, kind_of, refuse_other
from sayre.files.patterns.contents import Contents
from sayre.files.response import FEW, Response, hot_in, response_of

Given = str | Path | ArrayLike | None
"""A white or dark field as a user gives it: "auto", "none", a file or an array."""

MANY = 0.1
"""A dark field in which more than this share of the pixels is hot is of something else."""

Mask = NDArray[np.bool_]
Region = tuple[slice, slice] | None


class Companion(NamedTuple):
    """An array beside the counts, or given by the user (`asked`); `address` is what names it as a file."""

    name: str
    array: NDArray[Any]
    address: str
    asked: bool


def corrected(
    pattern: Pattern, contents: Contents, path: str | Path, *, flat: Given = "auto", dark: Given = "auto"
) -> Pattern:
    """Divide counts by the relative response of their pixels, and mask dead, hot and bad pixels.

    Parameters
    ----------
    pattern
        Counts as they were read.
    contents
        What their file holds beside them.
    path
        Of that file.
    flat, dark
        "auto" takes the white or dark field beside the counts, "none" or None takes none; else a file or an
        array.

    Raises
    ------
    InputError
        A white or dark field of another shape than the frames, two white fields, a white field for counts
        that were divided by one before, pixels that are nearly all bad, nothing left.

    Warns
    -----
    SayreWarning
        What was divided and masked; what is there but was not used, and why.
    """
    name, missing = pattern.name, pattern.mask.copy()
    done: list[str] = []
    remarks: list[str] = list(contents.remarks)
    white = _white_field(pattern, contents, path, flat)
    response = None if white is None else _response(pattern, white, name, remarks, contents.region)
    counts, divided_by = pattern.intensity, pattern.meta.divided_by
    if white is not None and response is not None:
        missing |= ~response.live
        done += _flat_done(response, white.name)
        if not response.even:
            counts, divided_by = counts / response.relative, white.name
    for field in _dark_fields(contents, dark):
        missing |= _hot(field, pattern.shape, name, done, remarks, contents.region)
    missing |= _bad_pixels(contents, pattern.shape, name, done, remarks)
    if missing.all():
        raise InputError(f"{name}: every voxel is masked by {'; '.join(done)}; nothing to work from")
    for text in (["; ".join(done)] if done else []) + remarks:
        note(f"{name}: {text}")
    if not done:
        return pattern
    corrections = "; ".join(filter(None, (pattern.meta.corrections, *done)))
    meta = replace(pattern.meta, corrections=corrections, divided_by=divided_by)
    intensity = np.where(missing, np.float32(0), counts).astype(np.float32)
    return replace(pattern, intensity=intensity, mask=missing, meta=meta)


def _white_field(pattern: Pattern, contents: Contents, path: str | Path, given: Given) -> Companion | None:
    """The white field that counts are to be divided by, if any."""
    before = pattern.meta.divided_by
    if not _is_word(given):
        if before is not None:
            raise InputError(f"{path}: counts were divided by {before} before; leave out `flat=`")
        return _own("flat", given)
    found = _beside("flat", contents, path) if given == "auto" and before is None else []
    if len(found) > 1:
        names = " and ".join(one.name for one in found)
        raise InputError(
            f"{path}: holds {names}; name one by `flat='{found[0].address}'`, or "
            "`flat='none'` divides by none"
        )
    return found[0] if found else None


def _dark_fields(contents: Contents, given: Given) -> list[Companion]:
    if not _is_word(given):
        return [_own("dark", given)]
    return _beside("dark", contents, "") if given == "auto" else []


def _is_word(given: Given) -> bool:
    return given is None or (isinstance(given, str) and given in ("auto", "none"))


def _own(kind: Kind, given: Given) -> Companion:
    """A white or dark field of the user's."""
    if not isinstance(given, str | Path):
        return Companion(f"the array given as {kind}", np.asarray(given), "", asked=True)
    file, inside = split_path(given)
    if file.is_dir():
        raise InputError(f"{file}: is a folder; a {kind} field is one file")
    if inside is not None or file.suffix.lower() in (".npy", ".tif", ".tiff"):  # others name their arrays
        refuse_other(kind, inside or file.stem, str(given))
    with understood(given):
        array = readable(file, inside).read_companion(file, inside, kind)
    return Companion(
        Path(str(given)).name if inside is None else f"{file.name}::{inside}", array, str(given), True
    )


def _beside(kind: Kind, contents: Contents, path: str | Path) -> list[Companion]:
    file = split_path(path)[0]
    return [
        Companion(name, array, contents.addresses.get(name, f"{file}::{name}"), asked=False)
        for name, array in contents.beside.items()
        if kind_of(name) == kind
    ]


def _fitted(array: NDArray[Any], shape: tuple[int, ...], region: Region) -> NDArray[Any] | None:
    """The array of a frame or of all voxels, without axes of length 1 in front; None if it fits neither.

    Of an array of the whole detector the `region` of the frames is taken, where it is known.
    """
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if region is not None and array.shape[-2:] != shape[-2:]:
        array = array[(..., *region)]
    return array if array.shape in (shape, shape[-2:]) and array.dtype.kind in "buif" else None


def _misfit(field: Companion, kind: str, shape: tuple[int, ...], name: str) -> InputError:
    return InputError(
        f"{name}: {field.name} has shape {field.array.shape}, the frames {shape[-2:]}; cut their region "
        f"of the detector out of it, or leave it out by `{kind}='none'`"
    )


def _response(
    pattern: Pattern, white: Companion, name: str, remarks: list[str], region: Region
) -> Response | None:
    """The relative response that counts are divided by; None, with the reason said, if that is not clear."""
    array = _fitted(white.array, pattern.shape, region)
    if array is None:
        raise _misfit(white, "flat", pattern.shape, name)
    response = response_of(array)
    if response is None:
        raise InputError(
            f"{name}: {white.name} has no positive value, or none like the others; `flat='none'` "
            "leaves it out"
        )
    typical = float(np.median(array[response.live]))
    whole = np.array_equal(array[response.live], np.rint(array[response.live]))
    empty = float(np.mean(~(np.asarray(array) > 0)))
    doubt = ""
    if empty > 0.5 and whole and typical < FEW:
        doubt = (
            f"{empty:.0%} of {white.name} hold no counts and the others {typical:.0f}: it is no white field"
        )
        if white.asked:
            raise InputError(
                f"{name}: {doubt}; a dark field is given by `dark=`, and `flat='none'` leaves it out"
            )
    elif response.even:
        return response
    elif not np.array_equal(pattern.intensity, np.rint(pattern.intensity)):
        doubt = f"the counts are not integers and may have been divided by {white.name} before"
    elif whole and typical < FEW:
        doubt = f"the {typical:.0f} counts a pixel of {white.name} have {100 / np.sqrt(typical):.0f} % noise"
    if doubt and not white.asked:
        remarks.append(f"{doubt}: not divided; `flat='{white.address}'` divides")
        return None
    if doubt:
        remarks.append(doubt)
    return response


def _flat_done(response: Response, name: str) -> list[str]:
    lost = {"dead": int(response.dead.sum()), "too bright": int(response.too_bright.sum())}
    pixels = " and ".join(f"{number} {what}" for what, number in lost.items() if number)
    live = response.relative[response.live]
    if response.even:
        return [f"{pixels} pixels of {name} masked"] if pixels else []
    masked = f", {pixels} pixels masked" if pixels else ""
    return [f"counts divided by {name} (relative response {live.min():.2g} to {live.max():.2g}{masked})"]


def _hot(
    field: Companion,
    shape: tuple[int, ...],
    name: str,
    done: list[str],
    remarks: list[str],
    region: Region,
) -> Mask | np.bool_:
    """Pixels that count in the dark."""
    array = _fitted(field.array, shape, region)
    if array is None:
        raise _misfit(field, "dark", shape, name)
    dark = hot_in(array)
    number = int(dark.hot.sum())
    if number > MANY * dark.hot.size:
        share = f"it would make {100 * number / dark.hot.size:.0f} % of the pixels hot"
        if field.asked:
            raise InputError(f"{name}: {field.name} is no dark field: {share}; `dark='none'` leaves it out")
        remarks.append(f"{field.name} is not used: {share}")
        return np.False_
    if number:
        done.append(f"{number} hot pixels of {field.name} masked")
    if dark.offset:
        remarks.append(
            f"most pixels of {field.name} hold counts (median {dark.level:.3g}), as those of an integrating "
            "detector do; they were not subtracted: subtract them before if they are in the counts"
        )
    return dark.hot


def _bad_pixels(
    contents: Contents, shape: tuple[int, ...], name: str, done: list[str], remarks: list[str]
) -> Mask | np.bool_:
    bad: Mask | np.bool_ = np.False_
    for field in _beside("bad", contents, ""):
        array = _fitted(field.array, shape, contents.region)
        if array is None:
            remarks.append(f"{field.name} {field.array.shape} does not fit frames {shape[-2:]}; not used")
            continue
        marked = array != 0
        share = float(marked.mean())
        if share > 0.5:
            raise InputError(
                f"{name}: {field.name} marks {share:.0%} of the pixels; non-zero means bad: write its reverse"
            )
        if marked.any():
            done.append(f"{int(marked.sum())} {field.name} masked")
        bad = bad | marked
    return bad
