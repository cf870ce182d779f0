import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.data import conditions, encoding, pipeline
from pix2pix_tf.data.dataset import Scene, read
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import season_of
from pix2pix_tf.export import cpp_runtime, saved_model
from pix2pix_tf.generate import command
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import TINY

KNOWN = {"sensor": ("ERS", "TSX"), "season": ("summer", "winter")}


@pytest.mark.parametrize(
    ("glacier", "date", "season"),
    [
        ("COL", "2011-03-31", "winter"),
        ("COL", "2011-04-01", "summer"),
        ("JAC", "2009-08-31", "summer"),
        ("JAC", "2009-09-01", "winter"),
        ("Mapple", "2010-04-01", "winter"),
        ("Crane", "2010-08-31", "winter"),
        ("SI", "2010-09-01", "summer"),
        ("DBE", "1998-02-18", "summer"),
        ("Jorum", "2003-06-07", "winter"),
        ("Elsewhere", "2010-06-01", None),
        (None, "2010-06-01", None),
        ("COL", None, None),
        ("COL", "June 2010", None),
        ("COL", "2010-13-01", None),
    ],
)
def test_seasons_by_hand(glacier, date, season):
    assert season_of(glacier, date) == season


@pytest.fixture(scope="module")
def dataset(fronts_data):
    """Patches of two glaciers by two sensors."""
    return load_dataset(fronts_data, ("zones", "sar"))


@pytest.fixture(scope="module")
def model(told_run):
    return saved_model.load(told_run / "export" / "orig")


def test_the_vocabulary_is_that_of_the_training_patches(dataset):
    assert conditions.vocabulary(dataset, ("sensor", "season")) == {
        "sensor": ("ERS", "TSX"),
        "season": ("summer", "winter"),
    }
    assert conditions.vocabulary(dataset, ()) == {}


def test_the_condition_of_a_patch(dataset):
    stem = dataset.stems["train"][0]
    assert stem.startswith("COL_2010-01-01_ERS")
    assert conditions.condition_text(dataset, KNOWN, stem) == "ERS,winter"
    assert conditions.condition_text(dataset, {"season": ("winter",), "sensor": ("S1",)}, stem) == "winter,"


def test_data_that_do_not_tell_are_refused(tiny_dataset):
    with pytest.raises(UserError, match="no sensor of any training scene.*CaFFe"):
        conditions.vocabulary(tiny_dataset, ("sensor",))


@pytest.mark.parametrize(
    ("words", "text"), [([], ","), (["sensor=TSX"], "TSX,"), (["season=winter", "sensor=ERS"], "ERS,winter")]
)
def test_wishes_become_the_models_text(words, text):
    assert conditions.format_condition(conditions.parse_conditions(words, KNOWN), KNOWN) == text


def test_a_requested_condition_replaces_metadata():
    scene = Scene("train", 1, 1, glacier="COL", date="2011-01-31", sensor="ERS")
    assert conditions.changed_facts(scene, {}) == {}
    assert conditions.changed_facts(scene, {"sensor": "TSX", "season": "winter"}) == {"sensor": "TSX"}
    assert conditions.changed_facts(scene, {"season": "summer"}) == {"date": None}


@pytest.mark.parametrize(
    ("known", "wish", "message"),
    [
        (KNOWN, "sensor=TSXX", "sensor .TSXX.*TSX"),
        (KNOWN, "senser=TSX", "sensor"),
        (KNOWN, "TSX", "KEY=VALUE"),
        ({}, "sensor=TSX", "without conditions"),
    ],
)
def test_wishes_that_a_model_cannot_fulfil_are_refused(known, wish, message):
    with pytest.raises(UserError, match=message):
        conditions.parse_conditions([wish], known)


CODES = {
    "ERS,summer": [1, 0, 1, 0],
    "TSX,winter": [0, 1, 0, 1],
    "TSX": [0, 1, 0, 0],
    ",winter": [0, 0, 0, 1],
    "": [0] * 4,
}


@pytest.mark.parametrize("in_dataset", [False, True])
def test_text_becomes_one_hot_eagerly_and_in_tf_data(in_dataset):
    texts = tf.constant(list(CODES))
    if in_dataset:
        mapped = tf.data.Dataset.from_tensors(texts).map(lambda batch: encoding.encode_condition(batch, KNOWN))
        codes = next(iter(mapped))
    else:
        codes = encoding.encode_condition(texts, KNOWN)
    assert codes.numpy().tolist() == list(CODES.values())


@pytest.mark.parametrize(("text", "message"), [("S1", "not a known value.*ERS, TSX"), ("TSX,winter,x", "at most one")])
def test_text_that_is_not_known_is_an_invalid_argument(text, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        encoding.encode_condition(tf.constant(["ERS", text]), KNOWN)


def test_a_condition_is_spread_over_its_own_image():
    joined = encoding.join_condition(tf.zeros([2, 3, 5, 4]), tf.constant([[1.0, 0.0], [0.0, 1.0]])).numpy()
    assert joined.shape == (2, 3, 5, 6)
    assert (joined[0, ..., 4:] == [1, 0]).all()
    assert (joined[1, ..., 4:] == [0, 1]).all()


def batches(dataset, *overrides, count=1):
    chosen = config.make_config("orig", [*TINY, "data.condition=sensor", *overrides])
    return list(pipeline.training_batches(dataset, chosen).take(count))


def test_the_pipeline_tells_each_patch_its_own_sensor(dataset):
    (batch,) = batches(dataset, "train.batch_size=6", "data.condition_dropout=0")
    for vector, index in zip(batch["input"][..., 4:].numpy(), batch["index"].numpy(), strict=True):
        assert (vector == [1.0, 0.0] if "ERS" in dataset.stems["train"][index] else vector == [0.0, 1.0]).all()


def test_the_sensor_is_hidden_as_often_as_asked_for_and_nothing_else_changes(dataset):
    shown, hidden, some = (
        np.concatenate([batch["input"].numpy() for batch in batches(dataset, f"data.condition_dropout={p}", count=60)])
        for p in (0, 1, 0.3)
    )
    np.testing.assert_array_equal(shown[..., :4], hidden[..., :4])
    assert not hidden[..., 4:].any()
    assert np.mean(some[:, 0, 0, 4:].sum(axis=-1) == 0) == pytest.approx(0.3, abs=0.12)


def test_an_export_follows_its_condition(model, dataset):
    assert {key: tuple(values) for key, values in model.conditions.items()} == KNOWN
    zones = np.stack([images.read_png(dataset.path("val", "zones", dataset.stems["val"][0]))])[..., np.newaxis]
    ers, tsx, unknown = (model.generate(zones, np.array([3]), [text]) for text in ("ERS,winter", "TSX,winter", ""))
    assert np.abs(ers - tsx).max() > 1e-4
    np.testing.assert_array_equal(unknown, model.generate(zones, np.array([3])))
    png = dataset.path("val", "zones", dataset.stems["val"][0]).read_bytes()
    generated = [model.generate_pngs([[png]], [3], [text]) for text in ("ERS,winter", "TSX,winter")]
    assert generated[0] != generated[1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a known value"):
        model.generate(zones, np.array([3]), ["S1,winter"])


def test_the_cpp_runtime_follows_it_too(model, dataset):
    zones = np.stack([images.read_png(dataset.path("val", "zones", stem)) for stem in dataset.stems["val"][:2]])
    request = {"image": zones[..., np.newaxis], "seed": np.array([1, 2], np.int32), "condition": [b"TSX,winter", b""]}
    with cpp_runtime.load(model.folder) as served:
        generated = served.run("tensor", request)["output"]
    expected = model.generate(request["image"], request["seed"], ["TSX,winter", ""])
    np.testing.assert_allclose(generated, expected, atol=1e-5)


def test_an_export_names_the_glaciers_it_was_trained_on(model):
    assert list(model.glaciers) == ["COL", "DBE"]


def generated(model, dataset, output, *more):
    arguments = ["--model", str(model.folder), "--masks", str(dataset.root), "--output", str(output), *more]
    assert cli.run(command.main, arguments) == 0
    return {path.name: path.read_bytes() for path in (output / "train" / "sar").glob("*.png")}


def test_generate_takes_the_condition_of_each_mask_or_of_the_user(model, dataset, tmp_path):
    known = generated(model, dataset, tmp_path / "known")
    tsx = generated(model, dataset, tmp_path / "tsx", "--condition", "sensor=TSX")
    for name in known:
        assert (known[name] == tsx[name]) == ("TSX" in name)
    assert {scene.sensor for scene in read(tmp_path / "known").scenes.values()} == {"ERS", "TSX"}
    assert {scene.sensor for scene in read(tmp_path / "tsx").scenes.values()} == {"TSX"}


def test_generate_refuses_a_wish_that_the_model_cannot_fulfil(model, dataset, tmp_path, capsys):
    arguments = ["--model", str(model.folder), "--masks", str(dataset.root), "--output", str(tmp_path / "out")]
    assert cli.run(command.main, [*arguments, "--condition", "sensor=S1"]) == 2
    assert "Unknown sensor 'S1'" in capsys.readouterr().err
