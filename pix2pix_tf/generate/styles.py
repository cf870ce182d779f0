"""The style that `generate --style` requests: by name, at random, or of an image of the user's."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.io import images
from pix2pix_tf.export import inference
from pix2pix_tf.export.inference import Style
from pix2pix_tf.generate.readers import open_input
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

RANDOM, SCENE = "random", "scene:"  # as data/styles.py, which imports TensorFlow


def parse(
    text: str,
    mask: Path | None,
    model: "Model",
    codes: Mapping[int, int] | None = None,
    options: Options | None = None,
) -> Style:
    """Return the style that a user requests.

    Args:
      text: "", "random", "scene:NAME", or the path of a SAR image.
      mask: of that image.
      model: the generator.
      codes: meaning of the numbers of zones; None: CaFFe's.
      options: how SAR images of other numbers than grey are read, as in `prepare folder`.

    Raises:
      UserError: the model has no styles or no such scene, or the image or its mask does not serve.
    """
    if not text:
        if mask:
            raise UserError(f"--style-mask {mask} is the mask of an image: name that image with --style.")
        return Style()
    if not model.styles:
        raise UserError(f"--style {text}: this model was trained without styles. Take one of --variant speckle.")
    is_image = text != RANDOM and not text.startswith(SCENE)
    if mask and not is_image:
        raise UserError(f"--style-mask {mask} is for an image, not for --style {text}: leave it out.")
    if not is_image:
        if text != RANDOM and text.removeprefix(SCENE) not in model.styles:
            raise did_you_mean("style scene", text.removeprefix(SCENE), model.styles)
        return Style(text)
    path = Path(text)
    if not path.exists():
        raise UserError(f"--style takes {RANDOM}, {SCENE}NAME or the path of a SAR image; there is no {path}.")
    if mask is None:
        raise UserError(f"--style {path} needs the zones of that image: add --style-mask ZONES.png.")
    sar = _read("--style", path, "sar", model.bits["sar"], None, options)
    zones = _read("--style-mask", mask, "zones", 8, codes, None)
    _check(path, mask, sar, zones, model)
    values, flags = inference.measure_style(model, sar, zones)
    if not any(flags):
        raise UserError(f"--style-mask {mask} has no rock, glacier or ocean of which a style could be measured.")
    return Style(measured=(values, flags))


def _read(
    option: str, path: Path, role: str, bits: int, codes: Mapping[int, int] | None, options: Options | None
) -> np.ndarray:
    """Read a grey image whole, uint8 or uint16 [H, W, 1]."""
    if not path.exists():
        raise UserError(f"{option}: there is no {path}.")
    try:
        reader = open_input(path, role, bits, codes, options)
        image = reader.read(reader.height)
    except images.BadImage as error:
        raise UserError(f"{option} {path}: {error}.") from None
    if image.shape[-1] != 1:
        raise UserError(f"{option} {path} has {image.shape[-1]} channels; it takes one grey channel.")
    return image


def _check(path: Path, mask: Path, sar: np.ndarray, zones: np.ndarray, model: "Model") -> None:
    """Raise UserError unless image and mask are of one size, and of values that the model takes."""
    if sar.shape != zones.shape:
        raise UserError(
            f"--style {path} has {sar.shape[1]} x {sar.shape[0]} pixels, and its mask {mask} {zones.shape[1]} x "
            f"{zones.shape[0]}; they must be of one size."
        )
    if sar.dtype.itemsize * 8 != model.bits["sar"]:
        raise UserError(f"--style {path} has {sar.dtype.itemsize * 8} bit; this model takes {model.bits['sar']} bit.")
    unknown = sorted(set(np.unique(zones).tolist()) - set(ZONE_VALUES))
    if zones.dtype != np.uint8 or unknown:
        raise UserError(
            f"--style-mask {mask} has the value {unknown[0] if unknown else zones.max()}, which is no class; the "
            f"classes are {', '.join(map(str, ZONE_VALUES))}."
        )
