"""What is said of a data set made from the CaFFe benchmark: counts beside the published ones, and what is special."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pix2pix_tf.data import validation
from pix2pix_tf.data.dataset import SPLITS, Scene
from pix2pix_tf.prepare.caffe.scene import ROLES, Outcome

SCENES = {"train": 559, "test": 122}  # of the whole benchmark
PATCHES = {"train": 46_700, "val": 18_744, "test": 28_376}  # of 256 pixels, in the split of the paper


def report(outcomes: Sequence[Outcome], scenes: Mapping[str, Scene], size: int, split: str) -> None:
    """Prints scenes, patches, glaciers and sensors by split, and what is special about some scenes.

    Args:
      outcomes: of all scenes; all are good.
      scenes: the same by name, with their places on the ground.
      size: pixels of a patch's side.
      split: how they were divided.
    """
    found = Counter("test" if scene.split == "test" else "train" for scene in scenes.values())
    whole = found == SCENES and size == 256
    total = sum(one.patches for one in outcomes)
    print(f"{len(outcomes)} scenes, {total} patches of {size} x {size} pixels: {', '.join(ROLES)}")
    print("split   scenes  patches" + ("  published" if whole else ""))
    for part in SPLITS:
        inside = [one for one in outcomes if scenes[one.name].split == part]
        line = f"{part:<8}{len(inside):>6}{sum(one.patches for one in inside):>9}"
        known = split == "paper" or part == "test"  # of other divisions no numbers are published
        print(line + (f"{PATCHES[part] if known else '-':>11}" if whole else ""))
    for part in SPLITS:
        members = [scene for scene in scenes.values() if scene.split == part]
        kinds = (_counted(members, what) for what in ("glacier", "sensor"))
        print(f"{part}: " + "; ".join(kinds))
    say_part(found)
    say_without_glacier(outcomes)
    _say_special(scenes, size)


def _counted(scenes: Sequence[Scene], what: str) -> str:
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
        print(f"no bounding box, so the front is judged in all of the scene: {validation.abbreviate(names)}")


def say_without_glacier(outcomes: Sequence[Outcome]) -> None:
    """Says which scenes show no glacier."""
    bare = [one.name for one in outcomes if not one.has_glacier]
    if bare:
        print(f"no glacier in {len(bare)} scenes: {validation.abbreviate(bare)}")


def _say_special(scenes: Mapping[str, Scene], size: int) -> None:
    judged = {name: scene for name, scene in scenes.items() if scene.split != "train"}
    say_without_box([name for name, scene in judged.items() if scene.bounding_box is None])
    small = [name for name, scene in judged.items() if min(scene.height, scene.width) < size - scene.overlap]
    if small:
        print(
            "smaller than a patch's step, padded to one (the published code drops them): "
            f"{validation.abbreviate(small)}"
        )
    lost = [name for name, scene in scenes.items() if scene.bounds is None]
    if lost:
        print(f"no place on the ground known of {len(lost)} scenes (meta_data.csv): {validation.abbreviate(lost)}")
