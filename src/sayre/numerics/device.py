"""Where tensors are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayre.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def find_device(name: str) -> torch.device:
    """The torch device of a name of `DEVICES`; `auto` is CUDA where torch sees it, else the CPU.

    Raises
    ------
    InputError
        An unknown name, or CUDA where torch sees none.
    """
    import torch

    if name not in DEVICES:
        raise InputError(f"device: {name!r} is not known; {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, but torch sees no CUDA device; cpu or auto would do")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
