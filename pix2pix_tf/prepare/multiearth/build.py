"""Build a data set for SAR-to-optical from MultiEarth files: find, pair, scan, split, write, report.

Data of the MultiEarth challenge; pairs within a week, the stretch by a cumulative count cut and the cloud filter
follow Cheng et al. 2022 (arXiv 2206.13042), a report of its SAR-to-optical task.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pix2pix_tf.data import dataset, tiling, validation
from pix2pix_tf.data.cloud_filter import unscored
from pix2pix_tf.data.dataset import MIXED, SPLITS, Dataset, Pairing
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare import splits as scene_splits
from pix2pix_tf.prepare.multiearth import files
from pix2pix_tf.prepare.multiearth.files import CLOUD_MASK, OPTICAL, Pair, Picture
from pix2pix_tf.prepare.multiearth.pictures import SceneInfo, Stretching, read, scan
from pix2pix_tf.prepare.splits import choose_val
from pix2pix_tf.prepare.stretch import Cut, Limits
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

DIVIDE_BY = ("place", "random")
CLOUDY = 0.1  # share of a target under cloud; the report counts the targets above it
ROLES = [role for roles in files.ROLES.values() for role in roles]


@dataclass(frozen=True)
class Settings:
    """Options that determine the data set."""

    days: int = 7  # between a SAR image and its targets, at most
    size: int = 256  # pixels of a patch's side
    cut: Cut | None = (2.0, 98.0)  # as in `Stretching`, and so the next two
    limits: Mapping[str, Limits] = field(default_factory=dict)
    depth: int = 8
    split: str = (
        "place"  # unit that stays in one split: all pictures of a place, or a patch of a SAR image and its targets
    )
    val: float = 0.1  # share of the targets for validation
    seed: int = 0


def prepare(folder: Path, output: Path, settings: Settings) -> None:
    """Build a data set from MultiEarth files, or resume an interrupted one.

    A sample is named after its target, `<lon>_<lat>_<date>_S2`. Its input is the SAR image of the place that is nearest
    in time, `<lon>_<lat>_<date>_S1`, or the earlier one of a tie. So no file is stored twice.

    Args:
      folder: TIFFs of one band each, also in subfolders.
      output: the data set's folder.
      settings: checked here.

    Raises:
      UserError: settings, files or the output folder are not usable; nothing is written then.
    """
    _check(settings, folder, output)
    sar, optical = files.find(folder)
    pairs = files.pair(sar, optical, settings.days)
    pictures = sorted({picture.name: picture for pair in pairs for picture in (pair.sar, pair.optical)}.items())
    record = _record(settings, [path for _, picture in pictures for path in picture.paths.values()])
    if dataset_writer.is_finished(output, record):
        return
    stretching = Stretching(settings.cut, settings.limits, settings.depth)
    found = scan([picture for _, picture in pictures], pairs, stretching, settings.size, folder)
    where = make_splits(pairs, found, settings)
    dataset_writer.begin(output, record)
    for one in cli.progress(found.values(), len(found), "pictures written"):
        _write(one, where, output, stretching, settings.size)
    described = _described(pairs, found, where, output, settings.size)
    dataset.save(described)
    report(pairs, found, where, described, settings)
    print_unused(sar, optical, pairs, settings.days)


def _check(settings: Settings, folder: Path, output: Path) -> None:
    if settings.days < 0 or settings.size < 1:
        raise UserError(f"--days {settings.days} must be 0 or more, and --size {settings.size} 1 or more.")
    scene_splits.check(settings.split, DIVIDE_BY, settings.val, settings.seed, settings.cut)
    scene_splits.check_limits(settings.limits, ROLES)
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--output {output} lies inside --input {folder}. Choose a folder outside it.")


def _record(settings: Settings, paths: Sequence[Path]) -> dict[str, object]:
    return {
        "command": "multiearth",
        **{key: getattr(settings, key) for key in ("days", "size", "depth", "split", "val", "seed")},
        "cut": list(settings.cut) if settings.cut else None,
        "limits": {role: list(limits) for role, limits in sorted(settings.limits.items())},
        "input": f"{len(paths)} files {validation.fingerprint((path.name, path) for path in paths)}",
    }


# ---- Splitting and writing -------------------------------------------------------------------------------------------


def inputs_of(pairs: Sequence[Pair], found: Mapping[str, SceneInfo]) -> dict[str, str]:
    """Return the input patch for each target patch: both are at the same place of their pictures.

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
    """Return the split of each patch, by stem; targets are always in the split of their input.

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
    """Cut a picture and write its missing patches."""
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
    """Return the description for dataset.json: pictures are scenes, and each target's pairing names its input."""
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
    """Return True where the sensor's own cloud masks are usable: masks that are blank throughout were never filled.

    In the public sample of MultiEarth, all QA60 are 0, also of pictures that are half cloud.
    """
    return any(one.cloud for one in found.values())


# ---- Reporting -------------------------------------------------------------------------------------------------------


def report(
    pairs: Sequence[Pair],
    found: Mapping[str, SceneInfo],
    where: Mapping[str, str],
    described: Dataset,
    settings: Settings,
) -> None:
    """Print the counts, pairs, stretches, gaps and clouds of the data set.

    Args:
      pairs: targets and inputs.
      found: all pictures of the pairs, by name.
      where: the split of each patch.
      described: the data set.
      settings: those of the data set.
    """
    images, places = len({pair.sar.name for pair in pairs}), len({pair.sar.place for pair in pairs})
    print(
        f"{images} SAR images and {len(pairs)} optical targets, places: {places}; patches of {settings.size} x "
        f"{settings.size} pixels: {', '.join(described.bits)}"
    )
    print("split   places  inputs  targets")
    for split in SPLITS:
        targets = [stem for stem in described.pairs if where[stem] == split]
        if targets:
            inputs = {described.pairs[stem].input for stem in targets}
            inside = {one.picture.place for one in found.values() if any(where[stem] == split for stem in one.stems)}
            print(f"{split:<8}{len(inside):>6}{len(inputs):>8}{len(targets):>9}")
    apart = Counter(pair.days for pair in pairs)
    print("days between target and input: " + ", ".join(f"{days} ({n} x)" for days, n in sorted(apart.items())))
    _print_stretch(described, settings)
    gaps = [one for one in found.values() if one.not_measured]
    if gaps:
        total, listed = sum(one.not_measured for one in gaps), validation.abbreviate([one.picture.name for one in gaps])
        print(f"{total} pixels were NaN, infinite, zero-filled or no data and became 0: {listed}")
    _print_clouds(found, described)


def _print_stretch(described: Dataset, settings: Settings) -> None:
    for role, bits in described.bits.items():
        if role in settings.limits:
            low, high = settings.limits[role]
            print(f"{role}: stretched to {bits} bit, {low:g} became black and {high:g} white")
        elif settings.cut:
            low, high = settings.cut
            print(f"{role}: stretched to {bits} bit, percentiles {low:g} to {high:g} of each picture and band")
        else:
            print(f"{role}: kept as it is, {bits} bit")


def _print_clouds(found: Mapping[str, SceneInfo], described: Dataset) -> None:
    masked = [one for one in found.values() if one.cloud is not None]
    cloudy = [stem for stem, row in described.pairs.items() if (row.cloud or 0) > CLOUDY]
    unknown = unscored(described, described.pairs)
    if len(unknown) < len(described.pairs):
        scored = len(described.pairs) - len(unknown)
        print(f"{CLOUD_MASK} gives the share of cloud of {scored} targets; {len(cloudy)} have more than {CLOUDY:.0%}")
    elif masked:
        print(
            f"{CLOUD_MASK} marks no cloud in any of {len(masked)} pictures. That counts as a mask that was never "
            "filled, not as a clear sky"
        )
    if unknown:
        print(
            f"the share of cloud of {len(unknown)} targets is not known; a classifier can find it: python -m "
            f"pix2pix_tf.prepare score-clouds --model PATH --data {described.root}"
        )


def print_unused(sar: Sequence[Picture], optical: Sequence[Picture], pairs: Sequence[Pair], days: int) -> None:
    """Print which pictures are in no pair.

    Args:
      sar: all complete SAR images.
      optical: all complete optical pictures.
      pairs: targets and inputs.
      days: the most that may lie between the two.
    """
    used = {picture.name for pair in pairs for picture in (pair.sar, pair.optical)}
    for pictures in (sar, optical):
        unused = [picture.name for picture in pictures if picture.name not in used]
        if unused and pictures[0].sensor == OPTICAL:
            reason = f"optical pictures have no SAR image of their place within {days} days"
        elif unused:
            reason = f"SAR images are not the nearest of any optical picture within {days} days"
        if unused:
            print(f"{len(unused)} of {len(pictures)} {reason}, and are left out: {validation.abbreviate(unused)}")
