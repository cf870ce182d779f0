"""Assign the patches of a user's scenes to train, val and test."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pix2pix_tf.data import scene_names, validation
from pix2pix_tf.data.dataset import MIXED
from pix2pix_tf.prepare.own_scenes.survey import SceneInfo, Settings
from pix2pix_tf.prepare.splits import choose_val
from pix2pix_tf.utils.errors import UserError, did_you_mean


def make_splits(found: Sequence[SceneInfo], settings: Settings) -> dict[str, str]:
    """Return the split of each patch, by stem.

    Held-out glaciers become test, scenes in folders train/, val/, test/ stay there, and the settings split the rest.

    Args:
      found: all scenes.
      settings: checked.

    Raises:
      UserError: a glacier is unknown, or train or val would be empty.
    """
    fixed = {one.source.name: one.source.split for one in found if one.source.split}
    fixed |= dict.fromkeys(_held_out(found, settings.hold_out), "test")
    free = [one for one in found if fixed.get(one.source.name, "train") == "train"]
    where = {stem: fixed.get(one.source.name, "train") for one in found for stem in one.stems}
    if "val" not in fixed.values():
        units = _units(free, settings.split)
        chosen = choose_val(Counter(units.values()), settings.val, settings.seed) if units else set()
        where |= {stem: "val" for stem, unit in units.items() if unit in chosen}
    empty = [split for split in ("train", "val") if split not in where.values()]
    if empty and "val" in fixed.values():
        raise UserError("Nothing is left for train. Put images into train/, or hold out less.")
    if empty:
        kind = {"random": "patches", "scene": "different scenes", "glacier": "glaciers"}[settings.split]
        raise UserError(
            f"Nothing is left for {' and '.join(empty)}: --split {settings.split} needs two {kind} at least that are "
            f"not held out, and there are {len(set(_units(free, settings.split).values()))}. Add scenes, hold out "
            "less, or choose another --split."
        )
    _warn_of_duplicates(found, where)
    return where


def _held_out(found: Sequence[SceneInfo], glaciers: Iterable[str]) -> list[str]:
    known = {one.scene.glacier for one in found if one.scene.glacier}
    for glacier in glaciers:
        if not known:
            raise UserError(f"--hold-out {glacier}: no scene has a known glacier. {_naming_cure()}")
        if glacier not in known:
            raise did_you_mean("glacier", glacier, known)
    return [one.source.name for one in found if one.scene.glacier in set(glaciers)]


def _units(found: Sequence[SceneInfo], split: str) -> dict[str, str]:
    """Return the unit that each patch stays with: itself, its scene and that scene's duplicates, or its glacier."""
    if split == "random":
        return {stem: stem for one in found for stem in one.stems}
    if split == "glacier":
        nameless = [one.source.name for one in found if not one.scene.glacier]
        if nameless:
            raise UserError(
                f"--split glacier: the glacier of {validation.abbreviate(nameless)} is not known. {_naming_cure()}"
            )
        return {stem: one.scene.glacier for one in found if one.scene.glacier for stem in one.stems}
    leader = {one.source.name: scene_names.scene_of(one.source.name) for one in found}  # patches that are cut already
    for same in _duplicates(found).values():
        together = {leader[name] for name in same}
        leader |= {name: min(together) for name, first in leader.items() if first in together}
    return {stem: leader[one.source.name] for one in found for stem in one.stems}


def _naming_cure() -> str:
    return (
        f"Name the scenes by the rule {scene_names.CAFFE_RULE}, add it to scenes.csv (datasets/README.md), or choose "
        "--split scene without --hold-out."
    )


def _duplicates(found: Sequence[SceneInfo]) -> dict[str, list[str]]:
    """Return the scenes that hold the same target image, by its digest."""
    holders: dict[str, list[str]] = defaultdict(list)
    for one in found:
        for digest in one.picture.digests.values():
            holders[digest].append(one.source.name)
    return {digest: same for digest, same in holders.items() if len(same) > 1}


def _warn_of_duplicates(found: Sequence[SceneInfo], where: Mapping[str, str]) -> None:
    split = {one.source.name: split_of(one, where) for one in found}
    for same in _duplicates(found).values():
        if len({split[name] for name in same}) > 1 or MIXED in {split[name] for name in same}:
            listed = ", ".join(f"{name} ({split[name]})" for name in same)
            print(f"warning: data leakage: the same image is in different splits: {listed}")


def split_of(one: SceneInfo, where: Mapping[str, str]) -> str:
    """Return the split of a scene's patches; `mixed` when they lie in several.

    Args:
      one: the scene.
      where: the split of each stem, from `make_splits`.
    """
    splits = {where[stem] for stem in one.stems}
    return splits.pop() if len(splits) == 1 else MIXED
