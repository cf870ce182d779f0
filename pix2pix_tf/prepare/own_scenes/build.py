"""Build a data set from a folder of the user's own scenes: scan, split, write, report."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pix2pix_tf.data import classes, dataset, scene_names, tiling, validation
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.dataset import SPLITS, Dataset
from pix2pix_tf.prepare import dataset_writer, scene_table, splits
from pix2pix_tf.prepare.own_scenes import source
from pix2pix_tf.prepare.own_scenes.split import make_splits, split_of
from pix2pix_tf.prepare.own_scenes.survey import DIVIDE_BY, SceneInfo, Settings, load, scan
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

NEARLY_EMPTY = 0.1  # share of a patch inside its scene, below which it is reported as padding


def prepare(folder: Path, output: Path, settings: Settings) -> None:
    """Build a data set from scenes of any size, or resume an interrupted one.

    Args:
      folder: one folder per role, or side-by-side images (see `source`).
      output: the data set's folder.
      settings: checked here.

    Raises:
      UserError: settings, scenes or the output folder are not usable; nothing is written then.
    """
    _check(settings, folder, output)
    sources = source.find(folder, settings.side_by_side, settings.shared)
    table = folder / scene_table.FILE
    record = {
        **{"command": "folder", **asdict(settings), "input": source.fingerprint(sources)},
        "table": validation.file_signature(table) if table.exists() else None,
    }
    if dataset_writer.is_finished(output, record):
        return
    found = scan(sources, settings, folder)
    where = make_splits(found, settings)
    dataset_writer.begin(output, record)
    for one in cli.progress(found, len(found), "scenes written"):
        _write(one, where, output, settings)
    described = {one.source.name: replace(one.scene, split=split_of(one, where)) for one in found}
    origin, train_glaciers = source.origin(folder)
    whole = Dataset(
        output,
        output.resolve().name,
        origin,
        settings.size,
        found[0].bits,
        described,
        generator_train_glaciers=train_glaciers,
    )
    dataset.save(whole)
    report(found, where, settings)


def _share_inside(one: SceneInfo, stem: str, size: int) -> float:
    """Return the share of a patch that is no padding, 0 to 1."""
    row, column = scene_names.place_of(stem)
    return min(size, one.scene.height - row) * min(size, one.scene.width - column) / size**2


def _check(settings: Settings, folder: Path, output: Path) -> None:
    if settings.size < 1 or not 0 <= settings.overlap < settings.size:
        raise UserError(f"--overlap {settings.overlap} must be at least 0 and below --size {settings.size}.")
    splits.check(settings.split, DIVIDE_BY, settings.val, settings.seed, settings.cut)
    splits.check_limits(settings.limits or {}, ("", *(role for role in CHANNELS if role not in VALUES)))
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--output {output} lies inside --input {folder}. Choose a folder outside it.")


def _write(one: SceneInfo, where: Mapping[str, str], output: Path, settings: Settings) -> None:
    """Cut a scene and write its missing patches."""
    roles = list(one.bits)
    if not any(dataset_writer.missing(output, where[stem], roles, stem) for stem in one.stems):
        return
    pixels = load(one, settings)
    for role in roles:
        pieces = tiling.cut(pixels[role], settings.size, settings.overlap)
        for stem, (_, _, patch) in zip(one.stems, pieces, strict=True):
            if dataset_writer.missing(output, where[stem], [role], stem):
                dataset_writer.write(output, where[stem], stem, {role: patch})


def report(found: Sequence[SceneInfo], where: Mapping[str, str], settings: Settings) -> None:
    """Print counts and zone shares by split, glaciers, sensors, and stretched roles.

    Args:
      found: all scenes.
      where: the split of each patch.
      settings: those of the data set.
    """
    has_zones = "zones" in found[0].bits
    size, roles = settings.size, ", ".join(found[0].bits)
    counts = Counter(where.values())
    print(f"{len(found)} scenes, {len(where)} patches of {size} x {size} pixels: {roles}")
    print("split   scenes  patches" + "".join(f"{name:>15}" for name in classes.ZONE_NAMES if has_zones))
    for split in SPLITS:
        inside = [[where[stem] == split for stem in one.stems] for one in found]
        if not any(map(any, inside)):
            continue
        line = f"{split:<8}{sum(map(any, inside)):>6}{sum(map(sum, inside)):>9}"
        if has_zones:
            pixels = sum(one.zones[mine].sum(axis=0) for one, mine in zip(found, inside, strict=True))
            line += "".join(f"{share:>13.1f} %" for share in 100 * pixels / pixels.sum())
        print(line)
    if counts["val"] > counts["train"]:
        print(
            "warning: val has more patches than train, as one unit is large. Another --seed draws others; "
            f"--split {'scene' if settings.split == 'glacier' else 'random'} has smaller units."
        )
    empty = [stem for one in found for stem in one.stems if _share_inside(one, stem, settings.size) < NEARLY_EMPTY]
    if empty:
        print(
            f"{len(empty)} of {len(where)} patches are nearly all padding, where a scene's side is little more than a "
            f"multiple of {settings.size}: {validation.abbreviate(empty)}. Crop such scenes to "
            "avoid them."
        )
    for field in ("glacier", "sensor"):
        named = Counter(getattr(one.scene, field) for one in found)
        known = ", ".join(f"{name} {count}" for name, count in sorted(named.items(), key=str) if name)
        print(f"{field}s: {known or 'not known'}" + (f", not known {named[None]}" if known and named[None] else ""))
    _report_pixels(found, settings)


def _report_pixels(found: Sequence[SceneInfo], settings: Settings) -> None:
    """Print how numbers became grey values, and which pixels are not available."""
    how = "percentiles {:g} to {:g}".format(*settings.cut) if settings.cut else "--limits"
    if settings.limits:
        how = "--limits" if not settings.cut else f"{how}, or --limits"
    for role, count in Counter(role for one in found for role in one.scene.stretch or ()).items():
        print(f"{role}: {count} of {len(found)} scenes stretched to 8 bit, {how}")
    notes: dict[str, list[str]] = defaultdict(list)
    for one in found:
        for note in one.picture.notes:
            notes[note].append(one.source.name)
    for note, names in notes.items():
        print(f"{note}: {validation.abbreviate(names) if len(names) < len(found) or len(found) == 1 else 'all scenes'}")
    gaps = [one for one in found if one.picture.missing]
    if gaps:
        total = sum(one.picture.missing for one in gaps)
        listed = validation.abbreviate([one.source.name for one in gaps])
        print(f"{total} pixels were NaN, infinite or no data and became 0: {listed}")
    hidden = sum(one.picture.hidden for one in found)
    if hidden:
        print(f"{hidden} pixels of zones became not available, as the SAR image has none there")
