"""Ctrl-C is noted where code shares locks with other threads, and raised where it is asked for."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from sayre.simulation.processes import interrupts_noted


@pytest.fixture(autouse=True)
def interruptible():
    """Python's own handler, which a process in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


class Interrupted(threading.Condition):
    """Ctrl-C comes when the lock was taken and its `with` block not yet begun."""

    def __enter__(self):
        taken = super().__enter__()
        interrupt()
        return taken


def entered(lock):
    with lock:
        pass


def test_a_lock_is_given_back_that_was_held_when_ctrl_c_came():
    kept, given_back = Interrupted(threading.Lock()), Interrupted(threading.Lock())
    with pytest.raises(KeyboardInterrupt):
        entered(kept)
    assert not kept.acquire(blocking=False), "every thread that needs it waits for ever"

    def noted():
        with interrupts_noted() as raise_noted:
            entered(given_back)
            assert given_back.acquire(blocking=False)
            raise_noted()
            raise AssertionError("not raised where it was asked for")

    with pytest.raises(KeyboardInterrupt):
        noted()


def test_ctrl_c_that_nobody_asked_for_is_raised_at_the_end_unless_an_error_is():
    reached = []

    def noted(error):
        with interrupts_noted():
            interrupt()
            reached.append(error)
            if error:
                raise error

    with pytest.raises(KeyboardInterrupt):
        noted(None)
    with pytest.raises(ValueError, match="worse"):
        noted(ValueError("worse"))
    assert len(reached) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_else_handles_ctrl_c_goes_on_handling_it():
    seen = []

    def own(number, frame):
        seen.append(number)

    for handler in (own, signal.SIG_IGN):
        signal.signal(signal.SIGINT, handler)
        with interrupts_noted() as raise_noted:
            interrupt()
            raise_noted()
        assert signal.getsignal(signal.SIGINT) is handler
    assert seen == [signal.SIGINT]


def test_another_thread_is_not_interrupted():
    reached = []

    def work():
        with interrupts_noted() as raise_noted:
            raise_noted()
        reached.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reached == [True]
