import json

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.data import conditions, encoding, pipeline, styles
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.training import trainer
from pix2pix_tf.training.averages import WeightAverage
from pix2pix_tf.training.optimizers import rate_share
from pix2pix_tf.training.tasks import make_task
from tests.helpers import SIZE, SPECKLE, long

WEIGHTS = {"pixel": 2.0, "zones": 13.0, "texture": 3.0, "features": 5.0, "mean_tone": 7.0, "style": 11.0, "grid": 17.0}


@pytest.fixture
def dataset(fronts_data):
    return load_dataset(fronts_data, ("zones", "sar"))


def task(dataset, *overrides, dtype_policy="float32"):
    chosen = config.make_config("speckle", [*SPECKLE, "data.condition=sensor", *overrides])
    return trainer.build_task(chosen, dataset, dtype_policy)


def batch_of(dataset, built):
    return next(iter(pipeline.training_batches(dataset, built.config)))


@pytest.mark.parametrize("precision", [long("float32"), "mixed_bfloat16", long("mixed_float16")])
def test_a_few_steps_bring_the_image_nearer_to_its_style_in_every_precision(dataset, precision):
    # Exact tones would leave the texture alone to learn, which takes more steps.
    trained = task(dataset, "train.learning_rate=0.003", "model.exact_tones=false", dtype_policy=precision)
    batch = batch_of(dataset, trained)
    steps = [trained.train_step(batch) for _ in range(15)]
    assert all(np.isfinite(float(loss)) for step in steps for loss in step.values())
    assert float(steps[-1]["style"]) < 0.8 * float(steps[0]["style"])
    assert all(variable.dtype == tf.float32 for variable in trained.generator_variables)


def test_exact_tones_are_those_of_the_style_before_any_training(dataset):
    errors = {}
    for exact in ("true", "false"):
        built = task(dataset, f"model.exact_tones={exact}")
        batch = batch_of(dataset, built)
        mask, _, (wanted, _), _ = built._inputs(batch)
        found, _ = styles.measure(encoding.log_tone(built.generate(batch)), mask)
        large = mask[..., 1:].numpy().sum(axis=(1, 2)) > 4 * styles.FEW  # smaller zones are shifted less
        errors[exact] = np.abs(found - wanted)[:, : styles.ZONES][large].max()
    assert errors["true"] < 0.02 < 0.1 < errors["false"]


def test_images_and_masks_are_shifted_alike_with_mirrored_borders(dataset):
    built = task(dataset, "train.discriminator_shift=9")
    places = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij"), axis=-1)[np.newaxis]
    found = set()
    for seed in range(40):
        rows, columns = built._shifted(tf.constant([seed]), *(places[..., i : i + 1] for i in (0, 1)))
        rows, columns = rows.numpy()[0, :, :, 0], columns.numpy()[0, :, :, 0]
        row, column = rows[16, 16] - 16, columns[16, 16] - 16
        inside = np.arange(8, 24)
        np.testing.assert_array_equal(rows[8:24, 0], inside + row)
        np.testing.assert_array_equal(columns[0, 8:24], inside + column)
        assert rows[0, 0] == abs(row)
        found.add((row, column))
    assert {row for row, _ in found} == set(range(-4, 6)) == {column for _, column in found}
    assert len(found) > 25


def test_the_largest_shift_suits_the_smallest_patches(dataset):
    built = task(dataset, "train.discriminator_shift=62")
    (shifted,) = built._shifted(tf.constant([0]), tf.ones([1, SIZE, SIZE, 1]))
    assert shifted.shape == (1, SIZE, SIZE, 1)


class Step:
    """One step of a training, shared by the tests that look at it."""

    def __init__(self, dataset):
        weights = (f"loss.{name}={weight}" for name, weight in WEIGHTS.items())
        self.task = task(dataset, *weights, "train.drawn_masks=0.5")
        self.batch = batch_of(dataset, self.task)
        self.variables = self.task.generator_variables + self.task.discriminator_variables
        self.before = [variable.numpy() for variable in self.variables]
        self.losses = self.task.train_step(self.batch)


@pytest.fixture(scope="module")
def step(fronts_data):
    return Step(load_dataset(fronts_data, ("zones", "sar")))


def test_the_total_is_the_weighted_sum_of_its_parts(step):
    assert tuple(step.losses) == step.task.loss_names
    expected = sum(weight * float(step.losses[name]) for name, weight in WEIGHTS.items())
    assert float(step.losses["generator"]) == pytest.approx(expected, rel=1e-5)


def test_all_three_networks_learn_and_the_average_follows(step):
    moved = [(old != new.numpy()).any() for old, new in zip(step.before, step.variables, strict=True)]
    assert sum(moved) >= len(moved) - 2  # a bias before a norm need not
    first, weight = step.before[0], step.variables[0].numpy()
    share = 1 - min(np.exp(-2 / 500), 2 / 11)  # after one step of two images
    np.testing.assert_allclose(
        step.task.average.network.weights[0], first + share * (weight - first), rtol=1e-4, atol=1e-7
    )


def test_an_average_follows_quickly_at_first_and_then_by_its_horizon():
    network = tf.keras.Sequential([tf.keras.Input([1]), tf.keras.layers.Dense(1, use_bias=False)])
    network.set_weights([np.zeros((1, 1), np.float32)])
    average = WeightAverage(network, horizon=100)
    network.set_weights([np.ones((1, 1), np.float32)])
    average.update(tf.constant(10**6, tf.int64))
    assert float(average.network.get_weights()[0][0, 0]) == pytest.approx(1 - np.exp(-0.01), rel=1e-4)
    average.update(tf.constant(0, tf.int64))
    assert float(average.network.get_weights()[0][0, 0]) > 0.9


def test_the_rate_falls_over_the_last_epochs():
    train = config.make_config("speckle", ["train.epochs=10", "train.decay_epochs=3"]).train
    shares = [float(rate_share(tf.constant(epoch, tf.int64), train)) for epoch in range(10)]
    assert shares == pytest.approx([1] * 7 + [0.75, 0.5, 0.25])
    constant = config.make_config("orig", ["train.epochs=10"]).train
    assert float(rate_share(tf.constant(9, tf.int64), constant)) == 1


@pytest.mark.long
def test_a_falling_rate_makes_smaller_steps(dataset):
    moves = []
    for epoch in (0, 9):
        trained = task(dataset, "train.epochs=10", "train.decay_epochs=9")
        batch = batch_of(dataset, trained) | {"epoch": tf.constant([epoch, epoch], tf.int64)}
        before = trained.generator_variables[-1].numpy()
        trained.train_step(batch)
        moves.append(np.abs(trained.generator_variables[-1].numpy() - before).max())
    assert moves[1] == pytest.approx(moves[0] / 10, rel=0.01)


def test_the_weights_that_validate_better_are_exported(step):
    validated = step.task.validate(step.batch)
    assert set(validated) == {"val_style", "val_style_average"}
    outputs = []
    for better in (0.5, 2.0):
        step.task.choose_weights({"val_style": 1.0, "val_style_average": better})
        assert bool(step.task.average.is_better) == (better < 1)
        outputs.append(step.task.generate(step.batch).numpy())
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-5


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_the_masks_are_drawn_fjords_in_styles_of_the_bank(step, share, monkeypatch):
    monkeypatch.setattr(step.task, "config", config.make_config("speckle", [f"train.drawn_masks={share}"]))
    many = {key: tf.repeat(value[:1], 64, axis=0) for key, value in step.batch.items()} | {"seed": tf.range(64)}
    mask, _, statistics, style = step.task._inputs(many)
    drawn, wanted, styled, paired = step.task._with_drawings(many, mask, statistics, style)
    own = [bool(np.array_equal(one, other)) for one, other in zip(drawn, mask, strict=True)]
    assert own == [bool(flag) for flag in paired[:, 0, 0, 0]]
    assert np.mean(own) == pytest.approx(1 - share, abs=0.2 if share < 1 else 0)
    assert np.array_equal(tf.reduce_sum(drawn, axis=-1), np.ones(drawn.shape[:3]))
    length = statistics[0].shape[1]
    for number, is_own in enumerate(own):
        assert np.array_equal(styled[number], style[number]) == is_own
        assert np.array_equal(styled[number, :length], wanted[0][number])
        zones = styles.present_zones(drawn[number : number + 1])[0]
        assert is_own or np.array_equal(zones * wanted[1][number, : styles.ZONES], wanted[1][number, : styles.ZONES])


@pytest.mark.long
def test_the_image_of_a_drawn_mask_is_compared_with_no_real_one(dataset):
    drawing = task(dataset, "train.drawn_masks=1")
    losses = {name: float(loss) for name, loss in drawing.train_step(batch_of(dataset, drawing)).items()}
    assert losses["features"] == losses["mean_tone"] == 0
    assert losses["pixel"] > 0
    assert losses["style"] > 0


# ---- Exports -------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(speckle_run):
    return saved_model.load(versions.versions(speckle_run / "export" / "speckle")[2])


@pytest.fixture
def masks(dataset):
    images = [tf.io.decode_png(dataset.path("val", "zones", s).read_bytes()).numpy() for s in dataset.stems["val"]]
    return np.stack(images)


def test_an_export_names_its_scenes_and_takes_their_styles(model, masks, dataset):
    assert tuple(model.styles) == dataset.stems["train"]
    plain = model.generate(masks[:1], [3])
    assert plain.shape == (1, SIZE, SIZE, 1)
    assert np.abs(plain).max() <= 1
    for style in ("random", f"scene:{model.styles[1]}"):
        assert np.abs(model.generate(masks[:1], [3], None, [style]) - plain).max() > 1e-3
    with pytest.raises(tf.errors.InvalidArgumentError, match="scene:nowhere"):
        model.generate(masks[:1], [3], None, ["scene:nowhere"])


def test_an_image_depends_on_its_own_row_and_seed_alone(model, masks):
    together = model.generate(masks, [1, 2, 3])
    np.testing.assert_allclose(model.generate(masks[1:2], [2])[0], together[1], atol=1e-5)
    assert np.abs(model.generate(masks[1:2], [9])[0] - together[1]).max() > 1e-3
    np.testing.assert_array_equal(model.generate(masks, [1, 2, 3]), together)


def test_a_scene_of_one_tile_is_the_network_s_own_output(model, masks):
    present = np.array([float((masks[0] == value).any()) for value in (64, 127, 254)], np.float32)
    vector = model.choose_style(present, 5)
    np.testing.assert_allclose(
        model.generate_styled(masks[:1], vector, 5, (0, 0)), model.generate(masks[:1], [5]), atol=1e-5
    )
    assert np.abs(model.generate_styled(masks[:1], vector, 5, (0, 8)) - model.generate(masks[:1], [5])).max() > 1e-3


def test_a_measured_style_replaces_that_of_the_bank_where_the_mask_has_the_zone(model, dataset):
    stem = dataset.stems["train"][0]
    sar, zones = (tf.io.decode_png(dataset.path("train", role, stem).read_bytes()).numpy() for role in ("sar", "zones"))
    values, flags = model.measure_style(sar[np.newaxis], zones[np.newaxis])
    named = model.choose_style(np.ones(3, np.float32), 1, style=f"scene:{stem}")
    np.testing.assert_allclose(values[0][flags[0] > 0], named[: len(values[0])][flags[0] > 0], atol=1e-5)
    shifted = model.choose_style(np.array([0, 1, 1], np.float32), 1, measured=(values[0] + 1, flags[0]))
    count = len(values[0])
    assert shifted[0] == 0  # no rock in the mask
    assert shifted[1] == pytest.approx(values[0][1] + 1, abs=1e-5) or not flags[0][1]
    assert ((shifted[count : 2 * count] == 0) | (shifted[count : 2 * count] == 1)).all()


@pytest.mark.long
def test_a_resumed_training_is_the_uninterrupted_one(dataset, speckle_run, tmp_path):
    chosen = config.make_config("speckle", [*SPECKLE, "data.condition=sensor", "train.epochs=1"])
    trainer.train(chosen, dataset, tmp_path / "run")
    longer = config.make_config("speckle", [*SPECKLE, "data.condition=sensor", "train.epochs=2"])
    trainer.train(longer, dataset, tmp_path / "run")
    lines = [[json.loads(line) for line in (run / "log.jsonl").open()] for run in (tmp_path / "run", speckle_run)]
    for resumed, whole in zip(*lines, strict=True):
        # the rate's decay follows from the number of epochs, so that only what comes before it is the same
        assert resumed["step"] == whole["step"]
    assert lines[0][1]["val_style"] > 0


def test_the_network_needs_the_styles_of_its_data():
    chosen = config.make_config("speckle", SPECKLE)
    with pytest.raises(AssertionError, match="styles"):
        make_task(chosen, SIZE, {"zones": 8, "sar": 8}, "float32")


def test_the_condition_is_part_of_the_style(dataset):
    built = task(dataset)
    known = conditions.vocabulary(dataset, ("sensor",))
    assert built.generator.inputs[1].shape[-1] == styles.layout(known).size
