"""Recipes: sequences of algorithms and support updates written as text, `(HIO*20 + SW)**10, ER*50`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.numerics import memory
from sayre.retrieval.engine.algorithms import ALGORITHMS, Algorithm

PRESETS: dict[str, str] = {
    "default": (
        "(HIO*20 + SW)**10, (RAAR*20 + SW)**10, ER*20, WHOLE, (RAAR*20 + SW)**2, ER*20, "
        "WIDE, (RAAR*20 + SW)**4, ER*20"
    ),
    "quick": "(HIO*20 + SW)**10, ER*20, WHOLE, RAAR*20 + SW, ER*20, WIDE, (RAAR*20 + SW)**2, ER*20",
    "strained": (
        "HIO(ceiling=1)*120, SW(sigma=1), (HIO(ceiling=1)*35, SW(sigma=0.7))**4, ER(ceiling=1)*10, "
        "SW(sigma=0.5), ER*10, WIDE, (RAAR*20 + SW)**2, ER*20"
    ),
    "fixed": "(RAAR*40 + ER*10)**10, ER*50",
    "precise": ("(HIO*20 + SW)**20, (RAAR*20 + SW)**20, ER*20, WIDE, (RAAR*20 + SW)**10, ER*20"),
}
SHRINK_WRAP, DETWIN, PSF, WHOLE, WIDE = _OPERATIONS = "SW", "DETWIN", "PSF", "WHOLE", "WIDE"
MAX_STEPS = 1_000_000
"""Most iterations that a recipe may have."""
_TOKEN = re.compile(r"\s*(\*\*|[()*+,=]|[A-Za-z_]+|\d+\.?\d*(?:[eE][-+]?\d+)?)")


@dataclass(frozen=True)
class Step:
    """One step of a recipe: iterations of an algorithm, or an operation such as an update of the support.

    Attributes
    ----------
    algorithm
        Algorithm to iterate; None for an operation.
    count
        Number of iterations.
    operation
        `SW`, `DETWIN`, `PSF`, `WHOLE` or `WIDE`; empty for an algorithm.
    sigma
        Standard deviation in voxels of the Gaussian of `SW`, where the recipe gives it.
    """

    algorithm: Algorithm | None
    count: int = 1
    operation: str = ""
    sigma: float | None = None


def parse(text: str) -> list[Step]:
    """Return the steps of a recipe, from left to right.

    `NAME*n` is n iterations of ER, HIO, RAAR, CF, DM, GPS, ML or AD; `NAME(beta=0.8)*n` sets a parameter,
    and `AD(support=convex)*n` one whose value is a word. `SW` updates the support by shrink-wrap,
    `SW(sigma=1)` with this smoothing in voxels; `DETWIN` iterates in one half of the support; `PSF`
    updates the point-spread function of partial coherence. `+` and `,` chain steps, and `(…)**n` repeats
    them. Steps after `WIDE` are applied to the selected starts alone, on an array that extends beyond the
    edges of the detector. The name of a preset (`PRESETS`) stands for its recipe.

    Raises
    ------
    InputError
        Text that is not a recipe, with the place; a single word that is not a preset, with the presets.
    """
    _require_preset(text)
    parser = _Parser(PRESETS.get(text.strip(), text))
    try:
        steps = parser.chain()
    except RecursionError:
        raise InputError("recipe: brackets are nested too deeply; a few levels are enough") from None
    parser.expect_end()
    starts, wide = _split(steps, WIDE)
    middle, whole = _split(starts, WHOLE)
    if not iterations(middle):
        raise InputError(
            f"recipe: {text!r} has no iterations to make from each start; for example HIO*200, ER*50"
        )
    if len(starts) < len(steps) and (not iterations(wide) or any(step.operation == WIDE for step in wide)):
        raise InputError(
            f"recipe: {text!r} must have {WIDE} at most once, with iterations after it; "
            f"for example (HIO*20 + SW)**10, ER*20, {WIDE}, (RAAR*20 + SW)**2, ER*20"
        )
    if len(middle) < len(starts) and (
        not iterations(whole) or any(step.operation == WHOLE for step in (*whole, *wide))
    ):
        raise InputError(
            f"recipe: {text!r} must have {WHOLE} at most once, before {WIDE}, with iterations after it; "
            f"for example (HIO*20 + SW)**10, {WHOLE}, (RAAR*20 + SW)**2, ER*20"
        )
    if any(step.operation == WHOLE for step in wide):
        raise InputError(f"recipe: {text!r} has {WHOLE} after {WIDE}; it must be before")
    return steps


def _require_preset(text: str) -> None:
    """Refuse a single word that is no preset, such as the name of a file that does not exist."""
    word = text.strip()
    if not word or word in PRESETS or set(word) & set("*+,()") or word in (*ALGORITHMS, *_OPERATIONS):
        return
    raise InputError(
        f"recipe: {word!r} is neither a preset ({', '.join(PRESETS)}) nor a file nor a recipe such as "
        f"(HIO*20 + SW)**10, ER*50{did_you_mean(word.lower(), PRESETS)}"
    )


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The steps of a recipe by the array on which they are iterated.

    Attributes
    ----------
    middle
        On the middle of the pattern, of every start; empty where starts are on all of it.
    starts
        On the pattern, of every start.
    wide
        On an array with a margin, of the selected starts.
    """

    middle: list[Step]
    starts: list[Step]
    wide: list[Step]


def stages(steps: list[Step], *, middle: bool = False) -> Stages:
    """Divide a recipe at `WHOLE` and `WIDE`.

    Parameters
    ----------
    steps
        As `parse` returns them.
    middle
        Whether the pattern is so large that its middle comes first. If not, the steps before `WHOLE` are
        iterated on all of it, and those between `WHOLE` and `WIDE` are left out.
    """
    starts, wide = _split(steps, WIDE)
    first, then = _split(starts, WHOLE)
    if middle and then:
        return Stages(middle=first, starts=then, wide=wide)
    return Stages(middle=[], starts=first, wide=wide)


def _split(steps: list[Step], operation: str) -> tuple[list[Step], list[Step]]:
    """Return the steps before an operation and those after it."""
    places = [i for i, step in enumerate(steps) if step.operation == operation]
    return (steps[: places[0]], steps[places[0] + 1 :]) if places else (steps, [])


def iterations(steps: Sequence[Step]) -> int:
    """Return the number of iterations of all steps together."""
    return sum(step.count for step in steps if step.algorithm)


def recipe_text(recipe: str) -> str:
    """Return a recipe as text, read from a file if it is the name of one, after checking it.

    Raises
    ------
    InputError
        A file that cannot be read as text, or text that `parse` refuses.
    """
    if os.path.isfile(recipe):
        try:
            recipe = memory.whole_text(Path(recipe)).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"recipe: {recipe} cannot be read ({error}); a text file would do") from None
    parse(recipe)
    return recipe


class _Parser:
    """Reads a recipe token by token, by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.token = self._next()

    def chain(self) -> list[Step]:
        """Read items that are chained by `+` and `,`."""
        steps = self._item()
        while self.token in ("+", ","):
            self._take()
            steps += self._item()
            if sum(step.count for step in steps) > MAX_STEPS:
                self._fail(f"more than {MAX_STEPS} iterations")
        return steps

    def expect_end(self) -> None:
        """Refuse text that follows the recipe."""
        if self.token:
            self._fail(f"{self.token!r} follows a complete recipe")

    def _item(self) -> list[Step]:
        if self.token == "(":
            self._take()
            steps = self.chain()
            self._must(")")
            if self.token == "**":
                self._take()
                times = self._count()
                if times * sum(step.count for step in steps) > MAX_STEPS:
                    self._fail(f"more than {MAX_STEPS} iterations")
                steps = steps * times
            return steps
        name = self._take()
        if name == SHRINK_WRAP:
            return [Step(None, operation=name, **self._parameters(name, {"sigma": "float"}))]
        if name in (DETWIN, PSF, WHOLE, WIDE):
            return [Step(None, operation=name)]
        if name not in ALGORITHMS:
            known = (*ALGORITHMS, *_OPERATIONS)
            shown = repr(name) if name else "the end"
            self._fail(f"{shown} is none of {', '.join(known)}{did_you_mean(name.upper(), known)}")
        algorithm = self._algorithm(name)
        self._must("*")
        return [Step(algorithm, self._count())]

    def _algorithm(self, name: str) -> Algorithm:
        known = {f.name: f.type for f in fields(ALGORITHMS[name])}  # type: ignore[arg-type]
        parameters = self._parameters(name, known)
        try:
            return ALGORITHMS[name](**parameters)
        except InputError as error:
            self._fail(str(error).removeprefix("recipe: "))

    def _parameters(self, name: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """Read the parameters in brackets, if any; `known` gives their types by name."""
        values: dict[str, Any] = {}
        if self.token != "(":
            return values
        self._take()
        while self.token != ")":
            key = self._take()
            if key not in known:
                self._fail(
                    f"{name} has {', '.join(known) or 'no parameters'}, not {key!r}{did_you_mean(key, known)}"
                )
            self._must("=")
            values[key] = self._value(known[key])
            if self.token == ",":
                self._take()
        self._must(")")
        return values

    def _value(self, kind: Any) -> float | int | str:
        """Read a word, a whole number or a number, as the annotation `kind` of the parameter states."""
        if kind == "str":
            if not self.token[:1].isalpha():
                self._fail("a word is missing")
            return self._take()
        return self._count() if kind == "int" else self._number()

    def _count(self) -> int:
        value = self._number()
        if value != int(value) or not 1 <= value <= MAX_STEPS:
            self._fail(f"{value:g} is not a whole number from 1 to {MAX_STEPS}")
        return int(value)

    def _number(self) -> float:
        try:
            value = float(self._take())
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._fail("a number is missing")
        return value

    def _must(self, token: str) -> None:
        if self.token != token:
            self._fail(f"{token!r} is missing")
        self._take()

    def _take(self) -> str:
        token, self.token = self.token, self._next()
        return token

    def _next(self) -> str:
        rest = self.text[self.place :]
        if not rest.strip():
            return ""
        match = _TOKEN.match(rest)
        if match is None:
            self._fail(f"{rest.strip()[0]!r} cannot be read")
        self.place += match.end()
        return match.group(1)

    def _fail(self, complaint: str) -> NoReturn:
        shown = self.text[max(self.place - 12, 0) : self.place + 4]
        raise InputError(f"recipe: near {shown!r}: {complaint}; for example (HIO*20 + SW)**10, ER*50")
