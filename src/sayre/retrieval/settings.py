"""Settings of phase retrieval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from sayre.data.option import Option, SettingError, check_settings
from sayre.retrieval.measurement.nuisances import check_effects

Gaps = Literal["bounded", "free", "zero"]
GAPS: tuple[str, ...] = get_args(Gaps)
Reference = Literal["max", "rms", "average"]
REFERENCES: tuple[str, ...] = get_args(Reference)
Binning = tuple[int, int, int]
"""Frames, rows and columns that are summed to a voxel."""

_STARTS, _COUNTS, _SUPPORT = "Phase retrieval", "Counts and gaps", "Support"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of `sayre.phase`, which together with the counts determine its result.

    Attributes
    ----------
    recipe
        Text that `sayre.retrieval.engine.recipe.parse` reads, or the name of a file that holds it; by default
        the preset "default", or "strained" where a network predicts the starts.
    runs
        Largest number of starts. Where those of a network do not agree, as many random ones follow, unless a
        recipe is given.
    enough
        No further starts are made once two that fit as well as the best agree to this complex correlation.
        With None all are made, or, where a network predicts the starts, 0.95 is used.
    seed
        Seed of all random numbers; the same seed gives the same result.
    keep
        Fraction of the starts to average at most, rounded to whole starts; see
        `sayre.retrieval.choice.select.select`.
    init
        "random" for random phases in the support of the autocorrelation, "network" for random phases in the
        shape that a network predicts, or the name of a file that holds an object.
    init_weights
        Weights of that network: a name in the registry or a `.safetensors` file.
    gaps, sigmas, confidence, free
        Bounds of the amplitudes; see `sayre.retrieval.engine.bounds.amplitude_bounds`.
    threshold, reference, smoothing
        Shrink-wrap: the support is where the smoothed amplitude exceeds `threshold` times its maximum, root
        mean square or average in the present support. The standard deviation of the smoothing Gaussian goes
        from the first to the second number of `smoothing`, in voxels. With a threshold of None it is 0.3 in
        the search; for the last iterations 0.3, 0.2 or 0.15 is chosen, which predicts the free voxels best.
    support_fraction
        Smallest and largest fraction of the array that the support may fill; outside this range the brightest
        voxels of that number are the support.
    refine
        Effects of the measurement under which the result is refined by maximum likelihood
        (`sayre.retrieval.measurement`): "auto" for those that predict the free voxels better, "none" for no
        refinement, or some of `sayre.retrieval.measurement.nuisances.KINDS` with commas: "spread", "tails",
        "frames", "background", "background_frames", "background_waves", "gains", "angles".
    mask_aliens
        Whether bright places that are not of the crystal are looked for, masked, and the counts phased again
        (`sayre.retrieval.aliens`).
    binning
        Frames, rows and columns of the blocks that are summed to one voxel before anything else.

    Raises
    ------
    SettingError
        A setting out of range.
    """

    recipe: Annotated[
        str | None,
        Option(
            help="Algorithms and support updates to iterate: a preset (default, quick, precise, strained, "
            "fixed), text such as '(HIO*20 + SW)**10, ER*50', or a file that holds such text.",
            metavar="RECIPE",
            panel=_STARTS,
        ),
    ] = None
    runs: Annotated[
        int,
        Option(
            help="Largest number of starts; with --init network as many random ones follow if none agree.",
            least=1,
            whole=True,
            panel=_STARTS,
        ),
    ] = 20
    enough: Annotated[
        float | None,
        Option(
            help="Make no more starts once two agree to this complex correlation. By default all starts are "
            "made; with --init network the default is 0.95.",
            above=0,
            most=1,
            panel=_STARTS,
        ),
    ] = None
    seed: Annotated[
        int,
        Option(
            help="Seed of all random numbers; the same seed gives the same result.",
            least=0,
            whole=True,
            panel=_STARTS,
        ),
    ] = 0
    keep: Annotated[
        float,
        Option(
            help="Average at most this fraction of the starts that did not fail, rounded to whole starts (by "
            "default 2 of 3), but one at least.",
            above=0,
            most=1,
            panel=_STARTS,
        ),
    ] = 0.5
    init: Annotated[
        str,
        Option(
            help="What starts begin with: random phases, the shape that a network predicts (for strained "
            "crystals), or the object in a file (.npz, .cxi).",
            metavar="random|network|FILE",
            panel=_STARTS,
        ),
    ] = "random"
    init_weights: Annotated[
        str | None,
        Option(
            help="Weights of the network of --init network: a name that `sayre weights list` shows, or a "
            ".safetensors file.",
            flags=("--init-weights", "--weights"),
            metavar="NAME|FILE",
            panel=_STARTS,
        ),
    ] = None
    refine: Annotated[
        str,
        Option(
            help="Effects of beam and detector under which the result is refined by maximum likelihood: auto "
            "(those that predict the free voxels better), none (no refinement), or some of spread, tails, "
            "frames, background, background_frames, background_waves, gains, angles, with commas.",
            metavar="auto|none|LIST",
            panel=_COUNTS,
        ),
    ] = "auto"
    mask_aliens: Annotated[
        bool,
        Option(
            help="Look for aliens, counts of something else than the crystal: mask bright places that have "
            "no counterpart on the other side of the peak, phase again, and keep those masked that the "
            "crystal does not explain then. Takes two to three times as long where there are such places.",
            panel=_COUNTS,
        ),
    ] = False
    binning: Annotated[
        Binning,
        Option(
            help="Frames, rows and columns of the blocks that are summed to one voxel; for 2D counts the "
            "last two numbers apply.",
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
            help="Constraint in gaps: bounded by the standard error of the filling, free, or zero counts.",
            choices=GAPS,
            metavar="bounded|free|zero",
            panel=_COUNTS,
        ),
    ] = "bounded"
    sigmas: Annotated[
        float,
        Option(
            help="Half-width of the bounds of a filled voxel, in standard errors of the filling.",
            least=0,
            panel=_COUNTS,
        ),
    ] = 2.0
    confidence: Annotated[
        float,
        Option(
            help="Half-width of the bounds of measured counts, in units of √(I + 1); "
            "with 0 the counts are taken as exact.",
            least=0,
            panel=_COUNTS,
        ),
    ] = 0.0
    free: Annotated[
        float,
        Option(
            help="Fraction of the measured voxels that is left free, for the free log-likelihood.",
            least=0,
            below=0.5,
            panel=_COUNTS,
        ),
    ] = 0.05
    threshold: Annotated[
        float | None,
        Option(
            help="Fraction of the reference amplitude above which a voxel is in the support. By default 0.3; "
            "where the result is refined, 0.3, 0.2 or 0.15, whichever predicts the free voxels best.",
            above=0,
            below=1,
            panel=_SUPPORT,
        ),
    ] = None
    reference: Annotated[
        Reference,
        Option(
            help="Reference amplitude of --threshold: maximum, root mean square or average in the support.",
            choices=REFERENCES,
            metavar="max|rms|average",
            panel=_SUPPORT,
        ),
    ] = "rms"
    smoothing: Annotated[
        tuple[float, float],
        Option(
            help="Standard deviation of the Gaussian of shrink-wrap at the start and at the end, in voxels.",
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
        check_effects(self.refine)
        low, high = self.support_fraction
        if low >= high:
            raise SettingError(
                "support_fraction", f"the smallest must be below the largest, found {low} and {high}"
            )
        if self.init_weights is not None and self.init != "network":
            raise SettingError(
                "init_weights", f"can only be given together with init network, found init {self.init}"
            )

    @property
    def init_file(self) -> str | None:
        """Name of the file that holds the object of `init`; None where `init` is not a file."""
        return None if self.init in ("random", "network") else self.init

    @property
    def of_a_run(self) -> dict[str, Any]:
        """The settings that a single start depends on, as plain values.

        How many starts there are is none of them, but where random ones follow those of a network: which
        start is the first of them depends on it.
        """
        others = ("keep", "refine", "mask_aliens", *(() if self.init == "network" else ("runs",)))
        return {name: value for name, value in asdict(self).items() if name not in others}
