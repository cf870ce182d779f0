"""TF Serving's model configuration: the versions to load, and the labels `stable`, `canary` and `best`.

Clients request a label; this file decides which version it points to. TF Serving reads the file periodically. It moves
a label that is in use only to a version that is loaded already, and otherwise refuses the whole file (server_core.cc,
UpdateModelVersionLabelMap). So a move takes two files: the first one loads the version, the second one moves the label.
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
_HEAD = "# Written by: python -m pix2pix_tf.serving config. The next call keeps the labels in this file.\n"


def write_config(paths: Sequence[str], output: Path, mount: str, stable: Mapping[str, int | str]) -> list[str]:
    """Write the configuration for some exports.

    Args:
      paths: runs, or base paths such as runs/gen5/export/gen5; or NAME=PATH. Runs without an export are left out.
      output: the file. If it exists, its labels are kept.
      mount: the path of `mounted_folder` in the server's file system.
      stable: by model, the version to label stable from now on; "best" for the one named by best.json.

    Returns:
      A line for each model, with its labels, its versions, and the next step; and one for the mounted folder.

    Raises:
      UserError: there is no export, there is no such version, a run's best one is gone, or the file is not a model
        configuration.
    """
    bases = find_bases(paths)
    unknown = stable.keys() - bases.keys()
    if unknown:
        raise UserError(f"--stable {sorted(unknown)[0]}: there are the models {', '.join(sorted(bases))}.")
    before = {one.name: one for one in read(output).model_config_list.config} if output.exists() else {}
    root, config, lines = mounted_folder(bases.values()), ModelServerConfig(), []
    for name, base in bases.items():
        there, last = set(export_versions.versions(base)), before.get(name)
        target = choose(name, there, last, stable.get(name), best_of(base))
        inside = PurePosixPath(mount) / base.resolve().relative_to(root).as_posix()
        entry = model_config(name, str(inside), there, last, target)
        config.model_config_list.config.append(entry)
        lines.append(_summary(entry, target))
    files.write_text(output, _HEAD + text_format.MessageToString(config))
    return [*lines, f"{mount} is {root} (RUNS for docker compose)"]


def find_bases(paths: Sequence[str]) -> dict[str, Path]:
    """Return the base paths of exports by the models' names.

    Args:
      paths: see `write_config`.

    Raises:
      UserError: there is none.
    """
    named = []
    for text in paths:
        name, equals, folder = text.rpartition("=")
        named += [f"{name}{equals}{base}" for base in _bases_in(Path(folder))]
    if not named:
        raise UserError(
            f"None of {', '.join(paths)} has an export. Give runs, such as runs/gen5, or base paths, such as "
            "pretrained/glacier."
        )
    return name_models(named)


def _bases_in(folder: Path) -> list[Path]:
    """Return the base paths of a run; a base path as it is."""
    if export_versions.versions(folder):
        return [folder]
    return [base for base in sorted((folder / "export").glob("*")) if export_versions.versions(base)]


def mounted_folder(bases: Collection[Path]) -> Path:
    """Return the folder that the server mounts: of the runs <folder>/<run>/export/<model>, or <folder>/<model>.

    Raises:
      UserError: the exports lie in several such folders.
    """
    roots = sorted({base.resolve().parents[2 if _is_in_run(base) else 0] for base in bases})
    if len(roots) > 1:
        raise UserError(f"The exports lie in {', '.join(map(str, roots))}; the server mounts one folder.")
    return roots[0]


def best_of(base: Path) -> int | None:
    """Return the version that the run's best.json names, or None.

    Raises:
      UserError: that version is gone.
    """
    run = base.resolve().parents[1]
    return int(export_versions.chosen(run)[0].name) if _is_in_run(base) and best_epoch.read(run) else None


def _is_in_run(base: Path) -> bool:
    return base.resolve().parent.name == "export"


def choose(
    name: str, there: Collection[int], before: ModelConfig | None, stable: int | str | None, chosen: int | None = None
) -> dict[str, int]:
    """Return the version that each label of a model should point to. `canary` is the newest version.

    Args:
      name: of the model.
      there: the versions on the disk.
      before: its configuration so far.
      stable: the version to label stable; "best": the best one; None: as before, or the newest at first.
      chosen: the version that evaluate.py --select has chosen; it is labelled best.

    Raises:
      UserError: there is no such version.
    """
    if isinstance(stable, str):  # BEST, which is no version's name
        if chosen is None:
            raise UserError(
                f"--stable {name}={BEST}: no best epoch is chosen. Choose one: python evaluate.py RUN --select ssim"
            )
        stable = chosen
    if stable is not None and stable not in there:
        raise UserError(f"--stable {name}={stable}: there are the versions {', '.join(map(str, sorted(there)))}.")
    last = before.version_labels.get(STABLE) if before else None
    kept = last if last is not None and last in there else max(there)
    labels = {STABLE: stable or kept, CANARY: max(there)}
    return labels if chosen is None else labels | {BEST: chosen}


def model_config(
    name: str, base_path: str, there: Collection[int], before: ModelConfig | None, target: Mapping[str, int]
) -> ModelConfig:
    """Return the configuration of one model: a step towards the target labels that TF Serving accepts.

    Args:
      name: in URLs.
      base_path: in the server's file system.
      there: the versions on the disk.
      before: the model's configuration so far.
      target: version by label.
    """
    last = {label: number for label, number in (before.version_labels.items() if before else ()) if number in there}
    loaded = before.model_version_policy.specific.versions if before else ()
    labels = {
        label: number if number in loaded or label not in last else last[label] for label, number in target.items()
    }
    config = ModelConfig(name=name, base_path=base_path, model_platform="tensorflow", version_labels=labels)
    # A version that loses its label stays loaded until the next call, so rolling back is as quick as rolling forward.
    versions = {*labels.values(), *target.values(), *last.values()}
    config.model_version_policy.specific.versions.extend(sorted(versions))
    return config


def _summary(config: ModelConfig, target: Mapping[str, int]) -> str:
    labels = ", ".join(f"{label} {number}" for label, number in sorted(config.version_labels.items()))
    versions = ", ".join(map(str, config.model_version_policy.specific.versions))
    later = [f"{label} to {number}" for label, number in target.items() if config.version_labels[label] != number]
    todo = f"; once the server has loaded it, the same command again moves {' and '.join(later)}" if later else ""
    return f"{config.name}: {labels}; loaded: {versions}{todo}"


def read(path: Path) -> ModelServerConfig:
    """Read a model configuration.

    Raises:
      UserError: the file is not a model configuration.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), ModelServerConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a model configuration of TF Serving ({error}). Choose another file.") from None
