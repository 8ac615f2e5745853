"""Small files of every kind that Sayre reads, and what reads them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.io
import tifffile
from fuzz_mutations import cut, of_arrays, of_bytes, of_structure, of_words

import sayre
import sayre.files
from sayre.crystal.geometry_file import read_geometry
from sayre.data import Particle
from sayre.files.atoms import load_particle, save_particle

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "scans")]

Mutation = Callable[[bytes, np.random.Generator], bytes]
BINARY, ARRAYS = (of_bytes, of_bytes, cut), (of_bytes, cut, of_arrays, of_arrays)
STRUCTURED, TEXT = (of_bytes, of_bytes, cut, of_structure, of_structure), (of_bytes, of_words, of_words)
EXAMPLES = Path(__file__).parents[2] / "examples"
COMPUTES = 20
"""Seconds of processor time after which a case ends its process by the signal SIGXCPU: it hangs."""


class Sample(NamedTuple):
    """A file that is damaged, how, and what reads it.

    `whole`: a loss of its end must not go unnoticed. `names`: what an error may name instead of the file.
    """

    kind: str
    path: Path
    read: Callable[[], Any]
    mutations: Sequence[Mutation]
    whole: bool = False
    names: tuple[str, ...] = ()


def samples(folder: Path) -> list[Sample]:
    """Make the files in a folder."""
    found = [*_counts(folder), *_objects(folder), *_texts(folder), *_kept(folder), *_weights(folder)]
    return [*found, *_shards(folder), *_scans(folder)]


def _counts(folder):
    counts = np.random.default_rng(0).poisson(5, (3, 8, 8)).astype(np.uint16)
    mask = np.zeros(counts.shape, bool)
    mask[:, 3] = True
    pattern = sayre.data.Pattern.from_counts(counts, mask)
    filled = sayre.inpaint(pattern, method="linear")

    def of(name, mutations, **options):
        path = folder / name
        return Sample(
            path.suffix[1:], path, lambda: sayre.scans.load_filled(path, **options), mutations, True
        )

    for ending, mutations in {"npz": ARRAYS, "cxi": STRUCTURED, "h5": STRUCTURED, "tif": BINARY}.items():
        sayre.save(folder / f"counts.{ending}", filled)
        yield of(f"counts.{ending}", mutations)
    np.save(folder / "counts.npy", counts)
    tifffile.imwrite(folder / "zlib.tif", counts, compression="zlib", photometric="minisblack")
    scipy.io.savemat(folder / "counts.mat", {"data": counts, "mask": mask.astype(np.uint8)})
    scipy.io.savemat(
        folder / "zlib.mat", {"data": counts, "note": "text", "s": {"a": 1}}, do_compression=True
    )
    scipy.io.savemat(folder / "old.mat", {"data": counts[0]}, format="4")
    for name in ("counts.npy", "zlib.tif", "counts.mat", "zlib.mat", "old.mat"):
        yield of(name, BINARY)
    with h5py.File(folder / "nexus.h5", "w") as file:
        file.create_dataset("entry/data/counts", data=counts, chunks=(1, 8, 8), compression="gzip")
        file.create_dataset("entry/data/mask", data=mask[0].astype(np.uint8), fletcher32=True)
        file["entry/data/whitefield"] = np.ones((8, 8))
        file["entry/instrument/detector/distance"] = 1.0
        file["entry/link"] = h5py.SoftLink("/entry/data")
        file.attrs["default"], file["entry"].attrs["default"] = "entry", "data"
        file["entry/data"].attrs["signal"] = "counts"
    yield of("nexus.h5", STRUCTURED)
    with h5py.File(folder / "new.h5", "w", libver="latest") as file:
        file.create_dataset("g/data", data=counts, chunks=(1, 8, 8), maxshape=(None, 8, 8), shuffle=True)
        file["g"].attrs["title"] = "of the newest format"
    yield of("new.h5", STRUCTURED)
    (folder / "frames").mkdir()
    for number, frame in enumerate(counts):
        tifffile.imwrite(folder / "frames" / f"f_{number}.tif", frame)
    frames = folder / "frames"
    yield Sample("folder", frames / "f_1.tif", lambda: sayre.load(frames), BINARY, True)
    for name in ("mask.npz", "mask.h5", "mask.tif", "flat.npy"):
        array = mask[0].astype(np.uint8) if "mask" in name else 1 + mask[0].astype(float)
        if name.endswith("npz"):
            np.savez(folder / name, mask=array)
        elif name.endswith("h5"):
            with h5py.File(folder / name, "w") as file:
                file["mask"] = array
        elif name.endswith("tif"):
            tifffile.imwrite(folder / name, array)
        else:
            np.save(folder / name, array)
        given = {"flat" if "flat" in name else "mask": folder / name}
        kinds = {"npz": ARRAYS, "h5": STRUCTURED}.get(name.rpartition(".")[2], BINARY)
        yield of("counts.npy", kinds, **given)._replace(
            kind="mask", path=folder / name, names=("counts.npy",)
        )


def _objects(folder):
    inside = np.ones((4, 5, 6), bool)
    crystal = sayre.data.Crystal(
        object=inside.astype(np.complex64), support=inside, voxel_size=(5.0, 5.0, 5.0), hkl=(1, 1, 1)
    )
    for ending, mutations in {"npz": ARRAYS, "cxi": STRUCTURED}.items():
        path = folder / f"object.{ending}"
        sayre.save(path, crystal)
        yield Sample("object", path, lambda path=path: sayre.load_crystal(path), mutations, True)


def _texts(folder):
    from sayre.retrieval.engine.recipe import parse, recipe_text
    from sayre.simulation.dataset import DatasetConfig
    from sayre.workflows.training.train_inpaint import InpaintRun
    from sayre.workflows.training.train_phase import AnyPhaseRun

    atoms = Particle(species="Au", lattice_constant=4.08, positions=np.arange(9.0).reshape(3, 3))
    for name in ("atoms.xyz", "atoms.data"):
        save_particle(folder / name, atoms)
        yield Sample("atoms", folder / name, lambda path=folder / name: load_particle(path), TEXT)
    geometry = (
        "energy = 9000.0\ndistance = 1.0\npixel_size = [5e-5, 5e-5]\n"
        'rocking_axis = "x-"\nrocking_step = 0.01\n'
        'detector = [["y+", 10.0], ["x-", 30.0]]\npeak = [100.0, 120.0]\nbinning = [1, 1, 1]\nrow = "y-"\n'
    )
    (folder / "geometry.toml").write_text(geometry)
    beamline = geometry.partition("detector")[0] + 'beamline = "ID01"\nangles = [10.0, 30.0]\n'
    (folder / "beamline.toml").write_text(beamline)
    for name in ("geometry.toml", "beamline.toml"):
        yield Sample("geometry", folder / name, lambda path=folder / name: read_geometry(path), TEXT)
    recipe = folder / "recipe.txt"
    recipe.write_text("(HIO(beta=0.9)*20 + SW(sigma=1.5))**10, DM*20, AD*5, WIDE, ER*50")
    yield Sample("recipe", recipe, lambda: parse(recipe_text(str(recipe))), TEXT, names=("recipe: ",))
    configs = {"dataset": DatasetConfig, "inpaint-cpu": InpaintRun, "shape-3d": AnyPhaseRun}
    for name, model in configs.items():
        path = folder / f"{name}.toml"
        shutil.copy(EXAMPLES / path.name, path)
        yield Sample("toml", path, lambda path=path, model=model: model.from_toml(path), TEXT)


def _kept(folder):
    from sayre.retrieval.engine.packed import Packed
    from sayre.retrieval.engine.run import Run
    from sayre.retrieval.kept import KeptRuns

    kept = KeptRuns(folder / "kept.runs", {"seed": 1})
    inside = np.ones((4, 4, 4), bool)
    packed = Packed.of(inside.astype(np.complex64), inside)
    kept.write(Run(index=0, packed=packed, residual=0.1, likelihood=1.0, free_likelihood=1.0))
    kept.save(
        "running.snapshot", indices=np.array([1]), x=np.ones((1, 4, 4, 4), np.complex64), done=np.array(3)
    )
    kept.save("wiener.checkpoint", mean=np.ones(3))

    def read():
        runs = KeptRuns(folder / "kept.runs", {"seed": 1})
        found = [run.object.sum() for run in runs.read()]
        runs.snapshots.of_starts((1,))
        return [*found, runs.load("wiener.checkpoint")]

    for name, mutations in {
        "0000.npz": ARRAYS,
        "running.snapshot": ARRAYS,
        "wiener.checkpoint": ARRAYS,
    }.items():
        yield Sample("kept", kept.folder / name, read, mutations)
    yield Sample("kept", kept.folder / "resume.json", read, TEXT)


def _weights(folder):
    import torch

    from sayre.filling.network.predictor import load_predictor
    from sayre.networks import build
    from sayre.networks.registry import write
    from sayre.networks.shape import ShapeNet
    from sayre.retrieval.learned import predictor as starts

    path, options = folder / "fill.safetensors", {"width": 8, "blocks": [1, 1, 1]}
    torch.manual_seed(0)
    config = {
        "network": "slab",
        "options": options,
        "window": [16, 32],
        "widths": [1, 8],
        "baseline": "wiener",
    }
    write(path, build("slab", **options).state_dict(), config, levels=7)
    yield Sample("weights", path, lambda: load_predictor(path, "cpu").depth, (of_bytes, _header))
    other = folder / "shape.safetensors"
    config = {"network": "shape", "options": {"width": 8, "dimensions": 2, "blocks": [1, 1]}, "side": 16}
    write(other, ShapeNet(**config["options"]).state_dict(), config)

    def shape():
        starts.load_predictor.cache_clear()
        return starts.load_predictor(other, 2).side

    yield Sample("weights", other, shape, (of_bytes, _header))


def _header(data, rng):
    """A safetensors file with another configuration in its header."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"]["sayre"] = of_words(header["__metadata__"]["sayre"].encode(), rng).decode()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _shards(folder):
    from sayre.simulation.dataset import DatasetConfig, read
    from sayre.simulation.dataset.shards import is_whole, skipped_of, write_shard

    settings = {"count": 1, "patterns_per_particle": 1, "shard_size": 1, "shape": 8, "max_counts": (1e3, 1e4)}
    settings |= {"particles": {"atoms": (500, 600)}, "amplitude": True}
    (folder / "shards").mkdir()
    write_shard(DatasetConfig.model_validate(settings), folder / "shards", 0)
    path = folder / "shards" / "shard-00000.h5"

    def read_all():
        is_whole(path, 1)
        skipped_of(path)
        return [record.counts.sum() for record in read(folder / "shards")]

    yield Sample("shard", path, read_all, STRUCTURED)


def _scans(folder):
    from scan_samples import FRAMES, counts
    from test_aps_34idc import spec_text
    from test_cdiutils_cxi import write as cdiutils
    from test_eiger_and_p10 import fio, master
    from test_esrf_bliss import write as bliss
    from test_nanomax_and_soleil import cristal, nanomax
    from test_nexus_transformations import write as nexus

    folder = folder / "scans"
    folder.mkdir()

    def of(path, number, damaged=None, mutations=STRUCTURED):
        name = f"{path}::{number}" if number else str(path)
        return Sample("scan", damaged or path, lambda: sayre.load(name), mutations, names=(path.name,))

    for name, make, number in (
        ("bliss.h5", bliss, "2.1"),
        ("nanomax.h5", nanomax, ""),
        ("cristal.nxs", cristal, "12"),
        ("i16.nxs", nexus, ""),
        ("preprocessed.cxi", cdiutils, ""),
    ):
        yield of(make(folder / name), number)
    eiger = master(folder / "eiger", blocks=(5, 4))
    yield of(eiger, "")
    yield of(eiger, "", eiger.with_name("Pt_00012_data_000001.h5"))
    head = fio(folder / "Pt_00012" / "Pt_00012.fio")
    master(folder / "Pt_00012" / "e4m")
    yield of(head, "", mutations=TEXT)
    stack = counts()
    spec, place = folder / "any.spec", folder / "AD34idcTIM2_x" / "Sample-1_S0007"
    rocking = (7, "ascan  th -0.1 0.06  8 0.25", "Theta", -0.1 + 0.02 * np.arange(FRAMES), stack.sum((1, 2)))
    spec.write_text(spec_text([rocking]))
    place.mkdir(parents=True)
    for index, frame in enumerate(stack):
        tifffile.imwrite(place / f"Sample-1_S0007_{index:05d}.tif", frame)
    yield of(spec, "7", mutations=TEXT)
    yield of(spec, "7", place / "Sample-1_S0007_00003.tif", BINARY)
