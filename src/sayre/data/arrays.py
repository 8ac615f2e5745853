"""What the data classes that hold arrays have in common: moving, comparing, hashing and showing them."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sayre.data.shown import Shown

if TYPE_CHECKING:
    import torch


class ArrayClass(Shown):
    """Base of frozen dataclasses (`eq=False`, `repr=False`) whose fields are arrays and plain values."""

    def to(self, device: str | torch.device) -> Self:
        """Return a copy whose arrays are torch tensors on `device`."""
        import torch

        def move(value: Any) -> Any:
            if isinstance(value, ArrayClass):
                return value.to(device)
            if isinstance(value, np.ndarray | torch.Tensor):
                return torch.as_tensor(value).to(device, copy=True)
            return value

        return self._mapped(move)

    def numpy(self) -> Self:
        """Return a copy whose arrays are NumPy arrays on the host."""

        def move(value: Any) -> Any:
            if isinstance(value, ArrayClass):
                return value.numpy()
            return value.detach().cpu().numpy() if hasattr(value, "detach") else value

        return self._mapped(move)

    def _mapped(self, move: Any) -> Self:
        copy = object.__new__(type(self))
        for item in fields(self):  # type: ignore[arg-type]
            object.__setattr__(copy, item.name, move(getattr(self, item.name)))
        return copy

    def digest(self) -> str:
        """Return the SHA-256 of all arrays with their names, shapes and dtypes."""
        found = hashlib.sha256()
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if isinstance(value, ArrayClass):
                found.update(f"{item.name} {value.digest()};".encode())
            elif hasattr(value, "shape"):
                array = np.ascontiguousarray(value.detach().cpu() if hasattr(value, "detach") else value)
                found.update(f"{item.name} {array.dtype} {array.shape};".encode())
                found.update(array.reshape(-1).view(np.uint8).data)
        return found.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether both are of one class and all their values are equal; NaN equals NaN."""
        if type(other) is not type(self):
            return NotImplemented
        names = [item.name for item in fields(self)]  # type: ignore[arg-type]
        return all(_equal(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        """Hash of the class and the shapes of the arrays: equal objects have equal hashes."""
        values = (getattr(self, item.name) for item in fields(self))  # type: ignore[arg-type]
        return hash((type(self).__name__, *(tuple(v.shape) for v in values if hasattr(v, "shape"))))


def _equal(a: Any, b: Any) -> bool:
    if not (hasattr(a, "__array__") or hasattr(b, "__array__")):
        return bool(a == b)
    if a is None or b is None:
        return False
    first, second = (np.asarray(x.detach().cpu() if hasattr(x, "detach") else x) for x in (a, b))
    exact = first.dtype.kind not in "fc"
    return first.dtype == second.dtype and np.array_equal(first, second, equal_nan=not exact)
