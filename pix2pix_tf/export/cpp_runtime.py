"""Runs a SavedModel in TensorFlow's C++ runtime, as TF Serving does, through TensorFlow's C interface.

Python's loader rebuilds objects and so accepts exports that TF Serving refuses ("Could not find variable ..."). The
library that TF Serving is built from lies in the TensorFlow wheel.
"""

import contextlib
import ctypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

_STRING = 7  # DT_STRING
_TSTRING_BYTES = 24  # sizeof(TF_TString)


class CppModel:
    """A SavedModel loaded by the C++ runtime; made by `load`."""

    def __init__(self, library: ctypes.CDLL, session: int, graph: int, signatures: Mapping):
        """Takes what `load` got from the runtime."""
        self._library, self._session, self._graph = library, session, graph
        self.signatures = signatures

    def run(self, signature: str, inputs: Mapping[str, np.ndarray | Sequence[bytes]]) -> dict:
        """Runs one signature.

        Args:
          signature: its name.
          inputs: by name, arrays of the signature's types, or lists of bytes for strings.

        Returns:
          The outputs by name: arrays, or lists of bytes.

        Raises:
          RuntimeError: what the runtime says.
        """
        definition = self.signatures[signature]
        library, status = self._library, _Status(self._library)
        given, taken = [], []
        try:
            given = [_tensor(library, inputs[name]) for name in definition.inputs]
            fed = [self._output(info) for info in definition.inputs.values()]
            asked = [self._output(info) for info in definition.outputs.values()]
            results = (ctypes.c_void_p * len(asked))()
            library.TF_SessionRun(
                ctypes.c_void_p(self._session), None,
                (_Output * len(fed))(*fed), (ctypes.c_void_p * len(given))(*given), len(given),
                (_Output * len(asked))(*asked), results, len(asked), None, 0, None, status.pointer,
            )  # fmt: skip
            status.check(f"signature {signature}")
            taken = list(results)
            return {name: _array(library, tensor) for name, tensor in zip(definition.outputs, taken, strict=True)}
        finally:
            for tensor in given + taken:
                library.TF_DeleteTensor(ctypes.c_void_p(tensor))
            status.close()

    def _output(self, info) -> "_Output":
        operation, _, index = info.name.partition(":")
        found = self._library.TF_GraphOperationByName(ctypes.c_void_p(self._graph), operation.encode())
        return _Output(found, int(index))


@contextlib.contextmanager
def load(folder: Path) -> Iterator[CppModel]:
    """Loads a SavedModel for the length of a block.

    Args:
      folder: a version folder.

    Raises:
      RuntimeError: the runtime cannot load it, with its own reason.
      FileNotFoundError: this TensorFlow brings no C++ library.
    """
    library = _library()
    status = _Status(library)
    graph, options, meta = library.TF_NewGraph(), library.TF_NewSessionOptions(), library.TF_NewBuffer()
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.meta_optimizer_iterations = 1  # not 2: that takes longer than one run gains
    serialised = config.SerializeToString()
    library.TF_SetConfig(ctypes.c_void_p(options), serialised, ctypes.c_size_t(len(serialised)), status.pointer)
    status.check("session options")
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = library.TF_LoadSessionFromSavedModel(
        ctypes.c_void_p(options), None, str(folder).encode(), tags, 1, ctypes.c_void_p(graph), meta, status.pointer
    )
    try:
        status.check(f"{folder}")
        definition = tf.compat.v1.MetaGraphDef.FromString(
            ctypes.string_at(meta.contents.data, meta.contents.length)
        ).signature_def
        yield CppModel(library, session, graph, definition)
        library.TF_CloseSession(ctypes.c_void_p(session), status.pointer)
    finally:
        if session:
            library.TF_DeleteSession(ctypes.c_void_p(session), status.pointer)
        library.TF_DeleteSessionOptions(ctypes.c_void_p(options))
        library.TF_DeleteBuffer(meta)
        library.TF_DeleteGraph(ctypes.c_void_p(graph))
        status.close()


class _Buffer(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


class _Output(ctypes.Structure):
    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class _Status:
    """TensorFlow's outcome of a call."""

    def __init__(self, library: ctypes.CDLL):
        self._library = library
        self.pointer = ctypes.c_void_p(library.TF_NewStatus())

    def check(self, what: str) -> None:
        if self._library.TF_GetCode(self.pointer):
            message = self._library.TF_Message(self.pointer).decode(errors="replace")
            raise RuntimeError(f"{what}: TensorFlow's C++ runtime says: {message}")

    def close(self) -> None:
        self._library.TF_DeleteStatus(self.pointer)


def _library() -> ctypes.CDLL:
    found = sorted(Path(tf.__file__).parent.glob("libtensorflow_cc*"))
    if not found:
        raise FileNotFoundError("This TensorFlow brings no libtensorflow_cc.")
    library = ctypes.CDLL(str(found[-1]))
    pointers = (
        "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_LoadSessionFromSavedModel TF_GraphOperationByName "
        "TF_AllocateTensor TF_TensorData TF_StringGetDataPointer"
    )
    for name in pointers.split():
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_NewBuffer.restype = ctypes.POINTER(_Buffer)
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_AllocateTensor.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    library.TF_Dim.argtypes, library.TF_Dim.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_int64
    library.TF_TensorByteSize.restype = library.TF_StringGetSize.restype = ctypes.c_size_t
    library.TF_StringCopy.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    return library


def _tensor(library: ctypes.CDLL, value: np.ndarray | Sequence[bytes]) -> int:
    """A new TF_Tensor with a copy of the value."""
    if isinstance(value, np.ndarray):
        kind = tf.dtypes.as_dtype(value.dtype).as_datatype_enum
        tensor, base = _allocated(library, kind, value.shape, value.nbytes)
        ctypes.memmove(base, np.ascontiguousarray(value).ctypes.data, value.nbytes)
        return tensor
    tensor, base = _allocated(library, _STRING, (len(value),), _TSTRING_BYTES * len(value))
    for place, text in enumerate(value):
        one = ctypes.c_void_p(base + _TSTRING_BYTES * place)
        library.TF_StringInit(one)
        library.TF_StringCopy(one, text, len(text))
    return tensor


def _allocated(library: ctypes.CDLL, kind: int, shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """A new TF_Tensor of so many bytes, and where these begin."""
    tensor = library.TF_AllocateTensor(kind, (ctypes.c_int64 * len(shape))(*shape), len(shape), size)
    return tensor, library.TF_TensorData(ctypes.c_void_p(tensor))


def _array(library: ctypes.CDLL, tensor: int) -> np.ndarray | list[bytes]:
    """A copy of a TF_Tensor's value."""
    pointer = ctypes.c_void_p(tensor)
    kind = library.TF_TensorType(pointer)
    shape = [library.TF_Dim(pointer, i) for i in range(library.TF_NumDims(pointer))]
    base = library.TF_TensorData(pointer)
    if kind != _STRING:
        data = ctypes.string_at(base, library.TF_TensorByteSize(pointer))
        return np.frombuffer(data, tf.dtypes.as_dtype(kind).as_numpy_dtype).reshape(shape)
    strings = [ctypes.c_void_p(base + _TSTRING_BYTES * i) for i in range(shape[0])]
    return [ctypes.string_at(library.TF_StringGetDataPointer(s), library.TF_StringGetSize(s)) for s in strings]
