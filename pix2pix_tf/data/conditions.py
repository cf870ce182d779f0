"""Conditions: metadata of a scene, such as sensor and season, that a generator takes beside its mask.

Without conditions, a generator averages over these properties. A condition is written as text: the values in the order
of the keys, separated by commas, such as "TSX" or "TSX,winter". An empty value is unknown.
"""

from collections.abc import Mapping, Sequence

from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.scene_names import Facts, scene_of, season_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

Conditions = Mapping[str, Sequence[str]]  # key -> the values that a generator knows, in the order of its channels

# Key, one of config.CONDITIONS -> a function that returns a scene's value; None: unknown.
FACTS = {
    "sensor": lambda scene: scene.sensor,
    "season": lambda scene: season_of(scene.glacier, scene.date),
}


def vocabulary(dataset: Dataset, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of each condition in the training patches, sorted.

    Args:
      dataset: loaded, with the split "train".
      keys: such as ("sensor", "season").

    Raises:
      UserError: no training patch has a value for a key.
    """
    scenes = [dataset.scenes[scene_of(stem)] for stem in dataset.stems["train"]] if keys else []
    known = {key: tuple(sorted({value for scene in scenes if (value := FACTS[key](scene))})) for key in keys}
    for key, values in known.items():
        if not values:
            raise UserError(
                f"{dataset.root}/dataset.json has no {key} of any training scene, which data.condition={key} needs. "
                "Write it there, or name the patches by the rule of CaFFe (datasets/README.md)."
            )
    return known


def condition_text(dataset: Dataset, conditions: Conditions, stem: str) -> str:
    """Return the condition of a patch: the metadata of its own scene, or of the scene of its shared input.

    Args:
      dataset: loaded.
      conditions: the generator's keys and values.
      stem: of the patch.
    """
    pairing = dataset.pairs.get(stem)
    scene = dataset.scenes[scene_of(pairing.input if pairing and pairing.input else stem)]
    return format_condition(facts_of(scene, conditions), conditions)


def facts_of(scene: Scene, conditions: Conditions) -> dict[str, str]:
    """Return a scene's values by key, without those that a generator does not know.

    Args:
      scene: from dataset.json or from file names.
      conditions: the generator's keys and values.
    """
    facts = {key: FACTS[key](scene) for key in conditions}
    return {key: value for key, value in facts.items() if value in conditions[key]}


def parse_conditions(words: Sequence[str], conditions: Conditions) -> dict[str, str]:
    """Parse the conditions that a user requests; return their values by key.

    Args:
      words: one "key=value" each, such as "sensor=TSX".
      conditions: the generator's keys and values.

    Raises:
      UserError: the generator has no such key or value; the message suggests the nearest one.
    """
    requested = {}
    for word in words:
        key, equals, value = word.partition("=")
        if conditions and not equals:
            raise UserError(f"--condition takes KEY=VALUE, such as sensor=TSX, not {word!r}.")
        requested[key] = value
    check_conditions(requested, conditions)
    return requested


def check_conditions(requested: Mapping[str, str], conditions: Conditions) -> None:
    """Check the values that a user requests.

    Args:
      requested: by key, such as {"sensor": "TSX"}.
      conditions: the generator's keys and values.

    Raises:
      UserError: the generator has no such key or value; the message suggests the nearest one.
    """
    for key, value in requested.items():
        if not conditions:
            raise UserError(f"The condition {key}={value}: this model was trained without conditions (data.condition).")
        if key not in conditions:
            raise did_you_mean("condition", key, conditions)
        if value not in conditions[key]:
            raise did_you_mean(key, value, conditions[key])


def format_condition(values: Mapping[str, str], conditions: Conditions) -> str:
    """Format values by key as the text that a generator takes; a missing key becomes an empty value."""
    return ",".join(values.get(key, "") for key in conditions)


def changed_facts(scene: Scene, requested: Mapping[str, str]) -> Facts:
    """Return the metadata of a mask's scene that requested conditions replace: its sensor, and its date.

    Args:
      scene: of the mask.
      requested: from `parse_conditions`.
    """
    changed: Facts = {}
    if "sensor" in requested:
        changed["sensor"] = requested["sensor"]
    if "season" in requested and requested["season"] != FACTS["season"](scene):
        changed["date"] = None
    return changed
