"""Errors that are no bugs: mistakes of the user, diverged trainings, interruptions; and help with their messages."""

import difflib
import textwrap
from collections.abc import Iterable

LONGEST = 60  # characters of a foreign value in a message
LONGEST_LIST = 800  # characters of a list of known names


class UserError(Exception):
    """A mistake that the user can correct. The message names the problem, the file and the cure."""


class Diverged(Exception):
    """A loss or a gradient is not finite. The message names the step and the last good checkpoint."""


class Interrupted(Exception):
    """The user or the system asked to stop. The state is saved, and the message explains how to resume."""

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.signal_number = signal_number


def truncated_repr(value: object) -> str:
    """Return the repr of a value for a message, truncated."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a very long number"
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def truncate(reason: object) -> str:
    """Return the text of a foreign error or value in one line, truncated."""
    words = " ".join(str(reason).split())
    return words if len(words) <= 4 * LONGEST else words[: 4 * LONGEST] + " ..."


def did_you_mean(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return an error for an unknown name that suggests the nearest known one.

    Args:
      kind: of the name, such as "variant".
      name: as the user wrote it.
      known: the names that exist.
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(name[:LONGEST], names, n=1, cutoff=0.5)
    listed = textwrap.shorten(", ".join(names), LONGEST_LIST, placeholder=" ...")
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"There are: {listed}."
    return UserError(f"Unknown {kind} {truncated_repr(name)}. {hint}")
