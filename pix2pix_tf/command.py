"""The command `pix2pix-tf`, one program: train, evaluate, prepare, generate, fronts, benefit, share, serve."""

from collections.abc import Callable

from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import did_you_mean

EXAMPLES = """\
  pix2pix-tf train --variant gen5
  pix2pix-tf evaluate runs/gen5
  pix2pix-tf generate --model runs/gen5 --masks datasets/simulated --split val --any-split --output generated/gen5
  pix2pix-tf fronts my_scenes --model runs/zones --output fronts/mine
  pix2pix-tf serve run --model runs/gen5 --open
  pix2pix-tf prepare folder --help"""


# Each function imports its command when it is called, as some imports take a second.


def train(argv: list[str]) -> None:
    """Train a variant."""
    from pix2pix_tf.training import command

    command.main(argv)


def evaluate(argv: list[str]) -> None:
    """Evaluate runs and write a report."""
    from pix2pix_tf.evaluation import command

    command.main(argv)


def prepare(argv: list[str]) -> None:
    """Prepare data sets: simulated, your own scenes, CaFFe, MultiEarth, synthetic masks."""
    from pix2pix_tf.prepare import command

    command.main(argv)


def generate(argv: list[str]) -> None:
    """Generate images from masks."""
    from pix2pix_tf.generate import command

    command.main(argv)


def fronts(argv: list[str]) -> None:
    """Find calving fronts in SAR scenes."""
    from pix2pix_tf.fronts import command

    command.main(argv)


def benefit(argv: list[str]) -> None:
    """Measure the benefit of synthetic images for segmentation."""
    from pix2pix_tf.benefit import command

    command.main(argv)


def share(argv: list[str]) -> None:
    """Make a trained model a folder to share, with a card."""
    from pix2pix_tf.share import command

    command.main(argv)


def serve(argv: list[str]) -> None:
    """Serve exports, query servers, configure TensorFlow Serving."""
    from pix2pix_tf.serving import command

    command.main(argv)


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "train": train,
    "evaluate": evaluate,
    "prepare": prepare,
    "generate": generate,
    "fronts": fronts,
    "benefit": benefit,
    "share": share,
    "serve": serve,
}


def main(argv: list[str]) -> None:
    """Run the subcommand that the first argument names."""
    name, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in COMMANDS:
        COMMANDS[name](rest)
        return
    if not name.startswith("-"):
        raise did_you_mean("command", name, COMMANDS)
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {command:{width}}  {function.__doc__}" for command, function in COMMANDS.items())
    parser = cli.parser(
        f"Image translation for SAR images of glaciers with pix2pix.\n\ncommands, each with its own --help:\n{listing}",
        EXAMPLES,
        cli.AS_MODULE if cli.program() == cli.AS_MODULE else cli.INSTALLED,
    )
    parser.usage = f"{parser.prog} COMMAND ..."
    parser.parse_args([name])


def console() -> int:
    """Run `pix2pix-tf` with the arguments of the process and return its exit code."""
    return cli.run(main)
