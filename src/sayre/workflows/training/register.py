"""Adds trained weights to the registry: their file, a sample of input and output, and a row.

    python -m sayre.workflows.training.register runs/slab/weights.safetensors --name slab-4 --summary "…" \\
        --training training.json --validation validation.json [--sigma-scale 0.9] [--levels 31]
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sayre.data.manifest import sha256_of
from sayre.filling.network.predictor import load_predictor
from sayre.filling.network.volume import prepare
from sayre.networks.registry import FOLDER, REGISTRY, read, write
from sayre.retrieval.learned import predictor as learned
from sayre.retrieval.learned.shape_predictor import ShapePredictor, middle
from sayre.retrieval.prepare import bright_ratios
from sayre.simulation.peak import simulate
from sayre.simulation.strained.testset import strained_crystal

LEVELS = 127
"""Largest whole number of a weight: eight bits. `slab-4` is stored in six (31) at the same accuracy."""


def register(
    source: Path,
    *,
    name: str,
    summary: str,
    training: Mapping[str, Any],
    validation: Mapping[str, Any],
    sigma_scale: float = 1.0,
    levels: int = LEVELS,
) -> None:
    """Add weights to the package, with a sample and a row of the registry; they become the default.

    Parameters
    ----------
    source
        File of the weights, as `sayre train` wrote it.
    name
        Name in the registry.
    summary
        What they are, in a few words.
    training
        How they were trained.
    validation
        Their scores.
    sigma_scale
        Factor on the standard error that the network predicts.
    levels
        Largest whole number of a weight, 127 at most: fewer make a smaller and less accurate file.

    Raises
    ------
    InputError
        `source` is no file of weights.
    """
    target = FOLDER / f"{name}.safetensors"
    tensors, config = read(source)
    write(target, tensors, config, levels=levels)
    row: dict[str, Any] = {"file": target.name}
    if config["network"] == "shape":
        _write_shape_sample(target, config["options"]["dimensions"])
        row |= {"task": "shape", "dimensions": config["options"]["dimensions"]}
    else:
        _write_sample(target)
        row |= {"task": "inpaint", "widths": list(config["widths"]), "sigma_scale": sigma_scale}
    row |= {"sha256": sha256_of(target), "default": True, "summary": summary}
    rows = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    for other in rows.values():
        same = (other["task"], other.get("dimensions")) == (row["task"], row.get("dimensions"))
        other["default"] = other["default"] and not same
    rows[name] = {**row, "training": dict(training), "validation": dict(validation)}
    REGISTRY.write_text("\n".join(_lines(rows)), encoding="utf-8")


def _lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the registry in TOML."""
    for name, row in rows.items():
        yield f'["{name}"]'
        yield from (f"{key} = {_text(v)}" for key, v in row.items() if not isinstance(v, Mapping))
        for table in ("training", "validation"):
            yield f'\n["{name}".{table}]'
            yield from (f'"{key}" = {_text(value)}' for key, value in row[table].items())
        yield ""


def _text(value: Any) -> str:
    """Return a value in TOML."""
    return json.dumps(value, ensure_ascii=False)


def _write_shape_sample(weights: Path, dimensions: int) -> None:
    """Write the counts of a strained crystal, and the logits that the network predicts for its middle."""
    counts = strained_crystal(dimensions, "2-4", 0).counts
    ratios = bright_ratios(counts)
    learned.load_predictor.cache_clear()
    predictor = learned.load_predictor(weights, dimensions)
    assert isinstance(predictor, ShapePredictor)
    logits = predictor(counts, ratios, torch.device("cpu"))
    np.savez_compressed(
        weights.with_suffix(".sample.npz"),
        counts=counts,
        ratios=ratios,
        logits=logits[middle(logits.shape)].astype(np.float16),
    )


def _write_sample(weights: Path) -> None:
    """Write a 32³ window of a simulated peak with a gap of 6 voxels, and the mean that is predicted."""
    made = simulate("wulff", atoms=30_000, shape_px=48, max_counts=1e6, generator=np.random.default_rng(1))
    mask = np.zeros(made.pattern.shape, bool)
    mask[27:33] = True
    gapped = made.pattern.with_mask(mask)
    volume = prepare(gapped.intensity, mask, "wiener")
    window = (slice(14, 46), slice(8, 40), slice(8, 40))
    names = ("filled", "sigma", "mask", "mirror", "mirror_mask", "linear")
    inputs = {n: getattr(volume, n)[window][None].astype(np.float16) for n in names}
    mean, _ = load_predictor(weights, "cpu")(*(a.astype(np.float32) for a in inputs.values()))
    np.savez_compressed(weights.with_suffix(".sample.npz"), **inputs, mean=mean)


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, help="File of the weights, as `sayre train` wrote it.")
    parser.add_argument("--name", required=True, help="Name in the registry.")
    parser.add_argument("--summary", required=True, help="What the weights are, in a few words.")
    parser.add_argument(
        "--training", type=Path, required=True, help="JSON file of data, steps, device and time."
    )
    parser.add_argument("--validation", type=Path, required=True, help="JSON file of the scores.")
    parser.add_argument(
        "--sigma-scale", type=float, default=1.0, help="Factor on the predicted standard error."
    )
    parser.add_argument("--levels", type=int, default=LEVELS, help="Largest whole number of a weight.")
    options = parser.parse_args()
    register(
        options.weights,
        name=options.name,
        summary=options.summary,
        training=json.loads(options.training.read_text(encoding="utf-8")),
        validation=json.loads(options.validation.read_text(encoding="utf-8")),
        sigma_scale=options.sigma_scale,
        levels=options.levels,
    )


if __name__ == "__main__":
    main()
