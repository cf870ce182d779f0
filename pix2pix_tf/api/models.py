"""Loads a trained model, which generates images of masks or finds zones and fronts in images."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pix2pix_tf.api import arrays
from pix2pix_tf.api.arrays import Images
from pix2pix_tf.api.scenes import SceneImage
from pix2pix_tf.data import conditions
from pix2pix_tf.data.io.images import to_pixels
from pix2pix_tf.export import inference, scales
from pix2pix_tf.fronts import postprocessing, scenes
from pix2pix_tf.generate import styles
from pix2pix_tf.utils.errors import UserError, truncated_repr

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model


def load(path: str | Path) -> "Generator | Segmenter":
    """Load a trained model.

    Args:
      path: a run such as "runs/gen5" (its best epoch, or the newest), an export, one of its versions, or a folder that
        was downloaded with any of them in it.

    Returns:
      A `Generator` for models that generate images, a `Segmenter` for those that find zones or fronts.

    Raises:
      UserError: there is no model, it cannot be read, or it classifies clouds.

    >>> load("pretrained/glacier").conditions["sensor"][-1]
    'TSX'
    >>> load("pretrained/zones").targets
    ('zones',)
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. load takes a run such as runs/gen5, or the folder of an export.")
    model = inference.load(folder)
    if not model.targets:
        raise UserError(f"{folder} classifies clouds: use python -m pix2pix_tf.prepare score-clouds.")
    is_segmenter = "probabilities" in model.signatures["tensor"].structured_outputs
    return Segmenter(model) if is_segmenter else Generator(model)


class _Loaded:
    """What both kinds of models have."""

    def __init__(self, model: "Model"):
        self._model = model

    def __repr__(self) -> str:
        model = self._model
        roles = f"{', '.join(model.inputs)} -> {', '.join(model.targets)}"
        return f"<{type(self).__name__} {model.variant}, epoch {model.epoch}: {roles}>"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The roles that it takes, such as ("zones",); several are stacked along the channels."""
        return self._model.inputs

    @property
    def targets(self) -> tuple[str, ...]:
        """The roles that it returns, such as ("sar",)."""
        return self._model.targets

    @property
    def size(self) -> int:
        """Pixels: the side of the patches on which it was trained."""
        return self._model.size


class Generator(_Loaded):
    """A model that generates images of masks; from `load`."""

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """The values that `condition` takes, by key, such as {"sensor": ("ERS", "TSX")}; empty without conditions."""
        return {key: tuple(values) for key, values in self._model.conditions.items()}

    @property
    def styles(self) -> tuple[str, ...]:
        """The names that `style` takes after "scene:"; empty for a model without styles."""
        return tuple(self._model.styles)

    def generate(
        self,
        mask: Images,
        seed: int | Sequence[int] = 0,
        condition: Mapping[str, str] | None = None,
        style: str | tuple[Images, Images] | None = None,
        dtype: str = "uint8",
        tile: int | None = None,
        overlap: int | None = None,
        levels: int | None = None,
    ) -> np.ndarray | list[np.ndarray]:
        """Generate images. The same arguments give the same image, as do those of `python -m pix2pix_tf.generate`.

        Args:
          mask: uint8 [H, W], values of `pix2pix_tf.zones`, of any size, or a PIL image; [N, H, W] or a list for
            several. For a model of several roles, [H, W, C]; for models of 16 bit, uint16.
          seed: another one gives another image. Of several masks, mask i gets seed + i, or give a list.
          condition: values by key, such as {"sensor": "TSX"}; see `conditions`. Other keys are left open.
          style: None (a training scene with the zones of the mask, by the seed), "random" (each zone as in another
            scene), "scene:NAME" (see `styles`), or an image and its mask, whose style is measured.
          dtype: "uint8" for pixels from 0 to 255, "float32" for the model's own numbers from -1 to 1.
          tile: pixels, the side of the tiles for larger masks; None: twice `size`.
          overlap: pixels in which tiles blend; None: half a tile.
          levels: 1 generates a large mask at its own scale alone; None: at smaller ones too, for its larger forms.

        Returns:
          [H, W] of `dtype`, or [H, W, C] for several channels; [N, ...] for an array of masks, a list for a list.

        Raises:
          UserError: an argument that the model does not take; the message names it.

        >>> import numpy as np
        >>> model, mask = load("pretrained/glacier"), np.full((256, 256), 127, np.uint8)
        >>> model.generate(mask, seed=7).shape
        (256, 256)
        >>> [image.shape for image in model.generate([mask, mask[:100, :50]], dtype="float32")]
        [(256, 256), (100, 50)]
        >>> model.generate(mask, condition={"sensor": "TXS"})
        Traceback (most recent call last):
        pix2pix_tf.utils.errors.UserError: Unknown sensor 'TXS'. Did you mean 'TSX'?
        """
        model = self._model
        masks = arrays.batch_of(mask, model.inputs, model.bits, "mask")
        seeds = _seeds(seed, len(masks.pixels))
        if dtype not in ("uint8", "float32"):
            raise UserError(f'dtype is "uint8" or "float32", not {truncated_repr(dtype)}.')
        requested = {str(key): str(value) for key, value in (condition or {}).items()}
        conditions.check_conditions(requested, model.conditions)
        text = conditions.format_condition(requested, model.conditions)
        chosen, tiling = self._style(style), inference.tiling_of(model, tile, overlap)
        results = []
        for pixels, one in zip(masks.pixels, seeds, strict=True):
            readers = functools.partial(_readers, pixels)
            strips = scales.generate_scene(model, readers, tiling, one, text, chosen, levels)
            image = np.concatenate([to_pixels(strip) if dtype == "uint8" else strip for strip in strips])
            results.append(image[..., 0] if image.shape[-1] == 1 else image)
        return masks.collect(results)

    def _style(self, style: str | tuple[Images, Images] | None) -> inference.Style:
        if style is None or isinstance(style, str):
            return styles.of_name(style, self._model) if style else inference.Style()
        styles.check_has_styles(self._model, "of an image")
        if len(style) != 2:
            raise UserError(f"style takes a text, or an image and its mask, not {len(style)} images.")
        bits = self._model.bits
        (sar,), (zones,) = (
            arrays.batch_of(image, [role], bits, name).pixels
            for image, role, name in zip(style, ("sar", "zones"), ("style's image", "style's mask"), strict=True)
        )
        return styles.of_image(sar, zones, self._model, "style's image", "style's mask")


class Zones(NamedTuple):
    """The zones of an image."""

    zones: np.ndarray  # uint8 [H, W], values of `pix2pix_tf.zones`; 0 where the image has no data
    probabilities: np.ndarray  # float32 [H, W, 4], [0, 1], in the order of `zones.VALUES`


class Front(NamedTuple):
    """The calving front of an image, as a network of the variant `fronts` finds it."""

    front: np.ndarray  # bool [H, W], one pixel wide
    probabilities: np.ndarray  # float32 [H, W, 1], [0, 1]


class Segmenter(_Loaded):
    """A model that finds zones or fronts in SAR images; from `load`."""

    def predict(self, sar: Images, flips: bool = False) -> "Zones | Front | list[Zones] | list[Front]":
        """Find the zones or the front of images, as `python -m pix2pix_tf.fronts` does.

        Args:
          sar: uint8 [H, W], grey proportional to amplitude, of any size; a PIL image; or a scene from `read_scene`,
            whose missing pixels become "not available". [N, H, W] or a list for several.
          flips: also predict the mirrored images and take the mean: slower, a little better.

        Returns:
          `Zones` or `Front`, by the model; for an array [N, H, W] one of them with arrays [N, ...], a list for a list.

        Raises:
          UserError: other numbers than the model takes.

        >>> import numpy as np
        >>> zones, probabilities = load("pretrained/zones").predict(np.full((100, 80), 90, np.uint8))
        >>> zones.shape, probabilities.shape
        ((100, 80), (100, 80, 4))
        """
        model = self._model
        images = arrays.batch_of(sar, model.inputs, model.bits, "sar")
        given = sar if isinstance(sar, list | tuple) else [sar]
        if len(given) != len(images.pixels):
            given = images.pixels
        pairs = zip(given, images.pixels, strict=True)
        return images.collect([self._predict(scene, pixels, flips) for scene, pixels in pairs])

    def _predict(self, scene: Images, pixels: np.ndarray, flips: bool) -> Zones | Front:
        """Predict one image, [H, W, C]; `scene` is what the user gave for it."""
        valid, metres = (scene.valid, scene.metres_per_pixel) if isinstance(scene, SceneImage) else (None, None)
        network, strips = scenes.network_of(self._model), list[np.ndarray]()

        def consume(probabilities: Iterator[scenes.Probabilities]) -> None:
            strips.extend(strip.astype(np.float32) for strip in probabilities)

        height, width, _ = pixels.shape
        read = inference.ArrayReader(pixels).read
        found = scenes.predict_scene(network, read, height, width, valid, flips, consume)
        if network.target == "zones":
            return Zones(found.mask, np.concatenate(strips))
        front = scenes.front_of(found.mask, network.target, postprocessing.min_length_pixels(metres))
        return Front(front, np.concatenate(strips))


def _readers(pixels: np.ndarray) -> list[inference.ArrayReader]:
    return [inference.ArrayReader(pixels)]


def _seeds(seed: int | Sequence[int], count: int) -> list[int]:
    """Return a seed for each of several images."""
    listed = np.atleast_1d(np.asarray(seed))
    seeds = listed + np.arange(count) if np.ndim(seed) == 0 and listed.dtype.kind in "iu" else listed
    if seeds.dtype.kind not in "iu" or len(seeds) != count or seeds.min() < -(2**31) or seeds.max() >= 2**31:
        raise UserError(f"seed takes a whole number of 32 bit, or one for each of {count} masks, not {seed!r}.")
    return [int(one) for one in seeds]
