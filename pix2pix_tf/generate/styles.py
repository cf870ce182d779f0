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
    is_image = text != RANDOM and not text.startswith(SCENE)
    if mask and not is_image:
        raise UserError(f"--style-mask {mask} is for an image, not for --style {text}: leave it out.")
    if not is_image or not model.styles:
        return of_name(text, model)
    path = Path(text)
    if not path.exists():
        raise UserError(f"--style takes {RANDOM}, {SCENE}NAME or the path of a SAR image; there is no {path}.")
    if mask is None:
        raise UserError(f"--style {path} needs the zones of that image: add --style-mask ZONES.png.")
    sar = _read("--style", path, "sar", model.bits["sar"], None, options)
    zones = _read("--style-mask", mask, "zones", 8, codes, None)
    return of_image(sar, zones, model, f"--style {path}", f"--style-mask {mask}")


def of_name(text: str, model: "Model") -> Style:
    """Return a style by its name.

    Args:
      text: "random" or "scene:NAME".
      model: the generator.

    Raises:
      UserError: the model has no styles, or no such scene.
    """
    check_has_styles(model, text)
    if text != RANDOM and text.removeprefix(SCENE) not in model.styles:
        raise did_you_mean("style scene", text.removeprefix(SCENE), model.styles)
    return Style(text)


def check_has_styles(model: "Model", text: str) -> None:
    """Raise UserError for a generator that was trained without styles; `text` is the style requested of it."""
    if not model.styles:
        raise UserError(f"The style {text}: this model was trained without styles. Take one of --variant speckle.")


def of_image(sar: np.ndarray, zones: np.ndarray, model: "Model", sar_name: str, zones_name: str) -> Style:
    """Return the style of an image.

    Args:
      sar: uint8 or uint16 [H, W, 1].
      zones: [H, W, 1], its mask.
      model: the generator, with styles.
      sar_name: how messages call the image.
      zones_name: how they call its mask.

    Raises:
      UserError: image or mask are not as the model takes them, or the mask has no zone.
    """
    _check(sar_name, zones_name, sar, zones, model)
    values, flags = inference.measure_style(model, sar, zones)
    if not any(flags):
        raise UserError(f"{zones_name} has no rock, glacier or ocean of which a style could be measured.")
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


def _check(sar_name: str, zones_name: str, sar: np.ndarray, zones: np.ndarray, model: "Model") -> None:
    """Raise UserError unless image and mask are of one size, and of values that the model takes."""
    if sar.shape != zones.shape:
        raise UserError(
            f"{sar_name} has {sar.shape[1]} x {sar.shape[0]} pixels, and its mask {zones_name} {zones.shape[1]} x "
            f"{zones.shape[0]}; they must be of one size."
        )
    if sar.dtype.itemsize * 8 != model.bits["sar"]:
        raise UserError(f"{sar_name} has {sar.dtype.itemsize * 8} bit; this model takes {model.bits['sar']} bit.")
    unknown = sorted(set(np.unique(zones).tolist()) - set(ZONE_VALUES))
    if zones.dtype != np.uint8 or unknown:
        raise UserError(
            f"{zones_name} has the value {unknown[0] if unknown else zones.max()}, which is no class; the "
            f"classes are {', '.join(map(str, ZONE_VALUES))}."
        )
