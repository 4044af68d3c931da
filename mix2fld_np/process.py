"""The process around a command: where it speaks, what Ctrl-C does, what memory there is. Loads nothing that is slow."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

try:
    import resource
except ImportError:  # Windows limits no process
    resource = None  # type: ignore[assignment]

LONGEST = 1_000  # characters of a message
INTERRUPTED = 130  # exit code, by convention
PATIENCE_S = 1.0  # further Ctrl-C within this time are the same one; a later one ends the process at once
thread_time = getattr(time, "thread_time", time.process_time)  # of a thread; a browser has neither two nor the former
NEEDED_BYTES = 640e6  # of address space; with less, libraries end the process without a word of ours


def open_streams() -> None:
    """Closed streams get an end that swallows everything, and stdout a way to show any path."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:  # or else the next file that is opened would receive what is printed
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what this terminal cannot show


def say(message: str) -> None:
    """One line on stderr, without the middle of a value that goes on and on."""
    text = " ".join(message.splitlines())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    write(sys.stderr, f"mix2fld: {text}\n")


def write(stream: TextIO, text: str = "") -> None:
    """Writes and empties the buffer; where nothing can be written, Python will not try again at the end."""
    try:
        print(text, end="", file=stream, flush=True)
    except (OSError, ValueError):
        with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def warn(message: Warning | str, *where: Any, **options: Any) -> None:
    """A warning as a user reads it; for `warnings.showwarning`."""
    say("".join(str(message).splitlines()[:1]))


def on_ctrl_c(handler: Callable[..., Any]) -> None:
    """Has `leave` or `interrupt` handle Ctrl-C, unless it is ignored (by a shell, in the background) or others do."""
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, leave):
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = unraisable


def unraisable(info: Any) -> None:
    """Ends the process for an interruption that cannot be raised, as in a destructor; others are shown as ever."""
    leave() if info.exc_type is KeyboardInterrupt else sys.__unraisablehook__(info)


def leave(*signal_and_frame: Any) -> NoReturn:
    """Ends the process at once with one line: before a command runs, and when it does not end by itself."""
    signal.signal(signal.SIGINT, lambda *again: None)
    with suppress(OSError):
        os.write(2, b"mix2fld: interrupted.\n")
    os._exit(INTERRUPTED)


def interrupt(*signal_and_frame: Any) -> NoReturn:
    """Raises KeyboardInterrupt, once; after a moment, another Ctrl-C ends a process that is still there."""
    since_s = time.monotonic()
    signal.signal(signal.SIGINT, lambda *again: leave() if time.monotonic() > since_s + PATIENCE_S else None)
    raise KeyboardInterrupt


def in_background(load: Callable[[], object]) -> threading.Thread | None:
    """Starts to load what will be needed later, where the system allows a thread; what fails will fail again then."""

    def attempt() -> None:
        with suppress(Exception):
            load()

    thread = threading.Thread(target=attempt)
    with suppress(RuntimeError):  # can't start new thread
        thread.start()
        return thread
    return None


def memory_limit() -> float:
    """Bytes of address space that this process may take (`ulimit -v`); infinite without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0] if resource else -1
    return limit if 0 <= limit < 1 << 62 else math.inf


def memory_bytes() -> float:
    """Memory of this machine or, if that is less, what this process may take; infinite if the system does not tell."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    return min(there, memory_limit())


@contextmanager
def announced(sentence: str) -> Iterator[None]:
    """Says what takes so long, if it takes longer than two seconds."""
    timer = threading.Timer(2.0, print, (sentence,), {"file": sys.stderr, "flush": True})
    with suppress(RuntimeError):  # no more threads: then nothing is said
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def n_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
