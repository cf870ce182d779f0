import numpy as np
import pytest
import tensorflow as tf

from conftest import SIZE, TINY
from pix2pix_tf import config
from pix2pix_tf.data import pipeline
from pix2pix_tf.tasks import Pix2Pix


def task(*overrides, computed_in="float32"):
    tf.keras.utils.set_random_seed(0)
    return Pix2Pix(config.make_config("orig", [*TINY, *overrides]), SIZE, {"zones": 8, "sar": 8}, computed_in)


@pytest.fixture
def batch(tiny_dataset, tiny_config):
    return next(iter(pipeline.training_batches(tiny_dataset, tiny_config)))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_few_steps_bring_the_image_nearer_to_the_target_in_every_precision(batch, precision):
    trained = task("train.learning_rate=0.005", computed_in=precision)
    before = float(trained.validate(batch)["val_l1"])
    losses = [trained.train_step(batch) for _ in range(12)]
    assert all(np.isfinite(float(loss)) for step in losses for loss in step.values())
    assert float(trained.validate(batch)["val_l1"]) < before - 0.05
    assert all(variable.dtype == tf.float32 for variable in trained.generator_variables)


def test_the_precision_of_one_task_is_not_that_of_the_next():
    task(computed_in="mixed_bfloat16")
    assert task().generator.layers[-2].compute_dtype == "float32"


def test_the_total_is_the_weighted_sum_of_its_parts(batch):
    weighted = task("loss.gan=3", "loss.l1=7")
    losses = weighted.train_step(batch)
    assert float(losses["generator"]) == pytest.approx(
        3 * float(losses["generator_gan"]) + 7 * float(losses["generator_l1"]), rel=1e-5
    )


def test_both_networks_learn(batch):
    trained = task()
    variables = trained.generator_variables + trained.discriminator_variables
    before = [variable.numpy() for variable in variables]
    trained.train_step(batch)
    assert all((old != new.numpy()).any() for old, new in zip(before, variables, strict=True))


def test_the_gradient_of_a_step_is_the_textbooks(batch):
    # Adam's first step is the learning rate against the gradient's sign, whatever its size.
    trained = task("loss.gan=0", "model.dropout=0")
    variable = trained.generator_variables[-1]  # the bias of the last layer: one number
    with tf.GradientTape() as tape:
        painted = trained.generator([batch["input"], batch["seed"]], training=True)
        l1 = tf.reduce_mean(tf.abs(painted - batch["target"]))
    direction = np.sign(tape.gradient(l1, variable).numpy())
    before = variable.numpy()
    trained.train_step(batch)
    np.testing.assert_allclose(variable.numpy() - before, -2e-4 * direction, rtol=1e-3)


def test_batch_norm_trains_and_paints_without_changing_itself(batch):
    trained = task("model.norm=batch")
    trained.train_step(batch)
    before = [v.numpy() for v in trained.generator.variables]
    trained.generate(batch)
    assert all((old == np.asarray(new)).all() for old, new in zip(before, trained.generator.variables, strict=True))


def test_several_roles_have_a_png_each(tiny_data):
    chosen = config.make_config("orig", [*TINY, "data.inputs=zones,elevation", "data.targets=sar"])
    built = Pix2Pix(chosen, SIZE, {"zones": 8, "sar": 8, "elevation": 8}, "float32")
    signatures = built.signatures()
    assert [spec.name for spec in signatures["sample"][1]] == ["zones_bytes", "elevation_bytes", "seed"]
    pngs = [tf.constant([(tiny_data / "val" / role / "S6.png").read_bytes()]) for role in ("zones", "elevation")]
    assert tf.io.decode_png(signatures["serving_default"][0](*pngs)["output_bytes"][0]).shape == (SIZE, SIZE, 1)
