"""Whether FFTs that pass over empty lines are faster: the array is empty outside a box at its corner.

    python benchmarks/pruned.py [--arrays 60/20 80/27 128/36 ...] [--repeats 25] [--threads 1]

`60/20` is an array of 60³ whose box has 20³. Forward, lines that are zero are left out axis by axis
(`lines`), or planes that are zero (`planes`: two axes at once, then the third); backward, what is outside the
box is not computed. Milliseconds of the fastest repeat by processor time, in turns with PyTorch's FFT of the
whole array.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from timing.turns import turns

ARRAYS = ("60/20", "80/27", "80/40", "128/36", "128/64")
COLUMNS = ("forward", "lines", "planes", "backward", "lines back", "planes back")


def work(side: int, box: int) -> dict[str, Callable[[], torch.Tensor]]:
    """Transforms of one array, whole and pruned."""
    x = torch.randn((box,) * 3, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    whole = torch.zeros((side,) * 3, dtype=torch.complex64)
    whole[:box, :box, :box] = x
    field = torch.fft.fftn(whole)

    def lines() -> torch.Tensor:
        along_rows = torch.fft.fft(torch.fft.fft(x, n=side, dim=2), n=side, dim=1)
        return torch.fft.fft(along_rows, n=side, dim=0)

    def planes() -> torch.Tensor:
        return torch.fft.fft(torch.fft.fftn(x, s=(side, side), dim=(1, 2)), n=side, dim=0)

    def lines_back() -> torch.Tensor:
        rows = torch.fft.ifft(torch.fft.ifft(field, dim=0)[:box], dim=1)[:, :box]
        return torch.fft.ifft(rows, dim=2)[:, :, :box]

    def planes_back() -> torch.Tensor:
        return torch.fft.ifftn(torch.fft.ifft(field, dim=0)[:box], dim=(1, 2))[:, :box, :box]

    for pruned in (lines, planes):
        torch.testing.assert_close(pruned(), field, rtol=1e-3, atol=1e-3 * box**1.5)
    for pruned in (lines_back, planes_back):
        torch.testing.assert_close(pruned(), x, rtol=1e-3, atol=1e-3)
    calls = (
        lambda: torch.fft.fftn(whole),
        lines,
        planes,
        lambda: torch.fft.ifftn(field),
        lines_back,
        planes_back,
    )
    return dict(zip(COLUMNS, calls, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arrays", nargs="+", default=ARRAYS, metavar="SIDE/BOX")
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("array/box  " + "  ".join(f"{name:>9s}" for name in COLUMNS))
    for array in options.arrays:
        side, box = map(int, array.split("/"))
        taken = turns(work(side, box), options.repeats)
        row = "  ".join(f"{1e3 * min(taken[name]):{max(9, len(name))}.2f}" for name in COLUMNS)
        print(f"{array:9s}  {row}", flush=True)


if __name__ == "__main__":
    main()
