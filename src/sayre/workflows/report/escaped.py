"""Names of files in texts that other programs show."""

from __future__ import annotations

from sayre.errors import printable

_FORMULA = ("=", "+", "-", "@")
"""Signs by which spreadsheets know a formula."""


def in_markdown(text: str) -> str:
    """Return a text as one line of Markdown, in which names of files make no HTML and no links."""
    return printable(text).replace("<", "&lt;").replace("](", "]\\(")


def in_csv(value: object) -> object:
    """Return a cell of a CSV; an apostrophe goes before what a spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.startswith(_FORMULA) else printable(value)
