"""Cutting and joining, names and splits of patches, and folders that are begun, finished or somebody else's."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data import tiling
from pix2pix_tf.data.io import images
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.splits import choose_val
from pix2pix_tf.utils.errors import UserError

SIDES = st.integers(1, 40)


@st.composite
def grids(draw):
    """Height, width, size and overlap."""
    size = draw(st.integers(1, 20))
    return draw(SIDES), draw(SIDES), size, draw(st.integers(0, size - 1))


# ---- Cutting --------------------------------------------------------------------------------------------------------


def test_a_cut_by_hand():
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    pieces = tiling.cut(image, 2)
    assert [(row, column) for row, column, _ in pieces] == [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4)]
    assert pieces[1][2].tolist() == [[2, 3], [7, 8]]
    assert pieces[5][2].tolist() == [[14, 0], [0, 0]]
    assert tiling.padding(3, 5, 2) == (1, 1)


def test_an_overlapping_cut_by_hand():
    image = np.arange(6, dtype=np.uint16)[None]
    pieces = tiling.cut(image, 4, 2)
    assert [patch[0].tolist() for _, _, patch in pieces] == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert tiling.padding(1, 6, 4, 2) == (3, 0)


def test_a_scene_of_patch_size_is_one_patch():
    assert tiling.origins(256, 256, 0) == tiling.origins(256, 256, 128) == [0]
    assert tiling.origins(257, 256) == [0, 256]


@given(grids(), st.sampled_from([(), (1,), (3,)]), st.sampled_from([np.uint8, np.uint16]))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_join_is_the_inverse_of_cut(grid, channels, dtype):
    height, width, size, overlap = grid
    image = np.random.default_rng(0).integers(1, 256, (height, width, *channels)).astype(dtype)
    pieces = tiling.cut(image, size, overlap)
    joined = tiling.join(pieces, height, width)
    assert joined.dtype == dtype
    np.testing.assert_array_equal(joined, image)


@given(grids())
@settings(derandomize=True, deadline=None, max_examples=100)
def test_patches_cover_the_scene_and_little_more(grid):
    height, width, size, overlap = grid
    bottom, right = tiling.padding(*grid)
    assert 0 <= bottom < size
    assert 0 <= right < size
    pieces = tiling.cut(np.ones((height, width), np.uint8), size, overlap)
    assert all(patch.shape == (size, size) for _, _, patch in pieces)
    assert all(patch.any() for _, _, patch in pieces)  # no patch is all padding
    if overlap == 0:
        assert sum(int(patch.sum()) for _, _, patch in pieces) == height * width


@given(grids())
@settings(derandomize=True, deadline=None, max_examples=50)
def test_names_go_with_the_cut(grid):
    height, width, size, overlap = grid
    stems = tiling.stems("s", height, width, size, overlap)
    pieces = tiling.cut(np.zeros((height, width), np.uint8), size, overlap)
    if len(pieces) == 1:
        assert stems == ["s"]
    else:
        assert stems == [f"s__y{row:05d}_x{column:05d}" for row, column, _ in pieces]
        assert stems == sorted(stems)


# ---- Dividing -------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), min_size=2), st.floats(0.01, 0.99), st.integers(0, 9))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_a_choice_is_some_but_not_all_and_repeatable(units, share, seed):
    chosen = choose_val(units, share, seed)
    assert 0 < len(chosen) < len(units)
    assert chosen <= units.keys()
    assert chosen == choose_val(dict(reversed(units.items())), share, seed)


def test_the_share_is_met_to_the_unit():
    units = {f"{i:03d}": 1 for i in range(300)}
    assert len(choose_val(units, 0.1, 0)) == 30
    assert len(choose_val(units, 0.001, 0)) == 1
    assert choose_val(units, 0.1, 0) != choose_val(units, 0.1, 1)


def test_large_units_are_taken_until_the_share_is_reached():
    assert len(choose_val(dict.fromkeys("abcdefghij", 10), 0.35, 0)) == 4


# ---- Folders --------------------------------------------------------------------------------------------------------


def test_a_folder_goes_from_new_over_begun_to_finished(tmp_path, capsys):
    output, settings = tmp_path / "new", {"command": "x", "seed": 1, "cut": [2.0, 98.0]}
    assert not dataset_writer.is_finished(output, settings)
    assert not output.exists()
    dataset_writer.begin(output, settings)
    assert not dataset_writer.is_finished(output, settings)
    (output / "dataset.json").write_text("{}")
    assert dataset_writer.is_finished(output, settings)
    assert "is finished already" in capsys.readouterr().out


def test_other_settings_and_other_folders_are_left_alone(tmp_path):
    dataset_writer.begin(tmp_path / "a", {"command": "x", "seed": 1})
    with pytest.raises(UserError, match=r"(?s)seed: 1 -> 2.*remove"):
        dataset_writer.is_finished(tmp_path / "a", {"command": "x", "seed": 2})
    (tmp_path / "b").mkdir()
    assert not dataset_writer.is_finished(tmp_path / "b", {})
    (tmp_path / "b/holiday.jpg").write_text("")
    with pytest.raises(UserError, match="did not make"):
        dataset_writer.is_finished(tmp_path / "b", {})
    with pytest.raises(UserError, match="is a file"):
        dataset_writer.is_finished(tmp_path / "b/holiday.jpg", {})
    assert json.loads((tmp_path / "a/prepare.json").read_text()) == {"command": "x", "seed": 1}


def test_what_is_there_is_not_missing(tmp_path):
    dataset_writer.write(tmp_path, "train", "a", {"sar": np.zeros((4, 4), np.uint8)})
    assert dataset_writer.missing(tmp_path, "train", ["zones", "sar"], "a") == ["zones"]
    assert dataset_writer.missing(tmp_path, "val", ["sar"], "a") == ["sar"]


def test_a_number_that_was_noted_is_there_again_and_another_file_is_told(tmp_path):
    pixels = np.zeros((4, 4), np.uint8)
    images.write_png(tmp_path / "ours.png", pixels, {"cloud": repr(0.1)})
    images.write_png(tmp_path / "other.png", pixels)
    assert dataset_writer.png_metadata(tmp_path / "ours.png", "cloud") == 0.1
    with pytest.raises(UserError, match="other.png was not written by this command"):
        dataset_writer.png_metadata(tmp_path / "other.png", "cloud")


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    dataset_writer.begin(tmp_path, {})
    dataset_writer.write(tmp_path, "train", "a", {"sar": np.zeros((4, 4), np.uint8)})
    (tmp_path / "train/sar/.tmp-77-b.png").write_bytes(b"half")
    dataset_writer.begin(tmp_path, {})
    assert [path.name for path in (tmp_path / "train/sar").iterdir()] == ["a.png"]


def test_a_folder_of_the_same_name_on_another_machine_is_told(tmp_path):
    with pytest.raises(UserError, match="all machines share"):
        dataset_writer.expect_begun(tmp_path / "out")
    dataset_writer.begin(tmp_path / "out", {})
    dataset_writer.expect_begun(tmp_path / "out")
