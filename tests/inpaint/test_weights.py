"""What ships reproduces itself, is small enough, and beats the method it corrects."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sayre import weights
from sayre.cli import main
from sayre.errors import InputError
from sayre.inpaint.predict import load_predictor, verify_sample

SHIPPED = list(weights.registry())


def test_all_weights_fit_the_package():
    assert sum(p.stat().st_size for p in weights.FOLDER.glob("*") if p.is_file()) < 12e6
    assert sum(row.default for row in weights.registry().values()) <= 1


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_reproduce_their_sample(name, capsys):
    assert verify_sample(weights.find(name)) < 0.05
    assert main(["weights", "verify", name]) == 0
    assert "sample reproduced" in capsys.readouterr().out


def test_write_and_read_round_trip(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1)}
    digest = weights.write(tmp_path / "w.safetensors", tensors, {"network": "slab"})
    back, config = weights.read(tmp_path / "w.safetensors", digest)
    assert config == {"network": "slab"}
    assert all(torch.equal(back[k], tensors[k]) for k in tensors)


def test_wrong_hash_damage_and_strangers_are_refused(tmp_path, capsys):
    path = tmp_path / "w.safetensors"
    digest = weights.write(path, {"a": torch.ones(3)}, {"network": "slab"})
    with pytest.raises(InputError, match="SHA-256"):
        weights.read(path, digest[::-1])
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match="not a safetensors file"):
        weights.read(path)
    from safetensors.torch import save_file

    save_file({"a": torch.ones(3)}, path)
    with pytest.raises(InputError, match="no Sayre configuration"):
        load_predictor(path)
    np.savez(tmp_path / "in.npz", intensity=np.ones((8, 8, 8), int), mask=np.eye(8))
    arguments = ["inpaint", str(tmp_path / "in.npz"), "-o", str(tmp_path / "o.npz"), "--method", "unet"]
    assert main([*arguments, "--weights", str(path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_list_and_path_name_every_row(capsys):
    assert main(["weights", "list"]) == 0
    shown = capsys.readouterr().out
    for name in SHIPPED:
        assert name in shown
        assert main(["weights", "path", name]) == 0
    assert main(["weights", "path", "nobody"]) == 2
