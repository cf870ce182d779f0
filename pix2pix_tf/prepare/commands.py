"""What the commands have in common: how they begin and what they say at the end."""

import argparse
import shlex
from pathlib import Path

from pix2pix_tf import cli
from pix2pix_tf.errors import UserError


def command(commands, name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Adds a subcommand with the manners of `cli.parser`.

    Args:
      commands: what `add_subparsers` gave.
      name: what the user types.
      description: its first line stands in the list of commands, all of it in the command's own help.
      example: one or more command lines.
    """
    new = commands.add_parser(
        name,
        help=description.splitlines()[0],
        description=description,
        epilog=f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_debug(new)
    return new


def next_command(variant: str, data: Path) -> str:
    """What to type next, to copy and paste."""
    return f"next: python train.py --variant {variant} --data {shlex.quote(str(data))}"


def percentiles(words: list[str]) -> tuple[float, float] | None:
    """What --cut says: two percentiles, or None for "none".

    Raises:
      UserError: it says something else.
    """
    if words == ["none"]:
        return None
    try:
        low, high = map(float, words)
    except ValueError:
        raise UserError(f"--cut {' '.join(words)}: give two percentiles, such as --cut 2 98, or --cut none.") from None
    return low, high
