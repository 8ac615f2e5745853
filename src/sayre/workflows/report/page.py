"""One self-contained page of a run: it opens without a network and fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import resources

from sayre.errors import printable
from sayre.workflows.report.html import Section

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'"
)
"""What the page may do: nothing is fetched from anywhere."""


def page(title: str, subtitle: str, opening: str, sections: Sequence[Section]) -> str:
    """HTML of a page with everything in it.

    Parameters
    ----------
    title, subtitle
        Plain text.
    opening
        HTML that comes first, before the links to the sections.
    sections
        What follows.
    """
    charts = {anchor: chart for section in sections for anchor, chart in section.charts.items()}
    links = "".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in sections)
    body = "\n".join(section.html for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(printable(title))}</title>
<style>
{_own("page.css")}
</style>
</head>
<body>
<header>
<h1>{escape(printable(title))}</h1>
<div>{escape(subtitle)}</div>
</header>
<nav><div>{links}</div></nav>
<main>
{opening}
<noscript><p>The charts need JavaScript; the pictures beside this page do not.</p></noscript>
{body}
</main>
<script type="application/json" id="charts">{in_script(charts)}</script>
<script>{_plotly()}</script>
<script>
{_own("page.js")}
</script>
</body>
</html>
"""


def in_script(value: object) -> str:
    """JSON that ends no script, whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _own(name: str) -> str:
    return (resources.files("sayre.workflows.report") / name).read_text(encoding="utf-8").rstrip()


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")
