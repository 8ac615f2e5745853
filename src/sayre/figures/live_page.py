"""A page that follows a running reconstruction: one file, which the browser reads again by itself."""

from __future__ import annotations

import base64
import html
import io
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sayre.files.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".html", ".htm")
SECONDS = 5
"""From one reading of the page to the next."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{again}<title>{title}</title>
<style>
body {{ margin: 16px; font: 15px system-ui, sans-serif; color: #1b2a41; background: white; }}
img {{ max-width: 100%; }}
</style>
</head>
<body>
<p>{state}</p>
<img alt="{title}" src="data:image/png;base64,{picture}">
</body>
</html>
"""


def save_live_page(figure: Figure, path: Path, *, title: str, last: bool) -> None:
    """Write a page with a picture in it, whole or not at all; the browser reads it again until the last.

    Parameters
    ----------
    figure
        A matplotlib figure.
    path
        Where the page is written, over an earlier one.
    title
        Of the page, and what stands for the picture.
    last
        Whether the reconstruction is done.

    Raises
    ------
    InputError
        The folder is missing or read-only, or the disk is full.
    """
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format="png")
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    state = f"Done at {now}." if last else f"State at {now}; it is renewed while the run lasts."
    text = _PAGE.format(
        again="" if last else f'<meta http-equiv="refresh" content="{SECONDS}">\n',
        title=html.escape(title),
        state=state,
        picture=base64.b64encode(picture.getvalue()).decode("ascii"),
    )
    with replacing(path, force=True) as file:
        file.write(text.encode("utf-8"))
