"""Imports point one way: a package knows those below it and no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sayre"
LEVELS = [
    {"_version", "errors"},
    {"extras", "numerics"},
    {"data"},
    {"detectors", "files"},
    {"crystal", "networks", "simulation"},
    {"scans"},
    {"retrieval"},
    {"filling"},
    {"figures", "training"},
    {"workflows"},
    {"studies", "viewer"},
    {"cli"},
    {"__main__"},
]
"""From the bottom to the top; those of one level do not know each other. docs/design.md draws the same."""
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}
PACKAGES = sorted({path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in SOURCE.rglob("*.py")})


def imported(text):
    """Packages and modules of `sayre` that a module's text imports, in functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = [node.module] if node.module != "sayre" else [f"sayre.{item.name}" for item in node.names]
        elif isinstance(node, ast.Import):
            whole = [item.name for item in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in whole if name.startswith("sayre.")}
    return found


def test_every_package_has_a_level():
    assert set(PACKAGES) - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("package", sorted(LEVEL))
def test_a_package_imports_from_below(package):
    files = [SOURCE / f"{package}.py", *(SOURCE / package).rglob("*.py")]
    for file in files:
        for name in imported(file.read_text()) - {package, "__version__"} if file.exists() else ():
            where = f"{file.relative_to(SOURCE)} imports sayre.{name}"
            assert LEVEL[name] < LEVEL[package], where


def test_only_the_crystal_fills_by_phase_retrieval():
    for file in (SOURCE / "filling").rglob("*.py"):
        if "retrieval" in imported(file.read_text()):
            assert file.parent.name == "crystal", file.relative_to(SOURCE)


def test_imports_are_seen_wherever_they_are():
    lines = ["from sayre import files", "def f():", " import sayre.data.grid", " from sayre.cli import app"]
    assert imported("\n".join(lines)) == {"files", "data", "cli"}
