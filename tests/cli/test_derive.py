"""Commands derived from jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from sayre.cli.derive import command
from sayre.data.option import Option, check_settings
from sayre.errors import InputError, StoppedJob
from sayre.workflows.jobs.job import build, config_of, leaves


def text_of(path):
    return path.read_text()


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[int, Option(help="Of it.", least=1, whole=True)] = 3
    steps: Annotated[tuple[int, int, int], Option(help="Three.", flags=("--bin",), whole=True)] = (1, 1, 1)
    kind: Annotated[Literal["a", "b"], Option(help="Kind.", choices=("a", "b"))] = "a"
    text: Annotated[str | None, Option(help="Read from a file.", read=text_of)] = None

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True, kw_only=True)
class EchoJob:
    """Say what was given."""

    source: Annotated[str, Option(help="Input.", argument=True, metavar="INPUT")]
    size: Size = field(default_factory=Size)
    output: Annotated[Path | None, Option(help="Somewhere.", flags=("-o", "--output"))] = None

    resuming = "the same command resumes"

    def run(self, bar):
        if self.source == "stop":
            raise KeyboardInterrupt
        return EchoOutcome(self)


@dataclass(frozen=True)
class EchoOutcome:
    job: EchoJob

    @property
    def numbers(self):
        return {**config_of(self.job), "nothing": float("nan")}

    @property
    def sentence(self):
        return f"width {self.job.size.width}"


def given(capsys, *arguments):
    assert command(EchoJob).main(list(arguments), standalone_mode=False) in (None, 0)
    return json.loads(capsys.readouterr().out)


def test_groups_become_options_and_json_is_printed_whatever_else_is_quiet(capsys, tmp_path):
    (tmp_path / "t.txt").write_text("hello")
    flags = ("--width", "5", "--bin", "1", "2", "-4", "--kind", "b", "--text", str(tmp_path / "t.txt"))
    assert given(capsys, "there", *flags, "--json", "--quiet") == {
        "source": "there",
        "width": 5,
        "steps": [1, 2, -4],
        "kind": "b",
        "text": "hello",
        "nothing": None,
    }


@pytest.mark.parametrize("tokens", [("--bin", "1,-2,3"), ("--bin=1,-2,3",), ("--bin", "1", "-2", "3")])
def test_three_numbers_may_be_joined_by_commas(capsys, tokens):
    assert given(capsys, "there", *tokens, "--json")["steps"] == [1, -2, 3]


def test_what_is_refused_is_named_as_it_was_typed():
    with pytest.raises(InputError, match=r"^--width: must be a whole number of 1 or more, found 0$"):
        command(EchoJob).main(["there", "--width", "0"], standalone_mode=False)
    with pytest.raises(InputError, match=r"^--kind: 'c' is not known; one of a, b$"):
        command(EchoJob).main(["there", "--kind", "c"], standalone_mode=False)


def test_a_job_that_is_stopped_tells_how_to_resume():
    with pytest.raises(StoppedJob, match=r"^the same command resumes$"):
        command(EchoJob).main(["stop"], standalone_mode=False)


def test_a_job_is_made_again_from_its_configuration():
    job = EchoJob(source="a", size=Size(width=4, steps=(1, 2, 3), kind="b"))
    assert build(EchoJob, config_of(job)) == job
    assert [leaf.name for leaf in leaves(EchoJob)] == ["source", "width", "steps", "kind", "text", "output"]


def test_two_options_of_one_name_are_a_defect_of_the_class():
    @dataclass(frozen=True)
    class Twice(EchoJob):
        width: Annotated[int, Option(help="Again.")] = 1

    with pytest.raises(TypeError, match="options of one name"):
        leaves(Twice)
