"""Do generated images help who has labelled a few scenes of a new glacier? Three trainings of `zones` at equal steps.

Needs a data set prepared with --hold-out, and runs of `zones` and `speckle` trained on its split train, so without that
glacier. Of the glacier's scenes some train, ten choose the epoch, and all others are scored, the same for all seeds.
Each seed draws other scenes to train, with which the generator is fine-tuned first. Then the segmenter is fine-tuned,
with its own augmentation, on

  real       the labelled scenes alone;
  generated  half of the patches these, half new: their masks with moved fronts, in images of the fine-tuned generator;
  painted    likewise, but in the new ones each zone has the greys of that zone in a labelled scene, and mottling.

So `painted` has the variety of fronts without the realism. The same command again resumes.

  python -m pix2pix_tf.prepare folder --input caffe256 --output datasets/caffe256-si --split scene --hold-out SI
  python -m benchmarks.quality.few_labels --data datasets/caffe256-si --zones runs/zones-si \\
    --generator runs/speckle-si --output runs/few-labels-si
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality.fine_tuning import ROLES, execute, score, subset, train
from pix2pix_tf import config
from pix2pix_tf.config import Config
from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.dataset import FILE, Dataset, save
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.merging import Part, merged_dataset, write_dataset
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.metrics.statistics import confidence_interval
from pix2pix_tf.prepare.simulation.landscape import fractal
from pix2pix_tf.utils import files

DRAWN_FROM = 40  # scenes of the glacier that are never tested: each seed trains on some of these
COPIES = 20  # new masks for each labelled scene
MOTTLING = 1.6  # power of the fractal noise of the painted zones, as that of simulated rock
ARMS = ("real", "generated", "painted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set whose split test is a glacier held out")
    parser.add_argument("--zones", type=Path, required=True, help="a run of zones on the split train of --data")
    parser.add_argument("--generator", type=Path, required=True, help="a run of speckle, likewise")
    parser.add_argument("--output", type=Path, required=True, help="folder for data sets, runs and reports")
    parser.add_argument("--scenes", type=int, default=10, help="labelled scenes of the glacier (default: 10)")
    parser.add_argument("--seeds", type=int, default=3, help="draws of scenes (default: 3)")
    parser.add_argument("--images", type=int, default=1600, help="that each segmenter sees (default: 1600)")
    parser.add_argument("--generator-images", type=int, default=480, help="that each generator sees (default: 480)")
    options = parser.parse_args()
    segmenter, generator = (
        config.from_dict(files.read_json(run / "config.json")["config"]) for run in (options.zones, options.generator)
    )
    source = load_dataset(options.data, ROLES, ("train", "val", "test"))
    order = np.random.RandomState(0).permutation(sorted({scene_of(stem) for stem in source.stems["test"]}))
    tables = []
    for seed in range(options.seeds):
        folder = options.output / f"{options.scenes}-scenes-seed{seed}"
        drawn = [*np.random.RandomState(seed).permutation(order[:DRAWN_FROM]), *order[DRAWN_FROM:]]
        real = subset(source, drawn, options.scenes, DRAWN_FROM, folder / "data")
        generated = generate(real, generator, options, folder, seed)
        added = {
            "real": [],
            "generated": [generated],
            "painted": [paint(generated, real, folder / "painted-images", seed)],
        }
        seeded = replace(segmenter, train=replace(segmenter.train, seed=seed))
        for kind in ARMS:
            data = mixed(real, added[kind], folder / f"data-{kind}")
            train(data, folder / kind, seeded, options.images, options.zones)
        score([folder / kind for kind in ARMS], real, None, folder / "report")
        tables.append(pd.read_csv(folder / "report" / "scenes.csv").assign(seed=seed))
    show(pd.concat(tables))


def generate(real: Path, chosen: Config, options: argparse.Namespace, folder: Path, seed: int) -> Path:
    """Fine-tune the generator on the labelled scenes; return images of it for their masks with moved fronts."""
    masks, images_folder = folder / "masks", folder / "generated-images"
    train(real, folder / "generator", chosen, options.generator_images, options.generator)
    if not (masks / FILE).exists():
        move = ["--from", real, "--count", COPIES * options.scenes, "--seed", seed]
        execute("-m", "pix2pix_tf.prepare", "masks", "--output", masks, *move)
    if not (images_folder / FILE).exists():
        execute(
            "-m", "pix2pix_tf.generate", "--model", folder / "generator", "--masks", masks, "--output", images_folder,
            "--seed", seed,
        )  # fmt: skip
    return images_folder


def paint(generated: Path, real: Path, folder: Path, seed: int) -> Path:
    """Paint the masks of generated images: in each zone, mottling with the greys of that zone in a labelled scene."""
    if (folder / FILE).exists():
        return folder
    new, labelled = load_dataset(generated, ROLES, ("train",)), load_dataset(real, ROLES, ("train",))
    rng = np.random.default_rng(seed)
    greys = [_greys(labelled, stem) for stem in labelled.stems["train"]]
    parts = [Part(new, "train", new.stems["train"], "train")]
    painted = replace(merged_dataset(folder, "simulated: painted zones", parts, ("zones", "fronts")), bits=new.bits)
    for stem in new.stems["train"]:
        zones = images.read_png(new.path("train", "zones", stem))
        image = np.zeros_like(zones)
        for zone in ZONE_VALUES:
            inside = zones == zone
            found = [by_zone[zone] for by_zone in greys if by_zone[zone].size]
            if inside.any() and found:
                image[inside] = _mottled(rng, inside, found[rng.integers(len(found))])
        images.write_png(painted.path("train", "sar", stem), image)
        for role in ("zones", "fronts"):
            images.write_png(painted.path("train", role, stem), images.read_png(new.path("train", role, stem)))
    save(painted)
    return folder


def _greys(labelled: Dataset, stem: str) -> dict[int, np.ndarray]:
    """Return the sorted greys of each zone of a scene, uint8 [pixels]."""
    sar, zones = (images.read_png(labelled.path("train", role, stem)) for role in ("sar", "zones"))
    return {zone: np.sort(sar[zones == zone]) for zone in ZONE_VALUES}


def _mottled(rng: np.random.Generator, inside: np.ndarray, greys: np.ndarray) -> np.ndarray:
    """Return the greys of the pixels `inside`, bool [N, N]: fractal noise with the histogram of sorted greys."""
    ranks = fractal(rng, len(inside), MOTTLING)[inside].argsort().argsort()
    return greys[(ranks * (len(greys) / len(ranks))).astype(int)]


def mixed(real: Path, added: list[Path], folder: Path) -> Path:
    """Write a data set of COPIES of the real scenes, so that half of all patches are real where new ones are added."""
    labelled = load_dataset(real, ROLES, ("train", "val"))
    parts = [Part(labelled, "train", labelled.stems["train"], "train", f"real{copy:02}-") for copy in range(COPIES)]
    parts.append(Part(labelled, "val", labelled.stems["val"], "val"))
    for new in (load_dataset(root, ROLES, ("train",)) for root in added):
        parts.append(Part(new, "train", new.stems["train"], "train"))
    origin = " and ".join(dict.fromkeys(part.source.origin for part in parts))
    write_dataset(merged_dataset(folder, origin, parts, ROLES), parts)
    return folder


def show(scenes: pd.DataFrame) -> None:
    """Print mean and interval over scenes (their mean over seeds), and the same of the change against `real`."""
    scenes = scenes.assign(
        kind=scenes["network"].str.partition("@")[0].str.replace("mean-training-mask-zones-", "mean mask, "),
        iou=scenes.filter(regex="^iou_").mean(axis=1),
    )
    for measure in ("mean_distance_pixels", "iou"):
        values = scenes.pivot_table(index="scene", columns="kind", values=measure, aggfunc="mean")
        by_seed = scenes.pivot_table(index="seed", columns="kind", values=measure, aggfunc="mean")
        print(f"{measure}, {len(values)} scenes, {len(by_seed)} seeds")
        for kind in values:
            change = (values[kind] - values["real"]).dropna()
            print(
                f"  {kind:<22} {_interval(values[kind].dropna())}   against real {_interval(change)}   "
                f"by seed {' '.join(f'{value:.3f}' for value in by_seed[kind])}"
            )
    missed = scenes.groupby(["kind", "seed"])["missed"].sum().groupby("kind").apply(list)
    print("missed fronts by seed:", ", ".join(f"{kind} {counts}" for kind, counts in missed.items()))


def _interval(values: pd.Series) -> str:
    mean, half = confidence_interval(values)
    return f"{mean:7.3f} ± {half or 0:.3f}"


if __name__ == "__main__":
    main()
