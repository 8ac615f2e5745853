"""Fourier transforms to the detector and back, between which the field is changed part by part.

The parts fit the processor's cache. An FFT of a large array is done in two passes: over all axes but the
first, slab by slab, then over the first, some columns at a time. The field is changed in those columns
between the FFT and its inverse, while they are in the cache, and no further array of the size of the volume
is needed. Smaller arrays, and arrays on a GPU, are transformed whole, for which PyTorch takes another array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from sayre.retrieval.engine.arrays import kernels

LARGE = 1 << 23
"""Voxels beyond which an array is transformed in passes on a CPU."""
GPU_BLOCK = 1 << 25
"""Voxels transformed at once on a GPU, of one start or of several together."""

Visit = Callable[[Tensor, slice, slice], None]
"""Function that is called with a part of the field, `(starts, first axis, columns)`, to change in place, and
with its starts and columns, which are those of `array.flatten(2)[starts, :, columns]`."""


class Fourier:
    """FFTs of contiguous arrays `(batch, *shape)` whose origin is at index 0.

    Parameters
    ----------
    shape
        Shape of one array.
    device
        Device of the arrays.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device) -> None:
        self.shape, self.device = shape, device
        self.axes = tuple(range(1, len(shape) + 1))
        self.voxels = torch.Size(shape).numel()
        self.passes = device.type == "cpu" and self.voxels > LARGE

    def arrange(self, array: Tensor) -> Tensor:
        """Return a detector array of `shape`, in memory in the order in which its parts are visited."""
        if not self.passes:
            return array.contiguous()
        return array.flatten(1).T.contiguous().T.reshape(self.shape)

    def ordered(self, buffer: Tensor) -> Tensor:
        """View a complex buffer as `(batch, first axis, columns)`, in the order of the parts visited."""
        if not self.passes:
            return buffer.flatten(2)
        return buffer.reshape(len(buffer), -1, self.shape[0]).mT

    def parts(self, batch: int) -> Iterator[tuple[slice, slice]]:
        """Yield the starts and the columns of every part."""
        if self.device.type != "cpu":
            for starts in _slices(batch, GPU_BLOCK // self.voxels):
                yield starts, slice(None)
            return
        for start in range(batch):
            for columns in self._columns(self.voxels // self.shape[0]):
                yield slice(start, start + 1), columns

    def visit(self, x: Tensor, buffer: Tensor, visit: Visit, *, support: Tensor | None = None) -> None:
        """Call a function with every part of the Fourier transform of an array.

        Parameters
        ----------
        x
            complex64 `(batch, *shape)`.
        buffer
            complex64 of the same shape, overwritten; it may be `x`.
        visit
            Function that is called with each part.
        support
            bool of the same shape; outside of it `x` is taken to be 0.
        """
        self._through(x, buffer, visit, None, support)

    def round_trip(
        self, x: Tensor, out: Tensor, visit: Visit, *, buffer: Tensor | None = None, visited: bool = False
    ) -> Tensor:
        """Transform an array, change each part of its Fourier transform, and transform back.

        Parameters
        ----------
        x
            complex64 or float32 `(batch, *shape)`.
        out
            Tensor of the same shape and dtype that receives the result, and is returned; it may be `x`.
        visit
            Function that changes each part in place; of real arrays, the parts of their half-space.
        buffer
            For real arrays, complex64 `(batch, *shape)` with n // 2 + 1 voxels on the last axis; see `half`.
        visited
            Whether the buffer, or `out`, is as `visit` of the same `x` left it, which saves the first pass.
        """
        self._through(x, out if buffer is None else buffer, visit, out, None, visited)
        return out

    def half(self, buffer: Tensor) -> Tensor:
        """View the part of a complex buffer that holds the half-space of real arrays."""
        shape = *self.shape[:-1], self.shape[-1] // 2 + 1
        return buffer.flatten(1)[:, : torch.Size(shape).numel()].view(-1, *shape)

    def _through(
        self,
        x: Tensor,
        buffer: Tensor,
        visit: Visit,
        out: Tensor | None,
        support: Tensor | None,
        visited: bool = False,
    ) -> None:
        if self.device.type != "cpu":
            self._at_once(x, visit, out, support)
            return
        for start in range(len(x)):
            inside = None if support is None else support[start]
            back = None if out is None else out[start]
            if not self.passes:
                self._in_place(x[start], buffer[start], visit, start, back, inside)
                continue
            if not visited:
                self._first_pass(x[start], buffer[start], inside)
            self._second_pass(x[start], buffer[start], visit, start, back)

    def _in_place(
        self, x: Tensor, buffer: Tensor, visit: Visit, start: int, out: Tensor | None, support: Tensor | None
    ) -> None:
        """Transform an array whole, call the function with parts of its field, and transform back."""
        forward, back = _pair(x)
        forward(x if support is None else x * support, out=buffer)
        lines = buffer.flatten(1)[None]
        for columns in self._columns(lines.shape[2]):
            visit(lines[..., columns], slice(start, start + 1), columns)
        if out is not None:
            back(buffer, s=self.shape, out=out)

    def _at_once(self, x: Tensor, visit: Visit, out: Tensor | None, support: Tensor | None) -> None:
        """Transform several arrays of a GPU together."""
        forward, back = _pair(x)
        for starts, columns in self.parts(len(x)):
            inside = x[starts] if support is None else x[starts] * support[starts]
            field = forward(inside, dim=self.axes).contiguous()
            visit(field.flatten(2), starts, columns)
            if out is not None:
                out[starts] = back(field, s=self.shape, dim=self.axes)

    def _columns(self, count: int) -> Iterator[slice]:
        return _slices(count, kernels.block() // self.shape[0])

    def _slabs(self) -> list[slice]:
        return list(_slices(self.shape[0], kernels.block() * self.shape[0] // self.voxels))

    def _first_pass(self, x: Tensor, buffer: Tensor, support: Tensor | None) -> None:
        """Transform over all axes but the first."""
        forward, _ = _pair(x)
        for slab in self._slabs():
            inside = x[slab] if support is None else x[slab] * support[slab]
            buffer[slab] = forward(inside, dim=self.axes[:-1])

    def _second_pass(self, x: Tensor, buffer: Tensor, visit: Visit, start: int, out: Tensor | None) -> None:
        """Transform over the first axis, call the function, and transform back."""
        _, back = _pair(x)
        lines = buffer.flatten(1)
        for columns in self._columns(lines.shape[1]):
            field = torch.fft.fft(lines[:, columns], dim=0)
            visit(field[None], slice(start, start + 1), columns)
            if out is not None:
                lines[:, columns] = torch.fft.ifft(field, dim=0)
        if out is not None:
            for slab in self._slabs():
                out[slab] = back(buffer[slab], s=self.shape[1:], dim=self.axes[:-1])


def _pair(x: Tensor) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return (torch.fft.fftn, torch.fft.ifftn) if x.is_complex() else (torch.fft.rfftn, torch.fft.irfftn)


def _slices(length: int, size: int) -> Iterator[slice]:
    size = max(size, 1)
    for first in range(0, length, size):
        yield slice(first, min(first + size, length))
