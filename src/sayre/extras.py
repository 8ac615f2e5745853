"""The gate to packages that only some tasks need: they are the extras of `pyproject.toml`."""

from __future__ import annotations

import importlib
from typing import Any

from sayre.errors import InputError


def optional(module: str, *, extra: str, task: str) -> Any:
    """Import a module that an extra of Sayre installs.

    Parameters
    ----------
    module
        Name of the module, as `import` takes it.
    extra
        Extra of `pip install "sayre[…]"` that installs it.
    task
        What needs the module; the error begins with it.

    Raises
    ------
    InputError
        The module, or a library that it loads, is not installed.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f'{task}: needs {module} ({reason}); pip install "sayre[{extra}]"') from error
