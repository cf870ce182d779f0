"""Cost of an export: time to write it, size, and time to score its images on one core and on all.

Networks are not trained, the data set is simulated. Scoring computes Dice, SSIM, PSNR and the rest of each image, as
evaluate.py does; painting is not in it. Times are medians.
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pix2pix_tf import config, prepare
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.training import precision, snapshots
from pix2pix_tf.training.tasks import make_task
from pix2pix_tf.utils import cli, files

EXAMPLES = """\
  python -m benchmarks.speed.exports
  python -m benchmarks.speed.exports --variants orig gen5 spade zones --rounds 5"""

SIZE = 256  # pixels a side
IMAGES = 64  # scored in a turn


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--variants", nargs="+", default=["orig", "gen5", "zones"])
    parser.add_argument("--rounds", type=int, default=3, help="turns (default: 3)")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        prepare.simulate(Path(name) / "data", scenes=4, size=SIZE, val=0.5)
        print("| variant | precision | writing an export, s | MB |\n|---|---|---:|---:|")
        for variant in options.variants:
            figures[variant] = write(variant, Path(name), options.rounds)
            print("| {} | {} | {:.1f} | {:.0f} |".format(variant, *figures[variant].values()), flush=True)
    figures["scoring"] = scoring(options.rounds)
    for workers, pace in figures["scoring"].items():
        print(f"scoring on {workers} core(s): {pace:.1f} images/s of {SIZE} x {SIZE}")
    if options.output:
        files.write_json(options.output, figures)


def write(variant: str, folder: Path, rounds: int) -> dict:
    """Write the export of an untrained network again and again, all checks included."""
    chosen = config.make_config(variant)
    dataset = load_dataset(folder / "data", chosen.data.inputs + chosen.data.targets)
    dtype_policy, _ = precision.choose("auto", chosen.model.width)
    task = make_task(chosen, SIZE, dataset.bits, dtype_policy)
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        snapshots.export_epoch(folder / variant, task, dataset, variant, number + 1, dataset.stems["val"][0])
        times.append(time.perf_counter() - start)
    size = sum(path.stat().st_size for path in (folder / variant / "1").rglob("*") if path.is_file())
    return {"precision": dtype_policy, "seconds": statistics.median(times), "megabytes": size / 1e6}


def scoring(rounds: int) -> dict[int, float]:
    """Images/s by the number of cores that score; they take turns."""
    random = np.random.default_rng(0)
    pairs = [random.random((2, SIZE, SIZE, 1), np.float32) for _ in range(IMAGES)]
    paces: dict[int, list[float]] = {workers: [] for workers in sorted({1, os.cpu_count() or 1})}
    for _ in range(rounds):
        for workers, mine in paces.items():
            with ThreadPoolExecutor(workers) as pool:
                start = time.perf_counter()
                list(pool.map(scores, pairs))
                mine.append(IMAGES / (time.perf_counter() - start))
    return {workers: statistics.median(mine) for workers, mine in paces.items()}


def scores(pair: np.ndarray) -> list[float]:
    return [measure(*pair) for measure in image_metrics.MEASURES.values()]


if __name__ == "__main__":
    sys.exit(cli.run(main))
