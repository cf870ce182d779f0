"""Put patches of several data sets together in a new one."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf.data.dataset import FILE, Dataset, front_folder_of, save
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils import cli, files


@dataclass(frozen=True)
class Part:
    """Patches of a data set that become part of a split of another."""

    source: Dataset
    source_split: str
    stems: tuple[str, ...]
    split: str  # of the new data set
    prefix: str = ""  # before the names of patches and scenes


def merged_dataset(root: Path, origin: str, parts: Sequence[Part], roles: Sequence[str]) -> Dataset:
    """Return the description of a data set that is merged from parts; `write_dataset` writes it.

    Args:
      root: its folder.
      origin: for its dataset.json.
      parts: their patches have different names within a split.
      roles: the files of each patch to include.
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
    folder = front_folder_of(root)  # that of an earlier version, where it began to write this data set
    return Dataset(root, root.name, origin, first.size, bits, scenes, stems, front_folder=folder)


def write_dataset(merged: Dataset, parts: Sequence[Part]) -> None:
    """Write a merged data set, or resume an interrupted write.

    The patches are hard links where the file system supports them, else copies. They were checked in their sources and
    are not checked again.

    Args:
      merged: from `merged_dataset`.
      parts: the same as there.
    """
    if (merged.root / FILE).exists():
        return
    patches = [(part, role, stem) for part in parts for role in merged.bits for stem in part.stems]
    for part, role, stem in cli.progress(patches, len(patches), f"files of {merged.name}"):
        source = part.source.path(part.source_split, role, stem)
        _link(source, merged.path(part.split, role, part.prefix + stem))
    save(merged)


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)  # for a symbolic link, the file itself
    except OSError:  # another file system, or one without hard links
        with files.atomic_write(target) as temporary:
            shutil.copyfile(source, temporary)
