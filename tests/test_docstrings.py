"""Public functions state their parameters."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sayre"
SECTION = "Parameters\n----------"


def public_functions(body, holder=""):
    """Functions and methods that do not begin with an underscore, nor does a class that holds them."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield holder + node.name, node


def arguments(node):
    given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return [item.arg for item in given if item.arg not in ("self", "cls")] + ["*"] * bool(node.args.vararg)


def undocumented(text):
    return [
        name
        for name, node in public_functions(ast.parse(text).body)
        if len(arguments(node)) >= 2 and SECTION not in (ast.get_docstring(node) or "")
    ]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_functions_of_two_or_more_arguments_have_a_section_of_parameters(path):
    assert undocumented(path.read_text()) == []


def test_the_check_sees_what_it_should():
    undescribed = 'def f(self, a, b):\n        """Add."""\n'
    private = "def _g(self, a, b): ...\n"
    assert undocumented(f"class A:\n    {undescribed}\n    {private}\ndef h(a): ...\n") == ["A.f"]
    section = SECTION.replace("\n", "\n    ")
    assert undocumented(f'def f(a, b):\n    """Add.\n\n    {section}\n    a, b\n    """\n') == []
