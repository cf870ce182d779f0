"""Growth of memory, and equality of two runs: tiny networks, real commands and processes.

Memory: resident, of the process that does the work, sampled all the time; its median in the third tenth of the way is
set against that in the last tenth. Reproducibility: two trainings from one seed, byte for byte; and one export, painted
from by this Python and by another one (--other), such as that of the other TensorFlow generation.
"""

import hashlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.speed.serving import Server, ask_for, make_export, zones_png
from pix2pix_tf import config, prepare
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.utils import cli, files

EXAMPLES = """\
  python -m tests.robustness.steadiness
  python -m tests.robustness.steadiness --only requests --count 10000
  python -m tests.robustness.steadiness --only generations --model runs/gen5/export/gen5 --size 256"""

SIZE = 32  # pixels a side
TINY = ["model.depth=5", "model.generator_width=4", "model.discriminator_width=4", "train.batch_size=2"]
TINY += ["train.precision=float32", "train.deterministic=true"]
BATCH = 16  # images painted at a time
MASKS = 16  # painted by both generations
PARTS = ("steps", "images", "requests", "runs", "generations")
PAINT = """
import pathlib, sys
import numpy as np
from pix2pix_tf import export
masks = np.load(sys.argv[2])
np.save(sys.argv[3], export.load(pathlib.Path(sys.argv[1])).generate(masks, np.arange(len(masks))))
"""


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--count", type=int, help="of steps, images or requests (default: 2000, 10000 and 10000)")
    parser.add_argument("--model", type=Path, help="an export of masks for both generations (default: a tiny one)")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels a side of the masks for it (default: 32)")
    parser.add_argument("--other", type=Path, default=Path(".venv-current/bin/python"), help="the other Python")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare.simulate(folder / "data", scenes=12, size=SIZE, val=0.25)
        if {"images", "requests", "generations"} & set(options.only):
            in_a_process(make_export, folder / "bench" / "1", SIZE, TINY)
        for part in cli.progress(options.only, len(options.only), "parts"):
            figures[part] = _DO[part](folder, options)
            print(f"{part}: {figures[part]['said']}", flush=True)
    if options.output:
        files.write_json(options.output, figures)


def in_a_process(function: Callable, *arguments) -> None:
    """So that this process stays without TensorFlow, and each measures its own memory."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__} ended with code {process.exitcode}")


# ---- Memory ---------------------------------------------------------------------------------------------------------


def steps(folder: Path, options) -> dict:
    """A training, without the export at its end."""
    count = options.count or 2000
    in_a_process(train, folder / "data", folder / "steps", 4, count // 4, folder / "steps.json")
    return flat(files.read_json(folder / "steps.json")["mib"], f"{count:,} training steps")


def painted(folder: Path, options) -> dict:
    """The SavedModel, called again and again."""
    count = options.count or 10_000
    in_a_process(paint_many, folder / "bench", count, folder / "images.json")
    return flat(files.read_json(folder / "images.json")["mib"], f"{count:,} generated images")


def requests(folder: Path, options) -> dict:
    """The local server, asked by four clients."""
    count, done, mib, server = options.count or 10_000, 0, [], Server(folder / "bench")
    try:
        while done < count:
            asked = ask_for(server.port, [zones_png(seed, SIZE) for seed in range(4)], 4, 1.0)
            if asked.failed:
                raise RuntimeError(f"Requests failed: {asked.failed}")
            done += len(asked.seconds)
            mib.append(server.mib())
    finally:
        server.close()
    return flat(mib, f"{done:,} requests")


def flat(mib: list[float], what: str) -> dict:
    """Return the growth of memory over a series of samples, from the third tenth to the last."""
    tenth = max(1, len(mib) // 10)
    early, late = statistics.median(mib[2 * tenth : 3 * tenth]), statistics.median(mib[-tenth:])
    growth = late / early - 1
    said = f"{early:.1f} MiB after a fifth of {what}, {late:.1f} at the end: {growth:+.2%} (wanted: under 1 %)"
    return {"early_mib": early, "late_mib": late, "growth": growth, "said": said}


def train(data: Path, run: Path, epochs: int, epoch_steps: int, result: Path) -> None:
    """Train, and note the memory until the export begins."""
    from pix2pix_tf.training import trainer

    mib, ended = [], threading.Event()

    def sample() -> None:
        while not ended.wait(0.1) and not (run / "export").exists():
            if (run / "log.jsonl").exists():  # the first epoch traces and allocates
                mib.append(own_mib())

    threading.Thread(target=sample, daemon=True).start()
    schedule = [f"train.epochs={epochs}", f"train.steps_per_epoch={epoch_steps}", "train.export_every=1000"]
    trainer.train(config.make_config("orig", [*TINY, *schedule]), load_dataset(data, ("zones", "sar")), run)
    ended.set()
    files.write_json(result, {"mib": mib})


def paint_many(base: Path, count: int, result: Path) -> None:
    """Paint, and note the memory after each batch."""
    from pix2pix_tf.export import saved_model

    model, mib, masks = saved_model.load(base), [], _masks(BATCH, SIZE)
    for start in range(0, count, BATCH):
        model.generate(masks, np.arange(start, start + BATCH))
        mib.append(own_mib())
    files.write_json(result, {"mib": mib})


def own_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


# ---- The same again -------------------------------------------------------------------------------------------------


def runs(folder: Path, _) -> dict:
    """Two trainings from one seed: the bytes of the weights, and of the images painted with them."""
    found = []
    for name in ("one", "two"):
        in_a_process(train, folder / "data", folder / name, 2, 20, folder / f"{name}.json")
        version = folder / name / "export" / "orig" / "2"
        painted_ = paint_with(Path(sys.executable), version, _masks(MASKS, SIZE), folder)
        in_a_process(hash_weights, version, folder / "weights.json")
        found.append([files.read_json(folder / "weights.json"), painted_.tobytes()])
    alike = [one == two for one, two in zip(*found, strict=True)]
    words = ["the same bytes" if same else "DIFFERENT bytes" for same in alike]
    return {"weights": alike[0], "images": alike[1], "said": f"two runs: weights {words[0]}, images {words[1]}"}


def hash_weights(version: Path, result: Path) -> None:
    """Note the SHA-256 of every variable's bytes, by its name in the export."""
    import tensorflow as tf

    stored = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    names = [name for name in stored.get_variable_to_shape_map() if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    files.write_json(result, {name: hashlib.sha256(stored.get_tensor(name).tobytes()).hexdigest() for name in names})


def generations(folder: Path, options) -> dict:
    """One export, painted from by two Pythons."""
    masks = _masks(MASKS, options.size)
    pythons = (Path(sys.executable), options.other)
    ours, theirs = (paint_with(python, options.model or folder / "bench", masks, folder) for python in pythons)
    grey = [images.to_pixels(one).astype(int) for one in (ours, theirs)]
    off = np.abs(grey[0] - grey[1])
    said = (
        f"largest difference {np.abs(ours - theirs).max():.2g} on [-1, 1]; of the grey values {(off > 0).mean():.3%} "
    )
    said += f"differ, by at most {off.max()} of 255"
    return {"largest": float(np.abs(ours - theirs).max()), "grey_share": float((off > 0).mean()), "said": said}


def paint_with(python: Path, model: Path, masks: np.ndarray, folder: Path) -> np.ndarray:
    """Images by a Python of its own, from the masks and the seeds 0, 1, 2 ..."""
    np.save(folder / "masks.npy", masks)
    files_ = [str(model), str(folder / "masks.npy"), str(folder / "painted.npy")]
    subprocess.run([str(python), "-c", PAINT, *files_], check=True)
    return np.load(folder / "painted.npy")


def _masks(count: int, size: int) -> np.ndarray:
    """uint8 [N, H, W, 1]: simulated zones."""
    with tempfile.TemporaryDirectory() as name:
        path, found = Path(name) / "x.png", []
        for seed in range(count):
            path.write_bytes(zones_png(seed, size))
            found.append(images.read_png(path)[..., np.newaxis])
    return np.stack(found)


_DO = {"steps": steps, "images": painted, "requests": requests, "runs": runs, "generations": generations}

if __name__ == "__main__":
    sys.exit(cli.run(main))
