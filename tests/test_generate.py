import shutil

import numpy as np
import pytest
from PIL import Image

from conftest import SIZE
from pix2pix_tf import cli, export, generate


@pytest.fixture
def arguments(tiny_run, tiny_data, tmp_path):
    def make(**changes):
        values = {
            "model": tiny_run / "export" / "orig",
            "masks": tiny_data / "val" / "zones",
            "output": tmp_path / "out",
        }
        return [text for key, value in (values | changes).items() for text in (f"--{key}", str(value))]

    return make


def run(arguments):
    return cli.run(generate.main, arguments)


def images(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("S*.png"))}


def test_same_seed_same_bytes_other_seed_other_bytes(arguments, tmp_path):
    for output, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(arguments(output=tmp_path / output, samples=2, seed=seed)) == 0
    first = images(tmp_path / "a")
    assert sorted(first) == [f"S{stem}_s{sample}.png" for stem in (6, 7, 8) for sample in (0, 1)]
    assert images(tmp_path / "b") == first
    assert all(data != first[name] for name, data in images(tmp_path / "c").items())
    assert Image.open(tmp_path / "a" / "S6_s0.png").size == (SIZE, SIZE)
    assert (tmp_path / "a" / "overview.png").exists()


def test_an_image_does_not_depend_on_the_masks_beside_it(arguments, tiny_data, tmp_path):
    assert run(arguments(output=tmp_path / "all")) == 0
    assert run(arguments(output=tmp_path / "one", masks=tiny_data / "val" / "zones" / "S7.png")) == 0
    assert images(tmp_path / "one")["S7.png"] == images(tmp_path / "all")["S7.png"]


def test_a_data_set_is_a_source_of_masks(arguments, tiny_data, tmp_path):
    assert run(arguments(masks=tiny_data, split="val")) == 0
    assert sorted(images(tmp_path / "out")) == ["S6.png", "S7.png", "S8.png"]


def test_it_goes_on_where_it_stopped(arguments, tmp_path):
    assert run(arguments()) == 0
    before = images(tmp_path / "out")
    (tmp_path / "out" / "S7.png").unlink()
    (tmp_path / "out" / "S6.png").write_bytes(b"kept as it is")
    shutil.rmtree(tmp_path / "overview", ignore_errors=True)
    (tmp_path / "out" / "S6.png").write_bytes(before["S6.png"])
    assert run(arguments()) == 0
    assert images(tmp_path / "out") == before


@pytest.mark.parametrize(("changes", "message"), [({"seed": 3}, "seed: 0 -> 3"), ({"samples": 2}, "samples: 1 -> 2")])
def test_images_of_other_settings_are_not_mixed(arguments, tmp_path, capsys, changes, message):
    assert run(arguments()) == 0
    before = images(tmp_path / "out")
    assert run(arguments(**changes)) == 2
    assert message in capsys.readouterr().err
    assert images(tmp_path / "out") == before


def test_nothing_foreign_is_overwritten(arguments, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "S6.png").write_text("mine")
    assert run(arguments()) == 2
    assert "not empty" in capsys.readouterr().err
    assert (tmp_path / "out" / "S6.png").read_text() == "mine"


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((SIZE, SIZE), 128, np.uint8), "grey value 128 is no class"),
        (np.full((SIZE, SIZE + 1), 127, np.uint8), "multiples of 32"),
        (np.full((SIZE, SIZE, 4), 127, np.uint8), "alpha"),
        (np.full((SIZE, SIZE, 3), 127, np.uint8), "one grey channel"),
        (np.full((SIZE, SIZE), 127, np.uint16), "16 bit"),
    ],
)
def test_bad_masks_are_named_before_anything_is_painted(arguments, tmp_path, capsys, pixels, message):
    save(tmp_path / "masks" / "good.png", np.full((SIZE, SIZE), 127, np.uint8))
    save(tmp_path / "masks" / "bad mask ü.png", pixels)
    assert run(arguments(masks=tmp_path / "masks")) == 2
    error = capsys.readouterr().err
    assert "bad mask ü.png" in error
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "nowhere"}, "no export in nowhere"),
        ({"masks": "nowhere"}, "There is no nowhere"),
        ({"samples": 0}, "from 1"),
    ],
)
def test_the_users_mistakes_are_said(arguments, capsys, changes, message):
    assert run(arguments(**changes)) == 2
    assert message in capsys.readouterr().err


def test_an_empty_folder_is_said(arguments, tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    assert run(arguments(masks=tmp_path / "masks")) == 2
    assert "no .png file" in capsys.readouterr().err


def test_seeds_are_whole_numbers_that_differ():
    seeds = {generate.seed_of(seed, f"S{i}", sample) for seed in range(5) for i in range(20) for sample in range(5)}
    assert len(seeds) == 500
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_model_alone_is_needed(tiny_run, tmp_path, mask_png):
    copy = shutil.copytree(export.find(tiny_run / "export" / "orig"), tmp_path / "elsewhere" / "2")
    assert export.load(copy).paint([[mask_png]], [0])
