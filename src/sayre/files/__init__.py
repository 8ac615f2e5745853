"""Files to patterns and crystals and back: the only place that knows file layouts.

Endings: `.npz` (`file.npz::name`), `.npy`, `.cxi`, `.h5` / `.hdf5` / `.nxs` (`file.h5::/path/to/dataset`),
`.tif` / `.tiff`, a folder or glob of TIFF frames (reading only).
"""

from sayre.files.crystals.objects import load_crystal, save_crystal
from sayre.files.reading import load, load_filled
from sayre.files.writing import output_path_check, save

__all__ = ["load", "load_crystal", "load_filled", "output_path_check", "save", "save_crystal"]
