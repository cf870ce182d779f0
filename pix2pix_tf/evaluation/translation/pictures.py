"""Generated images that a report shows: kept from the pass that scored them, so that nothing is generated twice."""

import gc
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.inference import GeneratedImages, Setting
from pix2pix_tf.utils import files

OUTPUTS = 3  # of each input are shown, where several are generated

Picture = np.ndarray  # uint8 [K, H, W, C]: the first outputs of an input


def write(folder: Path, name: str, outputs: GeneratedImages) -> None:
    """Keep the first outputs of an input, in 8 bits.

    Args:
      folder: of the export's pictures.
      name: of the input.
      outputs: float32 [K, H, W, C], [-1, 1].
    """
    with files.atomic_write(folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
        np.save(file, images.to_pixels(outputs[:OUTPUTS]))


def read(folder: Path, version: Path, setting: Setting, names: Sequence[str]) -> list[Picture]:
    """Return kept pictures. Those that no pass has kept are generated and kept.

    Args:
      folder: of the export's pictures.
      version: the export.
      setting: gives the images and their seeds.
      names: of the inputs.

    Raises:
      UserError: the export takes other patches than these, or generates values that are not finite.
    """
    missing = [name for name in names if _read(folder, name) is None]
    if missing:
        model = inference.load_model(version, setting.dataset)
        for name in missing:
            place = np.array([setting.inputs.index(name)])  # all images of an input have the seed of the first
            outputs = inference.generate_outputs(model, setting, place, min(OUTPUTS, max(setting.outputs)))
            write(folder, name, outputs[0])
        del model
        gc.collect()  # a loaded model is a cycle of references, and the next one needs its memory
    return [picture for name in names if (picture := _read(folder, name)) is not None]


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Remove all pictures in a folder but those of some inputs."""
    for path in folder.glob("*.npy"):
        if path.stem not in names:
            path.unlink()


def _read(folder: Path, name: str) -> Picture | None:
    """Read a picture; None where there is none, or its file is damaged."""
    try:
        return np.load(folder / f"{name}.npy")
    except (OSError, EOFError, ValueError):
        return None
