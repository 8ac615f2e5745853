"""How gaps are filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from sayre.data.option import Option, check_settings

Method = Literal["auto", "stack", "crystal", "unet", "wiener", "linear", "cubic", "nearest", "biharmonic"]
METHODS: tuple[str, ...] = get_args(Method)

_PANEL = "Filling"


@dataclass(frozen=True, kw_only=True)
class FillingSettings:
    """Settings of `sayre.inpaint`.

    Attributes
    ----------
    method
        `stack` weighs linear interpolation, `wiener` and `unet` by how well each fills copies of the gaps
        that are hidden near by; `crystal` phases the pattern and fills the gaps by the counts that the
        crystal expects, as far as copies of the gaps trust it; `unet` is the network (3D only), `wiener` a
        linear predictor learnt from the pattern itself, the others interpolate. `auto` takes `stack`.
    stride
        Distance of neighbouring network windows in voxels; smaller is slower and more accurate. None shows
        few and large windows, each in two orientations.
    weights
        Name in the registry or a `.safetensors` file; None takes the registry's default.

    gain
        Counts of one photon, which say how counts scatter, for `stack`, `crystal`, `unet` and `wiener`; None
        finds it where counts were scaled, and takes 1 where they are photons.

    Raises
    ------
    SettingError
        An unknown method, a stride below 1, a gain that is not positive.
    """

    method: Annotated[
        Method,
        Option(
            help="How gaps are filled: " + ", ".join(METHODS) + ".",
            choices=METHODS,
            metavar="NAME",
            panel=_PANEL,
        ),
    ] = "auto"
    stride: Annotated[
        int | None,
        Option(
            help="Distance of network windows in voxels; smaller is slower and more accurate. By default "
            "windows are large, few, and each shown twice.",
            least=1,
            whole=True,
            panel=_PANEL,
        ),
    ] = None
    weights: Annotated[
        str | None,
        Option(
            help="Weights of the filling network: a name of `sayre weights list`, or a .safetensors file.",
            metavar="NAME|FILE",
            panel=_PANEL,
        ),
    ] = None

    gain: Annotated[
        float | None,
        Option(
            help="Counts of one photon, where counts were scaled. By default it is found.",
            above=0,
            metavar="COUNTS",
            panel=_PANEL,
        ),
    ] = None

    def __post_init__(self) -> None:
        check_settings(self)
