"""Checks that the files of a data set are valid: format, channels, bit depth, size and class values.

The full check decodes every patch once. The file `.verified` caches its result until a file changes.
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

NAMED = 4  # files that an error message names; it counts the others
SLOW = 5000  # patches above which the check takes long enough to be announced
REMEMBERED = 20  # digests of valid files kept in .verified, one for each choice of roles and splits


def channels_of(pixels: np.ndarray) -> int:
    """Return the number of channels of an image [H, W] or [H, W, C]."""
    return 1 if pixels.ndim == 2 else pixels.shape[2]


def expected_channels(role: str) -> str:
    """Describe the channels of a role, for error messages."""
    return "one grey channel" if CHANNELS[role] == 1 else "three channels (RGB)"


def channel_problem(role: str, pixels: np.ndarray) -> str | None:
    """Describe the error in an image's number of channels; return None when it is right.

    Args:
      role: one of CHANNELS.
      pixels: any dtype, [H, W] or [H, W, C].
    """
    if channels_of(pixels) == CHANNELS[role]:
        return None
    # Converting a coloured mask to grey gives greys other than those of the classes.
    cure = f" of {', '.join(map(str, VALUES[role]))}" if role in VALUES else ": save it so"
    return f"{channels_of(pixels)} channel(s), but {role} takes {expected_channels(role)}{cure}"


def class_problem(role: str, pixels: np.ndarray) -> str | None:
    """Describe the invalid class values of a mask; return None when there are none or the role has no classes.

    Args:
      role: one of CHANNELS.
      pixels: any dtype, [H, W].
    """
    if role not in VALUES:
        return None
    invalid = pixels[~np.isin(pixels, VALUES[role])]
    if not invalid.size:
        return None
    return (
        f"grey value {invalid.min()} is no class of {role}, which has {', '.join(map(str, VALUES[role]))} "
        "(a resized or JPEG-compressed mask has such values; save masks without smoothing)"
    )


def different_sizes(pixels: Mapping[str, np.ndarray]) -> str:
    """Describe the sizes of images that should have one size; return an empty string when they have.

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
    """Decode and check every patch, unless the same files passed before.

    Args:
      root: the data set's folder.
      size: pixels; patches are square.
      bits: 8 or 16, for each role.
      patches: each file with its role.
      remember: write the result into the folder.

    Raises:
      UserError: files are invalid; one message lists them all, with the cure.
    """
    patches = list(patches)
    mark, state = root / ".verified", _digest(root, size, bits, (path for path, _ in patches))
    known = mark.read_text(errors="replace").split() if mark.is_file() else []
    if state in known:
        return
    if len(patches) > SLOW:
        print(f"checking {len(patches)} patches of {root}, once ...")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(lambda patch: patch_problem(patch[0], patch[1], size, bits[patch[1]]), patches))
    invalid = [(p, str(path.relative_to(root))) for (path, _), p in zip(patches, problems, strict=True) if p]
    if invalid:
        raise validation_error(f"The data set {root} cannot be used", invalid)
    if not remember:
        return
    try:
        files.write_text(mark, "\n".join([*known[-REMEMBERED:], state]))
    except OSError:
        pass  # without write permission the check runs each time


def patch_problem(path: Path, role: str, size: int, bits: int) -> str | None:
    """Describe the error in a patch, as a phrase with the cure; return None for a valid patch.

    Args:
      path: a PNG.
      role: one of CHANNELS.
      size: expected pixels of each side.
      bits: expected bits, 8 or 16.
    """
    try:
        pixels = images.read_png(path)
    except images.BadImage as error:
        return str(error)
    if problem := channel_problem(role, pixels):
        return problem
    actual_bits = 8 * pixels.dtype.itemsize
    if actual_bits != bits:
        return f"{actual_bits} bit, but {role} has {bits} bit in this data set"
    if pixels.shape[:2] != (size, size):
        return (
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels, but the patches of this data set are {size} x {size} "
            "(python -m pix2pix_tf.prepare folder cuts scenes of any size into patches of one)"
        )
    return class_problem(role, pixels)


def validation_error(head: str, problems: Iterable[tuple[str, str]]) -> UserError:
    """Return one error for all problems; it states each problem once, with the names of the files or scenes.

    Args:
      head: the first line: the operation that failed.
      problems: pairs of problem and name; a name may be empty.
    """
    names: dict[str, list[str]] = {}
    for problem, name in problems:
        names.setdefault(problem, []).append(name)
    lines = []
    for problem, named in names.items():
        prefix = f"{abbreviate(named)}: " if any(named) else ""
        lines.append(f"- {prefix}{problem}{'' if problem[-1] in '.?' else '.'}")
    return UserError(f"{head}:\n" + "\n".join(lines))


def abbreviate(names: Sequence[str]) -> str:
    """Return the first few of many names and the number of the others, such as "a, b, c, d and 8 more"."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _digest(root: Path, size: int, bits: Mapping[str, int], paths: Iterable[Path]) -> str:
    """Return a digest of the files' names, sizes and times, for `.verified`."""
    digest = hashlib.sha256(f"{size} {sorted(bits.items())}".encode())
    for path in paths:
        digest.update(f"{path.relative_to(root)} {file_signature(path)}\n".encode())
    return digest.hexdigest()


def fingerprint(named: Iterable[tuple[str, Path]]) -> str:
    """Return a short digest of the files' names, sizes and modification times.

    Args:
      named: pairs of name and path, in order; the digest depends on the name, not on the path.
    """
    digest = hashlib.sha256()
    for name, path in named:
        digest.update(f"{name} {file_signature(path)}\n".encode())
    return digest.hexdigest()[:12]


def file_signature(path: Path) -> str:
    """Return a file's size and modification time, which change with its content; works for broken links, too."""
    try:
        status = path.stat()
    except OSError:
        return "unreadable"
    return f"{status.st_size} {status.st_mtime_ns}"
