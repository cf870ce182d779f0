"""Several devices, and several workers, do what one device does."""

import contextlib
import dataclasses
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from pix2pix_tf import config
from pix2pix_tf.data import pipeline
from pix2pix_tf.models.layers import SharedBatchNormalization
from pix2pix_tf.training import distribution, precision
from pix2pix_tf.utils.errors import UserError
from tests.helpers import TINY, UNET

Keras = tf.keras.layers.BatchNormalization
ROOT = Path(__file__).parents[2]
TWO = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'


def asked(**options):
    return dataclasses.replace(config.TrainConfig(), **options)


# ---- Who trains -----------------------------------------------------------------------------------------------------


def test_without_several_devices_there_is_no_strategy(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert distribution.choose(asked(batch_size=4)) == distribution.Devices()


@pytest.mark.parametrize(
    ("text", "addresses", "worker"),
    [
        ("", [], 0),
        ("{}", [], 0),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}', ["a:1"], 0),
        (TWO, ["a:1", "b:1"], 1),
        (
            '{"cluster": {"worker": ["b:1", "c:1"], "chief": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
            ["a:1", "b:1", "c:1"],
            1,
        ),
    ],
)
def test_who_is_who_in_a_cluster(text, addresses, worker):
    assert distribution.cluster(text) == (addresses, worker)


@pytest.mark.parametrize(
    "text",
    [
        "workers: a, b",
        "[]",
        TWO.replace("1}}", "2}}"),
        TWO.replace("1}}", "-1}}"),
        TWO.replace('"task"', '"tasks"'),
        TWO.replace("b:1", "a:1"),
        TWO.replace("}, ", ', "ps": ["c:1"]}, ', 1),
    ],
)
def test_a_cluster_that_cannot_be_read_is_refused_with_the_form_it_takes(text):
    with pytest.raises(UserError, match=r'TF_CONFIG.*\{"cluster": \{"worker"'):
        distribution.cluster(text)


def test_a_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO)
    with pytest.raises(UserError, match=r"batch_size=3 does not divide by 2 workers of 1 CPU. Set train.batch_size=4"):
        distribution.choose(asked(batch_size=3))
    with pytest.raises(UserError, match="each worker is one device"):
        distribution.choose(asked(batch_size=4, devices=2))
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(UserError, match="batch_size=4 does not divide by 3 CPUs. Set train.batch_size=6"):
        distribution.choose(asked(batch_size=4, devices=3))


def test_devices_that_come_too_late_are_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    tf.zeros([1])  # TensorFlow has computed
    with pytest.raises(UserError, match="start a new process"):
        distribution.choose(asked(batch_size=64, devices=64))


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ([(9, 0)], "mixed_bfloat16"),
        ([(9, 0), (8, 0)], "mixed_bfloat16"),
        ([(9, 0), (7, 5)], "mixed_float16"),  # of unlike ones, what all are fast in
        ([(8, 0), (6, 1)], "float32"),
    ],
)
def test_the_precision_is_one_that_all_gpus_have_in_hardware(monkeypatch, capabilities, chosen):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: list(capabilities))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": gpu})
    name, reason = precision.choose("auto", 8)
    assert name == chosen and "compute capability {}.{}".format(*min(capabilities)) in reason


def test_the_parts_of_all_workers_devices_are_the_batch(tiny_dataset):
    chosen = config.make_config("orig", [*TINY, "train.batch_size=4"])
    whole = pipeline.training_batches(tiny_dataset, chosen, 1).take(2)  # the second epoch begins with it
    workers = [pipeline.training_batches(tiny_dataset, chosen, 1, worker, 2, 4).take(4) for worker in (0, 1)]
    parts = [list(batches) for batches in workers]
    for step, batch in enumerate(whole):
        dealt = [part for batches in parts for part in batches[2 * step : 2 * step + 2]]
        assert all(len(part["seed"]) == 1 for part in dealt)
        for name, values in batch.items():
            np.testing.assert_array_equal(np.concatenate([part[name] for part in dealt]), values, err_msg=name)


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def test_slurm_tells_each_worker_who_it_is(tmp_path):
    script(tmp_path / "bin" / "scontrol", "[ $1 = show ] && printf 'node1\\nnode2\\n' || echo requeued $2")
    script(tmp_path / "bin" / "srun", 'shift; for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@" || exit $?; done')
    script(tmp_path / ".venv" / "bin" / "python", 'echo "$TF_CONFIG"; [ "$3" != wrong ] || exit 2; [ "$3" = gen5 ]')
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_ID": "7"}

    def submitted(variant):
        command = ["bash", ROOT / "deploy" / "training.sbatch", "--variant", variant]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    lines = submitted("gen5").stdout.splitlines()
    assert [distribution.cluster(text) for text in lines] == [(["node1:2222", "node2:2222"], i) for i in (0, 1)]
    assert "requeued 7" in submitted("lost").stdout
    assert submitted("wrong").returncode == 2 and "requeued" not in submitted("wrong").stdout


def test_kubernetes_tells_each_worker_who_it_is(tmp_path):
    _, job = yaml.safe_load_all((ROOT / "deploy" / "training.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    script(tmp_path / "python", 'echo "$TF_CONFIG" "$@"')
    for index in range(2):
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)}
        command = container["command"] + container["args"]
        printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        text, given = printed.split(" train.py ")
        assert distribution.cluster(text) == ([f"pix2pix-{i}.pix2pix:2222" for i in (0, 1)], index)
        assert given.split() == container["args"]


# ---- Two devices ----------------------------------------------------------------------------------------------------


def two_devices(data, variant, *overrides, steps=2):
    command = [
        sys.executable,
        ROOT / "tests" / "training" / "two_devices.py",
        data,
        steps,
        variant,
        "train.devices=2",
        *overrides,
    ]
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


def without_batch(overrides):
    return [override for override in overrides if not override.startswith("train.batch_size")]


def test_shared_batch_normalization_is_keras_own_where_nothing_is_shared(rng):
    layers = [kind(momentum=0.9, epsilon=1e-5) for kind in (SharedBatchNormalization, Keras)]
    for _ in range(2):
        x = tf.constant(rng.normal(3, 2, (2, 2, 2, 5)), tf.float32)  # so few that n and n - 1 differ
        np.testing.assert_allclose(*[layer(x, training=True) for layer in layers], atol=1e-5)
    for ours, theirs in zip(*[layer.variables for layer in layers], strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, err_msg=ours.name)
    np.testing.assert_allclose(*[layer(x, training=False) for layer in layers], atol=1e-5)


@pytest.mark.long
def test_two_devices_equal_one(fronts_data):
    # zones has everything that describes a whole batch: batch normalisation, Dice, a clipped gradient.
    apart = two_devices(fronts_data, "zones", *without_batch(UNET), "train.batch_size=4")
    assert apart["losses"] < 1e-3 and apart["typical"] < 1e-4, apart


@pytest.mark.long
def test_two_devices_equal_one_in_painting_and_in_float16(tiny_data):
    small = [*without_batch(TINY), "train.batch_size=4"]
    apart = two_devices(tiny_data, "orig", *small, steps=4)
    assert apart["losses"] < 1e-3 and apart["typical"] < 1e-4, apart
    apart = two_devices(tiny_data, "orig", *small, "train.discriminator_every=2", "train.precision=mixed_float16")
    assert apart["losses"] < 2e-2, apart


# ---- Two workers ----------------------------------------------------------------------------------------------------


class Workers:
    """Two processes of train.py on this machine, which find each other by TF_CONFIG."""

    def __init__(self, data, run, epochs, *overrides):
        ports = []
        with contextlib.ExitStack() as held:
            for _ in range(2):
                taken = held.enter_context(socket.socket())
                taken.bind(("127.0.0.1", 0))
                ports.append(taken.getsockname()[1])
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        command = [sys.executable, ROOT / "train.py", "--variant", "orig", "--data", data, "--run", run]
        command += ["--epochs", epochs, *(text for override in (*TINY, *overrides) for text in ("--set", override))]
        self.processes = [
            subprocess.Popen(
                list(map(str, command)),
                env={
                    **{"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"},
                    "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for index in range(2)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.communicate()

    def ended(self):
        """Exit code, standard output and standard error of each."""
        outputs = [process.communicate(timeout=240) for process in self.processes]
        return [(p.returncode, *texts) for p, texts in zip(self.processes, outputs, strict=True)]


def step_of(run):
    """Of the newest checkpoint; 0 where there is none."""
    newest = tf.train.latest_checkpoint(str(run / "checkpoints"))
    return int(newest.rsplit("-", 1)[1]) if newest else 0


def wait_for_step(run, step):
    deadline = time.monotonic() + 240
    while step_of(run) < step:
        assert time.monotonic() < deadline, f"no step {step} in {run}"
        time.sleep(0.1)


@pytest.mark.long
def test_two_workers_train_lose_one_go_on_and_stop_together(tiny_data, tiny_run, tmp_path):
    run, often = tmp_path / "run", ("train.checkpoint_minutes=0", "train.export_every=100")
    with Workers(tiny_data, run, 100, *often) as workers:
        wait_for_step(run, 1)
        workers.processes[1].kill()
        (chief, printed, complaint), (killed, _, _) = workers.ended()
    assert (chief, killed) == (1, -signal.SIGKILL), complaint
    assert "Another worker of this training is gone" in complaint and "Traceback" not in complaint
    assert "on 2 workers of 1 CPU" in printed
    reached = step_of(run)

    with Workers(tiny_data, run, 100, *often) as workers:
        wait_for_step(run, reached + 1)
        workers.processes[1].send_signal(signal.SIGTERM)  # one is asked, all stop
        ended = workers.ended()
    assert [code for code, _, _ in ended] == [128 + signal.SIGTERM] * 2, ended
    assert all("The same command resumes from here" in complaint for _, _, complaint in ended)
    assert "resuming from" in ended[0][1]
    stopped, epochs = step_of(run), step_of(run) // 3 + 1  # an epoch has three steps

    with Workers(tiny_data, run, epochs, *often) as workers:
        ended = workers.ended()
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert f"trained to epoch {epochs}" in ended[0][1] and "trained to" not in ended[1][1]  # the chief speaks
    assert step_of(run) == 3 * epochs > stopped
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, epochs + 1))
    assert (run / "export" / "orig" / str(epochs) / "saved_model.pb").exists()
    of_one = json.loads((tiny_run / "log.jsonl").read_text().splitlines()[0])  # one device, the same first epoch
    for name in ("generator_gan", "generator_l1", "discriminator", "val_l1"):
        assert lines[0][name] == pytest.approx(of_one[name], rel=1e-3), name

    with Workers(tiny_data, run, epochs, *often, "loss.l1=7") as workers:
        ended = workers.ended()
    assert [code for code, _, _ in ended] == [2, 2], ended
    assert "loss.l1: 100.0 -> 7.0" in ended[0][2] and "Another worker" in ended[1][2]
