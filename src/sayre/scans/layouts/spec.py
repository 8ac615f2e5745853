"""Files of spec: scans as text, without the frames.

The format is that of the manual of spec (Certified Scientific Software, "Standard data file format"): a
header with names of motors (`#O`, short names in `#o`), then blocks that begin with `#S number command` and
hold the positions of the motors (`#P`), the labels of the columns (`#L`) and a line of numbers a point.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sayre.errors import InputError
from sayre.numerics import memory
from sayre.scans.protocol import Values

_START = re.compile(r"#S\s+(\d+)\s*(.*)")
_TABLE = re.compile(r"#([OoP])(\d+)\s?(.*)")


@dataclass(frozen=True, kw_only=True)
class SpecScan:
    """One scan of a spec file.

    Attributes
    ----------
    number
        With `.1`, `.2`, … where a number is used again.
    command
        As it was typed.
    motors
        Position of every motor when the scan began, by its full name and by its short one.
    names
        Full name of a motor by its short one.
    columns
        Values of every column, one a point, by its label.
    lines
        The other lines of the header, `#` first; those of the file before those of the scan.
    """

    number: str
    command: str
    motors: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Values] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """How many points were measured."""
        return min((values.size for values in self.columns.values()), default=0)

    @property
    def scanned(self) -> str:
        """Label of the column of the motor that the command names, which is the first; empty without any."""
        words = self.command.split()
        wanted = self.names.get(words[1], words[1]).lower() if len(words) > 1 else ""
        return next(
            (label for label in self.columns if label.lower() == wanted), next(iter(self.columns), "")
        )

    @property
    def step(self) -> float | None:
        """Step of the motor that the command of an `ascan` or `dscan` states."""
        return step_of(self.command)

    def line(self, start: str) -> str | None:
        """What follows `start` in the last line of the header that begins with it, None without one."""
        found = [line[len(start) :].strip() for line in self.lines if line.startswith(start)]
        return found[-1] if found else None

    def position(self, *names: str) -> float | None:
        """Position of the first motor of these names, None where there is none."""
        return next((self.motors[name] for name in names if name in self.motors), None)


def step_of(command: str) -> float | None:
    """Return the step of a scan of one motor that its command states: `ascan th 1 2 100 0.1` has 0.01."""
    words = command.replace(",", " ").replace("(", " ").replace(")", " ").split()
    if len(words) < 5 or words[0].lower() not in ("ascan", "dscan", "lup", "ascanr", "fscan"):
        return None
    try:
        start, stop, intervals = float(words[2]), float(words[3]), int(words[4])
    except ValueError:
        return None
    return round((stop - start) / intervals, 9) if intervals > 0 else None


def is_spec(path: Path) -> str | None:
    """Return the beginning of a file of spec, None for any other."""
    try:
        with open(path, "rb") as file:
            start = file.read(8192)
    except OSError:
        return None
    text = start.decode("utf-8", errors="replace")
    return text if text.startswith(("#F ", "#S ")) and "\0" not in text else None


def read_spec(path: Path) -> list[SpecScan]:
    """Read all scans of a file.

    Raises
    ------
    InputError
        A line of numbers that is none.
    """
    try:
        text = memory.whole_text(path, errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    header: list[str] = []
    blocks: list[tuple[list[str], list[str]]] = []
    inside: list[str] | None = None
    for line in text.splitlines():
        if line.startswith(("#F ", "#E ")) and (inside is not None or line.startswith("#F ")):
            if line.startswith("#F ") or inside is not None:
                header, inside = [line], None
        elif line.startswith("#S "):
            inside = [line]
            blocks.append((header, inside))
        elif inside is None:
            header.append(line)
        else:
            inside.append(line)
    counted: dict[str, int] = {}
    scans = []
    for before, block in blocks:
        number = _START.match(block[0])
        if number is not None:
            counted[number[1]] = counted.get(number[1], 0) + 1
            scans.append(_scan(path, f"{number[1]}.{counted[number[1]]}", number[2].strip(), before, block))
    again = {name for name, times in counted.items() if times > 1}
    return [
        scan
        if scan.number.partition(".")[0] in again
        else SpecScan(**{**scan.__dict__, "number": scan.number.partition(".")[0]})
        for scan in scans
    ]


def _scan(path: Path, number: str, command: str, header: list[str], block: list[str]) -> SpecScan:
    tables: dict[str, list[str]] = {"O": [], "o": [], "P": []}
    for line in (*header, *block):
        found = _TABLE.match(line)
        if found is not None:
            kind, _, rest = found.groups()
            tables[kind] += rest.split() if kind != "O" else re.split(r"\s{2,}", rest.strip())
    full = [name for name in tables["O"] if name]
    positions = [_number(word) for word in tables["P"]]
    motors = dict(zip(full, positions, strict=False))
    names = dict(zip(tables["o"], full, strict=False))
    motors |= {short: motors[name] for short, name in names.items() if name in motors}
    labels = next((re.split(r"\s{2,}", line[2:].strip()) for line in block if line.startswith("#L ")), [])
    rows = [line.split() for line in _data(block)]
    wrong = next((row for row in rows if len(row) != len(labels)), None)
    if wrong is not None and wrong is not rows[-1]:
        raise InputError(
            f"{path}: scan {number} has {len(wrong)} numbers in a line for {len(labels)} columns"
        )
    rows = [
        row for row in rows if len(row) == len(labels)
    ]  # the last line of an aborted scan may be cut short
    try:
        values = np.array(rows, np.float64).reshape(len(rows), len(labels))
    except ValueError as error:
        raise InputError(f"{path}: scan {number} holds what is no number ({error})") from None
    lines = tuple(line for line in (*header, *block[1:]) if line.startswith("#") and not _TABLE.match(line))
    columns = {label: values[:, column] for column, label in enumerate(labels)}
    return SpecScan(number=number, command=command, motors=motors, names=names, columns=columns, lines=lines)


def _data(block: list[str]) -> list[str]:
    """Lines of numbers: no comments, and no spectra, which begin with @ and go on after a backslash."""
    found, spectrum = [], False
    for line in block:
        if spectrum or line.startswith("@"):
            spectrum = line.rstrip().endswith("\\")
        elif line.strip() and not line.startswith("#"):
            found.append(line)
    return found


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
