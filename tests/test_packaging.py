"""The packaging files name what pyproject.toml requires, and the version and commands that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import sayre

ROW = r"^\| `(\w+)` \| ([^|]+) \|"
"""Of a table: an extra, and what it installs."""
ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
"""Names of conda-forge where they are not those of PyPI."""


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def listed(recipe: str, section: str) -> set[str]:
    """Requirements of one section of the recipe, without spaces."""
    found = re.search(rf"\n  {section}:\n((?:    - .*\n)+)", recipe)
    assert found
    return {line.removeprefix("    - ").replace(" ", "") for line in found[1].splitlines()}


def test_the_conda_recipe_requires_what_the_package_requires(project):
    recipe = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text()
    required = {"python" + project["requires-python"]}
    for requirement in project["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        required.add(CONDA_NAMES.get(name, name) + bound)
    assert listed(recipe, "run") == required
    assert f'version: "{sayre.__version__}"' in recipe
    assert f"sayre = {project['scripts']['sayre']}" in recipe
    assert project["description"] in recipe
    assert f"license: {project['license']}" in recipe


def test_containers_install_extras_that_there_are(project):
    for name, pattern in (("Dockerfile", r"ARG EXTRAS=(\S+)"), ("sayre.def", r"EXTRAS=(\S+)")):
        text = (ROOT / "packaging" / "containers" / name).read_text()
        extras = re.search(pattern, text)[1].split(",")
        assert set(extras) <= set(project["optional-dependencies"])


def test_the_readme_tells_what_each_extra_brings(project):
    readme = (ROOT / "README.md").read_text()
    told = set(re.findall(r'^\| `pip install "\.\[(\w+)\]"` \|', readme, flags=re.M))
    assert told == set(project["optional-dependencies"])


def test_the_page_on_installing_names_the_packages_of_each_extra(project):
    page = (ROOT / "docs" / "install.md").read_text()
    told = {name: set(re.findall(r"`([\w-]+)`", packages)) for name, packages in re.findall(ROW, page, re.M)}
    brought = {
        name: {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}
        for name, requirements in project["optional-dependencies"].items()
    }
    assert told == brought
