"""The process around a command: where it speaks, what Ctrl-C does, what memory there is. Loads nothing that is slow."""

import _thread
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

try:
    import resource
except ImportError:  # Windows limits no process
    resource = None  # type: ignore[assignment]

LONGEST = 1_000  # characters of a message
INTERRUPTED = 130  # exit code, by convention
PATIENCE_S = 1.0  # further Ctrl-C within this time are the same one; a later one ends the process at once
NEEDED_BYTES = 640e6  # of address space; with less, libraries end the process without a word of ours


# --- speaking ---------------------------------------------------------------------------------------------------------
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
    """One line on stderr, or nothing where nothing can be written."""
    try:
        print("mix2fld:", one_line(message), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        discard(sys.stderr)


def one_line(message: str) -> str:
    """A message without line breaks and without the middle of a value that goes on and on."""
    text = " ".join(message.splitlines())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def warn(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """A warning as a user reads it; for `warnings.showwarning`."""
    say("".join(str(message).splitlines()[:1]))


def flush() -> None:
    """Says the last of it on stdout, or nothing where nobody reads it any more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        discard(sys.stdout)


def discard(stream: TextIO) -> None:
    """Nothing more is said there, so that nothing fails when Python empties its buffer at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------
class Interruption:
    """What Ctrl-C does: KeyboardInterrupt once, then nothing for a moment, after which another ends the process."""

    def __init__(self) -> None:
        self.since_s: float | None = None  # when it was pressed first
        self.waits = self.told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGINT."""
        if self.since_s is None:
            self.since_s = time.monotonic()
            if not self.waits:
                raise KeyboardInterrupt
        elif time.monotonic() - self.since_s > PATIENCE_S:
            with suppress(OSError):
                os.write(2, b"" if self.told else b"mix2fld: interrupted.\n")
            os._exit(INTERRUPTED)

    def lost(self, info: Any) -> None:
        """The hook for exceptions that Python cannot raise, as in a destructor; an interruption is raised again."""
        if info.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(info)
            return
        self.since_s = None
        _thread.interrupt_main()

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """An interruption waits until the end of the block, which cannot be left half-done."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False
        if self.since_s is not None:
            raise KeyboardInterrupt


@contextmanager
def interruptible(to_the_end: bool) -> Iterator[Interruption]:
    """Lets an Interruption handle Ctrl-C, unless it is ignored or handled by others; `to_the_end` of the process."""
    interruption = Interruption()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption)
    hook, sys.unraisablehook = sys.unraisablehook, interruption.lost
    try:
        yield interruption
    finally:
        if not to_the_end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.unraisablehook = hook


# --- memory -----------------------------------------------------------------------------------------------------------
def check_memory() -> None:
    """MemoryError where the limit of this process leaves too little for the libraries alone."""
    if memory_limit() < NEEDED_BYTES:
        raise MemoryError


def memory_limit() -> float:
    """Bytes of address space that this process may take (`ulimit -v`); infinite without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0] if resource else -1
    return math.inf if limit < 0 or (resource and limit == resource.RLIM_INFINITY) else float(limit)
