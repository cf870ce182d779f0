import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf import config
from pix2pix_tf.data import classes, pipeline
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.training.tasks import Classifier, Segmenter, make_task
from tests.helpers import SIZE, TINY, UNET, long


def task(*overrides, dtype_policy="float32"):
    tf.keras.utils.set_random_seed(0)
    return make_task(config.make_config("orig", [*TINY, *overrides]), SIZE, {"zones": 8, "sar": 8}, dtype_policy)


@pytest.fixture
def batch(tiny_dataset, tiny_config):
    return next(iter(pipeline.training_batches(tiny_dataset, tiny_config)))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", long("mixed_float16")])
def test_a_few_steps_bring_the_image_nearer_to_the_target_in_every_precision(batch, precision):
    trained = task("train.learning_rate=0.005", dtype_policy=precision)
    before = float(trained.validate(batch)["val_l1"])
    losses = [trained.train_step(batch) for _ in range(12)]
    assert all(np.isfinite(float(loss)) for step in losses for loss in step.values())
    assert float(trained.validate(batch)["val_l1"]) < before - 0.05
    assert all(variable.dtype == tf.float32 for variable in trained.generator_variables)


def test_the_precision_of_one_task_is_not_that_of_the_next():
    task(dtype_policy="mixed_bfloat16")
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
        generated = trained.generator([batch["input"], batch["seed"]], training=True)
        l1 = tf.reduce_mean(tf.abs(generated - batch["target"]))
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
    built = make_task(chosen, SIZE, {"zones": 8, "sar": 8, "elevation": 8}, "float32")
    signatures = built.signatures()
    assert [spec.name for spec in signatures["sample"][1]] == ["zones_bytes", "elevation_bytes", "seed"]
    pngs = [tf.constant([(tiny_data / "val" / role / "S6.png").read_bytes()]) for role in ("zones", "elevation")]
    assert tf.io.decode_png(signatures["serving_default"][0](*pngs)["output_bytes"][0]).shape == (SIZE, SIZE, 1)


# ---- Segmentation ---------------------------------------------------------------------------------------------------


def segmenter(variant, *overrides, dtype_policy="float32"):
    tf.keras.utils.set_random_seed(0)
    return Segmenter(config.make_config(variant, [*UNET, *overrides]), SIZE, {"sar": 8}, dtype_policy)


@pytest.fixture
def zones_batch(fronts_data):
    chosen = config.make_config("zones", UNET)
    return next(iter(pipeline.training_batches(load_dataset(fronts_data, ("sar", "zones")), chosen)))


@pytest.fixture
def fronts_batch(fronts_data):
    chosen = config.make_config("fronts", [*UNET, "data.elastic=0"])
    return next(iter(pipeline.training_batches(load_dataset(fronts_data, ("sar", "fronts")), chosen)))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", long("mixed_float16")])
def test_zones_are_learnt_in_every_precision(zones_batch, precision):
    trained = segmenter("zones", "train.learning_rate=0.01", "train.max_learning_rate=0", dtype_policy=precision)
    losses = [float(trained.train_step(zones_batch)["loss"]) for _ in range(25)]
    assert np.isfinite(losses).all() and losses[-1] < 0.6 * losses[0]
    assert all(variable.dtype == tf.float32 for variable in trained.variables)


def test_fronts_are_learnt(fronts_batch):
    trained = segmenter("fronts", "train.learning_rate=0.01", "train.max_learning_rate=0")
    losses = [float(trained.train_step(fronts_batch)["loss"]) for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_learning_rate_of_a_step_is_the_triangles(zones_batch):
    trained = segmenter("zones", "train.learning_rate=0.001", "train.max_learning_rate=0.005", "train.step_size_up=4")
    rates = []
    for _ in range(6):
        trained.train_step(zones_batch)
        rates.append(float(trained.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.001, 0.002, 0.003, 0.004, 0.005, 0.004], rtol=1e-5)


def test_the_validation_iou_by_hand(fronts_batch):
    # The truth: zone 0 above, zone 1 below. The prediction, by its head's bias alone: zone 1 everywhere.
    trained = segmenter("zones")
    for variable in trained.variables:
        variable.assign(tf.zeros_like(variable))
    trained.variables[-1].assign([0.0, 9.0, 0.0, 0.0])
    zones = np.repeat([[0], [1]], 16, axis=0) * np.ones((1, 32), int)
    batch = {"input": tf.zeros([1, 32, 32, 1]), "target": tf.one_hot(zones[None], 4), "seed": tf.constant([0])}
    assert float(trained.validate(batch)["val_iou"]) == pytest.approx((0 + 1 / 2) / 2)  # of the classes that occur


def test_a_mask_comes_out_as_the_grey_values_of_its_classes(fronts_data):
    trained = segmenter("zones")
    sar = np.stack([np.asarray(Image.open(path)) for path in sorted((fronts_data / "val" / "sar").iterdir())])
    outputs = trained.signatures()["tensor"][0](tf.constant(sar[..., None]), tf.zeros([3], tf.int32))
    assert outputs["probabilities"].shape == (3, SIZE, SIZE, 4)
    np.testing.assert_allclose(tf.reduce_sum(outputs["probabilities"], axis=-1), 1, atol=1e-5)
    likeliest = np.array(classes.ZONE_VALUES)[np.argmax(outputs["probabilities"], axis=-1)]
    np.testing.assert_allclose((outputs["output"].numpy()[..., 0] + 1) * 127.5, likeliest, atol=1e-4)


# ---- SAR to optical, and clouds -------------------------------------------------------------------------------------


def test_the_squared_error_is_weighed_in(batch):
    weighted = task("loss.gan=2", "loss.l1=5", "loss.mse=7")
    losses = {name: float(loss) for name, loss in weighted.train_step(batch).items()}
    parts = 2 * losses["generator_gan"] + 5 * losses["generator_l1"] + 7 * losses["generator_mse"]
    assert losses["generator"] == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize(("every", "moves"), [(1, [True] * 4), (2, [True, False] * 2), (3, [True, False, False, True])])
def test_the_discriminator_rests_between_its_epochs_and_the_generator_never(batch, every, moves):
    trained = task(f"train.discriminator_every={every}")
    for epoch, moving in enumerate(moves):
        now = batch | {"epoch": tf.fill([2], tf.constant(epoch, tf.int64))}
        before = [[v.numpy() for v in vs] for vs in (trained.generator_variables, trained.discriminator_variables)]
        trained.train_step(now)
        after = [[v.numpy() for v in vs] for vs in (trained.generator_variables, trained.discriminator_variables)]
        moved = [any((x != y).any() for x, y in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]
        assert moved == [True, moving], epoch
    assert int(trained.discriminator_optimizer.steps) == sum(moves)


def test_the_average_of_the_weights_is_exported_where_it_validates_better(batch):
    averaging = task("train.average_images=100", dtype_policy="float32")
    averaging.train_step(batch)
    for weight in averaging.generator_variables:
        weight.assign_add(tf.ones_like(weight) * 0.1)
    assert set(averaging.validate(batch)) == {"val_l1", "val_l1_average"}
    outputs = []
    for better in (0.5, 2.0):
        averaging.choose_weights({"val_l1": 1.0, "val_l1_average": better})
        outputs.append(averaging.generate(batch).numpy())
    expected = averaging.average.network([batch["input"], batch["seed"]])
    np.testing.assert_allclose(outputs[0], expected, atol=1e-5)
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    assert "average" in averaging.modules()
    assert "average" not in task().modules()


def test_both_networks_of_a_gan_have_their_rate_which_falls_at_the_end(batch):
    falling = task("train.discriminator_learning_rate=1e-3", "train.epochs=10", "train.decay_epochs=9")
    networks = falling.generator_variables, falling.discriminator_variables
    before = [[variable.numpy() for variable in variables] for variables in networks]
    falling.train_step(batch | {"epoch": tf.fill(tf.shape(batch["epoch"]), tf.constant(9, tf.int64))})
    moves = [
        max(np.abs(new.numpy() - old).max() for new, old in zip(variables, values, strict=True))
        for variables, values in zip(networks, before, strict=True)
    ]
    assert moves == pytest.approx([2e-5, 1e-4], rel=0.05)  # Adam's first step: the rate, here a tenth


def test_two_channels_in_and_three_out():
    chosen = config.make_config("sar2optical", TINY)
    built = make_task(chosen, SIZE, {"sar_vv": 8, "sar_vh": 8, "optical": 8}, "float32")
    outputs = built.signatures()["tensor"][0](tf.zeros([2, SIZE, SIZE, 2], tf.uint8), tf.constant([1, 2]))
    assert outputs["output"].shape == (2, SIZE, SIZE, 3)
    assert [spec.name for spec in built.signatures()["sample"][1]] == ["sar_vv_bytes", "sar_vh_bytes", "seed"]


def test_clouds_are_learnt_from_patches_that_are_called_cloudy(rng):
    tf.keras.utils.set_random_seed(0)
    chosen = config.make_config("clouds", ["model.vgg_width=4", "train.learning_rate=0.01"])
    trained = Classifier(chosen, SIZE, {"optical": 8}, "float32")
    clear = rng.uniform(-1, -0.2, (4, SIZE, SIZE, 3))
    white = clear.copy()
    white[:, 8:24, 8:24] = 0.9
    images, cloudy = np.concatenate([clear, white]), np.repeat([[0.0], [1.0]], 4, axis=0)
    batch = {"input": tf.constant(images, tf.float32), "cloudy": tf.constant(cloudy, tf.float32), "seed": tf.range(8)}
    losses = [float(trained.train_step(batch)["loss"]) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    for _ in range(20):  # batch normalisation's running means follow
        trained.train_step(batch)
    assert float(trained.validate(batch)["val_accuracy"]) == 1.0
    answer = trained.signatures()["tensor"][0](tf.zeros([2, SIZE, SIZE, 3], tf.uint8), tf.zeros([2], tf.int32))
    assert answer["probabilities"].shape == (2, 1)
