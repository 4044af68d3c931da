"""A stored run: the result of a job in a directory, or else where it stands."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from mix2fld_np.errors import InputError
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Task
from mix2fld_np.runs.checkpoint import load_checkpoint, save_checkpoint
from mix2fld_np.runs.files import checksum, json_bytes, plain, read_json, writable, write_whole
from mix2fld_np.runs.jobs import Job, identity_of
from mix2fld_np.runs.results import RunResult, check_result

RUNS, UNFINISHED = "runs", "unfinished"  # folders: results of finished runs, checkpoints of the others


@dataclass(frozen=True)
class StoredRun:
    """A job and its directory: read what is there, save where the run stands, finish it."""

    job: Job
    directory: Path

    @cached_property
    def identity(self) -> dict:
        """What decides whether a stored result may be reused."""
        return identity_of(self.job)

    @property
    def path(self) -> Path:
        """The file of its result."""
        return self.directory / RUNS / f"{self.job.name}.json"

    @property
    def checkpoint(self) -> Path:
        """The file that says where it stands."""
        return self.directory / UNFINISHED / self.job.name

    def result(self) -> RunResult | None:
        """The result, or None where the run is not finished; InputError where it is damaged or belongs to another run."""
        if not self.path.exists():
            return None
        stored = read_result(self.path)
        if stored["identity"] != plain(self.identity):
            raise InputError(f"{self.path} belongs to a run with other settings; choose another --out or delete it to start again.")
        return RunResult(**stored["result"])

    def progress(self, task: Task) -> Progress | None:
        """Where the unfinished run stands, or None where it has not begun."""
        return load_checkpoint(self.checkpoint, self.identity, task) if self.checkpoint.exists() else None

    def save(self, progress: Progress) -> None:
        """Keeps where the run stands."""
        save_checkpoint(self.checkpoint, self.identity, progress)

    def finish(self, result: RunResult) -> None:
        """Keeps the result; the checkpoint is needed no more."""
        content = asdict(result)
        write_whole(self.path, json_bytes({"identity": self.identity, "checksum": checksum(content), "result": content}))
        with writable(self.directory):
            self.checkpoint.unlink(missing_ok=True)


def read_result(path: Path) -> dict:
    """Identity and result in the file of a finished run; InputError where it is damaged or holds something else."""
    stored = read_json(path)
    if set(stored) != {"identity", "checksum", "result"} or stored["checksum"] != checksum(stored["result"]):
        raise InputError(f"{path} is damaged: its checksum does not fit; delete it to play this run again.")
    try:
        check_result(stored["result"], stored["identity"])
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        raise InputError(f"{path} holds something else than a finished run ({problem}); delete it to play this run again.") from problem
    return stored
