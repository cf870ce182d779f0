"""The common behaviour of all commands: help with examples, clear errors, exit codes, a quiet TensorFlow."""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from pix2pix_tf.utils.errors import LONGEST, Diverged, Interrupted, UserError

# TensorFlow reads this when it is imported, and every command imports this module first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors raise; the rest is about missing GPU drivers


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # returned by `add_subparsers`

INSTALLED = "pix2pix-tf"  # the command that pip installs
AS_MODULE = "python -m pix2pix_tf"  # the same command
IN_CHECKOUT = {  # its subcommands, and how each is typed in a checkout
    "train": "python train.py",
    "evaluate": "python evaluate.py",
    "prepare": "python -m pix2pix_tf.prepare",
    "generate": "python -m pix2pix_tf.generate",
    "fronts": "python -m pix2pix_tf.fronts",
    "benefit": "python -m pix2pix_tf.benefit",
    "share": "python -m pix2pix_tf.share",
    "serve": "python -m pix2pix_tf.serving",
}


def program() -> str:
    """Return the program as the user typed it: "python train.py", "python -m pix2pix_tf.prepare" or "pix2pix-tf"."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    if module is not None:
        return f"python -m {module.name.removesuffix('.__main__')}"
    path = Path(sys.argv[0])
    return f"python {path.name}" if path.suffix == ".py" else path.stem


def as_typed(text: str) -> str:
    """Return a text with its commands as the user types them: in a checkout, or with the package installed.

    Args:
      text: such as "python train.py --variant gen5", which becomes "pix2pix-tf train --variant gen5".
    """
    typed = program()
    if typed == AS_MODULE:
        text = text.replace(f"{INSTALLED} ", f"{typed} ")
    if typed in (INSTALLED, AS_MODULE):
        for name, command in IN_CHECKOUT.items():
            text = text.replace(command, f"{typed} {name}")
    return text


def parser(description: str, example: str, prog: str | None = None, notes: str = "") -> argparse.ArgumentParser:
    """Return an argument parser whose help ends with examples to copy and paste.

    Args:
      description: first part of the help.
      example: one or more command lines.
      prog: the command, as it is typed in a checkout; by default as the user typed it.
      notes: a part of the help between options and examples.
    """
    new = argparse.ArgumentParser(
        prog=as_typed(prog or program()),
        description=as_typed(description),
        epilog=_epilog(example, notes),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_debug(new)
    return new


def command(commands: Commands, name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Add a subcommand that has the common behaviour, and return its parser.

    Args:
      commands: of the parser above it.
      name: typed by the user.
      description: the list of commands shows its first line, the command's own help all of it.
      example: one or more command lines.
    """
    new = commands.add_parser(
        name,
        help=description.splitlines()[0],
        description=as_typed(description),
        epilog=_epilog(example),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_debug(new)
    return new


def check_positive(name: str, value: int) -> None:
    """Check a count that the user gave.

    Raises:
      UserError: it is below 1.
    """
    if value < 1:
        raise UserError(f"{name} takes a whole number from 1, not {value}.")


def _epilog(example: str, notes: str = "") -> str:
    return f"{notes}\n\nexamples:\n{as_typed(example)}".lstrip()


def add_debug(to: argparse.ArgumentParser) -> None:
    """Add the option that every command and subcommand has."""
    to.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run(main: Callable[[list[str]], None], argv: list[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
      main: takes the arguments, without the program's name; raises UserError for the user's mistakes.
      argv: the arguments; None: those of the process.

    Returns:
      0 for success, 2 for the user's mistake, 130 or 143 when interrupted with the state saved, 1 for all else.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        with _names_as_text():
            main(arguments)
    except (UserError, Diverged, Interrupted, KeyboardInterrupt, OSError, MemoryError) as error:
        if "--debug" in arguments:
            raise
        print(as_typed(_sentence(error)), file=sys.stderr)
        return _exit_code(error)
    return 0


@contextlib.contextmanager
def _names_as_text() -> Iterator[None]:
    """Turn an error about a file name that is no text in this system's encoding into a UserError."""
    try:
        yield
    except UnicodeEncodeError as error:
        name = str(error.object)
        if not any("\udc80" <= letter <= "\udcff" for letter in name):  # how Python keeps bytes that it cannot decode
            raise
        raise UserError(f"The file name {ascii(name)[:LONGEST]} is no UTF-8. Rename the file.") from None


def progress(items: Iterable, total: int, what: str) -> Iterator:
    """Yield items and keep a line on the terminal: `123/300 scenes written, 4 s left`. Silent elsewhere.

    Args:
      items: an item counts as done when the next one is requested.
      total: number of items.
      what: for the line, such as "scenes written".
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
        print("\r\033[K", end="", file=sys.stderr, flush=True)  # removes the line


def duration(seconds: float) -> str:
    """Return a duration for people, to the minute."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list, so that work can stop at a good place; a second one interrupts at once.

    Python handles signals in the main thread only. In another thread, such as one of a notebook, the list stays empty.

    Yields:
      The numbers of the signals received: none, or one.

    Raises:
      KeyboardInterrupt: a second one was received.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

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
        return "\ninterrupted; the same command resumes from what is already written"
    if isinstance(error, OSError):  # its text names the file and the reason, such as a full disk
        return (
            f"error: {error}. Complete files are untouched; remove the cause, and the same command resumes from there."
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
