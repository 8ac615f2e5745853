"""Adds trained weights to the registry: the file, a sample of what it does, and a row.

    python -m sayre.studies.register runs/slab/weights.safetensors --name slab-3 --summary "…" \\
        --training training.json --validation validation.json [--sigma-scale 0.9]
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sayre.data.manifest import sha256_of
from sayre.inpaint.predict import load_predictor
from sayre.inpaint.volume import prepare
from sayre.simulate.simulate import simulate
from sayre.weights import FOLDER, read


def register(
    source: Path,
    *,
    name: str,
    summary: str,
    training: Mapping[str, Any],
    validation: Mapping[str, Any],
    sigma_scale: float = 1.0,
) -> None:
    """Copy `source` into the package, store a sample, and write the registry's row of `name`."""
    target = FOLDER / f"{name}.safetensors"
    shutil.copyfile(source, target)
    _, config = read(target)
    _write_sample(target)
    row = {
        "file": target.name,
        "sha256": sha256_of(target),
        "task": "inpaint",
        "default": True,
        "widths": list(config["widths"]),
        "summary": summary,
        "sigma_scale": sigma_scale,
    }
    lines = [f'["{name}"]', *(f"{key} = {json.dumps(value)}" for key, value in row.items())]
    for table, content in (("training", training), ("validation", validation)):
        lines += [
            "",
            f'["{name}".{table}]',
            *(f'"{key}" = {json.dumps(value)}' for key, value in content.items()),
        ]
    (FOLDER / "registry.toml").write_text("\n".join(lines) + "\n")


def _write_sample(weights: Path) -> None:
    """One 32³ window of a small simulated peak with a 6-voxel gap, and the mean the network gives it."""
    made = simulate("wulff", atoms=30_000, shape_px=48, max_counts=1e6, generator=np.random.default_rng(1))
    mask = np.zeros(made.pattern.shape, bool)
    mask[27:33] = True
    gapped = made.pattern.with_mask(mask)
    volume = prepare(gapped.intensity, mask, "wiener")
    window = (slice(14, 46), slice(8, 40), slice(8, 40))
    names = ("filled", "sigma", "mask", "mirror", "mirror_mask")
    inputs = {n: getattr(volume, n)[window][None].astype(np.float16) for n in names}
    mean, _ = load_predictor(weights, "cpu")(*(a.astype(np.float32) for a in inputs.values()))
    np.savez_compressed(weights.with_suffix(".sample.npz"), **inputs, mean=mean)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--summary", required=True)
    parser.add_argument("--training", type=Path, required=True, help="JSON: data, steps, device, time")
    parser.add_argument("--validation", type=Path, required=True, help="JSON: the table of scores")
    parser.add_argument("--sigma-scale", type=float, default=1.0)
    options = parser.parse_args()
    register(
        options.weights,
        name=options.name,
        summary=options.summary,
        training=json.loads(options.training.read_text()),
        validation=json.loads(options.validation.read_text()),
        sigma_scale=options.sigma_scale,
    )


if __name__ == "__main__":
    main()
