"""How the phase is retrieved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from sayre.data.option import Option, SettingError, check_settings

Gaps = Literal["bounded", "free", "zero"]
GAPS: tuple[str, ...] = get_args(Gaps)
Reference = Literal["max", "rms", "average"]
REFERENCES: tuple[str, ...] = get_args(Reference)
Binning = tuple[int, int, int]
"""Frames, rows and columns that are summed to a voxel."""

_STARTS, _COUNTS, _SUPPORT = "Phase retrieval", "Counts and gaps", "Support"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of `sayre.phase`: what decides its result beside the counts.

    Attributes
    ----------
    recipe
        Text as `sayre.retrieval.engine.recipe.parse` takes it, or the name of a file that holds it; by
        default the preset "default", or "strained" where a network gives the start.
    runs
        Random starts at most.
    enough
        No further starts are made once two that fit as well as the best agree to this complex correlation;
        None makes all, or stops at 0.95 where a network gives the start.
    seed
        Of all random numbers: the same seed gives the same result.
    keep
        Fraction of the starts to average at most; see `sayre.retrieval.choice.select.select`.
    init
        Where starts begin: "random" phases in the support of the autocorrelation, in the shape that the
        "network" predicts, or at the object in a file.
    init_weights
        Weights of that network: a name in the registry or a `.safetensors` file.
    gaps, sigmas, confidence, free
        Bounds of the amplitudes; see `sayre.retrieval.engine.bounds.amplitude_bounds`.
    threshold, reference, smoothing
        Of shrink-wrap: voxels above `threshold` times the maximum, root mean square or average of the
        amplitude in the present support, which is smoothed by a Gaussian whose width in voxels goes from
        the first to the second number of `smoothing`.
    support_fraction
        Smallest and largest fraction of the array that the support may fill; beyond it the brightest voxels
        of that number are the support.
    binning
        Frames, rows and columns that are summed to a voxel before anything else.

    Raises
    ------
    SettingError
        A setting out of range.
    """

    recipe: Annotated[
        str | None,
        Option(
            help="A preset (default, quick, precise, strained, fixed), text such as "
            "'(HIO*20 + SW)**10, ER*50', or a file that holds it.",
            metavar="RECIPE",
            panel=_STARTS,
        ),
    ] = None
    runs: Annotated[int, Option(help="Random starts at most.", least=1, whole=True, panel=_STARTS)] = 20
    enough: Annotated[
        float | None,
        Option(
            help="Make no more starts once two agree to this complex correlation; "
            "0.95 with --init network, else all starts are made.",
            above=0,
            most=1,
            panel=_STARTS,
        ),
    ] = None
    seed: Annotated[
        int, Option(help="The same seed gives the same result.", least=0, whole=True, panel=_STARTS)
    ] = 0
    keep: Annotated[
        float, Option(help="Fraction of the starts to average at most.", above=0, most=1, panel=_STARTS)
    ] = 0.5
    init: Annotated[
        str,
        Option(
            help="Where starts begin: random, network (which predicts the shape: for strained crystals), "
            "or a file of an object (.npz, .cxi).",
            metavar="random|network|FILE",
            panel=_STARTS,
        ),
    ] = "random"
    init_weights: Annotated[
        str | None,
        Option(
            help="Weights for --init network: a name of `sayre weights list`, or a .safetensors file.",
            flags=("--init-weights", "--weights"),
            metavar="NAME|FILE",
            panel=_STARTS,
        ),
    ] = None
    binning: Annotated[
        Binning,
        Option(
            help="Frames, rows and columns to sum to a voxel; of 2D counts the last two apply.",
            flags=("--bin",),
            metavar="F R C",
            least=1,
            whole=True,
            panel=_COUNTS,
        ),
    ] = (1, 1, 1)
    gaps: Annotated[
        Gaps,
        Option(
            help="Filled voxels are bounded (by the stated error of the filling), free, or zero.",
            choices=GAPS,
            metavar="bounded|free|zero",
            panel=_COUNTS,
        ),
    ] = "bounded"
    sigmas: Annotated[
        float, Option(help="Standard errors that bound a filled voxel.", least=0, panel=_COUNTS)
    ] = 2.0
    confidence: Annotated[
        float,
        Option(
            help="Half-width of the interval of measured counts in units of √(I + 1); 0 takes them as exact.",
            least=0,
            panel=_COUNTS,
        ),
    ] = 0.0
    free: Annotated[
        float,
        Option(
            help="Fraction of the measured voxels that phasing does not see, to validate the result by.",
            least=0,
            below=0.5,
            panel=_COUNTS,
        ),
    ] = 0.05
    threshold: Annotated[
        float,
        Option(
            help="Fraction of the reference amplitude above which a voxel is in the support.",
            above=0,
            below=1,
            panel=_SUPPORT,
        ),
    ] = 0.3
    reference: Annotated[
        Reference,
        Option(
            help="Reference of --threshold: the max, rms or average amplitude in the present support.",
            choices=REFERENCES,
            metavar="max|rms|average",
            panel=_SUPPORT,
        ),
    ] = "rms"
    smoothing: Annotated[
        tuple[float, float],
        Option(
            help="Width of the Gaussian of shrink-wrap at the start and at the end, in voxels.",
            metavar="START END",
            least=0,
            panel=_SUPPORT,
        ),
    ] = (2.0, 1.0)

    support_fraction: Annotated[
        tuple[float, float],
        Option(
            help="Smallest and largest fraction of the array that the support may fill.",
            metavar="LEAST MOST",
            above=0,
            most=1,
            panel=_SUPPORT,
        ),
    ] = (1e-4, 0.4)

    def __post_init__(self) -> None:
        check_settings(self)
        if len(self.binning) != 3:
            raise SettingError("binning", f"must be three whole numbers, found {self.binning!r}")
        low, high = self.support_fraction
        if low >= high:
            raise SettingError("support_fraction", f"must rise, found {low} and {high}")
        if self.init_weights is not None and self.init != "network":
            raise SettingError("init_weights", f"belongs to init network, found init {self.init}")

    @property
    def init_file(self) -> str | None:
        """Name of the file whose object starts begin at, if they do."""
        return None if self.init in ("random", "network") else self.init

    @property
    def of_a_run(self) -> dict[str, Any]:
        """What a single start depends on, as plain values: starts made with other values are not the same."""
        return {name: value for name, value in asdict(self).items() if name != "keep"}
