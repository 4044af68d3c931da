"""Runs one command again and again, each time with a disaster at another touch of the disk, and once more to recover.

    python crashing.py kill|full|over|random DATA WORK_DIRECTORY

"kill" sends SIGKILL right before the k-th change of a file, "full" has the disk full from then on, and "over" kills a
command that begins anew in the directory of another experiment. For each k = 1, 2, ... until the command survives, the
command is then run again with --resume; "over" ends once the new experiment has begun, and where it has not, the old
one is gone on with instead. "random" kills at random moments, and again while it resumes. What came of it is printed as
a line of JSON: exit codes, what was said, the files that the disaster left, and a digest of all files after recovery.
Children are forked, so that Python starts only once.
"""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from small_runs import compare, files_of

from mix2fld_np import cli
from mix2fld_np.console import compare as command
from mix2fld_np.nn.network import Network

OTHER = ("--seed=7",)
OPTIONS = ("--protocols=FL,Mix2FLD", "--workers=1")
MANY = ("--protocols=FL,Mix2FLD", "--workers=8")
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"}


def touches(event: str, arguments: tuple, below: str) -> bool:
    """Whether an audited event is about to change a file below a directory."""
    if event == "open" and isinstance(arguments[0], str):
        return arguments[0].startswith(below) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in CHANGES and (str(arguments[0]).startswith(below) or not os.path.isabs(arguments[0]))


def disaster_at(k: int, kind: str, below: str) -> None:
    """From now on, the k-th change of a file below a directory meets a disaster."""
    count = 0

    def listen(event: str, arguments: tuple) -> None:
        nonlocal count
        if not touches(event, arguments, below):
            return
        count += 1
        if kind != "full" and count == k:
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "full" and count >= k and event not in ("os.remove", "os.rmdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(listen)


def in_a_child(
    arguments: list[str], prepare: Callable[[], None] = lambda: None, kill_after_s: float | None = None
) -> int:
    """Exit code of the command in a forked child, negative where a signal ended it;
    what it says goes to the file `said`."""
    child = os.fork()
    if child == 0:
        with open("said", "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            prepare()
            try:
                code = cli.main(arguments)
            except BaseException as problem:
                print("Traceback", repr(problem), file=sys.stderr, flush=True)
                code = 99
            sys.stdout.flush()
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)  # its exit code is not waited for yet, so this is no other process
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def quick_render(rows: list[dict], name: str) -> dict[str, bytes]:
    """In place of a picture, which takes most of the time here: two files, as ever."""
    return {f"{name}.{kind}": repr(rows).encode() for kind in ("png", "svg")}


def main(kind: str, data: str, work: str) -> None:
    """One line of JSON for each disaster, the first for a run without any."""
    os.chdir(work)
    command.learning_curves, command.render = lambda rows, title: rows, quick_render
    Network().compile()
    whole, other, begun = Path(work, "whole"), Path(work, "other"), time.monotonic()
    code = in_a_child(compare(Path(data), whole, *OPTIONS))
    duration_s = time.monotonic() - begun
    in_a_child(compare(Path(data), other, *OPTIONS, *OTHER))
    print(json.dumps({"code": code, "digest": digest(whole), "other": digest(other)}))
    if kind == "random":
        kills_at_random(Path(data), Path(work), duration_s)
    else:
        disasters(kind, Path(data), Path(work), other)


def disasters(kind: str, data: Path, work: Path, other: Path) -> None:
    """One at every change of a file."""
    recovered: dict[str, tuple[int, int | None, str]] = {}  # from the same files the same follows
    for k in range(1, 1_000):
        out = work / f"out-{k}"
        if kind == "over":
            shutil.copytree(other, out)
        first = in_a_child(compare(data, out, *OPTIONS), lambda k=k, out=out: disaster_at(k, kind, str(out)))
        said, left, between = Path("said").read_text(), sorted(files_of(out)), digest(out)
        if between not in recovered:
            recovered[between] = recover(data, out)
        second, third, after = recovered[between]
        outcome = {
            "first": first, "said": said, "left": left, "between": between, "second": second, "third": third,
            "digest": after,
        }
        print(json.dumps(outcome))
        if first == 0 or (kind == "over" and second == 0):
            return


def recover(data: Path, out: Path) -> tuple[int, int | None, str]:
    """Exit codes of going on with the experiment, and where that is refused with the other one;
    and a digest of what comes of it."""
    before, second = digest(out), in_a_child(compare(data, out, *OPTIONS, "--resume"))
    if second == 0:
        return second, None, digest(out)
    unchanged = digest(out) == before
    third = in_a_child(compare(data, out, *OPTIONS, *OTHER, "--resume"))
    return second, third, digest(out) if unchanged else "what was refused changed something"


def kills_at_random(data: Path, work: Path, duration_s: float) -> None:
    """Many, several for each directory."""
    chance = random.Random(20)
    n_kills = n = 0
    while n_kills < 30:
        arguments, codes = compare(data, work / f"out-{n}", *MANY, "--resume"), []
        while len(codes) < 4 and 0 not in codes:
            codes.append(in_a_child(arguments, kill_after_s=chance.uniform(0, duration_s)))
        duration_s *= 0.8 if 0 in codes else 1.1
        print(json.dumps({"codes": codes, "second": in_a_child(arguments), "digest": digest(work / f"out-{n}")}))
        n_kills, n = n_kills + codes.count(-signal.SIGKILL), n + 1


def digest(directory: Path) -> str:
    """Of all files and their names."""
    return hashlib.sha256(repr(files_of(directory)).encode()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
