"""What the mutants of `mutants.py` change, and what became of each, from the files of `mutmut`."""

from __future__ import annotations

import ast
import difflib
import json
import re
from pathlib import Path
from typing import NamedTuple

ALIKE = re.compile(
    r",? ?\b(strict|workers|overwrite_x|stacklevel|device)=[^,()]+(\([^()]*\))?"
    r"|, (dtype=|output=)?(None|np\.nan)(?=[,)])"
    r"|, (dtype=|output=)?(np|torch)\.(complex64|float32|float64|int32|int8|intp|bool_)(?=[,)])"
    r"|(?<=\()dtype=(None|np\.float64)(?=\))"
    r"|(?<=\.astype\()(None|np\.(float32|float64|int32|int8))(?=[,)])"
    r"|(?<=\] = )(False|None)$"
    r"|(?<=reshape\()\[?-\d"
    r"|float\('nan'\)|float\('NAN'\)"
)
"""What changes no number but by rounding: that lengths agree, threads, memory, the line that a warning names,
the precision of an array on the way; None for False in an array of bools, -2 for -1 as the length that is
left, how NaN is spelt (None in an array of floats)."""


class Mutant(NamedTuple):
    """Its name, and the line it changes, before and after."""

    name: str
    before: str
    after: str


def outcomes(folder: Path) -> dict[str, int | None]:
    """Exit code of the tests of every mutant, None where they were not run."""
    found: dict[str, int | None] = {}
    for path in sorted((folder / "mutants" / "src").rglob("*.meta")):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return found


def mutants(folder: Path) -> list[Mutant]:
    """All mutants of a room and what they change."""
    made = []
    for meta in sorted((folder / "mutants" / "src").rglob("*.meta")):
        names = list(json.loads(meta.read_text())["exit_code_by_key"])
        if not names:
            continue
        tree = ast.parse(meta.with_suffix("").read_text())
        bodies = {
            node.name: ast.unparse(node).splitlines()
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
        }
        for name in names:
            short = name.rpartition(".")[2]
            original = bodies[short.partition("__mutmut_")[0] + "__mutmut_orig"]
            old, new = (
                [line.replace(which, "") for line in lines]
                for lines, which in ((original, "_orig"), (bodies[short], short.partition("__mutmut")[2]))
            )
            made.append(Mutant(name, *changed(old, new)))
    return made


def changed(old: list[str], new: list[str]) -> tuple[str, str]:
    """The lines that differ, without the name of the function."""
    parts = [
        (old[a:b], new[c:d])
        for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if kind != "equal"
    ]
    before, after = ("\n".join(line.strip() for part in parts for line in part[i][:]) for i in (0, 1))
    return before, after


def matters(mutant: Mutant) -> bool:
    """Whether a mutant changes more than `ALIKE`."""
    return ALIKE.sub("", mutant.before) != ALIKE.sub("", mutant.after)
