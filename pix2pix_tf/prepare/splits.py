"""Choose the validation split, and check the options that several commands share."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pix2pix_tf.prepare.stretch import Cut, Limits
from pix2pix_tf.utils.errors import UserError, did_you_mean


def check(split: str, known: Sequence[str], val: float, seed: int, cut: Cut | None) -> None:
    """Check the options of commands that split and stretch scenes.

    Args:
      split: the unit that stays in one split.
      known: the choices for it.
      val: share of the patches for validation, above 0 and below 1.
      seed: 0 to 2 ** 32 - 1.
      cut: rising percentiles that become black and white; None for none.

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


def check_limits(limits: Mapping[str, Limits], roles: Sequence[str]) -> None:
    """Check --limits.

    Args:
      limits: raw values of black and white by role.
      roles: those that may have limits.

    Raises:
      UserError: a role is unknown, or two numbers do not rise.
    """
    for role, (low, high) in limits.items():
        if not role and role not in roles:
            raise UserError(f"--limits {low:g} {high:g}: give the role, too, such as --limits {roles[0]} -25 0.")
        if role not in roles:
            raise did_you_mean("role", role, [one for one in roles if one])
        if not -math.inf < low < high < math.inf:
            raise UserError(f"--limits {role} {low:g} {high:g} must be two rising numbers, such as -25 0.")


def choose_val(units: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Draw the units of the validation split.

    Args:
      units: the number of patches of each unit (a patch, a scene, a glacier); at least two units.
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
