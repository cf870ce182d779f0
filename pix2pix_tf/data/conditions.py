"""Facts of a scene that a generator is told beside its mask, so that it need not average over them.

A condition is written as text: the values in the order of the keys, with commas between them, such as "TSX" or
"TSX,winter". An empty value is one that is not told.
"""

from collections.abc import Mapping, Sequence

from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.names import scene_of, season_of
from pix2pix_tf.errors import UserError, unknown

Conditions = Mapping[str, Sequence[str]]  # key -> the values a generator knows, in the order of its channels

# key, one of config.CONDITIONS -> what it is of a scene; None: not known
FACTS = {
    "sensor": lambda scene: scene.sensor,
    "season": lambda scene: season_of(scene.glacier, scene.date),
}


def vocabulary(dataset: Dataset, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What the training patches can teach a generator to tell apart.

    Args:
      dataset: opened, with the split "train".
      keys: such as ("sensor", "season").

    Returns:
      The values of each key, sorted.

    Raises:
      UserError: a fact is known of no training patch.
    """
    scenes = [_scene(dataset, stem) for stem in dataset.stems["train"]] if keys else []
    known = {key: tuple(sorted({value for scene in scenes if (value := FACTS[key](scene))})) for key in keys}
    for key, values in known.items():
        if not values:
            raise UserError(
                f"{dataset.root}/dataset.json tells the {key} of no training scene, which data.condition={key} needs. "
                "Write it there, or name the patches by the rule of CaFFe (datasets/README.md)."
            )
    return known


def text_of(dataset: Dataset, conditions: Conditions, stem: str) -> str:
    """What a generator is told of a patch; a value that it does not know is not told.

    Args:
      dataset: gives the scene.
      conditions: the generator's keys and values.
      stem: of the patch.
    """
    values = {key: FACTS[key](_scene(dataset, stem)) for key in conditions}
    return ",".join(values[key] if values[key] in known else "" for key, known in conditions.items())


def chosen(conditions: Conditions, wishes: Sequence[str]) -> str:
    """What the user asks a generator for, as its text.

    Args:
      conditions: the generator's keys and values.
      wishes: "key=value" each, such as "sensor=TSX".

    Raises:
      UserError: the generator knows no such key or value; the message lists those it knows.
    """
    told = dict.fromkeys(conditions, "")
    for wish in wishes:
        key, equals, value = wish.partition("=")
        if not conditions:
            raise UserError(f"--condition {wish}: this model was trained without conditions (data.condition).")
        if not equals:
            raise UserError(f"--condition takes KEY=VALUE, such as sensor=TSX, not {wish!r}.")
        if key not in conditions:
            raise unknown("condition", key, conditions)
        if value not in conditions[key]:
            raise unknown(key, value, conditions[key])
        told[key] = value
    return ",".join(told.values())


def _scene(dataset: Dataset, stem: str) -> Scene:
    """Where a patch's input comes from: its own scene, unless its row names another patch's."""
    row = dataset.rows.get(stem)
    return dataset.scenes[scene_of(row.input if row and row.input else stem)]
