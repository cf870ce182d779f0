"""Requests that arrive together are answered together: a batch of 8 takes much less than 8 times as long as one."""

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
    """A request in the queue."""

    version: Version
    request: Request
    pixels: int
    sizes: frozenset  # (height, width) of its images
    answer: asyncio.Future

    @property
    def key(self) -> tuple:
        """Requests with the same key can go together."""
        return self.version, self.request.signature, self.sizes


class Batcher:
    """Runs the requests to one model, one TensorFlow call at a time.

    While a call runs, requests gather; the next call takes all that go together. As many as went the last time are
    awaited for a moment, so that a client that is alone never waits.
    """

    def __init__(self, most_pixels: int, linger: float, observe=lambda rows: None):
        """Starts with an empty queue; `work` must run for anything to be answered.

        Args:
          most_pixels: in a batch; a request that has more goes alone.
          linger: seconds to wait for others.
          observe: is told the rows of each batch.
        """
        self.most_pixels, self.linger, self.observe = most_pixels, linger, observe
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def ask(self, version: Version, request: Request, pixels: int, sizes: frozenset) -> dict[str, Array]:
        """Waits for the answer to a request.

        Args:
          version: what is asked.
          request: what it is asked.
          pixels: in all its rows.
          sizes: of its images.

        Returns:
          The outputs by name.

        Raises:
          RestError: what the model says of the request.
        """
        answer = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(version, request, pixels, sizes, answer))
        self._arrived.set()
        return await answer

    async def work(self) -> None:
        """Answers requests until it is cancelled."""
        loop, together = asyncio.get_running_loop(), 1
        while True:
            await self._arrived.wait()
            if len(self._queue) < together:
                await asyncio.sleep(self.linger)
            batch = self._take()
            together = len(batch)
            self.observe(sum(one.request.rows for one in batch))
            answers = await loop.run_in_executor(self._thread, answer, batch)
            for one, result in zip(batch, answers, strict=True):
                if one.answer.done():  # given up meanwhile
                    continue
                if isinstance(result, Exception):
                    one.answer.set_exception(result)
                else:
                    one.answer.set_result(result)

    def close(self) -> None:
        """Lets the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> list[_Waiting]:
        """The first in the queue, and those behind it that go with it."""
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


def answer(batch: Sequence[_Waiting]) -> Sequence[dict[str, Array] | Exception]:
    """Runs requests as one; where that fails each by itself, so that nobody hears of another's mistake."""
    try:
        return _run(batch)
    except tf.errors.OpError as error:
        if len(batch) > 1:
            return [result for one in batch for result in answer([one])]
        return [RestError(_CODES.get(error.error_code, 500), sentence(error.message))]
    except Exception as error:  # whatever it is, it must reach the one who waits, and not end the worker
        return [error] * len(batch)


def _run(batch: Sequence[_Waiting]) -> list[dict[str, Array]]:
    first, results, place = batch[0], [], 0
    outputs = first.version.run(first.request.signature, _joined([one.request.inputs for one in batch]))
    for one in batch:
        results.append({name: array[place : place + one.request.rows] for name, array in outputs.items()})
        place += one.request.rows
    return results


def _joined(inputs: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Puts the rows of all requests one after another."""
    if len(inputs) == 1:
        return dict(inputs[0])
    columns = {name: [one[name] for one in inputs] for name in inputs[0]}
    return {
        name: np.concatenate(arrays)
        if isinstance(arrays[0], np.ndarray)
        else [value for values in arrays for value in values]
        for name, arrays in columns.items()
    }
