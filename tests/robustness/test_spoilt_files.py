"""Files of others are read, or refused in one sentence; `tests.robustness.fuzz` tries far more."""

import contextlib
import io
import json
import random
import resource
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf import config
from pix2pix_tf.data import dataset, encoding, scene_names
from pix2pix_tf.data.io import images, limits, mask_drawings
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.evaluation import runs
from pix2pix_tf.prepare.caffe import download
from pix2pix_tf.prepare.own_scenes import source
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError
from tests.helpers import read_raster
from tests.robustness.readers import READERS, bomb

SAR = np.arange(32 * 32, dtype=np.uint8).reshape(32, 32)


def read_spoilt(name, folder, cases, seed):
    """Read so many spoilt files; what is no refusal fails the test, as does a message that is long or none."""
    reader, random_ = READERS[name], random.Random(f"{name} {seed}")
    good, refused = reader.good(), []
    for number in range(cases):
        place = folder / str(number)
        place.mkdir()
        try:
            reader.read(reader.mutate(random_, random_.choice(good), random_.choice(good)), place)
        except reader.refusals as error:
            refused.append(str(error))
    assert refused and all(0 < len(words) < 1200 for words in refused)


@pytest.mark.parametrize("name", READERS)
def test_spoilt_files(name, tmp_path):
    read_spoilt(name, tmp_path, 120, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_many_spoilt_files(name, tmp_path):
    read_spoilt(name, tmp_path, 2500, seed=2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["variant", "data", "model", "loss", "train", "data.flip"]), JSON))
def test_any_json_is_a_configuration_or_refused(values):
    with contextlib.suppress(UserError):
        read = config.from_dict(values)
        assert config.from_dict(config.to_dict(read)) == read


@settings(max_examples=150, deadline=None)
@given(st.from_regex(r"[A-Z]{1,3}_\d{4}-\d\d-\d\d_[A-Z]+_\d{1,9}(\.\d)?_\d{1,3}_\d+", fullmatch=True))
def test_facts_of_any_name_follow_the_contract_of_data_sets(name):
    facts = scene_names.facts_of(name)
    assert dataset.checked_fields(name, facts) == facts


# ---- Images: one for each kind of damage that was found ------------------------------------------------------------


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**24, 32)])
def test_a_png_that_would_take_gigabytes_is_refused_before_it_does(tmp_path, size):
    path = tmp_path / "x.png"
    path.write_bytes(bomb(*size, 10))
    tracemalloc.start()
    for read in (images.read_png, mask_drawings.read_mask):
        with pytest.raises(images.BadImage, match=r"bomb|too many for a drawing"):
            read(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_a_large_plain_mask_is_no_bomb(tmp_path):
    Image.fromarray(np.full((5000, 5000), 127, np.uint8)).save(tmp_path / "x.png")
    assert images.read_png(tmp_path / "x.png").shape == (5000, 5000)


def test_a_jpeg_that_would_take_gigabytes_is_refused(tmp_path):
    Image.fromarray(SAR).save(tmp_path / "x.jpg")
    data = (tmp_path / "x.jpg").read_bytes()
    start = data.index(b"\xff\xc0") + 5  # the frame's header: height, width
    (tmp_path / "x.jpg").write_bytes(data[:start] + struct.pack(">HH", 65_500, 65_500) + data[start + 4 :])
    with pytest.raises(images.BadImage, match="bomb"):
        read_raster(tmp_path / "x.jpg")


def test_rows_too_long_for_a_strip_are_refused(tmp_path):
    (tmp_path / "x.png").write_bytes(bomb(limits.WIDEST + 1, 32, 10))
    with pytest.raises(images.BadImage, match="pixels wide"):
        StripReader(tmp_path / "x.png")


def changed_tag(data, tag, value):
    """A little-endian TIFF whose first tag of that number has another value."""
    place = data.index(struct.pack("<H", tag), 8)
    return data[: place + 8] + struct.pack("<I", value) + data[place + 12 :]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("tag", "value"), [(257, 2**28), (257, 2**31 - 1), (257, 0), (256, 2**20), (258, 6), (322, 0)])
def test_a_tiff_that_says_nonsense_is_refused(tmp_path, compression, tag, value):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, SAR.astype(np.uint16), compression=compression, tile=(16, 16))
    path.write_bytes(changed_tag(path.read_bytes(), tag, value))
    with pytest.raises(source.BadScene):
        source.read(source.Source("x", {"sar": path}))


def test_a_strip_that_inflates_to_more_than_it_should_takes_no_more_memory(tmp_path):
    path, large = tmp_path / "x.tif", np.zeros((8192, 8192), np.uint8)
    tifffile.imwrite(path, large, compression="zlib", rowsperstrip=8192)
    path.write_bytes(changed_tag(changed_tag(path.read_bytes(), 257, 32), 278, 32))  # height, rows of a strip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_raster(path).shape == (32, 8192)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


@pytest.mark.parametrize("dtype", [np.float64, np.int8, np.uint32])
def test_deflated_numbers_of_every_kind_are_read(tmp_path, dtype):
    pixels = np.arange(24 * 20).reshape(24, 20).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", pixels, compression="zlib")
    np.testing.assert_array_equal(read_raster(tmp_path / "x.tif"), pixels)


def test_a_mask_too_short_for_its_header_is_refused_in_the_graph():
    decode = tf.function(lambda data: encoding.decode_png_batch(data, "zones", 8, 32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="too short for its height and width"):
        decode(tf.constant([bomb(8192, 8192, 1000)]))


# ---- Descriptions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": %s}' % ("9" * 5000), r'{"a": "\ud800"}'])
def test_json_that_could_not_be_written_again_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match=r"x\.json"):
        files.read_json(tmp_path / "x.json")


@pytest.mark.parametrize("bad", ["../../elsewhere", "/etc/x", "a/b", "..", "", "x" * 300, "a\\b"])
def test_no_name_in_dataset_json_leads_out_of_the_data_set(tmp_path, bad):
    whole = {"name": "x", "origin": "real", "size": 8, "bits": {}, "scenes": {}}
    scene = {"split": "train", "height": 8, "width": 8}
    for more in ({"rows": {"a": {"input": bad}}}, {"rows": {bad: {}}}, {"scenes": {bad: scene}}):
        files.write_json(tmp_path / "dataset.json", whole | more)
        with pytest.raises(UserError, match=r"name"):
            dataset.read(tmp_path)


@pytest.mark.parametrize(
    "told",
    [
        *({"scenes": []}, {"scenes": {"x": 3}}, {"scenes": {"x": {"split": "train"}}}, {"seen": "SI"}, {"origin": 3}),
        *({"scenes": {"x": {"metres_per_pixel": 10**400}}}, {"scenes": {"x": {"bounds": [1, 2]}}}),
    ],
)
def test_facts_of_painted_scenes_are_checked(tmp_path, told):
    (tmp_path / "sar").mkdir()
    Image.fromarray(SAR).save(tmp_path / "sar" / "x.png")
    (tmp_path / "scenes.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"scenes\.json is not as generate writes it"):
        source.find(tmp_path)


@pytest.mark.parametrize("data", [[], "x", {"path": 3}, {"path": "x", "origin": 1, "name": {}}])
@pytest.mark.parametrize("chosen", [[], "x", {"variant": "orig", "data": [3]}, {"data": {"inputs": [], "cloudy": "x"}}])
def test_a_runs_config_of_other_types_is_refused(tmp_path, data, chosen):
    run = tmp_path / "r"
    (run / "export" / "orig" / "1").mkdir(parents=True)
    (run / "export" / "orig" / "1" / "saved_model.pb").touch()
    files.write_json(run / "config.json", {"config": chosen, "data": data})
    with pytest.raises(UserError, match=r"config\.json is not as train\.py writes it"):
        runs.find_runs([run], tmp_path)


def test_messages_do_not_repeat_what_they_were_given_at_any_length():
    for words in (["x" * 10**5], [f"loss.l1={'9' * 10**5}x"], [f"{'y' * 10**5}=1"], [f"data.mask={'z' * 10**5}"]):
        with pytest.raises(UserError) as refused:
            config.make_config("orig", words)
        assert len(str(refused.value)) < 1200


def test_a_scale_of_nothing_is_no_scale():
    assert "metres_per_pixel" not in scene_names.facts_of("DBE_2004-10-07_RSAT_0_4_282")


# ---- Zips -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "kind", "words"),
    [
        ({"a": b"x"}, zipfile.ZIP_LZMA, "compressed in another way"),
        ({"a": b"x"}, zipfile.ZIP_BZIP2, "compressed in another way"),
        ({"a": b"x", "a/b": b"y"}, zipfile.ZIP_STORED, "a/b: lies in a file"),
        ({"x" * 300: b""}, zipfile.ZIP_STORED, "a name that no file can have"),
        ({".": b""}, zipfile.ZIP_STORED, "a name that no file can have"),
    ],
)
def test_zips_that_cannot_be_unpacked_are_refused_before_anything_is_written(tmp_path, members, kind, words):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=words):
        download.extract(tmp_path / "x.zip", tmp_path / "inside", 10**6)
    assert not (tmp_path / "inside").exists()


def test_a_zip_of_countless_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MEMBERS", 2)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(3):
            archive.writestr(str(number), b"")
    (tmp_path / "x.zip").write_bytes(content.getvalue())
    with pytest.raises(UserError, match="3 members"):
        download.extract(tmp_path / "x.zip", tmp_path / "inside", 10**6)
