"""TF Serving's model configuration: which versions are loaded, and which of them are called stable and canary.

Clients ask for a label; where it points is moved here. TF Serving reads the file again and again. It moves a label that
is in use only to a version that is loaded already, and refuses the whole file otherwise (server_core.cc,
UpdateModelVersionLabelMap). So a move takes two files: the first has the version loaded, the second moves the label.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from pix2pix_tf.export import best_epoch
from pix2pix_tf.export import versions as export_versions
from pix2pix_tf.serving.model_names import name_models
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

STABLE, CANARY, BEST = "stable", "canary", "best"
_HEAD = "# Made by: python -m pix2pix_tf.serving config. It keeps the labels of this file when it makes it anew.\n"


def write_config(runs: Sequence[str], output: Path, mount: str, stable: Mapping[str, int | str]) -> list[str]:
    """Makes the configuration for the exports of runs.

    Args:
      runs: folders of runs, or NAME=FOLDER; those without an export are left out.
      output: the file; the labels in it, if it is there, are kept.
      mount: where the folder that holds the runs is seen by the server.
      stable: by model, the version to call stable from now on; "best" for the one that best.json names.

    Returns:
      A line for each model: what it has, and what is still to do.

    Raises:
      UserError: no run has an export, there is no such version, a run's best one is gone, or the file is something
        else.
    """
    bases = find_bases(runs)
    unknown = stable.keys() - bases.keys()
    if unknown:
        raise UserError(f"--stable {sorted(unknown)[0]}: there are the models {', '.join(sorted(bases))}.")
    before = {one.name: one for one in read(output).model_config_list.config} if output.exists() else {}
    config, said = ModelServerConfig(), []
    for name, base in bases.items():
        there, last = set(export_versions.versions(base)), before.get(name)
        wanted = choose(name, there, last, stable.get(name), best_of(base))
        inside = PurePosixPath(mount) / base.resolve().relative_to(_root(base)).as_posix()
        made = model_config(name, str(inside), there, last, wanted)
        config.model_config_list.config.append(made)
        said.append(_said(made, wanted))
    files.write_text(output, _HEAD + text_format.MessageToString(config))
    return said


def find_bases(runs: Sequence[str]) -> dict[str, Path]:
    """The base paths of the exports of runs, by the models' names.

    Raises:
      UserError: there is none, or the runs lie in several folders.
    """
    wishes = []
    for run in runs:
        name, equals, folder = run.rpartition("=")
        exports = sorted((Path(folder) / "export").glob("*"))
        wishes += [f"{name}{equals}{base}" for base in exports if export_versions.versions(base)]
    if not wishes:
        raise UserError(f"None of {', '.join(runs)} has an export. Give folders of runs, such as runs/gen5.")
    bases = name_models(wishes)
    roots = {_root(base) for base in bases.values()}
    if len(roots) > 1:
        raise UserError(f"The runs lie in {', '.join(map(str, sorted(roots)))}; the server sees one folder of runs.")
    return bases


def best_of(base: Path) -> int | None:
    """The version that the run's best.json names; None when there is none.

    Raises:
      UserError: it is no longer there.
    """
    run = base.parents[1]
    return int(export_versions.chosen(run)[0].name) if best_epoch.read(run) else None


def choose(
    name: str, there: Collection[int], before: ModelConfig | None, stable: int | str | None, chosen: int | None = None
) -> dict[str, int]:
    """Where the labels of a model should point: canary to the newest version; stable as told, else as before.

    Args:
      name: of the model.
      there: the versions on the disk.
      before: its configuration so far.
      stable: the version to call stable; "best": the best one; None: as before, or the newest where there was none.
      chosen: the version that evaluate.py --select has chosen; it is called best.

    Raises:
      UserError: there is no such version.
    """
    if isinstance(stable, str):  # BEST, which no version is called
        if chosen is None:
            raise UserError(f"--stable {name}={BEST}: nobody has chosen. Do it: python evaluate.py RUN --select ssim")
        stable = chosen
    if stable is not None and stable not in there:
        raise UserError(f"--stable {name}={stable}: there are the versions {', '.join(map(str, sorted(there)))}.")
    last = before.version_labels.get(STABLE) if before else None
    kept = last if last is not None and last in there else max(there)
    labels = {STABLE: stable or kept, CANARY: max(there)}
    return labels if chosen is None else labels | {BEST: chosen}


def model_config(
    name: str, base_path: str, there: Collection[int], before: ModelConfig | None, wanted: Mapping[str, int]
) -> ModelConfig:
    """The configuration of one model: a step towards what is wanted that TF Serving accepts.

    Args:
      name: in addresses.
      base_path: as the server sees it.
      there: the versions on the disk.
      before: the model's configuration so far.
      wanted: version by label.
    """
    last = {label: number for label, number in (before.version_labels.items() if before else ()) if number in there}
    loaded = before.model_version_policy.specific.versions if before else ()
    labels = {
        label: number if number in loaded or label not in last else last[label] for label, number in wanted.items()
    }
    config = ModelConfig(name=name, base_path=base_path, model_platform="tensorflow", version_labels=labels)
    # What had a label until now stays loaded for once, so that the way back is as quick as the way forward.
    versions = {*labels.values(), *wanted.values(), *last.values()}
    config.model_version_policy.specific.versions.extend(sorted(versions))
    return config


def _said(config: ModelConfig, wanted: Mapping[str, int]) -> str:
    labels = ", ".join(f"{label} {number}" for label, number in sorted(config.version_labels.items()))
    versions = ", ".join(map(str, config.model_version_policy.specific.versions))
    later = [f"{label} to {number}" for label, number in wanted.items() if config.version_labels[label] != number]
    todo = f"; when the server has loaded it, the same command again moves {' and '.join(later)}" if later else ""
    return f"{config.name}: {labels}; loaded: {versions}{todo}"


def read(path: Path) -> ModelServerConfig:
    """Reads a model configuration.

    Raises:
      UserError: it is something else.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), ModelServerConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no model configuration of TF Serving ({error}). Choose another file.") from None


def _root(base: Path) -> Path:
    """The folder of the runs: <root>/<run>/export/<model>."""
    return base.resolve().parents[2]
