"""Every command that reads counts, masks, objects or data sets can be kept to one folder."""

from __future__ import annotations

import importlib

import h5py
import numpy as np
import pytest
import tifffile

import sayre
from sayre.cli import main
from sayre.cli.commands import COMMANDS
from sayre.errors import InputError
from sayre.files.safety.within import only_within, the_only_folder
from sayre.workflows.jobs.job import leaves

LEAD_NOWHERE = {"demo", "train phase", "study list", "weights list", "weights verify", "weights path"}
"""Commands that read nothing in which there may be links."""
OWN = {"view"}
"""Those with a folder of their own, whose page is served."""
COUNTS = np.random.default_rng(0).poisson(5, (4, 12, 12)).astype(np.uint32)


def jobs():
    for name, what in COMMANDS.items():
        for inner, path in {"": what}.items() if isinstance(what, str) else what.commands.items():
            module, _, job = path.partition(":")
            yield f"{name} {inner}".strip(), getattr(importlib.import_module(module), job)


def test_every_command_that_reads_files_with_links_takes_the_one_folder():
    """The mechanism is one: the decorator of `run` by which the option holds all the while."""
    known = dict(jobs())
    limited = {name for name, job in known.items() if hasattr(job.run, "__wrapped__")}
    assert limited == known.keys() - LEAD_NOWHERE - OWN
    for name in limited | OWN:
        assert sum(leaf.name == "within" for leaf in leaves(known[name])) == 1


@pytest.fixture
def folder(tmp_path):
    """A folder with counts, object, white field and shard that are links out of it."""
    (tmp_path / "in/set").mkdir(parents=True)
    inside = np.ones((4, 12, 12), bool)
    with h5py.File(tmp_path / "out.h5", "w") as file:
        file["data"], file["object"] = COUNTS, inside.astype(np.complex64)
        file["distance"] = 1.5
        file["field"] = np.ones((600, 600), np.float32)
    for name in ("data", "object", "field"):
        with h5py.File(tmp_path / f"in/{name}.h5", "w") as file:
            file[name] = h5py.ExternalLink("../out.h5", f"/{name}")
    with h5py.File(tmp_path / "in/set/shard-00000.h5", "w") as file:
        for name in ("counts", "mask", "expectation"):
            file[name] = h5py.ExternalLink("../../out.h5", "/data")
        file["facts"] = ["{}"]
    (tmp_path / "in/train.toml").write_text(f'dataset = "{tmp_path / "in/set"}"\n')
    (tmp_path / "in/set.toml").write_text(
        "count = 2\npatterns_per_particle = 1\nshard_size = 1\nshape = 8\n"
        'particles = { atoms = [500, 600] }\ndetector = { white_fields = ["field.h5"] }\n'
    )
    return tmp_path / "in"


@pytest.mark.parametrize(
    "line",
    [
        "info data.h5",
        "merge data.h5 data.h5 -o a.npz",
        "inpaint data.h5 -o a.npz",
        "phase data.h5 -o a.npz",
        "run data.h5 -o a",
        "strain object.h5::/object -o a.npz",
        "evaluate inpaint data.h5 --gap-width 3",
        "simulate a.npz --atoms 500 --shape-px 8 --flat field.h5",
        "simulate dataset set.toml a --workers 2",
        "train inpaint train.toml -o a",
        "study gap-3d -o a --pattern data.h5",
        "view data.h5",
    ],
)
def test_a_link_out_of_the_one_folder_is_refused(line, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main([*line.split(), "--within", "."]) == 2
    said = capsys.readouterr().err
    assert "out.h5, outside" in said
    assert "the only folder that may be read" in said
    assert len(said.splitlines()) == 1
    assert the_only_folder() is None


def test_an_inner_block_without_a_folder_keeps_the_outer_one(tmp_path):
    with only_within(tmp_path), only_within(None):
        assert the_only_folder() == str(tmp_path)


def test_facts_behind_links_are_within_the_folder_too(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file["entry/data/data"] = COUNTS
        file["entry/instrument/detector/distance"] = h5py.ExternalLink("../out.h5", "/distance")
    assert sayre.load(folder / "a.h5").meta.distance == 1.5
    with only_within(folder), pytest.raises(InputError, match=r"distance leads to .*out\.h5, outside"):
        sayre.load(folder / "a.h5")


def test_frames_that_are_links_out_of_the_folder_are_refused(folder):
    (folder / "frames").mkdir()
    for number in range(3):
        tifffile.imwrite(folder / f"frames/a_{number}.tif", COUNTS[number].astype(np.uint16))
    tifffile.imwrite(folder.parent / "a_3.tif", COUNTS[3].astype(np.uint16))
    (folder / "frames/a_3.tif").symlink_to(folder.parent / "a_3.tif")
    assert sayre.load(folder / "frames").shape == COUNTS.shape
    with only_within(folder), pytest.raises(InputError, match=r"the link a_3\.tif leads to .*, outside"):
        sayre.load(folder / "frames")
    with only_within(folder.parent):
        assert sayre.load(folder / "frames").shape == COUNTS.shape
