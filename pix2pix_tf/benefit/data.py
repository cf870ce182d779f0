"""The real and the synthetic images of a comparison, and what must not leak from the test into the training.

Whole glaciers are held out: their scenes test, and none of them trains or validates. The other real scenes train as
far as a fraction reaches; the real validation scenes choose the best epoch of every training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.dataset import FILE, SPLITS, Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

MANY = 12  # names; more are counted


@dataclass(frozen=True)
class Sources:
    """What is compared, opened and found free of leaks."""

    real: Dataset
    synthetic: Dataset  # its split train alone
    held_out: tuple[str, ...]  # glaciers

    def real_stems(self, split: str, held_out: bool = False) -> tuple[str, ...]:
        """The real patches of a split, of the glaciers that are held out or of all others."""
        return tuple(
            stem for stem in self.real.stems.get(split, ()) if (self.glacier_of(stem) in self.held_out) == held_out
        )

    def glacier_of(self, stem: str) -> str | None:
        """The glacier that a real patch shows."""
        return self.real.scenes[scene_of(stem)].glacier

    def training_scenes(self) -> dict[str, str]:
        """The real scenes that may be trained on, each with its glacier."""
        shown = {scene_of(stem): self.glacier_of(stem) for stem in self.real_stems("train")}
        return {scene: glacier for scene, glacier in shown.items() if glacier}  # all have one: `open_sources` asks


def open_sources(data: Path, generated: Path, hold_out: Sequence[str], roles: Sequence[str]) -> Sources:
    """Opens both data sets, and refuses what would let a held-out glacier into the training.

    Args:
      data: the real data set, with fronts.
      generated: the synthetic one; its split train is used.
      hold_out: names of glaciers.
      roles: what the network takes and tells, such as ("sar", "zones").

    Raises:
      UserError: files are bad, a name is unknown, nothing is left to train or to validate, the synthetic images are
        not known to be synthetic, or they or their generator have seen a held-out glacier.
    """
    splits = tuple(split for split in SPLITS if split != "test" or (data / split / roles[0]).is_dir())
    real = load_dataset(data, tuple(dict.fromkeys((*roles, "fronts"))), splits)
    sources = Sources(real, load_dataset(generated, tuple(roles), ("train",)), tuple(dict.fromkeys(hold_out)))
    _check_hold_out(sources)
    _check_kind(sources, roles)
    _check_leaks(sources)
    return sources


def _check_hold_out(sources: Sources) -> None:
    real = sources.real
    used = {scene_of(stem) for split in real.stems for stem in real.stems[split]}
    glaciers = {glacier for scene in used if (glacier := real.scenes[scene].glacier)}
    nameless = sorted(scene for scene in used if not real.scenes[scene].glacier)
    if nameless:
        raise UserError(
            f"The glacier of {validation.abbreviate(nameless)} is not known, and so not whether it is held out: write "
            f"`glacier` into {real.root}/{FILE}."
        )
    for name in sources.held_out:
        if name not in glaciers:
            raise did_you_mean("glacier", name, glaciers)
    empty = [split for split in ("train", "val") if not sources.real_stems(split)]
    if empty:
        raise UserError(
            f"Without {', '.join(sources.held_out)}, nothing is left of {' and '.join(empty)} in {real.root}: hold out "
            "fewer glaciers, or prepare the data set with another split."
        )


def _check_kind(sources: Sources, roles: Sequence[str]) -> None:
    """Synthetic images must be synthetic, and like the real ones on the outside."""
    real, synthetic = sources.real, sources.synthetic
    if synthetic.origin.split(":")[0] not in ("generated", "simulated"):
        raise UserError(
            f"--generated {synthetic.root} has the origin {synthetic.origin!r}; it takes a data set whose origin in "
            f"{FILE} is `generated: ...` or `simulated`."
        )
    if synthetic.size != real.size:
        raise UserError(
            f"{synthetic.root} has patches of {synthetic.size} pixels and {real.root} of {real.size}: make both of one "
            "size."
        )
    for role in roles:
        if synthetic.bits[role] != real.bits[role]:
            raise UserError(
                f"{role} has {synthetic.bits[role]} bit in {synthetic.root} and {real.bits[role]} bit in {real.root}: "
                "make both of one depth."
            )


def _check_leaks(sources: Sources) -> None:
    synthetic, held_out = sources.synthetic, set(sources.held_out)
    shown = sorted(name for name, scene in synthetic.scenes.items() if scene.glacier in held_out)
    if shown:
        raise UserError(
            f"{synthetic.root} shows held-out glaciers: {validation.abbreviate(shown)}. Generate it from masks of "
            "other glaciers."
        )
    tested = {scene_of(stem) for split in sources.real.stems for stem in sources.real_stems(split, held_out=True)}
    copied = sorted(tested & synthetic.scenes.keys())
    if copied:
        raise UserError(
            f"{synthetic.root} has scenes of the names of held-out ones: {validation.abbreviate(copied)}. Generate it "
            "from masks of other glaciers, or rename the scenes if they are none of these."
        )
    seen = sorted(held_out & set(synthetic.generator_train_glaciers or ()))
    if seen:
        raise UserError(
            f"The generator of {synthetic.root} was trained on {', '.join(seen)}, which --hold-out names: train a "
            "generator without, or hold out others."
        )


def what_is_known_of_leaks(sources: Sources) -> tuple[str, ...]:
    """Whether the synthetic images may know of the held-out glaciers, in sentences for the report."""
    real, synthetic = sources.real, sources.synthetic
    held_out, seen = ", ".join(sources.held_out), synthetic.generator_train_glaciers
    shown = [synthetic.scenes[scene].glacier for scene in {scene_of(stem) for stem in synthetic.stems["train"]}]
    known = sorted({glacier for glacier in shown if glacier})
    which = f"{len(known)} glaciers" if len(known) > MANY else ", ".join(known) or "none by name"
    lines = [
        f"Held out: {held_out}. No scene of these trains or validates, and no synthetic scene is of that name. "
        f"The synthetic scenes ({len(shown)}) are of: {which}; {shown.count(None)} do not say their glacier."
    ]
    if synthetic.origin.startswith("simulated"):
        lines.append(
            "The synthetic images are simulated: no network painted them, and none could have seen real images."
        )
    else:
        lines.append(
            "Which glaciers the generator was trained on is **not known** (dataset.json has no `seen`). If held-out "
            "ones were among them, the figures of the synthetic images are too good."
            if seen is None
            else f"The generator was trained on {', '.join(seen) or 'no named glacier'}, and on no held-out one."
        )
        lines.append(
            "**The generator saw 100 % of its own real training data, whatever the fraction**: what it learnt of the "
            "scenes that a small fraction leaves out is in its images. A gain at a small fraction is that of having "
            "such a generator, not what few real scenes alone can give."
        )
    if real.origin != "real":
        lines.append(
            f"What is called real here is of the origin: {real.origin}. No figure holds for real radar images."
        )
    return tuple(lines)


def draw(glaciers: Mapping[str, str], fraction: float, seed: int) -> tuple[str, ...]:
    """Draws a fraction of the scenes, every glacier with its share as far as whole scenes allow.

    The scenes of a glacier stand in random order at equal distances from 0 to 1, moved by a random part of that
    distance, and those that stand first are taken: so a smaller fraction of the same seed is a part of a larger one.

    Args:
      glaciers: the glacier of each scene.
      fraction: above 0, at most 1.
      seed: another seed draws others.

    Returns:
      Their names, sorted; one at least.
    """
    rng = np.random.RandomState(seed)  # RandomState's stream is frozen, for all NumPys
    place: dict[str, float] = {}
    for glacier in sorted(set(glaciers.values())):
        members = sorted(scene for scene, its in glaciers.items() if its == glacier)
        moved = rng.uniform()
        for number, which in enumerate(rng.permutation(len(members))):
            place[members[which]] = (number + moved) / len(members)
    order = sorted(place, key=lambda scene: (place[scene], scene))
    return tuple(sorted(order[: max(1, round(fraction * len(order)))]))
