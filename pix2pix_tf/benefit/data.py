"""The data of the experiment: real and synthetic sources without data leakage, and the data set of each trial.

Whole glaciers are held out: their scenes are the test data, and none of them is in training or validation. The other
real scenes are training data, or a fraction of them; the real validation scenes select the best epoch of each trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.dataset import FILE, SPLITS, Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.merging import Part
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

MANY = 12  # names in a sentence; more are counted
SYNTHETIC = "synthetic-"  # prefix of synthetic patches, which often have the names of the real masks they come from


@dataclass(frozen=True)
class Sources:
    """The real and the synthetic data set, checked for leakage of held-out glaciers."""

    real: Dataset
    synthetic: Dataset  # its split train only
    held_out: tuple[str, ...]  # glaciers

    def real_stems(self, split: str, held_out: bool = False) -> tuple[str, ...]:
        """Return the real patches of a split: of the held-out glaciers, or of all others."""
        return tuple(
            stem for stem in self.real.stems.get(split, ()) if (self.glacier_of(stem) in self.held_out) == held_out
        )

    def glacier_of(self, stem: str) -> str | None:
        """Return the glacier of a real patch."""
        return self.real.scenes[scene_of(stem)].glacier

    def training_scenes(self) -> dict[str, str]:
        """Return the real scenes available for training, each with its glacier."""
        scenes = {scene_of(stem): self.glacier_of(stem) for stem in self.real_stems("train")}
        return {scene: glacier for scene, glacier in scenes.items() if glacier}  # all have one, see `open_sources`


def open_sources(data: Path, generated: Path, hold_out: Sequence[str], roles: Sequence[str]) -> Sources:
    """Load both data sets and check that no held-out glacier leaks into training.

    Args:
      data: the real data set, with fronts.
      generated: the synthetic data set; its split train is used.
      hold_out: names of glaciers.
      roles: inputs and targets of the network, such as ("sar", "zones").

    Raises:
      UserError: files are invalid, a glacier is unknown, no training or validation data are left, the synthetic images
        are not marked as synthetic, or they or their generator's training data include a held-out glacier.
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
            f"The glacier of {validation.abbreviate(nameless)} is not known, so it cannot be held out: write `glacier` "
            f"into {real.root}/{FILE}."
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
    """Check that the synthetic images are synthetic, and that their size and depth are those of the real ones."""
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
    leaked = sorted(name for name, scene in synthetic.scenes.items() if scene.glacier in held_out)
    if leaked:
        raise UserError(
            f"{synthetic.root} shows held-out glaciers: {validation.abbreviate(leaked)}. Generate it from masks of "
            "other glaciers."
        )
    tested = {scene_of(stem) for split in sources.real.stems for stem in sources.real_stems(split, held_out=True)}
    copied = sorted(tested & synthetic.scenes.keys())
    if copied:
        raise UserError(
            f"{synthetic.root} has scenes with the names of held-out ones: {validation.abbreviate(copied)}. Generate "
            "it from masks of other glaciers, or rename the scenes if they are different ones."
        )
    trained_on = sorted(held_out & set(synthetic.generator_train_glaciers or ()))
    if trained_on:
        raise UserError(
            f"The generator of {synthetic.root} was trained on {', '.join(trained_on)}, which --hold-out names: train "
            "a generator without them, or hold out other glaciers."
        )


def describe_leakage(sources: Sources) -> tuple[str, ...]:
    """Return sentences for the report on how far the synthetic images may depend on the held-out glaciers."""
    real, synthetic = sources.real, sources.synthetic
    held_out, trained_on = ", ".join(sources.held_out), synthetic.generator_train_glaciers
    shown = [synthetic.scenes[scene].glacier for scene in {scene_of(stem) for stem in synthetic.stems["train"]}]
    known = sorted({glacier for glacier in shown if glacier})
    which = f"{len(known)} glaciers" if len(known) > MANY else ", ".join(known) or "none by name"
    lines = [
        f"Held out: {held_out}. None of their scenes is in training or validation, and no synthetic scene has the name "
        f"of one. The synthetic scenes ({len(shown)}) show: {which}; for {shown.count(None)} the glacier is unknown."
    ]
    if synthetic.origin.startswith("simulated"):
        lines.append("The synthetic images are simulated, without a network, and so do not depend on real images.")
    else:
        lines.append(
            "The glaciers that the generator was trained on are **not known** (dataset.json has no `seen`). If they "
            "include held-out ones, there is data leakage and the scores with synthetic images are too high."
            if trained_on is None
            else f"The generator was trained on {', '.join(trained_on) or 'no named glacier'}, and on no held-out one."
        )
        lines.append(
            "**The generator was trained on 100 % of its own real training data, whatever the fraction**: its images "
            "carry information about the scenes that a small fraction leaves out. A gain at a small fraction shows the "
            "value of such a generator, not of a generator trained on as few real scenes."
        )
    if real.origin != "real":
        lines.append(
            f"The data called real here have the origin: {real.origin}. The scores do not apply to real SAR images."
        )
    return tuple(lines)


def draw_scenes(glaciers: Mapping[str, str], fraction: float, seed: int) -> tuple[str, ...]:
    """Draw a random fraction of the scenes, of each glacier its share as far as whole scenes allow.

    The scenes of a glacier are placed in random order at equal distances from 0 to 1, with a random offset, and the
    first ones of all glaciers are drawn. So with one seed, a smaller fraction is a subset of a larger one.

    Args:
      glaciers: scene -> its glacier.
      fraction: above 0, at most 1.
      seed: of the random order.

    Returns:
      The names of the drawn scenes, sorted; at least one.
    """
    rng = np.random.RandomState(seed)  # its stream is frozen across NumPy versions
    place: dict[str, float] = {}
    for glacier in sorted(set(glaciers.values())):
        members = sorted(scene for scene, its in glaciers.items() if its == glacier)
        offset = rng.uniform()
        for number, which in enumerate(rng.permutation(len(members))):
            place[members[which]] = (number + offset) / len(members)
    order = sorted(place, key=lambda scene: (place[scene], scene))
    return tuple(sorted(order[: max(1, round(fraction * len(order)))]))


# ---- Data sets of the trials ----------------------------------------------------------------------------------------


def training_parts(sources: Sources, scenes: Sequence[str], synthetic: bool) -> list[Part]:
    """Return the parts of a trial's training and validation data.

    Args:
      sources: from `open_sources`.
      scenes: the real training scenes; may be empty.
      synthetic: adds the synthetic images to the training data.
    """
    chosen = set(scenes)
    stems = tuple(stem for stem in sources.real_stems("train") if scene_of(stem) in chosen)
    parts = [Part(sources.real, "train", stems, "train"), Part(sources.real, "val", sources.real_stems("val"), "val")]
    if synthetic:
        generated = sources.synthetic
        parts.append(Part(generated, "train", generated.stems["train"], "train", SYNTHETIC))
    return parts


def held_out_parts(sources: Sources) -> list[Part]:
    """Return the parts of the test data: the held-out scenes of every split."""
    return [Part(sources.real, split, sources.real_stems(split, held_out=True), "test") for split in sources.real.stems]
