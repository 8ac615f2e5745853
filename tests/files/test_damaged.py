"""Damaged files: in the folder of a stopped job, and in general."""

from __future__ import annotations

import numpy as np
import pytest

from sayre.cli import main
from sayre.errors import InputError, SayreWarning, understood
from sayre.files.kept import KeptFolder


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"junk", lambda b: b""])
def test_a_damaged_file_is_removed_with_a_warning_and_counts_as_missing(tmp_path, damage):
    kept = KeptFolder(tmp_path / "runs", {"a": 1})
    kept.save("one.npz", values=np.arange(100))
    path = kept.folder / "one.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(SayreWarning, match=r"one\.npz: is damaged and removed"):
        assert kept.load("one.npz") is None
    assert not path.exists()
    kept.save("one.npz", values=np.arange(3))
    np.testing.assert_array_equal(kept.load("one.npz")["values"], [0, 1, 2])


def test_a_configuration_that_is_no_text_is_of_another_job(tmp_path):
    kept = KeptFolder(tmp_path / "runs", {"a": 1}, replace=True)
    kept.save("one.npz", values=np.arange(3))
    (kept.folder / "resume.json").write_bytes(b"\xff\xfe\x00")
    assert not kept.matches
    kept.begin()
    assert kept.matches


@pytest.mark.parametrize(
    "error", [KeyError("a\nb"), MemoryError(), RecursionError("deep"), OSError(5, "bad")]
)
def test_what_libraries_raise_becomes_one_line_with_the_name_of_the_file(error):
    with pytest.raises(InputError, match=r"^a\.h5: .*damaged") as raised, understood("a.h5"):
        raise error
    assert len(str(raised.value).splitlines()) == 1


def test_control_characters_in_names_are_escaped(tmp_path, capsys):
    path = tmp_path / "a\n\x1b[31mb.npz"
    path.write_bytes(b"x")
    assert main(["phase", str(path), "-o", str(tmp_path / "o.npz")]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert r"a\n\x1b[31mb.npz" in printed
