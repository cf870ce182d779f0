"""What a command says when it cannot go on: the ends that are nobody's bug."""

import difflib
from collections.abc import Iterable

LONGEST = 60  # characters of what somebody else wrote that stand in a message


class UserError(Exception):
    """A mistake that the user can mend. Its text is one clear message: what is wrong, in which file, and the cure."""


class Diverged(Exception):
    """A loss or a gradient is no longer a number; the text says where, and which checkpoint is the last good one."""


class Interrupted(Exception):
    """The user or the system asked to stop; the state is saved, and the text says how to go on."""

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.signal_number = signal_number


def truncated_repr(value: object) -> str:
    """A value as it stands in a message: like repr, in one line, and cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a very long number"
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def truncate(reason: object) -> str:
    """What a library or a file says, in one line and cut where it is long."""
    words = " ".join(str(reason).split())
    return words if len(words) <= 4 * LONGEST else words[: 4 * LONGEST] + " ..."


def did_you_mean(kind: str, name: str, known: Iterable[str]) -> UserError:
    """An error for a name that does not exist, with the nearest one that does.

    Args:
      kind: what the name should have been, such as "variant".
      name: what the user wrote.
      known: the names that exist.
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(name[:LONGEST], names, n=1, cutoff=0.5)
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"There are: {', '.join(names)}."
    return UserError(f"Unknown {kind} {truncated_repr(name)}. {hint}")
