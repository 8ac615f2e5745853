"""Processes that compute on one thread and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

from sayre.errors import InputError

R = TypeVar("R")
_SPAWN = multiprocessing.get_context("spawn")
_MASKED = hasattr(signal, "pthread_sigmask")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Submit(Protocol):
    """Calls a function of a module in another process, and returns what it will return."""

    def __call__(self, function: Callable[..., R], /, *arguments: Any, **settings: Any) -> Future[R]: ...


class Leash:
    """Ends every process that is started on it, when `end` is called or this process is killed."""

    def __init__(self) -> None:
        self.watched, self._held = _SPAWN.Pipe(duplex=False)

    def end(self) -> None:
        """End the processes at once."""
        self._held.close()


@contextmanager
def workers(count: int, leash: Leash | None = None) -> Iterator[Submit]:
    """Yield a function that calls functions in other processes, which end when the `with` block is left.

    A terminal sends Ctrl-C to every process of a command. It interrupts this process alone, which ends the
    others.

    The processes are spawned, because MPI does not survive a fork.

    Parameters
    ----------
    count
        Processes at most.
    leash
        What ends them at once, where others are started on it too; by default an error in the block does.
    """
    own = leash or Leash()
    pool = ProcessPoolExecutor(count, mp_context=_SPAWN, initializer=_serve, initargs=(own.watched,))

    def submit(function: Callable[..., R], /, *arguments: Any, **settings: Any) -> Future[R]:
        with interrupts_held():
            return pool.submit(function, *arguments, **settings)

    try:
        yield submit
    except BaseException:
        if leash is None:
            own.end()
        raise
    finally:
        pool.shutdown(cancel_futures=True)  # once: a second call would not wait for the processes


def _serve(watched: Connection) -> None:
    """Ignore Ctrl-C in this process, and end it once the other end of a pipe is closed or its holder dead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _MASKED:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def watch() -> None:
        watched.poll(None)  # nothing is ever sent
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back inside the `with` block.

    Processes that are started there hold it back until they ignore it: one that is interrupted while it
    imports its modules would print a traceback.
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


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], None]]:
    """Note Ctrl-C inside the `with` block, and raise it where the yielded function is called, or at the end.

    Code that shares locks with other threads is not interrupted then while it holds one: the threads would
    wait for it for ever. Only the main thread is interrupted, and only where nobody else handles it.
    """
    noted: list[int] = []

    def raised() -> None:
        if noted:
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield raised
        return
    signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        yield raised
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    raised()


def isolated(
    function: Callable[..., R], /, *arguments: Any, leash: Leash | None = None, **settings: Any
) -> R:
    """Call a function in a process of its own, which it may end without ending this one.

    Parameters
    ----------
    function
        A function of a module, which the new process can import.
    arguments, settings
        Its positional and keyword arguments.
    leash
        What ends the process too, where this is not called by the main thread.

    Raises
    ------
    InputError
        The process does not start.
    BrokenProcessPool
        The function ended the process.
    """
    with workers(1, leash) as submit:
        try:
            submit(os.getpid).result()
        except BrokenProcessPool:
            raise InputError(
                "relaxation: a process for LAMMPS does not start, and its own message is above; a script "
                'must make its calls under `if __name__ == "__main__":`'
            ) from None
        return submit(function, *arguments, **settings).result()


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
