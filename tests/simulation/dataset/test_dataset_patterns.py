"""What a data set holds, against what its facts say, and what its configuration asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure

from sayre.cli import main
from sayre.data import Particle
from sayre.errors import InputError, SayreWarning
from sayre.figures.datasheet import datasheet_figure
from sayre.simulation.dataset import DatasetConfig, build, dataset_source, read
from sayre.simulation.dataset.datasheet import markdown, summary
from sayre.simulation.dataset.patterns import SPLITS, bond_strain, draw_particle, split_of
from sayre.simulation.dataset.shards import facts_of, shard_path
from sayre.simulation.particles import shapes
from sayre.simulation.scattering import scatter

SETTINGS = {
    "count": 24,
    "patterns_per_particle": 4,
    "shard_size": 8,
    "shape": (16, 18, 20),
    "particles": {"atoms": (1000, 3000), "elements": {"Au": 1, "Fe": 1}},
    "reflections": [[2, 0, 0], [2, 2, 0]],
    "oversampling": [[2, 3], [2.5, 4], [3, 5]],
    "whole_peak": False,
    "background_share": 0.5,
    "max_counts": [1e3, 1e6],
    "coherence": {"share": 0.5, "fwhm": [0.5, 1.0], "rocking": [0.2, 0.4], "lorentzian": [0.1, 0.2]},
    "detector": {"gaps": ["maxipix"], "gap_share": 0.5, "saturation": [1e2, 1e5], "saturation_share": 0.5},
    "amplitude": True,
    "split": [0.5, 0.25, 0.25],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("set")
    build(DatasetConfig.model_validate(SETTINGS), made)
    return made


def test_records_are_what_their_facts_say(folder):
    config = DatasetConfig.model_validate(SETTINGS)
    for record in read(folder):
        f = record.facts
        assert record.counts.shape == record.mask.shape == (16, 18, 20)
        assert record.counts.dtype == record.expectation.dtype == np.float32
        assert record.mask.mean() == pytest.approx(f["masked"])
        assert (record.counts[record.mask] == 0).all()
        assert record.signal.max() == pytest.approx(f["max_counts"], rel=2e-3)
        assert record.expectation.min() >= f["background"]
        assert tuple(f["hkl"]) in config.reflections
        for sigma, (low, high) in zip(f["oversampling"], config.oversampling, strict=True):
            assert low - 1e-9 <= sigma <= high + 1e-9
        seen = ~record.mask & (record.expectation > 20)
        if seen.sum() > 100:
            z = (record.counts - record.expectation)[seen] / np.sqrt(record.expectation[seen])
            assert abs(z.mean()) < 0.5 + 1e-3 * np.sqrt(f["max_counts"])
        if not any(f["fwhm"]):
            np.testing.assert_allclose(np.abs(record.amplitude) ** 2, record.signal, rtol=3e-3, atol=1e-6)


def test_amplitude_is_made_again_from_the_facts(folder):
    """The particle of its seed, scattered at the reflection, rotation, steps and offset that were noted."""
    config = DatasetConfig.model_validate(SETTINGS)
    record = list(read(folder))[SETTINGS["shard_size"] + 3]
    f = record.facts
    particle = draw_particle(config, f["particle"]).particle
    assert len(particle) == f["atoms"]
    steps = np.array(f["q_steps"])
    np.testing.assert_allclose(steps, scatter.q_steps(particle, f["oversampling"], np.array(f["axes"])))
    g = scatter.reflection(particle, tuple(f["hkl"])) - np.array(f["offset"]) @ steps
    again = scatter.scatter(particle, g, steps, (16, 18, 20))
    ratio = record.amplitude / again
    np.testing.assert_allclose(ratio, ratio[8, 9, 10], rtol=1e-4)


def test_patterns_of_a_particle_differ_and_particles_keep_to_their_split(folder):
    facts = [r.facts for r in read(folder)]
    splits = {f["particle"]: f["split"] for f in facts}
    assert all(f["split"] == splits[f["particle"]] for f in facts)
    assert len({json.dumps(f["axes"]) for f in facts}) == len(facts)
    assert len({f["max_counts"] for f in facts}) == len(facts)
    parts = {name: [r.facts["pattern"] for r in read(folder, split=name)] for name in set(splits.values())}
    assert sorted(number for part in parts.values() for number in part) == list(range(24))


def test_splits_have_their_shares():
    config = DatasetConfig(split=(0.7, 0.2, 0.1))
    share = Counter(split_of(config, index) for index in range(3000))
    for name, wanted in zip(("train", "validation", "test"), (0.7, 0.2, 0.1), strict=True):
        assert share[name] / 3000 == pytest.approx(wanted, abs=0.03)


def test_source_draws_the_signal_of_its_split_only(folder):
    source = dataset_source(folder, split="train")
    known = {(r.signal / r.signal.max()).tobytes() for r in read(folder, split="train")}
    generator = np.random.default_rng(0)
    drawn = [source(generator) for _ in range(40)]
    assert {d.tobytes() for d in drawn} <= known
    assert len({d.tobytes() for d in drawn}) > len(known) / 2
    assert all(d.max() == 1 and d.dtype == np.float32 for d in drawn)


def test_half_precision_keeps_a_thousandth(folder, tmp_path):
    whole = DatasetConfig.model_validate(SETTINGS | {"precision": "float32", "count": 8})
    build(whole, tmp_path)
    for exact, half in zip(read(tmp_path), read(folder), strict=False):
        bright = exact.signal > 1e-8
        np.testing.assert_allclose(half.signal[bright], exact.signal[bright], rtol=1e-3)
        np.testing.assert_array_equal(half.counts, exact.counts)


def test_files_open_without_plugins(folder):
    """gzip and shuffle are in every HDF5 library."""
    with h5py.File(shard_path(folder, 0)) as file:
        assert {name: file[name].compression for name in ("counts", "mask", "expectation")} == {
            "counts": "gzip",
            "mask": "gzip",
            "expectation": "gzip",
        }
        assert file["counts"].shape == (8, 16, 18, 20)


def test_reading_imports_no_torch():
    code = "import sys, sayre.simulation.dataset; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_array_ends_before_the_neighbouring_peaks():
    config = DatasetConfig.model_validate(
        {
            "count": 4,
            "patterns_per_particle": 4,
            "shard_size": 4,
            "shape": 32,
            "particles": {"atoms": (900, 900)},
        }
    )
    from sayre.simulation.dataset.patterns import patterns

    drawn = draw_particle(config, 0)
    free = config.model_copy(update={"whole_peak": False})
    plain = [facts["oversampling"] for _, facts in patterns(free, 0, drawn)]
    whole = [(facts["oversampling"], facts["oversampling_raised"]) for _, facts in patterns(config, 0, drawn)]
    assert [raised for _, raised in whole] == [a != b for a, (b, _) in zip(plain, whole, strict=True)]
    assert any(raised for _, raised in whole)
    for _, facts in patterns(config, 0, drawn):
        half = 16 * np.linalg.norm(facts["q_steps"], axis=1)
        nearest = np.sqrt(3) * 2 * np.pi / facts["lattice_constant"]
        assert (half <= 0.4 * nearest * (1 + 1e-9)).all()
        assert max(facts["oversampling"]) > 2.5


def test_bond_strain_of_a_stretched_crystal():
    for element in ("Au", "Fe"):
        particle = shapes.build("wulff", 3000, element=element, generator=np.random.default_rng(0))
        assert bond_strain(particle)["rms"] < 1e-9
        stretched = replace(particle, positions=particle.positions * 1.01)
        assert bond_strain(stretched)["mean"] == pytest.approx(0.01)
        assert bond_strain(stretched)["high"] == pytest.approx(0.01)
    lone = Particle(positions=np.zeros((1, 3)), species="Au", lattice_constant=4.08)
    assert bond_strain(lone)["rms"] == 0


def test_summary_counts_what_is_read(folder):
    found = summary(folder, seed=0)
    facts = [r.facts for r in read(folder)]
    assert found["patterns"] == 24
    assert found["particles"] == 6
    for name, key in (("element", "element"), ("split", "split")):
        counted = {kind: n["patterns"] for kind, n in found["kinds"][name].items()}
        assert counted == Counter(f[key] for f in facts)
    assert sum(n["particles"] for n in found["kinds"]["element"].values()) == 6
    for name, values in (
        ("max_counts", [f["max_counts"] for f in facts]),
        ("atoms", [f["atoms"] for f in facts]),
    ):
        quantity = found["quantities"][name]
        assert (quantity["minimum"], quantity["maximum"]) == (min(values), max(values))
        assert quantity["median"] == pytest.approx(np.median(values))
        assert sum(quantity["counts"]) == 24
    assert sum(found["quantities"]["oversampling"]["counts"]) == 72
    page = markdown(found, title="set", picture="a.png")
    assert "24 patterns of 6 particles in 3 shards" in page
    assert "| element | Au |" in page
    figure = datasheet_figure(found, title="set")
    assert isinstance(figure, Figure)
    titles = {axes.get_title(loc="left") for axes in figure.axes}
    assert {"split", "element", "max counts", "bond strain rms"} <= titles


def test_command_writes_the_datasheet(tmp_path, capsys):
    path, out = tmp_path / "set.toml", tmp_path / "out"
    path.write_text(
        "count = 2\npatterns_per_particle = 1\nshard_size = 1\nshape = 12\n[particles]\natoms = [500, 700]\n"
    )
    for _ in range(2):
        assert main(["simulate", "dataset", str(path), str(out)]) == 0
        assert "2 patterns of 2 particles in 2 shards" in capsys.readouterr().out
    assert {p.name for p in out.iterdir()} == {
        "dataset.json",
        "datasheet.json",
        "datasheet.md",
        "datasheet.png",
        "shard-00000.h5",
        "shard-00001.h5",
    }
    assert json.loads((out / "datasheet.json").read_text())["config"]["count"] == 2


BAD = [
    ({"patterns_per_particle": 3}, "shard_size: must be a multiple"),
    ({"shape": 4}, "8 or more"),
    ({"oversampling": [0.5, 2]}, "below 1"),
    ({"oversampling": [5, 2]}, "the smaller first"),
    ({"oversampling": [[2, 3], [2, 3], [4, 3]]}, "the smaller first"),
    ({"max_counts": [0, 1e3]}, "positive"),
    ({"max_counts": [1e3, 1e12]}, "take float32"),
    ({"split": [0.5, 0.5, 0.5]}, "add up to 1"),
    ({"background": [0, 1]}, "logarithmic"),
    ({"coherence": {"lorentzian": [0, 2]}}, "0 to 1"),
    ({"coherence": {"width": 2}}, "coherence.width"),
    ({"particels": {}}, "particels"),
    ({"particles": {"shapes": {"blob": 1}}}, "particles.shapes"),
    ({"reflections": []}, "reflections"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_configurations_are_refused_in_one_line(tmp_path, changes, message):
    path = tmp_path / "bad.toml"
    parts = [(k, v) for k, v in changes.items() if not isinstance(v, dict)]
    tables = [(k, v) for k, v in changes.items() if isinstance(v, dict)]
    text = "".join(f"{k} = {json.dumps(v)}\n" for k, v in parts)
    for name, values in tables:
        text += f"[{name}]\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in values.items())
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        DatasetConfig.from_toml(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def _toml(value):
    return "{ blob = 1 }" if isinstance(value, dict) else json.dumps(value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reflections": [[1, 1, 0]]}, "1 1 0 is forbidden in FCC Au"),
        ({"detector": {"gaps": ["blob"]}}, "not known"),
        ({"detector": {"gaps": ["merlin"]}, "shape": [8, 600, 8]}, "515×515 pixels, fewer"),
        ({"detector": {"white_fields": ["none.npy"]}}, "no such file"),
        ({"shape": 20_000}, "GiB of memory"),
        ({"coherence": {"fwhm": [0, 2000], "lorentzian": [0, 1]}}, "GiB of memory"),
    ],
)
def test_impossible_data_sets_are_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        build(DatasetConfig.model_validate(changes), tmp_path / "set")
    assert not (tmp_path / "set").exists()


EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("dataset*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_accepted_and_every_split_has_particles(path):
    config = DatasetConfig.from_toml(path)
    particles = -(-config.count // config.patterns_per_particle)
    splits = Counter(split_of(config, index) for index in range(particles))
    wanted = [name for name, share in zip(SPLITS, config.split, strict=True) if share]
    assert min(splits[name] for name in wanted) >= 3
    assert sum(splits[name] for name in wanted) == particles


def test_overrides_and_warnings():
    DatasetConfig(reflections=((1, 1, 0),), forbidden=True, shape=16).check()
    with pytest.warns(SayreWarning, match=r"ratios from 1\.5"):
        DatasetConfig(oversampling=(1.5, 3.0), shape=16).check()
    small = {"shape": 96, "oversampling": (2.0, 3.0), "particles": {"atoms": (1000, 60_000)}}
    with pytest.warns(SayreWarning, match="96 voxels reach the neighbouring Bragg peaks of 1000 atoms"):
        DatasetConfig.model_validate(small).check()
    DatasetConfig.model_validate(small | {"whole_peak": False}).check()


def test_missing_files_and_toml(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        DatasetConfig.from_toml(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_text("a b")
    with pytest.raises(InputError, match="not TOML"):
        DatasetConfig.from_toml(tmp_path / "a.toml")
    with pytest.raises(InputError, match="holds no shards"):
        read(tmp_path)
    (tmp_path / "shard-00000.h5").write_bytes(b"half")
    with pytest.raises(InputError, match="not an HDF5 file"):
        facts_of(tmp_path / "shard-00000.h5")
    with h5py.File(tmp_path / "shard-00000.h5", "w") as file:
        file["counts"] = 1
    with pytest.raises(InputError, match="mask is missing"):
        facts_of(tmp_path / "shard-00000.h5")


def test_unknown_and_empty_splits(folder, tmp_path):
    with pytest.raises(InputError, match="one of train, validation, test"):
        read(folder, split="training")
    build(
        DatasetConfig.model_validate(SETTINGS | {"count": 1, "patterns_per_particle": 1, "split": [1, 0, 0]}),
        tmp_path,
    )
    with pytest.raises(InputError, match="no pattern is in the split"):
        dataset_source(tmp_path, split="test")


@pytest.mark.measured
def test_measured_white_fields_in_a_data_set(measured, tmp_path):
    np.save(tmp_path / "white.npy", np.rint(list(measured("G").values())[1]))
    config = DatasetConfig.model_validate(
        {
            "count": 2,
            "patterns_per_particle": 2,
            "shard_size": 2,
            "shape": [8, 64, 64],
            "particles": {"atoms": [1000, 1000]},
            "detector": {"white_fields": [str(tmp_path / "white.npy")]},
        }
    )
    build(config, tmp_path / "set")
    assert [r.facts["white_field"] for r in read(tmp_path / "set")] == ["white.npy"] * 2
