import io
import itertools
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.export import cpp_runtime, saved_model, versions
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SIZE


@pytest.fixture(scope="module")
def model(tiny_run):
    return saved_model.load(tiny_run / "export" / "orig")


@pytest.fixture(scope="module")
def version(tiny_run):
    return tiny_run / "export" / "orig" / "2"


@pytest.fixture
def zones(mask_png):
    return np.asarray(Image.open(io.BytesIO(mask_png)))[np.newaxis, ..., np.newaxis]


def test_it_knows_where_it_comes_from(model, tiny_run):
    assert (model.variant, model.run, model.epoch) == ("orig", tiny_run.name, 2)
    assert (model.inputs, model.targets) == (("zones",), ("sar",))
    assert (model.size, model.divisor, model.bits["sar"], model.origin) == (SIZE, 32, 8, "simulated")


def test_the_signatures_of_the_contract(model):
    signatures = {
        name: (
            {k: (s.dtype, s.shape.rank) for k, s in f.structured_input_signature[1].items()},
            {k: (s.dtype, s.shape.rank) for k, s in f.structured_outputs.items()},
        )
        for name, f in model.signatures.items()
    }
    assert signatures == {
        "serving_default": ({"image_bytes": (tf.string, 1)}, {"output_bytes": (tf.string, 1)}),
        "sample": ({"image_bytes": (tf.string, 1), "seed": (tf.int32, 1)}, {"output_bytes": (tf.string, 1)}),
        "tensor": ({"image": (tf.uint8, 4), "seed": (tf.int32, 1)}, {"output": (tf.float32, 4)}),
    }


def test_an_image_is_a_function_of_mask_and_seed_also_after_a_reload(model, version, zones):
    first = model.generate(zones, [5])
    assert (model.generate(zones, [6]) != first).any()
    np.testing.assert_array_equal(saved_model.load(version).generate(zones, [5]), first)


def test_rows_do_not_know_each_other(model, zones):
    alone = model.generate(zones, [5])
    among = model.generate(np.concatenate([zones[:, ::-1], zones, zones[:, :, ::-1]]), [1, 5, 2])
    np.testing.assert_allclose(among[1:2], alone, atol=1e-5)


def test_the_default_is_seed_0_and_png_is_the_rounded_tensor(model, mask_png, zones):
    ((sampled,),) = model.generate_pngs([[mask_png]], [0])
    default = model.signatures["serving_default"](image_bytes=tf.constant([mask_png]))["output_bytes"].numpy()[0]
    assert default == sampled
    expected = np.round((model.generate(zones, [0])[0, ..., 0] + 1) * 127.5)
    assert (np.asarray(Image.open(io.BytesIO(sampled))) == expected).all()


def test_larger_images_are_painted_too(model):
    assert model.generate(np.full((1, 64, 96, 1), 127, np.uint8), [0]).shape == (1, 64, 96, 1)


@pytest.mark.parametrize(
    ("image", "message"),
    [(np.full((1, 33, 32, 1), 127, np.uint8), "multiples of 32"), (np.full((1, 32, 32, 1), 128, np.uint8), "no class")],
)
def test_bad_pixels_are_an_invalid_argument(model, image, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.generate(image, [0])


def test_serving_changes_no_variable(version, mask_png):
    loaded = tf.saved_model.load(str(version))  # holds the variables as long as it lives
    sample = loaded.signatures["sample"]
    before = [variable.numpy() for variable in sample.variables]
    sample(image_bytes=tf.constant([mask_png]), seed=tf.constant([3]))
    assert before
    assert all((old == new.numpy()).all() for old, new in zip(before, sample.variables, strict=True))


def test_the_cpp_runtime_gives_the_same_images(model, version, mask_png, zones):
    with cpp_runtime.load(version) as served:
        assert set(served.signatures) >= {"serving_default", "sample", "tensor"}
        outputs = served.run("tensor", {"image": np.repeat(zones, 2, axis=0), "seed": np.array([5, 6], np.int32)})
        np.testing.assert_allclose(outputs["output"][:1], model.generate(zones, [5]), atol=1e-5)
        pngs = served.run("sample", {"image_bytes": [mask_png], "seed": np.array([5], np.int32)})["output_bytes"]
        assert pngs == model.generate_pngs([[mask_png]], [5])[0]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"image_bytes": [b"no png"]}, "not a PNG"),
        ({"image_bytes": [b""]}, "not a PNG"),
        ({"image_bytes": []}, "no image"),
    ],
)
def test_the_cpp_runtime_says_what_is_wrong(version, inputs, message):
    with cpp_runtime.load(version) as served, pytest.raises(RuntimeError, match=message):
        served.run("serving_default", inputs)


def test_the_cpp_runtime_refuses_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(RuntimeError, match="Could not find SavedModel"), cpp_runtime.load(tmp_path):
        pass


def test_an_export_that_does_not_serve_what_was_trained_is_never_seen(tmp_path):
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
    traced = itertools.count()

    def drifting(image):  # what is baked into the export is not what this process computes
        return {"output": model(image) + float(next(traced))}

    signatures = {"tensor": (drifting, [tf.TensorSpec([None, 1], tf.float32, "image")])}
    with pytest.raises(RuntimeError, match="differ"):
        saved_model.write(tmp_path / "1", signatures, {}, {"image": np.zeros((1, 1), np.float32)})
    assert not list(tmp_path.iterdir())


def test_tensorflows_full_disk_is_an_oserror(tmp_path):
    full = tf.errors.ResourceExhaustedError(
        None, None, "{{function_node x}} part-0; No space left on device [Op:SaveV2]"
    )
    message = r"7 could not be written \(part-0; No space left on device\)"
    with pytest.raises(OSError, match=message), saved_model.os_errors(tmp_path / "7"):
        raise full


def test_the_newest_version_is_found_by_number(version, tmp_path):
    for name in ("9", "10", "notes"):
        (tmp_path / name).mkdir()
    for name in ("9", "10"):
        shutil.copy(version / "saved_model.pb", tmp_path / name)
    assert versions.find(tmp_path).name == "10"
    assert list(versions.versions(tmp_path)) == [9, 10]


def test_a_path_without_an_export_is_refused(tmp_path):
    with pytest.raises(UserError, match="no export in"):
        saved_model.load(tmp_path / "runs")


def test_a_damaged_export_is_refused_and_named(version, tmp_path):
    broken = tmp_path / "3"
    shutil.copytree(version, broken)
    (broken / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="3 cannot be read"):
        saved_model.load(broken)
    (broken / versions.DESCRIPTION).write_text(json.dumps({"inputs": 3}))
    with pytest.raises(UserError, match="3 cannot be read"):
        saved_model.load(broken)


# ---- Segmentation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "classes"), [("zones", 4), ("fronts", 1)])
def test_a_segmenter_takes_sar_and_gives_a_mask_and_its_probabilities(kind, classes, request, fronts_data):
    model = saved_model.load(request.getfixturevalue(f"{kind}_run") / "export" / kind)
    assert (model.inputs, model.targets, model.divisor) == (("sar",), (kind,), 16)
    png = min((fronts_data / "val" / "sar").iterdir()).read_bytes()
    sar = np.asarray(Image.open(io.BytesIO(png)))[np.newaxis, ..., np.newaxis]
    probabilities = model.probabilities(sar)
    assert probabilities.shape == (1, SIZE, SIZE, classes)
    ((mask,),) = model.generate_pngs([[png]], [0])
    pixels = np.asarray(Image.open(io.BytesIO(mask)))
    if kind == "zones":
        expected = np.array(zone_classes.ZONE_VALUES)[probabilities[0].argmax(axis=-1)]
    else:
        expected = np.where(probabilities[0, ..., 0] > 0.12, 255, 0)
    np.testing.assert_array_equal(pixels, expected)
    assert model.generate_pngs([[png]], [7]) == [[mask]]  # nothing is left to chance
    both, features = model.probabilities_and_features(np.concatenate([sar, sar[:, ::-1]]))
    np.testing.assert_allclose(both[:1], probabilities, atol=1e-5)
    assert features.shape == (2, 16 * 4) and features.dtype == np.float32 and features.min() >= 0 < features.max()


def test_a_segmenters_export_runs_in_the_c_runtime_in_any_batch(zones_run, fronts_data):
    version = versions.find(zones_run / "export" / "zones")
    pngs = [path.read_bytes() for path in sorted((fronts_data / "val" / "sar").iterdir())]
    with cpp_runtime.load(version) as served:
        together = served.run("serving_default", {"image_bytes": pngs})["output_bytes"]
        alone = [served.run("serving_default", {"image_bytes": [png]})["output_bytes"][0] for png in pngs]
        assert together == alone
        with pytest.raises(RuntimeError, match="multiples of 16"):
            served.run("tensor", {"image": np.zeros((1, 40, 40, 1), np.uint8), "seed": np.zeros(1, np.int32)})


def test_only_one_version_is_kept(tmp_path):
    for epoch in (1, 2, 10):
        (tmp_path / str(epoch)).mkdir()
        (tmp_path / str(epoch) / "saved_model.pb").touch()
    versions.keep_only(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["10"]
