"""`.view()`: a page of slices that a notebook shows in place, and that can be saved and sent."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from sayre.errors import InputError
from sayre.figures.style import INK, OUTLINE
from sayre.files.atomic import check_place, replacing
from sayre.viewer.inline.packing import MOST, packed, palette
from sayre.viewer.inline.volumes import common_box, volumes_of
from sayre.workflows.report.page import in_script

HEIGHT, HIGHER = 510, 640
"""Pixels of a page in a notebook; of one with several pictures, under which its tools are."""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
"""What the page may do: nothing is fetched from anywhere."""


@dataclass(frozen=True, repr=False)
class View:
    """A page of slices. A notebook shows it; `save` writes it.

    Attributes
    ----------
    title
        What it shows.
    html
        The page: it opens without Sayre, a server, or a network.
    height
        Pixels that it takes in a notebook.
    """

    title: str
    html: str
    height: int = HEIGHT

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the page.

        Parameters
        ----------
        path
            Ends in `.html`.
        force
            Whether a file that is there may be replaced.

        Raises
        ------
        InputError
            Another ending, or a place that cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() not in (".html", ".htm"):
            raise InputError(f"{place.name}: a page is written to .html")
        check_place(place, force=force)
        with replacing(place, force=force) as file:
            file.write(self.html.encode())

    def __repr__(self) -> str:
        return f"View of {self.title}: a notebook shows it, .save('page.html') writes it"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="{escape(self.title)}" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )


def view(*shown: Any, **named: Any) -> View:
    """Show slices of results, to be moved through along any axis; `pattern.view()` is `view(pattern)`.

    The page holds what it shows. So it works in any notebook, on a JupyterHub too, in a notebook that was
    saved, and without a network. Boxes that are drawn on it are given as code: a mask or a region that a cell
    makes again.

    Parameters
    ----------
    shown
        Patterns, measured, filled or simulated; objects, as phased or with their strain; particles. Several
        are shown beside each other, at the same slice and on the same scale; they must be of one shape.
    named
        More of them, with the names that they are shown by: `view(linear=first, wiener=second)`.

    Raises
    ------
    InputError
        Nothing, something that has no slices, an empty support, or shapes that differ.
    """
    everything = (*shown, *named.values())
    if not everything:
        raise InputError("view: needs a pattern, an object or a particle to show")
    around = common_box(everything)
    panels = [volumes_of(one, around) for one in everything]
    titles = [*map(_named, shown), *named]
    for name, panel in zip(titles, panels, strict=True):
        size, first = panel[0].values.shape, panels[0][0].values.shape
        if size != first:
            raise InputError(
                f"{name}: has {size} voxels where the first has {first}; `crop` both to the same"
            )
    most = MOST // sum(len(panel) for panel in panels)
    given = {
        "panels": [
            {"title": name, "volumes": [packed(volume, most) for volume in panel]}
            for name, panel in zip(titles, panels, strict=True)
        ],
        "palettes": {name: palette(name) for name in {v.colours.cmap for panel in panels for v in panel}},
        "ink": INK,
        "outline": OUTLINE,
    }
    whole = " beside ".join(titles)
    tools_below = len(panels) > 1 and not panels[0][0].cropped
    return View(title=whole, html=_page(whole, given), height=HIGHER if tools_below else HEIGHT)


def _named(shown: Any) -> str:
    """The first words of its title."""
    return str(shown.title).partition(":")[0]


def _page(title: str, given: dict[str, Any]) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>
{_own("slices.css")}
</style>
</head>
<body>
{_own("slices.html")}
<script type="application/json" id="given">{in_script(given)}</script>
<script>
{_own("slices.js")}
</script>
</body>
</html>
"""


def _own(name: str) -> str:
    return (resources.files("sayre.viewer.inline") / name).read_text(encoding="utf-8").rstrip()
