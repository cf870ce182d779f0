"""Find the calving fronts in SAR scenes: zones and front lines in the projection of each scene.

Each scene gets a folder with zones.tif, front.gpkg, front.geojson and overlay.png; the run gets fronts.gpkg,
summary.csv and report.html. Fronts that may be wrong are flagged.
"""

import argparse
import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from pix2pix_tf.data import validation
from pix2pix_tf.data.io import images
from pix2pix_tf.export import inference, versions
from pix2pix_tf.fronts import inputs, products, scenes, series
from pix2pix_tf.fronts.inputs import SarImage, SceneSource
from pix2pix_tf.fronts.products import Segmenter, Settings
from pix2pix_tf.prepare.own_scenes import reading
from pix2pix_tf.utils import cli, files, resumable
from pix2pix_tf.utils.errors import UserError

RUN_RECORD = "fronts.json"  # the settings that the products follow from
TARGETS = (("zones",), ("fronts",))
LARGER = 1.5  # times the size of a tile: larger scenes are better averaged for a network that knows whole scenes

EXAMPLES = """\
  python -m pix2pix_tf.fronts my_scenes --model runs/zones --output fronts/mine
  python -m pix2pix_tf.fronts S1A_20240105.tif --model runs/zones --output fronts/one --uncertainty --probabilities
  python -m pix2pix_tf.fronts my_scenes --model runs/zones --model runs/fronts --output fronts/both
  python -m pix2pix_tf.fronts my_scenes --model runs/zones --output fronts/series --time-series --box box.gpkg"""


def main(argv: list[str]) -> None:
    """Check the scenes, extract the missing fronts, write the report."""
    options = parse(argv)
    from pix2pix_tf.fronts import report  # Matplotlib: half a second, which a mistyped option should not cost

    segmenters = load(options.model, options.batch_size)
    roles, bits = _input_of(segmenters)
    found = inputs.find(options.scenes, roles)
    inputs.check(found)
    settings = Settings(
        options.reading, options.min_length, options.uncertainty, options.probabilities, reading.multilook(options)
    )
    with files.lock(options.output):
        _claim(options.output, segmenters, settings)
        _extract_all(found, segmenters, settings, options.output, roles, bits)
        records = report.read(options.output, [one.name for one in found])
        collected = series.collect(records, options.box) if options.time_series else []
        command = f"{cli.program()} {shlex.join(argv)}"
        report.write(options.output, records, collected, command)
    flagged = sum(bool(front["flags"]) for record, _ in records for front in record["fronts"])
    print(
        f"fronts of {len(found)} scene{'s' if len(found) > 1 else ''} in {options.output}, {flagged} with a flag: "
        f"{options.output / 'fronts.gpkg'}, {options.output / 'report.html'}"
    )


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the arguments.

    Raises:
      UserError: one is out of range.
    """
    options = _parser().parse_args(argv)
    options.reading = reading.brightness_options(options)
    cli.check_positive("--batch-size", options.batch_size)
    if options.min_length is not None and not 0 <= options.min_length < float("inf"):
        raise UserError(f"--min-length takes a length from 0, not {options.min_length}.")
    if options.box is not None and not options.time_series:
        raise UserError("--box is for --time-series: add it, or leave --box out.")
    if options.box is not None and not options.box.exists():
        raise UserError(f"--box {options.box} does not exist.")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.fronts")
    parser.add_argument(
        "scenes",
        nargs="+",
        type=Path,
        metavar="SCENE",
        help="GeoTIFF, TIFF or PNG, a folder of them, or a data set; of any size. Names by CaFFe's rule, or scenes.csv "
        "beside the scenes, give glacier, date and sensor (datasets/README.md)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        required=True,
        help="a run of the variant zones or fronts, or its export; give it twice, one of each, to compare both",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the products")
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="also predict the mirrored scenes (four times the time): the mean of all, and the spread of the fronts",
    )
    parser.add_argument("--probabilities", action="store_true", help="write the probability of each class in percent")
    parser.add_argument(
        "--time-series",
        action="store_true",
        help="for each glacier with several dates: front position by the box and the centre-line method, area change, "
        "a map of all fronts",
    )
    parser.add_argument(
        "--box",
        type=Path,
        metavar="FILE",
        help="GeoPackage or GeoJSON with a polygon, the box, or a line, the centre line from its upstream end, or both "
        "(default: from the fronts' own extent)",
    )
    parser.add_argument(
        "--min-length",
        type=float,
        metavar="METRES",
        help="parts of a front up to this length are dropped (default: 750 m; of scenes of unknown scale, 10 pixels)",
    )
    reading.add_multilook(parser)
    reading.add_brightness(parser)
    parser.add_argument(
        "--batch-size", type=int, default=8, metavar="N", help="tiles at a time; fewer take less memory (default: 8)"
    )
    return parser


def load(paths: Sequence[Path], batch_size: int) -> list[Segmenter]:
    """Load the exports, that for zones first.

    Args:
      paths: of runs or exports, one or two.
      batch_size: tiles at a time.

    Raises:
      UserError: one is no segmenter, two have the same target, or they take different inputs.
    """
    segmenters = []
    for path in paths:
        model = inference.load(path)
        if model.targets not in TARGETS:
            makes = f"generates {' and '.join(model.targets)}" if model.targets else "classifies clouds"
            raise UserError(
                f"{path} {makes} and finds no front. --model takes an export of the variant zones or fronts"
                + ("; for images, use python -m pix2pix_tf.generate." if model.targets else ".")
            )
        segmenters.append(Segmenter(model, scenes.network_of(model, batch_size)))
    segmenters.sort(key=lambda one: TARGETS.index((one.target,)))
    if len(segmenters) > len({one.target for one in segmenters}):
        raise UserError("--model: give one network for zones, one for fronts, or one of each.")
    if len({(one.model.inputs, tuple(one.model.bits[role] for role in one.model.inputs)) for one in segmenters}) > 1:
        raise UserError("--model: both networks must take the same input, of the same depth.")
    return segmenters


def _input_of(segmenters: Sequence[Segmenter]) -> tuple[tuple[str, ...], int]:
    """Return the roles that the networks take, and their bits."""
    model = segmenters[0].model
    return model.inputs, max(model.bits[role] for role in model.inputs)


def _claim(output: Path, segmenters: Sequence[Segmenter], settings: Settings) -> None:
    """Mark the folder with the settings of this command, or resume the one that was begun with them."""
    models = [{**one.facts, "export": versions.fingerprint(one.model.folder)} for one in segmenters]
    resumable.claim(output, RUN_RECORD, {"models": models, **asdict(settings)})


def _extract_all(
    found: Sequence[SceneSource],
    segmenters: Sequence[Segmenter],
    settings: Settings,
    output: Path,
    roles: Sequence[str],
    bits: int,
) -> None:
    """Write the products of all scenes that lack them."""
    missing = [one for one in found if not _is_done(one, output)]
    if len(missing) < len(found):
        print(f"{len(found) - len(missing)} scenes are done already, in {output}")

    def wrap(strips: Iterable, count: int) -> Iterable:
        return cli.progress(strips, count, f"rows of tiles of {missing[0].name}") if len(missing) == 1 else strips

    problems, hint = [], ""
    shown = missing if len(missing) == 1 else cli.progress(missing, len(missing), "scenes")
    for one in shown:
        try:
            image = inputs.read(one, roles, bits, settings.reading, settings.multilook or 1)
        except images.BadImage as error:
            problems.append((str(error), one.path.name if one.dataset is None else one.name))
            continue
        hint = hint or _hint(one, image, segmenters[0])
        files.clear(output / one.name)
        products.extract(one, image, segmenters, settings, output / one.name, wrap)
    if hint:
        print(hint)
    if problems:
        others = "The other scenes are done, but these" if len(problems) < len(found) else "These scenes"
        raise validation.validation_error(f"{others} cannot be used", problems)


def _hint(one: SceneSource, image: SarImage, segmenter: Segmenter) -> str:
    """Return what to do about a scene that is much larger than all that the network has learnt from; else empty."""
    (height, width), size = image.valid.shape, segmenter.model.size
    looks = math.ceil(image.looks * max(height, width) / size)
    if not segmenter.model.whole_scenes or max(height, width) <= LARGER * size:
        return ""
    return (
        f"note: {segmenter.model.run} has learnt from whole scenes of {size} x {size} pixels, and {one.name} has "
        f"{height} x {width}, of which it sees a part at a time: with --multilook {looks} it sees the whole"
    )


def _is_done(one: SceneSource, output: Path) -> bool:
    """Return True for a scene with products.

    Raises:
      UserError: they were made from another file.
    """
    record = output / one.name / products.RECORD
    if not record.exists():
        return False
    if files.read_json(record).get("source") != one.signature:
        raise UserError(
            f"{record.parent} was made from another file of the name {one.name}. Choose another --output, or remove it."
        )
    return True
