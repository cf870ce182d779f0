import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.data.io import images, png
from pix2pix_tf.data.io.strips import StripReader


def write(path, pixels, step):
    channels, bits = (1 if pixels.ndim == 2 else 3), 8 * pixels.dtype.itemsize
    with png.written(path, *pixels.shape[:2], channels, bits) as rows:
        for first in range(0, len(pixels), step):
            rows(pixels[first : first + step])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(21, 13), (21, 13, 3)])
def test_rows_that_were_written_are_read_again(tmp_path, rng, dtype, shape):
    pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype)
    write(tmp_path / "a.png", pixels, 4)
    write(tmp_path / "b.png", pixels, 21)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (images.read_png(tmp_path / "a.png") == pixels).all()  # another decoder
    rows = StripReader(tmp_path / "a.png")
    assert (rows.height, rows.width, rows.channels, rows.dtype) == (21, 13, 3 if len(shape) == 3 else 1, dtype)
    got = [rows.read(5), rows.read(0), *rows.blocks(7)]
    assert [len(block) for block in got] == [5, 0, 7, 7, 2]
    assert (np.concatenate(got).reshape(shape) == pixels).all()
    assert not rows.read(1).size


def test_two_readers_of_one_file_do_not_disturb_each_other(tmp_path, rng):
    pixels = rng.integers(0, 256, (600, 5), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    first, second = StripReader(tmp_path / "a.png"), StripReader(tmp_path / "a.png")
    first.read(500)
    assert (second.read(600)[..., 0] == pixels).all()
    assert (first.read(100)[..., 0] == pixels[500:]).all()


def test_tiffs_in_tiles_are_read_by_rows(tmp_path, rng):
    pixels = rng.integers(0, 256, (100, 70), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(32, 32), compression="zlib")
    assert (np.concatenate(list(StripReader(tmp_path / "a.tif").blocks(9)))[..., 0] == pixels).all()


def test_other_rows_than_announced_leave_no_file(tmp_path):
    for rows in (np.zeros((1, 4), np.uint8), np.zeros((2, 3), np.uint8), np.zeros((2, 4), np.uint16)):
        with pytest.raises(ValueError, match="rows"), png.written(tmp_path / "a.png", 2, 4) as write:
            write(rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("P", (4, 4)), "palette"),
        (Image.new("RGBA", (4, 4)), "alpha"),
        (Image.new("1", (4, 4)), "1 bit"),
    ],
)
def test_kinds_that_no_role_has_are_refused(tmp_path, image, message):
    image.save(tmp_path / "a.png")
    with pytest.raises(images.BadImage, match=message):
        StripReader(tmp_path / "a.png")


def test_float_tiffs_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(images.BadImage, match="float32 numbers"):
        StripReader(tmp_path / "a.tif")
