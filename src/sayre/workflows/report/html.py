"""Pieces of a page: every text that is not the program's own is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from sayre.figures.interactive.chart import Chart

Row = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    anchor, title
        Its place in links, and its heading.
    parts
        HTML, one after another.
    charts
        What `figure` left places for, by their anchors.
    """

    anchor: str
    title: str
    parts: Sequence[str]
    charts: Mapping[str, Chart] = field(default_factory=dict)

    @property
    def html(self) -> str:
        """The section as HTML."""
        body = "\n".join(self.parts)
        return f'<section id="{self.anchor}">\n<h2>{escape(self.title)}</h2>\n{body}\n</section>'


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def items(texts: Sequence[str], kind: str = "") -> str:
    """A list of plain texts; nothing where there are none.

    Parameters
    ----------
    texts
        One for each item.
    kind
        Class of the list.
    """
    inside = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{kind}">{inside}</ul>' if texts else ""


def table(rows: Sequence[Row]) -> str:
    """A table of names and values."""
    inside = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{inside}</table>'


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], marked: Sequence[int] = ()) -> str:
    """A table with heads of its columns.

    Parameters
    ----------
    head
        Of the columns.
    rows
        Of texts.
    marked
        Numbers of rows that stand out.
    """
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = ""
    for i, row in enumerate(rows):
        cells = "".join(f"<td>{escape(text)}</td>" for text in row)
        lines += f"<tr{' class=marked' if i in marked else ''}>{cells}</tr>"
    return f'<table class="grid"><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>'


def figure(anchor: str, chart: Chart, caption: str) -> str:
    """The place of a chart, with what it shows in words.

    Parameters
    ----------
    anchor
        Under which the page finds the chart.
    chart
        For its size.
    caption
        Plain text.
    """
    size = f"width:{chart['layout']['width']}px;height:{chart['layout']['height']}px"
    return (
        f'<figure><div class="chart" id="{anchor}" style="{size}"></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def code(text: str) -> str:
    """Text as it is written."""
    return f"<pre>{escape(text)}</pre>"


def folded(title: str, inside: str) -> str:
    """A part that opens on a click.

    Parameters
    ----------
    title
        Plain text.
    inside
        HTML.
    """
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"
