"""Commands ended at random moments, and what is left of them: python -m tests.robustness.faults --moments 100

Each command is ended by kill -9 or SIGTERM, at moments drawn from the time that it takes undisturbed, or just while a
file is being written; it is started again until it ends well, and all that it leaves is compared with what the
undisturbed one leaves, to the bit. Beside it a process loads every version that appears under a base path, as TF
Serving does. Networks are tiny, dropout and augmentation are on, and a checkpoint is written after every step.
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from pix2pix_tf import prepare
from pix2pix_tf.utils import cli

CONTEXT = multiprocessing.get_context("forkserver")  # whose processes begin with TensorFlow imported
CONTEXT.set_forkserver_preload(
    ["pix2pix_tf.training.trainer", "pix2pix_tf.generate.command", "pix2pix_tf.evaluation.inference"]
)
HALF_WRITTEN = {  # what can be seen while a file or folder is being written
    "checkpoint": ("checkpoints/*_temp", "checkpoints/.tmp-*"),
    "export": ("export/*/.tmp-*",),
    "other file": (".tmp-*", "*/.tmp-*", "*/*/.tmp-*"),
}
GAN = ("model.depth=5", "model.generator_width=4", "model.discriminator_width=4", "train.export_every=1")
TRAIN = (
    *("train.precision=float32", "train.deterministic=true", "train.batch_size=2", "train.epochs=2", "train.samples=2"),
    *("train.checkpoint_minutes=0", "train.log_steps=1"),
)

HEADING = (
    "| command | kill -9 | SIGTERM | killed while writing | runs | the same to the bit | versions loaded | removed "
    "while being loaded | not whole |\n|---|---:|---:|---|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Command:
    """A command line whose output folder comes last."""

    name: str
    module: str
    arguments: tuple[str, ...]

    @property
    def trains(self) -> bool:
        return self.module == "train"


def training(variant: str, data: Path, *settings: str) -> Command:
    overrides = [word for setting in (*TRAIN, *settings) for word in ("--set", setting)]
    arguments = ("--variant", variant, "--data", str(data), *overrides, "--run")
    return Command(f"train {variant}", "train", arguments)


def commands(folder: Path) -> list[Command]:
    """All commands, with the data they need; the model that generates is the last one's of `train orig`."""
    scenes, optical, model = (
        folder / "scenes",
        folder / "optical",
        folder / "undisturbed train orig" / "export" / "orig",
    )
    with contextlib.redirect_stdout(sys.stderr):
        prepare.simulate(scenes, scenes=8, size=32, val=0.25)
        prepare.simulate(optical, scenes=5, size=32, val=0.4, optical=True)
    unet = ("model.unet_width=4", "data.jitter=1.1", "data.noise=0.5", "data.elastic=0.5", "data.rotate=0.5")
    cut = ("folder", "--input", str(scenes / "train"), "--size", "16", "--split", "scene", "--output")
    return [
        training("orig", scenes, *GAN),
        training("sar2optical", optical, *GAN),
        training("zones", scenes, *unet),
        training("clouds", optical, "model.vgg_width=2"),
        Command("prepare simulate", "pix2pix_tf.prepare", ("simulate", "--scenes", "40", "--size", "128", "--output")),
        Command("prepare folder", "pix2pix_tf.prepare", cut),
        Command(
            "generate",
            "pix2pix_tf.generate",
            ("--model", str(model), "--masks", str(scenes), "--samples", "8", "--output"),
        ),
    ]


def run(command: Command, output: Path, log: Path) -> None:
    """Run a command in a process; its output goes into a file."""
    with log.open("a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        main = importlib.import_module(command.module).main
        sys.exit(cli.run(main, [*command.arguments, str(output)]))


def start(command: Command, output: Path) -> BaseProcess:
    process = CONTEXT.Process(target=run, args=(command, output, output.parent / "log.txt"))
    process.start()
    return process


def finish(command: Command, output: Path) -> float:
    """Run a command undisturbed; seconds.

    Raises:
      RuntimeError: it fails.
    """
    begun, process = time.monotonic(), start(command, output)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{command.name} ended with {process.exitcode}: {last_words(output)}")
    return time.monotonic() - begun


def last_words(output: Path) -> str:
    return (output.parent / "log.txt").read_text()[-500:]


class Disturbance:
    """Ends processes of one command at random moments, and counts."""

    def __init__(self, command: Command, seconds: float, moments: list[signal.Signals], draw: random.Random):
        self.command, self.seconds, self.left, self.draw = command, seconds, list(moments), draw
        self.ended: Counter[signal.Signals] = Counter()
        self.inside: Counter[str] = Counter()

    def work(self, output: Path) -> None:
        """Start a command until it has ended well.

        Raises:
          RuntimeError: it fails of itself.
        """
        while self.left:
            process = start(self.command, output)
            if self._waited(process, output):
                sent = self.left.pop()
                process.kill() if sent == signal.SIGKILL else process.terminate()
                process.join()
                self._count(sent, process.exitcode, output)
            process.join()
            if process.exitcode == 0:
                return
            if process.exitcode not in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM):
                raise RuntimeError(f"{self.command.name} ended with {process.exitcode}: {last_words(output)}")
        finish(self.command, output)

    def _waited(self, process: BaseProcess, output: Path) -> bool:
        """Wait for a moment; False if the process has ended by then."""
        aimed = self.draw.choice([None, *HALF_WRITTEN]) if self.command.trains else None
        until = time.monotonic() + self.draw.uniform(0, self.seconds)
        if aimed:
            until = time.monotonic() + self.draw.uniform(0, self.seconds / 2)
        while process.is_alive() and time.monotonic() < until:
            process.join(0.002)
        while aimed and process.is_alive() and not seen(output, aimed):
            process.join(0.001)
        if aimed:
            process.join(self.draw.uniform(0, 0.05))
        return process.is_alive()

    def _count(self, sent: signal.Signals, code: int | None, output: Path) -> None:
        if code == 0:
            self.left.append(sent)  # it had just ended: no interruption
            return
        self.ended[sent] += 1
        self.inside[next((what for what in HALF_WRITTEN if sent == signal.SIGKILL and seen(output, what)), "")] += 1


def seen(output: Path, what: str) -> bool:
    return any(next(output.glob(pattern), None) for pattern in HALF_WRITTEN[what])


def left(command: Command, output: Path) -> dict[str, object]:
    """All that a command leaves, but for the time it took."""
    if not command.trains:
        return {str(p.relative_to(output)): digest(p.read_bytes()) for p in output.rglob("*") if p.is_file()}
    names = (path.relative_to(output) for path in output.rglob("*"))
    found: dict[str, object] = {"files": sorted(str(name) for name in names if name.parts[0] != "tensorboard")}
    found["weights, optimizers, step"] = tensors(output / "checkpoints")
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    found["log"] = [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines]
    found["sheets"] = {path.name: digest(path.read_bytes()) for path in (output / "samples").iterdir()}
    found["events"] = events(output / "tensorboard")
    found["exported images"] = {str(v.relative_to(output)): painted(v) for v in sorted(output.glob("export/*/[0-9]*"))}
    return found


def tensors(checkpoints: Path) -> dict[str, str]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(checkpoints))
    names = [name for name in reader.get_variable_to_shape_map() if "seconds" not in name and "GRAPH" not in name]
    return {name: digest(reader.get_tensor(name).tobytes()) for name in names}


def events(folder: Path) -> list[tuple]:
    import tensorflow as tf

    found = []
    for path in sorted(folder.glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found += [
                (event.step, value.tag, digest(value.tensor.SerializeToString())) for value in event.summary.value
            ]
    return found


def painted(version: Path) -> dict[str, str]:
    """Return the answers of TensorFlow's C++ runtime to a version's own warm-up requests."""
    from pix2pix_tf.export import cpp_runtime, warmup

    with cpp_runtime.load(version) as served:
        answers = {name: served.run(name, inputs) for name, inputs in warmup.read(version)}
    return {name: digest(repr(sorted(answer.items())).encode()) for name, answer in answers.items()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def watch(root: Path, done, report) -> None:
    """Load every version that appears under `root`, as soon as it does; reports [whole, removed meanwhile, broken]."""
    counts, known = [0, 0, 0], set()
    while not done.is_set():
        for version in root.glob("run */export/*/[!.]*"):
            with contextlib.suppress(FileNotFoundError):
                key = (version, version.stat().st_ino)
                if key in known:
                    continue
                known.add(key)
                try:
                    painted(version)
                    counts[0] += 1
                except Exception as error:
                    gone = not version.exists() or version.stat().st_ino != key[1]
                    counts[1 if gone else 2] += 1
                    print(f"{version}: {'removed while it was read' if gone else error}", file=sys.stderr)
        time.sleep(0.01)
    report.put(counts)


@contextlib.contextmanager
def watched(root: Path) -> Iterator[list[int]]:
    """Give a list that has the watcher's counts when the block has ended."""
    done, report = CONTEXT.Event(), CONTEXT.Queue()
    counts: list[int] = []
    process = CONTEXT.Process(target=watch, args=(root, done, report))
    process.start()
    try:
        yield counts
    finally:
        done.set()
        counts += report.get()
        process.join()


def disturb(command: Command, folder: Path, moments: list[signal.Signals], draw: random.Random) -> bool:
    """Works through the moments of one command, and prints what came of it; whether all was the same."""
    reference = folder / f"undisturbed {command.name}"
    seconds = finish(command, reference)
    expected, disturbance, runs, other = left(command, reference), Disturbance(command, seconds, moments, draw), 0, []
    with watched(folder) if command.trains else contextlib.nullcontext([0, 0, 0]) as versions:
        while disturbance.left:
            output = folder / f"run {runs}" if command.trains else folder / "again" / reference.name
            output.parent.mkdir(exist_ok=True)
            disturbance.work(output)
            got = left(command, output)
            other += [f"run {runs}: {key}" for key in expected.keys() | got.keys() if expected.get(key) != got.get(key)]
            runs += 1
            shutil.rmtree(output)
    inside = ", ".join(f"{what} {count}" for what, count in sorted(disturbance.inside.items()) if what)
    print(
        f"| {command.name} | {disturbance.ended[signal.SIGKILL]} | {disturbance.ended[signal.SIGTERM]} | "
        f"{inside or '-'} | {runs} | {runs - len({text.split(':')[0] for text in other})} | "
        f"{versions[0]} | {versions[1]} | {versions[2]} |",
        flush=True,
    )
    for text in other:
        print(f"differs: {text}", flush=True)
    return not other and not versions[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=100, help="kill -9 in all (default: 100)")
    parser.add_argument("--stops", type=int, default=10, help="SIGTERM for each training (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other moments (default: 0)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="such as orig or generate (default: all commands)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = [c for c in commands(folder) if not options.only or set(c.name.split()) & set(options.only)]
        print(HEADING, flush=True)
        if options.only and not {"train", "orig"} & set(options.only):
            finish(training("orig", folder / "scenes", *GAN), folder / "undisturbed train orig")  # for generate
        good = True
        for place, command in enumerate(chosen):
            draw = random.Random(f"{options.seed} {command.name}")
            kills = options.moments // len(chosen) + (place < options.moments % len(chosen))
            moments = [signal.SIGKILL] * kills + [signal.SIGTERM] * (options.stops if command.trains else 0)
            draw.shuffle(moments)
            good &= disturb(command, folder, moments, draw)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
