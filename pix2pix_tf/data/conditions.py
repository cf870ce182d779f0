"""Facts of a scene that a generator is told beside its mask, so that it need not average over them.

A condition is written as text: the values in the order of the keys, with commas between them, such as "TSX" or
"TSX,winter". An empty value is one that is not told.
"""

from collections.abc import Mapping, Sequence

from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.scene_names import Facts, scene_of, season_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

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
    scenes = [dataset.scenes[scene_of(stem)] for stem in dataset.stems["train"]] if keys else []
    known = {key: tuple(sorted({value for scene in scenes if (value := FACTS[key](scene))})) for key in keys}
    for key, values in known.items():
        if not values:
            raise UserError(
                f"{dataset.root}/dataset.json tells the {key} of no training scene, which data.condition={key} needs. "
                "Write it there, or name the patches by the rule of CaFFe (datasets/README.md)."
            )
    return known


def text_of(dataset: Dataset, conditions: Conditions, stem: str) -> str:
    """What a generator is told of a patch: its own scene's facts, or those of the patch that its row names as input.

    Args:
      dataset: opened.
      conditions: the generator's keys and values.
      stem: of the patch.
    """
    row = dataset.pairs.get(stem)
    scene = dataset.scenes[scene_of(row.input if row and row.input else stem)]
    return as_text(facts_of(scene, conditions), conditions)


def facts_of(scene: Scene, conditions: Conditions) -> dict[str, str]:
    """What is known of a scene, by key; without the values that a generator does not know.

    Args:
      scene: as dataset.json or names tell it.
      conditions: the generator's keys and values.
    """
    facts = {key: FACTS[key](scene) for key in conditions}
    return {key: value for key, value in facts.items() if value in conditions[key]}


def wishes_of(words: Sequence[str], conditions: Conditions) -> dict[str, str]:
    """What the user asks a generator for, by key.

    Args:
      words: "key=value" each, such as "sensor=TSX".
      conditions: the generator's keys and values.

    Raises:
      UserError: the generator knows no such key or value; the message names the nearest.
    """
    wishes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not conditions:
            raise UserError(f"--condition {word}: this model was trained without conditions (data.condition).")
        if not equals:
            raise UserError(f"--condition takes KEY=VALUE, such as sensor=TSX, not {word!r}.")
        if key not in conditions:
            raise did_you_mean("condition", key, conditions)
        if value not in conditions[key]:
            raise did_you_mean(key, value, conditions[key])
        wishes[key] = value
    return wishes


def as_text(told: Mapping[str, str], conditions: Conditions) -> str:
    """Writes values by key as a generator takes them; a key without a value is not told."""
    return ",".join(told.get(key, "") for key in conditions)


def changes(scene: Scene, wishes: Mapping[str, str]) -> Facts:
    """What is no longer true of a scene once it is painted as wished: its sensor, and its date.

    Args:
      scene: of the mask.
      wishes: from `wishes_of`.
    """
    changed: Facts = {}
    if "sensor" in wishes:
        changed["sensor"] = wishes["sensor"]
    if "season" in wishes and wishes["season"] != FACTS["season"](scene):
        changed["date"] = None
    return changed
