"""What README and docs/ show is true: Python runs, commands and names exist, links lead somewhere."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import typer

import docs_files
import made_outcomes
import sayre
from docs_pages import PAGES, ROOT, anchors, blocks, command_lines, links, names
from sayre.cli import app
from sayre.crystal.geometry_file import load_geometry
from sayre.filling import tuning
from sayre.retrieval.engine import recipe
from sayre.simulation.dataset import DatasetConfig
from sayre.workflows.report.facts import strain_rms
from sayre.workflows.training.train_inpaint import InpaintRun
from sayre.workflows.training.train_phase import AnyPhaseRun

EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


def name_of(page):
    return page.stem


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files of the examples")
    with pytest.MonkeyPatch.context() as patch:
        docs_files.hasten(patch)
        docs_files.make(folder)
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs(page, files, tmp_path, monkeypatch):
    """From top to bottom in one namespace, in a folder with the files that it names, phased in haste."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    docs_files.hasten(monkeypatch)
    for name in ("STEPS", "SCENES", "HELD"):
        monkeypatch.setattr(tuning, name, 1)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language != "python":
            continue
        needed = re.fullmatch(r"needs=(\w+)", block.note)
        assert needed or not block.note, f"{page.name}, line {block.line}: {block.note}"
        if needed and importlib.util.find_spec(needed[1]) is None:
            continue
        # Empty lines in front, so that a traceback names the line of the page.
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), namespace)


def test_the_strain_of_the_tutorial_is_that_of_the_report(tmp_path, monkeypatch):
    """Of a crystal with a faint halo in its support, whose strain is another one."""
    monkeypatch.chdir(tmp_path)
    crystal = made_outcomes.outcome().result.crystal
    halo = crystal.support.copy()
    halo[tuple(slice(n // 4) for n in halo.shape)] = True
    faint = np.where(halo & ~crystal.support, 0.1 * crystal.amplitude.max(), crystal.object)
    strain = np.where(halo & ~crystal.support, 0.01, np.where(halo, 0.001, np.nan))
    crystal = replace(
        crystal, object=faint.astype(np.complex64), support=halo, strain=strain.astype(np.float32)
    )
    (tmp_path / "result").mkdir()
    sayre.save(tmp_path / "result" / "object.npz", crystal)
    (block,) = [block for block in blocks(ROOT / "docs" / "tutorial.md") if block.language == "python"]
    namespace: dict[str, object] = {}
    exec(block.text, namespace)
    assert namespace["rms"] == pytest.approx(100 * strain_rms(crystal))
    assert namespace["rms"] == pytest.approx(0.1)


def test_the_page_on_python_shows_every_public_name():
    page = ROOT / "docs" / "python.md"
    code = "".join(block.text for block in blocks(page) if block.language == "python")
    shown = {name.split(".")[1] for name in names(code)}
    assert set(sayre.__all__) - shown == set()


MEANT = {"simulate": "peak", "study": "make"}
"""Commands of a group that are meant where none is named."""


def command_of(words):
    """The command that words after `sayre` name, if any, and the words that are left to it."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        named = command.get_command(None, words[0]) if words else None
        if named is None:
            return command.get_command(None, MEANT.get(command.name, "")), words
        command, words = named, words[1:]
    return command, words


def complaint(words):
    """What is wrong with the words after `sayre`, if anything.

    Of a line with `…`, brackets, a file of options or --help only the flags are looked at.
    """
    words = words[: words.index(">")] if ">" in words else words
    command, words = command_of(words)
    if command is None:
        return "" if words == ["…"] else f"no command {' '.join(words)}"
    known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
    flags = {word.strip("[]").partition("=")[0] for word in words if re.match(r"\[?--?[a-z]", word)}
    if flags - known:
        return f"no options {sorted(flags - known)}"
    rough = {"--config", "--help"} & set(words) or any(mark in word for word in words for mark in "…[]|")
    if not words or rough:
        return ""
    try:
        given = command.make_context(command.name, list(words)).params
        recipe.parse(given.get("recipe") or "default")
    except Exception as error:  # those of typer have no common base that all its releases name alike
        return error.format_message() if hasattr(error, "format_message") else str(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_can_be_given(page):
    found = {
        f"line {line}: {' '.join(words)}": complaint(words[1:])
        for line, words in command_lines(page, "sayre")
    }
    assert {line: wrong for line, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("phase a.npz -o b.npz --runs 4 --hkl 1,1,1", None),
        ("simulate a.npz --atoms 4", None),
        ("phsae a.npz", "no command phsae"),
        ("weights lst", "no command lst"),
        ("study simulation-2d --quick", None),
        ("phase a.npz -o b.npz --run 4", "--run"),
        ("simulate … --atom 4", "--atom"),
        ("phase a.npz -o b.npz --runs four", "--runs"),
        ("phase a.npz --runs 4", "-o"),
        ("phase a.npz -o b.npz --recipe HOI*4", "HOI"),
    ],
)
def test_the_check_sees_what_is_wrong(line, wrong):
    found = complaint(line.split())
    assert (wrong in found) if wrong else (found == "")


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_is_a_configuration_of_the_command_that_it_names(path):
    (line,) = re.findall(r"^# sayre (.*?)(?:  +#.*)?$", path.read_text(), re.MULTILINE)
    words = line.split()
    assert complaint(words) == ""
    assert words[2] == f"examples/{path.name}"
    kinds = {
        ("simulate", "dataset"): DatasetConfig,
        ("train", "inpaint"): InpaintRun,
        ("train", "phase"): AnyPhaseRun,
    }
    kinds[words[0], words[1]].from_toml(path)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_benchmark_exists_with_its_options(page):
    for line, words in command_lines(page, "python"):
        if words[1].startswith("benchmarks/"):
            script = ROOT / words[1]
            assert script.is_file(), (page.name, line, words[1])
            for flag in (word for word in words if word.startswith("--")):
                assert f'"{flag}"' in script.read_text(), (page.name, line, flag)


def exists(name):
    """Whether a dotted name is a module, or can be had from one by attributes."""
    place, parts = importlib.import_module("sayre"), name.split(".")[1:]
    for depth, part in enumerate(parts, 1):
        if hasattr(place, part):
            place = getattr(place, part)
            continue
        whole = ".".join(["sayre", *parts[:depth]])
        if not isinstance(place, ModuleType) or importlib.util.find_spec(whole) is None:
            return False
        place = importlib.import_module(whole)
    return True


def test_every_name_in_the_package_exists():
    """In pages, examples and docstrings."""
    sources = [file for folder in ("src", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    texts = {file: file.read_text() for file in (*PAGES, *EXAMPLES, ROOT / "CONTRIBUTING.md", *sources)}
    missing = {name for text in texts.values() for name in names(text) if not exists(name)}
    assert {name: [file.name for file in texts if name in names(texts[file])] for name in missing} == {}


def test_names_that_are_not_there_are_seen():
    assert exists("sayre.files.load")
    assert exists("sayre.retrieval.engine.recipe.PRESETS")
    assert not exists("sayre.phasing")
    assert not exists("sayre.files.lod")
    assert names("`sayre.io.load` of sayre.git, sayre.toml") == {"sayre.io.load"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in links(page):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_is_in_the_site():
    site = (ROOT / "mkdocs.yml").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES if page.name != "README.md"}
    named = set(re.findall(r"^ +- (?:.+: )?(\S+\.md)$", site, re.MULTILINE))
    generated = {"reference/commands.md", "reference/api.md", "contributing.md", "changelog.md"}
    generated |= {f"notebooks/{file.stem}.md" for file in (ROOT / "examples/notebooks").glob("*.ipynb")}
    assert pages == named - generated
    assert generated <= named


def test_the_presets_are_those_of_the_program():
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)`", (ROOT / "docs" / "phasing.md").read_text(), re.MULTILINE)
    stated = {name: text for name, text in rows if "*" in text}
    assert {name: recipe.parse(text) for name, text in stated.items()} == {
        name: recipe.parse(name) for name in recipe.PRESETS
    }


def test_the_training_that_a_page_shows_is_the_example(tmp_path):
    (shown,) = [b for b in blocks(ROOT / "docs" / "howto" / "own-network.md") if b.language == "toml"]
    path = tmp_path / "shown.toml"
    path.write_text(shown.text)
    assert InpaintRun.from_toml(path) == InpaintRun.from_toml(ROOT / "examples" / "inpaint-small.toml")


def test_the_geometries_of_the_page_can_be_read(tmp_path):
    tables = [block for block in blocks(ROOT / "docs" / "physics.md") if block.language == "toml"]
    assert len(tables) == 2
    for number, block in enumerate(tables):
        path = tmp_path / f"{number}.toml"
        path.write_text(block.text)
        assert load_geometry(path).energy == 9000
