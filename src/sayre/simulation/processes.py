"""Processes that compute on one thread and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from sayre.errors import InputError

R = TypeVar("R")
_MASKED = hasattr(signal, "pthread_sigmask")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def end_with_parent() -> None:
    """End this process when the one that started it is killed; it would wait for work for ever otherwise.

    A user's Ctrl-C, which both processes receive, ends it at once and without a traceback.
    """
    signal.signal(signal.SIGINT, _leave)
    if _MASKED:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back inside the `with` block.

    Processes that are started there hold it back until they call `end_with_parent`: one that is interrupted
    while it imports its modules would print a traceback.
    """
    if not _MASKED:
        yield
        return
    resource_tracker.ensure_running()  # its start lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave(*_: object) -> None:
    os._exit(128 + signal.SIGINT)


def isolated(function: Callable[..., R], *arguments: Any, **settings: Any) -> R:
    """Call a function in a process of its own, which it may end without ending this one.

    The process is spawned, because MPI does not survive a fork.

    Parameters
    ----------
    function
        A function of a module, which the new process can import.
    arguments, settings
        Its positional and keyword arguments.

    Raises
    ------
    InputError
        The process does not start.
    BrokenProcessPool
        The function ended the process.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        try:
            with interrupts_held():
                started = pool.submit(os.getpid)
            started.result()
        except BrokenProcessPool:
            raise InputError(
                "relaxation: a process for LAMMPS does not start, and its own message is above; a script "
                'must make its calls under `if __name__ == "__main__":`'
            ) from None
        return pool.submit(function, *arguments, **settings).result()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started inside the `with` block compute on one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
