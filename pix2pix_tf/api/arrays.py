"""Images as users hold them, checked and in the form that models take."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.utils.errors import UserError

# One image: uint8 (uint16 for models of 16 bit) [H, W] or [H, W, C], a PIL image, or anything that NumPy takes for an
# array. Several: one array [N, H, W] or [N, H, W, C], or a list of images, whose sizes may differ.
Images: TypeAlias = Any

COLOURED = (1, 3, 4)  # last axis of one image, whatever a model takes: no image is so narrow


class Batch(NamedTuple):
    """Images of a call, and the form in which its results are returned."""

    pixels: list[np.ndarray]  # uint8 or uint16 [H, W, C]
    collect: Callable[[list], Any]  # results, one for each image -> one, an array of all, or a list


def batch_of(images: Images, roles: Sequence[str], bits: Mapping[str, int], name: str) -> Batch:
    """Return the pixels of one image or of several.

    Args:
      images: of the user.
      roles: that a model takes, stacked along the channels.
      bits: of each role.
      name: of the argument, for messages.

    Raises:
      UserError: another number type, number of channels or class value than the model takes.
    """
    depth = np.dtype(np.uint16 if max(bits[role] for role in roles) > 8 else np.uint8)
    channels = sum(CHANNELS[role] for role in roles)
    collect: Callable[[list], Any]
    if isinstance(images, list | tuple):
        single = [_array_of(image, depth, roles, name) for image in images]
        pixels, collect = [_one(image, channels, roles, name) for image in single], list
    else:
        array = _array_of(images, depth, roles, name)
        several = array.ndim == 4 or (array.ndim == 3 and channels == 1 and array.shape[2] not in COLOURED)
        pixels = [_one(image, channels, roles, name) for image in (array if several else [array])]
        collect = _stacked if several else _first
    if not pixels:
        raise UserError(f"{name} holds no image.")
    for image in pixels:
        _check_classes(image, roles, name)
    return Batch(pixels, collect)


def _array_of(image: object, depth: np.dtype, roles: Sequence[str], name: str) -> np.ndarray:
    array = np.asarray(image)
    if array.dtype == depth:
        return array
    if array.dtype.kind not in "biufc":
        raise UserError(f"{name} is a {type(image).__name__}; give an array or a PIL image.")
    kind = f"a PIL image of mode {image.mode}" if isinstance(image, Image.Image) else f"of type {array.dtype}"
    values = f", {roles[0]} of {', '.join(map(str, VALUES[roles[0]]))}" if roles[0] in VALUES else ""
    cure = "pix2pix_tf.read_scene makes SAR of other numbers grey" if "sar" in roles[0] else "convert it with astype"
    raise UserError(f"{name} is {kind}, and this model takes an array of {depth}{values}; {cure}.")


def _one(image: np.ndarray, channels: int, roles: Sequence[str], name: str) -> np.ndarray:
    """Return [H, W, C]."""
    image = image[..., np.newaxis] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[2] != channels or 0 in image.shape:
        shape = "[H, W]" if channels == 1 else f"[H, W, {channels}]"
        raise UserError(
            f"{name} has the shape {list(image.shape)}, and this model takes {', '.join(roles)} as {shape}, "
            "or several of them."
        )
    return image


def _check_classes(image: np.ndarray, roles: Sequence[str], name: str) -> None:
    ends = np.cumsum([CHANNELS[role] for role in roles])[:-1]
    for role, part in zip(roles, np.split(image, ends, axis=-1), strict=True):
        if problem := validation.class_problem(role, part[..., 0]):
            raise UserError(f"{name}: {problem}.")


def _first(results: list) -> Any:
    return results[0]


def _stacked(results: list) -> Any:
    """Stack arrays; of tuples of arrays, stack each member."""
    if isinstance(results[0], tuple):
        return type(results[0])(*(np.stack(member) for member in zip(*results, strict=True)))
    return np.stack(results)
