"""From MultiEarth files to a data set for SAR-to-optical: find, pair, survey, divide, write, report.

Data of the MultiEarth challenge; pairs within a week, the stretch by a cumulative count cut and the filter of clouds
follow Cheng et al. 2022 (arXiv 2206.13042), a report of its SAR-to-optical task.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pix2pix_tf.data import dataset, tiling, validation
from pix2pix_tf.data.dataset import MIXED, Dataset, Pairing
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare import splits as scene_splits
from pix2pix_tf.prepare.multiearth import files
from pix2pix_tf.prepare.multiearth.files import Pair
from pix2pix_tf.prepare.multiearth.pictures import Stretching, read
from pix2pix_tf.prepare.multiearth.report import report, say_unused
from pix2pix_tf.prepare.multiearth.survey import DIVIDE_BY, SceneInfo, Settings, scan
from pix2pix_tf.prepare.splits import choose_val
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError, did_you_mean

ROLES = [role for roles in files.ROLES.values() for role in roles]


def prepare(folder: Path, output: Path, settings: Settings) -> None:
    """Makes a data set from MultiEarth files, or goes on with one that was interrupted.

    A sample is named after its target, `<lon>_<lat>_<date>_S2`. Its input is the SAR image of the place that is nearest
    in time, `<lon>_<lat>_<date>_S1`, the earlier one of two as near: so no file is stored twice.

    Args:
      folder: TIFFs of one band each, in any folders within.
      output: the data set's folder.
      settings: checked here.

    Raises:
      UserError: settings, files or the output folder are not usable; nothing has been written then.
    """
    _check(settings, folder, output)
    sar, optical = files.find(folder)
    pairs = files.pair(sar, optical, settings.days)
    pictures = sorted({picture.name: picture for pair in pairs for picture in (pair.sar, pair.optical)}.items())
    made_with = _made_with(settings, [path for _, picture in pictures for path in picture.paths.values()])
    if dataset_writer.is_finished(output, made_with):
        return
    stretching = Stretching(settings.cut, settings.limits, settings.depth)
    found = scan([picture for _, picture in pictures], pairs, stretching, settings.size, folder)
    where = make_splits(pairs, found, settings)
    dataset_writer.begin(output, made_with)
    for one in cli.progress(found.values(), len(found), "pictures written"):
        _write(one, where, output, stretching, settings.size)
    described = _described(pairs, found, where, output, settings.size)
    dataset.save(described)
    report(pairs, found, where, described, settings)
    say_unused(sar, optical, pairs, settings.days)


def _check(settings: Settings, folder: Path, output: Path) -> None:
    if settings.days < 0 or settings.size < 1:
        raise UserError(f"--days {settings.days} must be 0 or more, and --size {settings.size} 1 or more.")
    scene_splits.check(settings.split, DIVIDE_BY, settings.val, settings.seed, settings.cut)
    for role, (low, high) in settings.limits.items():
        if role not in ROLES:
            raise did_you_mean("role", role, ROLES)
        if not -math.inf < low < high < math.inf:
            raise UserError(f"--limits {role} {low:g} {high:g} must be two rising numbers, such as -25 0.")
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--output {output} lies inside --input {folder}. Choose a folder outside it.")


def _made_with(settings: Settings, paths: Sequence[Path]) -> dict[str, object]:
    return {
        "command": "multiearth",
        **{key: getattr(settings, key) for key in ("days", "size", "depth", "split", "val", "seed")},
        "cut": list(settings.cut) if settings.cut else None,
        "limits": {role: list(limits) for role, limits in sorted(settings.limits.items())},
        "input": f"{len(paths)} files {validation.fingerprint((path.name, path) for path in paths)}",
    }


# ---- Dividing and writing -------------------------------------------------------------------------------------------


def inputs_of(pairs: Sequence[Pair], found: Mapping[str, SceneInfo]) -> dict[str, str]:
    """The patch of the input for each patch of a target: both lie at the same place of their pictures.

    Args:
      pairs: targets and inputs.
      found: all their pictures, by name.
    """
    return {
        target: given
        for pair in pairs
        for target, given in zip(found[pair.optical.name].stems, found[pair.sar.name].stems, strict=True)
    }


def make_splits(pairs: Sequence[Pair], found: Mapping[str, SceneInfo], settings: Settings) -> dict[str, str]:
    """Says for each patch in which split it lies; targets always lie where their input does.

    Args:
      pairs: targets and inputs.
      found: all their pictures, by name.
      settings: checked.

    Raises:
      UserError: train or val would be empty.
    """
    targets = inputs_of(pairs, found)
    place = {stem: one.picture.place for one in found.values() for stem in one.stems}
    unit = {given: place[given] if settings.split == "place" else given for given in targets.values()}
    units = Counter(unit[given] for given in targets.values())
    if len(units) < 2:
        kind = {"place": "places", "random": "SAR images"}[settings.split]
        other = ", or choose --split random" if settings.split == "place" else ""
        raise UserError(
            f"Nothing is left for val: --split {settings.split} needs two {kind} at least that have pairs, and there "
            f"is {len(units)}. Add {kind}{other}."
        )
    chosen = choose_val(units, settings.val, settings.seed)
    where = {given: "val" if one in chosen else "train" for given, one in unit.items()}
    return where | {target: where[given] for target, given in targets.items()}


def _write(one: SceneInfo, where: Mapping[str, str], output: Path, stretching: Stretching, size: int) -> None:
    """Cuts a picture and writes those of its patches that are not there yet."""
    roles = list(one.bits)
    if not any(dataset_writer.missing(output, where[stem], roles, stem) for stem in one.stems):
        return
    for role, pixels in read(one.picture, stretching).pixels.items():
        for stem, (_, _, patch) in zip(one.stems, tiling.cut(pixels, size), strict=True):
            if dataset_writer.missing(output, where[stem], [role], stem):
                dataset_writer.write(output, where[stem], stem, {role: patch})


# ---- Describing -----------------------------------------------------------------------------------------------------


def _described(
    pairs: Sequence[Pair], found: Mapping[str, SceneInfo], where: Mapping[str, str], output: Path, size: int
) -> Dataset:
    """The data set as dataset.json tells it: pictures are scenes, and each target's row names its input."""
    trusted = has_cloud_masks(found)
    scenes = {}
    for name, one in found.items():
        splits = {where[stem] for stem in one.stems}
        split = splits.pop() if len(splits) == 1 else MIXED
        scenes[name] = replace(one.scene, split=split, cloud=one.cloud if trusted else None)
    clouds = {
        stem: cloud
        for one in found.values()
        if trusted and one.clouds
        for stem, cloud in zip(one.stems, one.clouds, strict=True)
    }
    rows = {target: Pairing(given, clouds.get(target)) for target, given in inputs_of(pairs, found).items()}
    bits = {role: one.bits[role] for role in ROLES for one in found.values() if role in one.bits}
    return Dataset(output, output.resolve().name, "real", size, bits, scenes, pairs=rows)


def has_cloud_masks(found: Mapping[str, SceneInfo]) -> bool:
    """Whether the sensor's own masks of clouds can be relied on: those that are blank throughout were never filled.

    In the public sample of MultiEarth, all QA60 are 0, also of pictures that are half cloud.
    """
    return any(one.cloud for one in found.values())
