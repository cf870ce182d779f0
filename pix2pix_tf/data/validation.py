"""What the pixels of each role must be, and the check that the files of a data set are so.

The full check decodes every patch once. Its result is kept in `.verified`, for the files as they were then.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.io import images
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

NAMED = 4  # files named in a message; the others are counted
SLOW = 5000  # patches from which the check takes long enough to be announced
REMEMBERED = 20  # states of the files found good, kept in .verified: one for each choice of roles and splits


def channels_of(pixels: np.ndarray) -> int:
    """How many channels an image [H, W] or [H, W, C] has."""
    return 1 if pixels.ndim == 2 else pixels.shape[2]


def expected_channels(role: str) -> str:
    """The channels of a role, in words."""
    return "one grey channel" if CHANNELS[role] == 1 else "three channels (RGB)"


def channel_problem(role: str, pixels: np.ndarray) -> str | None:
    """What is wrong with the channels of an image; None when nothing is.

    Args:
      role: one of CHANNELS.
      pixels: any dtype, [H, W] or [H, W, C].
    """
    if channels_of(pixels) == CHANNELS[role]:
        return None
    # Colours that are saved as grey are other greys than those of the classes.
    cure = f" of {', '.join(map(str, VALUES[role]))}" if role in VALUES else ": save it so"
    return f"{channels_of(pixels)} channel(s), but {role} takes {expected_channels(role)}{cure}"


def class_problem(role: str, pixels: np.ndarray) -> str | None:
    """What is wrong with the values of a mask; None when nothing is, or when the role has no classes.

    Args:
      role: one of CHANNELS.
      pixels: any dtype, [H, W].
    """
    if role not in VALUES:
        return None
    strange = pixels[~np.isin(pixels, VALUES[role])]
    if not strange.size:
        return None
    return (
        f"grey value {strange.min()} is no class of {role}, which has {', '.join(map(str, VALUES[role]))} "
        "(a resized or JPEG-compressed mask has such values; save masks without smoothing)"
    )


def different_sizes(pixels: Mapping[str, np.ndarray]) -> str:
    """The sizes of images that should be of one size, in words; empty when they are.

    Args:
      pixels: by name, any dtype, [H, W] or [H, W, C].

    Returns:
      Such as "sar 64 x 32, zones 64 x 64".
    """
    sizes = {name: f"{image.shape[1]} x {image.shape[0]}" for name, image in pixels.items()}
    return ", ".join(f"{name} {size}" for name, size in sizes.items()) if len(set(sizes.values())) > 1 else ""


def verify(
    root: Path, size: int, bits: Mapping[str, int], patches: Iterable[tuple[Path, str]], remember: bool = True
) -> None:
    """Decodes every patch once, unless the same files were found good before.

    Args:
      root: the data set's folder.
      size: pixels; patches are square.
      bits: 8 or 16, for each role.
      patches: each file with its role.
      remember: write the result into the folder.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    patches = list(patches)
    mark, seen = root / ".verified", _state(root, size, bits, (path for path, _ in patches))
    known = mark.read_text(errors="replace").split() if mark.is_file() else []
    if seen in known:
        return
    if len(patches) > SLOW:
        print(f"checking {len(patches)} patches of {root}, once ...")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(lambda one: patch_problem(one[0], one[1], size, bits[one[1]]), patches))
    bad = [(p, str(path.relative_to(root))) for (path, _), p in zip(patches, problems, strict=True) if p]
    if bad:
        raise validation_error(f"The data set {root} cannot be used", bad)
    if not remember:
        return
    try:
        files.write_text(mark, "\n".join([*known[-REMEMBERED:], seen]))
    except OSError:
        pass  # a read-only data set is checked each time


def patch_problem(path: Path, role: str, size: int, bits: int) -> str | None:
    """What is wrong with a patch, as a phrase with the cure; None when it is good.

    Args:
      path: a PNG.
      role: one of CHANNELS.
      size: pixels that each side should have.
      bits: that it should have, 8 or 16.
    """
    try:
        pixels = images.read_png(path)
    except images.BadImage as error:
        return str(error)
    found = 8 * pixels.dtype.itemsize
    if channel_problem(role, pixels):
        return channel_problem(role, pixels)
    if found != bits:
        return f"{found} bit, but {role} has {bits} bit in this data set"
    if pixels.shape[:2] != (size, size):
        return (
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels, but the patches of this data set are {size} x {size} "
            "(python -m pix2pix_tf.prepare folder cuts scenes of any size into patches of one)"
        )
    return class_problem(role, pixels)


def validation_error(head: str, problems: Iterable[tuple[str, str]]) -> UserError:
    """One error for all that is wrong, each problem once, with the names it holds for.

    Args:
      head: what cannot be done.
      problems: pairs of problem and name; a name may be empty.
    """
    names: dict[str, list[str]] = {}
    for problem, name in problems:
        names.setdefault(problem, []).append(name)
    lines = []
    for problem, found in names.items():
        who = f"{abbreviate(found)}: " if any(found) else ""
        lines.append(f"- {who}{problem}{'' if problem[-1] in '.?' else '.'}")
    return UserError(f"{head}:\n" + "\n".join(lines))


def abbreviate(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _state(root: Path, size: int, bits: Mapping[str, int], paths: Iterable[Path]) -> str:
    """The files as they are now, for `.verified`."""
    digest = hashlib.sha256(f"{size} {sorted(bits.items())}".encode())
    for path in paths:
        digest.update(f"{path.relative_to(root)} {file_signature(path)}\n".encode())
    return digest.hexdigest()


def fingerprint(named: Iterable[tuple[str, Path]]) -> str:
    """Says in a few letters which files there are, and when and how long they were written.

    Args:
      named: each file's name, as it counts here, and its path, in order.
    """
    digest = hashlib.sha256()
    for name, path in named:
        digest.update(f"{name} {file_signature(path)}\n".encode())
    return digest.hexdigest()[:12]


def file_signature(path: Path) -> str:
    """A file's size and time: another stamp, another file. A link that leads nowhere has one too."""
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{status.st_size} {status.st_mtime_ns}"
