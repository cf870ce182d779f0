"""Everything of this program that reads what others wrote, each with good files to spoil.

A reader takes the bytes of one file and an empty folder, and reads them as the program does. It may succeed, or refuse
with one of the errors that its callers turn into a sentence. Anything else is a finding.
"""

import base64
import contextlib
import io
import json
import random
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from PIL import Image

from pix2pix_tf import config
from pix2pix_tf.data import dataset, scene_names
from pix2pix_tf.data.dataset import Dataset, Pairing, Scene
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.evaluation import runs
from pix2pix_tf.prepare.caffe import download as caffe_download
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.multiearth import files as multiearth_files
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.serving import model_names
from pix2pix_tf.serving.server import limits, rest_api
from pix2pix_tf.training import run_folder
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError
from tests.robustness import mutations

SIZE = 32  # pixels a side of the good images
UNPACKED = 2**20  # bytes that a zip may unpack to
SPECS = {  # what a model with conditions takes, as the server knows it
    "serving_default": {"image_bytes": rest_api.Spec("string", 1)},
    "sample": {"image_bytes": rest_api.Spec("string", 1), "seed": rest_api.Spec("int32", 1)},
    "tensor": {
        "image": rest_api.Spec("uint8", 4),
        "seed": rest_api.Spec("int32", 1),
        "condition": rest_api.Spec("string", 1),
    },
}

Mutate = Callable[[random.Random, bytes, bytes], bytes]


@dataclass(frozen=True)
class Reader:
    """One way in."""

    what: str  # for the table
    good: Callable[[], Sequence[bytes]]
    read: Callable[[bytes, Path], None]
    refusals: tuple[type[Exception], ...] = (UserError,)  # what its callers tell the user in one sentence
    mutate: Mutate = mutations.damaged
    share: float = 1.0  # of the cases, relative to the others


# ---- Images ---------------------------------------------------------------------------------------------------------


def _saved(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def masks() -> list[bytes]:
    """Zone masks as PNGs."""
    return [_saved(simulate_scene(seed, SIZE).zones) for seed in range(3)]


def pngs() -> list[bytes]:
    """PNGs of all kinds, those that no role takes among them, and two that say more than they hold."""
    scene = simulate_scene(0, SIZE)
    colour = np.stack([scene.sar] * 3, axis=-1)
    grey16 = scene.sar.astype(np.uint16) * 257
    with tempfile.TemporaryDirectory() as folder:
        images.write_png(Path(folder) / "16.png", np.stack([grey16] * 3, axis=-1))
        colour16 = (Path(folder) / "16.png").read_bytes()
    palette = io.BytesIO()
    Image.fromarray(colour).quantize(8).save(palette, "PNG")
    alpha = np.concatenate([colour, colour[..., :1]], axis=-1)
    return [
        *(*masks(), _saved(scene.sar), _saved(colour), _saved(grey16), colour16, palette.getvalue(), _saved(alpha)),
        *(bomb(60_000, 60_000, 1000), bomb(SIZE, SIZE, 2**20)),
    ]


def bomb(width: int, height: int, inflated: int) -> bytes:
    """A grey PNG whose header says one size, and whose data inflate to another."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(inflated), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def tiffs() -> list[bytes]:
    """TIFFs of several kinds of numbers and compressions, with the tags of a GeoTIFF."""
    sar = simulate_scene(0, SIZE).sar
    place = [(33550, "d", 3, (10.0, 10.0, 0.0), True), (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 7e6, 0.0), True)]
    keys = (1, 1, 0, 2, 1025, 0, 1, 1, 3072, 0, 1, 32622)
    tags: list[Any] = [*place, (34735, "H", len(keys), keys, True), (42113, "s", 0, "-9999", True)]
    found = []
    kinds: list[tuple[np.ndarray, dict[str, Any]]] = [
        (sar.astype(np.float32), {"compression": None}),
        (sar, {"compression": "zlib", "predictor": True, "rowsperstrip": 8}),
        (sar.astype(np.uint16), {"compression": "zlib", "tile": (16, 16)}),
        (np.stack([sar] * 3, axis=-1), {"compression": None, "photometric": "rgb"}),
    ]
    for codec in ("lzw", "zstd", "lerc", "webp", "jpeg", "lzma"):
        found.append(_geotiff(sar, codec))
    for pixels, options in kinds:
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, extratags=tags, **options)
        found.append(file.getvalue())
    return [*found, _saved(sar, "TIFF", compression="tiff_lzw"), _saved(sar, "TIFF", compression="packbits")]


def _geotiff(sar: np.ndarray, codec: str) -> bytes:
    """A tiled GeoTIFF that GDAL writes with a codec, with a "no data" value or an internal mask."""
    pixels = sar.astype(np.float32) if codec in ("zstd", "lerc") else sar
    bands = 3 if codec == "webp" else 1
    profile = {"driver": "GTiff", "height": SIZE, "width": SIZE, "count": bands, "dtype": pixels.dtype.name}
    profile |= {"crs": "EPSG:3031", "transform": rasterio.Affine(20, 0, -2.4e6, 0, -20, 1.2e6), "compress": codec}
    profile |= {"tiled": True, "blockxsize": 16, "blockysize": 16}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.MemoryFile() as memory:
        with memory.open(**profile, nodata=None if codec == "lzw" else 0) as target:
            target.write(np.stack([pixels] * bands))
            if codec == "lzw":
                target.write_mask(sar > 9)
        return memory.read()


def jpegs() -> list[bytes]:
    """JPEGs, grey and colour."""
    sar = simulate_scene(0, SIZE).sar
    return [_saved(sar, "JPEG"), _saved(np.stack([sar] * 3, axis=-1), "JPEG")]


def _scene(suffix: str) -> Callable[[bytes, Path], None]:
    """Read a file as the SAR image of a user's scene."""

    def read(data: bytes, folder: Path) -> None:
        path = folder / f"x{suffix}"
        path.write_bytes(data)
        source, reading = scene_source.Source("x", {"sar": path}), scene_source.Reading()
        picture = scene_source.read(source, reading)
        # A file of two bands can be one of both polarisations, which has other roles.
        pixels = scene_source.load(source, reading, picture.images)
        if not all(one.any() for one in pixels.values()) and not picture.notes:
            raise AssertionError("a black image without a word")

    return read


def _patch(data: bytes, folder: Path) -> None:
    path = folder / "x.png"
    path.write_bytes(data)
    images.read_png(path)


def _drawing(data: bytes, folder: Path) -> None:
    path = folder / "x.png"
    path.write_bytes(data)
    mask_drawings.read_mask(path)


def _rows(suffix: str) -> Callable[[bytes, Path], None]:
    """Read a file strip by strip."""

    def read(data: bytes, folder: Path) -> None:
        from pix2pix_tf.data.io.strips import StripReader

        path = folder / f"x{suffix}"
        path.write_bytes(data)
        for _ in StripReader(path).blocks():
            pass

    return read


# ---- Descriptions ---------------------------------------------------------------------------------------------------


def descriptions() -> list[bytes]:
    """dataset.json of two data sets."""
    fields: dict[str, Any] = {
        "padding": (68, 0),
        "stretch": {"sar": (-21.4, -3.2)},
        "bounding_box": (0, 9, 0, 9),
        "crs": "EPSG:3031",
    }
    stem = "DBE_2004-10-07_RSAT_12_4_282"
    facts: scene_names.Facts = {**scene_names.facts_of(stem), "bounds": (0.0, 1.0, 2.0, 3.0)}
    whole = Scene("train", 700, 512, **facts, **fields, cloud=0.5)
    known = {stem: whole, "b": Scene("val", 9, 9)}
    rows = {"t": Pairing(input=stem, cloud=0.1), "u": Pairing(cloud=0.9)}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        plain = Dataset(Path(folder), "mine", "real", 256, {"sar": 8, "zones": 8}, known)
        for one in (plain, replace(plain, pairs=rows, generator_train_glaciers=("SI",))):
            dataset.save(one)
            found.append((Path(folder) / dataset.FILE).read_bytes())
    return found


def _description(data: bytes, folder: Path) -> None:
    """Read it, and write it again: what is taken must be a data set that can be kept."""
    (folder / dataset.FILE).write_bytes(data)
    dataset.save(dataset.read(folder))


def run_configs() -> list[bytes]:
    """config.json of runs."""
    data = {"path": "datasets/x", "name": "x", "origin": "real", "train": 3, "val": 1}
    chosen = (config.make_config(variant) for variant in ("orig", "zones", "sar2optical"))
    return [json.dumps({"config": config.to_dict(one), "data": data}).encode() for one in chosen]


def _run_config(data: bytes, folder: Path) -> None:
    """Read it as evaluate.py does, and as a training does that goes on."""
    version = folder / "r" / "export" / "orig" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    (folder / "r" / "config.json").write_bytes(data)
    [found] = runs.find_runs([folder / "r"], folder)
    assert found.data  # as in every config.json
    described = Dataset(found.data, "x", "real", SIZE, {}, {}, {"train": ("a",) * 3, "val": ("b",)})
    read = config.from_dict(files.read_json(folder / "r" / "config.json")["config"])
    run_folder.claim(folder / "r", config.make_config(read.variant), described)


def option_files() -> list[bytes]:
    """Files for --config."""
    return [
        b"variant: gen5\nloss: {l1: 50}\ntrain: &t\n  learning_rate: 1e-3\n  deterministic: true\n",
        b"variant: zones\ntrain.epochs: 3\ndata:\n  inputs: [sar, elevation]\n  flip: !!float '0.5'\n",
    ]


def _option_file(data: bytes, folder: Path) -> None:
    (folder / "options.yaml").write_bytes(data)
    config.make_config(None, file=folder / "options.yaml")


def overrides() -> list[bytes]:
    """A variant and its options, one a line."""
    return [b"orig\nloss.l1=50", b"l11,gan100\ntrain.seed=3\ndata.inputs=zones,elevation"]


def _overrides(data: bytes, _: Path) -> None:
    words = data.decode("utf-8", "replace").split("\n")
    config.make_config(words[0], words[1:])


def told() -> list[bytes]:
    """scenes.json, as it lies beside painted scenes."""
    scene = {"glacier": "SI", "metres_per_pixel": 7.0, "bounding_box": [0, 9, 0, 9], "crs": "EPSG:3031"}
    return [json.dumps({"origin": "generated: gen5@210", "seen": ["SI"], "scenes": {"x": scene}}).encode()]


def _told(data: bytes, folder: Path) -> None:
    """Read the one scene that it tells of, and write the data set that would be made of it."""
    (folder / "sar").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "sar" / "x.png")
    (folder / dataset.SCENES_FILE).write_bytes(data)
    origin, seen = scene_source.origin(folder)
    [source] = scene_source.find(folder)
    scene = Scene("train", 8, 8, **scene_source.read(source).facts)
    dataset.save(Dataset(folder, "x", origin, 8, {"sar": 8}, {"x": scene}, generator_train_glaciers=seen))
    dataset.read(folder)


def boxes() -> list[bytes]:
    """Where a front is judged, and a meta_data.csv."""
    head = b"image_name;Coordinate system;Bounding box coordinates\n"
    table = head + b'x_geo.tif;EPSG:3031;"(left=0, bottom=0, right=9, top=9)"\n'
    return [b"x,y\n10,200\n10,20\n100,20\n100,200\n", table]


def _box(data: bytes, folder: Path) -> None:
    (folder / "box.txt").write_bytes(data)
    (folder / "meta_data.csv").write_bytes(data)
    with contextlib.suppress(UserError):
        caffe_source.read_metadata(folder)
    caffe_source.read_box(folder / "box.txt", 256, 256)


def stems() -> list[bytes]:
    """Name of files and models."""
    sentinel = b"Sentinel1_VV_-55.20_-4.39_2019_05_27"
    return [
        b"DBE_2004-10-07_RSAT_12_4_282__y00256_x00000",
        b"SI_2011-08-02_TSX_7_1_152_zones",
        sentinel,
        b"mine=runs/a",
    ]


def _name(data: bytes, folder: Path) -> None:
    """All that names are asked; a scene's facts must be fit for dataset.json."""
    stem = data.decode("utf-8", "replace")
    scene_names.place_of(stem)
    facts = scene_names.facts_of(scene_names.scene_of(scene_source.scene_name(stem)))
    scene_names.season_of(facts.get("glacier"), facts.get("date"))
    dataset.save(Dataset(folder, "x", "real", 8, {}, {"x": Scene("train", 8, 8, **facts)}))
    dataset.read(folder)
    model_names.name_models([stem.replace("\0", "")])  # no argument of a command holds a NUL
    if scene_names.is_file_name(f"{stem}.tiff"):
        (folder / f"{stem}.tiff").touch()
        multiearth_files.find(folder)


# ---- Zips -----------------------------------------------------------------------------------------------------------


def zips() -> list[bytes]:
    """Good archives, and those that wish to leave the folder."""
    return [
        *(_zip({"a/b.txt": b"x" * 500, "c.txt": b"y"}, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
        *(_zip({"a.txt": b"z" * 3000}, kind) for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
        _zip({"../out.txt": b"x", "/tmp/out.txt": b"x", "a": b"", "a/b": b"x", "x" * 300: b""}),
        _zip({"link": b"../.."}, mode=stat.S_IFLNK | 0o777),
        _zip({"bomb": bytes(2**20 + 1)}, zipfile.ZIP_DEFLATED),
    ]


def _zip(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED, mode: int = 0o644) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.external_attr, info.compress_type = mode << 16, kind
            archive.writestr(info, content)
    return file.getvalue()


def _unpack(data: bytes, folder: Path) -> None:
    archive, inside = folder / "x.zip", folder / "inside"
    archive.write_bytes(data)
    try:
        caffe_download.extract(archive, inside, UNPACKED)
    finally:
        written = list(inside.rglob("*")) if inside.exists() else []
        if {path.name for path in folder.iterdir()} - {"x.zip", "inside"} or Path("/tmp/out.txt").exists():
            raise AssertionError("something was written outside the folder")
        if (
            any(path.is_symlink() for path in written)
            or sum(p.stat().st_size for p in written if p.is_file()) > UNPACKED
        ):
            raise AssertionError("a link, or more than allowed, was written")


# ---- Requests -------------------------------------------------------------------------------------------------------


def bodies() -> list[bytes]:
    """Good requests to predict, by row and by column, for each signature."""
    images_ = [{"b64": base64.b64encode(mask).decode()} for mask in masks()]
    pixels = np.full((1, 4, 4, 1), 127).tolist()
    documents = (
        {"instances": images_[:1]},
        {"inputs": {"image_bytes": images_[:2]}},
        {"signature_name": "sample", "instances": [{"image_bytes": images_[0], "seed": 7}]},
        {"signature_name": "sample", "inputs": {"image_bytes": images_[:2], "seed": [1, 2]}},
        {"signature_name": "tensor", "inputs": {"image": pixels, "seed": [3], "condition": ["TSX"]}},
    )
    return [json.dumps(document).encode() for document in documents]


def _body(data: bytes, _: Path) -> None:
    limits.check_images(rest_api.read_request(data, SPECS).inputs, limits.Limits().pixels)


def paths() -> list[bytes]:
    """Addresses of the server."""
    whole = (
        b"GET /v1/models/orig",
        b"POST /v1/models/orig/versions/2:predict",
        b"GET /v1/models/orig/labels/stable/metadata",
    )
    return list(whole)


def _path(data: bytes, _: Path) -> None:
    path = data.decode("utf-8", "replace").partition(" ")[2]
    rest_api.read_address("POST" if data.startswith(b"P") else "GET", path)


def _spoilt_body(random_: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """A spoilt request; of four one is sound JSON around a spoilt image."""
    if random_.random() < 0.25:
        image = mutations.png(random_, random_.choice(_MASKS), random_.choice(_MASKS))
        return json.dumps({"instances": [{"b64": base64.b64encode(image).decode()}]}).encode()
    return mutations.json_document(random_, data, other)


_MASKS = masks()

READERS = {
    "png": Reader("patches", pngs, _patch, (images.BadImage,), mutations.png, 16),
    "drawing": Reader("drawings", pngs, _drawing, (images.BadImage,), mutations.png, 6),
    "png-scene": Reader("PNG scenes", pngs, _scene(".png"), (scene_source.BadScene,), mutations.png, 4),
    "tiff-scene": Reader("TIFF scenes", tiffs, _scene(".tif"), (scene_source.BadScene,), share=8),
    "jpeg-scene": Reader("JPEG scenes", jpegs, _scene(".jpg"), (scene_source.BadScene,), share=4),
    "png-rows": Reader("PNG strips", pngs, _rows(".png"), (images.BadImage,), mutations.png, 2),
    "tiff-rows": Reader("TIFF strips", tiffs, _rows(".tif"), (images.BadImage,), share=2),
    "dataset.json": Reader("dataset.json", descriptions, _description, mutate=mutations.json_document, share=12),
    "config.json": Reader("config.json", run_configs, _run_config, mutate=mutations.json_document, share=6),
    "options.yaml": Reader("--config", option_files, _option_file, share=4),
    "scenes.json": Reader("scenes.json", told, _told, mutate=mutations.json_document, share=4),
    "overrides": Reader("--set", overrides, _overrides, share=6),
    "boxes": Reader("boxes, meta_data.csv", boxes, _box, (ValueError, OverflowError), share=4),
    "names": Reader("names", stems, _name, share=6),
    "zip": Reader("zips", zips, _unpack, share=6),
    "http-body": Reader("HTTP bodies", bodies, _body, (rest_api.RestError,), _spoilt_body, 10),
    "http-path": Reader("HTTP addresses", paths, _path, (rest_api.RestError,), share=4),
}
