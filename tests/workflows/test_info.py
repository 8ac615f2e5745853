"""`sayre info`: what is in a file, and the geometry that would be used; commands that read scans."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import sayre
from sayre.cli import main
from sayre.crystal.geometry_file import load_geometry, stated_in
from sayre.files.patterns.contents import Contents
from sayre.scans import registry
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, facts

KNOWN = {
    "beamline": ("34idc", "layout"),
    "angles": ((32.0, 12.0), "motors"),
    "energy": (9000.0, "motor nrj"),
    "pixel_size": ((55e-6, 55e-6), "detector"),
}


class Moon:
    """A reader of scans 1 and 2, which know all of their geometry but the distance."""

    name = "moon"

    def detects(self, path):
        return path.suffix == ".moon"

    def entries(self, path):
        return [Entry("1", "rock", ("camera",)), Entry("2", "rock more", ("camera",)), Entry("3", "align")]

    def open(self, path, number, *, detector, frames):
        peak = np.exp(-sum((n - 10.0) ** 2 for n in np.indices((20, 20, 20))) / 8)
        stack = np.random.default_rng(0).poisson(3000 * peak + 0.2).astype(np.uint32)
        return RawScan(
            number=number,
            title="rock",
            layout=self.name,
            detector="camera",
            dataset="inside",
            files=[path],
            geometry=facts(**KNOWN),
            moved=[Motor("tilt", 0.01 * np.arange(20), "y+")],
            motors={"slit": 0.25},
            counters={"diode": np.ones(20)},
            read=lambda: Frames(Contents(counts=stack, stored=stack.dtype)),
        )


@pytest.fixture
def moon(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "readers", lambda: [Moon()])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.moon").write_text("moon")
    return tmp_path


def test_a_file_of_several_scans_lists_them(moon, capsys):
    assert main(["info", "a.moon"]) == 0
    shown = capsys.readouterr().out
    assert "a.moon: moon, 3 scans" in shown
    assert "a.moon::2  rock more  (camera)" in shown
    assert "a.moon::3  align  (no frames)" in shown
    assert main(["info", "a.moon", "--json"]) == 0
    assert [scan["scan"] for scan in json.loads(capsys.readouterr().out)["scans"]] == ["1", "2", "3"]


def test_scans_without_frames_are_counted_where_there_are_many(moon, capsys, monkeypatch):
    many = [Entry(str(number), "align") for number in range(1, 40)]
    monkeypatch.setattr(Moon, "entries", lambda *_: [*many, Entry("40", "rock", ("camera",))])
    assert main(["info", "a.moon"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a.moon: moon, 40 scans",
        "  a.moon::40  rock  (camera)",
        "  and 39 scans without frames (--json lists them)",
    ]
    monkeypatch.setattr(Moon, "entries", lambda *_: [Entry("1", "align"), Entry("2", "rock", ("camera",))])
    assert main(["info", "a.moon"]) == 0
    assert "a.moon::1  align  (no frames)" in capsys.readouterr().out


def test_what_was_corrected_is_said_once(tmp_path, capsys):
    counts = np.random.default_rng(0).poisson(50, (12, 16, 16))
    counts[6, 8, 8] = 4000
    flat = np.random.default_rng(1).normal(10000, 1500, (16, 16)).round()
    np.savez(tmp_path / "a.npz", data=counts, whitefield=flat)
    assert main(["info", str(tmp_path / "a.npz")]) == 0
    shown = capsys.readouterr()
    assert "corrected     counts divided by whitefield" in shown.out
    assert "whitefield" not in shown.err


def test_options_of_the_commands_that_read_counts_are_named_by_their_flags(tmp_path, capsys):
    x = np.indices((16, 24, 24)) - np.array([8, 12, 12])[:, None, None, None]
    counts = np.random.default_rng(0).poisson(1e5 * np.prod(np.sinc(x / 4.3) ** 2, 0))
    counts[6] = 0
    np.savez(tmp_path / "a.npz", data=counts)
    assert main(["info", str(tmp_path / "a.npz")]) == 0
    said = capsys.readouterr().err
    assert "(--leave empty takes them for zero)" in said
    counts[6] = counts[7]
    np.savez(tmp_path / "a.npz", data=counts)
    assert main(["info", str(tmp_path / "a.npz")]) == 2
    said = capsys.readouterr().err
    assert "--repeated mask masks the second" in said
    assert "`" not in said


def test_one_scan_shows_its_geometry_and_what_is_missing(moon, capsys):
    assert main(["info", "a.moon::1", "--counters"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "20 × 20 × 20 voxels",
        "scan          1 rock",
        "moved         tilt 0 to 0.19 °",
        "motors        slit 0.25",
        "counters      diode",
        "# distance is missing",
    ):
        assert text in shown
    toml = shown[shown.index("# the geometry") :]
    assert stated_in(toml, "shown").values["rocking_step"] == pytest.approx(0.01)
    (moon / "scan.toml").write_text(toml + "distance = 0.5\n")
    assert load_geometry(moon / "scan.toml").energy == 9000
    assert main(["info", "a.moon::1", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["missing"] == ["distance"]
    assert numbers["geometry"]["energy"] == 9000


def test_a_file_that_is_no_scan(moon, capsys):
    known = {"energy": 9000.0, "distance": 0.5, "pixel_size": (55e-6, 55e-6)}
    np.savez(moon / "a.npz", data=np.ones((8, 8, 8)), **known)
    assert main(["info", "a.npz"]) == 0
    shown = capsys.readouterr().out
    assert "distance = 0.5" in shown
    assert "# rocking_axis is missing" in shown


def test_from_scan_to_crystal_with_the_rest_of_the_geometry(moon, capsys):
    """`inpaint` hands on what the scan states, `phase` completes it, and the manifest tells the scan."""
    (moon / "rest.toml").write_text("distance = 0.5\n")
    np.save(moon / "mask.npy", np.arange(20)[:, None] == np.full((1, 20), 3))
    inpaint = ["inpaint", "a.moon::1", "-o", "filled.npz", "--mask", "mask.npy", "--method", "linear"]
    assert main(inpaint) == 0
    manifest = sayre.Manifest.from_json(str(np.load("filled.npz")["manifest"]))
    assert manifest.scan["scan"] == "1"
    assert manifest.scan["dataset"] == "inside"
    assert set(manifest.scan["files"]) == {"a.moon"} <= set(manifest.inputs)
    phase = ["phase", "filled.npz", "-o", "crystal.npz", "--runs", "1", "--recipe", "ER*5"]
    assert main([*phase, "--geometry", "rest.toml", "--hkl", "1,1,1"]) == 0
    crystal = sayre.load_crystal("crystal.npz")
    assert crystal.g == pytest.approx(float(np.linalg.norm(load_whole(moon).g())), rel=1e-6)
    assert crystal.strain is not None
    manifest = sayre.Manifest.from_json(str(np.load("crystal.npz")["manifest"]))
    assert manifest.config["geometry"]["distance"] == 0.5
    capsys.readouterr()
    assert main([*phase, "--force"]) == 0
    assert "states no distance, so its geometry is not known; --geometry" in capsys.readouterr().err
    (moon / "wrong.toml").write_text("distance = 0.5\nrocking_step = -0.01\n")
    assert main([*phase, "--force", "--geometry", "wrong.toml"]) == 0
    assert "the rocking step in degrees 0.01, not -0.01" in capsys.readouterr().err


def load_whole(folder):
    values = {key: value for key, (value, _) in KNOWN.items()}
    values |= {"rocking_axis": "y+", "rocking_step": 0.01, "distance": 0.5}
    return sayre.Geometry.at(values.pop("beamline"), angles=values.pop("angles"), **values)


def test_a_scan_that_cannot_be_used_shows_what_it_is_and_why(moon, capsys, monkeypatch):
    whole = Moon.open
    still = Motor("tilt", np.zeros(20), "y+")
    monkeypatch.setattr(Moon, "open", lambda *a, **k: replace(whole(*a, **k), moved=[still], title="loop"))
    assert main(["info", "a.moon::1"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "a.moon::1: cannot be used",
        "scan          1 loop",
        "no motor moved from frame",
        "energy = 9000",
    ):
        assert text in shown
    assert main(["info", "a.moon::1", "--json"]) == 0
    assert "no motor moved" in json.loads(capsys.readouterr().out)["problem"]
    assert main(["inpaint", "a.moon::1", "-o", "b.npz"]) == 2
    assert main(["info", "a.moon::9"]) == 2
