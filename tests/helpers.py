"""What tests of several rooms share."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2pix_tf.data.io import raster

SIZE = 32  # pixels; five halvings lead to a 1 x 1 map, as eight do from 256
TINY = (
    "model.depth=5",
    "model.generator_width=4",
    "model.discriminator_width=4",
    "train.batch_size=2",
    "train.export_every=1",
    "train.precision=float32",
    "train.deterministic=true",
    "train.samples=2",
)
SPECKLE = (
    "model.depth=3",
    "model.generator_width=2",
    "model.discriminator_width=2",
    "train.drawn_masks=0",
    "train.batch_size=2",
    "train.export_every=1",
    "train.precision=float32",
    "train.deterministic=true",
    "train.samples=2",
)
UNET = ("model.unet_width=4", "train.batch_size=2", "train.precision=float32", "train.deterministic=true")


def long(*values: object):
    """Return values of a parametrized test that only `make test-long` tries."""
    return pytest.param(*values, marks=pytest.mark.long)


def tree(root: Path, read: Callable[[Path], object] = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()):
    """Return every file below a folder with its digest, or what `read` gives: equal trees are equal folders."""
    return {str(path.relative_to(root)): read(path) for path in sorted(root.rglob("*")) if path.is_file()}


def refused(capsys, run: Callable[..., int], *arguments: object) -> str:
    """Run a command that must refuse its input; returns its message.

    Args:
      capsys: pytest's fixture.
      run: runs the command, and returns its exit code.
      arguments: of `run`. Paths among them that do not exist must not exist afterwards either: nothing is written.
    """
    missing = [path for path in arguments if isinstance(path, Path) and not path.exists()]
    assert run(*arguments) == 2
    assert not any(path.exists() for path in missing)
    return capsys.readouterr().err


class Interrupted(list):
    """The first arguments of the calls of a function that Ctrl-C interrupts after some of them."""

    def __init__(self, monkeypatch, owner: object, name: str, after: int):
        """Replace the function `name` of `owner` until the test ends."""
        super().__init__()
        self.after: int | None = after
        real = getattr(owner, name)

        def call(*arguments, **options):
            if len(self) == self.after:
                raise KeyboardInterrupt
            self.append(arguments[0])
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    def resume(self) -> None:
        """Interrupts no more."""
        self.after = None


def wait_until(happened: Callable[[], object], seconds: float = 60.0) -> object:
    """Wait until a function returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain"
        time.sleep(0.01)
    return result


def read_raster(path):
    """The pixels of a TIFF, PNG or JPEG, [H, W] or [H, W, C]."""
    with raster.open_raster(path, whole=True) as source:
        pixels = source.read().pixels
    return pixels[..., 0] if source.channels == 1 else pixels
