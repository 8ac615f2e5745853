"""The command that repeats a job is read as the same job."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sayre.cli import derive
from sayre.crystal.geometry import Geometry
from sayre.crystal.scan import Scan
from sayre.crystal.stated import StatedGeometry
from sayre.filling.settings import FillingSettings
from sayre.retrieval.settings import Settings
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import config_of
from sayre.workflows.jobs.repeating import GEOMETRY, command_line
from sayre.workflows.run import RunJob

GEOMETRY_OF_TEST = Geometry.at(
    "34idc",
    angles=(32.174, 12.6346),
    energy=9000.0,
    distance=0.5,
    pixel_size=(55e-6, 55e-6),
    rocking_axis="y+",
    rocking_step=0.005,
)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {
            "settings": Settings(
                runs=7, seed=4, recipe="(HIO*20 + SW)**10, ER*50", free=0.02, mask_aliens=True
            )
        },
        {"settings": Settings(binning=(1, 2, 2), smoothing=(2.5, 0.7), threshold=0.123456789)},
        {"scan": Scan(hkl=(1, -1, 1), lattice_constant=4.078, along=0)},
        {"scan": Scan(geometry=GEOMETRY_OF_TEST, hkl=(1, 1, 1))},
        {"filling": FillingSettings(method="wiener")},
        {
            "input": InputFile(
                source="a b.npz",
                crop=(48, 96, 96),
                mask=("m 1.npy", "m2.npy"),
                corner=(3, 4),
                detector="eiger2m",
            )
        },
    ],
)
def test_the_command_makes_the_same_job(given, tmp_path, monkeypatch):
    job = RunJob(**({"input": InputFile(source="peak.npz"), "folder": tmp_path / "out it"} | given))
    config = config_of(job)
    line = command_line("sayre run", RunJob, config, job.folder)
    words = shlex.split(line)
    assert words[:2] == ["sayre", "run"]
    monkeypatch.chdir(tmp_path)
    if config["geometry"] is not None:
        Path(GEOMETRY).write_text(StatedGeometry.of(GEOMETRY_OF_TEST).toml())
    done = []
    monkeypatch.setattr(derive, "do", lambda job, **_: done.append(job))
    derive.command(RunJob).main(words[2:], standalone_mode=False)
    (again,) = done
    assert config_of(again) == config
    assert again.folder == job.folder
