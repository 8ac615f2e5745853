"""Where area detectors have gaps.

Positions are pixel indices of the assembled image as the detector's software writes it. Modules repeat
with gaps of constant width, so most detectors are a module, a gap and a count. Sources:

- MAXIPIX, EIGER, EIGER2, PILATUS, LAMBDA: the detector classes of pyFAI (silx-kit/pyFAI, `detectors/`).
- The six masked pixels of a MAXIPIX quad, the Merlin's five, the Merlin's three in 512 pixels and the
  ESRF EIGER 2M: bcdi (carnisj/bcdi, `experiment/detector.py`), the first also PyNX (`mask=maxipix`)
  and cdiutils.
- Timepix quad of 516 pixels: white fields of Amsterdam Scientific Instruments detectors at the APS,
  published with cohere-ui; the counts of each edge pixel are spread over three.

`maxipix` is what the field masks by that name: the gap of four pixels between the chips, `maxipix-4`, and the
pixels beside it, which gather the counts of three.

The pixels at the edge of a chip or module are two to three times as large as the others on Medipix,
Timepix and EIGER. Where the readout does not correct for that, mask them too: `mask(margin=1)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data.hints import did_you_mean
from sayre.data.option import SettingError
from sayre.errors import InputError

Range = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Pixels and gaps of an area detector.

    Attributes
    ----------
    name
        As `detector` takes it.
    shape
        Rows and columns of the whole image, gaps included.
    pixel_size
        Height and width of a pixel in m.
    row_gaps, column_gaps
        Ranges `(start, stop)` of rows and of columns that hold no measurement; `stop` is the first
        measured index after the gap.
    """

    name: str
    shape: tuple[int, int]
    pixel_size: tuple[float, float]
    row_gaps: tuple[Range, ...] = ()
    column_gaps: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        for n, gaps in zip(self.shape, (self.row_gaps, self.column_gaps), strict=True):
            edges = [0, *(edge for gap in gaps for edge in gap), n]
            if any(lower >= upper for lower, upper in pairwise(edges)):
                raise ValueError(f"{self.name}: gaps {gaps} must ascend, apart, inside of 0…{n}")

    def mask(self, region: tuple[int, int, int, int] | None = None, *, margin: int = 0) -> NDArray[np.bool_]:
        """Mask of the gaps.

        Parameters
        ----------
        region
            `(row start, row stop, column start, column stop)` of the part wanted, inside the image;
            by default all of it.
        margin
            Pixels to mask on both sides of every gap as well.

        Returns
        -------
        bool, `(row, column)`, True in gaps.

        Raises
        ------
        InputError
            A region that is empty or leaves the image, a negative margin.
        """
        if margin < 0:
            raise InputError(f"{self.name}: the margin must be 0 or more pixels, found {margin}")
        mask = np.zeros(self.shape, np.bool_)
        for start, stop in self.row_gaps:
            mask[max(start - margin, 0) : stop + margin] = True
        for start, stop in self.column_gaps:
            mask[:, max(start - margin, 0) : stop + margin] = True
        if region is None:
            return mask
        top, bottom, left, right = region
        if not (0 <= top < bottom <= self.shape[0] and 0 <= left < right <= self.shape[1]):
            raise InputError(
                f"{self.name}: region {region} must be (row start, row stop, column start, column stop) "
                f"within {self.shape}"
            )
        return mask[top:bottom, left:right].copy()


class _Modules(NamedTuple):
    """Modules of `size`, `gap` apart, `number` of them down and across."""

    size: tuple[int, int]
    gap: tuple[int, int]
    number: tuple[int, int]
    pixel: float


_EIGER = (514, 1030), (37, 10)
_EIGER2 = (512, 1028), (38, 12)
_PILATUS = (195, 487), (17, 7)
_CHIP = (256, 256), (4, 4)

_MODULAR = {
    "maxipix-1x1": _Modules(*_CHIP, (1, 1), 55e-6),
    "maxipix-4": _Modules(*_CHIP, (2, 2), 55e-6),
    "maxipix-5x1": _Modules(*_CHIP, (1, 5), 55e-6),
    "timepix": _Modules(*_CHIP, (1, 1), 55e-6),
    "timepix-quad": _Modules((512, 512), (0, 0), (1, 1), 55e-6),
    "merlin-1x1": _Modules(*_CHIP, (1, 1), 55e-6),
    "lambda-250k": _Modules(*_CHIP, (2, 2), 55e-6),
    "lambda-750k": _Modules(*_CHIP, (2, 6), 55e-6),
    "lambda-2m": _Modules(*_CHIP, (6, 6), 55e-6),
    "eiger-500k": _Modules(*_EIGER, (1, 1), 75e-6),
    "eiger-1m": _Modules(*_EIGER, (2, 1), 75e-6),
    "eiger-4m": _Modules(*_EIGER, (4, 2), 75e-6),
    "eiger-9m": _Modules(*_EIGER, (6, 3), 75e-6),
    "eiger-16m": _Modules(*_EIGER, (8, 4), 75e-6),
    "eiger2-500k": _Modules(*_EIGER2, (1, 1), 75e-6),
    "eiger2-1m": _Modules(*_EIGER2, (2, 1), 75e-6),
    "eiger2-1m-w": _Modules(*_EIGER2, (1, 2), 75e-6),
    "eiger2-2m-w": _Modules(*_EIGER2, (1, 4), 75e-6),
    "eiger2-4m": _Modules(*_EIGER2, (4, 2), 75e-6),
    "eiger2-9m": _Modules(*_EIGER2, (6, 3), 75e-6),
    "eiger2-16m": _Modules(*_EIGER2, (8, 4), 75e-6),
    "pilatus-100k": _Modules(*_PILATUS, (1, 1), 172e-6),
    "pilatus-200k": _Modules(*_PILATUS, (2, 1), 172e-6),
    "pilatus-300k": _Modules(*_PILATUS, (3, 1), 172e-6),
    "pilatus-300k-w": _Modules(*_PILATUS, (1, 3), 172e-6),
    "pilatus-900k": _Modules(*_PILATUS, (3, 3), 172e-6),
    "pilatus-1m": _Modules(*_PILATUS, (5, 2), 172e-6),
    "pilatus-2m": _Modules(*_PILATUS, (8, 3), 172e-6),
    "pilatus-6m": _Modules(*_PILATUS, (12, 5), 172e-6),
}


def _quad(name: str, side: int, gap: Range) -> Detector:
    return Detector(
        name=name, shape=(side, side), pixel_size=(55e-6, 55e-6), row_gaps=(gap,), column_gaps=(gap,)
    )


_OTHERS = (
    _quad("maxipix", 516, (255, 261)),
    _quad("timepix-quad-516", 516, (255, 261)),
    _quad("merlin", 515, (255, 260)),
    _quad("merlin-512", 512, (254, 257)),
    # ESRF ID01: gaps between modules and the double pixels between chips, as masked in practice
    Detector(
        name="eiger-2m",
        shape=(2164, 1030),
        pixel_size=(75e-6, 75e-6),
        row_gaps=(
            (255, 259),
            (511, 552),
            (804, 809),
            (1061, 1102),
            (1355, 1359),
            (1611, 1652),
            (1905, 1909),
        ),
        column_gaps=((255, 259), (513, 517), (771, 775)),
    ),
)


def _tiled(name: str, modules: _Modules) -> Detector:
    lengths, ranges = [], []
    for size, gap, number in zip(modules.size, modules.gap, modules.number, strict=True):
        step = size + gap
        lengths.append(number * step - gap)
        ranges.append(tuple((i * step - gap, i * step) for i in range(1, number)))
    rows, columns = ranges
    return Detector(
        name=name,
        shape=(lengths[0], lengths[1]),
        pixel_size=(modules.pixel, modules.pixel),
        row_gaps=rows,
        column_gaps=columns,
    )


DETECTORS = {known.name: known for known in (*(_tiled(*item) for item in _MODULAR.items()), *_OTHERS)}
"""All built-in detectors by name."""
ALIASES = {"mpx1x4": "maxipix", "maxipix6": "maxipix"}
"""Other names that they go by: what ESRF files call the detector, and what Sayre did."""
NAMES = ", ".join(sorted((*DETECTORS, *ALIASES)))
"""All names, as help and messages show them."""


def detector(name: str) -> Detector:
    """Built-in detector by name; case, spaces, hyphens and underscores do not matter.

    Raises
    ------
    InputError
        A name that is not built in; the message lists those that are.
    """
    wanted = _plain(name)
    for called, known in (*DETECTORS.items(), *((alias, DETECTORS[of]) for alias, of in ALIASES.items())):
        if _plain(called) == wanted:
            return known
    hint = did_you_mean(name, (*DETECTORS, *ALIASES))
    raise InputError(f"detector {name!r} is not known; known are {NAMES}{hint}")


def detector_mask(
    name: str, shape: tuple[int, ...], *, corner: tuple[int, int] | None = None
) -> NDArray[np.bool_]:
    """Mask of a built-in detector for counts of `shape`.

    Parameters
    ----------
    name
        Of a built-in detector.
    shape
        Of the counts, 2D or 3D; the last two axes are those of the frames.
    corner
        First row and column of the frames on the detector, where they are a region of interest; None: the
        frames are whole.

    Raises
    ------
    InputError
        An unknown name; frames of another size and no corner, or frames that leave the detector.
    """
    known, (rows, columns) = detector(name), shape[-2:]
    if corner is None and (rows, columns) != known.shape:
        raise SettingError(
            "detector",
            f"{name} has {known.shape} pixels, frames {shape[-2:]}; for a part of it give its first row and "
            "column by `corner=`, or `mask=`",
        )
    top, left = corner or (0, 0)
    if not (0 <= top <= known.shape[0] - rows and 0 <= left <= known.shape[1] - columns):
        raise SettingError(
            "corner",
            f"frames of {shape[-2:]} that begin at {(top, left)} leave the {known.shape} pixels of {name}",
        )
    return known.mask((top, top + rows, left, left + columns))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in " -_")
