"""What a few scenes of a new glacier are worth: fine-tuning beside training from nothing, for equal numbers of steps.

Needs a data set prepared with --hold-out, and a run of speckle, zones or fronts trained on its split train, so without
that glacier; the trainings have its options. Of the glacier's scenes, some train (the fewer are among the more),
VALIDATION choose the epoch, or of a generator between weights and their average, and all others are scored: the same
scenes for all. A generator's images have the styles of scenes that it was trained on, as in `evaluate.py`; of a
segmenter the fronts are measured, beside those of the mean masks of the scenes that train: these know the place. The
same command again resumes.

  python -m pix2pix_tf.prepare folder --input caffe256 --output datasets/caffe256-si --split scene --hold-out SI
  python train.py --variant speckle --data datasets/caffe256-si --run runs/speckle-si --set data.condition=sensor
  python -m benchmarks.quality.fine_tuning --data datasets/caffe256-si --init runs/speckle-si --output runs/fine-tuning
  python -m benchmarks.quality.fine_tuning --data datasets/caffe256-si --init runs/zones-si --output runs/tuned-zones
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pix2pix_tf import config
from pix2pix_tf.config import Config
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.merging import Part, merged_dataset, write_dataset
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils import files

ROLES = ("zones", "sar", "fronts")
VALIDATION = 10  # scenes
EPOCHS = 4  # of a training
FRONTS = ("mean_distance_error_pixels", "missed", "macro_iou")  # of metrics.csv of a segmenter
REALISM = ("faithfulness_pooled", "spectrum", "kernel_distance", "kernel_error", "histogram_ocean")  # of a generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set whose split test is a glacier held out")
    parser.add_argument("--init", type=Path, required=True, help="a run trained on the split train of --data")
    parser.add_argument("--output", type=Path, required=True, help="folder for data sets, runs and the report")
    parser.add_argument("--scenes", type=int, nargs="+", default=[10, 20, 40], help="labelled scenes of the glacier")
    parser.add_argument("--images", type=int, default=1000, help="that each training sees (default: 1000)")
    parser.add_argument(
        "--segmenter", type=Path, default=Path("pretrained/zones"), help="finds the zones in generated images"
    )
    options = parser.parse_args()
    chosen = config.from_dict(files.read_json(options.init / "config.json")["config"])
    roles = tuple(role for role in ROLES if (options.data / "test" / role).is_dir())
    source = load_dataset(options.data, roles, ("train", "val", "test"))
    order = np.random.RandomState(0).permutation(sorted({scene_of(stem) for stem in source.stems["test"]})).tolist()
    if len(order) <= max(options.scenes) + VALIDATION:
        raise SystemExit(f"error: {len(order)} scenes of the split test leave none to test on.")
    runs = [options.init]
    for count in options.scenes:
        data = subset(source, order, count, max(options.scenes), options.output / f"data-{count}")
        for start, init in (("from nothing", None), ("fine-tuned", options.init)):
            run = options.output / f"{start.replace(' ', '-')}-{count}"
            train(data, run, chosen, options.images, init)
            runs.append(run)
    segmenter = options.segmenter if chosen.model.network == "speckle" else None
    scores = score(runs, options.output / f"data-{options.scenes[0]}", segmenter, options.output / "report")
    print(scores.to_string(float_format="{:.3f}".format))


def subset(source: Dataset, order: list[str], count: int, most: int, folder: Path) -> Path:
    """Write a data set of `count` training scenes of the glacier held out; `most` of them are never tested."""
    places = {"train": order[:count], "val": order[most : most + VALIDATION], "test": order[most + VALIDATION :]}
    parts = [
        Part(source, "test", tuple(stem for stem in source.stems["test"] if scene_of(stem) in scenes), split)
        for split, scenes in places.items()
    ]
    write_dataset(merged_dataset(folder, source.origin, parts, tuple(source.bits)), parts)
    return folder


def train(data: Path, run: Path, chosen: Config, images: int, init: Path | None) -> None:
    """Train, or resume a training, with the options of another but for its length."""
    steps = images // chosen.train.batch_size
    lengths = {"steps_per_epoch": steps // EPOCHS, "export_every": EPOCHS}
    lengths |= {"decay_epochs": EPOCHS // 2} if chosen.train.decay_epochs else {}
    lengths |= {"step_size_up": steps // 2} if chosen.train.max_learning_rate else {}
    run.parent.mkdir(parents=True, exist_ok=True)
    options = run.with_name(f"{run.name}.json")
    files.write_json(options, config.to_dict(chosen))
    command = ["train.py", "--config", options, "--data", data, "--run", run, "--epochs", EPOCHS]
    command += ["--init", init] if init else []
    for name, value in lengths.items():
        command += ["--set", f"train.{name}={value}"]
    execute(*command)


def score(runs: Sequence[Path], data: Path, segmenter: Path | None, report: Path) -> pd.DataFrame:
    """Evaluate the runs on the same scenes; return the rows of metrics.csv, of the last epochs, by run."""
    how = ["--segmenter", segmenter] if segmenter else ["--unit", "pixels", "--baseline"]
    execute("evaluate.py", *runs, "--data", data, "--split", "test", *how, "--output", report)
    table = pd.read_csv(report / "metrics.csv")
    if segmenter:
        return table.sort_values("epoch").groupby("run").last()[list(REALISM)]
    return table[table.grouped_by == "all"].set_index("network")[list(FRONTS)]


def execute(*words: object) -> None:
    subprocess.run([sys.executable, *map(str, words)], check=True)


if __name__ == "__main__":
    main()
