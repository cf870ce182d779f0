"""Snapshots of an epoch: an image grid of samples, and a SavedModel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data import conditions, encoding, pipeline, styles, visualization
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.io.images import to_pixels
from pix2pix_tf.export import saved_model
from pix2pix_tf.export.signatures import png_names
from pix2pix_tf.training import weights
from pix2pix_tf.training.speckle import SpeckleGan
from pix2pix_tf.training.tasks import Task


def draw_samples(path: Path, task: Task, dataset: Dataset, stems: tuple[str, ...], epoch: int) -> None:
    """Write an image grid of validation patches: input, output, target; a classifier's output is the caption.

    Args:
      path: of the PNG.
      task: with its present weights.
      dataset: with the task's roles in its split "val".
      stems: of the patches, the same ones after each epoch.
      epoch: for the title.
    """
    config = task.config
    batches = pipeline.fixed_batches(dataset, config, "val", stems, pipeline.TOGETHER)
    outputs = np.concatenate([task.generate(batch) for batch in batches])
    inputs, targets = (_pixels(dataset, roles, stems) for roles in (config.data.inputs, config.data.targets))
    captions, generated = list(stems), {}
    if targets:
        parts = np.split(outputs, np.cumsum([images.shape[-1] for images in targets.values()])[:-1], axis=-1)
        generated = {role: to_pixels(part) for role, part in zip(targets, parts, strict=True)}
    else:
        captions = [f"{float(p):.2f} cloudy: {stem}" for p, stem in zip(np.ravel(outputs), captions, strict=True)]
    title = f"{config.variant}, epoch {epoch}"
    visualization.sample_grid(path, inputs, generated, targets, title, captions, task.sample_title)


def export_epoch(base: Path, task: Task, dataset: Dataset, run: str, epoch: int, stem: str) -> None:
    """Write a SavedModel with its metadata, warm-up requests and, by `train.export_weights`, training weights.

    Args:
      base: the folder of versions; the new one is named by its epoch.
      task: with its present weights.
      dataset: of the training.
      run: the run's name.
      epoch: the one that has just ended.
      stem: of a validation patch, for the warm-up requests.
    """
    data = task.config.data
    vocabulary = conditions.vocabulary(dataset, data.condition)
    image = np.concatenate(list(_pixels(dataset, data.inputs, [stem]).values()), axis=-1)
    pngs = [[dataset.path("val", role, stem).read_bytes()] for role in data.inputs]
    text = [conditions.condition_text(dataset, vocabulary, stem).encode()]
    saved_model.write(
        base / str(epoch),
        task.signatures(),
        {
            "variant": task.config.variant,
            "run": run,
            "epoch": epoch,
            "inputs": data.inputs,
            "targets": data.targets,
            "size": dataset.size,
            "whole_scenes": all(max(one.height, one.width) <= dataset.size for one in dataset.scenes.values()),
            "divisor": task.divisor,
            "bits": {role: dataset.bits[role] for role in data.inputs + data.targets},
            "origin": dataset.origin,
            "conditions": vocabulary,
            "glaciers": dataset.glaciers("train"),
            **({"styles": task.bank.names} if isinstance(task, SpeckleGan) else {}),
        },
        example={
            **dict(zip(png_names(data.inputs, "image"), pngs, strict=True)),
            **{"image": image, "seed": np.zeros(1, np.int32), "condition": text, "style": [b""]},
            **(_style_example(task, dataset, stem) if isinstance(task, SpeckleGan) else {}),
        },
        weights=weights.of_modules(task.modules()) if task.config.train.export_weights else None,
    )


def _style_example(task: SpeckleGan, dataset: Dataset, stem: str) -> dict[str, np.ndarray]:
    """Return values for the arguments that only an export with styles has."""
    vector = np.zeros([1, styles.layout(task.conditions).size], np.float32)
    arguments = {"style_vector": vector, "origin": np.zeros([1, 2], np.int32)}
    return arguments | {"present": np.ones([1, styles.ZONES], np.float32)} | _pixels(dataset, ("zones", "sar"), [stem])


def _pixels(dataset: Dataset, roles: Sequence[str], stems: Sequence[str]) -> dict[str, np.ndarray]:
    """Read validation patches: for each role uint8 or uint16 [N, H, W, C], the PNGs' values."""
    return {
        role: np.stack(
            [
                encoding.decode_png(dataset.path("val", role, stem).read_bytes(), role, dataset.bits[role])
                for stem in stems
            ]
        )
        for role in roles
    }
