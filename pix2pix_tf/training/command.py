"""Train a variant. The same command again resumes an interrupted training."""

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf import config
from pix2pix_tf.config import Config
from pix2pix_tf.utils import cli, files, parallel
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.data.dataset import Dataset

EXAMPLES = """\
  python train.py --variant gen5                                    # simulated data, created if missing
  python train.py --variant orig --data datasets/caffe --epochs 50
  python train.py --variant zones --data datasets/caffe             # the calving-front baseline
  python train.py --variant gen5 --run runs/small --set train.batch_size=4 --set model.generator_width=32
  python train.py --variant gen5 --set train.batch_size=8           # all GPUs of the machine share a batch of 8
  python train.py --variant speckle --data datasets/mine --init pretrained/glacier --run runs/tuned --epochs 10
  python train.py --config runs/gen5/config.json --run runs/again --set train.seed=1
  python train.py --variant gen5 --dry-run                          # describe the training, write nothing"""

DEFAULT_DATA = Path("datasets/simulated")
OPTICAL_DATA = Path("datasets/simulated-optical")  # for variants that need one of the roles below
OPTICAL_ROLES = {"optical", "sar_vv", "sar_vh"}


def main(argv: list[str]) -> None:
    """Read the arguments, open the data set, train."""
    options = read_options(argv)
    overrides = options.set + ([f"train.epochs={options.epochs}"] if options.epochs else [])
    chosen = config.make_config(options.variant, overrides, options.config)
    run = options.run or Path("runs") / chosen.variant
    if options.init is not None:
        check_init(run, options.init)
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the JSON of --dry-run
        dataset = open_data(options.data, chosen, options.dry_run)
    if options.dry_run:
        print(json.dumps(describe(chosen, dataset), indent=2))
        return

    from pix2pix_tf.training import trainer  # imports TensorFlow: seconds, after all checks

    trainer.train(chosen, dataset, run, options.init)


def read_options(argv: list[str]) -> argparse.Namespace:
    """Read the arguments.

    Raises:
      UserError: neither --variant nor --config is given.
    """
    notes = "options for --set and --config, with their defaults and allowed values (sources in config.py):\n\n"
    parser = cli.parser(__doc__ or "", EXAMPLES, "python train.py", notes + "\n".join(config.option_lines()))
    parser.add_argument("--variant", help=f"one of {', '.join(config.VARIANTS)} (default: that of --config)")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a run's config.json, or options in JSON or YAML; --set overrides it",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set (default: a simulated one)")
    parser.add_argument("--run", type=Path, metavar="DIR", help="folder of this training (default: runs/<variant>)")
    parser.add_argument(
        "--init",
        type=Path,
        metavar="PATH",
        help="begin with the weights of a run or of an export that fit by name and shape (fine-tuning)",
    )
    parser.add_argument("--epochs", metavar="N", help="short for --set train.epochs=N")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set an option, listed below")
    parser.add_argument(
        "--dry-run", action="store_true", help="print configuration, parameters and patches as JSON; write nothing"
    )
    options = parser.parse_args(argv)
    if not options.variant and not options.config:
        raise UserError(f"--variant is missing: one of {', '.join(config.VARIANTS)}. --config FILE may name it too.")
    return options


def check_init(run: Path, init: Path) -> None:
    """Raise UserError where a new run could not begin with the weights of --init; a run that resumes has its own."""
    from pix2pix_tf.training import run_folder

    if not (run / run_folder.RECORD).exists():
        run_folder.find_weights(init)


def open_data(path: Path | None, chosen: Config, dry_run: bool = False) -> "Dataset":
    """Open the data set of a training; without a path a simulated one, which is created if it is missing.

    Args:
      path: the data set's folder, or None.
      chosen: names the roles and the largest cloud fraction.
      dry_run: write nothing; a simulated data set that is missing is described only.

    Raises:
      UserError: the folder is missing, not a data set or damaged.
    """
    from pix2pix_tf import prepare  # these import SciPy: a second, which --help does not wait for
    from pix2pix_tf.data.cloud_filter import without_clouds
    from pix2pix_tf.data.loading import load_dataset

    roles = tuple(dict.fromkeys(chosen.data.inputs + chosen.data.targets))
    if path is None:
        optical = bool(OPTICAL_ROLES & set(roles))
        path = OPTICAL_DATA if optical else DEFAULT_DATA
        if not (path / "dataset.json").exists():
            if dry_run:
                print(f"There is no {path} yet: a training simulates it first. Its defaults are described here.")
                return prepare.preview(path, optical)
            _simulate(path, optical)
    check_prepared(path)
    return without_clouds(load_dataset(path, roles, remember=not dry_run), chosen.data.max_cloud)


def check_prepared(path: Path) -> None:
    """Refuse a folder of raw scenes, which has role folders in place of splits.

    Raises:
      UserError: with the command that prepares it.
    """
    from pix2pix_tf.data.classes import CHANNELS
    from pix2pix_tf.data.dataset import SPLITS

    raw = sorted(role for role in CHANNELS if (path / role).is_dir())
    if raw and not any((path / split).is_dir() for split in SPLITS):
        raise UserError(
            f"{path} holds whole scenes ({'/, '.join(raw)}/), not a data set. Cut them into one first: "
            f"python -m pix2pix_tf.prepare folder --input {path} --output datasets/{path.resolve().name}-patches"
        )


def describe(chosen: Config, dataset: "Dataset") -> dict:
    """Return what a training would use, for --dry-run: configuration, parameters of each network, patches."""
    from pix2pix_tf.data import conditions, styles  # these import TensorFlow
    from pix2pix_tf.training import precision, trainer

    policy, _ = precision.choose(chosen.train.precision, chosen.model.width)
    bank = styles.blank_bank(conditions.vocabulary(dataset, chosen.data.condition))  # the patches may not exist yet
    task = trainer.build_task(chosen, dataset, policy, bank)
    return {
        "variant": chosen.variant,
        "config": config.to_dict(chosen),
        "parameters": {name: m.count_params() for name, m in task.modules().items() if hasattr(m, "count_params")},
        "patches": {split: len(stems) for split, stems in dataset.stems.items()},
    }


def _simulate(path: Path, optical: bool) -> None:
    from pix2pix_tf import prepare

    if os.environ.get("TF_CONFIG"):
        raise UserError(
            f"There is no {path} yet, and the workers of TF_CONFIG would all create it at once. Create it first: "
            f"python -m pix2pix_tf.prepare simulate --output {path}{' --optical' if optical else ''}"
        )
    print(f"There is no {path} yet: simulating it (--data names another data set).")
    with files.lock(path):  # on all cores, as the training waits for it
        prepare.simulate(path, optical=optical, workers=parallel.cores())
