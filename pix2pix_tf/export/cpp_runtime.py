"""Runs a SavedModel in TensorFlow's C++ runtime, as TF Serving does, through TensorFlow's C interface.

Python's loader rebuilds objects and so accepts exports that TF Serving rejects ("Could not find variable ..."). The
TensorFlow wheel contains the library from which TF Serving is built.
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
    """A SavedModel loaded by the C++ runtime; created by `load`."""

    def __init__(self, library: ctypes.CDLL, session: int, graph: int, signatures: Mapping):
        """Keep the handles of a loaded model; use `load`."""
        self._library, self._session, self._graph = library, session, graph
        self.signatures = signatures

    def run(self, signature: str, inputs: Mapping[str, np.ndarray | Sequence[bytes]]) -> dict:
        """Run one signature.

        Args:
          signature: its name.
          inputs: by name, arrays of the signature's types, or lists of bytes for strings.

        Returns:
          The outputs by name: arrays, or lists of bytes.

        Raises:
          RuntimeError: the runtime's own error.
        """
        definition = self.signatures[signature]
        library, status = self._library, _Status(self._library)
        input_tensors, output_tensors = [], []
        try:
            input_tensors = [_tensor(library, inputs[name]) for name in definition.inputs]
            feeds = [self._output(info) for info in definition.inputs.values()]
            fetches = [self._output(info) for info in definition.outputs.values()]
            results = (ctypes.c_void_p * len(fetches))()
            library.TF_SessionRun(
                ctypes.c_void_p(self._session), None,
                (_Output * len(feeds))(*feeds), (ctypes.c_void_p * len(feeds))(*input_tensors), len(feeds),
                (_Output * len(fetches))(*fetches), results, len(fetches), None, 0, None, status.pointer,
            )  # fmt: skip
            status.check(f"signature {signature}")
            output_tensors = list(results)
            named = zip(definition.outputs, output_tensors, strict=True)
            return {name: _array(library, tensor) for name, tensor in named}
        finally:
            for tensor in input_tensors + output_tensors:
                library.TF_DeleteTensor(ctypes.c_void_p(tensor))
            status.close()

    def _output(self, info) -> "_Output":
        operation, _, index = info.name.partition(":")
        handle = self._library.TF_GraphOperationByName(ctypes.c_void_p(self._graph), operation.encode())
        return _Output(handle, int(index))


@contextlib.contextmanager
def load(folder: Path) -> Iterator[CppModel]:
    """Load a SavedModel for the duration of a block.

    Args:
      folder: a version folder.

    Raises:
      RuntimeError: the runtime cannot load it; the message has its reason.
      FileNotFoundError: this TensorFlow contains no C++ library.
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
    """The status of a call of TensorFlow's C interface."""

    def __init__(self, library: ctypes.CDLL):
        self._library = library
        self.pointer = ctypes.c_void_p(library.TF_NewStatus())

    def check(self, action: str) -> None:
        if self._library.TF_GetCode(self.pointer):
            message = self._library.TF_Message(self.pointer).decode(errors="replace")
            raise RuntimeError(f"{action}: TensorFlow's C++ runtime: {message}")

    def close(self) -> None:
        self._library.TF_DeleteStatus(self.pointer)


def _library() -> ctypes.CDLL:
    libraries = sorted(Path(tf.__file__).parent.glob("libtensorflow_cc*"))
    if not libraries:
        raise FileNotFoundError("This TensorFlow contains no libtensorflow_cc.")
    library = ctypes.CDLL(str(libraries[-1]))
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
    """Create a TF_Tensor with a copy of the value."""
    if isinstance(value, np.ndarray):
        data_type = tf.dtypes.as_dtype(value.dtype).as_datatype_enum
        tensor, base = _allocate(library, data_type, value.shape, value.nbytes)
        ctypes.memmove(base, np.ascontiguousarray(value).ctypes.data, value.nbytes)
        return tensor
    tensor, base = _allocate(library, _STRING, (len(value),), _TSTRING_BYTES * len(value))
    for index, text in enumerate(value):
        string = ctypes.c_void_p(base + _TSTRING_BYTES * index)
        library.TF_StringInit(string)
        library.TF_StringCopy(string, text, len(text))
    return tensor


def _allocate(library: ctypes.CDLL, data_type: int, shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Create a TF_Tensor of `size` bytes; return it and the address of its data."""
    tensor = library.TF_AllocateTensor(data_type, (ctypes.c_int64 * len(shape))(*shape), len(shape), size)
    return tensor, library.TF_TensorData(ctypes.c_void_p(tensor))


def _array(library: ctypes.CDLL, tensor: int) -> np.ndarray | list[bytes]:
    """Copy the value of a TF_Tensor."""
    pointer = ctypes.c_void_p(tensor)
    data_type = library.TF_TensorType(pointer)
    shape = [library.TF_Dim(pointer, i) for i in range(library.TF_NumDims(pointer))]
    base = library.TF_TensorData(pointer)
    if data_type != _STRING:
        data = ctypes.string_at(base, library.TF_TensorByteSize(pointer))
        return np.frombuffer(data, tf.dtypes.as_dtype(data_type).as_numpy_dtype).reshape(shape)
    strings = [ctypes.c_void_p(base + _TSTRING_BYTES * i) for i in range(shape[0])]
    return [ctypes.string_at(library.TF_StringGetDataPointer(s), library.TF_StringGetSize(s)) for s in strings]
