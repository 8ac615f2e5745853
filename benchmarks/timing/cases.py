"""What is timed: each case beside its yardstick, an FFT pair of the same array unless another is named."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from timing.turns import Taken, turns

METHODS = {"default": "stack", "wiener": "wiener", "unet": "unet"}
STEPS = ("ER", "HIO", "RAAR", "ML")
ATOMS = 134_000
MANY = 10
"""FFT pairs in a turn with a filling or a run, of which the fastest counts."""


@dataclass(frozen=True)
class How:
    """How the time is taken: repeats, one of `turns.CLOCKS`, and threads."""

    repeats: int
    clock: str
    threads: int


@dataclass(frozen=True)
class Group:
    """Cases that take turns in one process.

    Attributes
    ----------
    cases
        Names of the cases, by the names of the work in what `measure` returns.
    measure
        Takes the times, with those of the yardstick as `pair`.
    repeats
        Turns that count, unless others are asked for.
    yardstick
        In words.
    """

    cases: dict[str, str]
    measure: Callable[[How], Taken]
    repeats: int
    yardstick: str = "FFT pair"


def filling(method: str, side: int, how: How) -> Taken:
    import speed

    timing = {"clock": how.clock, "threads": how.threads, "pairs": MANY}
    found = speed.measure(METHODS[method], how.repeats, None, side=side, **timing)
    taken: Taken = found["taken"]
    return taken


def steps(side: int, how: How) -> Taken:
    import phasing

    return phasing.taken(side, 1, "cpu", how.repeats, how.clock, names=STEPS)


def likelihood(side: int, how: How) -> Taken:
    """An evaluation of the refinement's likelihood, by default effects, with its gradient."""
    import numpy as np
    import torch

    import phasing
    from sayre.retrieval.measurement.forward import Forward
    from sayre.retrieval.measurement.nuisances import Nuisances
    from sayre.retrieval.measurement.refine import first_parameters

    bounds, inside = phasing.made_bounds(side), phasing.ball(side)
    forward = Forward(bounds, inside, torch.device("cpu"))
    obj = inside * np.complex64(np.sqrt(bounds.counts.max()) / inside.sum())
    kinds = ("spread", "frames", "background", "gains")
    p = first_parameters(obj, forward, kinds, Nuisances())
    x = torch.randn((side,) * 3, dtype=torch.complex64)
    field, back = torch.empty_like(x), torch.empty_like(x)

    def pair() -> None:
        torch.fft.fftn(x, out=field)
        torch.fft.ifftn(field, out=back)

    with torch.no_grad():
        return turns({"pair": pair, "evaluation": lambda: forward.misfit(p)}, how.repeats, clock=how.clock)


def gradients(side: int, how: How) -> Taken:
    import autodiff

    return autodiff.taken(side, "cpu", how.repeats, clock=how.clock, names=["lsq"])


def kinematic_sum(side: int, how: How) -> Taken:
    """In one thread, by processor time, however the others are timed."""
    import numpy as np

    import scatter
    from sayre.simulation.particles import shapes

    rng = np.random.default_rng(0)
    particle = shapes.build("winterbottom", ATOMS, element=scatter.SPECIES, generator=rng)
    with tempfile.TemporaryDirectory() as folder:
        positions = Path(folder) / "positions.npy"
        np.save(positions, particle.positions)
        taken: Taken = scatter.measure(positions, side, how.repeats, None)["taken"]
    return taken


def command(*words: str) -> Callable[[], None]:
    """A call of Python that must succeed."""

    def call() -> None:
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])

    return call


def starting(how: How) -> Taken:
    work = {
        "pair": command("-c", "import numpy"),
        "import": command("-c", "import sayre"),
        "help": command("-m", "sayre", "--help"),
    }
    return turns(work, how.repeats, clock=how.clock)


def whole(side: int, options: tuple[str, ...], how: How) -> Taken:
    """`sayre run` of a simulated peak behind a cross, from the file of counts to the report."""
    import numpy as np
    import scipy.fft

    from sayre import save
    from sayre.detectors import masks
    from sayre.simulation.peak import simulate

    shape, generator = (side,) * 3, np.random.default_rng(11)
    made = simulate(
        "winterbottom", shape_px=shape, oversampling=3.0, max_counts=1e6, rotate=True, generator=generator
    )
    width = round(side * 6 / 128)
    gap = masks.cross(shape, axes=(1, 2), starts=(side // 2 + width, side * 3 // 8), widths=(width, width))
    field = made.amplitude.astype(np.complex64)

    def pair() -> None:
        scipy.fft.ifftn(scipy.fft.fftn(field, workers=how.threads), workers=how.threads)

    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "peak.npz", made.pattern.with_mask(gap))
        del made
        peak, out = str(Path(folder) / "peak.npz"), str(Path(folder) / "out")
        run = command("-m", "sayre", "run", peak, "-o", out, "--force", "--quiet", *options)
        work = {"pair": pair, "run": run}
        return turns(work, how.repeats, clock=how.clock, warm=False, many={"pair": MANY})


def _filling(method: str, side: int, repeats: int) -> Group:
    return Group({"fill": f"fill-{side}-{method}"}, lambda how: filling(method, side, how), repeats)


GROUPS = (
    *(_filling(method, 64, 3) for method in METHODS),
    *(_filling(method, 128, 2) for method in METHODS),
    Group({name: f"step-128-{name}" for name in STEPS}, lambda how: steps(128, how), 25),
    Group({"evaluation": "likelihood-80"}, lambda how: likelihood(80, how), 25),
    Group({"lsq": "autodiff-128"}, lambda how: gradients(128, how), 15),
    Group({"sum": "sum-128"}, lambda how: kinematic_sum(128, how), 5),
    Group({"import": "import", "help": "help"}, starting, 9, "import numpy"),
    Group({"run": "run-48"}, lambda how: whole(48, ("--recipe", "quick", "--runs", "3"), how), 2),
)
WHOLE = Group({"run": "run-128"}, lambda how: whole(128, ("--runs", "10"), how), 1)
"""What `--whole` adds."""
WORDS = {
    **{
        f"fill-{side}-{method}": f"a 6-voxel cross in {side}³ filled by `{name}`"
        for side in (64, 128)
        for method, name in METHODS.items()
    },
    **{f"step-128-{name}": f"an iteration of {name}, 128³, one start" for name in STEPS},
    "likelihood-80": "the refinement's likelihood with its gradient, 80³",
    "autodiff-128": "a step of `AD`, least squares, 128³",
    "sum-128": f"the sum over {ATOMS} atoms in 128³, one thread",
    "import": "`import sayre`, beside `import numpy`",
    "help": "the help of `sayre`, beside `import numpy`",
    "run-48": "`sayre run … --recipe quick --runs 3` of 48³ with a cross",
    "run-128": "`sayre run … --runs 10` of 128³ with a cross (`--whole`)",
}
"""What each case is."""
ASKED_SECONDS = {"fill-128-default": 8.0, "import": 0.3, "help": 0.3, "run-128": 60.0}
ASKED_RATIO = {"step-128-HIO": 1.4}


def measured_here(number: int, how: How) -> str:
    """Times of a group of `GROUPS`, or `WHOLE` after them, as JSON."""
    return json.dumps((*GROUPS, WHOLE)[number].measure(how))
