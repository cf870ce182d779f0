"""What the commands have in common: how they begin and what they say at the end."""

import shlex
from pathlib import Path

from pix2pix_tf.prepare.stretch import Cut
from pix2pix_tf.utils.cli import Commands, as_typed, command
from pix2pix_tf.utils.errors import UserError

__all__ = ["Commands", "command", "next_command", "percentiles"]


def next_command(variant: str, data: Path) -> str:
    """What to type next, to copy and paste.

    Args:
      variant: that suits the data.
      data: the folder of a data set.
    """
    return f"next: {as_typed('python train.py')} --variant {variant} --data {shlex.quote(str(data))}"


def percentiles(words: list[str]) -> Cut | None:
    """What --cut says: two percentiles, or None for "none".

    Args:
      words: as the user wrote them.

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
