"""Fine-tuning: the filling network is trained further on the pattern that it is to fill.

Gaps like the real ones are hidden in measured parts of the pattern, and the network learns to fill them. It
is judged every few steps by copies of the gaps that are never trained on. The best weights are used if they
fill these better than the weights given, by more than chance; otherwise those are used as they are.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sayre.data import Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.errors import InputError
from sayre.filling.fill import in_photons, network_asked
from sayre.filling.kept import Kept
from sayre.filling.network.predictor import Predictor, load_predictor
from sayre.filling.settings import FillingSettings
from sayre.filling.stacking.pieces import hidden_copies
from sayre.filling.tuning.judged import Judgement, judge
from sayre.filling.tuning.loss import Batch, tuning_loss
from sayre.filling.tuning.places import Scene, held_scene, reserved, training_scene
from sayre.filling.tuning.samples import Cutter, batch_of
from sayre.filling.tuning.tuned import SURE, Tuned, restored, with_network
from sayre.numerics.notebook import following
from sayre.numerics.progress import Advance, Part

SCENES = 4
STEPS, EVERY, PATIENCE = 32, 8, 2
"""Steps at most, between checks, and checks in a row without a new best one after which training stops."""
WINDOWS = 4
"""Windows of a step."""
HELD = 16
"""Windows that are held back, at most."""
RATE, WARM = 3e-4, 4
"""Rate of Adam, and steps in which it rises; it then falls to zero as a cosine."""
NAME = "tuned"
"""Under which the result is kept."""


def fine_tune(
    pattern: Pattern,
    settings: FillingSettings | None = None,
    *,
    device: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    progress: Advance | None = None,
    kept: Kept | None = None,
    **changes: Any,
) -> Tuned:
    """Train the filling network on the measured part of a pattern, and keep the result if it fills better.

    Parameters
    ----------
    pattern
        3D counts with gaps wider than two voxels.
    settings
        Of the filling that follows: its weights are where the training begins.
    device
        `auto`, `cpu` or `cuda`.
    seed
        Of every random number.
    steps
        Steps at most; None takes `STEPS`.
    progress
        Called with the fraction done; by default a notebook shows a bar.
    kept
        Where the result is kept, and read from.
    changes
        Single settings by name, in place of those of `settings`.

    Returns
    -------
    Tuned
        `inpaint(pattern, network=tuned.predictor)` fills with it.

    Raises
    ------
    InputError
        2D counts, a method without a network, or no gap that can be hidden in measured voxels, both to train
        on and to judge by.
    """
    expect(pattern, Pattern, argument="pattern")
    settings = changed(FillingSettings() if settings is None else settings, changes)
    started = time.perf_counter()
    if not network_asked(pattern, settings):
        raise InputError(
            f"{pattern.name}: `method={settings.method!r}` asks no network of {len(pattern.shape)}D counts; "
            "leave out `fine_tune=`"
        )
    seen, gain = in_photons(pattern, settings)
    predictor = load_predictor(settings.weights, device)
    left = None if kept is None else kept.load(NAME)
    if left is not None:
        return restored(left, predictor)
    with following(f"fine-tuning on {pattern.name}", progress) as advance:
        tuned = _tuned(
            seen,
            gain,
            predictor,
            np.random.default_rng([seed, 0x7E]),
            STEPS if steps is None else steps,
            advance,
        )
    tuned = replace(tuned, seconds=time.perf_counter() - started)
    if kept is not None:
        kept.save(NAME, **tuned.arrays)
    return tuned


def _tuned(
    pattern: Pattern,
    gain: float,
    predictor: Predictor,
    generator: np.random.Generator,
    steps: int,
    progress: Advance | None,
) -> Tuned:
    """Hide gaps in a pattern of photons, train and judge."""
    scenes, held = _hidden(pattern, generator, Part(progress, 0.0, 0.3))
    target = np.log1p(pattern.intensity)
    judged = Cutter(held, target, predictor).side_by_side(HELD, generator)
    cutters = [cutter for cutter in (Cutter(s, target, predictor) for s in scenes) if cutter.slabs]
    if not cutters or not judged:
        raise InputError(
            f"{pattern.name}: the gaps are wider than the network's {predictor.widths[1]} voxels; "
            "leave out `fine_tune=`"
        )

    def draw(number: int) -> Batch:
        cutter = cutters[number % len(cutters)]
        return batch_of([cutter.draw(generator) for _ in range(WINDOWS)], predictor.device)

    batches = [batch_of([sample], predictor.device) for sample in judged]
    found = _train(predictor.network, draw, batches, steps, Part(progress, 0.3, 1.0))
    less, uncertainty = found.best.less_than(found.first)
    improved = found.step > 0 and less > SURE * uncertainty
    widened = found.best.widening(found.first) if improved and predictor.states_error else 1.0
    return Tuned(
        predictor=with_network(predictor, found.network, widened) if improved else predictor,
        improved=improved,
        before=found.first.error,
        after=found.best.error,
        uncertainty=uncertainty,
        voxels=int(found.first.voxels.sum()),
        trained_on=int(sum(scene.wanted.sum() for scene in scenes)),
        gain=gain,
        widened=widened,
        best=found.step,
        steps=found.steps,
        checks=tuple(found.checks),
    )


def _hidden(pattern: Pattern, generator: np.random.Generator, progress: Part) -> tuple[list[Scene], Scene]:
    """Scenes to train on, and the one that is held back."""
    copies = hidden_copies(pattern.mask)
    taken, scenes = reserved(pattern, copies), []
    if any(piece.shifts for piece in copies.pieces):
        for number in range(SCENES):
            scenes.append(training_scene(pattern, copies, taken, generator))
            progress((number + 1) / (SCENES + 1), "hiding gaps")
    made = [scene for scene in scenes if scene is not None]
    if not made:
        raise InputError(
            f"{pattern.name}: no gap wider than two voxels has copies that can be hidden in measured voxels; "
            "leave out `fine_tune=`"
        )
    return made, held_scene(pattern, copies)


class _Found(NamedTuple):
    network: nn.Module
    first: Judgement
    best: Judgement
    step: int
    steps: int
    checks: list[float]


def _train(
    given: nn.Module, draw: Callable[[int], Batch], held: list[Batch], steps: int, progress: Part
) -> _Found:
    """Train a copy of a network, and return it with the weights that were judged best."""
    network = copy.deepcopy(given)
    parameters = list(network.parameters())
    first = best = judge(network, held)
    checks = [first.error]
    weights: dict[str, Tensor] | None = None
    at = number = late = 0
    optimiser = torch.optim.Adam(parameters, RATE, betas=(0.9, 0.98))
    for number in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(number / WARM, 0.5 + 0.5 * float(np.cos(np.pi * (number - 1) / steps)))
        batch = draw(number)
        with torch.autocast(batch.target.device.type, torch.bfloat16):
            mean, log_variance = network(*batch.channels)
        loss = tuning_loss(mean.float(), log_variance.float(), batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if number % EVERY == 0:
            rounded = _rounded(network)
            now = judge(rounded, held)
            checks.append(now.error)
            late += 1
            if now.error < best.error:
                best, at, late, weights = now, number, 0, rounded.state_dict()
        progress(number / steps, f"held-back error {best.error:.4f}, {first.error:.4f} before")
        if late == PATIENCE:
            break
    if weights is not None:
        network.load_state_dict(weights)
    return _Found(network.eval().requires_grad_(False), first, best, at, number, checks)


def _rounded(network: nn.Module) -> nn.Module:
    """A copy with weights in half precision, as a file holds them."""
    made = copy.deepcopy(network)
    made.load_state_dict({name: tensor.half().float() for name, tensor in made.state_dict().items()})
    return made
