"""The public names: what a notebook calls, and what it is told when it calls it wrongly."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import docs_files
import sayre
from noise import counts_of_test
from sayre.data.option import SettingError
from sayre.detectors import masks

RECIPE = "HIO*20, ER*10"


@pytest.fixture(scope="module")
def simulated():
    return sayre.simulate(
        "wulff", atoms=8000, shape_px=32, oversampling=3.0, generator=np.random.default_rng(0)
    )


@pytest.fixture(scope="module")
def gapped(simulated):
    mask = masks.plane(simulated.pattern.shape, 1, 20, 3)
    counts = counts_of_test(simulated.pattern.intensity)
    return sayre.Pattern.from_counts(
        counts,
        mask,
        grid=simulated.pattern.grid,
        meta=sayre.Meta(hkl=(1, 1, 1), energy=9000.0, source="peak.npz"),
    )


@pytest.fixture(scope="module")
def filled(gapped):
    return sayre.inpaint(gapped, method="linear")


@pytest.fixture(scope="module")
def reconstruction(filled):
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore", sayre.SayreWarning)
        docs_files.hasten(patch, recipes=False)
        settings = sayre.Settings(runs=2, recipe=RECIPE, seed=1)
        return sayre.reconstruct(filled, settings, sayre.Scan(lattice_constant=4.08, along=0))


def modules():
    return [module.name for module in pkgutil.walk_packages(sayre.__path__, "sayre.")]


def test_no_public_name_is_that_of_a_package():
    packages = {name.split(".")[1] for name in modules()}
    assert not packages & set(sayre.__all__)
    for name in modules():
        if name != "sayre.__main__":
            importlib.import_module(name)
    for name in sayre.__all__:
        assert not isinstance(getattr(sayre, name), type(sys)), name


def test_functions_stay_functions_whatever_is_imported():
    code = (
        "import sayre, numpy as np, sayre.filling.fill, sayre.retrieval.phasing, sayre.simulation.peak\n"
        "p = sayre.Pattern.from_counts(np.ones((12, 12)), np.eye(12))\n"
        "for _ in range(2):\n"
        "    assert callable(sayre.inpaint) and callable(sayre.simulate) and callable(sayre.phase)\n"
        "    sayre.inpaint(p, method='linear'), sayre.inpaint(p, method='nearest')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_from_counts_to_strain_and_every_result_saved(gapped, filled, reconstruction, tmp_path):
    assert reconstruction.crystal.strain is not None
    results = {
        "gapped.npz": gapped,
        "filled.npz": filled,
        "phased.npz": reconstruction.phased,
        "crystal.cxi": reconstruction.crystal,
        "whole.npz": reconstruction,
    }
    for name, result in results.items():
        sayre.save(tmp_path / name, result)
    again = sayre.load_crystal(tmp_path / "whole.npz")
    np.testing.assert_array_equal(again.strain, reconstruction.crystal.strain)
    np.testing.assert_array_equal(
        sayre.load_crystal(tmp_path / "phased.npz").object, reconstruction.phased.object
    )
    assert sayre.load(tmp_path / "gapped.npz").meta.energy == 9000.0


def test_a_particle_is_saved(simulated, tmp_path):
    sayre.save(tmp_path / "p.xyz", simulated.particle)
    assert (tmp_path / "p.xyz").read_text().startswith(str(len(simulated.particle)))


def test_objects_show_themselves_in_a_few_lines(simulated, gapped, filled, reconstruction):
    shown = [simulated, gapped, filled, reconstruction.crystal, simulated.particle]
    shown += [reconstruction, reconstruction.phased]
    for thing in shown:
        text = repr(thing)
        assert 2 <= len(text.splitlines()) <= 16, text
        assert max(map(len, text.splitlines())) < 200
        page = thing._repr_html_()
        assert page.count("<table>") == 1
        assert ("data:image/png;base64," in page) == (thing is not simulated.particle)
    assert "32 × 32 × 32 voxels (rocking, row, column)" in repr(gapped)
    assert f"{gapped.intensity.sum(dtype=float):.4g} in all" in repr(gapped)
    assert "gap of 3 voxels" in repr(gapped)
    assert "1/Å" in repr(gapped)
    assert "9000 eV" in repr(gapped)
    assert "by linear" in repr(filled)


def test_equality_and_hash_are_of_the_values(gapped, filled, reconstruction):
    other = sayre.Pattern.from_counts(gapped.intensity, gapped.mask, grid=gapped.grid, meta=gapped.meta)
    assert other == gapped
    assert hash(other) == hash(gapped)
    counts = gapped.intensity.copy()
    counts[0, 0, 0] += 1
    assert sayre.Pattern.from_counts(counts, gapped.mask, grid=gapped.grid, meta=gapped.meta) != gapped
    assert gapped != "gapped"
    assert filled == sayre.inpaint(gapped, method="linear")  # NaN errors are equal
    assert len({gapped, other, filled, reconstruction.crystal}) == 3
    assert reconstruction.crystal == reconstruction.crystal.numpy()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sayre.inpaint(np.ones((4, 4))), r"^pattern: must be a Pattern, found an array of float64"),
        (lambda: sayre.phase("scan.npz"), r"^pattern: must be a Pattern or FilledPattern, found the text"),
        (lambda: sayre.reconstruct(Path("a.npz")), r"found the path a.npz; sayre.load\(path\) reads one"),
        (lambda: sayre.reconstruct(None), "found None; sayre.load"),
        (lambda: sayre.save("a.npz", np.ones(3)), r"^save: must be a Pattern .* found an array of float64"),
    ],
)
def test_a_wrong_kind_gets_a_sentence(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sayre.InputError, match=message) as refused:
        call()
    assert len(str(refused.value).splitlines()) == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p.crop(3), "crop takes a tuple of 3 slices, one an axis, not 3"),
        (lambda p: p.crop((slice(4), slice(4))), "crop takes a tuple of 3 slices"),
        (lambda p: p.crop((slice(0, 8, 2),) * 3), "crop takes slices without a step"),
        (lambda p: p.crop((slice(4, 4),) * 3), "leaves no voxels"),
        (
            lambda p: sayre.inpaint(p, "wiener"),
            r"^settings: must be a FillingSettings, found the text 'wiener'",
        ),
        (lambda p: sayre.reconstruct(p, sayre.Scan()), r"^settings: must be a Settings, found a Scan"),
        (lambda p: sayre.reconstruct(p, None, "scan.toml"), r"^scan: must be a Scan, found the text"),
        (lambda p: sayre.Scan(geometry="scan.toml"), r"^geometry: must be a Geometry, found 'scan.toml'$"),
        (lambda p: sayre.Settings(recipe=3), r"^recipe: must be a text, found 3$"),
        (lambda p: sayre.Settings(runs=(2,)), r"^runs: must be a single value, found \(2,\)$"),
        (lambda p: sayre.Settings(smoothing=2.0), r"^smoothing: must be a tuple of 2 numbers, found 2.0$"),
        (lambda p: sayre.Settings(binning=(1, 2)), r"^binning: must be a tuple of 3 numbers"),
        (lambda p: sayre.phase(p, init=1), r"^init: must be a str or ndarray, found an int$"),
        (lambda p: sayre.phase(p, []), r"^settings: must be a Settings, found a list"),
        (lambda p: sayre.Scan(hkl=(10**20, 1, 1)), r"^hkl: must be a whole number from -100 to 100"),
        (lambda p: sayre.phase(p, recipe="(" * 5000), r"^recipe: brackets are nested too deeply"),
        (lambda p: sayre.Scan(lattice_constant=0.4), r"^scan: lattice constant 0.4 Å is not plausible"),
        (lambda p: sayre.Meta(energy=9.0), r"9 keV are 9000 eV$"),
        (lambda p: sayre.Meta(distance=-1.0), "distance must be a positive number"),
        (
            lambda p: sayre.Meta(pixel_size=55e-6),
            r"^meta: pixel_size must be a tuple of 2 numbers, not 5.5e-05$",
        ),
        (lambda p: sayre.Meta(hkl=(1, 1)), r"^meta: hkl must be a tuple of 3 numbers"),
        (lambda p: sayre.Grid(step=(1.0,), unit="nm"), r"^grid: unit 'nm' is not known"),
    ],
)
def test_values_that_make_no_sense_get_a_sentence(gapped, make, message):
    with pytest.raises(sayre.InputError, match=message) as refused:
        make(gapped)
    assert len(str(refused.value).splitlines()) == 1


def test_a_refused_setting_survives_pickling():
    error = pickle.loads(pickle.dumps(SettingError("runs", "must be 1 or more")))
    assert (error.setting, str(error)) == ("runs", "runs: must be 1 or more")


def test_the_picture_of_a_notebook_needs_nothing_else():
    code = "import sayre, numpy as np; sayre.Pattern.from_counts(np.ones((8, 8)))._repr_html_()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_filled_pattern_is_not_filled_again(filled):
    with pytest.raises(sayre.InputError, match="must be a Pattern, found a FilledPattern"):
        sayre.inpaint(filled)


def test_a_misspelt_setting_is_named_with_the_nearest(gapped):
    with pytest.raises(sayre.InputError, match=r"^rnus: is no setting; did you mean runs\?$"):
        sayre.phase(gapped, rnus=3)
    with pytest.raises(sayre.InputError, match=r"^metod: is no setting; did you mean method\?$"):
        sayre.inpaint(gapped, metod="linear")


def test_warnings_point_at_the_line_of_the_caller(gapped):
    with pytest.warns(sayre.SayreWarning) as shallow:
        sayre.Pattern.from_counts(np.array([[1.0, np.nan], [2.0, 0.5]]))
    with pytest.warns(sayre.SayreWarning) as deep:
        sayre.phase(gapped, runs=2, recipe="HIO*2, ER*1")
    assert {warning.filename for warning in [*shallow, *deep]} == {__file__}
