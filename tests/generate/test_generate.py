import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pix2pix_tf import config, prepare
from pix2pix_tf.data import classes, dataset, pipeline
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import best_epoch, inference, saved_model, versions
from pix2pix_tf.generate import command, output
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.training.tasks import make_task
from pix2pix_tf.utils import cli
from tests.evaluation.brightness_exports import make_export
from tests.helpers import SIZE, TINY, UNET


@pytest.fixture
def arguments(tiny_run, tiny_data, tmp_path):
    def make(*flags, **changes):
        values = {
            "model": tiny_run / "export" / "orig",
            "masks": tiny_data,
            "output": tmp_path / "out",
        }
        return [*(text for key, value in (values | changes).items() for text in (f"--{key}", str(value))), *flags]

    return make


def run(arguments):
    return cli.run(command.main, arguments)


def images(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("sar/*.png"))}


def pixels(path):
    return np.asarray(Image.open(path))


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def scene(height, width, seed=0):
    """A zone mask of any size."""
    return np.ascontiguousarray(simulate_scene(seed, max(height, width, 32)).zones[:height, :width])


# ---- The data set --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drawn", [True, False])
def test_a_drawing_is_refused_with_the_cure(arguments, tmp_path, capsys, drawn):
    mask = scene(32, 32)
    path = save(tmp_path / "Süd.PNG", classes.colour_zones(mask) if drawn else np.full_like(mask, 190))
    assert run(arguments(masks=path)) == 2
    message = capsys.readouterr().err
    assert message.splitlines()[1].startswith("- Süd.PNG: ")
    assert ("prepare folder --as-drawn" in message) == drawn


def test_a_data_set_of_masks_becomes_a_data_set_of_images(arguments, tiny_run, tiny_data, tmp_path, capsys):
    assert run(arguments()) == 0
    assert f"images in {tmp_path / 'out'}: 6" in capsys.readouterr().out
    found = load_dataset(tmp_path / "out", ("zones", "sar", "fronts"), ("train",))
    assert found.origin == f"generated: {tiny_run.name}@2"
    assert found.stems["train"] == tuple(f"S{number}" for number in range(6))
    assert found.scenes["S3"] == dataset.read(tiny_data).scenes["S3"]  # metres per pixel among it
    zones = pixels(tiny_data / "train" / "zones" / "S3.png")
    assert (pixels(found.path("train", "zones", "S3")) == zones).all()
    assert (pixels(found.path("train", "fronts", "S3")) == classes.front_of(zones)).all()
    assert (tmp_path / "out" / "overview.png").exists()


def test_an_image_is_what_the_export_serves(arguments, tiny_run, tiny_data, tmp_path):
    assert run(arguments(seed=4)) == 0
    model = saved_model.load(tiny_run / "export" / "orig")
    mask = (tiny_data / "train" / "zones" / "S2.png").read_bytes()
    ((png,),) = model.generate_pngs([[mask]], [command.seed_of(4, "S2", 0)])
    assert (pixels(tmp_path / "out" / "train" / "sar" / "S2.png") == tf.io.decode_png(png).numpy()[..., 0]).all()


def test_zones_train_on_generated_images(arguments, tmp_path):
    assert run(arguments()) == 0
    opened = load_dataset(tmp_path / "out", ("sar", "zones"), ("train",))
    chosen = config.make_config("zones", UNET)
    task = make_task(chosen, opened.size, opened.bits, "float32")
    losses = task.train_step(next(iter(pipeline.training_batches(opened, chosen))))
    assert np.isfinite(float(losses["loss"]))


def test_samples_are_scenes_of_their_own_and_patches_keep_their_places(arguments, tmp_path):
    stem = "DBE_2010-02-01_ERS_20_1_7__y00032_x00064"
    save(tmp_path / "masks" / f"{stem}.png", scene(SIZE, SIZE))
    assert run(arguments(masks=tmp_path / "masks", samples=2)) == 0
    found = load_dataset(tmp_path / "out", ("zones", "sar"), ("train",))
    assert found.stems["train"] == tuple(f"DBE_2010-02-01_ERS_20_1_7_s{i}__y00032_x00064" for i in (0, 1))
    described = found.scenes["DBE_2010-02-01_ERS_20_1_7_s1"]
    assert (described.glacier, described.metres_per_pixel, described.height, described.width) == ("DBE", 20, 64, 96)
    first, second = images(tmp_path / "out").values()
    assert first != second


def test_facts_of_the_real_image_alone_are_left_out(arguments, tiny_data, tmp_path):
    copy = shutil.copytree(tiny_data, tmp_path / "data")
    described = json.loads((copy / "dataset.json").read_text())
    facts = {"glacier": "DBE", "sensor": "ERS", "date": "2010-01-01", "bounding_box": [1, 9, 2, 30]}
    described["scenes"]["S0"] |= facts | {"quality": 2, "stretch": {"sar": [-20.0, 0.0]}}
    (copy / "dataset.json").write_text(json.dumps(described))
    assert run(arguments(masks=copy)) == 0
    written = json.loads((tmp_path / "out" / "dataset.json").read_text())["scenes"]["S0"]
    assert facts.items() <= written.items()
    assert not {"quality", "stretch"} & written.keys()


@pytest.fixture
def optical_model(tmp_path):
    """An export of two inputs and two targets, with the weights that a training begins with."""
    chosen = config.make_config("sar2optical", [*TINY, "data.targets=optical,sar"])
    roles = {"inputs": chosen.data.inputs, "targets": chosen.data.targets}
    bits = dict.fromkeys(roles["inputs"] + roles["targets"], 8)
    task = make_task(chosen, SIZE, bits, "float32")
    described = {"variant": "sar2optical", "run": "r", "epoch": 1, "size": SIZE, "divisor": 32, "origin": "simulated"}
    described |= {"glaciers": ["DBE"]}
    png = tf.io.encode_png(np.zeros((SIZE, SIZE, 1), np.uint8)).numpy()
    example = {"image": np.zeros((1, SIZE, SIZE, 2), np.uint8), "seed": np.zeros(1, np.int32)}
    example |= {f"{role}_bytes": [png] for role in roles["inputs"]}
    saved_model.write(tmp_path / "1", task.signatures(), described | roles | {"bits": bits}, example)
    return tmp_path / "1"


def test_several_inputs_and_targets_have_a_folder_each(arguments, optical_model, tmp_path):
    for seed, role in enumerate(("sar_vv", "sar_vh")):
        save(tmp_path / "in" / role / "m.png", simulate_scene(seed, SIZE).sar)
        save(tmp_path / "wide" / role / "m.png", simulate_scene(seed, 64).sar[:40])
    assert run(arguments(model=optical_model, masks=tmp_path / "in")) == 0
    found = load_dataset(tmp_path / "out", ("sar_vv", "sar_vh", "optical", "sar"), ("train",))
    assert not (tmp_path / "out" / "train" / "fronts").exists()
    assert found.generator_train_glaciers == ("DBE",)
    pngs = [[(tmp_path / "in" / role / "m.png").read_bytes()] for role in ("sar_vv", "sar_vh")]
    served = saved_model.load(optical_model).generate_pngs(pngs, [command.seed_of(0, "m", 0)])
    for role, (png,) in zip(("optical", "sar"), served, strict=True):
        expected = tf.io.decode_png(png).numpy()
        assert (pixels(found.path("train", role, "m")).reshape(expected.shape) == expected).all()
    assert run(arguments(model=optical_model, masks=tmp_path / "wide", output=tmp_path / "scene")) == 0
    assert pixels(tmp_path / "scene" / "optical" / "m.png").shape == (40, 64, 3)
    (tmp_path / "in" / "sar_vh" / "m.png").unlink()
    assert run(arguments(model=optical_model, masks=tmp_path / "in", output=tmp_path / "none")) == 2


# ---- Seeds, going on, workers --------------------------------------------------------------------------------------


def test_same_seed_same_bytes_other_seed_other_bytes(arguments, tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(arguments(output=tmp_path / folder, samples=2, seed=seed)) == 0
    first = images(tmp_path / "a")
    assert sorted(first) == [f"S{stem}_s{sample}.png" for stem in range(6) for sample in (0, 1)]
    assert images(tmp_path / "b") == first
    assert all(data != first[name] for name, data in images(tmp_path / "c").items())


def test_an_image_does_not_depend_on_the_masks_beside_it(arguments, tiny_data, tmp_path):
    assert run(arguments(output=tmp_path / "all")) == 0
    assert run(arguments(output=tmp_path / "one", masks=tiny_data / "train" / "zones" / "S2.png")) == 0
    assert images(tmp_path / "one")["S2.png"] == images(tmp_path / "all")["S2.png"]


def test_it_resumes_where_it_stopped(arguments, tmp_path):
    assert run(arguments()) == 0
    before = images(tmp_path / "out")
    there = tmp_path / "out" / "train" / "sar"
    (there / "S4.png").unlink()
    save(there / "S5.png", np.zeros((SIZE, SIZE), np.uint8))  # there already: it stays
    (tmp_path / "out" / "dataset.json").unlink()
    for stray in (there / ".tmp-1-S4.png", tmp_path / "out" / ".tmp-2-overview.png"):  # as a killed process leaves them
        stray.write_bytes(b"half")
    assert run(arguments()) == 0
    after = images(tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".tmp-*"))
    assert {name for name in after if after[name] != before[name]} == {"S5.png"}
    assert (tmp_path / "out" / "dataset.json").exists()


def test_a_folder_begun_before_resumes(arguments, tiny_run, tiny_data, tmp_path):
    """With the record as earlier versions wrote it, byte for byte."""
    assert run(arguments()) == 0
    record = {"variant": "orig", "run": tiny_run.name, "epoch": 2, "masks": str(tiny_data), "split": "train"}
    record |= {"samples": 1, "seed": 0, "tile": 2 * SIZE, "overlap": SIZE, "patches": SIZE}
    path = tmp_path / "out" / "generate.json"
    assert json.loads(path.read_text()) == record
    path.write_text(json.dumps(record, indent=2) + "\n")
    (tmp_path / "out" / "train" / "sar" / "S4.png").unlink()
    assert run(arguments()) == 0
    assert len(images(tmp_path / "out")) == 6


def test_two_workers_write_what_one_writes(arguments, tmp_path):
    for stem, size in (("a", (SIZE, SIZE)), ("b", (50, 70))):
        save(tmp_path / "masks" / f"{stem}.png", scene(*size))
    assert run(arguments(masks=tmp_path / "masks", output=tmp_path / "one")) == 0
    assert run(arguments(masks=tmp_path / "masks", output=tmp_path / "two", workers=2)) == 0
    assert len(images(tmp_path / "one")) == 2
    assert images(tmp_path / "two") == images(tmp_path / "one")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"seed": 3}, "seed: 0 -> 3"), ({"samples": 2}, "samples: 1 -> 2"), ({"overlap": 8}, "overlap: 32 -> 8")],
)
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
    assert "nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "out" / "S6.png").read_text() == "mine"


# ---- Whole scenes --------------------------------------------------------------------------------------------------


def test_scenes_of_any_size_are_generated_and_can_be_cut(arguments, tiny_run, tmp_path, capsys):
    sizes = {"DBE_2010-02-01_ERS_20_1_7": (SIZE + 13, 3 * SIZE - 1), "b": (5, 7), "c": (SIZE, SIZE)}
    for seed, (stem, size) in enumerate(sizes.items()):
        save(tmp_path / "masks" / f"{stem}.png", scene(*size, seed))
    assert run(arguments(masks=tmp_path / "masks", samples=2)) == 0
    out = tmp_path / "out"
    for stem, size in sizes.items():
        zones = pixels(tmp_path / "masks" / f"{stem}.png")
        for name in (f"{stem}_s0.png", f"{stem}_s1.png"):
            assert (pixels(out / "zones" / name) == zones).all()
            assert (pixels(out / "fronts" / name) == classes.front_of(zones)).all()
            assert pixels(out / "sar" / name).shape == size
    assert f"prepare folder --input {out} --output {out}-{SIZE}" in capsys.readouterr().out
    cut = tmp_path / "cut"
    assert cli.run(prepare.main, ["folder", "--input", str(out), "--output", str(cut), "--size", str(SIZE)]) == 0
    found = dataset.read(cut)
    assert found.origin == f"generated: {tiny_run.name}@2"  # not "real"
    assert found.scenes["DBE_2010-02-01_ERS_20_1_7_s1"].metres_per_pixel == 20


def test_a_tiff_is_read_too(arguments, tmp_path):
    save(tmp_path / "masks" / "m.tif", scene(SIZE, SIZE))
    assert run(arguments(masks=tmp_path / "masks" / "m.tif")) == 0
    assert (pixels(tmp_path / "out" / "train" / "zones" / "m.png") == scene(SIZE, SIZE)).all()


def test_classes_are_not_blended(arguments, tmp_path, capsys):
    """Of a generator whose target is a mask."""
    make_export(tmp_path / "run", 1, 1.0, ("sar",), ("zones",))
    save(tmp_path / "sar.png", np.zeros((SIZE, 3 * SIZE), np.uint8))
    assert run(arguments(model=tmp_path / "run", masks=tmp_path / "sar.png")) == 2
    assert "cannot be blended" in capsys.readouterr().err


def test_fronts_in_blocks_are_the_fronts_of_the_whole(rng):
    zones = rng.choice(classes.ZONE_VALUES, (23, 17)).astype(np.uint8)
    for sizes in ([23], [1] * 23, [1, 2, 20], [2, 21], [22, 1]):
        blocks = np.split(zones[..., np.newaxis], np.cumsum(sizes)[:-1])
        assert (np.concatenate(list(output.front_blocks(blocks))) == classes.front_of(zones)).all()


# ---- What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masks_of", ["data set", "folder", "file"])
def test_no_scene_of_val_or_test_comes_into_training(arguments, tiny_data, tmp_path, capsys, masks_of):
    places = {"folder": tiny_data / "val" / "zones", "file": tiny_data / "val" / "zones" / "S6.png"}
    chosen = arguments("--split", "val") if masks_of == "data set" else arguments(masks=places[masks_of])
    assert run(chosen) == 2
    assert "of the split val" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*chosen, "--any-split"]) == 0
    assert "S6.png" in images(tmp_path / "out")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) == 5 * SIZE + 9, 128, 127).astype(np.uint8),
         "row 5, column 9: grey value 128 is no class"),
        (np.full((SIZE, SIZE, 4), 127, np.uint8), "alpha"),
        (np.full((SIZE, SIZE, 3), 127, np.uint8), "one grey channel"),
        (np.full((SIZE, SIZE), 300, np.uint16), "grey value 300 is no class"),
    ],
)  # fmt: skip
def test_bad_masks_are_named_before_any_image_is_generated(arguments, tmp_path, capsys, array, message):
    save(tmp_path / "masks" / "good.png", np.full((SIZE, SIZE), 127, np.uint8))
    save(tmp_path / "masks" / "bad mask ü.png", array)
    assert run(arguments(masks=tmp_path / "masks")) == 2
    error = capsys.readouterr().err
    assert "bad mask ü.png" in error
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"GIF89a..."])
def test_a_file_that_is_no_whole_png_is_named(arguments, tmp_path, capsys, damage):
    path = save(tmp_path / "masks" / "hurt.png", scene(64, 64))
    path.write_bytes(damage(path.read_bytes()))
    assert run(arguments(masks=tmp_path / "masks")) == 2
    error = capsys.readouterr().err
    assert "hurt.png: not a" in error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "nowhere"}, "no export in nowhere"),
        ({"masks": "nowhere"}, "nowhere does not exist"),
        ({"samples": 0}, "from 1"),
        ({"workers": 0}, "from 1"),
        ({"tile": SIZE + 1}, f"a multiple of {SIZE}"),
        ({"overlap": SIZE + 1}, f"from 0 to {SIZE}"),
    ],
)
def test_mistakes_in_options_are_reported(arguments, capsys, changes, message):
    assert run(arguments(**changes)) == 2
    assert message in capsys.readouterr().err


def test_an_empty_folder_is_reported(arguments, tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    assert run(arguments(masks=tmp_path / "masks")) == 2
    assert "no .png or .tif or .tiff file" in capsys.readouterr().err


def test_two_files_of_one_stem_are_refused(arguments, tmp_path, capsys):
    for suffix in ("png", "tif"):
        save(tmp_path / "masks" / f"m.{suffix}", scene(SIZE, SIZE))
    assert run(arguments(masks=tmp_path / "masks")) == 2
    assert "the same name" in capsys.readouterr().err


def test_a_full_disk_leaves_no_half_image(arguments, tmp_path, capsys, monkeypatch):
    save(tmp_path / "masks" / "m.png", scene(3 * SIZE, 40))
    succeeds = iter([True, False])

    def fail(model, condition, tile, seed, place):
        if not next(succeeds):
            raise OSError(28, "No space left on device")
        return np.zeros((*tile.shape[:2], 1), np.float32)

    with monkeypatch.context() as patched:
        patched.setattr(inference, "generate_tile", fail)
        assert run(arguments(masks=tmp_path / "masks")) == 1
    assert "No space left" in capsys.readouterr().err
    assert not list((tmp_path / "out" / "sar").iterdir())
    assert run(arguments(masks=tmp_path / "masks")) == 0
    assert pixels(tmp_path / "out" / "sar" / "m.png").shape == (3 * SIZE, 40)


def test_seeds_are_whole_numbers_that_differ():
    seeds = {command.seed_of(seed, f"S{i}", sample) for seed in range(5) for i in range(20) for sample in range(5)}
    assert len(seeds) == 500
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_model_alone_is_needed(tiny_run, tmp_path, mask_png):
    copy = shutil.copytree(versions.find(tiny_run / "export" / "orig"), tmp_path / "elsewhere" / "2")
    assert saved_model.load(copy).generate_pngs([[mask_png]], [0])


def test_help_has_examples():
    shown = subprocess.run([sys.executable, "-m", "pix2pix_tf.generate", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert "--masks whole_scenes" in shown.stdout


def test_generate_takes_a_run(tiny_run, tiny_data, tmp_path, capsys):
    run = tmp_path / "tiny"
    shutil.copytree(tiny_run, run)
    chosen = {"metric": "ssim", "value": 0.5, "interval": None, "epoch": 1, "compared": [1, 2], "images": 1,
              "split": "val", "data": "d", "origin": "real", "seed": 0, "segmenter": None, "chosen": "2026-01-01",
              "fingerprint": versions.fingerprint(run / "export/orig/1")}  # fmt: skip
    best_epoch.write(run, best_epoch.Best(**chosen))
    call = ["--model", run, "--masks", tiny_data / "train/zones/S0.png", "--output", tmp_path / "out"]
    assert cli.run(command.main, list(map(str, call))) == 0
    assert "epoch 1, the best of 2 by ssim on val (0.5000)" in capsys.readouterr().out
    assert json.loads((tmp_path / "out/generate.json").read_text())["epoch"] == 1


# ---- Styles --------------------------------------------------------------------------------------------------------


@pytest.fixture
def styled(arguments, speckle_run, fronts_data):
    """Arguments for a model with styles, and one mask of its data."""
    mask = sorted((fronts_data / "train" / "zones").glob("*.png"))[0]
    own = {"model": speckle_run / "export" / "speckle", "masks": mask}
    return lambda *flags, **changes: arguments(*flags, **(own | changes))


def only_image(tmp_path, name="out"):
    (path,) = (tmp_path / name).rglob("sar/*.png")
    return pixels(path).astype(int)


def test_a_style_is_named_drawn_or_measured(styled, speckle_run, fronts_data, tmp_path):
    _, stem, *_, other = saved_model.load(speckle_run / "export" / "speckle").styles
    sar, zones = (fronts_data / "train" / role / f"{other}.png" for role in ("sar", "zones"))
    choices = {"plain": [], "random": ["--style", "random"], "named": ["--style", f"scene:{stem}"]}
    choices["measured"] = ["--style", str(sar), "--style-mask", str(zones)]
    for name, flags in choices.items():
        assert run(styled(*flags, output=tmp_path / name)) == 0
    found = {name: only_image(tmp_path, name) for name in choices}
    assert len({image.tobytes() for image in found.values()}) == 4
    assert run(styled(*choices["named"], output=tmp_path / "again")) == 0
    assert (only_image(tmp_path, "again") == found["named"]).all()


def test_another_style_in_a_begun_folder_is_refused(styled, capsys):
    assert run(styled("--style", "random")) == 0
    assert run(styled()) == 2
    assert "style" in capsys.readouterr().err


def test_a_scene_in_tiles_has_one_style_and_the_noise_of_its_place(styled, speckle_run, tmp_path):
    """The same place has the same image wherever the tiles lie, but for what a tile sees beyond its borders."""
    save(tmp_path / "masks" / "ocean.png", np.full((96, 96), classes.OCEAN, np.uint8))
    found = []
    for tile in (32, 64):
        output = tmp_path / f"tile{tile}"
        assert run(styled(masks=tmp_path / "masks", output=output, tile=tile)) == 0
        found.append(only_image(tmp_path, f"tile{tile}"))
    inner = [image[24:72, 24:72].ravel() - image[24:72, 24:72].mean() for image in found]
    assert np.corrcoef(inner)[0, 1] > 0.8


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--style", "scene:nowhere"], "nowhere"),
        (["--style", "no_such.png"], "no_such.png"),
        (["--style-mask", "zones.png"], "--style"),
        (["--style", "random", "--style-mask", "zones.png"], "leave it out"),
        (["--style", "SAR"], "--style-mask"),
        (["--style", "SAR", "--style-mask", "missing.png"], "missing.png"),
        (["--style", "SAR", "--style-mask", "SMALL"], "one size"),
        (["--style", "SAR", "--style-mask", "SAR"], "no class"),
        (["--style", "SAR", "--style-mask", "NOTHING"], "no rock"),
        (["--style", "DEEP", "--style-mask", "ZONES"], "every pixel"),
    ],
)
def test_a_style_that_cannot_be_is_refused(styled, fronts_data, tmp_path, capsys, flags, named):
    sar = sorted((fronts_data / "train" / "sar").glob("*.png"))[0]
    files = {"SAR": sar, "ZONES": fronts_data / "train" / "zones" / sar.name}
    files["SMALL"] = save(tmp_path / "small.png", np.full((16, 16), 127, np.uint8))
    files["NOTHING"] = save(tmp_path / "nothing.png", np.zeros((SIZE, SIZE), np.uint8))
    files["DEEP"] = save(tmp_path / "deep.png", np.full((SIZE, SIZE), 300, np.uint16))
    assert run(styled(*(str(files.get(flag, flag)) for flag in flags))) == 2
    message = capsys.readouterr().err
    assert named in message
    assert "Traceback" not in message
    assert not (tmp_path / "out").exists()


def test_a_model_without_styles_refuses_one(arguments, capsys):
    assert run(arguments("--style", "random")) == 2
    assert "without styles" in capsys.readouterr().err
