"""Who does the work: the options, and processes that end as they should. tests/test_cluster.py has Dask."""

import argparse
import os

import pytest

from pix2pix_tf import prepare
from pix2pix_tf.utils import cli, parallel
from pix2pix_tf.utils.errors import UserError


def read(*words):
    parser = argparse.ArgumentParser()
    parallel.add_options(parser)
    return parser.parse_args(words)


def test_one_process_by_default(monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 7)
    assert vars(read()) == {"workers": 1, "scheduler": None}
    assert read("--workers", "3").workers == 3
    assert read("--workers", "all").workers == 7
    assert read("--scheduler", "tcp://host:8786").scheduler == "tcp://host:8786"


def test_cores_are_those_that_this_process_may_use():
    if hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            assert parallel.cores() == 1
        finally:
            os.sched_setaffinity(0, before)
    assert 1 <= parallel.cores() <= os.cpu_count()


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5", ""])
@pytest.mark.parametrize("command", [["simulate"], ["caffe", "--raw", "gone"], ["masks"]])
def test_a_count_that_cannot_be_is_refused(command, count, tmp_path, capsys):
    assert cli.run(prepare.main, [*command, "--output", str(tmp_path / "out"), f"--workers={count}"]) == 2
    assert capsys.readouterr().err == f"error: --workers {count} must be a whole number from 1, or all.\n"
    assert not (tmp_path / "out").exists()


def test_processes_or_a_cluster(capsys):
    with pytest.raises(SystemExit, match="2"):
        read("--workers", "2", "--scheduler", "tcp://host:8786")
    assert "--scheduler: not allowed with argument --workers" in capsys.readouterr().err


def test_a_worker_that_dies_is_reported():
    with pytest.raises(UserError, match="--workers"):
        parallel.parallel_map(os._exit, [3, 3], 2, "exits")


def test_an_exception_comes_out_of_a_worker():
    with pytest.raises(ZeroDivisionError):
        parallel.parallel_map((1).__truediv__, [1, 0, 1], 2, "quotients")


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_to_do(workers):
    assert parallel.parallel_map(abs, [], workers, "numbers") == []
