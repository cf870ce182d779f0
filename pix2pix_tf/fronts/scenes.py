"""Zones and front lines of whole scenes: overlapping tiles -> probabilities -> mask -> front line.

The one inference of `fronts` and of `evaluate.py`, so that scores describe what users get. A scene of any size is cut
into tiles of the network's size that overlap by half; their probabilities are blended with Gaussian weights (Gourmelon
et al. 2022), strip by strip: memory holds one row of tiles. Beyond the right and the lower border, tiles are 0, "not
available", as in the patches of `prepare`.

A mask is what a network with the target `zones` or `fronts` predicts of a scene: a zone mask, or 255 where the
probability of a front is above the threshold and 0 elsewhere.

Where tiles overlap, probabilities are averaged (softmax, as in training). The published code of CaFFe averages
sigmoids of the logits instead, so that with the same network a pixel whose two likeliest classes are nearly equal may
get the other class.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.classes import GreyImage
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.fronts import postprocessing, vector_files
from pix2pix_tf.fronts.postprocessing import Front
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

Tiles: TypeAlias = np.ndarray  # uint8 or uint16 [n, size, size, C]: the input roles, stacked along the channels
Probabilities: TypeAlias = np.ndarray  # float [..., K], [0, 1]: K = 4 zones in the order of ZONE_VALUES, or 1, a front
Predict: TypeAlias = Callable[[Tiles], Probabilities]
ReadRows: TypeAlias = Callable[
    [int], np.ndarray
]  # returns the next n rows, uint8 or uint16 [n, W, C]; fewer at the end

# Test-time flips: (rows, columns) reversed or not. The first is the image as it is.
FLIPS = ((False, False), (False, True), (True, False), (True, True))


@dataclass(frozen=True)
class Network:
    """A network for zones or fronts, ready to predict."""

    name: str  # for messages
    target: str  # zones | fronts
    size: int  # pixels: side of a tile
    predict: Predict
    batch_size: int = 8  # tiles at a time


def network_of(model: "Model", batch_size: int = 8) -> Network:
    """Return the network of an export that segments."""
    return Network(f"{model.run}@{model.epoch}", model.targets[0], model.size, model.probabilities, batch_size)


@dataclass(frozen=True)
class Prediction:
    """What a network predicts of a scene."""

    mask: GreyImage  # a zone mask, or 255 on front pixels and 0 elsewhere
    confidence: GreyImage  # probability of the mask's class (fronts: of a front) in percent, 0..100
    of_flips: tuple[GreyImage, ...] = ()  # the masks of the single flips; empty without flips


def with_flips(predict: Predict) -> Predict:
    """Return a network that also predicts the mirrored images and mirrors the results back.

    Returns:
      A function that returns float32 [n, size, size, 4 * K]: the results of `FLIPS`, one after the other.
    """

    def flipped(tiles: Tiles) -> Probabilities:
        results = []
        for rows, columns in FLIPS:
            turn = slice(None), slice(None, None, -1 if rows else 1), slice(None, None, -1 if columns else 1)
            results.append(predict(np.ascontiguousarray(tiles[turn]))[turn])
        return np.concatenate(results, axis=-1)

    return flipped


def predict_scene(
    network: Network,
    read: ReadRows,
    height: int,
    width: int,
    valid: np.ndarray | None = None,
    flips: bool = False,
    consume: Callable[[Iterator[Probabilities]], object] | None = None,
) -> Prediction:
    """Predict a scene of any size.

    Args:
      network: the network.
      read: returns the scene's rows.
      height: of the scene, pixels.
      width: of the scene, pixels.
      valid: bool [H, W], False where the scene has no data and so neither zones nor a front; None: it has data
        everywhere.
      flips: also predicts the mirrored scene; the probabilities are the means.
      consume: takes all probabilities, float64 [n, W, K], in strips from the top down, `strip_count` of them.

    Raises:
      UserError: a probability is not finite.
    """
    count = len(FLIPS) if flips else 1
    predict = with_flips(network.predict) if flips else network.predict
    masks = [np.zeros((height, width), np.uint8) for _ in range(1 + count * flips)]
    confidence = np.zeros((height, width), np.uint8)

    def strips() -> Iterator[Probabilities]:
        top = 0
        for strip in _strips(network, predict, read, height, width):
            rows = slice(top, top + len(strip))
            several = strip.reshape(*strip.shape[:2], count, -1)
            mean = several.mean(axis=2)
            for mask, probabilities in zip(masks, [mean, *np.moveaxis(several, 2, 0)], strict=False):
                mask[rows] = _mask_of(probabilities, network.target)
            confidence[rows] = np.rint(100 * mean.max(axis=-1))
            yield mean
            top = rows.stop

    (consume or _drain)(strips())
    if valid is not None:
        for image in (*masks, confidence):
            image[~valid] = 0
    return Prediction(masks[0], confidence, tuple(masks[1:]))


def _drain(strips: Iterator[Probabilities]) -> None:
    """Take all strips and keep none."""
    for _ in strips:
        pass


def strip_count(network: Network, height: int) -> int:
    """Return the number of strips in which a scene of a height in pixels is predicted."""
    return len(tiling.origins(height, network.size, network.size // 2))


def _strips(network: Network, predict: Predict, read: ReadRows, height: int, width: int) -> Iterator[Probabilities]:
    """Yield the blended probabilities from the top down, float64 [n, W, K], one block for each row of tiles."""
    size, overlap = network.size, network.size // 2
    weights, stitcher = tiling.gaussian_weights(size), tiling.Stitcher(height, width)
    tops, lefts = tiling.origins(height, size, overlap), tiling.origins(width, size, overlap)
    rows, top = read(size), 0
    for start in tops:
        rows = np.concatenate([rows[start - top :], read(start + size - top - len(rows))])
        top = start
        strip = np.zeros((size, lefts[-1] + size, rows.shape[2]), rows.dtype)
        strip[: len(rows), :width] = rows
        tiles = [strip[:, left : left + size] for left in lefts]
        for first in range(0, len(tiles), network.batch_size):
            batch = slice(first, first + network.batch_size)
            for left, probabilities in zip(lefts[batch], predict(np.stack(tiles[batch])), strict=True):
                if not np.isfinite(probabilities).all():
                    raise UserError(
                        f"{network.name} gives values that are no numbers: its weights are spoilt. Remove it."
                    )
                stitcher.add(start, left, probabilities, weights)
        yield stitcher.take(height if start == tops[-1] else start + size - overlap)


def _mask_of(probabilities: Probabilities, target: str) -> GreyImage:
    """Return the mask of probabilities, float [H, W, K]: zones, or 255 on front pixels."""
    if target == "zones":
        return postprocessing.zones_of(probabilities)
    return np.where(probabilities[..., 0] > classes.FRONT_THRESHOLD, np.uint8(255), np.uint8(0))


def front_of(mask: GreyImage, target: str, min_length: float, box: Sequence[float] | None = None) -> Front:
    """Return the front of a scene's mask, inside the bounding box.

    Args:
      mask: as in `Prediction`.
      target: "zones" or "fronts".
      min_length: pixels; components of at most this length are dropped.
      box: see `postprocessing.clip_to_bbox`.
    """
    if target == "zones":
        front = postprocessing.front_from_zones(mask, min_length)
    else:
        front = postprocessing.front_from_probabilities(mask / np.float32(255), min_length)
    return postprocessing.clip_to_bbox(front, box)


def geojson(front: Front, scene: Scene, properties: Mapping[str, object]) -> dict:
    """Return a front as a GeoJSON FeatureCollection in the projection of its scene; see `vector_files`.

    Args:
      front: of the whole scene.
      scene: gives the projection, and the glacier, date and sensor where they are known.
      properties: further ones, in JSON's types, such as the scene's name.
    """
    known = {"glacier": scene.glacier, "date": scene.date, "sensor": scene.sensor}
    known = {key: value for key, value in known.items() if value is not None}
    lines, sides = polylines(front), (scene.height, scene.width)
    return vector_files.feature_collection(lines, scene.bounds, scene.crs, *sides, {**properties, **known})
