"""Training and generation at 256 x 256 beside plain Keras code of the same networks; input pipeline; simulation.

Each side has a process of its own, so that its peak memory is its own; the two take turns step by step, so that a
machine whose speed drifts slows both alike. Figures are medians; the ratio is the median of the turns' ratios.
"""

import itertools
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pix2pix_tf import cli, config, files, prepare
from pix2pix_tf.data.simulate import simulate_scene

EXAMPLES = """\
  python -m benchmarks.speed --output runs/speed.json
  python -m benchmarks.speed --variants orig gen5 --batches 1 4 --precisions mixed_bfloat16 --rounds 15"""

CHANNELS = 4  # one-hot zones
CALLS = {"training": 1, "generation": 5}  # in one turn: a turn of much less than a second is mostly waking up


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--variants", nargs="+", default=["orig"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--precisions", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument("--rounds", type=int, default=12, help="turns of each side (default: 12)")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    rows = []
    print("| variant | work | batch | precision | images/s | plain Keras | ratio (min-max) | peak MiB | plain Keras |")
    print("|---|---|---:|---|---:|---:|---:|---:|---:|")
    for case in itertools.product(options.variants, options.precisions, options.batches):
        for row in compare(*case, options.rounds):
            rows.append(row)
            print(
                f"| {row['variant']} | {row['work']} | {row['batch']} | {row['precision']} | {row['ours']:.2f} "
                f"| {row['plain']:.2f} | {row['ratio']:.2f} ({row['ratio_min']:.2f}-{row['ratio_max']:.2f}) "
                f"| {row['ours_mib']:.0f} | {row['plain_mib']:.0f} |",
                flush=True,
            )
    fastest = max(row["ours"] for row in rows if row["work"] == "training")
    simulated, delivered = simulation_speed(), pipeline_speed()
    print(
        f"\ninput pipeline alone: {delivered:.0f} images/s, {delivered / fastest:.0f} times the fastest training above"
    )
    if options.output:
        files.write_json(
            options.output,
            {"rows": rows, "pipeline_images_per_second": delivered, "simulated_scenes_per_second": simulated},
        )


def compare(variant: str, precision: str, batch: int, rounds: int) -> list[dict]:
    """One row for training, one for generation."""
    sides = {side: Side(side, variant, precision, batch) for side in ("ours", "plain")}
    rows = []
    for work in ("training", "generation"):
        for side in sides.values():  # the first calls trace and allocate
            side.seconds(work), side.seconds(work)
        orders = itertools.cycle([list(sides), list(reversed(sides))])  # neither is always the first
        turns = [{name: sides[name].seconds(work) for name in next(orders)} for _ in range(rounds)]
        ratios = sorted(turn["plain"] / turn["ours"] for turn in turns)
        row: dict[str, object] = {"variant": variant, "work": work, "batch": batch, "precision": precision}
        row |= {name: batch / statistics.median(turn[name] for turn in turns) for name in sides}
        row |= {"ratio": statistics.median(ratios), "ratio_min": ratios[0], "ratio_max": ratios[-1]}
        rows.append(row | {f"{name}_mib": side.peak_mib() for name, side in sides.items()})
    for side in sides.values():
        side.close()
    return rows


class Side:
    """One of the two, in a process of its own."""

    def __init__(self, *what):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, *what), daemon=True)
        self.process.start()

    def seconds(self, work: str) -> float:
        self.pipe.send(work)
        return self.pipe.recv()

    def peak_mib(self) -> float:
        self.pipe.send("memory")
        return self.pipe.recv()

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def serve(pipe, side: str, variant: str, precision: str, batch: int) -> None:
    """Does what comes through the pipe, and says how long it took."""
    import tensorflow as tf

    shape = (batch, 256, 256)
    data = {"input": tf.random.normal([*shape, CHANNELS]), "target": tf.random.normal([*shape, 1])}
    data |= {"seed": tf.range(batch), "index": tf.range(batch, dtype=tf.int64)}
    chosen = config.make_config(variant)
    task: Any  # both have train_step and generate
    if side == "ours":
        from pix2pix_tf.tasks import make_task

        task = make_task(chosen, 256, {"zones": 8, "sar": 8}, precision)
    else:
        from benchmarks.plain_keras import Plain

        task = Plain(chosen.model.generator_kernel, chosen.model.discriminator_kernel, CHANNELS, precision)
    while work := pipe.recv():
        if work == "memory":
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            continue
        start = time.perf_counter()
        for _ in range(CALLS[work]):
            if work == "training":
                float(task.train_step(data)["generator"])
            else:
                task.generate(data).numpy()
        pipe.send((time.perf_counter() - start) / CALLS[work])


def simulation_speed(scenes: int = 40) -> float:
    """Scenes a second, drawn but not written."""
    start = time.perf_counter()
    for seed in range(scenes):
        simulate_scene(seed)
    return scenes / (time.perf_counter() - start)


def pipeline_speed(images: int = 400) -> float:
    """Images a second out of the training pipeline, with nothing else to do."""
    from pix2pix_tf.data import pipeline
    from pix2pix_tf.data.opening import open_dataset

    with tempfile.TemporaryDirectory() as folder:
        prepare.simulate(Path(folder) / "simulated", scenes=40)
        dataset = open_dataset(Path(folder) / "simulated", ("zones", "sar"))
        batches = iter(pipeline.training_batches(dataset, config.make_config("orig")))
        for _ in range(50):
            next(batches)
        start = time.perf_counter()
        for _ in range(images):
            next(batches)
        return images / (time.perf_counter() - start)


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores")
    sys.exit(cli.run(main))
