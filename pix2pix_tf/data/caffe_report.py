"""What is said of a data set made from the CaFFe benchmark: counts beside the published ones, and what is special."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pix2pix_tf.data import checks
from pix2pix_tf.data.caffe_patches import ROLES, Outcome
from pix2pix_tf.data.dataset import SPLITS

SCENES = {"train": 559, "test": 122}  # of the whole benchmark
PATCHES = {"train": 46_700, "val": 18_744, "test": 28_376}  # of 256 pixels, in the split of the paper


def report(outcomes: Sequence[Outcome], size: int, split: str) -> None:
    """Prints scenes, patches, glaciers and sensors by split, and what is special about some scenes.

    Args:
      outcomes: of all scenes; all are good.
      size: pixels of a patch's side.
      split: how they were divided.
    """
    found = Counter("test" if one.scene.split == "test" else "train" for one in outcomes)
    whole = found == SCENES and size == 256
    total = sum(one.patches for one in outcomes)
    print(f"{len(outcomes)} scenes, {total} patches of {size} x {size} pixels: {', '.join(ROLES)}")
    print("split   scenes  patches" + ("  published" if whole else ""))
    for part in SPLITS:
        inside = [one for one in outcomes if one.scene.split == part]
        line = f"{part:<8}{len(inside):>6}{sum(one.patches for one in inside):>9}"
        known = split == "paper" or part == "test"  # of other divisions no numbers are published
        print(line + (f"{PATCHES[part] if known else '-':>11}" if whole else ""))
    for part in SPLITS:
        inside = [one.scene for one in outcomes if one.scene.split == part]
        kinds = (_counted(inside, what) for what in ("glacier", "sensor"))
        print(f"{part}: " + "; ".join(kinds))
    say_part(found)
    _say_special(outcomes, size)


def _counted(scenes: Sequence[object], what: str) -> str:
    counts = Counter(getattr(scene, what) for scene in scenes)
    return f"{what}s " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def say_part(found: Mapping[str, int]) -> None:
    """Says so when scenes of the benchmark are missing.

    Args:
      found: scenes of its `train` and `test`.
    """
    if any(found[part] != SCENES[part] for part in SCENES):
        counts = ", ".join(f"{part} {found[part]} of {SCENES[part]} scenes" for part in SCENES)
        print(f"this is not the whole benchmark ({counts}): results on it do not compare with published ones")


def say_without_box(names: Sequence[str]) -> None:
    """Says which scenes have no bounding box, and what that means."""
    if names:
        print(f"no bounding box, so the front is judged in all of the scene: {checks.some(names)}")


def say_without_glacier(outcomes: Sequence[Outcome]) -> None:
    """Says which scenes show no glacier."""
    bare = [one.name for one in outcomes if not one.has_glacier]
    if bare:
        print(f"no glacier in {len(bare)} scenes: {checks.some(bare)}")


def _say_special(outcomes: Sequence[Outcome], size: int) -> None:
    say_without_glacier(outcomes)
    judged = [one for one in outcomes if one.scene.split != "train"]
    say_without_box([one.name for one in judged if one.scene.bounding_box is None])
    small = [one.name for one in judged if min(one.scene.height, one.scene.width) < size - one.scene.overlap]
    if small:
        print(f"smaller than a patch's step, padded to one patch (the published code drops them): {checks.some(small)}")
    lost = [one.name for one in outcomes if one.scene.bounds is None]
    if lost:
        print(f"no place on the ground known of {len(lost)} scenes (meta_data.csv): {checks.some(lost)}")
