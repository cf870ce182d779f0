"""SavedModels: written whole and checked, found again, and loaded without any of the code that made them.

`runs/<run>/export/<model>/` is a base path of TF Serving: its folders with whole numbers are versions, here the epochs.
Beside each SavedModel, `assets.extra/model.json` tells what it takes and where it comes from, and
`assets.extra/tf_serving_warmup_requests` has a request for each signature.
"""

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.export import best_epoch, cpp_runtime, warmup
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

DESCRIPTION = "assets.extra/model.json"


def write(
    version: Path,
    signatures: Mapping[str, tuple[Callable, list[tf.TensorSpec]]],
    description: Mapping,
    example: warmup.Inputs,
) -> None:
    """Writes a SavedModel, runs its warm-up requests in TensorFlow's C++ runtime, and only then gives it its name.

    Args:
      version: the folder to make, named by a whole number. One that is there is replaced.
      signatures: by name, a function and the TensorSpecs of its arguments.
      description: goes into model.json; see `Model` for the fields.
      example: by name an argument for each that the signatures take, such as {"image": ..., "seed": ...}; for the
        check and for the warm-up requests.

    Raises:
      OSError: as the writing does; then nothing new is visible.
      RuntimeError: the C++ runtime does not load it, or gets another image from it than this process does.
    """
    archive = tf.keras.export.ExportArchive()  # finds the variables that the signatures use by itself
    for name, (function, specs) in signatures.items():
        as_written = tf.autograph.experimental.do_not_convert(function)  # there is nothing to convert; Keras 3 knows
        archive.add_endpoint(name, as_written, input_signature=specs)
    with files.atomic_directory(version) as temporary:
        with writing(version), contextlib.redirect_stdout(io.StringIO()):  # Keras prints every endpoint
            archive.write_out(str(temporary))
        files.write_json(temporary / DESCRIPTION, dict(description))
        taken = {name: specs for name, (_, specs) in signatures.items()}
        requests = {name: {spec.name: example[spec.name] for spec in specs} for name, specs in taken.items()}
        with writing(version):
            warmup.write(temporary, requests, taken)
        with cpp_runtime.load(temporary) as served, ThreadPoolExecutor(1) as pool:  # it prepares graphs on one core
            arguments = [tf.constant(example[spec.name]) for spec in taken["tensor"]]
            own = pool.submit(signatures["tensor"][0], *arguments)
            got = {name: served.run(name, inputs) for name, inputs in warmup.read(temporary)}["tensor"]
            wanted = own.result()
        compared = "probabilities" if "probabilities" in wanted else "output"  # a class may turn on a rounding
        difference = float(np.abs(got[compared] - wanted[compared].numpy()).max())
        if not difference < 0.05:  # rounding, in the coarsest precision, on a range of 2
            raise RuntimeError(f"{version}: served images differ from this process's by up to {difference}.")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """TensorFlow tells of a full disk by an error of its own kind; out of this block it comes as the OSError it is.

    Args:
      path: what is written, for the message.
    """
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.split("}} ")[-1].split(" [Op:")[0]
        raise OSError(f"{path} could not be written ({reason})") from None


@dataclass(frozen=True)
class Model:
    """An export, loaded through its SavedModel alone."""

    folder: Path
    variant: str
    run: str
    epoch: int
    inputs: tuple[str, ...]  # roles, in the order of the channels
    targets: tuple[str, ...]
    size: int  # pixels, side of the patches it was trained on
    divisor: int  # pixels; the sides of what it takes must be multiples of this
    bits: Mapping[str, int]  # depth of each role's PNGs
    origin: str  # of the data it was trained on: real | simulated | generated: ... | unknown
    signatures: Mapping[str, tf.types.experimental.ConcreteFunction]
    conditions: Mapping[str, Sequence[str]] = field(default_factory=dict)  # key -> values it can be told; {}: none
    glaciers: Sequence[str] | None = None  # that it was trained on; None: not known

    def generate(self, image: np.ndarray, seed: np.ndarray, condition: Sequence[str] | None = None) -> np.ndarray:
        """Paints images from pixels.

        Args:
          image: uint8 (uint16 for 16-bit roles) [N, H, W, C], the input roles' PNG values stacked along the channels.
          seed: int32 [N]; the same seed gives the same image.
          condition: N texts, what a model with conditions is told beside each image, such as "TSX"; None: nothing.

        Returns:
          float32 [N, H, W, C'], [-1, 1].

        Raises:
          tf.errors.InvalidArgumentError: a grey value that is no class, or sides that do not divide.
        """
        arguments = {"image": tf.constant(image), "seed": tf.constant(seed, tf.int32)}
        return self.signatures["tensor"](**arguments, **self._told(condition, len(image)))["output"].numpy()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """How likely a network that tells classes finds each class in each pixel.

        Args:
          image: as for `generate`.

        Returns:
          float32 [N, H, W, K], [0, 1]: K = 4 zones in the order of ZONE_VALUES, or 1 for the front.
        """
        seed = tf.zeros(len(image), tf.int32)
        return self.signatures["tensor"](image=tf.constant(image), seed=seed)["probabilities"].numpy()

    def probabilities_and_features(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """What `probabilities` gives, and what the network has of each image at its bottom, in one go.

        Args:
          image: as for `generate`.

        Returns:
          The probabilities, and float32 [N, C], the features; None for an export of before they were part of it.
        """
        told = self.signatures["tensor"](image=tf.constant(image), seed=tf.zeros(len(image), tf.int32))
        return told["probabilities"].numpy(), told["features"].numpy() if "features" in told else None

    def paint(
        self, pngs: Sequence[Sequence[bytes]], seed: Sequence[int], condition: Sequence[str] | None = None
    ) -> list[list[bytes]]:
        """Paints images from PNG files and gives PNG files.

        Args:
          pngs: for each input role the files' bytes, N of them.
          seed: N whole numbers of 32 bit.
          condition: as for `generate`.

        Returns:
          For each target role N PNG files.

        Raises:
          tf.errors.InvalidArgumentError: what is no PNG, or none that the model takes.
        """
        taken = self.signatures["serving_default"].structured_input_signature[1]
        names = [name for name in taken if name.endswith("_bytes")]
        arguments = {
            _name_of(role, names): tf.constant(list(data)) for role, data in zip(self.inputs, pngs, strict=True)
        }
        arguments |= {"seed": tf.constant(list(seed), tf.int32)} | self._told(condition, len(seed))
        outputs = self.signatures["sample"](**arguments)
        return [list(outputs[_name_of(role, list(outputs))].numpy()) for role in self.targets]

    def _told(self, condition: Sequence[str] | None, count: int) -> dict[str, tf.Tensor]:
        return {"condition": tf.constant(list(condition or [""] * count))} if self.conditions else {}


def load(folder: Path) -> Model:
    """Loads an export.

    Args:
      folder: a version folder, a base path, or a run; see `find`.

    Raises:
      UserError: there is no export, it cannot be read, or the run's best one is not there.
    """
    version = find(folder)
    described = files.read_json(version / DESCRIPTION)
    try:
        loaded = tf.saved_model.load(str(version))
        inputs, targets = tuple(described.pop("inputs")), tuple(described.pop("targets"))
        return Model(folder=version, signatures=loaded.signatures, inputs=inputs, targets=targets, **described)
    except (OSError, tf.errors.OpError, KeyError, TypeError) as error:
        raise UserError(f"The export {version} cannot be read ({error}). Choose another version.") from None


def find(path: Path) -> Path:
    """The version folder that a user means.

    Args:
      path: a version folder; or a base path, of which the newest version is taken; or a run, of which the one is taken
        that its best.json names, or the newest where nobody has chosen: this is said.

    Raises:
      UserError: none of them is there, or the run's best one is gone.
    """
    if (path / "saved_model.pb").exists():
        return path
    found = versions(path)
    if found:
        return found[max(found)]
    version, why = chosen(path)
    print(f"{path}: {why}", flush=True)
    return version


def chosen(run: Path) -> tuple[Path, str]:
    """The export of a run that is taken where no epoch is named.

    Args:
      run: its folder.

    Returns:
      The version folder that best.json names, or the newest; and which one it is and why, in words.

    Raises:
      UserError: the run has no export, or the one that best.json names is gone.
    """
    found = epochs(run)
    if not found:
        raise UserError(
            f"There is no export in {run}. --model takes a run such as runs/gen5 (its best epoch, or the newest), or a "
            "folder such as runs/gen5/export/gen5 (the newest epoch) or runs/gen5/export/gen5/210."
        )
    named = best_epoch.read(run)
    if named is None:
        newest = max(found)
        return found[newest], f"epoch {newest}, the newest (evaluate.py --select names the best)"
    version = found.get(named.epoch)
    best_epoch.check(run, named, found, fingerprint(version) if version else None)
    assert version  # as checked
    later = sorted(found.keys() - set(named.compared))
    further = f"; not compared: {', '.join(map(str, later))}" if later else ""
    return version, f"epoch {named.epoch}, {named.told}{further}"


def fingerprint(version: Path) -> str:
    """Names an export: another name, another model."""
    digest = hashlib.sha256()
    for path in sorted(path for path in version.rglob("*") if path.is_file()):
        # The weights, hundreds of megabytes, need no reading: variables.index holds the checksum of each tensor.
        content = b"" if ".data-" in path.name else path.read_bytes()
        digest.update(f"{path.relative_to(version)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def versions(base: Path) -> dict[int, Path]:
    """The version folders under a base path by epoch, in ascending order; none when there is no such path."""
    folders = base.iterdir() if base.is_dir() else ()
    return dict(sorted((int(f.name), f) for f in folders if f.name.isdecimal() and (f / "saved_model.pb").exists()))


def keep_only(base: Path, epoch: int) -> None:
    """Removes all versions under a base path but one."""
    for other, folder in versions(base).items():
        if other != epoch:
            files.remove_folder(folder)


def epochs(run: Path) -> dict[int, Path]:
    """The exports of a run by epoch, in ascending order; none when there is no such run."""
    return {epoch: folder for base in sorted((run / "export").glob("*")) for epoch, folder in versions(base).items()}


def _name_of(role: str, names: list[str]) -> str:
    """A role's name in a signature: its own, or the only one there is."""
    return names[0] if len(names) == 1 else f"{role}_bytes"
