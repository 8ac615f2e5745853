"""The files around the package agree with each other: one version, one statement of each dependency."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import sayre

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Tools that no test runs.
LINT = {
    "ruff",
    "mypy",
    "codespell",
    "pre-commit",
    "mkdocs",
    "mkdocs-material",
    "mkdocstrings",
    "latex2mathml",
}


def requirements():
    """Every requirement of pyproject.toml, by name."""
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    lists += PROJECT["dependency-groups"].values()
    entries = [Requirement(entry) for entries in lists for entry in entries if isinstance(entry, str)]
    return {canonicalize_name(entry.name): entry for entry in entries}


def pins(name):
    """Releases that a file of constraints pins, by name."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    parts = [line.split("==") for line in lines]
    return {canonicalize_name(package): release for package, release in parts}


def test_the_version_is_written_once():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    source = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    (written,) = re.findall(r'^__version__ = "(.*)"$', source.read_text(), re.MULTILINE)
    assert written == sayre.__version__
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)


def test_the_change_log_has_the_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == sayre.__version__
    releases = [Version(heading) for heading in headings[1:]]
    assert releases == sorted(releases, reverse=True)


def test_the_oldest_releases_are_those_that_pyproject_allows():
    """`constraints-oldest.txt` pins the first release of the lower bound of each dependency."""
    oldest = pins("constraints-oldest.txt")
    others = [entry for entry in PROJECT["dependency-groups"]["interop"] if isinstance(entry, str)]
    programs = {*LINT, "mutmut", "playwright"}
    left_out = {*programs, *(canonicalize_name(Requirement(entry).name) for entry in others)}
    stated = {name: entry for name, entry in requirements().items() if name not in left_out}
    assert stated.keys() <= oldest.keys()
    for name, entry in stated.items():
        (bound,) = [part for part in entry.specifier if part.operator == ">="]
        pinned, lowest = Version(oldest[name]), Version(bound.version)
        assert pinned.release[: len(lowest.release)] == lowest.release, name


@pytest.mark.parametrize("constraints", ["constraints-cpu.txt", "constraints-oldest.txt"])
def test_pinned_releases_are_allowed(constraints):
    for name, release in pins(constraints).items():
        entry = requirements().get(name)
        assert entry is None or entry.specifier.contains(release), name


def test_contributing_lists_every_target():
    (line,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = re.findall(r"^\| `make ([\w-]+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(line.split())


def test_committed_manifests_name_files_without_the_folders_of_a_machine():
    manifests = sorted((ROOT / "docs" / "studies").rglob("*.json"))
    assert manifests
    configs = {manifest: json.loads(manifest.read_text())["config"] for manifest in manifests}
    told = {
        manifest.name: value
        for manifest, config in configs.items()
        for value in config.values()
        if isinstance(value, str) and Path(value).is_absolute()
    }
    assert told == {}
