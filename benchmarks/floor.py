"""The floor under a training step: what its convolutions alone take at the speed of the processor's matrix product.

The multiplications of every convolution of a step, forward and backward, are counted in its graph; the
matrix product is measured here and now. What a step takes beyond that is everything else: moving data, normalising,
Adam, starting operations.

  python -m benchmarks.floor --variants orig --batches 1 4
"""

import math
import statistics
import sys
import time

import tensorflow as tf

from benchmarks.peer_ours import PRECISIONS, random_batch
from pix2pix_tf import cli, config
from pix2pix_tf.tasks import Pix2Pix

SIDE = 4096  # of the square matrices
ROUNDS = 9


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__.splitlines()[0], "  python -m benchmarks.floor --variants orig gen5 --batches 1 4")
    parser.add_argument("--variants", nargs="+", default=["orig"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    options = parser.parse_args(argv)
    print(
        "| variant | batch | precision | matrix product, GFLOP/s | a step's convolutions, GFLOP | they would take, s |"
    )
    print("|---|---:|---|---:|---:|---:|")
    for variant in options.variants:
        work = training_flops(variant)
        for precision in options.precisions:
            speed = matrix_product(precision)
            for batch in options.batches:
                print(
                    f"| {variant} | {batch} | {precision} | {speed / 1e9:.0f} | {batch * work / 1e9:.0f} "
                    f"| {batch * work / speed:.3f} |",
                    flush=True,
                )


def matrix_product(precision: str) -> float:
    """Floating-point operations a second of a large matrix product."""
    dtype = tf.float32 if precision == "float32" else tf.as_dtype(precision)
    one, other = (tf.cast(tf.random.normal([SIDE, SIDE]), dtype) for _ in range(2))
    multiply = tf.function(lambda: tf.reduce_sum(one @ other))
    seconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        float(multiply())
        seconds.append(time.perf_counter() - start)
    return 2 * SIDE**3 / statistics.median(seconds[1:])


def training_flops(variant: str, size: int = 256) -> int:
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
