"""The model in the box: small, whole, at work in whichever TensorFlow is here, and honest about itself."""

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.generate import command
from pix2pix_tf.metrics.sar_realism import grid_strength
from pix2pix_tf.utils.errors import UserError

PRETRAINED = Path(__file__).parent.parent / "pretrained"
CARD = PRETRAINED / "README.md"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model():
    return saved_model.load(PRETRAINED / "glacier")


@pytest.fixture
def mask() -> np.ndarray:
    """Ocean at the left, glacier at the right, a ridge of rock with a shadow below: uint8 [128, 128]."""
    zones = np.full((128, 128), GLACIER, np.uint8)
    zones[:, :50], zones[80:], zones[100:110, 60:70] = OCEAN, ROCK, NOT_AVAILABLE
    return zones


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", ["glacier", "zones"])
def test_it_is_small_and_there_is_one(name):
    files = [path for path in (PRETRAINED / name).rglob("*") if path.is_file()]
    weights = sum(path.stat().st_size for path in files if path.name == Path(versions.WEIGHTS).name)
    assert sum(path.stat().st_size for path in files) - weights <= 12 * MEGABYTE
    assert 0 < weights <= 8 * MEGABYTE  # for train.py --init
    assert len(versions.versions(PRETRAINED / name)) == 1


def test_without_our_code_it_paints_the_same_bytes_twice(mask):
    served = tf.saved_model.load(str(versions.find(PRETRAINED / "glacier")))

    def paint(seed: int, sensor: str) -> bytes:
        told = {"seed": tf.constant([seed]), "condition": tf.constant([sensor]), "style": tf.constant([""])}
        answer = served.signatures["sample"](image_bytes=tf.constant([png_of(mask)]), **told)
        return answer["output_bytes"].numpy()[0]

    first = paint(7, "TSX")
    image = np.asarray(Image.open(io.BytesIO(first)))
    assert image.shape == mask.shape and image.dtype == np.uint8
    assert paint(7, "TSX") == first
    assert paint(8, "TSX") != first
    assert paint(7, "ERS") != first


def test_what_the_radar_cannot_see_is_dark(model, mask):
    painted = model.generate(mask[np.newaxis, ..., np.newaxis], np.array([0]))[0, ..., 0]
    assert painted[mask == NOT_AVAILABLE].mean() < painted[mask != NOT_AVAILABLE].mean() - 0.2


def test_plain_areas_have_no_grid(model):
    # 9 to 19 dB at each of these periods is what transposed convolutions left after 32 epochs (pretrained/README.md).
    for zone in (ROCK, GLACIER, OCEAN):
        mask = np.full((1, model.size, model.size, 1), zone, np.uint8)
        plain = np.stack([model.generate(mask, np.array([seed]))[0, ..., 0] for seed in range(8)])
        assert grid_strength(plain, 2) < 4
        assert grid_strength(plain, 4) < 3
        assert max(grid_strength(plain, period) for period in (8, 16, 32)) < 5


def test_generate_paints_with_it_at_once(mask, tmp_path):
    (tmp_path / "mask.png").write_bytes(png_of(mask))
    arguments = ["--model", str(PRETRAINED / "glacier"), "--masks", str(tmp_path / "mask.png")]
    command.main([*arguments, "--output", str(tmp_path / "out"), "--condition", "sensor=ERS"])
    painted = list((tmp_path / "out").rglob("*.png"))
    assert any(np.asarray(Image.open(path)).shape == mask.shape for path in painted)
    with pytest.raises(UserError, match="ERS"):  # that names what it knows
        command.main([*arguments, "--output", str(tmp_path / "no"), "--condition", "sensor=ESR"])


def test_the_card_tells_what_it_comes_from_and_what_it_is_not_for(model):
    card = CARD.read_text(encoding="utf-8")
    assert "CC-BY-4.0" in card and "10.5194/essd-14-4287-2022" in card
    assert "must not be used" in card
    assert f"epoch {model.epoch}" in card
    assert model.origin == "real"
    assert model.glaciers == ["DBE", "JAC", "SI"] and "Sjögren" in card
    for sensor in model.conditions["sensor"]:
        assert f"`{sensor}`" in card
