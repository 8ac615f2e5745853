"""Files of others are read in a process of their own first, which a fault inside a library may end.

HDF5 and the decoders of detectors are large libraries, and not all that a damaged file does to them can be
seen before. So a file of another user (not of root), and every file where `SAYRE_SAFE_READ=1`, is
read once by a child process with limits of time and memory; only if that comes to its end is it read here.
`SAYRE_SAFE_READ=0` trusts all files, and `SAYRE_SAFE_SECONDS` is the limit of time.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import secrets
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sayre.errors import InputError
from sayre.files.safety.within import WITHIN, the_only_folder
from sayre.numerics import memory

P = ParamSpec("P")
R = TypeVar("R")

SWITCH, LIMIT = "SAYRE_SAFE_READ", "SAYRE_SAFE_SECONDS"
SECONDS = 600.0
"""Time that reading a file may take in a child process, where `SAYRE_SAFE_SECONDS` states none."""
_BASE = 2**31
"""Bytes of addresses that a process needs before it reads anything."""

_reading: ContextVar[bool] = ContextVar("reading", default=False)


def tried_apart(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function whose first argument names a file try it in a child process before, where that is due.

    Of its other arguments the child is given texts, paths, numbers, and tuples of them.
    """

    @functools.wraps(function)
    def reading(*args: P.args, **known: P.kwargs) -> R:
        if _reading.get():
            return function(*args, **known)
        token = _reading.set(True)
        try:
            path = str(args[0] if args else "")
            if args and isinstance(args[0], str | Path) and is_due(path):
                options = {name: value for name, value in known.items() if _plain(value)}
                _try(f"{function.__module__}:{function.__name__}", path, options)
            return function(*args, **known)
        finally:
            _reading.reset(token)

    return reading


def is_due(path: str) -> bool:
    """Whether a file, or one of a folder, is to be read in a child process first."""
    wanted = os.environ.get(SWITCH, "")
    if wanted in ("0", "1"):
        return wanted == "1"
    with contextlib.suppress(OSError, AttributeError):  # AttributeError: there are no users on Windows
        return os.stat(path.partition("::")[0]).st_uid not in (os.geteuid(), 0)
    return False


def _plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_plain(one) for one in value)
    return value is None or isinstance(value, str | Path | bool | int | float)


def _try(function: str, path: str, options: dict[str, Any]) -> None:
    """Call a function in a child process, and refuse the file where that does not come to its end."""
    seconds, word = float(os.environ.get(LIMIT, SECONDS)), secrets.token_hex(16)
    task = {"function": function, "path": path, "options": options, "word": word, "seconds": seconds}
    start = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import child; child()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", start],
            input=json.dumps(task, default=str).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, SWITCH: "0", WITHIN: the_only_folder() or ""},
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{path}: is not read within {seconds:g} s; damaged, or `{LIMIT}` must be larger"
        ) from None
    told = next(_told(done.stdout, word), None)
    if told is None:
        raise InputError(
            f"{path}: ended the process that tried to read it (status {done.returncode}); damaged, or made to"
        )
    if told["refused"] is not None:
        raise InputError(told["refused"])


def _told(output: bytes, word: str) -> Iterator[dict[str, Any]]:
    """What a child says at its end; libraries may print before it."""
    for line in output.splitlines():
        if line.startswith(word.encode()):
            yield json.loads(line[len(word) :])


def child() -> None:
    """Read a file, as standard input names it, and say that it could be read or why it is refused."""
    task = json.load(sys.stdin)
    _limit(task["seconds"])
    warnings.simplefilter("ignore")
    module, _, name = task["function"].partition(":")
    refused = None
    try:
        getattr(importlib.import_module(module), name)(task["path"], **task["options"])
    except InputError as error:
        refused = str(error)
    except MemoryError:
        refused = f"{task['path']}: states more data than there is memory for; is it damaged?"
    except Exception:
        refused = None  # a defect, which shows itself with its traceback when the file is read
    sys.stdout.write(f"\n{task['word']}{json.dumps({'refused': refused})}\n")
    sys.stdout.flush()
    os._exit(0)


def _limit(seconds: float) -> None:
    """Bound the time of the processor, the memory and the size of a core of this process."""
    try:
        import resource
    except ImportError:  # Windows
        return
    free = memory.available()
    limits = [(resource.RLIMIT_CPU, int(seconds) + 1), (resource.RLIMIT_CORE, 0)]
    for kind, most in [*limits, *([] if free is None else [(resource.RLIMIT_AS, free + _BASE)])]:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
