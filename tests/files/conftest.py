import pytest

from sayre.data import Manifest


@pytest.fixture
def manifest():
    return Manifest(command="sayre inpaint in.npz -o out", seed=1, created="2024-01-01T00:00:00Z")
