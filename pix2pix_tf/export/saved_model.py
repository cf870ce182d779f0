"""SavedModels: written atomically, checked in TensorFlow's C++ runtime, and loaded without the code of the networks.

Each export contains `assets.extra/model.json`, its metadata (see `Model`), and
`assets.extra/tf_serving_warmup_requests`, a request for each signature; and `assets.extra/weights.npz`, unless
`train.export_weights` is off: the weights that a new training may begin with.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.export import cpp_runtime, versions, warmup
from pix2pix_tf.export.signatures import Signature
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

# Between this process and the C++ runtime, on a range of 2: rounding, in the coarsest precision. Log tone, whose slope
# is 3.6 in the brightest pixels, gave up to 0.07 in bfloat16.
TOLERANCE = 0.25

# Array arguments and results of a model:
Pixels = np.ndarray  # uint8 (uint16 for 16-bit roles) [N, H, W, C], the input roles' PNG values, stacked along channels
Seeds = np.ndarray | Sequence[int]  # int32 [N]; the same seed gives the same image
Images = np.ndarray  # float32 [N, H, W, C'], [-1, 1], the target roles stacked along the channels
Probabilities = np.ndarray  # float32 [N, H, W, K], [0, 1]: 4 zones in the order of ZONE_VALUES, or 1 for the front
Conditions = Sequence[str] | None  # N texts, such as "TSX,winter", for a model with conditions; None: none is set


def write(
    version: Path,
    signatures: Mapping[str, Signature],
    description: Mapping,
    example: warmup.Inputs,
    weights: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a SavedModel and its warm-up requests, and check it in TensorFlow's C++ runtime before it appears.

    Args:
      version: the folder to write, named by a whole number. An existing one is replaced.
      signatures: by name, a function and the TensorSpecs of its arguments.
      description: the content of model.json; see `Model` for the fields.
      example: values of all arguments by name, such as {"image": ..., "seed": ...}; for the check and for the warm-up
        requests.
      weights: of the training, by name, for `train.py --init`; None leaves them out.

    Raises:
      OSError: it could not be written; then nothing new is visible.
      RuntimeError: the C++ runtime does not load it, or its results differ from those of this process.
    """
    archive = tf.keras.export.ExportArchive()  # finds the variables that the signatures use by itself
    for name, (function, specs) in signatures.items():
        plain = tf.autograph.experimental.do_not_convert(function)  # nothing to convert, as Keras 3 knows without it
        archive.add_endpoint(name, plain, input_signature=specs)
    with files.atomic_directory(version) as temporary:
        with os_errors(version), contextlib.redirect_stdout(io.StringIO()):  # Keras prints every endpoint
            archive.write_out(str(temporary))
        files.write_json(temporary / versions.DESCRIPTION, dict(description))
        arguments = {name: specs for name, (_, specs) in signatures.items()}
        requests = {name: {spec.name: example[spec.name] for spec in specs} for name, specs in arguments.items()}
        with os_errors(version):
            warmup.write(temporary, requests, arguments)
        if weights is not None:
            np.savez(temporary / versions.WEIGHTS, **weights)
        difference = _difference_to_cpp_runtime(temporary, signatures["tensor"], example)
        if not difference < TOLERANCE:
            raise RuntimeError(f"{version}: served images differ from this process's by up to {difference}.")


def _difference_to_cpp_runtime(version: Path, tensor: Signature, example: warmup.Inputs) -> float:
    """Send all warm-up requests to the C++ runtime, and compare its answer of `tensor` with that of this process."""
    function, specs = tensor
    with cpp_runtime.load(version) as served, ThreadPoolExecutor(1) as pool:  # the runtime prepares graphs on one core
        expected = pool.submit(function, *[tf.constant(example[spec.name]) for spec in specs])
        served_outputs = {name: served.run(name, inputs) for name, inputs in warmup.read(version)}["tensor"]
        expected_outputs = expected.result()
    compared = "probabilities" if "probabilities" in expected_outputs else "output"  # rounding may change a class
    return float(np.abs(served_outputs[compared] - expected_outputs[compared].numpy()).max())


@contextlib.contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn TensorFlow's own error for a full disk into the OSError that it is.

    Args:
      path: of the file or folder that is written, for the message.
    """
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.split("}} ")[-1].split(" [Op:")[0]
        raise OSError(f"{path} could not be written ({reason})") from None


@dataclass(frozen=True)
class Model:
    """A loaded export: its metadata, and its signatures as functions of arrays."""

    folder: Path
    variant: str
    run: str
    epoch: int
    inputs: tuple[str, ...]  # roles, in the order of the channels
    targets: tuple[str, ...]
    size: int  # pixels, side of the training patches
    divisor: int  # pixels; the sides of an input must be multiples of this
    bits: Mapping[str, int]  # depth of each role's PNGs
    origin: str  # of the training data: real | simulated | generated: ... | unknown
    signatures: Mapping[str, tf.types.experimental.ConcreteFunction]
    conditions: Mapping[str, Sequence[str]] = field(default_factory=dict)  # key -> its values; {}: no conditions
    glaciers: Sequence[str] | None = None  # of the training data; None: not known
    whole_scenes: bool = False  # each training patch was a whole scene; False also where that is not known
    styles: Sequence[str] = ()  # names of the bank's rows, for `scene:<name>`; (): a model without styles

    def generate(self, image: Pixels, seed: Seeds, condition: Conditions = None, style: Conditions = None) -> Images:
        """Generate images from pixels.

        Args:
          image: of the input roles.
          seed: of each image.
          condition: of each image.
          style: N texts for a model with styles, as `data/styles.choose` takes them; None: by the seed.

        Raises:
          tf.errors.InvalidArgumentError: an invalid class value, or sides that do not divide.
        """
        arguments = {"image": tf.constant(image), "seed": tf.constant(seed, tf.int32)}
        arguments |= self._texts(condition, style, len(image))
        return self.signatures["tensor"](**arguments)["output"].numpy()

    def probabilities(self, image: Pixels) -> Probabilities:
        """Return the probabilities of a segmenter's classes in each pixel; of a classifier float32 [N, 1]."""
        return self._segment(image)["probabilities"].numpy()

    def probabilities_and_features(self, image: Pixels) -> tuple[Probabilities, np.ndarray | None]:
        """Return a segmenter's `probabilities` and its features in one pass.

        Returns:
          The probabilities; and the features, float32 [N, C], at least 0, the mean output of the network's bottom.
          The features are None for an export that was written before they were part of it.
        """
        outputs = self._segment(image)
        return outputs["probabilities"].numpy(), outputs["features"].numpy() if "features" in outputs else None

    def choose_style(
        self,
        present: np.ndarray,
        seed: int,
        condition: str = "",
        style: str = "",
        measured: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> np.ndarray:
        """Return the style vector of a scene, float32 [S]; for a model with styles.

        Args:
          present: float32 [3], 1 for each zone of the scene (rock, glacier, ocean), else 0.
          seed: of the scene.
          condition: such as "TSX"; keys without a value are as in the chosen scene.
          style: as `data/styles.choose` takes it.
          measured: values and flags from `measure_style`, which replace those of the chosen scene.

        Raises:
          tf.errors.InvalidArgumentError: an unknown style or condition.
        """
        arguments = {"present": tf.constant([present], tf.float32), "seed": tf.constant([seed], tf.int32)}
        arguments |= self._texts([condition], [style], 1)
        vector = self.signatures["choose_style"](**arguments)["style_vector"].numpy()[0]
        if measured:
            values, flags = np.array(measured, np.float32)
            flags = flags * np.tile(present, len(flags) // len(present))
            count = len(values)
            vector[:count] = np.where(flags > 0, values, vector[:count])
            vector[count : 2 * count] = np.maximum(flags, vector[count : 2 * count])
        return vector

    def generate_styled(self, image: Pixels, vector: np.ndarray, seed: int, origin: tuple[int, int]) -> Images:
        """Generate a tile of a scene in a style.

        Args:
          image: uint8 [1, H, W, 1], zones.
          vector: from `choose_style`.
          seed: of the scene.
          origin: row and column of the tile's upper left pixel in the scene.
        """
        arguments = {"image": tf.constant(image), "style_vector": tf.constant([vector])}
        arguments |= {"seed": tf.constant([seed], tf.int32), "origin": tf.constant([origin], tf.int32)}
        return self.signatures["styled"](**arguments)["output"].numpy()

    def measure_style(self, sar: Pixels, zones: Pixels) -> tuple[np.ndarray, np.ndarray]:
        """Measure the style of images, [N, H, W, 1]: values and flags, float32 [N, K]; see `data/styles.measure`."""
        measured = self.signatures["measure_style"](sar=tf.constant(sar), zones=tf.constant(zones))
        return measured["values"].numpy(), measured["flags"].numpy()

    def generate_pngs(
        self,
        pngs: Sequence[Sequence[bytes]],
        seed: Sequence[int],
        condition: Conditions = None,
        style: Conditions = None,
    ) -> list[list[bytes]]:
        """Generate PNG files from PNG files.

        Args:
          pngs: for each input role the bytes of N files.
          seed: N integers of 32 bit.
          condition: as for `generate`.
          style: as for `generate`.

        Returns:
          For each target role the bytes of N PNG files.

        Raises:
          tf.errors.InvalidArgumentError: not a PNG, or not one that the model accepts.
        """
        expected = self.signatures["serving_default"].structured_input_signature[1]
        names = [name for name in expected if name.endswith("_bytes")]
        arguments = {
            _name_of(role, names): tf.constant(list(data)) for role, data in zip(self.inputs, pngs, strict=True)
        }
        arguments |= {"seed": tf.constant(list(seed), tf.int32)} | self._texts(condition, style, len(seed))
        outputs = self.signatures["sample"](**arguments)
        return [list(outputs[_name_of(role, list(outputs))].numpy()) for role in self.targets]

    def _segment(self, image: Pixels) -> dict[str, tf.Tensor]:
        return self.signatures["tensor"](image=tf.constant(image), seed=tf.zeros(len(image), tf.int32))

    def _texts(self, condition: Conditions, style: Conditions, count: int) -> dict[str, tf.Tensor]:
        given = {"condition": condition} if self.conditions else {}
        given |= {"style": style} if self.styles else {}
        return {name: tf.constant(list(texts or [""] * count)) for name, texts in given.items()}


def load(folder: Path) -> Model:
    """Load an export.

    Args:
      folder: a version folder, a base path, or a run; see `versions.find`.

    Raises:
      UserError: there is no export, it cannot be read, or the run's best one is missing.
    """
    version = versions.find(folder)
    metadata = files.read_json(version / versions.DESCRIPTION)
    try:
        loaded = tf.saved_model.load(str(version))
        inputs, targets = tuple(metadata.pop("inputs")), tuple(metadata.pop("targets"))
        return Model(folder=version, signatures=loaded.signatures, inputs=inputs, targets=targets, **metadata)
    except (OSError, tf.errors.OpError, KeyError, TypeError) as error:
        raise UserError(f"The export {version} cannot be read ({error}). Choose another version.") from None


def _name_of(role: str, names: list[str]) -> str:
    """Return the name of a role in a signature: its own, or the only one."""
    return names[0] if len(names) == 1 else f"{role}_bytes"
