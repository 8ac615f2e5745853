"""Mutation testing of the numerical core: how many small faults the tests notice, room by room.

    python benchmarks/mutants.py [--room ROOM ...] [--share 0.25] [--seed 0] [--jobs 2]

A room is a few modules and the tests that cover them. `mutmut` makes mutants of every function of a room, a
sample of which is tested, each by the tests that reach its function. Mutants that cannot matter (`ALIKE`) are
not made use of; survivors that were found to compute the same, or the same but for rounding or time, are in
mutants.toml with the reason. Others are shown, and more than `--limit` of them are a failure.
docs/development/mutants.md has the score.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutants"
KNOWN = Path(__file__).with_suffix(".toml")


class Room(NamedTuple):
    """Modules, relative to `src/sayre`, and tests, relative to `tests`; of these `slow` ones are left out."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    slow: tuple[str, ...] = ()


def _inside(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


ROOMS = {
    "wiener": Room(
        _inside("filling/wiener", "__init__", "calibration", "posterior", "spectrum"),
        _inside("filling", "test_wiener_exact", "test_wiener_model"),
    ),
    "network": Room(
        _inside("filling", "fill", "network/windows", "network/volume"),
        (
            *_inside("filling", "test_fill", "test_fill_by_network", "test_volume"),
            *_inside("filling", "test_windows", "test_windows_by_hand"),
        ),
        ("unstrained_crystal",),
    ),
    "numerics": Room(
        _inside("numerics", "gaps", "interpolate", "metrics", "poisson", "fourier"), ("numerics",)
    ),
    "engine": Room(
        (
            *_inside("retrieval/engine", "bounds", "modulus", "coherence", "runs", "support", "uniform"),
            *_inside("retrieval/engine/algorithms", "cf", "dm", "er", "gps", "hio", "ml", "raar", "state"),
            *_inside("retrieval/engine/arrays", "fourier", "kernels"),
        ),
        _inside(
            "retrieval/engine",
            *("test_bounds", "test_detwin", "test_fit", "test_fourier", "test_likelihood"),
            *("test_partial_coherence", "test_projections", "test_runs", "test_support", "test_uniform"),
        ),
        ("phases_what", "goes_along", "fits_better", "finds_the_width"),
    ),
    "choice": Room(
        _inside("retrieval/choice", "align", "consensus", "modes", "select"),
        ("retrieval/choice",),
        ("random_starts", "two_halves", "sharp_crystals"),
    ),
    "crystal": Room(
        _inside("crystal", "ramp", "unwrap", "strain", "orthogonalise"),
        _inside("crystal", "test_ramp", "test_strain", "test_crystal_by_hand", "test_to_crystal"),
    ),
}

ALIKE = re.compile(
    r",? ?\b(strict|workers|overwrite_x|stacklevel|device)=[^,()]+(\([^()]*\))?"
    r"|, (dtype=|output=)?(None|np\.nan)(?=[,)])"
    r"|, (dtype=|output=)?(np|torch)\.(complex64|float32|float64|int32|int8|intp|bool_)(?=[,)])"
    r"|(?<=\.astype\()(None|np\.(float32|float64|int32))(?=[,)])"
    r"|(?<=\] = )(False|None)$"
    r"|(?<=reshape\()\[?-\d"
    r"|float\('nan'\)|float\('NAN'\)"
)
"""What changes no number but by rounding: that lengths agree, threads, memory, the line that a warning names,
the precision of an array on the way; None for False in an array of bools, -2 for -1 as the length that is
left, how NaN is spelt (None in an array of floats)."""
OUTCOMES = {0: "survived", 5: "no tests", 33: "no tests", None: "not run"}
TIMEOUTS = (-24, 24, 36, 152, 255)


class Mutant(NamedTuple):
    """Its name, and the line it changes, before and after."""

    name: str
    before: str
    after: str


def prepare(name: str, room: Room) -> Path:
    """A copy of the project set up for one room."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/sayre/{module}" for module in room.modules],
        "pytest_add_cli_args_test_selection": [f"tests/{test}" for test in room.tests],
        "pytest_add_cli_args": [
            *("-m", "not measured and not slow", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"),
            *(("-k", " and ".join(f"not {name}" for name in room.slow)) if room.slow else ()),
        ],
        "process_isolation": "forkserver",
        "timeout_multiplier": 3.0,
        "timeout_constant": 20.0,
        "use_git_change_detection": False,
    }
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    text = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(f"{text}\n[tool.mutmut]\n{table}\n")
    return folder


def run(folder: Path, names: list[str], jobs: int) -> None:
    """Test mutants of these names."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    mutmut = Path(sys.executable).with_name("mutmut")
    if not mutmut.exists():
        raise SystemExit("mutants: mutmut is missing; `make mutants`, or pip install --group mutants")
    command = [str(mutmut), "run", "--max-children", str(jobs), *names]
    with (folder / "log.txt").open("a") as log:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        print((folder / "log.txt").read_text()[-3000:], file=sys.stderr)
        raise SystemExit(f"mutmut failed; see {folder / 'log.txt'}")


def first_function(folder: Path, room: Room) -> str:
    """The name of one mutant, by which mutmut is made to make all."""
    path = folder / "src" / "sayre" / room.modules[0]
    module = "sayre." + room.modules[0].removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    functions = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return f"{module}.x_{functions[0]}__mutmut_1"


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


def known() -> set[tuple[str, str, str]]:
    """Function, line before and after of mutants that compute the same."""
    rows = tomllib.loads(KNOWN.read_text(encoding="utf-8"))["same"]
    return {(row["function"], row["before"], row["after"]) for row in rows}


def outcome(mutant: Mutant, code: int | None, same: set[tuple[str, str, str]]) -> str:
    """What became of a mutant."""
    if code in TIMEOUTS:
        return "timeout"
    found = OUTCOMES.get(code, "killed")
    function = mutant.name.rpartition("__mutmut_")[0].removeprefix("sayre.")
    return "same" if found == "survived" and (function, mutant.before, mutant.after) in same else found


def assess(name: str, share: float, seed: int, jobs: int) -> Counter[str]:
    """Outcomes of a sample of the mutants of a room; shows those that survived."""
    room, began = ROOMS[name], time.monotonic()
    folder, same = prepare(name, room), known()
    run(folder, [first_function(folder, room)], jobs)
    made = [mutant for mutant in mutants(folder) if matters(mutant)]
    sample = made if share >= 1 else random.Random(seed).sample(made, max(1, round(share * len(made))))
    run(folder, [mutant.name for mutant in sample], jobs)
    codes, counts = outcomes(folder), Counter[str]()
    for mutant in sorted(sample):
        what = outcome(mutant, codes[mutant.name], same)
        counts[what] += 1
        if what not in ("killed", "same"):
            print(f"\n{mutant.name}: {what}\n  - {mutant.before}\n  + {mutant.after}")
    minutes = (time.monotonic() - began) / 60
    print(f"\n{name}: {len(made)} mutants, {len(sample)} in {minutes:.0f} min: {dict(counts)}", flush=True)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--room", choices=ROOMS, action="append", help="default: all")
    parser.add_argument("--share", type=float, default=0.2, help="of the mutants of a room; 1 tests all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tested at a time")
    parser.add_argument("--limit", type=float, default=0.03, help="share that may survive")
    options = parser.parse_args()
    total = Counter[str]()
    for name in options.room or ROOMS:
        total += assess(name, options.share, options.seed, options.jobs)
    left, tested = total.total() - total["killed"] - total["timeout"] - total["same"], total.total()
    print(f"\nall: {tested} tested, {dict(total)}")
    print(f"{left} survived ({left / tested:.1%}), limit {options.limit:.0%}")
    if left > options.limit * tested:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
