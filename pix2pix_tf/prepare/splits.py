"""Which patches train, which validate, which test."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pix2pix_tf.data import scene_names, validation
from pix2pix_tf.data.dataset import MIXED
from pix2pix_tf.prepare.own_scenes.survey import SceneInfo, Settings
from pix2pix_tf.prepare.stretch import Cut
from pix2pix_tf.utils.errors import UserError, did_you_mean


def check(split: str, known: Sequence[str], val: float, seed: int, cut: Cut | None) -> None:
    """Refuses what no command that divides and stretches scenes can work with.

    Args:
      split: what stays together.
      known: the choices for that.
      val: share of the patches for validation, above 0 and below 1.
      seed: 0 to 2 ** 32 - 1.
      cut: percentiles that become black and white, rising; None for none.

    Raises:
      UserError: an option is out of range, or the split unknown.
    """
    if split not in known:
        raise did_you_mean("split", split, known)
    if not 0 < val < 1:
        raise UserError(f"--val {val} must be a share between 0 and 1, such as 0.1.")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed {seed} must be from 0 to {2**32 - 1}.")
    if cut and not 0 <= cut[0] < cut[1] <= 100:
        raise UserError(f"--cut {cut[0]} {cut[1]} must be two rising percentiles, such as 2 98.")


def choose_val(units: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Draws the units that become the validation split.

    Args:
      units: what must stay together (a patch, a scene, a glacier), and how many patches each has; at least two.
      share: of all patches, above 0 and below 1. Units are taken until it is reached: at least one, and never all.
      seed: the same seed and units give the same choice, 0 to 2 ** 32 - 1.
    """
    order = sorted(units)
    goal = max(1, round(share * sum(units.values())))
    chosen: set[str] = set()
    taken = 0
    for i in np.random.RandomState(seed).permutation(len(order)):  # RandomState's stream is frozen, for all NumPys
        if taken >= goal or len(chosen) == len(order) - 1:
            break
        chosen.add(order[i])
        taken += units[order[i]]
    return chosen


def make_splits(found: Sequence[SceneInfo], settings: Settings) -> dict[str, str]:
    """Says for each patch in which split it lies.

    Held-out glaciers are the test split; what the folders fix stays; the rest is divided as the settings say.

    Args:
      found: all scenes.
      settings: checked.

    Returns:
      The split of each stem.

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
            raise UserError(f"--hold-out {glacier}: no scene says its glacier. {_naming_cure()}")
        if glacier not in known:
            raise did_you_mean("glacier", glacier, known)
    return [one.source.name for one in found if one.scene.glacier in set(glaciers)]


def _units(found: Sequence[SceneInfo], split: str) -> dict[str, str]:
    """What each patch must stay together with: itself, its scene and that scene's twins, or its glacier."""
    if split == "random":
        return {stem: stem for one in found for stem in one.stems}
    if split == "glacier":
        nameless = [one.source.name for one in found if not one.scene.glacier]
        if nameless:
            raise UserError(
                f"--split glacier: the glacier of {validation.abbreviate(nameless)} is not known. {_naming_cure()}"
            )
        return {stem: one.scene.glacier for one in found if one.scene.glacier for stem in one.stems}
    leader = {one.source.name: one.source.name for one in found}
    for same in _duplicates(found).values():
        together = {leader[name] for name in same}
        leader |= {name: min(together) for name, first in leader.items() if first in together}
    return {stem: leader[one.source.name] for one in found for stem in one.stems}


def _naming_cure() -> str:
    return (
        f"Name the scenes by the rule {scene_names.CAFFE_RULE}, tell it in scenes.csv (datasets/README.md), or choose "
        "--split scene without --hold-out."
    )


def _duplicates(found: Sequence[SceneInfo]) -> dict[str, list[str]]:
    """Scenes that hold the same target image, by its digest."""
    holders: dict[str, list[str]] = defaultdict(list)
    for one in found:
        for digest in one.twins.values():
            holders[digest].append(one.source.name)
    return {digest: same for digest, same in holders.items() if len(same) > 1}


def _warn_of_duplicates(found: Sequence[SceneInfo], where: Mapping[str, str]) -> None:
    split = {one.source.name: split_of(one, where) for one in found}
    for same in _duplicates(found).values():
        if len({split[name] for name in same}) > 1 or MIXED in {split[name] for name in same}:
            listed = ", ".join(f"{name} ({split[name]})" for name in same)
            print(f"warning: the same image lies in different splits, so results on them are too good: {listed}")


def split_of(one: SceneInfo, where: Mapping[str, str]) -> str:
    """The split that holds all patches of a scene; `mixed` when several do.

    Args:
      one: the scene.
      where: the split of each stem, from `divide`.
    """
    splits = {where[stem] for stem in one.stems}
    return splits.pop() if len(splits) == 1 else MIXED
