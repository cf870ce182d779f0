"""Opening a data set: what is accepted, inferred, remembered, and refused with which words."""

import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data import dataset, tiling, validation
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.dataset import MIXED, Dataset, Pairing, Scene, save, save_pairs
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import scene_of
from pix2pix_tf.utils.errors import UserError

SIZE = 32
STEMS = {"train": ("a", "b"), "val": ("c",)}
ZONES = np.tile(np.array([0, 64, 127, 254], np.uint8), (SIZE, SIZE // 4))


@pytest.fixture
def root(tmp_path):
    """A good data set of three samples, without a dataset.json."""
    rng = np.random.default_rng(0)
    for split, stems in STEMS.items():
        for stem in stems:
            images.write_png(tmp_path / split / "zones" / f"{stem}.png", ZONES)
            sar = rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
            images.write_png(tmp_path / split / "sar" / f"{stem}.png", sar)
    return tmp_path


def refusal(root, roles=("zones", "sar"), **options):
    """The message with which a data set is refused; and it is refused without leaving anything behind."""
    before = sorted(root.rglob("*"))
    with pytest.raises(UserError) as caught:
        load_dataset(root, roles, **options)
    assert sorted(root.rglob("*")) == before
    return str(caught.value)


def describe(root, **changes):
    """Write a dataset.json for the fixture, with some values changed or (when None) left out."""
    scene = {"split": "train", "height": SIZE, "width": SIZE}
    scenes = {name: {**scene, "split": split} for split, stems in STEMS.items() for name in stems}
    values = {"name": "x", "origin": "real", "size": SIZE, "bits": {"zones": 8, "sar": 8}, "scenes": scenes, **changes}
    text = json.dumps({key: value for key, value in values.items() if value is not None})
    (root / "dataset.json").write_text(text)


def test_a_saved_data_set_loads_again(root):
    scenes = {
        "a": Scene(
            "train", 500, 400, "DBE", "2004-10-07", "RSAT", 12.5, 4, "282", (12, 112), 8,
            {"sar": (-25.0, 3.5), "optical": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)},
            (10, 490, 0, 400), (0.0, 1.0, 2.0, 3.0), "EPSG:3031",
        ),
        "b": Scene(MIXED, SIZE, SIZE),
        "c": Scene("val", SIZE, SIZE),
    }  # fmt: skip
    save(Dataset(root, "mine", "real", SIZE, {"zones": 8, "sar": 8}, scenes))
    found = load_dataset(root, ("zones", "sar"))
    assert found.scenes == scenes
    assert (found.name, found.origin, found.size, found.stems) == ("mine", "real", SIZE, STEMS)
    assert found.path("val", "sar", "c").is_file()


def share(root, rows):
    """Make the fixture a data set with rows: every optical picture a target, zones and sar its inputs."""
    for split, stems in STEMS.items():
        for stem in stems:
            for number in (1, 2):
                path = root / split / "optical" / f"{stem}_{number}.png"
                images.write_png(path, np.full((SIZE, SIZE, 3), number, np.uint8))
    save(Dataset(root, "mine", "real", SIZE, {"zones": 8, "sar": 8, "optical": 8}, {}, pairs=rows))


ROWS = {f"{stem}_{number}": Pairing(stem, number / 4) for stem in "abc" for number in (1, 2)}


def test_targets_share_an_input(root):
    share(root, ROWS)
    found = load_dataset(root, ("sar", "optical"))
    assert found.stems == {"train": ("a_1", "a_2", "b_1", "b_2"), "val": ("c_1", "c_2")}
    assert found.path("train", "sar", "a_2") == root / "train/sar/a.png"
    assert found.path("train", "optical", "a_2") == root / "train/optical/a_2.png"
    assert found.pairs == ROWS and found.target_role == "optical"
    assert load_dataset(root, ("zones", "sar")).stems == STEMS  # without targets, the inputs are samples of their own


def test_every_input_has_to_be_there_but_need_not_have_a_target(root):
    share(root, ROWS)
    shutil.copy(root / "train/sar/a.png", root / "train/sar/spare.png")
    assert load_dataset(root, ("sar", "optical")).stems["train"] == ("a_1", "a_2", "b_1", "b_2")
    (root / "train/sar/a.png").unlink()
    shutil.copy(root / "train/optical/a_1.png", root / "train/optical/new.png")
    message = refusal(root, ("sar", "optical"))
    assert "a (of a_1): the input is missing in train/sar" in message
    assert message.count("(of ") == 1
    assert "new: no partner in train/sar" in message


def test_rows_without_inputs_let_nothing_be_missing(root):
    share(root, {})
    for path in root.glob("*/optical/*_1.png"):
        path.rename(path.with_name(path.name.replace("_1", "")))
    for path in root.glob("*/optical/*_2.png"):
        path.unlink()
    save_pairs(Dataset(root, "mine", "real", SIZE, {}, {}, pairs={"a": Pairing(cloud=0.5)}))
    assert load_dataset(root, ("sar", "optical")).stems == STEMS
    (root / "train/optical/a.png").unlink()
    assert "a: no partner in train/optical" in refusal(root, ("sar", "optical"))


def test_rows_may_be_of_another_role(root):
    for number in (1, 2):
        shutil.copy(root / "val/sar/c.png", root / f"val/sar/c_{number}.png")
    (root / "val/sar/c.png").unlink()
    rows = {"c_1": Pairing("c"), "c_2": Pairing("c")}
    save(Dataset(root, "mine", "real", SIZE, {"zones": 8, "sar": 8}, {}, pairs=rows, target_role="sar"))
    found = load_dataset(root, ("zones", "sar"))
    assert found.stems == {**STEMS, "val": ("c_1", "c_2")}
    assert found.path("val", "zones", "c_2").name == "c.png"


def test_a_shared_input_is_checked_once(root, monkeypatch):
    share(root, ROWS)
    read = []
    real = validation.patch_problem
    monkeypatch.setattr(validation, "patch_problem", lambda path, *rest: read.append(path) or real(path, *rest))
    load_dataset(root, ("sar", "optical"))
    assert len(read) == len(set(read)) == 9


def test_saving_rows_leaves_everything_else(root):
    share(root, ROWS)
    before = json.loads((root / "dataset.json").read_text()) | {"note": "mine"}
    (root / "dataset.json").write_text(json.dumps(before))
    save_pairs(Dataset(root, "other", "unknown", 1, {}, {}, pairs={"a_1": Pairing("a", 0.5)}))
    after = json.loads((root / "dataset.json").read_text())
    assert after == before | {"rows": {"a_1": {"input": "a", "cloud": 0.5}}}


def test_dataset_json_says_the_classes(root):
    save(Dataset(root, "mine", "real", SIZE, {}, {}))
    classes = json.loads((root / "dataset.json").read_text())["classes"]
    assert classes == {"not available": 0, "rock": 64, "glacier": 127, "ocean": 254}


def test_a_plain_folder_is_inferred_with_a_message(root, capsys):
    found = load_dataset(root, ("zones", "sar"))
    assert (found.size, found.bits, found.origin) == (SIZE, {"zones": 8, "sar": 8}, "unknown")
    assert found.scenes == {"a": Scene("train", 32, 32), "b": Scene("train", 32, 32), "c": Scene("val", 32, 32)}
    assert "no dataset.json" in capsys.readouterr().out


def test_names_of_patches_tell_scene_size_place_and_facts(root):
    name = "DBE_2004-10-07_RSAT_12_4_282"
    for split, place in (("train", "y00000_x00000"), ("val", "y00032_x00064")):
        for role in ("zones", "sar"):
            shutil.copy(root / "val" / role / "c.png", root / split / role / f"{name}__{place}.png")
    scene = load_dataset(root, ("zones", "sar")).scenes[name]
    assert scene == Scene(MIXED, 64, 96, "DBE", "2004-10-07", "RSAT", 12.0, 4, "282")
    assert scene_of(f"{name}__y00032_x00064") == name
    assert scene_of("plain_name") == "plain_name"


def test_patches_that_dataset_json_leaves_out_are_kept_with_a_message(root, capsys):
    describe(root, scenes={"a": {"split": "train", "height": SIZE, "width": SIZE}}, bits={"zones": 8})
    found = load_dataset(root, ("zones", "sar"))
    assert found.scenes.keys() == {"a", "b", "c"}
    assert found.bits == {"zones": 8, "sar": 8}
    assert "b, c" in capsys.readouterr().out


def test_sixteen_bits_and_colour(tmp_path):
    for split in ("train", "val"):
        images.write_png(tmp_path / split / "sar_vv" / "a.png", np.full((SIZE, SIZE), 4000, np.uint16))
        images.write_png(tmp_path / split / "optical" / "a.png", np.full((SIZE, SIZE, 3), 4000, np.uint16))
    assert load_dataset(tmp_path, ("sar_vv", "optical")).bits == {"sar_vv": 16, "optical": 16}


def test_hidden_files_are_no_patches(root):
    (root / "train/sar/.tmp-77-a.png").write_bytes(b"half")
    (root / "train/zones/._a.png").write_bytes(b"resource fork")
    assert load_dataset(root, ("zones", "sar")).stems == STEMS


# ---- The check is made once -----------------------------------------------------------------------------------------


def test_an_unchanged_data_set_is_not_decoded_again(root, monkeypatch):
    load_dataset(root, ("zones", "sar"))
    monkeypatch.setattr(validation, "patch_problem", lambda *_: pytest.fail("decoded again"))
    load_dataset(root, ("zones", "sar"))


def test_a_changed_file_is_checked_again(root):
    load_dataset(root, ("zones", "sar"))
    path = root / "train/sar/a.png"
    path.write_bytes(path.read_bytes()[:-20])
    assert "train/sar/a.png" in refusal(root)


def test_a_broken_mark_does_no_harm(root):
    (root / ".verified").write_bytes(b"\xff\xfe\x00")
    assert load_dataset(root, ("zones", "sar")).stems == STEMS


# ---- What is refused, and with which words --------------------------------------------------------------------------


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"There is no data set .*nowhere.*prepare"):
        load_dataset(tmp_path / "nowhere", ("sar",))


def test_an_unknown_role_names_the_nearest(root):
    assert "'zones'" in refusal(root, ("zone",))


def test_all_missing_partners_in_one_message(root):
    (root / "train/sar/a.png").unlink()
    shutil.copy(root / "val/sar/c.png", root / "val/sar/d.png")
    message = refusal(root)
    assert "a: no partner in train/sar" in message
    assert "d: no partner in val/zones" in message


def test_an_empty_split(root):
    shutil.rmtree(root / "val")
    assert "No .png files in val/zones and val/sar" in refusal(root)
    assert "test/sar" in refusal(root, splits=("train", "test"))


def test_mixed_sizes(root):
    images.write_png(root / "train/sar/b.png", np.zeros((SIZE, 48), np.uint8))
    message = refusal(root)
    assert "train/sar/b.png: 48 x 32 pixels" in message
    assert "prepare folder" in message


def test_a_grey_value_that_is_no_class(root):
    zones = ZONES.copy()
    zones[3, 3] = 128
    images.write_png(root / "val/zones/c.png", zones)
    assert "val/zones/c.png: grey value 128 is no class of zones, which has 0, 64, 127, 254" in refusal(root)


@pytest.mark.parametrize("keep", [0, 7, 30, 60, -1, -12])
def test_a_png_that_ends_early(root, keep):
    path = root / "train/sar/b.png"
    path.write_bytes(path.read_bytes()[:keep])
    assert "train/sar/b.png: not a" in refusal(root)


def test_a_png_with_one_wrong_byte(root):
    path = root / "train/sar/b.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "train/sar/b.png: not a whole PNG" in refusal(root)


def test_a_png_whose_chunks_are_sound_but_hold_nonsense(root):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"nonsense") + chunk(b"IEND", b"")
    (root / "train/sar/b.png").write_bytes(body)
    assert "train/sar/b.png: not a whole PNG" in refusal(root)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("RGBA", "alpha channel"),
        ("LA", "alpha channel"),
        ("P", "palette"),
        ("1", "1 bit"),
        ("RGB", "3 channel(s), but sar takes one grey channel"),
        ("I;16", "16 bit, but sar has 8 bit"),
    ],
)
def test_other_kinds_of_png(root, mode, words):
    Image.new(mode, (SIZE, SIZE)).save(root / "train/sar/b.png")
    message = refusal(root)
    assert "train/sar/b.png" in message
    assert words in message


def test_a_jpeg_named_png(root):
    Image.new("L", (SIZE, SIZE)).save(root / "train/sar/b.png", format="JPEG")
    assert "train/sar/b.png: not a PNG, whatever its name says" in refusal(root)


def test_a_link_that_leads_nowhere(root):
    (root / "train/sar/b.png").unlink()
    (root / "train/sar/b.png").symlink_to(root / "gone.png")
    assert "train/sar/b.png: not readable" in refusal(root)


def test_many_bad_files_are_named_and_counted(root):
    for i in range(6):
        for role in ("zones", "sar"):
            (root / f"train/{role}/bad{i}.png").write_bytes(b"")
    message = refusal(root)
    assert "train/zones/bad0.png" in message
    assert "and 8 more" in message


def test_the_first_file_may_be_the_bad_one(root):
    (root / "train/sar/a.png").write_bytes(b"")
    message = refusal(root)
    assert "train/sar/a.png" in message
    assert "train/sar/b.png" not in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": "256"}, "size should be pixels, not '256'"),
        ({"size": 0}, "size should be pixels"),
        ({"size": True}, "size should be pixels"),
        ({"name": 5}, "name should be a text"),
        ({"origin": None}, "lacks origin"),
        ({"bits": {"sar": 12}}, "bits of sar should be 8 or 16, not 12"),
        ({"bits": [8]}, "bits should be an object"),
        ({"scenes": []}, "scenes should be an object"),
        ({"scenes": {"a": 5}}, "scene a should be an object"),
        ({"scenes": {"a": {"split": "train", "height": 32}}}, "scene a lacks ['width']"),
        ({"scenes": {"a": {"split": "dev", "height": 32, "width": 32}}}, "split of scene a"),
        ({"scenes": {"a": {"split": ["train"], "height": 32, "width": 32}}}, "split of scene a"),
        ({"scenes": {"a": {"split": "val", "height": -1, "width": 32}}}, "height of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "glacer": "x"}}}, "Did you mean 'glacier'?"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "date": 2004}}}, "date of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "metres_per_pixel": "7 m"}}}, "metres_per_pixel"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "padding": [1]}}}, "padding of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "padding": None}}}, "padding of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "stretch": {"sar": 3}}}}, "stretch of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "bounds": [1, 2, 3]}}}, "bounds of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "quality": 0}}}, "quality of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "quality": "1"}}}, "quality of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "orbit": 27}}}, "orbit of scene a"),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "bounding_box": [0, 1, 0]}}}, "bounding_box of"),
        (
            {"scenes": {"a": {"split": "val", "height": 1, "width": 1, "bounding_box": [0, 1.5, 0, 1]}}},
            "bounding_box of",
        ),
        ({"scenes": {"a": {"split": "val", "height": 1, "width": 1, "cloud": 2}}}, "cloud of scene a"),
        ({"row_role": "optcal"}, "row_role should be one of"),
        ({"rows": []}, "rows should be an object"),
        ({"rows": {"a": "b"}}, "row a should be an object"),
        ({"rows": {"a": {"imput": "b"}}}, "Did you mean 'input'?"),
        ({"rows": {"a": {"input": 3}}}, "input of row a"),
        ({"rows": {"a": {"cloud": 1.5}}}, "cloud of row a should be a share from 0 to 1"),
        ({"rows": {"a": {"cloud": True}}}, "cloud of row a"),
        ({"rows": {"a": {"input": "b"}, "b": {"input": "c"}}}, "row a has the input b, whose own row has c"),
    ],
)
def test_wrong_values_in_dataset_json(root, changes, words):
    describe(root, **changes)
    message = refusal(root)
    assert "dataset.json" in message
    assert words in message


@pytest.mark.parametrize("text", ["{", "[]", "\xff", ""])
def test_a_broken_dataset_json(root, text):
    (root / "dataset.json").write_text(text, encoding="latin-1")
    assert "dataset.json" in refusal(root)


def test_files_must_agree_with_dataset_json(root):
    describe(root, size=64)
    assert "the patches of this data set are 64 x 64" in refusal(root)
    describe(root, bits={"zones": 8, "sar": 16})
    assert "8 bit, but sar has 16 bit" in refusal(root)


def test_the_example_of_the_readme_follows_the_contract(tmp_path):
    readme = (Path(__file__).parents[2] / "datasets/README.md").read_text(encoding="utf-8")
    (tmp_path / "dataset.json").write_text(readme.split("```json\n")[1].split("```")[0], encoding="utf-8")
    found = dataset.read(tmp_path)
    scene = found.scenes["DBE_2004-10-07_RSAT_12_4_282"]
    assert scene.padding == tiling.padding(scene.height, scene.width, found.size)
    save(found)
    assert dataset.read(tmp_path) == found
    assert all(f"`{role}`" in readme for role in CHANNELS)
    rows = '"row_role"' + readme.split('"row_role"')[1].split("```")[0]
    values = json.loads((tmp_path / "dataset.json").read_text()) | json.loads(f"{{{rows}}}")
    (tmp_path / "dataset.json").write_text(json.dumps(values))
    assert [row.cloud for row in dataset.read(tmp_path).pairs.values()] == [0.41, 0.07]
