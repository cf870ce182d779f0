"""Takes the same steps on one device and on two halves of the processor; prints how far apart they end, as JSON.

tests/training/two_devices.py DATA STEPS VARIANT [KEY=VALUE ...], in a process of its own: TensorFlow needs to
have the two devices before it computes anything.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from pix2pix_tf.utils import cli  # isort: skip  # noqa: F401  # quietens TensorFlow
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.data import pipeline
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.training import distribution, trainer


def trained(chosen, dataset, devices, steps):
    """The task, its images' indices, the losses of steps and validation, all variables; the loss of a bad batch."""
    with devices.scope():
        task = trainer.build_task(chosen, dataset, chosen.train.precision)
    step, score = devices.compiled(task.train_step), devices.compiled(task.validate)
    batches = devices.batches(lambda *whose: pipeline.training_batches(dataset, chosen, 0, *whose))
    indices, losses = [], []
    for _ in range(steps):
        batch = next(batches)
        indices += devices.local_results(batch["index"]).numpy().tolist()
        losses += [float(loss) for loss in step(batch).values()]
    stems = dataset.stems["train"][:6]  # in batches of 4: the second one has 2
    for batch in pipeline.fixed_batches(dataset, chosen, "train", stems, chosen.train.batch_size):
        losses += [float(value) for value in score(devices.distribute(batch)).values()]
    variables = [variable.numpy() for variable in next(iter(task.modules().values())).variables]
    spoilt = next(iter(pipeline.training_batches(dataset, chosen)))
    spoilt["input"] *= np.array([1, 1, 1, np.nan], np.float32).reshape(4, 1, 1, 1)  # the last device's last image
    return task, indices, losses, variables, next(iter(step(devices.distribute(spoilt)).values())).numpy()


def main(data, steps, variant, *overrides):
    chosen = config.make_config(variant, overrides)
    dataset = load_dataset(Path(data), tuple(dict.fromkeys(chosen.data.inputs + chosen.data.targets)))
    two = distribution.choose(chosen.train)
    assert two.count == 2
    task, one_indices, one_losses, one, _ = trained(chosen, dataset, distribution.Devices(), int(steps))
    task_of_two, two_indices, two_losses, other, spoilt = trained(chosen, dataset, two, int(steps))
    assert one_indices == two_indices, (one_indices, two_indices)
    assert not np.isfinite(spoilt), spoilt
    with tempfile.TemporaryDirectory() as folder:  # one device resumes from the checkpoint of two
        saved = tf.train.Checkpoint(**task_of_two.modules()).write(f"{folder}/of-two")
        tf.train.Checkpoint(**task.modules()).read(saved).assert_existing_objects_matched()
    relative = [abs(a - b) / max(abs(a), 1e-3) for a, b in zip(one_losses, two_losses, strict=True)]
    weights = [float(abs(a - b).max()) for a, b in zip(one, other, strict=True)]
    typical = [float(abs(a - b).mean()) for a, b in zip(one, other, strict=True)]
    print(json.dumps({"losses": max(relative), "weights": max(weights), "typical": max(typical)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
