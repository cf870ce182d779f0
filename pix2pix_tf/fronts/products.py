"""The products of one scene.

<scene>/zones.tif           classes with a palette, or fronts.tif, front pixels; in the grid of the scene
        probabilities.tif   in percent, on request
        front.gpkg          the front as lines; with --uncertainty also points along it with their spread
        front.geojson       the same lines
        overlay.png         the front on the SAR image
        scene.json          written last: facts, figures and flags
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.export.inference import ArrayReader
from pix2pix_tf.fronts import overlay, scenes, trust, vector_files
from pix2pix_tf.fronts.inputs import SarImage, SceneSource
from pix2pix_tf.fronts.postprocessing import Front, min_length_pixels
from pix2pix_tf.fronts.scenes import Network, Prediction, Probabilities
from pix2pix_tf.fronts.trust import Trust
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.metrics import front_distance
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils import files

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

RECORD = "scene.json"
LINES, SPREAD = "fronts", "spread"  # layers of front.gpkg
POINTS = 10  # pixels between the points of the layer `spread`
NO_PROBABILITY = 255  # value of probabilities.tif where the scene has no data

Place = tuple[tuple[float, float, float, float] | None, str | None, int, int]  # bounds, CRS, height, width
Wrap = Callable[[Iterable, int], Iterable]  # shows the progress of so many items


@dataclass(frozen=True)
class Segmenter:
    """An export that predicts zones or fronts."""

    model: "Model"
    network: Network

    @property
    def target(self) -> str:
        """The role that it predicts: zones or fronts."""
        return self.network.target

    @property
    def facts(self) -> dict[str, object]:
        """Its name in products."""
        return {"network": self.target, "model": self.model.variant, "run": self.model.run, "epoch": self.model.epoch}


@dataclass(frozen=True)
class Settings:
    """Options that the products follow from."""

    reading: Options
    min_length: float | None = None  # metres, of scenes of unknown scale pixels; None: postprocessing.MIN_LENGTH
    uncertainty: bool = False
    probabilities: bool = False
    multilook: int | None = None  # side of the squares of pixels that are averaged; None: 1


@dataclass(frozen=True)
class Found:
    """The front that one network finds in a scene."""

    segmenter: Segmenter
    prediction: Prediction
    front: Front
    of_flips: tuple[Front, ...]
    trust: Trust
    flow: np.ndarray  # direction that the front faces: rows and columns; zeros where it is not known


# ---- One scene ------------------------------------------------------------------------------------------------------


def extract(
    one: SceneSource, image: SarImage, segmenters: Sequence[Segmenter], settings: Settings, folder: Path, wrap: Wrap
) -> None:
    """Predict a scene and write its products.

    Args:
      one: the scene.
      image: its pixels.
      segmenters: one, or one for zones and one for fronts.
      settings: the options.
      folder: of the scene's products.
      wrap: shows the progress of the strips.

    Raises:
      UserError: a network's values are not finite.
      OSError: a file cannot be written.
    """
    found = [_find(image, segmenter, settings, folder, wrap) for segmenter in segmenters]
    for each in found:
        _write_mask(folder, one.name, image, each)
    apart = None
    if len(found) == 2 and all(each.trust.pieces for each in found):
        apart = float(front_distance.distances(found[0].front, found[1].front).mean())
    rows = [_figures(each, image, apart) for each in found]
    _write_lines(folder, one.name, image, found, rows)
    _draw(folder / "overlay.png", one.name, image, found)
    scene = {key: value for key, value in asdict(image.scene).items() if value is not None and key != "split"}
    record = {"scene": one.name, "source": one.signature, **scene, "fronts": rows}
    files.write_json(folder / RECORD, record)


def _find(image: SarImage, segmenter: Segmenter, settings: Settings, folder: Path, wrap: Wrap) -> Found:
    """Predict a scene, and find and assess its front."""
    network, (height, width) = segmenter.network, image.pixels.shape[:2]

    def consume(strips: Iterator[Probabilities]) -> None:
        shown = wrap(strips, scenes.strip_count(network, height))
        if settings.probabilities:
            _write_probabilities(folder, segmenter, image, shown)
        else:
            for _ in shown:
                pass

    read = ArrayReader(image.pixels).read
    prediction = scenes.predict_scene(network, read, height, width, image.valid, settings.uncertainty, consume)
    shortest = min_length_pixels(image.scene.metres_per_pixel, settings.min_length)
    masks = (prediction.mask, *prediction.of_flips)
    front, *of_flips = (scenes.front_of(mask, segmenter.target, shortest, image.scene.bounding_box) for mask in masks)
    assessed = trust.assess(
        front, prediction.mask, prediction.confidence, image.valid, segmenter.target, network.size, of_flips
    )
    flow = trust.downstream(prediction.mask, front) if segmenter.target == "zones" else np.zeros(2)
    return Found(segmenter, prediction, front, tuple(of_flips), assessed, flow)


def _figures(found: Found, image: SarImage, apart: float | None) -> dict[str, object]:
    """Return the figures of a front, in JSON's types; lengths in metres are None where the scale is unknown."""
    scale, one = image.scene.metres_per_pixel, found.trust

    def metres(pixels: float | None) -> float | None:
        return None if pixels is None or scale is None or math.isinf(pixels) else round(pixels * scale, 2)

    flags = one.flags(found.segmenter.target)
    if apart is not None and apart > trust.APART:
        flags = (*flags, "disagreement")
    steps = found.flow[::-1] * (1, -1) if image.grid.is_north_up else np.zeros(2)  # x to the right and y upwards
    return {
        **found.segmenter.facts,
        "length_m": metres(one.length),
        "length_px": round(one.length, 2),
        "pieces": one.pieces,
        "probability": round(one.probability, 4),
        "near_nodata": round(one.near_nodata, 4),
        "on_seams": round(one.on_seams, 4),
        "fjord": None if one.fjord is None else round(one.fjord, 4),
        "spread_m": metres(one.spread),
        "spread_px": None if one.spread is None or math.isinf(one.spread) else round(one.spread, 3),
        "disagreement_m": metres(apart),
        "disagreement_px": None if apart is None else round(apart, 3),
        "flow": [round(float(step), 4) for step in steps],
        "flags": list(flags),
    }


# ---- Rasters --------------------------------------------------------------------------------------------------------


def tags_of(name: str, segmenter: Segmenter) -> dict[str, str]:
    """Return the metadata that a predicted raster carries.

    Args:
      name: of the scene.
      segmenter: that predicted it.
    """
    return {"SCENE": name, **{key.upper(): str(value) for key, value in segmenter.facts.items()}, "ORIGIN": "predicted"}


def _write_mask(folder: Path, name: str, image: SarImage, found: Found) -> None:
    target = found.segmenter.target
    colours = dict(zip(classes.ZONE_VALUES, classes.ZONE_COLOURS, strict=True))
    palette = colours if target == "zones" else {0: (0, 0, 0), 255: (255, 255, 255)}
    raster.write_geotiff(
        folder / f"{target}.tif",
        found.prediction.mask,
        image.grid,
        nodata=classes.NOT_AVAILABLE if target == "zones" else None,
        palette=palette,
        tags=tags_of(name, found.segmenter),
        descriptions=["zones: 0 not available, 64 rock, 127 glacier, 254 ocean"] if target == "zones" else ["front"],
    )


def _write_probabilities(folder: Path, segmenter: Segmenter, image: SarImage, strips: Iterable[Probabilities]) -> None:
    names = classes.ZONE_NAMES if segmenter.target == "zones" else ("front",)

    path = folder / ("probabilities.tif" if segmenter.target == "zones" else "front_probability.tif")
    described, row = [f"probability of {name} in percent" for name in names], 0
    with raster.geotiff_written(path, image.grid, len(names), nodata=NO_PROBABILITY, descriptions=described) as write:
        for strip in strips:
            percent = np.rint(100 * strip).astype(np.uint8)
            percent[~image.valid[row : row + len(strip)]] = NO_PROBABILITY
            write(percent)
            row += len(strip)


# ---- Lines ----------------------------------------------------------------------------------------------------------


def _write_lines(
    folder: Path, name: str, image: SarImage, found: Sequence[Found], rows: Sequence[Mapping[str, object]]
) -> None:
    """Write the fronts of all networks as GeoJSON and GeoPackage."""
    scene, grid = image.scene, image.grid
    place: Place = (scene.bounds, scene.crs, grid.height, grid.width)
    known = {"scene": name, "glacier": scene.glacier, "date": scene.date, "sensor": scene.sensor}
    whole = vector_files.feature_collection([], *place, {})
    points: list[dict] = []
    for each, figures in zip(found, rows, strict=True):
        front = {key: value for key, value in figures.items() if key not in ("length_m", "length_px", "flow", "flags")}
        front |= {"front_length_m": figures["length_m"], "flags": ", ".join(each_flag(figures)) or None}
        lines = polylines(each.front)
        pieces = [_piece(number, line, scene.metres_per_pixel) for number, line in enumerate(lines, 1)]
        collection = vector_files.feature_collection(lines, *place, {**known, **front}, pieces, image.looks)
        whole["features"] += collection["features"]
        points += _spread_points(each, place, {**known, **each.segmenter.facts}, image)
    files.write_json(folder / "front.geojson", whole)
    crs = scene.crs if scene.bounds else None
    layers = {LINES: (whole["features"], crs), **({SPREAD: (points, crs)} if found[0].of_flips else {})}
    vector_files.write_geopackage(folder / "front.gpkg", layers)


def each_flag(figures: Mapping[str, object]) -> list[str]:
    """Return the flags of a front.

    Args:
      figures: of the front, as in scene.json.
    """
    flags = figures["flags"]
    assert isinstance(flags, list)
    return flags


def _piece(number: int, line: np.ndarray, metres_per_pixel: float | None) -> dict[str, object]:
    length = trust.length_of(line)
    return {
        "piece": number,
        "length_m": None if metres_per_pixel is None else round(length * metres_per_pixel, 2),
        "length_px": round(length, 2),
    }


def _spread_points(found: Found, place: Place, known: Mapping[str, object], image: SarImage) -> list[dict]:
    """Return points along a front with their distance to the fronts of the mirrored images."""
    features, scale = list[dict](), image.scene.metres_per_pixel
    for line in polylines(found.front) if found.of_flips else ():
        pixels = line[::POINTS]
        spreads = [None if math.isinf(one) else round(one, 3) for one in trust.spread_along(pixels, found.of_flips)]
        of_points = [
            {"spread_px": one, "spread_m": None if one is None or scale is None else round(one * scale, 2)}
            for one in spreads
        ]
        points = [pixel[np.newaxis] for pixel in pixels]
        features += vector_files.feature_collection(points, *place, known, of_points, image.looks)["features"]
    return features


# ---- Overlay --------------------------------------------------------------------------------------------------------


def north_of(grid: Grid) -> float | None:
    """Return the direction of north at a grid's centre, degrees clockwise from the top; None where it is not known."""
    if not grid.is_georeferenced or grid.crs is None:
        return None
    from rasterio.warp import transform as transform_points

    x, y = grid.transform @ (grid.width / 2, grid.height / 2)
    (longitude,), (latitude,) = transform_points(grid.crs, "EPSG:4326", [x], [y])
    (x_north,), (y_north,) = transform_points("EPSG:4326", grid.crs, [longitude], [min(latitude + 0.01, 90.0)])
    columns, rows = ~grid.transform @ (x_north, y_north)
    right, up = columns - grid.width / 2, grid.height / 2 - rows
    return math.degrees(math.atan2(right, up)) if math.isfinite(right + up) and (right or up) else None


def _draw(path: Path, name: str, image: SarImage, found: Sequence[Found]) -> None:
    """Draw the fronts on the SAR image."""
    fronts = [each.front for each in found] + [None]
    names = {"zones": "front of the zones", "fronts": "front found directly"}
    titles = [names[each.segmenter.target] for each in found] if len(found) == 2 else ["predicted front", ""]
    grey = image.pixels[..., 0]
    grey = (grey >> 8).astype(np.uint8) if grey.dtype == np.uint16 else grey
    scene, by = image.scene, " and ".join(f"{each.segmenter.model.run}@{each.segmenter.model.epoch}" for each in found)
    overlay.draw(
        path, grey, fronts[0], fronts[1], scene.bounding_box, scene.metres_per_pixel, f"{name}: {by}",
        (titles[0], titles[1]), north_of(image.grid),
    )  # fmt: skip
