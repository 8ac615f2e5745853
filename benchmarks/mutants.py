"""Mutation testing of the numerical core: how many small faults the tests notice, room by room.

    python benchmarks/mutants.py [--room ROOM ...] [--share 0.25] [--seed 0] [--jobs 2]
    python benchmarks/mutants.py --share 1 --seconds 1800 --report FOLDER   # stops after half an hour
    python benchmarks/mutants.py --share 1 --resume --report FOLDER         # goes on with those not killed

A room is a few modules and the tests that cover them. `mutmut` makes mutants of every function of a room, a
sample of which is tested, each by the tests that reach its function. Mutants that cannot matter (`ALIKE` of
mutant_lines.py) are not made use of; survivors that were found to compute the same, or the same but for
rounding or time, are in mutants.toml with the reason. Others are shown, and more than `--limit` of them are a
failure. Mutants that ran out of time are counted apart: on a busy machine a test may be slow for another
reason than the mutant.
docs/development/mutants.md has the score.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from mutant_lines import Mutant, matters, mutants, outcomes
from mutant_rooms import ROOMS, Room

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutants"
KNOWN = Path(__file__).with_suffix(".toml")
OUTCOMES = {0: "survived", 5: "no tests", 33: "no tests", None: "not run"}
OUTCOMES |= dict.fromkeys((-24, 24, 36, 152), "timeout") | dict.fromkeys((-9, 255), "broken off")
MUTMUT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv.pop(1)),) * 2)
from mutmut.__main__ import cli
from mutmut.state import state
from mutmut.workers.isolation import ForkServerRunner
submit = ForkServerRunner.submit
def fast_first(runner, name, tests, *rest):
    submit(runner, name, sorted(tests, key=lambda test: state().duration_by_test[test]), *rest)
ForkServerRunner.submit = fast_first
cli()
"""
"""`mutmut`, each process of which may have so much memory: there are mutants that ask for all there is. Tests
are run in the order of the time they take, as `mutmut` does itself where it uses no fork server."""


@dataclass
class How:
    """How mutants are tested; `end` is when to stop, of the clock `time.monotonic`."""

    share: float
    seed: int
    jobs: int
    resume: bool
    memory: float
    grace: float
    end: float


@dataclass
class Score:
    """What was found in a room."""

    made: int = 0
    minutes: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    left: list[dict[str, str]] = field(default_factory=list)


def prepare(name: str, room: Room, how: How) -> Path:
    """A copy of the project set up for one room; `--resume` keeps what was found of unchanged functions."""
    folder = WORK / name
    if how.resume and _is_current(folder):
        return folder
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if not (how.resume and _is_result(path)):
            path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("src", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=ignore, dirs_exist_ok=True)
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
        "timeout_constant": how.grace,
        "use_git_change_detection": False,
    }
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    text = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(f"{text}\n[tool.mutmut]\n{table}\n")
    if how.resume:
        _forget_settings(folder / "mutants" / "mutmut-stats.json")
    run(folder, [first_function(folder, room)], how)
    if time.monotonic() < how.end:
        (folder / "ready").touch()
    return folder


def _is_current(folder: Path) -> bool:
    """Whether a room was set up after the last change of the project."""
    ready, sources = folder / "ready", [ROOT / "src", ROOT / "tests", Path(__file__).parent]
    if not ready.exists():
        return False
    made = ready.stat().st_mtime
    return all(path.stat().st_mtime < made for source in sources for path in source.rglob("*.py"))


def _forget_settings(stats: Path) -> None:
    """Keep `mutmut` from forgetting all it found where a room has more tests than before."""
    if stats.exists():
        stats.write_text(json.dumps(json.loads(stats.read_text()) | {"config_fingerprint": {}}))


def _is_result(path: Path) -> bool:
    """Whether a file holds what `mutmut` found."""
    return path.suffix == ".meta" or path.name == "mutmut-stats.json"


def run(folder: Path, names: list[str], how: How) -> None:
    """Test mutants of these names, until it is time to stop."""
    if not names or time.monotonic() >= how.end:
        return
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in paths if path and not (Path(path) / "sayre").is_dir()]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": os.pathsep.join(kept),
    }
    memory = round(how.memory * 2**30)
    command = [
        sys.executable,
        "-P",
        "-c",
        MUTMUT,
        str(memory),
        "run",
        "--max-children",
        str(how.jobs),
        *names,
    ]
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(None if how.end == float("inf") else max(0.0, how.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return
        finally:
            stop(process, folder)
    if code:
        raise RuntimeError(
            f"mutmut failed; see {folder / 'log.txt'}:\n{(folder / 'log.txt').read_text()[-3000:]}"
        )


def stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End `mutmut` and all its processes when the files of its results are whole."""
    while process.poll() is None:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            for path in folder.joinpath("mutants").rglob("*"):
                if _is_result(path):
                    json.loads(path.read_text())
        except ValueError:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.05)
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def first_function(folder: Path, room: Room) -> str:
    """The name of one mutant, by which mutmut is made to make all."""
    path = folder / "src" / "sayre" / room.modules[0]
    module = "sayre." + room.modules[0].removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    functions = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return f"{module}.x_{functions[0]}__mutmut_1"


def known() -> set[tuple[str, str, str]]:
    """Function, line before and after of mutants that compute the same."""
    rows = tomllib.loads(KNOWN.read_text(encoding="utf-8"))["same"]
    return {(row["function"], row["before"], row["after"]) for row in rows}


def outcome(mutant: Mutant, code: int | None, same: set[tuple[str, str, str]]) -> str:
    """What became of a mutant."""
    found = OUTCOMES.get(code, "killed")
    function = mutant.name.rpartition("__mutmut_")[0].removeprefix("sayre.")
    return "same" if found == "survived" and (function, mutant.before, mutant.after) in same else found


def assess(name: str, how: How) -> Score:
    """Outcomes of a sample of the mutants of a room; shows those that are neither killed nor the same."""
    folder, began, score = WORK / name, time.monotonic(), Score()
    if not (folder / "ready").exists():
        return score
    made = [mutant for mutant in mutants(folder) if matters(mutant)]
    share = round(how.share * len(made))
    sample = made if how.share >= 1 else random.Random(how.seed).sample(made, max(1, share))
    before, same = outcomes(folder) if how.resume else {}, known()
    done = {
        mutant for mutant in sample if outcome(mutant, before.get(mutant.name), same) in ("killed", "same")
    }
    run(folder, [mutant.name for mutant in sample if mutant not in done], how)
    codes = outcomes(folder)
    for mutant in sorted(sample):
        what = outcome(mutant, codes[mutant.name], same)
        score.counts[what] += 1
        if what not in ("killed", "same", "not run"):
            score.left.append({"outcome": what, **mutant._asdict()})
    score.made, score.minutes = len(made), (time.monotonic() - began) / 60
    print(text(name, score), flush=True)
    return score


def text(name: str, score: Score) -> str:
    """The score of a room and the mutants that are left, in words."""
    rows = [
        f"{row['name']}: {row['outcome']}\n  - {row['before']}\n  + {row['after']}\n" for row in score.left
    ]
    last = f"{name}: {score.made} mutants, {score.minutes:.0f} min: {dict(score.counts)}\n"
    return "\n".join(("", *rows, last))


def report(folder: Path, scores: dict[str, Score]) -> None:
    """Write scores as text and as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mutants.txt").write_text("\n".join(text(name, score) for name, score in scores.items()))
    table = {name: vars(score) for name, score in scores.items()}
    (folder / "mutants.json").write_text(json.dumps(table, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--room", choices=ROOMS, action="append", help="default: all")
    parser.add_argument("--share", type=float, default=0.2, help="of the mutants of a room; 1 tests all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tested at a time")
    parser.add_argument("--rooms", type=int, default=1, help="rooms tested at a time, each with so many jobs")
    parser.add_argument("--limit", type=float, default=0.03, help="share that may survive")
    parser.add_argument("--memory", type=float, default=8.0, help="GiB of a process")
    parser.add_argument("--grace", type=float, default=20.0, help="s, thrice of which a mutant may be slower")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--resume", action="store_true", help="test those not yet run or not killed")
    parser.add_argument("--report", type=Path, help="folder for the scores, as text and JSON")
    options = parser.parse_args()
    if find_spec("mutmut") is None:
        raise SystemExit("mutants: mutmut is missing; `make mutants`, or pip install --group mutants")
    how = How(
        share=options.share,
        seed=options.seed,
        jobs=options.jobs,
        resume=options.resume,
        memory=options.memory,
        grace=options.grace,
        end=time.monotonic() + options.seconds,
    )
    rooms, scores, failed = options.room or list(ROOMS), dict[str, Score](), list[str]()
    with ThreadPoolExecutor(options.jobs) as each:  # one process each: tests without mutants
        ready = {each.submit(prepare, name, ROOMS[name], how): name for name in rooms}
        failed += [f"{ready[done]}: {done.exception()}" for done in as_completed(ready) if done.exception()]
    with ThreadPoolExecutor(options.rooms) as each:
        for name, done in [(name, each.submit(assess, name, how)) for name in rooms]:
            if error := done.exception():
                failed.append(f"{name}: {error}")
                continue
            scores[name] = done.result()
            if options.report:
                report(options.report, scores)
    total = sum((score.counts for score in scores.values()), Counter[str]())
    tested = total.total() - total["not run"]
    left = tested - total["killed"] - total["same"] - total["timeout"]
    print(f"\nall: {tested} tested, {dict(total)}")
    for what in ("killed", "same", "timeout"):
        print(f"{total[what]} {what} ({total[what] / max(tested, 1):.1%})")
    print(f"{left} survived ({left / max(tested, 1):.1%}), limit {options.limit:.0%}")
    if failed:
        raise SystemExit("\n".join(failed))
    if left > options.limit * tested:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
