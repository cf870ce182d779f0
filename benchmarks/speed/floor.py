"""The floor under a training step: what its convolutions alone take at the speed of the processor's matrix product.

The multiplications of every convolution of a step, forward and backward, are counted in its graph; the matrix product
and the step itself take turns. What a step takes beyond is everything else: moving data, normalising, Adam, starting
operations; and convolutions that are slower than a matrix product. Times are medians; a ratio is the median of the
turns' ratios, with the least and the greatest.

  python -m benchmarks.speed.floor --variants orig --batches 1 4
"""

import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from benchmarks.speed.peer_ours import PRECISIONS, random_batch
from benchmarks.speed.turns import WARM_UP, ratio
from pix2pix_tf import config
from pix2pix_tf.training.tasks import Pix2Pix
from pix2pix_tf.utils import cli, files

SIDE = 4096  # of the square matrices
SIZE = 256  # of the images, in pixels
ROUNDS = 9


def main(argv: list[str]) -> None:
    parser = cli.parser(
        __doc__.splitlines()[0], "  python -m benchmarks.speed.floor --variants orig gen5 --batches 1 4"
    )
    parser.add_argument("--variants", nargs="+", default=["orig"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    rows = []
    print(
        "| variant | batch | precision | matrix product, GFLOP/s | convolutions, GFLOP | they would take, s "
        "| a step takes, s | times the bare convolutions |\n|---|---:|---|---:|---:|---:|---:|---:|"
    )
    for variant in options.variants:
        work = training_flops(variant)
        for precision in options.precisions:
            for batch in options.batches:
                row = compare(variant, precision, batch, work * batch)
                rows.append(row)
                times = "{:.2f} ({:.2f}-{:.2f})".format(*row["ratio"])
                print(
                    f"| {variant} | {batch} | {precision} | {row['speed'] / 1e9:.0f} | {batch * work / 1e9:.0f} "
                    f"| {row['floor']:.3f} | {row['step']:.3f} | {times} |",
                    flush=True,
                )
    if options.output:
        files.write_json(options.output, {"cores": os.cpu_count(), "rows": rows})


def compare(variant: str, precision: str, batch: int, flops_of_a_step: int) -> dict:
    """A training step beside matrix products; they take turns."""
    task = Pix2Pix(config.make_config(variant), SIZE, {"zones": 8, "sar": 8}, PRECISIONS[precision], {})
    data = random_batch(batch, SIZE)
    dtype = tf.as_dtype(precision)
    one, other = (tf.cast(tf.random.normal([SIDE, SIDE]), dtype) for _ in range(2))
    multiply = tf.function(lambda: tf.reduce_sum(one @ other))
    works = {"product": lambda: float(multiply()), "step": lambda: float(task.train_step(data)["generator"])}
    turns = [{name: seconds(work) for name, work in works.items()} for _ in range(ROUNDS + WARM_UP)][WARM_UP:]
    for turn in turns:
        turn["floor"] = turn["product"] * flops_of_a_step / (2 * SIDE**3)
    medians = {name: statistics.median(turn[name] for turn in turns) for name in ("product", "floor", "step")}
    case = {"variant": variant, "precision": precision, "batch": batch, "speed": 2 * SIDE**3 / medians["product"]}
    return case | medians | {"ratio": ratio(turns, "floor", "step")}


def seconds(work: Callable[[], float]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def training_flops(variant: str, size: int = SIZE) -> int:
    """Floating-point operations of the convolutions in one training step for one image; a multiply-add counts as two.

    They are found in the graph of the step as it runs: each convolution forward, backward for its weights, and backward
    for its input; in a transposed convolution the first and the last change places.
    """
    task = Pix2Pix(config.make_config(variant), size, {"zones": 8, "sar": 8}, PRECISIONS["float32"], {})
    graph = task.train_step.get_concrete_function(random_batch(1, size)).graph
    return sum(flops(operation) for operation in needed(graph))


def needed(graph: tf.Graph) -> set[tf.Operation]:
    """The operations that a result or a changed variable hangs on: TensorFlow leaves out the others before it runs."""
    found, ahead = set(), [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    while ahead:
        operation = ahead.pop()
        if operation not in found:
            found.add(operation)
            ahead += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def flops(operation: tf.Operation) -> int:
    """Of a convolution, in any of its three directions, also as a product of matrices; 0 of anything else."""
    if operation.type == "MatMul":
        inner = operation.inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
        return 2 * inner * math.prod(operation.outputs[0].shape)
    if operation.type == "Conv2D":
        small_map, kernel = operation.outputs[0], operation.inputs[1]
    elif operation.type == "Conv2DBackpropInput":
        small_map, kernel = operation.inputs[2], operation.inputs[1]
    elif operation.type == "Conv2DBackpropFilter":
        small_map, kernel = operation.inputs[2], operation.outputs[0]
    else:
        return 0
    return 2 * math.prod(small_map.shape[:3]) * math.prod(kernel.shape)


if __name__ == "__main__":
    sys.exit(cli.run(main))
