"""What beam, scan and detector do to the intensity of a crystal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sayre.data.json_text import plain
from sayre.data.option import SettingError
from sayre.errors import warn

Kind = Literal[
    "spread", "tails", "frames", "background", "background_frames", "background_waves", "gains", "angles"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NEEDS: dict[Kind, Kind] = {
    "tails": "spread",
    "background_frames": "background",
    "background_waves": "background",
}
"""Effects that change another one, which must be in the model too."""
FURTHER: tuple[Kind, ...] = (*NEEDS, "angles")
"""Effects that are tried once the others are chosen."""
FIRST: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in FURTHER)
"""The others."""
WIDTH, FACTOR, COUNTS = 0.15, 0.005, 1e-3
"""Standard deviation of a point spread in voxels, relative change of flux or response, and background in
counts a voxel, below which an effect cannot be noticed."""
SHARE, UNEVEN, STEPS = 0.05, 0.05, 0.02
"""The same of the share of a Lorentzian, the relative change of a background, and errors of the angle in
steps."""


@dataclass(frozen=True, kw_only=True)
class Nuisances:
    """Effects of a measurement: `λ = g (s (h ⊗ |F x|²) + b)`; None where an effect is not in the model.

    Flux, response and angles are told up to long waves, which another object explains as well.

    Attributes
    ----------
    spread
        float64 `(axes, axes)`, matrix C of the point-spread function h in voxels²: partial coherence, the
        width of the rocking curve, the response of the detector. It is the covariance of a Gaussian,
        whose transfer function is `exp(−2π² qᵀCq)`.
    tails
        Share of a Lorentzian in h, 0 to 1, whose transfer function is `exp(−2π √(qᵀCq))`.
    frames
        float32 `(frames,)`, flux s of each frame relative to their geometric mean.
    background
        Counts b of a voxel that do not come from the crystal.
    background_frames
        float32 `(frames,)`, factor of the background of each frame.
    background_waves
        float32 `(rows, columns)`, smooth factor of the background of each pixel.
    gains
        float32 `(rows, columns)`, response g of each pixel relative to their geometric mean.
    angles
        float32 `(frames,)`, how far each frame was measured beyond its place, in steps of the scan.
    """

    spread: NDArray[np.float64] | None = None
    tails: float | None = None
    frames: NDArray[np.float32] | None = None
    background: float | None = None
    background_frames: NDArray[np.float32] | None = None
    background_waves: NDArray[np.float32] | None = None
    gains: NDArray[np.float32] | None = None
    angles: NDArray[np.float32] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The effects that are in the model."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def noticed(self) -> tuple[Kind, ...]:
        """The effects in the model that are large enough to be noticed."""
        large: dict[Kind, bool] = {
            "spread": self.spread is not None and bool((self._widths >= WIDTH).any()),
            "tails": self.tails is not None and self.tails >= SHARE,
            "frames": self.frames is not None and float(np.abs(np.log(self.frames)).max()) >= FACTOR,
            "background": self.background is not None and self.background >= COUNTS,
            "background_frames": _change(self.background_frames) >= UNEVEN,
            "background_waves": _change(self.background_waves) >= UNEVEN,
            "angles": self.angles is not None and float(np.abs(self.angles).max()) >= STEPS,
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
        if self.tails is not None:
            found["spread_lorentzian"] = self.tails
        if self.frames is not None:
            found["frames"] = self.frames.tolist()
            found["frames_scatter"] = float(np.log(self.frames).std())
        if self.background is not None:
            found["background"] = self.background
        if self.background_frames is not None:
            found["background_frames"] = self.background_frames.tolist()
        if self.background_waves is not None:
            least, most = float(self.background_waves.min()), float(self.background_waves.max())
            found["background_range"] = [least, most]
        if self.gains is not None:
            found["gains_scatter"] = float(np.log(self.gains).std())
        if self.angles is not None:
            found["angles"] = self.angles.tolist()
            found["angles_scatter"] = float(self.angles.std())
        numbers: dict[str, Any] = plain(found)
        return numbers

    def sentences(self) -> list[str]:
        """State each effect that can be noticed in a sentence, and name the others in one."""
        noticed = self.noticed
        told = [self._sentence(kind) for kind in noticed]
        small = [kind for kind in self.kinds if kind not in noticed]
        if small:
            told.append(f"Fitted, but too small to be noticed: {', '.join(small)}.")
        return [sentence for sentence in told if sentence]

    def _sentence(self, kind: Kind) -> str:
        """State an effect that can be noticed."""
        if kind == "spread":
            lengths = (
                f"{1 / (2 * np.pi * w):.2g}" if w >= WIDTH else f"over {1 / (2 * np.pi * WIDTH):.2g}"
                for w in self._widths
            )
            return (
                "The pattern is blurred, as by partial coherence: a Gaussian of standard deviation "
                + " / ".join(f"{w:.2f}" if w >= WIDTH else f"below {WIDTH}" for w in self._widths)
                + f" voxels along the axes; coherence lengths {' / '.join(lengths)} of the array."
            )
        if kind == "tails" and self.tails is not None:
            return (
                f"The blur has tails: {100 * self.tails:.0f} % of it are a Lorentzian, whose half width at "
                "half maximum is the standard deviation of the Gaussian."
            )
        if kind == "frames" and self.frames is not None:
            worst = int(np.argmax(np.abs(np.log(self.frames))))
            return (
                f"The flux of the frames scatters by {100 * np.log(self.frames).std():.2g} %; frame {worst} "
                f"has {self.frames[worst]:.3g} times the mean."
            )
        if kind == "background":
            return f"A background of {self.background:.2g} counts a voxel."
        if kind == "background_frames" and self.background_frames is not None:
            worst = int(np.argmax(np.abs(np.log(self.background_frames))))
            return (
                "The background differs from frame to frame: frame "
                f"{worst} has {self.background_frames[worst]:.2g} times as much as is stated above."
            )
        if kind == "background_waves" and self.background_waves is not None:
            return (
                "The background differs over the detector, smoothly, from "
                f"{self.background_waves.min():.2g} to {self.background_waves.max():.2g} times what is "
                "stated above."
            )
        if kind == "gains" and self.gains is not None:
            return (
                f"The pixels differ in response by {100 * np.log(self.gains).std():.2g} % (standard "
                "deviation over all pixels; those that counted little keep a response of 1)."
            )
        if kind == "angles" and self.angles is not None:
            worst = int(np.argmax(np.abs(self.angles)))
            return (
                f"The frames are off their rocking angles by {self.angles.std():.2g} of a step (standard "
                f"deviation); frame {worst} was measured {abs(self.angles[worst]):.2g} of a step too "
                f"{'far' if self.angles[worst] > 0 else 'early'}."
            )
        return ""


def _change(values: NDArray[np.float32] | None) -> float:
    """Return the largest relative change of factors, 0 where there are none."""
    return 0.0 if values is None else float(np.abs(np.log(values)).max())


def kinds_for(axes: int) -> tuple[Kind, ...]:
    """Return the effects that counts of so many axes tell: in 2D each pixel is seen once, in one frame."""
    return KINDS if axes == 3 else ("spread", "tails", "background", "background_waves")


def check_effects(text: str) -> None:
    """Refuse a setting that is neither "auto", "none" nor a list of effects.

    Raises
    ------
    SettingError
        A word that is no effect, an effect that is named twice, or one without the one that it changes.
    """
    if text in ("auto", "none"):
        return
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in KINDS:
            raise SettingError(
                "refine", f"must be auto, none, or some of {', '.join(KINDS)} with commas, found {text!r}"
            )
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise SettingError("refine", f"names {' and '.join(twice)} more than once, found {text!r}")
    for kind, needed in NEEDS.items():
        if kind in words and needed not in words:
            raise SettingError("refine", f"{kind} changes {needed}, which must be named too, found {text!r}")


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
