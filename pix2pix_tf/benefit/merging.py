"""Data sets put together from patches of others: what each training has, and the held-out scenes."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf.benefit.data import Sources
from pix2pix_tf.data.dataset import FILE, Dataset, save
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils import cli, files

SYNTHETIC = "synthetic-"  # before the names of synthetic patches, which often are those of the real masks


@dataclass(frozen=True)
class Part:
    """Patches of a data set that become a split of another, or a part of one."""

    source: Dataset
    source_split: str
    stems: tuple[str, ...]
    split: str  # of the new data set
    prefix: str = ""  # before the names of patches and scenes


def parts_of(sources: Sources, scenes: Sequence[str], synthetic: bool) -> list[Part]:
    """What a data set for one training is made of.

    Args:
      sources: from `open_sources`.
      scenes: the real ones that train; there may be none.
      synthetic: whether the synthetic ones train.
    """
    wanted = set(scenes)
    stems = tuple(stem for stem in sources.real_stems("train") if scene_of(stem) in wanted)
    parts = [Part(sources.real, "train", stems, "train"), Part(sources.real, "val", sources.real_stems("val"), "val")]
    if synthetic:
        made = sources.synthetic
        parts.append(Part(made, "train", made.stems["train"], "train", SYNTHETIC))
    return parts


def held_out_parts(sources: Sources) -> list[Part]:
    """What the data set of the held-out scenes is made of: these, from whatever split."""
    return [Part(sources.real, split, sources.real_stems(split, held_out=True), "test") for split in sources.real.stems]


def merged(root: Path, origin: str, parts: Sequence[Part], roles: Sequence[str]) -> Dataset:
    """Describes a data set that is put together from patches of others; it is not on the disk yet.

    Args:
      root: where it is to lie.
      origin: what dataset.json says of it.
      parts: no two patches of one split with the same name.
      roles: which files of each patch.
    """
    stems: dict[str, tuple[str, ...]] = {}
    scenes = {}
    for part in parts:
        stems[part.split] = stems.get(part.split, ()) + tuple(part.prefix + stem for stem in part.stems)
        for scene in sorted({scene_of(stem) for stem in part.stems}):
            scenes[part.prefix + scene] = replace(part.source.scenes[scene], split=part.split)
    first = parts[0].source
    bits = {role: first.bits[role] for role in roles}
    stems = {split: tuple(sorted(names)) for split, names in stems.items()}
    return Dataset(root, root.name, origin, first.size, bits, scenes, stems)


def lay_out(wanted: Dataset, parts: Sequence[Part]) -> None:
    """Writes a merged data set, or goes on with one that was begun.

    The patches are hard links where the file system has them, else copies. They are not checked again: they are files
    that were checked in their sources.

    Args:
      wanted: from `merged`.
      parts: the same as there.
    """
    if (wanted.root / FILE).exists():
        return
    patches = [(part, role, stem) for part in parts for role in wanted.bits for stem in part.stems]
    for part, role, stem in cli.progress(patches, len(patches), f"files of {wanted.name}"):
        source = part.source.path(part.source_split, role, stem)
        _link(source, wanted.path(part.split, role, part.prefix + stem))
    save(wanted)


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)  # of a symbolic link the file itself
    except OSError:  # another file system, or one without hard links
        with files.atomic_write(target) as temporary:
            shutil.copyfile(source, temporary)
