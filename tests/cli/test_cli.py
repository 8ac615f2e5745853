"""The command line, in process and as a subprocess: results, and every way input can be wrong."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import sayre
from sayre import Manifest, load
from sayre.cli import main
from sayre.cli.commands import COMMANDS
from sayre.cli.progress import progress
from sayre.detectors import masks


@pytest.fixture
def peak(tmp_path):
    """Counts of a small fringe pattern with a plane gap, as INPUT.npz; returns path, counts, mask."""
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(*[np.arange(-14, 14)] * 3, indexing="ij")
    expected = 400 * np.exp(-(z**2 + y**2 + x**2) / 120) * (1 + 0.6 * np.cos(y * 1.1)) + 0.2
    counts = rng.poisson(expected)
    mask = masks.plane(counts.shape, 1, 17, 4)
    path = tmp_path / "peak.npz"
    np.savez(path, intensity=np.where(mask, 0, counts), mask=mask)
    return path, counts, mask


def run(*arguments):
    return main([str(a) for a in arguments])


def test_inpaint_fills_and_says_how(peak, tmp_path, capsys):
    path, counts, mask = peak
    out = tmp_path / "filled.npz"
    assert run("inpaint", path, "-o", out, "--method", "wiener", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["filled_voxels"] == mask.sum()
    assert summary["gaps"] == ["plane of 4"]
    with np.load(out) as file:
        np.testing.assert_array_equal(file["intensity"][~mask], counts[~mask].astype(np.float32))
        np.testing.assert_array_equal(file["mask"], mask)
        assert (file["sigma"][mask] > 0).all()
        assert not file["sigma"][~mask].any()
        manifest = Manifest.from_json(str(file["manifest"]))
    assert manifest.command == "sayre inpaint"
    assert manifest.config["method"] == "wiener"
    (digest,) = manifest.inputs.values()
    assert len(digest) == 64


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic", "wiener"])
def test_methods_leave_measured_counts_and_stay_positive(peak, tmp_path, method):
    path, counts, mask = peak
    assert run("inpaint", path, "-o", tmp_path / "out.npz", "--method", method, "--quiet") == 0
    filled = np.load(tmp_path / "out.npz")["intensity"]
    np.testing.assert_array_equal(filled[~mask], counts[~mask])
    assert (filled >= 0).all()
    truth = np.log1p(counts[mask])
    guess = np.log1p(filled[mask])
    assert np.mean((guess - truth) ** 2) < np.mean((truth.mean() - truth) ** 2)


def test_fields_of_the_detector_are_options(peak, without_pictures, tmp_path, capsys):
    """Every command that reads counts has them; a misfit is refused with the flag that leaves it out."""
    path, counts, mask = peak
    np.save(tmp_path / "white.npy", np.linspace(0.8, 1.2, 28 * 28).reshape(28, 28))
    small = tmp_path / "small.npy"
    np.save(small, np.ones((5, 5)))
    phasing = ("--recipe", "ER*2", "--refine", "none", "--runs", 1)
    commands = {
        "inpaint": ("--method", "linear", "-o", tmp_path / "o.npz"),
        "phase": (*phasing, "-o", tmp_path / "p.npz"),
        "run": ("--method", "linear", *phasing, "-o", tmp_path / "r"),
        "evaluate inpaint": ("--gap-width", 2, "--method", "linear", "--axis", 0),
    }
    for name, options in commands.items():
        for field in ("--flat", "--dark"):
            assert run(*name.split(), path, field, small, *options) == 2
            error = capsys.readouterr().err
            assert "small.npy has shape (5, 5), the frames (28, 28); cut" in error
            assert error.strip().endswith(f"leave it out by {field} none")
        assert run(*name.split(), path, "--flat", tmp_path / "white.npy", *options) == 0
        assert (
            "peak.npz: counts divided by white.npy (relative response 0.8 to 1.2)" in capsys.readouterr().err
        )
    with np.load(tmp_path / "o.npz") as file:
        response = np.load(tmp_path / "white.npy")
        expected = (counts / (response / np.median(response)))[~mask]
        np.testing.assert_allclose(file["intensity"][~mask], expected, rtol=1e-6)
    assert "| corrected | counts divided by white.npy" in (tmp_path / "r" / "report.md").read_text()


def test_2d_counts_are_filled_classically(tmp_path):
    counts = np.random.default_rng(0).poisson(20, (40, 44))
    np.savez(tmp_path / "frame.npz", intensity=counts, mask=masks.plane(counts.shape, 0, 12, 3))
    assert run("inpaint", tmp_path / "frame.npz", "-o", tmp_path / "o.npz", "--quiet") == 0


def test_mask_from_a_file_and_by_detector(peak, tmp_path, capsys):
    _, counts, mask = peak
    np.save(tmp_path / "plain.npy", counts)
    np.save(tmp_path / "mask.npy", mask[0].astype(np.uint8))
    out = tmp_path / "out.npz"
    options = ("-o", out, "--method", "linear", "--quiet")
    assert run("inpaint", tmp_path / "plain.npy", *options, "--mask", tmp_path / "mask.npy") == 0
    np.testing.assert_array_equal(np.load(out)["mask"], np.broadcast_to(mask[0], mask.shape))
    assert run("inpaint", tmp_path / "plain.npy", *options, "--detector", "maxipix", "--force") == 2
    assert "516" in capsys.readouterr().err
    np.save(tmp_path / "maxipix.npy", np.ones((2, 516, 516), np.uint16))
    assert run("inpaint", tmp_path / "maxipix.npy", *options, "--detector", "maxipix", "--force") == 0
    assert np.load(out)["mask"][0, 255:261].all()


def test_a_part_of_counts_whose_frames_are_last(peak, tmp_path):
    """A region is read, and of it a box around the peak that is no cube."""
    _, counts, _ = peak
    np.save(tmp_path / "last.npy", np.moveaxis(counts, 0, 2))
    np.save(tmp_path / "mask.npy", np.eye(28, dtype=bool))
    out, options = tmp_path / "out.npz", ("--method", "linear", "--quiet", "--axes", "rcf")
    given = ("--roi", "2:26,:,4:28", "--crop", "16,24,12", "--mask", tmp_path / "mask.npy")
    assert run("inpaint", tmp_path / "last.npy", "-o", out, *options, *given) == 0
    with np.load(out) as file:
        start = file["origin"]
        box = tuple(slice(a, a + n) for a, n in zip(start, (16, 24, 12), strict=True))
        assert file["intensity"].shape == (16, 24, 12)
        known = file["mask"] == 0
        np.testing.assert_array_equal(file["intensity"][known], counts[box][known])
        np.testing.assert_array_equal(file["mask"][0] != 0, np.eye(28, dtype=bool)[box[1:]])


def test_several_masks_and_a_region_of_interest_of_a_detector(peak, tmp_path, capsys):
    """Masks are the union of a file of one, one of several in a file, and the gap where the region has it."""
    _, counts, mask = peak
    np.save(tmp_path / "plain.npy", counts)
    other = np.zeros(counts.shape, bool)
    other[3:5, 7, 9] = True
    np.save(tmp_path / "gap.npy", mask[0])
    np.savez(tmp_path / "masks.npz", hot=other, none=np.zeros_like(other))
    given = ("--mask", tmp_path / "gap.npy", "--mask", f"{tmp_path / 'masks.npz'}::hot")
    place = ("--detector", "mpx1x4", "--corner", "230,100")
    out = tmp_path / "out.npz"
    options = ("-o", out, "--method", "linear", "--quiet")
    assert run("inpaint", tmp_path / "plain.npy", *options, *given, *place) == 0
    gap = np.zeros(counts.shape, bool)
    gap[:, 255 - 230 : 261 - 230] = True
    np.testing.assert_array_equal(np.load(out)["mask"], mask | other | gap)
    assert run("inpaint", tmp_path / "plain.npy", *options, "--corner", "1,1", "--force") == 2
    assert "add --detector" in capsys.readouterr().err


def test_evaluate_prints_every_method_and_linear_is_one(peak, tmp_path, capsys):
    _, counts, _ = peak
    np.save(tmp_path / "full.npy", counts)
    arguments = (
        "evaluate",
        "inpaint",
        tmp_path / "full.npy",
        "--gap-width",
        3,
        "--axis",
        2,
        "--position",
        16,
    )
    methods = [x for m in ("linear", "cubic", "wiener") for x in ("--method", m)]
    assert run(*arguments, *methods) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("linear", "cubic", "wiener"))
    assert run(*arguments, *methods, "--json", "--quiet") == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["linear"]["ratio"] == 1
    assert rows["wiener"]["position"] == 16
    assert 0 < rows["wiener"]["covered_1"] < 1


def test_simulate_is_reproducible(tmp_path):
    arguments = ("--atoms", 2000, "--shape-px", 24, "--seed", 3, "--rotate", "random")
    for name in ("a.npz", "b.npz"):
        assert run("simulate", tmp_path / name, *arguments) == 0
    a, b = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    for key in ("intensity", "expectation", "amplitude"):
        np.testing.assert_array_equal(a[key], b[key])


def not_a_pattern(tmp_path):
    np.savez(tmp_path / "a.npz", words=np.array(["a"]))
    return "a.npz"


def four_dimensional(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3, 4, 5)))
    return "a.npy"


def all_masked(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.ones((8, 8, 8)), mask=np.ones((8, 8, 8)))
    return "a.npz"


def no_mask(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.ones((8, 8, 8), int))
    return "a.npz"


def complex_data(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((8, 8, 8), complex))
    return "a.npy"


def truncated(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.arange(4096).reshape(16, 16, 16)
    raw = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(raw[: len(raw) // 2])
    return "a.h5"


def missing(tmp_path):
    return "nowhere.npz"


def unknown_ending(tmp_path):
    (tmp_path / "a.xyz").write_text("x")
    return "a.xyz"


@pytest.mark.parametrize(
    "make",
    [not_a_pattern, four_dimensional, all_masked, no_mask, complex_data, truncated, missing, unknown_ending],
)
def test_unusable_input_is_one_line_exit_2_and_nothing_written(make, tmp_path, capsys):
    name = make(tmp_path)
    assert run("inpaint", tmp_path / name, "-o", tmp_path / "out.npz") == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("sayre: ")
    assert "\n" not in error
    assert name in error
    assert not (tmp_path / "out.npz").exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "magic"), "one of auto"),
        (("--mask", "nowhere.npy"), "nowhere.npy"),
        (("--device", "cuda", "--method", "unet"), "cuda"),
        (("--device", "tpu", "--method", "unet"), "tpu"),
        (("--weights", "nobody", "--method", "unet"), "nobody"),
        (("--weights", "none.safetensors", "--method", "unet"), "none.safetensors"),
        (("--stride", "0"), "stride"),
        (("--detector", "kodak"), "kodak"),
        (("--nonsense",), "--nonsense"),
        (("--stride", "x"), "--stride"),
    ],
)
def test_unusable_options_are_one_line_and_exit_2(options, words, peak, tmp_path, capsys):
    import torch

    if "cuda" in options and torch.cuda.is_available():
        pytest.skip("this machine has CUDA, so asking for it is right")
    assert run("inpaint", peak[0], "-o", tmp_path / "out.npz", *options) == 2
    error = capsys.readouterr().err.strip()
    assert words in error
    assert "\n" not in error
    assert not (tmp_path / "out.npz").exists()


def test_outputs_are_not_overwritten_unless_forced(peak, tmp_path, capsys):
    out = tmp_path / "out.npz"
    out.write_bytes(b"precious")
    assert run("inpaint", peak[0], "-o", out, "--method", "linear") == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == b"precious"
    assert run("inpaint", peak[0], "-o", out, "--method", "linear", "--force", "--quiet") == 0
    assert run("inpaint", peak[0], "-o", tmp_path / "no" / "out.npz") == 2
    assert run("inpaint", peak[0], "-o", tmp_path / "out.jpg") == 2


def test_mask_of_another_shape_is_refused(peak, tmp_path, capsys):
    np.save(tmp_path / "mask.npy", np.zeros((3, 4)))
    assert run("inpaint", peak[0], "-o", tmp_path / "out.npz", "--mask", tmp_path / "mask.npy") == 2
    assert "(3, 4)" in capsys.readouterr().err


def test_changed_data_are_said(peak, tmp_path, capsys):
    _, counts, mask = peak
    bad = counts.astype(float)
    bad[0, 0, :3] = np.nan
    bad[1, 1, 1] = -4
    bad[2, 2, 2] = 1.5
    np.savez(tmp_path / "bad.npz", intensity=bad, mask=mask)
    assert run("inpaint", tmp_path / "bad.npz", "-o", tmp_path / "o.npz", "--method", "linear") == 0
    said = capsys.readouterr().err
    assert "4 NaN, infinite or negative values masked" in said
    assert "not integers" in said


def test_2d_counts_and_the_network(tmp_path, capsys):
    np.savez(tmp_path / "f.npz", intensity=np.ones((20, 20), int), mask=masks.plane((20, 20), 0, 9, 2))
    assert run("inpaint", tmp_path / "f.npz", "-o", tmp_path / "o.npz", "--method", "unet") == 2
    assert "wiener" in capsys.readouterr().err


def test_evaluate_refuses_gaps_outside(peak, capsys):
    for extra in (("--axis", 5, "--position", 3), ("--position", 27), ("--position", 18)):
        assert run("evaluate", "inpaint", peak[0], "--gap-width", 2, *extra) == 2
        assert "\n" not in capsys.readouterr().err.strip()


@pytest.mark.slow
def test_as_a_program(peak, tmp_path):
    """The installed script: exit status, one line on stderr, and a fast start without torch."""
    script = [sys.executable, "-m", "sayre"]
    shown = subprocess.run([*script, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == sayre.__version__
    for arguments in (["inpaint", "none.npz", "-o", "x.npz"], ["frobnicate"], ["inpaint"]):
        failed = subprocess.run(
            [*script, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert failed.returncode == 2
        assert len(failed.stderr.strip().splitlines()) == 1
        assert "Traceback" not in failed.stderr
    command = [*script, "inpaint", peak[0], "-o", "x.cxi", "--method", "linear"]
    made = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "filled by linear" in made.stdout
    assert load(tmp_path / "x.cxi").shape == (28, 28, 28)


def test_import_is_light():
    heavy = ("torch", "matplotlib", "h5py", "lightning")
    code = f"import sayre, sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [[], ["study"]])
def test_help_lists_what_commands_do_without_importing_them(words):
    heavy = ("numpy", "scipy", "sayre.data", "sayre.workflows.demo", "sayre.studies.job")
    code = (
        f"import sys; from sayre.cli import main; main([*{words}, '--help']); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip().endswith("[]")
    listed = " ".join(shown.replace("│", " ").split())
    group = COMMANDS[words[0]].commands if words else COMMANDS
    for name, what in group.items():
        if isinstance(what, str):
            module, _, job = what.partition(":")
            text = getattr(importlib.import_module(module), job).__doc__.split("\n\n")[0]
            assert f"{name} {' '.join(text.split())}" in listed


def test_killed_while_filling_leaves_nothing(peak, tmp_path):
    out = tmp_path / "out.npz"
    process = subprocess.Popen(
        [sys.executable, "-m", "sayre", "inpaint", str(peak[0]), "-o", str(out), "--method", "linear"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert not out.exists() or load(out).shape == (28, 28, 28)


def test_progress_leaves_no_line_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sayre.cli.progress._PATIENCE", -1.0)
    with progress("filling") as advance:
        advance(0.5)
    assert capsys.readouterr() == ("", "")


def test_texts_of_files_cannot_steer_the_terminal(tmp_path, capsys):
    counts = np.random.default_rng(0).poisson(5, (8, 8, 8))
    np.savez(tmp_path / "a.npz", intensity=counts, mask=counts > 99, corrections="\x1b[2Jdark\u2013field")
    assert main(["info", str(tmp_path / "a.npz")]) == 0
    shown = capsys.readouterr().out
    assert "corrected     " in shown
    assert "\\x1b[2Jdark\u2013field" in shown
    assert "\x1b" not in shown
