"""The weights of all networks of a task: written beside an export, and taken over by a new training.

A weight is named by its module, its layer and its own name, such as `generator/conv2d_3/kernel`. Layers are numbered
anew in each module in the order in which they were built, so the names depend neither on the TensorFlow generation nor
on what else a process has built.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from pix2pix_tf.training.averages import WeightAverage
from pix2pix_tf.utils import tf_compat
from pix2pix_tf.utils.errors import UserError

Weights = dict[str, np.ndarray]  # float32, by name
# Takes a weight of another model and the new one of another shape; returns the new one with what fits, or None.
Fit = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
AVERAGED = "network"  # the attribute of a WeightAverage that holds its weights


def of_modules(modules: Mapping[str, tf.Module | tf.keras.Model]) -> Weights:
    """Return the weights of the networks among a task's modules; optimizers are left out."""
    return {name: tf.convert_to_tensor(variable).numpy() for name, variable in _variables(modules).items()}


def initialize(modules: Mapping[str, tf.Module | tf.keras.Model], source: Path, fit: Fit | None = None) -> list[str]:
    """Take over the weights that fit by name and shape.

    Args:
      modules: of a task, with new weights.
      source: from `run_folder.find_weights`: a file of weights, or a checkpoint without its suffix.
      fit: may take over a part of a weight of another shape.

    Returns:
      Lines that describe what was taken, and each weight that was not.

    Raises:
      UserError: the file cannot be read, or no weight fits.
    """
    try:
        found = _read_file(source) if source.suffix == ".npz" else _read_checkpoint(source, modules)
    except Exception as error:  # a damaged file makes NumPy and TensorFlow raise all kinds
        raise UserError(f"The weights {source} cannot be read ({error}). Choose another --init.") from None
    variables, partly = _variables(modules), {}
    if not any(name.startswith("average/") for name in found):  # a model without one begins it with its weights
        names = {name: name.replace("average/", "generator/", 1) for name in variables if name.startswith("average/")}
        found |= {average: found[name] for average, name in names.items() if name in found}
    fitting = [name for name, one in variables.items() if name in found and found[name].shape == tuple(one.shape)]
    if not fitting:
        raise UserError(f"No weight of {source} fits this network: --init takes a model of the same kind.")
    for name in fitting:
        variables[name].assign(found[name])
    for name in variables.keys() & found.keys() - set(fitting):
        fitted = fit(found[name], tf.convert_to_tensor(variables[name]).numpy()) if fit else None
        if fitted is not None:
            variables[name].assign(fitted)
            partly[name] = "  in part"
    here, there = ({name: list(one.shape) for name, one in named.items()} for named in (variables, found))
    lines = [f"{len(fitting)} of {len(variables)} weights from {source}"]
    for name, shape in here.items():
        if name not in fitting:
            other = f"{there[name]} there" if name in there else "not there"
            lines.append(f"{partly.get(name, '  new')}: {name} {shape} ({other})")
    lines += [f"  left out: {name} {shape}" for name, shape in there.items() if name not in here]
    return lines


def _networks(modules: Mapping[str, tf.Module | tf.keras.Model]) -> dict[str, tf.keras.Model]:
    averaged = {name: m.network if isinstance(m, WeightAverage) else m for name, m in modules.items()}
    return {name: module for name, module in averaged.items() if isinstance(module, tf.keras.Model)}


def _variables(modules: Mapping[str, tf.Module | tf.keras.Model]) -> dict[str, tf.Variable]:
    named = {}
    for module, network in _networks(modules).items():
        variables = [tf_compat.unwrapped(weight) for weight in network.weights]
        by_name = {variable.name.partition(":")[0]: variable for variable in variables}
        assert len(by_name) == len(variables), f"two weights of {module} have the same name"
        named.update({f"{module}/{new}": by_name[old] for old, new in _renumbered(by_name).items()})
    return named


def _renumbered(names: Iterable[str]) -> dict[str, str]:
    """Return names in which the layers of each kind count from 0: conv2d_7, conv2d_9 -> conv2d_0, conv2d_1."""
    kinds: dict[str, set[int]] = {}
    parts = {}
    for name in names:
        layer, _, own = name.rpartition("/")
        kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", layer).groups()  # type: ignore[union-attr]
        parts[name] = kind, int(number or 0), own
        kinds.setdefault(kind, set()).add(int(number or 0))
    places = {kind: {number: place for place, number in enumerate(sorted(known))} for kind, known in kinds.items()}
    return {name: f"{kind}_{places[kind][number]}/{own}" for name, (kind, number, own) in parts.items()}


def _read_file(path: Path) -> Weights:
    with np.load(path) as arrays:  # in pretrained/ of half the precision
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def _read_checkpoint(path: Path, modules: Mapping[str, tf.Module | tf.keras.Model]) -> Weights:
    """Read the weights of the modules' networks; their names are in the object graph of a checkpoint."""
    reader = tf.train.load_checkpoint(str(path))
    graph = TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")).nodes
    children = [{child.local_name: child.node_id for child in node.children} for node in graph]
    weights = {}
    for module in _networks(modules):
        root = children[0].get(module)
        if root is not None and isinstance(modules[module], WeightAverage):
            root = children[root].get(AVERAGED)
        keys = {} if root is None else _keys_below(graph, children, root)
        weights.update({f"{module}/{new}": reader.get_tensor(keys[old]) for old, new in _renumbered(keys).items()})
    return weights


def _keys_below(graph, children: list[dict[str, int]], root: int) -> dict[str, str]:
    """Return the keys of all variables that a node of an object graph leads to, by their names."""
    keys, seen, queue = {}, {root}, [root]
    while queue:
        node = queue.pop()
        keys.update({one.full_name: one.checkpoint_key for one in graph[node].attributes if one.full_name})
        new = set(children[node].values()) - seen
        seen |= new
        queue += sorted(new)
    return keys
