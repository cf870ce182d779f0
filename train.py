"""Trains a variant: python train.py --variant gen5. The same command again goes on where it stopped."""

import contextlib
import json
import os
import sys
from pathlib import Path

from pix2pix_tf import config
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

EXAMPLES = """\
  python train.py --variant gen5                                    # simulated data, made when missing
  python train.py --variant orig --data datasets/caffe --epochs 50
  python train.py --variant zones --data datasets/caffe             # the calving-front baseline
  python train.py --variant gen5 --run runs/small --set train.batch_size=4 --set model.generator_width=32
  python train.py --variant gen5 --set train.batch_size=8           # all GPUs of the machine, 8 images together
  python train.py --variant gen5 --dry-run                          # print what would be trained"""

DEFAULT_DATA = Path("datasets/simulated")
OPTICAL_DATA = Path("datasets/simulated-optical")  # the same for variants that need the roles below
OPTICAL_ROLES = {"optical", "sar_vv", "sar_vh"}


def main(argv: list[str]) -> None:
    """Reads the arguments, prepares data and configuration, trains."""
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--variant", required=True, help=f"one of {', '.join(config.VARIANTS)}")
    parser.add_argument("--data", type=Path, help="a data set (default: a simulated one, made when missing)")
    parser.add_argument("--run", type=Path, help="folder of this training (default: runs/<variant>)")
    parser.add_argument("--epochs", help="short for --set train.epochs=N")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of config.py")
    parser.add_argument("--dry-run", action="store_true", help="print configuration, parameters, patches as JSON; stop")
    options = parser.parse_args(argv)
    overrides = options.set + ([f"train.epochs={options.epochs}"] if options.epochs else [])
    chosen = config.make_config(options.variant, overrides)

    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the JSON of --dry-run
        dataset = _open_data(options.data, chosen)
    from pix2pix_tf.training import precision, trainer  # TensorFlow: after the checks, as it takes seconds

    if options.dry_run:
        task = trainer.build_task(chosen, dataset, precision.choose(chosen.train.precision, chosen.model.width)[0])
        counts = {name: m.count_params() for name, m in task.modules().items() if hasattr(m, "count_params")}
        patches = {split: len(stems) for split, stems in dataset.stems.items()}
        described = {"variant": chosen.variant, "config": config.to_dict(chosen), "parameters": counts}
        print(json.dumps(described | {"patches": patches}, indent=2))
        return
    trainer.train(chosen, dataset, options.run or Path("runs") / chosen.variant)


def _open_data(path: Path | None, chosen: config.Config):
    from pix2pix_tf.data.cloud_filter import without_clouds
    from pix2pix_tf.data.loading import load_dataset

    roles = tuple(dict.fromkeys(chosen.data.inputs + chosen.data.targets))
    if path is None:
        optical = bool(OPTICAL_ROLES & set(roles))
        path = OPTICAL_DATA if optical else DEFAULT_DATA
        if not (path / "dataset.json").exists():
            if os.environ.get("TF_CONFIG"):
                raise UserError(
                    f"There is no {path} yet, and the workers of TF_CONFIG would all make it at once. Make it first: "
                    f"python -m pix2pix_tf.prepare simulate --output {path}{' --optical' if optical else ''}"
                )
            from pix2pix_tf import prepare
            from pix2pix_tf.utils.parallel import cores

            print(f"There is no {path} yet: simulating it (--data names another data set).")
            with files.lock(path):  # on all cores, as somebody waits for the training to begin
                prepare.simulate(path, optical=optical, workers=cores())
    return without_clouds(load_dataset(path, roles), chosen.data.max_cloud)


if __name__ == "__main__":
    sys.exit(cli.run(main))
