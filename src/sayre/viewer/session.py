"""What a page works on: the file that is shown, those beside it, and the region that was filled last."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from sayre.errors import InputError
from sayre.viewer.filling import FilledRegion, fill_region
from sayre.viewer.folder import Folder
from sayre.viewer.regions.region import Region
from sayre.viewer.regions.strokes import Stroke, mask_of, save_mask, united
from sayre.viewer.slices.opened import Counts, LargeCounts, Opened, Shown
from sayre.viewer.slices.opening import open_file
from sayre.viewer.slices.plane import Plane, put_into
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import spare_the_inputs


class Session:
    """The state of one user's page on the server; one thing is read or computed at a time.

    Parameters
    ----------
    source
        The file that is shown.
    folder
        The only one that the page may read and write.
    """

    def __init__(self, source: InputFile, folder: Folder) -> None:
        self.source, self.folder = source, folder
        self.lock = threading.RLock()
        self.shown = open_file(source, Path(source.source.partition("::")[0]).name)
        self._beside: tuple[str, Opened] | None = None
        self._filled: FilledRegion | None = None
        self._closed = threading.Event()

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be shown now."""
        known = self.shown.quantities
        if self._filled is None or "filled" in known:
            return known
        return (*known, "filled", "sigma")

    def plane(self, quantity: str, axis: int, index: int) -> Plane:
        """Return a slice of the file, or of the region that was filled where that is asked for.

        Parameters
        ----------
        quantity
            One of `quantities`.
        axis, index
            Which slice.
        """
        axis, index = self._place(axis, index)
        with self.lock:
            if self._filled is None or quantity not in ("filled", "sigma"):
                return self.shown.plane(quantity, axis, index)
            found = self._filled.plane(quantity, axis, index)
            around = self.shown.plane("counts", axis, index)
        if found is None:
            return replace(around, remark="this slice lies outside the filled region")
        return found if quantity == "sigma" else put_into(around, found)

    def beside(self, name: str, quantity: str, axis: int, index: int) -> tuple[Plane, int]:
        """Return a slice of another file and its index, which is the last one where the file is shorter.

        Parameters
        ----------
        name
            File in the folder.
        quantity
            What is shown; `counts` where the other file does not know it.
        axis, index
            Which slice.

        Raises
        ------
        Refused
            A file outside the folder.
        InputError
            The other file cannot be read, or is of another kind.
        """
        place = self.folder.inside(name)
        axis, index = self._place(axis, index)
        with self.lock:
            if self._beside is None or self._beside[0] != name:
                self._beside = (name, open_file(InputFile(source=str(place), within=self.folder.root), name))
            other = self._beside[1]
            if isinstance(other, Shown) != isinstance(self.shown, Shown):
                raise InputError(f"{name}: counts and objects cannot be compared; choose a file of the same")
            index = min(index, other.size[axis] - 1)
            known = quantity if quantity in other.quantities else other.quantities[0]
            return other.plane(known, axis, index), index

    def fill(self, region: Region | None, method: str, strokes: list[Stroke]) -> FilledRegion:
        """Fill a region, and keep it; None is all of the counts.

        Parameters
        ----------
        region, method, strokes
            As `fill_region` takes them.
        """
        shown = self.shown
        if isinstance(shown, Shown):
            raise InputError(f"{shown.name}: is an object; only counts are filled")
        whole = [[0, n] for n in shown.size]
        with self.lock:
            self._filled = fill_region(
                self.source,
                region or whole,
                shown.size,
                method,
                strokes,
                planar=shown.planar,
                progress=self._go_on,
            )
            return self._filled

    def save(self, name: str, strokes: list[Stroke], *, unite: bool, force: bool) -> Path:
        """Write the drawn mask into the folder.

        Parameters
        ----------
        name
            Of the file, relative to the folder.
        strokes
            What was drawn.
        unite
            Whether the mask of the file is added.
        force
            Whether a file that is there may be replaced.

        Raises
        ------
        Refused
            A place outside the folder.
        InputError
            As `save_mask`; a file that is read.
        """
        place, shown = self.folder.inside(name), self.shown
        if not isinstance(shown, Counts | LargeCounts):
            raise InputError(f"{shown.name}: is an object; only counts have a mask")
        spare_the_inputs(place, *self.source.files)
        if place.exists() and not force:
            raise InputError(f"{name}: exists; tick overwrite, or choose another name")
        with self.lock:
            mask = mask_of(strokes, shown.size)
            if unite:
                mask = united(mask, shown.masks(), shown.size)
            save_mask(place, mask[0] if shown.planar and mask.ndim == 3 else mask, force=force)
        return place

    def close(self) -> None:
        """End what is computed: a process that ends beside a running computation aborts."""
        self._closed.set()
        with self.lock:
            pass

    def _go_on(self, fraction: float, note: str = "") -> None:
        if self._closed.is_set():
            raise InputError("the page is closed")

    def _place(self, axis: int, index: int) -> tuple[int, int]:
        if axis not in (0, 1, 2) or not 0 <= index < self.shown.size[axis]:
            raise InputError(f"{self.shown.name}: has no slice {index} of axis {axis}")
        return axis, index
