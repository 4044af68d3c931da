"""A real Dask scheduler and real workers on this machine: the same bytes, also when a worker dies;
and what is said when there is none."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from small_runs import compare, files_of, write_digits

from mix2fld_np import cli
from mix2fld_np.errors import InputError
from mix2fld_np.runs import dask_cluster as cluster, jobs
from mix2fld_np.runs.dask_cluster import check_address, connected

README = Path(__file__).parents[1] / "README.md"
LONGER = ("--protocols=FL,FD,Mix2FLD", "--rounds=3", "--iterations=2000")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port):
    """Whether somebody answers at a port of this machine."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition):
    """Returns once it holds, or in two minutes."""
    begun = time.monotonic()
    while not condition() and time.monotonic() - begun < 120:
        time.sleep(0.005)


def once(condition, act):
    """A thread that acts once a condition holds."""

    def watch():
        wait_until(condition)
        act()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    return watching


def dask(*arguments):
    """A process of the command `dask`."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "dask", *arguments], start_new_session=True, **quiet)


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """The address of a scheduler, and a list for the processes that have to be gone in the end."""
    pytest.importorskip("distributed")
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path / "dask"))
    address = f"tcp://127.0.0.1:{(port := free_port())}"
    processes = [dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")]
    wait_until(lambda: listens(port))
    yield address, processes
    for process in reversed(processes):  # a worker takes long to end once its scheduler is gone
        process.terminate()  # a nanny takes its worker with it
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def add_workers(scheduler, n, *more):
    """Processes that work for a scheduler, one thread each and without a nanny that would revive them."""
    address, processes = scheduler
    workers = [dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *more) for _ in range(n)]
    processes += workers
    return workers


def one_line(capsys):
    said = capsys.readouterr().err
    assert said.startswith("mix2fld: ") and said.count("\n") == 1 and "Traceback" not in said
    return said


# ---------------------------------------------------------------------------------------------------- with a cluster
@pytest.mark.slow
def test_a_cluster_that_was_started_as_the_readme_does_writes_the_same_bytes(data, tmp_path, scheduler):
    assert cli.main(compare(data, tmp_path / "here", "--rounds=3", "--seeds=2")) == 0
    address, processes = scheduler
    arguments = ["worker", address, "--nthreads", "1", "--nworkers", "2"]
    assert "dask worker tcp://HOST:8786 --nthreads 1 --nworkers" in README.read_text()
    processes.append(dask(*arguments, "--no-dashboard"))  # with a nanny each, which sets the number of BLAS threads
    assert cli.main(compare(data, tmp_path / "there", "--rounds=3", "--seeds=2", f"--dask={address}")) == 0
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_writes_the_same_bytes(data, tmp_path, scheduler):
    assert cli.main(compare(data, tmp_path / "here", *LONGER)) == 0
    victim, _ = add_workers(scheduler, 2)
    checkpoints = tmp_path / "there" / "unfinished"

    killer = once(lambda: list(checkpoints.glob("*-seed0")), victim.kill)
    assert cli.main(compare(data, tmp_path / "there", *LONGER, f"--dask={scheduler[0]}")) == 0
    killer.join()
    assert victim.wait() == -signal.SIGKILL
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


@pytest.mark.slow
def test_a_scheduler_that_dies_is_told_and_what_came_back_is_kept(data, tmp_path, scheduler, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 3.0)
    add_workers(scheduler, 1)
    checkpoints = tmp_path / "unfinished"

    killer = once(lambda: list(checkpoints.glob("*-seed0")), scheduler[1][0].kill)
    assert cli.main(compare(data, tmp_path, *LONGER, f"--dask={scheduler[0]}")) == 2
    killer.join()
    assert "is gone" in (said := one_line(capsys)) and "--resume" in said
    assert list(checkpoints.glob("*-seed0"))


@pytest.mark.slow
def test_a_cluster_without_workers_is_waited_for_but_not_for_ever(data, tmp_path, scheduler, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_S", 1.0)
    monkeypatch.setattr("mix2fld_np.runs.play.POLL_S", 0.2)
    assert cli.main(compare(data, tmp_path, f"--dask={scheduler[0]}")) == 2
    assert f"no worker for 1 seconds; start some with `dask worker {scheduler[0]}`" in one_line(capsys)


@pytest.mark.slow
def test_an_executor_sends_calls_to_processes_and_says_how_many_it_takes(scheduler):
    add_workers(scheduler, 2)
    with connected(scheduler[0]) as workers:
        assert workers.capacity() >= 1
        workers.client.wait_for_workers(2, timeout=120)
        assert workers.capacity() == 2
        assert os.getpid() not in {workers.submit(os.getpid).result() for _ in range(4)}
        assert isinstance(workers.submit(int, "x").exception(), ValueError)


@pytest.mark.slow
def test_a_worker_with_another_version_is_refused(scheduler, monkeypatch):
    add_workers(scheduler, 1)
    with connected(scheduler[0]) as workers:
        workers.client.wait_for_workers(1, timeout=120)
    monkeypatch.setattr("mix2fld_np.__version__", "9.9")
    with (
        pytest.raises(InputError, match=r"has mix2fld_np 1\..*; install mix2fld_np 9.9 there"),
        connected(scheduler[0]),
    ):
        pass


@pytest.mark.slow
def test_a_worker_that_would_compute_other_numbers_is_refused_in_one_line(
    data, tmp_path, scheduler, monkeypatch, capsys
):
    add_workers(scheduler, 1)
    monkeypatch.setattr(jobs, "NUMBERS", 99)
    jobs.numerics.cache_clear()
    assert cli.main(compare(data, tmp_path, f"--dask={scheduler[0]}")) == 2
    jobs.numerics.cache_clear()
    assert "a worker has numbers" in (said := one_line(capsys)) and "where this machine has 99" in said


# -------------------------------------------------------------------------------------------------- without a cluster
@pytest.mark.parametrize(
    "address",
    ["tcp://", "127.0.0.1:8786", "tcp://host", "http://host:80", "tcp://h:port", "tcp://a b:1", "tcp://h:1\n"],
)
def test_what_is_no_address_is_refused_before_anything_begins(data, tmp_path, capsys, address):
    with pytest.raises(InputError, match="no address of a Dask scheduler"):
        check_address(address)
    assert cli.main(compare(data, tmp_path, f"--dask={address}")) == 2
    assert "tcp://127.0.0.1:8786" in one_line(capsys)
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tls://host-1.example:1", "tcp://[::1]:65535"])
def test_addresses_as_schedulers_print_them_are_taken(address):
    check_address(address)


def test_an_address_where_nobody_listens_is_told(data, tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    assert cli.main(compare(data, tmp_path, f"--dask=tcp://127.0.0.1:{free_port()}")) == 2
    assert "there is no Dask scheduler at" in (said := one_line(capsys)) and "dask scheduler" in said


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, b"\x01" * 64])
def test_something_else_that_listens_there_is_told_and_not_waited_for(data, tmp_path, capsys, monkeypatch, answer):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                    kept.append(peer)
                    peer.sendall(answer)
                except OSError:
                    return

        kept = []
        threading.Thread(target=serve, daemon=True).start()
        begun = time.monotonic()
        assert cli.main(compare(data, tmp_path, f"--dask=tcp://127.0.0.1:{server.getsockname()[1]}")) == 2
        assert time.monotonic() - begun < 60
    assert "there is no Dask scheduler at" in one_line(capsys)


def test_a_missing_package_is_named(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(compare(data, tmp_path, "--dask=tcp://127.0.0.1:1")) == 2
    assert "pip install distributed" in one_line(capsys)
