"""Draw the figures of the pages of this folder: `python docs/concepts/figures.py [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from pictures import coherence, diffraction, displacement, gaps, learning, phase_problem, sampling

PAGES = (diffraction, coherence, sampling, phase_problem, displacement, gaps, learning)


def main(folder: Path) -> None:
    """Draw every figure of every page into a folder."""
    folder.mkdir(exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # arrays are small
    try:
        for page in PAGES:
            page.draw(folder)
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images")
