"""The one call that fills a pattern."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern, Pattern
from sayre.data.expect import expect
from sayre.data.option import changed
from sayre.errors import InputError, warn
from sayre.filling.gain import photon_gain
from sayre.filling.kept import Kept
from sayre.filling.settings import FillingSettings
from sayre.numerics.device import find_device
from sayre.numerics.notebook import following
from sayre.numerics.progress import Advance, Part

if TYPE_CHECKING:
    from sayre.filling.network.predictor import Predictor
    from sayre.filling.stacking.stacked import Stacked

Log = NDArray[np.float32]

STATISTICAL = ("stack", "crystal", "unet", "wiener")
"""Methods that ask how counts scatter."""
NETWORKED = ("stack", "crystal", "unet")
"""Methods that ask a network about 3D counts."""
LARGEST = 88.0
"""Logarithm of the counts that float32 holds."""
STACKED = 0.3
"""Share of the statistical filling in the time of `crystal`."""


def inpaint(
    pattern: Pattern,
    settings: FillingSettings | None = None,
    *,
    device: str = "auto",
    network: Predictor | None = None,
    progress: Advance | None = None,
    kept: Kept | None = None,
    **changes: Any,
) -> FilledPattern:
    """Fill the unmeasured voxels of a pattern.

    Parameters
    ----------
    pattern
        2D or 3D counts with a mask.
    settings
        Method, stride and weights; by default those of `FillingSettings()`.
    device
        `auto`, `cpu` or `cuda`, for the network.
    network
        In place of the weights that are named: what `fine_tune` returns as `predictor`.
    progress
        Called with the fraction done; by default a notebook shows a bar.
    kept
        Where finished steps of `wiener` and the network are kept, and resumed from where an earlier call with
        the same arguments was stopped: `sayre.files.checkpoints.Checkpoints`. The result is the same.
    changes
        Single settings by name, in place of those of `settings`: `inpaint(pattern, method="wiener")`.

    Returns
    -------
    FilledPattern
        Measured voxels bit for bit as they came; where these may be negative (`Pattern.readout`), filled ones
        may be so slightly. `sigma` is the standard error of `log(1 + expected
        counts)`, NaN for methods that state none. `method` names what filled the voxels: "unet + wiener"
        where the network could not reach all of them.

    Raises
    ------
    InputError
        No pattern, no masked voxel, a network asked for 2D counts, unknown method, weights or device.

    Warns
    -----
    SayreWarning
        Voxels that the network cannot reach (a wider gap than it was trained for, or the rim of the
        array) and that `wiener` fills instead; counts that are no photons, and their gain.
    """
    expect(pattern, Pattern, argument="pattern")
    settings = FillingSettings() if settings is None else settings
    expect(settings, FillingSettings, argument="settings")
    settings = changed(settings, changes)
    method = settings.method
    if not pattern.mask.any():
        raise InputError(f"{pattern.name}: no voxel is masked, nothing to fill; give the gaps by `mask=`")
    if method == "unet" and len(pattern.shape) == 2:
        raise InputError(f"{pattern.name}: the network fills 3D counts, these are 2D; `method='wiener'`")
    chosen = chosen_method(settings)
    if network is not None and (chosen not in NETWORKED or len(pattern.shape) == 2):
        raise InputError(
            f"{pattern.name}: `method={method!r}` asks no network of {len(pattern.shape)}D counts; leave out "
            "`network=`"
        )
    seen, gain = in_photons(pattern, settings)
    if network is None and network_asked(pattern, settings):
        from sayre.filling.network.predictor import load_predictor

        network = load_predictor(settings.weights, device)
    with following(f"filling {pattern.name}", progress) as advance:
        if chosen == "crystal":
            filled, sigma, chosen = _by_crystal(seen, settings, device, network, advance, kept)
        elif chosen == "stack":
            filled, sigma, chosen = _by_stack(seen, settings, network, advance, kept)
        elif chosen == "unet" and network is not None:
            filled, sigma, chosen = _by_network(seen, settings, network, advance, kept)
        else:
            filled, sigma = _by_classic(chosen, np.log1p(seen.intensity), pattern.mask, advance, kept)
    counts = pattern.intensity.copy()
    photons = np.expm1(np.clip(filled[pattern.mask], 0, LARGEST - math.log(max(gain, 1))))
    counts[pattern.mask] = np.float32(gain) * photons - np.float32(pattern.readout**2 / gain)
    if gain != 1 or pattern.readout:
        sigma[pattern.mask] *= gain * (1 + photons) / (1 + np.maximum(counts[pattern.mask], 0))
    sigma = np.where(pattern.mask, sigma, np.float32(0))
    return FilledPattern(pattern=pattern, intensity=counts, sigma=sigma, method=chosen)


def in_photons(pattern: Pattern, settings: FillingSettings) -> tuple[Pattern, float]:
    """Return a pattern as its gaps are filled, and the counts of one photon.

    Its counts scatter as photons: they are in units of one, and the variance of dark voxels is added.

    Parameters
    ----------
    pattern
        Counts as they are.
    settings
        Of the filling.
    """
    gain = _gain(pattern, settings) if chosen_method(settings) in STATISTICAL else 1.0
    if gain == 1:
        return pattern.as_photons(), gain
    intensity, readout = pattern.intensity / np.float32(gain), pattern.readout / gain
    return replace(pattern, intensity=intensity, readout=readout).as_photons(), gain


def _gain(pattern: Pattern, settings: FillingSettings) -> float:
    """Counts of one photon, as given or as found."""
    if settings.gain is not None:
        return settings.gain
    gain = photon_gain(pattern)
    if gain != 1:
        warn(
            f"{pattern.name}: counts scatter as photons of {gain:.3g} counts each would, and are filled so; "
            f"`gain=1` takes them for photons"
        )
    return gain


def chosen_method(settings: FillingSettings) -> str:
    """Return the method that fills a pattern: for `auto`, the one that weighs the others.

    Parameters
    ----------
    settings
        With the method that is asked for.
    """
    return "stack" if settings.method == "auto" else settings.method


def network_asked(pattern: Pattern, settings: FillingSettings) -> bool:
    """Whether a network takes part in the filling of a pattern.

    Parameters
    ----------
    pattern
        2D or 3D counts.
    settings
        Of the filling.
    """
    from sayre.networks import registry

    method = chosen_method(settings)
    if method == "unet":
        return True
    ships = settings.weights is not None or registry.default("inpaint", 3) is not None
    return method in NETWORKED and len(pattern.shape) == 3 and ships


def _by_crystal(
    pattern: Pattern,
    settings: FillingSettings,
    device: str,
    network: Predictor | None,
    progress: Advance | None,
    kept: Kept | None,
) -> tuple[Log, Log, str]:
    """Values, standard errors, and which methods were weighed."""
    from sayre.filling.crystal import crystal_fill

    first, then = Part(progress, 0.0, STACKED), Part(progress, STACKED, 1.0)
    stacked = _stacked(pattern, settings, network, first, kept)
    found = crystal_fill(pattern, stacked, device=find_device(device), progress=then, kept=kept)
    name = f"stack of {', '.join(stacked.names)}"
    if found is None:
        then(1.0)
        return stacked.gap.log, stacked.gap.sigma, name
    return found.log, found.sigma, f"crystal + {name}"


def _by_classic(
    method: str, values: Log, mask: NDArray[np.bool_], progress: Advance | None, kept: Kept | None
) -> tuple[Log, Log]:
    if method == "wiener":
        from sayre.filling.wiener import wiener_fill

        return wiener_fill(values, mask, progress=progress, kept=kept)
    from sayre.filling.classical import CLASSICAL

    filled = CLASSICAL[method](values, mask, progress=progress)
    return filled, np.full(filled.shape, np.nan, np.float32)


def _by_stack(
    pattern: Pattern,
    settings: FillingSettings,
    network: Predictor | None,
    progress: Advance | None,
    kept: Kept | None,
) -> tuple[Log, Log, str]:
    """Values, standard errors, and which methods were weighed."""
    found = _stacked(pattern, settings, network, progress, kept)
    return found.gap.log, found.gap.sigma, f"stack of {', '.join(found.names)}"


def _stacked(
    pattern: Pattern,
    settings: FillingSettings,
    network: Predictor | None,
    progress: Advance | None,
    kept: Kept | None,
) -> Stacked:
    from sayre.filling.stacking import stack_fill

    return stack_fill(pattern, network, settings.stride, progress=progress, kept=kept)


def _by_network(
    pattern: Pattern,
    settings: FillingSettings,
    predictor: Predictor,
    progress: Advance | None,
    kept: Kept | None,
) -> tuple[Log, Log, str]:
    """Values, standard errors, and which methods filled voxels."""
    from sayre.filling.network import windows
    from sayre.filling.network.volume import prepare

    mask = pattern.mask
    slabs, beyond = windows.plan(mask, depth=predictor.depth, max_width=predictor.widths[1])
    if len(beyond):
        warn(
            f"{pattern.name}: {len(beyond)} masked voxels lie in gaps wider than the network's "
            f"{predictor.widths[1]} or at the rim; filled by {predictor.baseline}, with its larger error"
        )
    half = Part(progress, 0.0, 0.5), Part(progress, 0.5, 1.0)
    volume = prepare(pattern.intensity, mask, predictor.baseline, half[0], kept)
    done = windows.fill(
        volume,
        slabs,
        predictor,
        depth=predictor.depth,
        tile=predictor.tile,
        stride=predictor.stride(settings.stride),
        views=windows.VIEWS,
        progress=half[1],
        kept=kept,
    )
    filled, sigma = volume.filled, volume.sigma
    filled.flat[done.voxels] = np.maximum(done.mean, 0)
    sigma.flat[done.voxels] = (
        predictor.sigma_scale * np.sqrt(done.variance) if predictor.states_error else np.nan
    )
    used = [name for name, count in (("unet", len(done.voxels)), (predictor.baseline, len(beyond))) if count]
    return filled, sigma, " + ".join(used)
