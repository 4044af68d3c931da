"""A stored run: the result of a job in a directory, or else where it stands."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Task
from mix2fld_np.runs import files
from mix2fld_np.runs.checkpoint import load_checkpoint, save_checkpoint
from mix2fld_np.runs.jobs import Job, completed, identity_of
from mix2fld_np.runs.results import RunResult, check_result, completed_rows

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

    def is_finished(self) -> bool:
        """Whether its result is there, with the models where they are asked for."""
        if self.job.models == "none" or not self.path.exists():
            return self.path.exists()
        kept = self.result().models
        return kept is not None and (self.job.models == "server" or "devices" in kept)

    def result(self) -> RunResult:
        """The result of a finished run; InputError where it is gone, damaged, or of another run."""
        files.check_there(self.path)
        stored = read_result(self.path)
        files.check_identity(self.path, stored["identity"], self.identity)
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
        stored = {"identity": self.identity, "checksum": files.checksum(content), "result": content}
        files.write_whole(self.path, files.json_bytes(stored))
        with files.writable(self.directory):
            self.checkpoint.unlink(missing_ok=True)


def read_result(path: Path) -> dict:
    """Identity and result in the file of a finished run; InputError where it is damaged or holds something else."""
    stored = files.read_json(path)
    named = set(stored) == {"identity", "checksum", "result"}
    with files.holding_a_run(path, intact=named and stored["checksum"] == files.checksum(stored["result"])):
        stored["identity"] = completed(stored["identity"])
        stored["result"]["rounds"] = completed_rows(stored["result"]["rounds"])
        check_result(stored["result"], stored["identity"])
    return stored
