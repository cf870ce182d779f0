"""The versions of an export: which of them a path names.

`runs/<run>/export/<model>/` is a base path of TF Serving: its folders with whole numbers are versions, here the epochs.
"""

import hashlib
from pathlib import Path

from pix2pix_tf.export import best_epoch
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

DESCRIPTION = "assets.extra/model.json"  # in a version: its metadata
WEIGHTS = "assets.extra/weights.npz"  # in a version: weights of all networks of the training


def find(path: Path) -> Path:
    """Return the version folder that a path names.

    Args:
      path: a version folder; a base path, for its newest version; or a run, for the version that its best.json names,
        or the newest where there is no best.json. The choice within a run is printed.

    Raises:
      UserError: there is no export, or the run's best one is missing.
    """
    if (path / "saved_model.pb").exists():
        return path
    in_base = versions(path)
    if in_base:
        return in_base[max(in_base)]
    version, reason = chosen(path)
    print(f"{path}: {reason}", flush=True)
    return version


def chosen(run: Path) -> tuple[Path, str]:
    """Return the export of a run to use where no epoch is named.

    Args:
      run: its folder.

    Returns:
      The version folder that best.json names, or the newest; and the choice and its reason in words.

    Raises:
      UserError: the run has no export, or the one that best.json names is missing.
    """
    exports = epochs(run)
    if not exports:
        raise UserError(
            f"There is no export in {run}. --model takes a run such as runs/gen5 (its best epoch, or the newest), or a "
            "folder such as runs/gen5/export/gen5 (the newest epoch) or runs/gen5/export/gen5/210."
        )
    best = best_epoch.read(run)
    if best is None:
        newest = max(exports)
        return exports[newest], f"epoch {newest}, the newest (evaluate.py --select names the best)"
    version = exports.get(best.epoch)
    best_epoch.check(run, best, exports, fingerprint(version) if version else None)
    assert version  # as checked
    later = sorted(exports.keys() - set(best.compared))
    not_compared = f"; not compared: {', '.join(map(str, later))}" if later else ""
    return version, f"epoch {best.epoch}, {best.summary}{not_compared}"


def fingerprint(version: Path) -> str:
    """Return a checksum of an export's files, without its training weights, which have no part in its images."""
    digest = hashlib.sha256()
    for path in sorted(path for path in version.rglob("*") if path.is_file() and path != version / WEIGHTS):
        # Skip the weights, hundreds of megabytes: variables.index holds the checksum of each tensor.
        content = b"" if ".data-" in path.name else path.read_bytes()
        digest.update(f"{path.relative_to(version)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def versions(base: Path) -> dict[int, Path]:
    """Return the version folders under a base path by epoch, in ascending order; none if the path is missing."""
    folders = base.iterdir() if base.is_dir() else ()
    return dict(sorted((int(f.name), f) for f in folders if f.name.isdecimal() and (f / "saved_model.pb").exists()))


def keep_only(base: Path, epoch: int) -> None:
    """Remove all versions under a base path except one."""
    for other, folder in versions(base).items():
        if other != epoch:
            files.remove_folder(folder)


def all_of(path: Path) -> dict[int, Path]:
    """Return the versions that a run, a base path or a version folder holds, by epoch in ascending order; or none.

    Raises:
      UserError: the description of a version folder cannot be read, or names no epoch.
    """
    if (path / "saved_model.pb").exists():
        epoch = files.read_json(path / DESCRIPTION).get("epoch")
        if not isinstance(epoch, int):
            raise UserError(f"{path / DESCRIPTION} names no epoch. Choose another export.")
        return {epoch: path}
    return versions(path) or epochs(path)


def epochs(run: Path) -> dict[int, Path]:
    """Return the exports of a run by epoch, in ascending order; none if the run is missing."""
    return {epoch: folder for base in sorted((run / "export").glob("*")) for epoch, folder in versions(base).items()}
