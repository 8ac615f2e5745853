"""What beam, scan and detector do to the intensity of a crystal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data.json_text import plain
from sayre.data.option import SettingError
from sayre.errors import warn

Kind = Literal["spread", "frames", "background", "gains"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WIDTH, FACTOR, COUNTS = 0.15, 0.005, 1e-3
"""Standard deviation of a point spread in voxels, relative change of flux or response, and background in
counts a voxel, below which an effect cannot be noticed."""


@dataclass(frozen=True, kw_only=True)
class Nuisances:
    """Effects of a measurement: `λ = g (s (h ⊗ |F x|²) + b)`; None where an effect is not in the model.

    Attributes
    ----------
    spread
        float64 `(axes, axes)`, covariance in voxels² of the Gaussian point-spread function h: partial
        coherence, the width of the rocking curve, the response of the detector.
    frames
        float32 `(frames,)`, flux s of each frame relative to their geometric mean.
    background
        Counts b of a voxel that do not come from the crystal.
    gains
        float32 `(rows, columns)`, response g of each pixel relative to their geometric mean.
    """

    spread: NDArray[np.float64] | None = None
    frames: NDArray[np.float32] | None = None
    background: float | None = None
    gains: NDArray[np.float32] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The effects that are in the model."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def noticed(self) -> tuple[Kind, ...]:
        """The effects in the model that are large enough to be noticed."""
        large = {
            "spread": self.spread is not None and bool((self._widths >= WIDTH).any()),
            "frames": self.frames is not None and float(np.abs(np.log(self.frames)).max()) >= FACTOR,
            "background": self.background is not None and self.background >= COUNTS,
            "gains": self.gains is not None and float(np.log(self.gains).std()) >= FACTOR,
        }
        return tuple(kind for kind in KINDS if large[kind])

    @property
    def _widths(self) -> NDArray[np.float64]:
        """Standard deviations of the point-spread function along the axes, in voxels."""
        assert self.spread is not None
        return np.sqrt(np.diag(self.spread))

    @property
    def metrics(self) -> dict[str, Any]:
        """Numbers that describe the effects, as JSON can hold them."""
        found: dict[str, Any] = {"effects": list(self.kinds)}
        if self.spread is not None:
            found["spread_widths"] = self._widths.tolist()
            found["spread_covariance"] = self.spread.tolist()
        if self.frames is not None:
            found["frames"] = self.frames.tolist()
            found["frames_scatter"] = float(np.log(self.frames).std())
        if self.background is not None:
            found["background"] = self.background
        if self.gains is not None:
            found["gains_scatter"] = float(np.log(self.gains).std())
        numbers: dict[str, Any] = plain(found)
        return numbers

    def sentences(self) -> list[str]:
        """State each effect that can be noticed in a sentence, and name the others in one."""
        noticed, told = self.noticed, []
        if "spread" in noticed and self.spread is not None:
            lengths = (
                f"{1 / (2 * np.pi * w):.2g}" if w >= WIDTH else f"over {1 / (2 * np.pi * WIDTH):.2g}"
                for w in self._widths
            )
            told.append(
                "The pattern is blurred, as by partial coherence: a Gaussian of standard deviation "
                + " / ".join(f"{w:.2f}" if w >= WIDTH else f"below {WIDTH}" for w in self._widths)
                + f" voxels along the axes; coherence lengths {' / '.join(lengths)} of the array."
            )
        if "frames" in noticed and self.frames is not None:
            worst = int(np.argmax(np.abs(np.log(self.frames))))
            told.append(
                f"The flux of the frames scatters by {100 * np.log(self.frames).std():.2g} %; frame {worst} "
                f"has {self.frames[worst]:.3g} times the mean."
            )
        if "background" in noticed:
            told.append(f"A background of {self.background:.2g} counts a voxel.")
        if "gains" in noticed and self.gains is not None:
            told.append(
                f"The pixels differ in response by {100 * np.log(self.gains).std():.2g} % (standard "
                "deviation over all pixels; those that counted little keep a response of 1)."
            )
        small = [kind for kind in self.kinds if kind not in noticed]
        if small:
            told.append(f"Fitted, but too small to be noticed: {', '.join(small)}.")
        return told


def kinds_for(axes: int) -> tuple[Kind, ...]:
    """Return the effects that counts of so many axes tell: in 2D each pixel is seen once, in one frame."""
    return KINDS if axes == 3 else ("spread", "background")


def check_effects(text: str) -> None:
    """Refuse a setting that is neither "auto", "none" nor a list of effects.

    Raises
    ------
    SettingError
        A word that is no effect.
    """
    if text in ("auto", "none"):
        return
    for word in text.split(","):
        if word.strip() not in KINDS:
            raise SettingError(
                "refine", f"must be auto, none, or some of {', '.join(KINDS)} with commas, found {text!r}"
            )


def effects_of(text: str, axes: int) -> tuple[Kind, ...]:
    """Return the effects that a setting names, of those that counts of so many axes tell.

    Parameters
    ----------
    text
        "auto" for all, or names with commas.
    axes
        Dimensions of the counts.

    Warns
    -----
    SayreWarning
        An effect that counts of so many axes do not tell is named.
    """
    words = [word.strip() for word in text.split(",")]
    told = kinds_for(axes)
    unknown = [word for word in words if word in KINDS and word not in told]
    if unknown:
        warn(f"refine: {axes}D counts do not tell {' and '.join(unknown)}; left out")
    return tuple(kind for kind in told if text == "auto" or kind in words)
