"""Parts that several commands share."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pix2pix_tf.prepare.stretch import Cut, Limits
from pix2pix_tf.utils.cli import Commands, as_typed, command
from pix2pix_tf.utils.errors import UserError

__all__ = ["Commands", "command", "limits", "next_command", "percentiles"]

MIN_DEPTH, DEPTH = 5, 8  # the lowest and the default model.depth


def next_command(variant: str, data: Path, size: int) -> str:
    """Return the command line to run next, to copy and paste.

    Args:
      variant: one that suits the data.
      data: the folder of a data set.
      size: of its patches, pixels. Those of pix2pix that are below 256 need a network of less depth.
    """
    halvings = (size & -size).bit_length() - 1
    shallower = variant != "zones" and MIN_DEPTH <= halvings < DEPTH
    depth = f" --set model.depth={halvings}" if shallower else ""
    return f"next: {as_typed('python train.py')} --variant {variant} --data {shlex.quote(str(data))}{depth}"


def percentiles(words: list[str]) -> Cut | None:
    """Parse --cut: two percentiles, or None for "none".

    Args:
      words: as the user wrote them.

    Raises:
      UserError: the words are neither.
    """
    if words == ["none"]:
        return None
    try:
        low, high = map(float, words)
    except ValueError:
        raise UserError(f"--cut {' '.join(words)}: give two percentiles, such as --cut 2 98, or --cut none.") from None
    return low, high


def limits(words: Sequence[str]) -> dict[str, Limits]:
    """Parse --limits: ROLE LOW HIGH and so on; or LOW HIGH alone, under the role "".

    Args:
      words: as the user wrote them; none is an empty dictionary.

    Raises:
      UserError: the words are neither.
    """
    try:
        if len(words) == 2:
            return {"": (float(words[0]), float(words[1]))}
        triples = zip(words[::3], words[1::3], words[2::3], strict=True)
        return {role: (float(low), float(high)) for role, low, high in triples}
    except ValueError:
        raise UserError(
            f"--limits {' '.join(words)}: give a role and two numbers, and so on, such as --limits sar_vv -25 0."
        ) from None
