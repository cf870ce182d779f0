"""Loads new versions of a model and unloads old ones while requests are served.

As in TF Serving, the newest version under a base path is the default; versions with a label stay loaded beside it.
"""

import contextlib
import gc
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from pix2pix_tf.export import saved_model, warmup
from pix2pix_tf.export import versions as export_versions
from pix2pix_tf.serving.server.rest_api import Address, Array, RestError, Spec


@dataclass(frozen=True, eq=False)
class Version:
    """A loaded version. A request that holds it can use it even after it has been unloaded."""

    number: int
    stamp: int  # nanoseconds: modification time of its SavedModel, to detect a replaced one
    model: saved_model.Model
    signatures: Mapping[str, Mapping[str, Spec]]  # name -> its inputs by name
    metadata: Mapping  # signature_def as in TF Serving's metadata

    def run(self, signature: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run a signature.

        Args:
          signature: its name.
          inputs: by name; all of the same length.

        Returns:
          The outputs by name.

        Raises:
          tf.errors.OpError: the model refuses the inputs.
        """
        given = {name: tf.constant(v, tf.string if isinstance(v, list) else None) for name, v in inputs.items()}
        outputs = {name: tensor.numpy() for name, tensor in self.model.signatures[signature](**given).items()}
        return {name: array.tolist() if array.dtype == object else array for name, array in outputs.items()}


def load(number: int, folder: Path, stamp: int) -> Version:
    """Load a version and run its warm-up requests.

    Args:
      number: of the version.
      folder: of the version.
      stamp: see `Version`.

    Raises:
      UserError: it cannot be read.
    """
    model = saved_model.load(folder)
    signatures = {
        name: {key: Spec(spec.dtype.name, spec.shape.rank) for key, spec in one.structured_input_signature[1].items()}
        for name, one in model.signatures.items()
    }
    version = Version(number, stamp, model, signatures, _metadata(folder))
    for signature, inputs in warmup.read(folder):
        version.run(signature, inputs)
    return version


class Versions:
    """The loaded versions of one model."""

    def __init__(self, name: str, path: Path, newest: int = 1, labels: Mapping[str, int] | None = None):
        """Load nothing yet; call `refresh`.

        Args:
          name: of the model, in URLs.
          path: a base path, or the folder of the only version to serve.
          newest: number of newest versions to serve.
          labels: version by label; these stay loaded beside the newest.
        """
        self.name, self.path, self.newest, self.labels = name, path, newest, dict(labels or {})
        self.loaded: dict[int, Version] = {}  # replaced as a whole, never changed: readers need no lock
        self.failed: dict[tuple[int, int], str] = {}  # (version, stamp) -> reason

    def refresh(self) -> None:
        """Load new versions, then unload those that are no longer served."""
        loaded = dict(self.loaded)
        for number, (folder, stamp) in self._served().items():
            try:
                if number not in loaded or loaded[number].stamp != stamp:
                    loaded[number] = load(number, folder, stamp)
            except Exception as error:  # a broken version must not keep others from being loaded
                self.failed[number, stamp] = str(error) or type(error).__name__
        served = self._served()
        ready = {number: version for number, version in sorted(loaded.items()) if number in served}
        if ready and ready != self.loaded:  # if nothing can be loaded any more, the last good version stays
            self.loaded = ready
            loaded.clear()
            gc.collect()  # a SavedModel is full of cycles, and hundreds of megabytes large

    def find(self, address: Address) -> Version:
        """Return the version that an address names.

        Raises:
          RestError: there is no such version or label.
        """
        loaded, number = self.loaded, address.version
        if address.label is not None:
            if address.label not in self.labels:
                raise RestError(400, f"Unrecognized servable version label: {address.label}")
            number = self.labels[address.label]
        if number is None and loaded:
            number = max(loaded)
        if number not in loaded:
            raise RestError(404, f"Servable not found for request: {Address(self.name, number)}")
        return loaded[number]

    def status(self, address: Address) -> list[dict]:
        """Return TF Serving's `model_version_status` of the versions that an address names.

        Raises:
          RestError: there is no such version or label.
        """
        chosen = address.version
        if address.label is not None:
            chosen = self.find(address).number
        states = {number: ("AVAILABLE", "OK", "") for number in self.loaded}
        for (number, _), reason in self.failed.items():
            states.setdefault(number, ("END", "UNKNOWN", reason))
        if chosen is not None and chosen not in states:
            raise RestError(404, f"Could not find version {chosen} of model {self.name}")
        return [
            {"version": str(number), "state": state, "status": {"error_code": code, "error_message": message}}
            for number, (state, code, message) in sorted(states.items(), reverse=True)
            if chosen in (None, number)
        ]

    def _served(self) -> dict[int, tuple[Path, int]]:
        """Return folder and stamp by number: of the newest loadable versions, and of those with a label."""
        if (self.path / "saved_model.pb").exists():
            folders = {int(self.path.name) if self.path.name.isdecimal() else 1: self.path}
        else:
            folders = export_versions.versions(self.path)
        there = {}
        for number, folder in folders.items():
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                stamp = (folder / "saved_model.pb").stat().st_mtime_ns
                if (number, stamp) not in self.failed:
                    there[number] = folder, stamp
        kept = {*sorted(there)[-self.newest :], *self.labels.values()}
        return {number: version for number, version in there.items() if number in kept}


def poll(models: Sequence[Versions], stop: threading.Event, seconds: float = 1.0) -> None:
    """Refresh all models until `stop` is set; runs in a thread of its own."""
    while not stop.wait(seconds):
        for versions in models:
            versions.refresh()


def _metadata(folder: Path) -> dict:
    """Return the signatures of a SavedModel in the format of TF Serving's metadata."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return {
        name: {
            "inputs": {key: _tensor_info(info) for key, info in signature.inputs.items()},
            "outputs": {key: _tensor_info(info) for key, info in signature.outputs.items()},
            "method_name": signature.method_name,
        }
        for name, signature in saved.meta_graphs[0].signature_def.items()
    }


def _tensor_info(info) -> dict:
    shape = info.tensor_shape
    dimensions = [{"size": str(dimension.size), "name": dimension.name} for dimension in shape.dim]
    return {
        "dtype": types_pb2.DataType.Name(info.dtype),
        "tensor_shape": {"dim": dimensions, "unknown_rank": shape.unknown_rank},
        "name": info.name,
    }
