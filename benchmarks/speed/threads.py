"""Speed and bytes by TensorFlow's threads: python -m benchmarks.speed.threads --model runs/gen5/export/gen5

For each number a process of its own paints the same few patches, and prints the median time of one and a digest of the
pixels' floats. Where digests differ, bytes depend on the threads: that is why `generate` fixes them.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pix2pix_tf.export import inference
from pix2pix_tf.prepare.simulation.sar import simulate_scene

PATCHES = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="an export")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2, 3, 4), help="(default: 1 2 3 4)")
    options = parser.parse_args()
    if len(options.threads) == 1:
        paint(options.model, *options.threads)
        return
    for threads in options.threads:
        words = ["--model", str(options.model), "--threads", str(threads)]
        subprocess.run([sys.executable, "-m", "benchmarks.speed.threads", *words], check=True)


def paint(folder: Path, threads: int) -> None:
    inference.THREADS = threads
    model = inference.load(folder)
    digest, times = hashlib.sha256(), []
    for number in range(PATCHES):
        zones = simulate_scene(number, model.size).zones[..., None]
        start = time.perf_counter()
        digest.update(inference.generate_tile(model, "", zones, number).tobytes())
        times.append(time.perf_counter() - start)
    print(f"{threads} threads: {1e3 * statistics.median(times):.0f} ms a patch, {digest.hexdigest()[:12]}")


if __name__ == "__main__":
    main()
