"""The manners that all commands share: help with an example, clear errors, exit codes, a quiet TensorFlow."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from pix2pix_tf.utils.errors import Diverged, Interrupted, UserError

# TensorFlow reads these when it is imported, and every command imports this module first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what fails raises; the rest is talk about missing GPU drivers


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what `add_subparsers` gives


def parser(description: str, example: str) -> argparse.ArgumentParser:
    """An argument parser whose help ends with examples to copy and paste.

    Args:
      description: what the command does, for the head of its help.
      example: one or more command lines.
    """
    new = argparse.ArgumentParser(
        description=description,
        epilog=f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_debug(new)
    return new


def command(commands: Commands, name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Adds a subcommand with the manners of `parser`.

    Args:
      commands: of the parser above.
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
    add_debug(new)
    return new


def add_debug(to: argparse.ArgumentParser) -> None:
    """Adds the option that every command and subcommand has."""
    to.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run(main: Callable[[list[str]], None], argv: list[str] | None = None) -> int:
    """Runs a command and turns how it ended into an exit code.

    Args:
      main: takes the arguments, without the program's name; raises UserError for the user's mistakes.
      argv: the arguments; those of the process when None.

    Returns:
      0 for success, 2 for the user's mistake, 130 or 143 when interrupted with the state saved, 1 for all else.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        main(arguments)
    except (UserError, Diverged, Interrupted, KeyboardInterrupt, OSError, MemoryError) as error:
        if "--debug" in arguments:
            raise
        print(_sentence(error), file=sys.stderr)
        return _exit_code(error)
    return 0


def progress(items: Iterable, total: int, what: str) -> Iterator:
    """Hands items on and keeps a line on the terminal: `123/300 scenes written, 4 s left`. Elsewhere it is silent.

    Args:
      items: what is worked through; an item counts as done when the next one is asked for.
      total: how many there are.
      what: what is done with them, such as "scenes written".
    """
    if not sys.stderr.isatty():
        yield from items
        return
    start = shown = time.monotonic()
    try:
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - shown > 0.1 or done == total:
                left = (now - start) / done * (total - done)
                print(f"\r{done}/{total} {what}, {left:.0f} s left\033[K", end="", file=sys.stderr, flush=True)
                shown = now
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)  # the line has done its duty


def duration(seconds: float) -> str:
    """Says how long something takes, to the minute."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list, so that work can stop at a good place; a second one interrupts at once.

    Yields:
      The numbers of the signals that came: none, or one.

    Raises:
      KeyboardInterrupt: a second one came.
    """
    received: list[int] = []

    def note(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        print("\nstopping after this step ...", file=sys.stderr)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(error: BaseException) -> str:
    if isinstance(error, (UserError, Diverged)):
        return f"error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return "\ninterrupted; the same command goes on from what is already written"
    if isinstance(error, OSError):  # its own text names the file and the reason, such as a full disk
        return (
            f"error: {error}. What was complete is untouched; mend the cause, and the same command goes on from there."
        )
    return str(error) or type(error).__name__


def _exit_code(error: BaseException) -> int:
    if isinstance(error, UserError):
        return 2
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT
    if isinstance(error, Interrupted):
        return 128 + error.signal_number
    return 1
