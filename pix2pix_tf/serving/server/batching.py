"""Dynamic batching: simultaneous requests run as one batch, which is faster than one after another."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pix2pix_tf.serving.error_messages import sentence
from pix2pix_tf.serving.server.model_manager import Version
from pix2pix_tf.serving.server.rest_api import Array, Request, RestError

_CODES = {  # TensorFlow's codes to HTTP's, as TF Serving maps them
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.NOT_FOUND: 404,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.UNAVAILABLE: 503,
}


@dataclass(frozen=True)
class _Waiting:
    """A request in the queue, and the future of its outputs."""

    version: Version
    request: Request
    pixels: int
    sizes: frozenset  # (height, width) of its images
    result: asyncio.Future

    @property
    def key(self) -> tuple:
        """Requests with the same key can share a batch."""
        return self.version, self.request.signature, self.sizes


class Batcher:
    """Runs the requests to one model, one TensorFlow call at a time.

    Requests queue up while a call runs; the next call takes all that can share a batch. Before it, the batcher waits a
    moment for as many requests as the last batch had, so a single client never waits.
    """

    def __init__(self, most_pixels: int, linger: float, observe=lambda rows: None):
        """Create an empty queue; `work` must run for requests to be computed.

        Args:
          most_pixels: in a batch; a request with more runs alone.
          linger: seconds to wait for other requests.
          observe: called with the number of rows of each batch.
        """
        self.most_pixels, self.linger, self.observe = most_pixels, linger, observe
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def predict(self, version: Version, request: Request, pixels: int, sizes: frozenset) -> dict[str, Array]:
        """Queue a request and wait for its outputs.

        Args:
          version: of the model.
          request: its signature and inputs.
          pixels: in all rows.
          sizes: (height, width) of its images.

        Returns:
          The outputs by name.

        Raises:
          RestError: the model refused the request.
        """
        result = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(version, request, pixels, sizes, result))
        self._arrived.set()
        return await result

    async def work(self) -> None:
        """Run batches until it is cancelled."""
        loop, together = asyncio.get_running_loop(), 1
        while True:
            await self._arrived.wait()
            if len(self._queue) < together:
                await asyncio.sleep(self.linger)
            batch = self._take()
            together = len(batch)
            self.observe(sum(one.request.rows for one in batch))
            results = await loop.run_in_executor(self._thread, run_batch, batch)
            for one, result in zip(batch, results, strict=True):
                if one.result.done():  # the client disconnected
                    continue
                if isinstance(result, Exception):
                    one.result.set_exception(result)
                else:
                    one.result.set_result(result)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> list[_Waiting]:
        """Remove and return the first request and all that can share its batch."""
        first, pixels = self._queue[0], 0
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        for one in self._queue:
            if one.key == first.key and (not batch or pixels + one.pixels <= self.most_pixels):
                batch.append(one)
                pixels += one.pixels
            else:
                left.append(one)
        self._queue = left
        if not left:
            self._arrived.clear()
        return batch


def run_batch(batch: Sequence[_Waiting]) -> Sequence[dict[str, Array] | Exception]:
    """Run requests as one batch; if that fails, each by itself, so that a client gets its own error only."""
    try:
        return _run(batch)
    except tf.errors.OpError as error:
        if len(batch) > 1:
            return [result for one in batch for result in run_batch([one])]
        return [RestError(_CODES.get(error.error_code, 500), sentence(error.message))]
    except Exception as error:  # any error must reach the waiting client and not end the worker
        return [error] * len(batch)


def _run(batch: Sequence[_Waiting]) -> list[dict[str, Array]]:
    first, results, place = batch[0], [], 0
    outputs = first.version.run(first.request.signature, _joined([one.request.inputs for one in batch]))
    for one in batch:
        results.append({name: array[place : place + one.request.rows] for name, array in outputs.items()})
        place += one.request.rows
    return results


def _joined(inputs: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Concatenate the rows of all requests."""
    if len(inputs) == 1:
        return dict(inputs[0])
    columns = {name: [one[name] for one in inputs] for name in inputs[0]}
    return {
        name: np.concatenate(arrays)
        if isinstance(arrays[0], np.ndarray)
        else [value for values in arrays for value in values]
        for name, arrays in columns.items()
    }
