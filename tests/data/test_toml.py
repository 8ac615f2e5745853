"""What is said of a configuration that cannot be used."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from sayre.data.toml import FromToml
from sayre.errors import InputError


class Wave(BaseModel):
    model_config = ConfigDict(extra="forbid")

    energy: float = 9000.0
    kind: Literal["plane", "ball"] = "plane"


class Config(FromToml):
    model_config = ConfigDict(extra="forbid")

    steps: int = 1
    wave: Wave = Wave()
    other: Wave | None = None
    waves: dict[str, Wave] | None = None

    @model_validator(mode="after")
    def _check(self):
        if self.steps == 13:
            raise ValueError("steps: 13 brings\nbad luck; 12 would do")
        return self


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 3", "stepz: is not known; one of steps, wave, other, waves; did you mean steps?"),
        ("[wave]\nenrgy = 1", "wave.enrgy: is not known; one of energy, kind; did you mean energy?"),
        ("[other]\nenrgy = 1", "other.enrgy: is not known; one of energy, kind; did you mean energy?"),
        ("[waves.a]\nenrgy = 1", "waves.a.enrgy: Extra inputs are not permitted"),
        ("steps = 13", "steps: 13 brings bad luck; 12 would do"),
        ("[wave]\nkind = 'round'", "wave.kind: Input should be 'plane' or 'ball'"),
    ],
)
def test_one_line_with_what_would_do(tmp_path, text, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Config.from_toml(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_good_one(tmp_path):
    (tmp_path / "c.toml").write_text("steps = 3\n[other]\nenergy = 1\n")
    assert Config.from_toml(tmp_path / "c.toml").other == Wave(energy=1)
