"""The CaFFe benchmark: the raw tree, the patches and the split of the published code, and the command end to end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pix2pix_tf import prepare
from pix2pix_tf.data import scene_names, tiling
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare.caffe import build
from pix2pix_tf.prepare.caffe import scene as caffe_scene
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import Interrupted, refused, tree
from tests.prepare.raw_benchmark import BOX, COL, CRANE, CRANE2, DBE, JAC, MAPPLE, SI, SIDES, TEST, TRAIN, put, scene

ROOT = Path(__file__).parents[2]
SIZE = 32


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small raw benchmark in the real layout; tests that change it take `raw`."""
    root = tmp_path_factory.mktemp("benchmark") / "data_raw"
    for split, scenes in (("train", TRAIN), ("test", TEST)):
        for name in scenes:
            put(root, name, split, ".PNG" if name == SI else ".png")
    (root.parent / "meta_data.csv").write_text(
        'image_name;" glacier_name";" date";" resolution (m)";Bounding box coordinates;" Coordinate system"\n'
        f"{JAC}_geo.tif;Sermeq Kujalleq \xe6;23.08.2011;6;"
        "BoundingBox(left=484876.965, bottom=-6776218.9, right=5e5, top=6790258.967);EPSG:32622\n",
        encoding="latin-1",
    )
    return root


@pytest.fixture
def raw(made, tmp_path):
    shutil.copytree(made.parent, tmp_path / "benchmark")
    return tmp_path / "benchmark/data_raw"


def times(root):
    return tree(root, lambda path: path.stat().st_mtime_ns)


def make(raw, output, *options):
    """The command, inside this process; its exit code."""
    options = ["--size", str(SIZE), *options]
    return cli.run(prepare.main, ["caffe", "--raw", str(raw), "--output", str(output), *options])


# ---- The definitions of the published code --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "size", "overlap", "count"),
    [
        (256, 256, 0, 1),
        (257, 256, 0, 2),
        (512, 256, 0, 2),  # without overlap an exact fit is no special case
        (
            256,
            256,
            128,
            2,
        ),  # with overlap it is: 128 - (256 - 256) % 128 = 128 rows are added, (384 - 256) / 128 + 1 = 2
        (257, 256, 128, 2),  # 128 - 1 % 128 = 127 rows: 384 again
        (384, 256, 128, 3),
        (385, 256, 128, 3),
        (200, 256, 128, 1),  # 128 - (-56) % 128 = 56 rows: 256
        (100, 256, 128, 1),  # 128 - (-156) % 128 = 28 rows: 128, too small for a patch there, padded to one here
    ],
)
def test_patches_by_hand(length, size, overlap, count):
    height, _, *rest = caffe_scene.grid(length, length, size, overlap)
    assert len(tiling.origins(height, *rest)) == count
    published = size - length % size if overlap == 0 else size - overlap - (length - size) % (size - overlap)
    padded = length + (published % size if overlap == 0 else published)
    if padded >= size:
        assert (padded - size) // (size - overlap) + 1 == count
        assert tiling.padding(height, height, *rest)[0] + height == padded


def test_the_test_scenes_give_the_published_number_of_patches():
    # Sides and numbers of the benchmark's test images: COL by TanDEM-X and Sentinel-1; Mapple by TerraSAR-X, PALSAR
    # (its sides follow from the others': 8.1 x 7.6 km at 17 m), and ERS, Envisat and Sentinel-1.
    shapes = {(2107, 4476): 47, (702, 1492): 18, (1215, 1146): 22, (476, 449): 8, (405, 382): 27}
    assert sum(shapes.values()) == 122
    counts = {
        shape: len(tiling.stems("x", *caffe_scene.grid(*shape, 256, caffe_scene.overlap_of("test", 256))))
        for shape in shapes
    }
    assert sum(counts[shape] * number for shape, number in shapes.items()) == 28_376


def test_the_split_of_the_paper():
    training = [f"{place:03d}" for place in range(559)]
    val = build.paper_val(training)
    assert val[:6] == ["440", "530", "346", "323", "474", "360"]
    assert (len(val), len(set(training) - set(val))) == (56, 503)
    assert build.paper_val(list("abcde")) == ["c"]  # RandomState(1).permutation(5) is 2 1 4 0 3
    assert build.paper_val(list("abcdefghijk")) == ["c", "d"]  # of 11: 2 3 ...; a tenth of 11 is two


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        (((10.4, 40.6), (60.5, 4.5)), (4, 41, 10, 60)),  # 60.5 and 4.5 are rounded to even
        (((-3, 90), (120, -7)), (0, 90, 0, 99)),  # beyond the right edge, the last column is lost too; 90 is the edge
        (((0, 91), (100, 0)), (0, 89, 0, 100)),
    ],
)
def test_bounding_boxes_by_hand(tmp_path, corners, box):
    (left, upper), (right, lower) = corners
    path = tmp_path / "box.txt"
    path.write_text(f"x,y\n{left},{upper}\n{left},{lower}\n{right},{lower}\n{right},{upper}\n")
    assert caffe_source.read_box(path, 90, 100) == box


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x,y\n1,2\n",
        BOX.replace("60.5", "east"),
        BOX.replace("40.6", "4.2"),
        BOX.replace(",", ";"),
        "x,y\n1,nan\n" * 5,
    ],
)
def test_files_that_are_no_bounding_box(tmp_path, text):
    (tmp_path / "box.txt").write_text(text)
    with pytest.raises(ValueError, match="."):
        caffe_source.read_box(tmp_path / "box.txt", 90, 100)


# ---- What the command makes -----------------------------------------------------------------------------------------


def test_the_benchmark_becomes_a_data_set(made, tmp_path, capsys):
    assert make(made, tmp_path / "out") == 0
    found = load_dataset(tmp_path / "out", caffe_scene.ROLES, ("train", "val", "test"))
    assert (found.origin, found.size, found.bits) == ("real", SIZE, dict.fromkeys(caffe_scene.ROLES, 8))
    splits = {name: one.split for name, one in found.scenes.items()}
    val = sorted(TRAIN)[2]  # as by hand above
    assert splits == dict.fromkeys(TRAIN, "train") | dict.fromkeys(TEST, "test") | {val: "val"}
    dbe = found.scenes[DBE]
    assert (dbe.glacier, dbe.date, dbe.sensor, dbe.metres_per_pixel) == ("DBE", "2004-10-07", "RSAT", 12.0)
    assert (dbe.quality, dbe.orbit, dbe.bounding_box, dbe.bounds) == (4, "282", (4, 39, 10, 60), None)
    assert found.scenes[JAC].crs == "EPSG:32622"
    assert found.scenes[JAC].bounds == (484876.965, -6776218.9, 5e5, 6790258.967)
    counts = {name: sum(stem.startswith(name) for stems in found.stems.values() for stem in stems) for name in splits}
    assert counts[COL] == 4 * 5  # 64 x 80: 16 - (64 - 32) % 16 = 16 more rows, 16 more columns; (80 - 32) / 16 + 1 = 4
    assert (found.scenes[COL].padding, found.scenes[COL].overlap) == ((16, 16), 16)
    assert counts[JAC] == 3 * 2  # 70 x 64 without overlap
    assert (found.scenes[JAC].padding, found.scenes[JAC].overlap) == ((26, 0), 0)
    out = capsys.readouterr().out
    assert "7 scenes, " in out
    assert f"train: glaciers {'Crane 1' if val == CRANE2 else 'Crane 2'}" in out
    assert "not the whole benchmark (train 5 of 559 scenes, test 2 of 122 scenes)" in out
    assert "no place on the ground known of 6 scenes" in out
    assert f"the published code drops them): {MAPPLE}" in out  # 15 columns are fewer than a step
    assert f"next: python train.py --variant zones --data {tmp_path / 'out'}" in out
    assert "published" not in out.split("\n")[1]


def test_patches_hold_what_the_images_hold(made, tmp_path):
    assert make(made, tmp_path / "out") == 0
    found = load_dataset(tmp_path / "out", caffe_scene.ROLES, ("train", "val", "test"))
    for name, one in found.scenes.items():
        zones, front, sar = scene(name)
        for role, whole in (("zones", zones), ("fronts", front), ("sar", sar)):
            pieces = [
                (*scene_names.place_of(stem), images.read_png(found.path(one.split, role, stem)))
                for stem in found.stems[one.split] if stem.split("__")[0] == name
            ]  # fmt: skip
            padded = np.pad(whole, ((0, one.padding[0]), (0, one.padding[1])))
            np.testing.assert_array_equal(tiling.join(pieces, *padded.shape), padded)
            assert tuple(np.max([piece[:2] for piece in pieces], axis=0) + SIZE) == padded.shape


def test_a_data_set_of_an_earlier_version_is_finished_and_read_by_its_thin_lines(made, tmp_path, capsys):
    assert make(made, tmp_path / "new") == 0
    old = tmp_path / "old"
    shutil.copytree(tmp_path / "new", old)
    for folder in list(old.glob("*/fronts")):  # `lines` held the fronts as they are now, `fronts` dilated ones
        shutil.copytree(folder, folder.with_name("lines"))
        for path in folder.glob("*.png"):
            images.write_png(path, ndimage.maximum_filter(images.read_png(path), 5, mode="constant"))
    for name, key in (("prepare.json", None), ("dataset.json", "bits")):
        values = json.loads((old / name).read_text())
        if key:
            values[key]["lines"] = 8
        else:
            assert values.pop("front_width") == 1
        (old / name).write_text(json.dumps(values))
    before = tree(old)
    assert make(made, old) == 0
    assert "is finished already" in capsys.readouterr().out
    assert tree(old) == before
    (old / "dataset.json").unlink()  # interrupted: a scene's files are missing
    for path in old.glob(f"train/*/{SI}*.png"):
        path.unlink()
    assert make(made, old) == 0
    loaded, anew = (load_dataset(root, ("fronts",), ("train", "val", "test")) for root in (old, tmp_path / "new"))
    assert loaded.stems == anew.stems
    for split, stems in loaded.stems.items():
        for stem in stems:
            np.testing.assert_array_equal(*(images.read_png(one.path(split, "fronts", stem)) for one in (loaded, anew)))


def test_dilated_fronts_without_thin_ones_are_not_taken_for_thin_ones(made, tmp_path, capsys):
    assert make(made, tmp_path / "out") == 0
    (tmp_path / "out/dataset.json").unlink()
    values = json.loads((tmp_path / "out/prepare.json").read_text())
    del values["front_width"]  # as if an earlier version had been killed before its first `lines`
    (tmp_path / "out/prepare.json").write_text(json.dumps(values))
    assert make(made, tmp_path / "out") == 2
    assert "front_width: None -> 1" in capsys.readouterr().err


def test_whole_glaciers_are_held_out(made, tmp_path, capsys):
    assert make(made, tmp_path / "out", "--split", "glacier", "--hold-out", "Crane", "SI") == 0
    scenes = json.loads((tmp_path / "out/dataset.json").read_text())["scenes"]
    assert {name for name, one in scenes.items() if one["split"] == "val"} == {CRANE, CRANE2, SI}
    assert {name for name, one in scenes.items() if one["split"] == "test"} == set(TEST)


def test_the_folder_above_will_do(made):
    assert caffe_source.root_of(made.parent) == caffe_source.root_of(made) == made
    assert [one.name for one in caffe_source.find(made)] == sorted((*TRAIN, *TEST))


def test_no_glacier_and_no_box_are_said(raw, tmp_path, capsys):
    images.write_png(raw / f"zones/train/{JAC}_zones.png", np.full(SIDES[JAC], 254, np.uint8))
    (raw / f"bounding_boxes/{COL}_front_extent_coord.txt").unlink()
    (raw.parent / "meta_data.csv").unlink()
    assert make(raw, tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert f"no glacier in 1 scenes: {JAC}" in out
    assert f"no bounding box, so the front is evaluated in the whole scene: {COL}" in out
    assert "no place on the ground known of 7 scenes" in out


def test_a_box_belongs_to_the_whole_name(raw):
    longer = f"{COL[:-3]}0921_front_extent_coord.txt"
    (raw / f"bounding_boxes/{COL}_front_extent_coord.txt").rename(raw / "bounding_boxes" / longer)
    boxes = {one.name: one.box for one in caffe_source.find(raw)}
    assert boxes[COL] is None
    assert boxes[JAC] is not None


# ---- Going on -------------------------------------------------------------------------------------------------------


def test_workers_change_nothing(made, tmp_path):
    assert make(made, tmp_path / "one/out") == 0
    assert make(made, tmp_path / "two/out", "--workers", "2") == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_finished_data_set_is_left_alone(raw, tmp_path, capsys):
    assert make(raw, tmp_path / "out") == 0
    before = times(tmp_path / "out")
    assert make(raw, tmp_path / "out") == 0
    assert "is finished already" in capsys.readouterr().out
    assert make(raw, tmp_path / "out", "--split", "glacier", "--hold-out", "SI") == 2
    assert "split: paper -> glacier" in capsys.readouterr().err
    images.write_png(raw / f"sar_images/train/{JAC}.png", scene(JAC)[2][::-1].copy())
    assert make(raw, tmp_path / "out") == 2
    assert "input: " in capsys.readouterr().err
    assert times(tmp_path / "out") == before


def test_only_what_is_missing_is_made(made, tmp_path):
    assert make(made, tmp_path / "out") == 0
    before, bytes_before = times(tmp_path / "out"), tree(tmp_path / "out")
    gone = sorted((tmp_path / "out/test/sar").iterdir())[2:5] + sorted((tmp_path / "out/train/fronts").iterdir())[:2]
    for path in [*gone, tmp_path / "out/dataset.json"]:
        path.unlink()
    assert make(made, tmp_path / "out") == 0
    changed = {path for path, then in times(tmp_path / "out").items() if then != before[path]}
    assert changed == {str(path.relative_to(tmp_path / "out")) for path in gone} | {"dataset.json", "prepare.json"}
    assert tree(tmp_path / "out") == bytes_before


def test_good_scenes_are_kept_and_bad_ones_made_good(raw, made, tmp_path, capsys):
    zones = raw / f"zones/test/{COL}_zones.png"
    pixels = scene(COL)[0]
    pixels[3, 3] = 128
    images.write_png(zones, pixels)
    sar = raw / f"sar_images/train/{DBE}.png"
    sar.write_bytes(sar.read_bytes()[:-30])
    images.write_png(raw / f"fronts/train/{SI}_front.png", scene(SI)[1][:40])
    (raw / f"fronts/train/{SI}_front.png").rename(raw / f"fronts/train/{SI}_front.PNG")
    assert make(raw, tmp_path / "out") == 2
    message = capsys.readouterr().err
    assert "3 of 7 scenes in" in message
    assert f"zones/test/{COL}_zones.png: grey value 128 is no class of zones" in message
    assert f"sar_images/train/{DBE}.png: not a whole PNG" in message
    assert f"{SI}: its images differ in size: sar 64 x 64, zones 64 x 64, fronts 64 x 40 pixels" in message
    assert not (tmp_path / "out/dataset.json").exists()
    kept = times(tmp_path / "out")
    assert not any(name in path for path in kept for name in (COL, DBE, SI))
    for path in (zones, sar, raw / f"fronts/train/{SI}_front.PNG"):
        shutil.copy(made / path.relative_to(raw), path)
    assert make(raw, tmp_path / "out") == 0
    assert times(tmp_path / "out").items() >= {(path, then) for path, then in kept.items() if path.endswith(".png")}
    assert make(made, tmp_path / "again/out") == 0
    mended, anew = (tree(tmp_path / place) for place in ("out", "again/out"))
    assert mended.pop("prepare.json") != anew.pop("prepare.json")  # which knows the times of the mended files
    assert mended == anew


# ---- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw: (raw / f"zones/train/{JAC}_zones.png").unlink(), f"{JAC}: no partner in zones/train/"),
        (lambda raw: shutil.rmtree(raw / "fronts/test"), "fronts/test/: no such folder"),
        (lambda raw: put(raw, JAC, "test"), f"{JAC}: is in train/ and in test/"),
        (lambda raw: put(raw, JAC, "test"), "JAC is a glacier of the train split, but is in test/"),
        (lambda raw: put(raw, SI, "train"), "sar_images/train/SI_2011-08-02_TSX_7_1_152.png: the same scene as"),
        (lambda raw: (raw / "zones/train/x.txt").touch(), "zones/train/x.txt: no PNG by its name"),
        (lambda raw: shutil.copy(raw / f"zones/train/{JAC}_zones.png", raw / "zones/train/x.png"), "end in _zones.png"),
        (lambda raw: (raw / f"bounding_boxes/{JAC}.txt").touch(), "a second bounding box"),
        (lambda raw: shutil.rmtree(raw / "sar_images"), "holds no folder sar_images"),
        (lambda raw: (raw.parent / "meta_data.csv").write_text("a;b\n"), "is not the benchmark's meta_data.csv"),
        (lambda raw: (raw.parent / "meta_data.csv").write_text(""), "is not the benchmark's meta_data.csv"),
    ],
)
def test_names_that_cannot_be(raw, tmp_path, capsys, spoil, words):
    spoil(raw)
    assert words in refused(capsys, make, raw, tmp_path / "out")


@pytest.mark.parametrize("name", ["JAC_2011-13-23_TSX_6_1_027", "JAC_2011-08-23_TSX_6_7_027", "JAC_2011-08-23_TSX_6_1"])
def test_names_that_do_not_parse(raw, tmp_path, capsys, name):
    for folder, end in (("sar_images", ""), ("zones", "_zones"), ("fronts", "_front")):
        (raw / folder / f"train/{JAC}{end}.png").rename(raw / folder / f"train/{name}{end}.png")
    assert f"{name}: the name does not follow Glacier_Date" in refused(capsys, make, raw, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--split", "glacier"], "Crane (2), DBE (1), JAC (1), SI (1)"),
        (["--split", "glacier", "--hold-out", "Cran"], "Unknown training glacier 'Cran'. Did you mean 'Crane'?"),
        (["--split", "glacier", "--hold-out", "COL"], "Unknown training glacier 'COL'"),
        (["--split", "glacier", "--hold-out", "Crane", "DBE", "JAC", "SI"], "Nothing is left for train"),
        (["--hold-out", "SI"], "--hold-out goes with --split glacier"),
        (["--size", "1"], "--size 1"),
    ],
)
def test_bad_options(made, tmp_path, capsys, options, words):
    assert words in refused(capsys, make, made, tmp_path / "out", *options)


def test_other_folders_and_missing_options(made, tmp_path, capsys):
    assert "lies inside" in refused(capsys, make, made, made / "out")
    assert "There is no folder" in refused(capsys, make, tmp_path / "gone", tmp_path / "out")
    assert cli.run(prepare.main, ["caffe", "--raw", str(made)]) == 2
    assert "--output DIR is missing" in capsys.readouterr().err
    assert cli.run(prepare.main, ["caffe", "--download", "--check"]) == 2
    assert "use it with --raw" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "1", "I;16"])
def test_images_must_be_grey_of_8_bits(raw, tmp_path, capsys, mode):
    Image.new(mode, SIDES[JAC][::-1]).save(raw / f"sar_images/train/{JAC}.png")
    assert make(raw, tmp_path / "out") == 2
    assert f"sar_images/train/{JAC}.png: " in capsys.readouterr().err


# ---- Only checking --------------------------------------------------------------------------------------------------


def test_the_check_of_a_whole_benchmark(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(build, "SCENES", {"train": 5, "test": 2})
    before = tree(made.parent)
    command = ["caffe", "--raw", str(made), "--check"]
    assert cli.run(prepare.main, command) == 0
    out = capsys.readouterr().out
    assert "whole benchmark: 5 training and 2 test scenes" in out
    assert "meta_data.csv gives the place of 1 of them" in out
    assert tree(made.parent) == before


def test_the_check_names_everything_at_once(raw, tmp_path, capsys):
    (raw / f"zones/train/{JAC}_zones.png").unlink()
    images.write_png(raw / f"fronts/train/{DBE}_front.png", np.zeros(SIDES[DBE], np.uint8))
    (raw / f"bounding_boxes/{COL}_front_extent_coord.txt").unlink()
    (raw / f"bounding_boxes/{MAPPLE}_front_extent_coord.txt").write_text("x,y\n")
    (raw / f"bounding_boxes/{SI}_front_extent_coord.txt").unlink()
    assert cli.run(prepare.main, ["caffe", "--raw", str(raw), "--check"]) == 2
    message = capsys.readouterr().err
    for words in (
        f"{JAC}: no partner in zones/train/",
        f"fronts/train/{DBE}_front.png: only the grey value 0",
        f"{COL}: no file in bounding_boxes/",
        f"{MAPPLE}_front_extent_coord.txt: no bounding box can be read",
        "4 whole scenes in train/, but the benchmark has 559",
        "2 whole scenes in test/, but the benchmark has 122",
    ):
        assert words in message
    assert SI not in message  # only the fronts of val and test are evaluated


# ---- Processes ------------------------------------------------------------------------------------------------------


def test_nothing_is_written_to_a_folder_that_the_command_did_not_begin(made, tmp_path):
    source = next(iter(caffe_source.find(made)))
    with pytest.raises(UserError, match="all machines share"):
        caffe_scene.write_scene(caffe_scene.SceneTask(source, "train", SIZE, tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_goes_on(made, tmp_path, monkeypatch):
    assert make(made, tmp_path / "whole/out") == 0
    written = Interrupted(monkeypatch, images, "write_png", after=33)
    assert make(made, tmp_path / "cut/out") == 130
    assert not (tmp_path / "cut/out/dataset.json").exists()
    stray = tmp_path / "cut/out/train/sar/.tmp-77-a.png"  # as a killed worker leaves it
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"half")
    written.resume()
    assert make(made, tmp_path / "cut/out") == 0
    assert len(written) == len(set(written))  # none twice
    assert tree(tmp_path / "cut/out") == tree(tmp_path / "whole/out")


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_interruption_ends_all_processes(made, tmp_path, number, code):
    raw = tmp_path / "data_raw"
    shutil.copytree(made, raw)
    for day in range(1, 29):
        for folder, end in (("sar_images", ""), ("zones", "_zones"), ("fronts", "_front")):
            (raw / folder / f"train/SI_2012-01-{day:02d}_TSX_7_1_152{end}.png").symlink_to(
                raw / folder / f"train/{JAC}{end}.png"
            )
    command = [sys.executable, "-m", "pix2pix_tf.prepare", "caffe", "--raw", raw, "--output", tmp_path / "out",
               "--size", "4", "--workers", "2"]  # fmt: skip
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    until = time.monotonic() + 20
    while not list(tmp_path.glob("out/*/sar/*")) and time.monotonic() < until:
        time.sleep(0.01)
    if number == signal.SIGINT:
        os.killpg(running.pid, number)  # as a terminal does: all processes hear it
    else:
        running.send_signal(number)
    _, err = running.communicate(timeout=20)  # ends when the last process closes its end
    assert (running.returncode, "Traceback" in err) == (code, False), err
    assert not (tmp_path / "out/dataset.json").exists()
    with pytest.raises(ProcessLookupError):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            os.killpg(running.pid, 0)
            time.sleep(0.05)
