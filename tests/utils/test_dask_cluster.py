"""Scenes on a Dask cluster: a real scheduler and real workers, one of them killed at work."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from pix2pix_tf import prepare
from pix2pix_tf.prepare.simulation import command as simulation_command
from pix2pix_tf.utils import cli, parallel
from pix2pix_tf.utils.errors import UserError
from tests.helpers import tree, wait_until

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install -r requirements-dask.txt")
from pix2pix_tf.utils import dask_cluster  # noqa: E402 (it imports Dask)

pytestmark = pytest.mark.long  # processes that start, die and are waited for; the same for each TensorFlow

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds; on a busy machine a process takes some to start


@contextlib.contextmanager
def dask(*arguments):
    """`python -m dask ...` as the README tells it; the workers find this file's functions, too."""
    place = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard"]
    process = subprocess.Popen(command, cwd=ROOT, env=place, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A scheduler with two workers of one thread each."""
    folder = tmp_path_factory.mktemp("dask")
    by_file = ["--scheduler-file", folder / "scheduler.json"]
    worker = ["worker", *by_file, "--nthreads", "1", "--no-nanny", "--death-timeout", "60", "--local-directory", folder]
    scheduler = ["scheduler", *by_file, "--host", "127.0.0.1", "--port", "0", "--idle-timeout", "120"]
    with dask(*scheduler), dask(*worker), dask(*worker):
        wait_until(by_file[1].exists, PATIENCE)
        with distributed.Client(scheduler_file=by_file[1], set_as_default=False) as client:
            client.wait_for_workers(2, PATIENCE)
        yield json.loads(by_file[1].read_text())["address"]


@pytest.fixture
def nobody_yet():
    """A scheduler in this process, without workers."""
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as here:
        yield here


# ---- What the workers do: functions that another process finds ------------------------------------------------------


def simulated_once_hanging(task):
    """As the real one, but it notes who begins, and the first who meets the seventh scene stays in it."""
    with (task.output.parent / "begun.txt").open("a") as notes:
        notes.write(f"{task.name}\n")
    hanging = task.output.parent / "hanging.txt"
    if task.name == "SIM_00007" and not hanging.exists():
        hanging.write_text(str(os.getpid()))
        time.sleep(2 * PATIENCE)
    return simulation_command._simulate_and_write(task)


def fails(error):
    raise error


def fails_once(marker):
    if not marker.exists():
        marker.touch()
        raise OSError(errno.EIO, "Input/output error", str(marker))
    return marker


def slow(number):
    time.sleep(0.1)
    return number


# ---- Tests ----------------------------------------------------------------------------------------------------------


def test_a_killed_worker_costs_its_unfinished_scene_only(address, tmp_path, monkeypatch):
    command = ["simulate", "--output", "sim", "--scenes", "24", "--size", "32"]
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    assert cli.run(prepare.main, command) == 0
    (tmp_path / "many").mkdir()
    monkeypatch.chdir(tmp_path / "many")  # the workers are elsewhere

    def kill():
        number = wait_until(lambda: Path("hanging.txt").exists() and Path("hanging.txt").read_text(), PATIENCE)
        wait_until(lambda: len(list(Path("sim").glob("*/sar/*.png"))) > 12, PATIENCE)
        os.kill(int(number), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    monkeypatch.setattr(simulation_command, "_simulate_and_write", simulated_once_hanging)
    assert cli.run(prepare.main, [*command, "--scheduler", address]) == 0
    killer.join()
    begun = Counter(Path("begun.txt").read_text().split())
    assert begun == {f"SIM_{number:05d}": 1 for number in range(1, 25)} | {"SIM_00007": 2}
    assert tree(tmp_path / "many/sim") == tree(tmp_path / "one/sim")


@pytest.mark.parametrize(
    "error", [UserError("bad scene: mend it"), OSError(errno.ENOSPC, "No space left on device", "/far/away.png")]
)
def test_an_exception_of_a_task_arrives(address, error):
    with pytest.raises(type(error)) as raised:
        parallel.parallel_map(fails, [error], 1, "errors", address)
    assert str(raised.value) == str(error)


def test_a_failed_task_is_tried_again_and_paths_are_sent_absolute(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parallel.parallel_map(fails_once, [Path("a"), Path("b")], 1, "files", address) == [
        tmp_path / "a",
        tmp_path / "b",
    ]


def test_results_come_in_the_order_of_the_tasks(address):
    assert parallel.parallel_map(abs, range(-40, 0), 1, "numbers", address) == list(range(40, 0, -1))
    assert parallel.parallel_map(abs, [], 1, "numbers", address) == []


def test_a_worker_that_would_write_other_bytes_is_refused(address, monkeypatch):
    mine = dask_cluster._versions() | {"numpy": "0.1"}
    monkeypatch.setattr(dask_cluster, "_versions", lambda: mine)
    with pytest.raises(UserError, match=r"worker on .* differs: numpy [\d.]+ there, 0.1 here\. Install"):
        parallel.parallel_map(abs, [1], 1, "numbers", address)


def test_a_worker_without_the_package_is_reported(address, monkeypatch):
    monkeypatch.setattr(dask_cluster._Call, "__reduce__", lambda self: (NotThere(), ()))
    with pytest.raises(UserError, match="A Dask worker says: No module named 'not_there'"):
        parallel.parallel_map(abs, [1], 1, "numbers", address)


class NotThere:
    """Stands for a function of a module that only this process has."""

    def __reduce__(self):
        return __import__, ("not_there",)

    def __call__(self):
        raise AssertionError("not meant to be called here")


def test_another_dask_is_refused(address, monkeypatch):
    monkeypatch.setattr(dask_cluster.importlib.metadata, "version", lambda name: "2020.1.0")
    with pytest.raises(UserError, match=r"The Dask scheduler at tcp://.* differs: dask .* there, 2020.1.0 here"):
        parallel.parallel_map(abs, [1], 1, "numbers", address)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_the_cluster_idle(address, tmp_path, capsys, number, code):
    def interrupt():
        wait_until(lambda: list(tmp_path.glob("sim/*/sar/*.png")), PATIENCE)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    command = ["simulate", "--output", str(tmp_path / "sim"), "--size", "32", "--scenes", "9000"]
    assert cli.run(prepare.main, [*command, "--scheduler", address]) == code
    by_file = capsys.readouterr().err.splitlines()
    assert by_file[-2:] == [
        "stopping after this step ...",
        "interrupted; the same command resumes from the files that are written",
    ]
    before = []

    def settled():  # what a worker had begun, it finishes
        before.append(len(tree(tmp_path)))
        time.sleep(0.5)
        return len(tree(tmp_path)) == before[-1]

    wait_until(settled, PATIENCE)
    assert 0 < before[-1] < 9000  # of three files a scene


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://127.0.0.1", "nonsense", ""])
def test_no_scheduler(address, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.2)
    command = ["simulate", "--output", str(tmp_path / "sim"), "--scheduler", address]
    assert cli.run(prepare.main, command) == 2
    assert f"error: No Dask scheduler answers at {address} (" in capsys.readouterr().err


def test_no_worker(nobody_yet, monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORKER_SECONDS", 0.2)
    with pytest.raises(UserError, match="has had no worker"):
        parallel.parallel_map(abs, [1], 1, "numbers", nobody_yet.scheduler_address)


def at_work(here, then):
    """Do something to a cluster as soon as its one worker has tasks in hand."""
    here.scale(1)
    here.wait_for_workers(1, PATIENCE)

    def wait():
        (worker,) = here.scheduler.workers.values()
        wait_until(lambda: worker.processing, PATIENCE)
        then()

    threading.Thread(target=wait).start()


def test_workers_that_go_and_do_not_come_back(nobody_yet, monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORKER_SECONDS", 0.5)
    at_work(nobody_yet, lambda: nobody_yet.scale(0))
    with pytest.raises(UserError, match="has had no worker"):
        parallel.parallel_map(slow, range(200), 1, "numbers", nobody_yet.scheduler_address)


def test_a_scheduler_that_goes(nobody_yet):
    at_work(nobody_yet, nobody_yet.close)
    with pytest.raises(UserError, match="is gone"):
        parallel.parallel_map(slow, range(200), 1, "numbers", nobody_yet.scheduler_address)


def test_a_task_that_ends_worker_after_worker(nobody_yet):
    scheduler = nobody_yet.scheduler
    scheduler.allowed_failures = 0
    at_work(nobody_yet, lambda: nobody_yet.sync(scheduler.remove_worker, *scheduler.workers, stimulus_id="lost"))
    with pytest.raises(UserError, match="1 workers of the Dask cluster ended one after the other"):
        parallel.parallel_map(slow, range(200), 1, "numbers", nobody_yet.scheduler_address)


def test_without_dask_the_error_states_the_cure(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "pix2pix_tf.utils.dask_cluster")
    monkeypatch.delattr("pix2pix_tf.utils.dask_cluster")
    assert cli.run(prepare.main, ["simulate", "--output", str(tmp_path / "sim"), "--scheduler", "tcp://host:8786"]) == 2
    assert "pip install -r requirements-dask.txt" in capsys.readouterr().err
