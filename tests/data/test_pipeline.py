import itertools
import os
import shutil
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf import config
from pix2pix_tf.data import pipeline
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SIZE, TINY


def take(dataset, chosen, steps, first=0):
    batches = pipeline.training_batches(dataset, chosen, first)
    return [{k: v.numpy() for k, v in batch.items()} for batch in itertools.islice(batches, steps)]


def same(one, other):
    return all((one[key] == other[key]).all() for key in one)


def test_shapes_and_ranges(tiny_dataset, tiny_config):
    (batch,) = take(tiny_dataset, tiny_config, 1)
    assert batch["input"].shape == (2, SIZE, SIZE, 4)
    assert batch["target"].shape == (2, SIZE, SIZE, 1)
    assert (batch["input"].sum(axis=-1) == 1).all()
    assert np.abs(batch["target"]).max() <= 1
    assert batch["target"].std() > 0.1
    assert len(set(batch["seed"])) == 2


def test_each_epoch_shows_every_patch_once_in_another_order(tiny_dataset, tiny_config):
    batches = take(tiny_dataset, tiny_config, 9)
    orders = [tuple(np.concatenate([batch["index"] for batch in batches[i : i + 3]])) for i in (0, 3, 6)]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len(set(orders)) > 1


def test_a_training_can_be_entered_at_any_step(tiny_dataset, tiny_config):
    whole = take(tiny_dataset, tiny_config, 8)
    for first in (1, 3, 5):
        assert all(map(same, whole[first:], take(tiny_dataset, tiny_config, 8 - first, first)))


def test_a_step_that_waits_for_its_batch_makes_no_more_of_them_wait_ready(tiny_dataset, tiny_config, monkeypatch):
    read, load = [], pipeline._load

    def counted(*arguments):
        with tf.control_dependencies([tf.numpy_function(lambda: read.append(1), [], [])]):
            return {role: tf.identity(image) for role, image in load(*arguments).items()}

    monkeypatch.setattr(pipeline, "_load", counted)
    batches, taken = iter(pipeline.training_batches(tiny_dataset, tiny_config)), 0
    for _ in range(8):
        for _ in range(60):  # as fast as they come, so that none waits
            next(batches)
            taken += 2
        time.sleep(0.1)
    assert len(read) - taken <= 2 * pipeline.AHEAD + 4 * os.cpu_count()  # the latter are being read


def test_another_seed_shows_something_else(tiny_dataset):
    batches = [take(tiny_dataset, config.make_config("orig", [*TINY, f"train.seed={s}"]), 1)[0] for s in (0, 1)]
    assert not same(*batches)


def test_left_over_patches_change_with_the_epoch(tiny_dataset):
    chosen = config.make_config("orig", [*TINY, "train.batch_size=4"])
    assert pipeline.steps_per_epoch(tiny_dataset, chosen) == 1
    assert {i for batch in take(tiny_dataset, chosen, 12) for i in batch["index"]} == set(range(6))


def test_fewer_patches_than_a_batch_are_refused(tiny_dataset):
    with pytest.raises(UserError, match="6 training patches, fewer than one batch of 7"):
        pipeline.steps_per_epoch(tiny_dataset, config.make_config("orig", ["train.batch_size=7"]))


def test_without_jitter_a_sample_is_its_files(tiny_data, tiny_dataset):
    chosen = config.make_config("orig", [*TINY, "data.jitter=1", "data.flip=0"])
    (batch,) = take(tiny_dataset, chosen, 1)
    stem = tiny_dataset.stems["train"][batch["index"][0]]
    sar = np.asarray(Image.open(tiny_data / "train" / "sar" / f"{stem}.png"))
    np.testing.assert_allclose(batch["target"][0, ..., 0], sar / 127.5 - 1, atol=1e-6)


def test_fixed_batches_are_the_files_in_order_with_their_place_as_seed(tiny_dataset, tiny_config):
    stems = tiny_dataset.stems["val"]
    batches = list(pipeline.fixed_batches(tiny_dataset, tiny_config, "val", stems, 2))
    assert [batch["seed"].numpy().tolist() for batch in batches] == [[0, 1], [2]]
    sar = np.asarray(Image.open(tiny_dataset.path("val", "sar", stems[2])))
    np.testing.assert_allclose(batches[1]["target"][0, ..., 0], sar / 127.5 - 1, atol=1e-6)


def test_roles_are_stacked_in_the_order_of_the_configuration(tiny_data):
    chosen = config.make_config("orig", [*TINY, "data.inputs=elevation,zones", "data.mask=binary"])
    dataset = load_dataset(tiny_data, ("elevation", "zones", "sar"))
    (batch,) = take(dataset, chosen, 1)
    assert batch["input"].shape[-1] == 2
    assert len(np.unique(batch["input"][..., 0])) > 2
    assert set(np.unique(batch["input"][..., 1])) <= {-1.0, 1.0}


SAR_TO_OPTICAL = (*TINY, "data.inputs=sar_vv,sar_vh", "data.targets=optical", "data.jitter=1", "data.flip=0")


def test_targets_that_share_an_input_are_shown_with_it(optical_data):
    dataset = load_dataset(optical_data, ("sar_vv", "sar_vh", "optical"))
    chosen = config.make_config("orig", SAR_TO_OPTICAL)
    stems = dataset.stems["val"][:3]  # of one scene
    (batch,) = pipeline.fixed_batches(dataset, chosen, "val", stems, 3)
    given = batch["input"].numpy()
    assert given.shape == (3, SIZE, SIZE, 2) and (given == given[0]).all()
    for place, role in enumerate(("sar_vv", "sar_vh")):
        grey = np.asarray(Image.open(optical_data / "val" / role / f"{dataset.pairs[stems[0]].input}.png"))
        np.testing.assert_allclose(given[0, ..., place], grey / 127.5 - 1, atol=1e-6)
    for target, stem in zip(batch["target"].numpy(), stems, strict=True):
        colour = np.asarray(Image.open(optical_data / "val" / "optical" / f"{stem}.png"))
        np.testing.assert_allclose(target, colour / 127.5 - 1, atol=1e-6)
    indexed = {dataset.stems["train"][i] for batch in take(dataset, chosen, 10) for i in batch["index"]}
    assert len(indexed) > 5  # an epoch is of targets, not of inputs


def test_sixteen_bits_come_through_without_loss(tmp_path, rng):
    deep = rng.integers(0, 65536, (SIZE, SIZE, 4), dtype=np.uint16)
    for split in ("train", "val"):
        images.write_png(tmp_path / split / "sar_vv" / "a.png", deep[..., 3])
        images.write_png(tmp_path / split / "optical" / "a.png", deep[..., :3])
    dataset = load_dataset(tmp_path, ("sar_vv", "optical"))
    chosen = config.make_config("orig", [*SAR_TO_OPTICAL, "data.inputs=sar_vv"])
    (batch,) = pipeline.fixed_batches(dataset, chosen, "val", ("a",), 1)
    for name, pixels in (("input", deep[..., 3:]), ("target", deep[..., :3])):
        back = (batch[name].numpy()[0].astype(np.float64) + 1) / 2 * 65535
        np.testing.assert_array_equal(back.round().astype(np.uint16), pixels)


def fronts_of(tiny_data, tmp_path, *roles):
    """The tiny data set with a front in every patch: a line one pixel wide down the middle."""
    root = tmp_path / "fronts"
    shutil.copytree(tiny_data, root)
    line = np.zeros((SIZE, SIZE), np.uint8)
    line[:, SIZE // 2] = 255
    for path in root.glob("*/sar/*.png"):
        for role in roles:
            target = path.parent.parent / role / path.name
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(line).save(target)
    return load_dataset(root, ("sar", "fronts"))


@pytest.mark.parametrize("earlier", [False, True])
def test_front_lines_are_dilated(tiny_data, tmp_path, earlier):
    dataset = fronts_of(tiny_data, tmp_path, "fronts")
    if earlier:  # `fronts` was dilated for training then, and `lines` was one pixel wide
        for folder in list(dataset.root.glob("*/fronts")):
            shutil.copytree(folder, folder.with_name("lines"))
            for path in folder.glob("*.png"):
                Image.fromarray(np.full((SIZE, SIZE), 255, np.uint8)).save(path)
        dataset = load_dataset(dataset.root, ("sar", "fronts"))
    chosen = config.make_config("fronts", ["train.batch_size=2", "data.front_width=3", "loss.distance_dilation=3"])
    (batch,) = pipeline.fixed_batches(dataset, chosen, "val", dataset.stems["val"][:2], 2)
    assert ((batch["target"].numpy() > 0).sum(axis=2) == 3).all()
    # Dilated by 3 once more; the weight of the middle pixel is 1, and .1 where the front is far.
    assert float(batch["weight"][0, 5, SIZE // 2, 0]) == 1
    assert float(batch["weight"][0, 5, 0, 0]) == pytest.approx(0.1)


def test_a_segmenters_batches_can_be_entered_at_any_step_with_every_change_on(tiny_data, tmp_path):
    dataset = fronts_of(tiny_data, tmp_path, "fronts")
    chosen = config.make_config("fronts", ["train.batch_size=2"])
    whole = take(dataset, chosen, 5)
    assert all(map(same, whole[2:], take(dataset, chosen, 3, 2)))
