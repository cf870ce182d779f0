"""Define the command `merge`, which adds the training patches of other data sets to a data set."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.dataset import SPLITS, Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.merging import Part, merged_dataset, write_dataset
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.commands import Commands, command
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError


def add_merge(commands: Commands) -> None:
    """Add the command to a parser."""
    new = command(
        commands,
        "merge",
        "add the training patches of other data sets, such as simulated or generated ones, to a data set\n\n"
        "The first data set keeps its splits, so that val and test stay what they were; of the others only train is\n"
        "taken. Roles that all of them have are kept. Files are hard links where the disk allows them.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare merge --input datasets/mine datasets/simulated --output datasets/mixed\n"
        "  python -m pix2pix_tf.prepare merge --input datasets/few datasets/simulated --repeat 10 "
        "--output datasets/mixed",
    )
    new.add_argument(
        "--input", nargs="+", type=Path, required=True, metavar="DIR", help="data sets, the main one first"
    )
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the new data set's folder")
    new.add_argument(
        "--repeat",
        type=int,
        default=1,
        metavar="N",
        help="take the training patches of the first data set N times, so that a few of them are not lost among many "
        "others (default: 1)",
    )
    new.set_defaults(run=run_merge)


def run_merge(arguments: argparse.Namespace) -> None:
    """Merge the data sets."""
    merge(arguments.input, arguments.output, arguments.repeat)


def merge(roots: Sequence[Path], output: Path, repeat: int = 1) -> None:
    """Write a data set that has the patches of several, or resume an interrupted one.

    Args:
      roots: data sets. Of the first all splits, of the others the training patches.
      output: the new data set's folder.
      repeat: how often the training patches of the first are taken.

    Raises:
      UserError: there are fewer than two data sets, they have no role in common, or they differ in size or depth.
    """
    cli.check_positive("--repeat", repeat)
    if len(roots) < 2:
        raise UserError("merge takes two data sets or more as --input.")
    sources, roles = _open(roots)
    files_ = [(f"{number}/{split}/{role}/{stem}", one.path(split, role, stem))
              for number, one in enumerate(sources) for split in one.stems for stem in one.stems[split]
              for role in roles]  # fmt: skip
    record = {"command": "merge", "inputs": validation.fingerprint(files_), "repeat": repeat}
    if dataset_writer.is_finished(output, record):
        return
    dataset_writer.begin(output, record)
    first, *others = sources
    copies = [f"copy{number:03}-" for number in range(2, repeat + 1)]
    parts = [Part(first, split, first.stems[split], split) for split in first.stems]
    parts += [Part(first, "train", first.stems["train"], "train", prefix) for prefix in copies]
    parts += [Part(one, "train", one.stems["train"], "train", f"{number}-{one.name}-")
              for number, one in enumerate(others, 2)]  # fmt: skip
    origin = " and ".join(dict.fromkeys(one.origin for one in sources))
    write_dataset(merged_dataset(output, origin, parts, roles), parts)
    trained = {one.name: len(one.stems["train"]) * (repeat if one is first else 1) for one in sources}
    listed = ", ".join(f"{count} of {name}" for name, count in trained.items())
    print(f"{output}: training patches {listed}; roles {', '.join(roles)}")


def _open(roots: Sequence[Path]) -> tuple[list[Dataset], tuple[str, ...]]:
    """Load the data sets with their common roles; return these as well."""
    for root in roots:
        if not root.is_dir():
            raise UserError(
                f"There is no data set {root}. Check --input, or make it: python -m pix2pix_tf.prepare --help"
            )
    common = set.intersection(*({role for role in CHANNELS if (root / "train" / role).is_dir()} for root in roots))
    if not common:
        raise UserError(f"The data sets {', '.join(map(str, roots))} have no role in common. Choose others.")
    roles, splits = tuple(sorted(common)), [split for split in SPLITS if (roots[0] / split).is_dir()]
    sources = [load_dataset(roots[0], roles, splits, option="--input")]
    sources += [load_dataset(root, roles, ("train",), option="--input") for root in roots[1:]]
    for one in sources:
        if one.pairs:
            raise UserError(f"{one.root} has several targets for one input, which merge does not take.")
        if one.size != sources[0].size:
            raise UserError(
                f"{one.root} has patches of {one.size} pixels, and {sources[0].root} of {sources[0].size}. Prepare it "
                f"again with --size {sources[0].size}."
            )
        if different := [role for role in roles if one.bits[role] != sources[0].bits[role]]:
            depths = f"{one.bits[different[0]]} and {sources[0].bits[different[0]]} bit"
            both = f"{', '.join(different)} of {one.root} and of {sources[0].root}"
            raise UserError(f"{both} have {depths}. Prepare them with the same --cut.")
    return sources, roles
