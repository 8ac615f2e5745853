"""From counts with a gap to a folder with the crystal, and what becomes of a run that is stopped."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import docs_files
import made_outcomes
from noise import counts_of_test
from sayre import Pattern, files
from sayre.crystal.scan import Scan
from sayre.detectors import masks
from sayre.errors import InputError, SayreWarning
from sayre.figures.surface import body
from sayre.filling.settings import FillingSettings
from sayre.networks.registry import default
from sayre.retrieval import kept as kept_runs
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Status
from sayre.retrieval.settings import Settings
from sayre.simulation.peak import simulate
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.phase import dropping_failures
from sayre.workflows.report import report
from sayre.workflows.run import FILES, RunJob
from sayre.workflows.run import _write as write_files

# Whether the phase has a vortex at the surface of this small crystal hangs on the last bits of an FFT.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*the displacement jumps at:sayre.errors.SayreWarning"),
    pytest.mark.slow,
]

RECIPE = "(HIO*20 + SW)**8, ER*40"
SETTINGS = Settings(runs=4, recipe=RECIPE)
SCAN = Scan(lattice_constant=4.08, along=0)


def run(source, folder, *, method="auto", mask=None, detector=None, crop=None, **options):
    """Do the job that the command line would do."""
    counts = InputFile(source=str(source), mask=mask, detector=detector, crop=crop)
    return RunJob(input=counts, folder=folder, filling=FillingSettings(method=method), **options).run()


@pytest.fixture(scope="module")
def peak(tmp_path_factory):
    """A gapped peak of 40³ in a file, and the object behind it."""
    crystal = simulate(
        "wulff",
        atoms=20_000,
        shape_px=40,
        oversampling=3.0,
        max_counts=1e6,
        phase_range=1.0,
        generator=np.random.default_rng(0),
    )
    mask = masks.cross(crystal.pattern.shape, axes=(1, 2), starts=(25, 12), widths=(2, 2))
    path = tmp_path_factory.mktemp("run") / "peak.npz"
    np.savez(
        path,
        intensity=np.where(mask, 0, counts_of_test(crystal.pattern.intensity)),
        mask=mask,
        grid_step=crystal.pattern.grid.step,
        hkl=(1, 1, 1),
    )
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(crystal.amplitude))).astype(np.complex64)
    return path, mask, truth


@pytest.fixture(scope="module", autouse=True)
def refined_soon():
    """Every refinement ends after a few evaluations."""
    with pytest.MonkeyPatch.context() as patch:
        docs_files.hasten(patch, recipes=False)
        yield


@pytest.fixture(scope="module")
def done(peak, tmp_path_factory):
    return run(
        peak[0], tmp_path_factory.mktemp("out") / "a" / "b", method="wiener", settings=SETTINGS, scan=SCAN
    )


def test_the_crystal_is_found_and_every_file_is_there(peak, done):
    _, mask, truth = peak
    assert {file.name for file in done.folder.iterdir()} == set(FILES) == set(done.files)
    crystals = [files.load_crystal(done.folder / f"object.{ending}") for ending in ("npz", "cxi")]
    for crystal in crystals:
        assert correlation(align(crystal.object, truth), truth) > 0.95
        assert crystal.voxel_size == pytest.approx(done.result.crystal.voxel_size)
    filled = files.load_filled(done.folder / "filled.npz")
    np.testing.assert_array_equal(filled.pattern.mask, mask)
    np.testing.assert_array_equal(filled.intensity, done.pattern.intensity)
    assert all((done.folder / name).stat().st_size > 10_000 for name in FILES if name.endswith("png"))


def test_the_report_says_what_was_found(done):
    text = (done.folder / "report.md").read_text()
    found = done.result.phased
    assert f"R = {found.residual:.3f}" in text
    assert f"Recipe: `{RECIPE}`" in text
    assert f"Its support has {int(found.support.sum())} of the same voxels" in text
    assert "before the refinement under effects of beam and detector" in text
    assert text.count("averaged |") + text.count("middle one |") == len(found.selected)
    for name in ("filling", "crystal", "explained", "convergence", "resolution", "pattern", "profile"):
        assert f"]({name}.png)" in text
    assert "cross of 2" in text
    assert "wiener" in text
    crystal = done.result.crystal
    strain = crystal.strain[body(crystal.amplitude, crystal.support)]
    rms = 100 * np.sqrt(np.nanmean(strain**2))
    assert f"| strain, root mean square | {rms:.3g} % |" in text
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["config"]["recipe"] == RECIPE
    assert manifest["config"]["method"] == "wiener"
    assert all(len(digest) == 64 for digest in manifest["inputs"].values())


def test_numbers_for_scripts(peak, done):
    found = done.numbers
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["filled_voxels"] == peak[1].sum()
    assert found["resolution_unit"] == "nm"
    assert 0 < found["resolution"]["PRTF"] < 10
    crystal = done.result.crystal
    strain = crystal.strain[body(crystal.amplitude, crystal.support)]
    assert found["strain_rms"] == pytest.approx(np.sqrt(np.nanmean(strain**2)), rel=1e-5)


@pytest.mark.usefixtures("without_pictures")
def test_a_stopped_run_goes_on_and_ends_the_same(peak, done, tmp_path, monkeypatch):
    write = kept_runs.KeptRuns.write

    def stopped(self, one):
        write(self, one)
        if one.index == 1:
            raise KeyboardInterrupt

    arguments = {"method": "wiener", "settings": SETTINGS, "scan": SCAN}
    monkeypatch.setattr(kept_runs.KeptRuns, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(peak[0], tmp_path, **arguments)
    monkeypatch.setattr(kept_runs.KeptRuns, "write", write)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]
    inside = ["0000.npz", "0001.npz", "filled.npz", "resume.json"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == inside

    other = Settings(runs=4, recipe=RECIPE, seed=1)
    with pytest.raises(InputError, match=r"unfinished run of other options.*\(`seed=0` there, 1 here\)"):
        run(peak[0], tmp_path, method="wiener", settings=other, scan=SCAN)

    written = []
    monkeypatch.setattr(kept_runs.KeptRuns, "write", lambda self, one: written.append(one.index))
    monkeypatch.setattr("sayre.filling.fill.inpaint", None)  # what was filled is read, not filled again
    again = run(peak[0], tmp_path, **arguments)
    assert written == [2, 3]
    assert again.pattern.method == "wiener"
    np.testing.assert_array_equal(again.result.crystal.object, done.result.crystal.object)
    assert not (tmp_path / "runs").exists()
    with pytest.raises(InputError, match="not empty; `force=True`"):
        run(peak[0], tmp_path, **arguments)


def test_force_leaves_no_file_of_the_run_before(peak, done, tmp_path):
    """A second run without gaps and in 2D has no filling, no volume, and of one start no resolution; the
    user's own file stays."""
    for name in FILES:
        (tmp_path / name).write_bytes((done.folder / name).read_bytes())
    (tmp_path / "notes.txt").write_text("mine")
    with np.load(peak[0]) as file:
        plane = file["intensity"][20]
    np.save(tmp_path.parent / "plane.npy", np.where(peak[1][20], 1, plane))
    with pytest.warns(SayreWarning) as caught:
        flat = run(
            tmp_path.parent / "plane.npy",
            tmp_path,
            settings=Settings(runs=2, recipe="HIO*40, ER*20"),
            force=True,
        )
    missing = {"filled.npz", "filling.png", "profile.png", "object.vti", "resolution.png"}
    assert {file.name for file in tmp_path.iterdir()} == set(FILES) - missing | {"notes.txt"}
    assert set(flat.warnings) == {str(w.message) for w in caught}
    assert all(text in (tmp_path / "report.md").read_text() for text in flat.warnings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "magic"}, "one of auto"),
        ({"detector": "maxipix"}, "516"),
        ({"detector": "nothing"}, "not known"),
        ({"device": "tpu"}, "one of auto, cpu, cuda"),
        ({"crop": 2}, "8 or more"),
        ({"settings": Settings(recipe="FOO*3")}, "none of ER"),
        ({"mask": ("missing.npy",)}, "no such file"),
    ],
)
def test_what_cannot_be_used_writes_nothing(peak, tmp_path, changed, message):
    arguments = {"method": "linear", "settings": SETTINGS, "scan": SCAN} | changed
    with pytest.raises(InputError, match=message) as refused:
        run(peak[0], tmp_path / "out", **arguments)
    assert len(str(refused.value).splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_a_pattern_that_cannot_be_phased_writes_nothing(tmp_path):
    counts = np.random.default_rng(0).poisson(0.01, (32, 32, 32))
    counts[15:18, 15:18, 15:18] = 9
    np.savez(tmp_path / "noise.npz", intensity=counts, mask=masks.plane(counts.shape, 1, 20, 2))
    with pytest.raises(InputError, match="1000 or more"):
        run(tmp_path / "noise.npz", tmp_path / "out", method="linear", settings=SETTINGS)
    assert not (tmp_path / "out").exists()


def test_counts_already_filled_are_taken_as_they_are(peak, tmp_path):
    path, mask, _ = peak
    with np.load(path) as file:
        counts = file["intensity"]
    filled = np.where(mask, 7, counts).astype(np.float32)
    sigma = np.where(mask, 0.5, 0).astype(np.float32)
    np.savez(tmp_path / "filled.npz", intensity=filled, sigma=sigma, mask=mask)
    settings = Settings(runs=1, recipe="HIO*10, ER*10")
    with pytest.warns(SayreWarning, match="no displacement"):
        result = run(tmp_path / "filled.npz", tmp_path / "out", settings=settings)
    np.testing.assert_array_equal(result.pattern.intensity, filled)
    assert set(result.curves) == set(result.numbers["resolution"]) == {"unseen counts"}
    assert "PRTF of a single one is 1 everywhere" in (tmp_path / "out" / "report.md").read_text()
    assert isinstance(files.load(tmp_path / "out" / "filled.npz"), Pattern)


def test_what_is_read_is_never_written_over(peak, tmp_path):
    mine = tmp_path / "filled.npz"
    mine.write_bytes(peak[0].read_bytes())
    with pytest.raises(InputError, match="would be overwritten"):
        run(mine, tmp_path, method="linear", settings=SETTINGS, scan=SCAN, force=True)
    assert mine.read_bytes() == peak[0].read_bytes()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_starts_in_the_learned_shape(peak, tmp_path):
    settings = Settings(runs=2, recipe="HIO(ceiling=1)*20, ER*5", init="network")
    result = run(peak[0], tmp_path / "out", method="linear", settings=settings, scan=SCAN)
    assert result.manifest.config["init"] == "network"
    assert set(result.manifest.weights) == {default("shape", 3).name}
    with pytest.raises(InputError, match="init: 'learned' is neither random nor network nor"):
        run(peak[0], tmp_path / "other", settings=replace(settings, init="learned"), scan=SCAN)
    assert not (tmp_path / "other").exists()


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_binning_reaches_phasing_and_the_report(peak, done, tmp_path):
    """The peak is oversampled three times: three pixels to a voxel are too coarse."""
    settings = replace(SETTINGS, binning=(1, 3, 3))
    with pytest.raises(InputError, match="oversampling ratio below 2 on axis 1 and 2"):
        run(peak[0], tmp_path / "out", method="linear", settings=settings, scan=SCAN)
    assert "binned" not in report(done)
    config = {**done.manifest.config, "binning": (1, 2, 2)}
    assert "| binned | 1 × 2 × 2 to a voxel |" in report(
        replace(done, manifest=replace(done.manifest, config=config))
    )


def test_starts_that_all_failed_are_not_kept(tmp_path):
    """Another command may follow at once."""
    out = tmp_path / "out"
    kept = kept_runs.KeptRuns(out / "runs", {"a": 1})
    failed = Run(
        index=0,
        packed=Packed.of(np.zeros((4, 4), np.complex64), np.zeros((4, 4), bool)),
        history=(),
        residual=np.nan,
        likelihood=np.nan,
        free_likelihood=np.nan,
        failed="not finite",
    )
    kept.write(failed)
    with pytest.raises(InputError, match="every run failed"), dropping_failures(kept):
        raise InputError("every run failed")
    assert not (out / "runs").exists()
    kept.write(failed)
    kept.write(replace(failed, index=1, failed=""))
    with pytest.raises(InputError, match="every run failed"), dropping_failures(kept):
        raise InputError("every run failed")
    assert len(kept.read()) == 2


@pytest.mark.usefixtures("without_pictures")
def test_a_run_that_failed_is_tried_again_and_a_result_outlives_it(peak, done, tmp_path, monkeypatch):
    """Without --force in an empty folder, and with it without a loss."""
    arguments = {"method": "linear", "settings": Settings(runs=1, recipe="HIO*10, ER*10"), "scan": SCAN}
    for name in FILES:
        (tmp_path / name).write_bytes((done.folder / name).read_bytes())
    before = {name: (tmp_path / name).read_bytes() for name in FILES}

    def refused(*_, watch, **__):
        watch.report(Status(fraction=0.1, iteration=1, indices=(0,), residuals=(), estimate=lambda _: None))
        raise InputError("every run failed")

    with monkeypatch.context() as broken:
        broken.setattr("sayre.workflows.reconstruction.reconstruct", refused)
        for folder, force in ((tmp_path / "new", False), (tmp_path, True)):
            with pytest.raises(InputError, match="every run failed"):
                run(peak[0], folder, force=force, **arguments)
    assert not (tmp_path / "new").exists()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert run(peak[0], tmp_path / "new", **arguments).files == FILES


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_the_report_says_where_it_cannot_say_how_far_to_trust(peak, tmp_path):
    result = run(
        peak[0],
        tmp_path / "out",
        method="linear",
        settings=Settings(runs=2, recipe="HIO*20, ER*10"),
        scan=SCAN,
        device="auto",
    )
    text = (result.folder / "report.md").read_text()
    assert (
        "From one start it is not known how much another set of starts would differ: that takes two" in text
    )
    assert result.manifest.device in ("cpu", "cuda")
    added = result.pattern.intensity[peak[1]].sum() / result.pattern.intensity.sum()
    assert f"{100 * added:.2g} % of all" in text


def test_a_folder_that_cannot_be_made(peak, tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refused)
    with pytest.raises(InputError, match="cannot be made"):
        run(peak[0], tmp_path / "out", method="linear", settings=SETTINGS, scan=SCAN)


@pytest.mark.usefixtures("without_pictures")
def test_starts_are_added_to_a_finished_run(peak, done, tmp_path, monkeypatch):
    """Three and then a fourth are the same as four at once, and only the fourth is made."""
    arguments = {"method": "wiener", "scan": SCAN}
    run(peak[0], tmp_path, settings=replace(SETTINGS, runs=3), keep_starts=True, **arguments)
    assert {"0000.npz", "0001.npz", "0002.npz"} < {path.name for path in (tmp_path / "runs").iterdir()}
    written, write = [], kept_runs.KeptRuns.write
    monkeypatch.setattr(
        kept_runs.KeptRuns, "write", lambda self, one: (write(self, one), written.append(one.index))
    )
    again = run(peak[0], tmp_path, settings=SETTINGS, **arguments)
    assert written == [3]
    np.testing.assert_array_equal(again.result.crystal.object, done.result.crystal.object)
    assert len(again.result.phased.runs) == 4
    assert not (tmp_path / "runs").exists()


def test_starts_of_a_network_depend_on_how_many_there_are():
    assert "runs" not in Settings().of_a_run
    assert "runs" in Settings(init="network").of_a_run


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("manifest", [None, b"[1]", b'{"command": "of another program"}'])
def test_what_a_run_did_not_make_is_not_removed(manifest, tmp_path):
    """Files that it does not write now, in a folder that has no manifest of Sayre: the user's own."""
    outcome = made_outcomes.outcome(tmp_path, gap=False)
    (tmp_path / "filling.png").write_bytes(b"mine")
    if manifest is not None:
        (tmp_path / "manifest.json").write_bytes(manifest)
    write_files(outcome)
    assert (tmp_path / "filling.png").read_bytes() == b"mine"
    write_files(outcome)  # now the folder is Sayre's
    assert not (tmp_path / "filling.png").exists()
