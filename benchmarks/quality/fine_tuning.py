"""What a few scenes of a new glacier are worth: fine-tuning beside training from nothing, for equal numbers of steps.

Needs a data set prepared with --hold-out, and a speckle model trained on its split train, so without that glacier. Of
the glacier's scenes, some train (the fewer are among the more), VALIDATION choose between weights and their average,
and all others are generated, each in the style of its real image as `evaluate.py` does, and scored: the same scenes for
all. The same command again resumes.

  python -m pix2pix_tf.prepare folder --input caffe256 --output datasets/caffe256-si --split scene --hold-out SI
  python train.py --variant speckle --data datasets/caffe256-si --run runs/speckle-si --set data.condition=sensor
  python -m benchmarks.quality.fine_tuning --data datasets/caffe256-si --init runs/speckle-si --output runs/fine-tuning
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pix2pix_tf.benefit.data import Part, merged_dataset, write_dataset
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import scene_of

ROLES = ("zones", "sar")
VALIDATION = 10  # scenes
EPOCHS, BATCH = 4, 2  # of a training; images a step, as in the variant
COLUMNS = ("faithfulness_pooled", "spectrum", "kernel_distance", "kernel_error", "histogram_ocean")  # of metrics.csv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set whose split test is a glacier held out")
    parser.add_argument("--init", type=Path, required=True, help="a speckle run trained on the split train of --data")
    parser.add_argument("--output", type=Path, required=True, help="folder for data sets, runs and the report")
    parser.add_argument("--scenes", type=int, nargs="+", default=[10, 20, 40], help="labelled scenes of the glacier")
    parser.add_argument("--images", type=int, default=1000, help="that each training sees (default: 1000)")
    parser.add_argument(
        "--segmenter", type=Path, default=Path("pretrained/zones"), help="finds the zones in generated images"
    )
    options = parser.parse_args()
    source = load_dataset(options.data, ROLES, ("train", "val", "test"))
    order = np.random.RandomState(0).permutation(sorted({scene_of(stem) for stem in source.stems["test"]})).tolist()
    if len(order) <= max(options.scenes) + VALIDATION:
        raise SystemExit(f"error: {len(order)} scenes of the split test leave none to test on.")
    runs = {"as it is": options.init}
    for count in options.scenes:
        data = subset(source, order, count, max(options.scenes), options.output / f"data-{count}")
        for start, init in (("from nothing", None), ("fine-tuned", options.init)):
            run = options.output / f"{start.replace(' ', '-')}-{count}"
            train(data, run, options.images, init)
            runs[f"{start}, {count} scenes"] = run
    show(score(runs, options.output / f"data-{options.scenes[0]}", options.segmenter, options.output / "report"), runs)


def subset(source: Dataset, order: list[str], count: int, most: int, folder: Path) -> Path:
    """Write a data set of `count` training scenes of the glacier held out; `most` of them are never tested."""
    places = {"train": order[:count], "val": order[most : most + VALIDATION], "test": order[most + VALIDATION :]}
    parts = [
        Part(source, "test", tuple(stem for stem in source.stems["test"] if scene_of(stem) in scenes), split)
        for split, scenes in places.items()
    ]
    write_dataset(merged_dataset(folder, source.origin, parts, ROLES), parts)
    return folder


def train(data: Path, run: Path, images: int, init: Path | None) -> None:
    """Train, or resume a training, with the options of the variant but for its length."""
    lengths = {"steps_per_epoch": images // BATCH // EPOCHS, "decay_epochs": EPOCHS // 2, "export_every": EPOCHS}
    command = ["train.py", "--variant", "speckle", "--data", data, "--run", run, "--epochs", EPOCHS]
    command += ["--init", init] if init else []
    command += ["--set", "data.condition=sensor"]
    for name, value in lengths.items():
        command += ["--set", f"train.{name}={value}"]
    execute(*command)


def score(runs: dict[str, Path], data: Path, segmenter: Path, report: Path) -> pd.DataFrame:
    """Evaluate the runs on the same scenes; return the rows of metrics.csv of their last epochs, by name."""
    execute(
        "evaluate.py", *runs.values(), "--data", data, "--split", "test", "--segmenter", segmenter, "--output", report
    )
    return pd.read_csv(report / "metrics.csv").sort_values("epoch").groupby("run").last()


def show(scores: pd.DataFrame, runs: dict[str, Path]) -> None:
    """Print the figures of `COLUMNS`, a row for each run. The report has those of real images beside them."""
    print("".join(f"{name:>22}" for name in ("", *COLUMNS)))
    for name, run in runs.items():
        print(f"{name:>22}" + "".join(f"{scores.loc[run.name, column]:22.3f}" for column in COLUMNS), flush=True)


def execute(*words: object) -> None:
    subprocess.run([sys.executable, *map(str, words)], check=True)


if __name__ == "__main__":
    main()
