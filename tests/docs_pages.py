"""Pages of the documentation, taken apart: blocks of code, command lines, links, names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


ENDINGS = ("git", "npz", "py", "toml", "txt")
"""Of files whose names begin like the package's."""


class Block(NamedTuple):
    """A block of code: its language, what else its first line says, the line it begins on, its text."""

    language: str
    note: str
    line: int
    text: str


def blocks(page: Path) -> list[Block]:
    """Fenced blocks of a page, and those that are indented by four spaces after an empty line."""
    found: list[Block] = []
    opened: Block | None = None
    indented: Block | None = None
    empty = True
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if opened is not None:
            if line.startswith("```"):
                found.append(opened)
                opened = None
            else:
                opened = opened._replace(text=opened.text + line + "\n")
            continue
        if indented is not None and line and not line.startswith("    "):
            found.append(indented)
            indented = None
        if line.startswith("```"):
            language, _, note = line[3:].strip().partition(" ")
            opened = Block(language, note, number + 1, "")
        elif line.startswith("    ") and (indented is not None or empty):
            indented = indented or Block("", "", number, "")
            indented = indented._replace(text=indented.text + line[4:] + "\n")
        empty = not line.strip()
    assert opened is None, f"{page.name}: a fence is not closed"
    return [*found, indented] if indented is not None else found


def command_lines(page: Path, program: str) -> Iterator[tuple[int, list[str]]]:
    """Words of the command lines of a program in a page, and where their block or code span begins.

    Comments are left out, continued lines are joined.
    """
    for block in blocks(page):
        if block.language in ("", "console", "sh", "bash"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith(program + " "):
                    yield block.line, shlex.split(line, comments=True)
    for number, line in enumerate(page.read_text().splitlines(), 1):
        for span in re.findall(r"`([^`]+)`", line):
            if span.startswith(program + " "):
                yield number, shlex.split(span)


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead, as written."""
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text())


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def names(text: str) -> set[str]:
    """Dotted names that begin with `sayre.`, as in `sayre.files.load`; names of files are left out."""
    found = re.findall(r"(?<![\w./])sayre(?:\.[A-Za-z_]\w*)+", text)
    return {name for name in found if name.rpartition(".")[2] not in ENDINGS}
