"""`python -m pix2pix_tf.prepare`: whole data sets, their splits, interruptions, and what is refused."""

import json
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf import prepare
from pix2pix_tf.data import tiling
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare import merge, score_clouds
from pix2pix_tf.prepare.caffe import build as caffe_build
from pix2pix_tf.prepare.caffe import command as caffe_command
from pix2pix_tf.prepare.caffe import patches as caffe_patches
from pix2pix_tf.prepare.masks import command as masks_command
from pix2pix_tf.prepare.multiearth import build as multiearth_build
from pix2pix_tf.prepare.own_scenes import build as own_scenes_build
from pix2pix_tf.prepare.own_scenes import command as own_scenes_command
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.simulation import command as simulation_command
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import Interrupted, refused, tree

ROOT = Path(__file__).parents[2]
CAFFE256 = ROOT.parent / "shared/data/caffe256"
SIZE = 32


def put_scene(root, name, height=SIZE, width=SIZE, seed=0, **roles):
    """Write a scene with zones and sar, or with the roles given."""
    rng = np.random.default_rng(seed)
    zones = rng.choice(np.array([0, 64, 127, 254], np.uint8), (height, width))
    sar = rng.integers(0, 256, (height, width), dtype=np.uint8)
    for role, pixels in (roles or {"zones": zones, "sar": sar}).items():
        images.write_png(root / role / f"{name}.png", pixels)
    return zones, sar


@pytest.fixture
def mine(tmp_path):
    """Six scenes of three glaciers by CaFFe's rule, 2 x 2 patches each, in a folder with a blank in its name."""
    root = tmp_path / "my scenes"
    for i, glacier in enumerate(["AA", "AA", "AA", "BB", "BB", "CC"]):
        put_scene(root, f"{glacier}_200{i}-01-01_ERS_20_1_{i}", 50, 60, seed=i)
    return root


def make(source, output, *options):
    """The folder command, inside this process; its exit code."""
    return cli.run(prepare.main, ["folder", "--input", str(source), "--output", str(output), "--size", "32", *options])


def splits_of(root, role="sar"):
    """The scenes that have a patch in each split."""
    return {
        split.name: {path.stem.split("__")[0] for path in (split / role).iterdir()}
        for split in root.iterdir()
        if split.is_dir()
    }


# ---- simulate -------------------------------------------------------------------------------------------------------


def test_simulated_data_sets_open(tmp_path):
    prepare.simulate(tmp_path / "sim", scenes=6, size=SIZE, seed=3, val=0.3)
    found = load_dataset(tmp_path / "sim", simulation_command.ROLES)
    assert (found.origin, found.size, set(found.bits.values())) == ("simulated", SIZE, {8})
    assert {split: len(stems) for split, stems in found.stems.items()} == {"train": 4, "val": 2}
    assert found.scenes.keys() == {f"SIM_0000{i}" for i in range(1, 7)}
    assert all(scene.glacier == name and scene.metres_per_pixel > 0 for name, scene in found.scenes.items())
    assert all(name in found.stems[scene.split] for name, scene in found.scenes.items())


def test_the_seed_decides_the_bytes(tmp_path):
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare.simulate(tmp_path / run / "sim", scenes=3, size=SIZE, seed=seed)
    a, b, c = (tree(tmp_path / run / "sim") for run in "abc")
    assert a == b
    assert not set(a.values()) & set(c.values())


def test_an_interrupted_simulation_goes_on(tmp_path, monkeypatch):
    prepare.simulate(tmp_path / "whole/sim", scenes=5, size=SIZE)
    made = Interrupted(monkeypatch, simulation_command, "simulate_scene", after=2)
    command = ["simulate", "--output", str(tmp_path / "cut/sim"), "--scenes", "5", "--size", str(SIZE)]
    assert cli.run(prepare.main, command) == 130
    assert not (tmp_path / "cut/sim/dataset.json").exists()
    made.resume()
    assert cli.run(prepare.main, command) == 0
    assert made == [1, 2, 3, 4, 5]  # nothing twice
    assert tree(tmp_path / "cut/sim") == tree(tmp_path / "whole/sim")


def test_a_finished_simulation_is_left_alone(tmp_path, capsys, monkeypatch):
    prepare.simulate(tmp_path / "sim", scenes=2, size=SIZE)
    before = tree(tmp_path / "sim")
    monkeypatch.setattr(simulation_command, "simulate_scene", lambda *_: pytest.fail("made again"))
    prepare.simulate(tmp_path / "sim", scenes=2, size=SIZE)
    assert "is finished already" in capsys.readouterr().out
    with pytest.raises(UserError, match="scenes: 2 -> 3"):
        prepare.simulate(tmp_path / "sim", scenes=3, size=SIZE)
    assert tree(tmp_path / "sim") == before


def test_simulated_optical_data_sets_open_and_share_their_inputs(optical_data, tmp_path):
    found = load_dataset(optical_data, (*simulation_command.OPTICAL_ROLES, "optical"))
    assert {split: len(stems) for split, stems in found.stems.items()} == {"train": 15, "val": 6}
    assert len(list((optical_data / "train/sar_vv").iterdir())) == 5
    for split, stems in found.stems.items():
        for stem in stems:
            row, scene = found.pairs[stem], found.scenes[stem]
            assert stem in [f"{row.input}_{number}" for number in (1, 2, 3)]
            assert scene.cloud == row.cloud and scene.glacier == row.input and scene.split == split
    # The picture of the radar is that of the data set without optical pictures, to the byte but for the role's name.
    prepare.simulate(tmp_path / "plain", scenes=7, size=SIZE, val=0.3)
    plain, optical = tree(tmp_path / "plain"), tree(optical_data)
    for path in plain:
        if path.endswith(".png"):
            assert plain[path] == optical[path.replace("/sar/", "/sar_vv/")]


def test_simulated_optical_data_go_on_and_do_not_depend_on_the_workers(optical_data, tmp_path):
    output = tmp_path / "optical"
    shutil.copytree(optical_data, output)
    before = tree(output)
    (output / "dataset.json").unlink()
    (output / "train/sar_vv").rename(output / "gone")
    shutil.rmtree(output / "gone")
    next((output / "val/optical").iterdir()).unlink()
    command = ["simulate", "--output", str(output), "--scenes", "7", "--size", "32", "--val", "0.3", "--optical"]
    assert cli.run(prepare.main, [*command, "--workers", "2"]) == 0
    (output / ".verified").unlink(missing_ok=True)
    before.pop(".verified", None)
    assert tree(output) == before
    assert cli.run(prepare.main, [word for word in command if word != "--optical"]) == 2


@pytest.mark.parametrize(
    "options",
    [{"scenes": 1}, {"scenes": 100_000}, {"size": 31}, {"val": 0.0}, {"val": 1.0}, {"seed": -1}],
)
def test_simulate_refuses_what_cannot_be(tmp_path, options):
    with pytest.raises(UserError, match=f"--{next(iter(options))}"):
        prepare.simulate(tmp_path / "sim", **options)
    assert not (tmp_path / "sim").exists()


def test_nothing_is_written_to_a_folder_that_the_command_did_not_begin(tmp_path):
    with pytest.raises(UserError, match="all machines share"):
        simulation_command._simulate_and_write(
            simulation_command.SceneTask(tmp_path / "sim", "train", "SIM_00001", 1, SIZE, optical=False)
        )
    assert not list(tmp_path.iterdir())


# ---- folder: what it makes ------------------------------------------------------------------------------------------


def test_scenes_are_cut_padded_and_described(tmp_path, capsys):
    zones, sar = put_scene(tmp_path / "in", "DBE_2004-10-07_RSAT_12_4_282", 40, 32)
    put_scene(tmp_path / "in", "Sjögren Inlet 2", seed=1)
    assert make(tmp_path / "in", tmp_path / "out", "--split", "scene") == 0
    found = load_dataset(tmp_path / "out", ("zones", "sar"))
    scene = found.scenes["DBE_2004-10-07_RSAT_12_4_282"]
    assert (scene.glacier, scene.date, scene.sensor, scene.metres_per_pixel) == ("DBE", "2004-10-07", "RSAT", 12.0)
    assert (scene.height, scene.width, scene.padding, scene.overlap) == (40, 32, (24, 0), 0)
    assert found.scenes["Sjögren Inlet 2"].glacier is None
    stems = [f"DBE_2004-10-07_RSAT_12_4_282__y000{row:02d}_x00000" for row in (0, 32)]
    assert (list(found.stems[scene.split]), found.origin) == (stems, "real")
    for role, whole in (("zones", zones), ("sar", sar)):
        pieces = [
            (row, 0, images.read_png(found.path(scene.split, role, stem)))
            for row, stem in zip((0, 32), stems, strict=True)
        ]
        np.testing.assert_array_equal(tiling.join(pieces, 40, 32), whole)
        assert not pieces[1][2][8:].any()
    out = capsys.readouterr().out
    assert "2 scenes, 3 patches of 32 x 32 pixels" in out
    assert f"next: python train.py --variant gen5 --data {tmp_path / 'out'} --set model.depth=5\n" in out


def test_the_summary_counts_zones_without_padding(tmp_path, capsys):
    half = np.full((SIZE, 20), 64, np.uint8)
    half[:, 10:] = 254
    for name, zones in (("a", half), ("b", half[:, ::-1])):
        put_scene(tmp_path / "in", name, zones=zones, sar=half)
    assert make(tmp_path / "in", tmp_path / "out") == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(("train", "val"))]
    assert table == [[split, "1", "1", "0.0", "%", "50.0", "%", "0.0", "%", "50.0", "%"] for split in ("train", "val")]


def test_stretch_limits_are_kept_and_gaps_reported(tmp_path, capsys):
    deep = np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    deep[0, 0] = np.nan
    for name in ("a", "b"):
        put_scene(tmp_path / "in", name, zones=np.zeros((SIZE, SIZE), np.uint8))
        (tmp_path / "in/sar").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / f"in/sar/{name}.tif", deep + ord(name))
    assert make(tmp_path / "in", tmp_path / "out", "--cut", "0", "100") == 0
    found = load_dataset(tmp_path / "out", ("zones", "sar"))
    assert found.scenes["a"].stretch == {"sar": (98.0, 97.0 + 1023)}
    out = capsys.readouterr().out
    assert "sar: 2 of 2 scenes stretched to 8 bit, percentiles 0 to 100" in out
    assert "2 pixels were NaN, infinite or no data and became 0: a, b" in out


def test_sixteen_bits_are_kept_on_request(tmp_path):
    for i, name in enumerate("ab"):
        deep = np.random.default_rng(i).integers(0, 65536, (SIZE, SIZE, 3), dtype=np.uint16)
        put_scene(tmp_path / "in", name, sar_vv=deep[..., 0], optical=deep)
    assert make(tmp_path / "in", tmp_path / "out", "--cut", "none") == 0
    found = load_dataset(tmp_path / "out", ("sar_vv", "optical"))
    assert found.bits == {"optical": 16, "sar_vv": 16}
    (split,) = (split for split, stems in found.stems.items() if "b" in stems)
    np.testing.assert_array_equal(images.read_png(found.path(split, "optical", "b")), deep)


def test_side_by_side_images_of_another_project(tmp_path, capsys):
    zones, sar = put_scene(tmp_path / "roles", "x")
    both = np.concatenate([zones, sar], axis=1)
    for name in ("train/1", "train/2", "val/1", "test/1"):
        images.write_png(tmp_path / f"in/{name}.png", both)
    assert make(tmp_path / "in", tmp_path / "out", "--side-by-side") == 0
    assert splits_of(tmp_path / "out") == {"train": {"2", "train_1"}, "val": {"val_1"}, "test": {"test_1"}}
    np.testing.assert_array_equal(images.read_png(tmp_path / "out/val/zones/val_1.png"), zones)
    np.testing.assert_array_equal(images.read_png(tmp_path / "out/val/sar/val_1.png"), sar)
    assert "warning: data leakage: the same image is in different splits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("roles", "suited"),
    [
        (("sar", "optical"), "sar2optical --set data.inputs=sar"),
        (("zones", "sar"), "gen5"),
        (("zones", "sar_vv"), "gen5 --set data.targets=sar_vv"),
        (("elevation", "optical"), None),
    ],
)
def test_the_next_command_suits_the_roles(tmp_path, capsys, roles, suited):
    zones, _ = put_scene(tmp_path / "roles", "x")
    for number in range(3):
        images.write_png(tmp_path / f"in/{number}.png", np.concatenate([zones, np.roll(zones, number, 0)], axis=1))
    assert make(tmp_path / "in", tmp_path / "out", "--side-by-side", *roles) == 0
    said = capsys.readouterr().out
    assert f"next: python train.py --variant {suited} --data" in said if suited else "next: " not in said


def test_side_by_side_without_a_val_folder_is_divided(tmp_path):
    for i in range(4):
        zones, sar = put_scene(tmp_path / "roles", "x", seed=i)
        images.write_png(tmp_path / f"in/train/{i}.png", np.concatenate([zones, sar], axis=1))
    images.write_png(tmp_path / "in/test/9.png", np.concatenate([zones, sar], axis=1))
    assert make(tmp_path / "in", tmp_path / "out", "--side-by-side", "zones", "elevation") == 0
    found = splits_of(tmp_path / "out", "elevation")
    assert (len(found["train"]), len(found["val"]), found["test"]) == (3, 1, {"9"})


# ---- folder: splits -------------------------------------------------------------------------------------------------


def test_random_splits_patches(mine, tmp_path):
    assert make(mine, tmp_path / "out", "--val", "0.5") == 0
    found = load_dataset(tmp_path / "out", ("sar",))
    assert {split: len(stems) for split, stems in found.stems.items()} == {"train": 12, "val": 12}
    assert "mixed" in {scene.split for scene in found.scenes.values()}


def test_scenes_stay_whole(mine, tmp_path):
    assert make(mine, tmp_path / "out", "--split", "scene", "--val", "0.3") == 0
    found = splits_of(tmp_path / "out")
    assert not found["train"] & found["val"]
    assert (len(found["train"]), len(found["val"])) == (4, 2)


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_glaciers_stay_whole(mine, tmp_path, seed):
    assert make(mine, tmp_path / "out", "--split", "glacier", "--seed", seed) == 0
    found = {split: {name[:2] for name in names} for split, names in splits_of(tmp_path / "out").items()}
    assert found["train"] | found["val"] == {"AA", "BB", "CC"}
    assert not found["train"] & found["val"]


def test_held_out_glaciers_are_the_test_split(mine, tmp_path):
    assert make(mine, tmp_path / "out", "--hold-out", "AA", "CC") == 0
    found = splits_of(tmp_path / "out")
    assert {name[:2] for name in found["test"]} == {"AA", "CC"}
    assert {name[:2] for name in found["train"] | found["val"]} == {"BB"}


def test_another_seed_is_another_split(mine, tmp_path):
    for seed in "0123":
        make(mine, tmp_path / seed, "--split", "scene", "--seed", seed)
    assert len({frozenset(splits_of(tmp_path / seed)["val"]) for seed in "0123"}) > 1


def test_twins_stay_together_by_scene_and_are_told_otherwise(tmp_path, capsys):
    for i in range(6):  # 0 and 3, 1 and 4, 2 and 5 hold the same image
        put_scene(tmp_path / "in", f"s{i}", seed=i % 3)
    for seed in "012":
        assert make(tmp_path / "in", tmp_path / seed, "--split", "scene", "--val", "0.3", "--seed", seed) == 0
        first, second = sorted(splits_of(tmp_path / seed)["val"])
        assert int(second[1]) == int(first[1]) + 3
    assert "warning" not in capsys.readouterr().out
    assert make(tmp_path / "in", tmp_path / "random") == 0
    out = capsys.readouterr().out
    assert "warning: data leakage: the same image is in different splits" in out
    (val,) = splits_of(tmp_path / "random")["val"]
    assert f"{val} (val)" in out


# ---- folder: interruption and repetition ----------------------------------------------------------------------------


def test_an_interrupted_folder_goes_on(mine, tmp_path, monkeypatch):
    assert make(mine, tmp_path / "whole/out") == 0
    written = Interrupted(monkeypatch, images, "write_png", after=13)
    assert make(mine, tmp_path / "cut/out") == 130
    assert not (tmp_path / "cut/out/dataset.json").exists()
    written.resume()
    assert make(mine, tmp_path / "cut/out") == 0
    assert len(written) == len(set(written)) == 48  # 6 scenes, 4 patches, 2 roles: none twice
    assert tree(tmp_path / "cut/out") == tree(tmp_path / "whole/out")


def test_a_finished_folder_is_left_alone(mine, tmp_path, capsys, monkeypatch):
    assert make(mine, tmp_path / "out") == 0
    before = tree(tmp_path / "out")
    monkeypatch.setattr(scene_source, "read", lambda *_: pytest.fail("read again"))
    assert make(mine, tmp_path / "out") == 0
    assert "is finished already" in capsys.readouterr().out
    assert make(mine, tmp_path / "out", "--overlap", "8") == 2
    assert "overlap: 0 -> 8" in capsys.readouterr().err
    put_scene(mine, "new", seed=9)
    assert make(mine, tmp_path / "out") == 2
    assert "input: 12 files" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


def test_without_its_dataset_json_every_patch_is_looked_after(mine, tmp_path):
    assert make(mine, tmp_path / "out") == 0
    before = tree(tmp_path / "out")
    next((tmp_path / "out/train/sar").iterdir()).unlink()
    (tmp_path / "out/dataset.json").unlink()
    assert make(mine, tmp_path / "out") == 0
    assert tree(tmp_path / "out") == before


def test_foreign_files_are_not_overwritten(mine, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/dataset.json").write_text("{}")
    assert make(mine, tmp_path / "out") == 2
    assert "did not make" in capsys.readouterr().err
    assert tree(tmp_path / "out").keys() == {"dataset.json"}


def test_one_scene_is_in_memory_at_a_time(mine, tmp_path, monkeypatch):
    alive, most, real = weakref.WeakSet(), [], scene_source.load

    class Watched(np.ndarray):
        __hash__ = object.__hash__

    def load(*arguments):
        most.append(len(alive))
        watched = {role: pixels.view(Watched) for role, pixels in real(*arguments).items()}
        alive.update(watched.values())
        return watched

    monkeypatch.setattr(scene_source, "load", load)
    assert make(mine, tmp_path / "out") == 0
    assert len(most) == 6
    assert max(most) <= 2  # at most the two roles of the scene before


# ---- folder: what is refused, before anything is written ------------------------------------------------------------


def broken(root, name, mode, colour=0):
    Image.new(mode, (SIZE, SIZE), colour).save(root / name)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "sar/b.png").unlink(), ["b: no partner in sar/"]),
        (lambda root: (root / "zone").mkdir(), ["role folder 'zone'", "'zones'"]),
        (lambda root: (root / "optical").mkdir(), ["optical/: no images"]),
        (lambda root: cut_short(root / "sar/b.png"), ["sar/b.png: not a whole PNG"]),
        (lambda root: broken(root, "sar/b.png", mode="RGBA"), ["sar/b.png: no finite pixel"]),
        (lambda root: broken(root, "sar/b.png", mode="P"), ["sar/b.png: a palette image"]),
        (lambda root: broken(root, "sar/b.png", mode="RGB", colour="red"), ["sar/b.png: 3 channel(s)"]),
        (lambda root: put_scene(root, "b", zones=np.full((SIZE, SIZE), 3, np.uint8)), ["zones/b.png: grey value 3"]),
        (lambda root: put_scene(root, "b", sar=np.zeros((9, 8), np.uint8)), ["b: its roles differ", "sar 8 x 9"]),
    ],
)  # fmt: skip
def test_bad_scenes(tmp_path, capsys, spoil, words):
    for i, name in enumerate("abc"):
        put_scene(tmp_path / "in", name, seed=i)
    spoil(tmp_path / "in")
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out")
    assert message.startswith("error: The scenes in ")
    assert all(word in message for word in words)


def test_all_bad_scenes_in_one_message(tmp_path, capsys):
    for i, name in enumerate("abcdef"):
        put_scene(tmp_path / "in", name, seed=i)
        (tmp_path / f"in/sar/{name}.png").write_bytes(b"")
    put_scene(tmp_path / "in", "a", zones=np.full((SIZE, SIZE), 3, np.uint8))
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out")
    assert "sar/a.png, sar/b.png, sar/c.png, sar/d.png and 2 more: not a PNG" in message
    assert "zones/a.png: grey value 3" in message


def test_mixed_depths(tmp_path, capsys):
    ramp = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)
    put_scene(tmp_path / "in", "a", sar=ramp.astype(np.uint16))
    put_scene(tmp_path / "in", "b", sar=ramp.astype(np.uint8))
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out", "--cut", "none")
    assert "sar of b: 8 bit, but a has 16" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--hold-out", "A"], "Unknown glacier 'A'. Did you mean 'AA'?"),
        (["--hold-out", "AA", "BB", "--split", "glacier"], "Nothing is left for val"),
        (["--hold-out", "AA", "BB", "CC"], "Nothing is left for train and val"),
        (["--overlap", "32"], "--overlap 32"),
        (["--val", "1.5"], "--val 1.5"),
        (["--seed", "-1"], "--seed -1"),
        (["--cut", "98", "2"], "--cut 98.0 2.0"),
        (["--cut", "some"], "--cut some"),
        (["--side-by-side", "zones"], "give two roles"),
        (["--side-by-side", "zones", "zar"], "Did you mean 'sar'?"),
    ],
)
def test_bad_options(mine, tmp_path, capsys, options, words):
    assert words in refused(capsys, make, mine, tmp_path / "out", *options)


def test_glaciers_must_be_known(tmp_path, capsys):
    for i, name in enumerate("ab"):
        put_scene(tmp_path / "in", name, seed=i)
    for options in (["--split", "glacier"], ["--hold-out", "AA"]):
        message = refused(capsys, make, tmp_path / "in", tmp_path / "out", *options)
        assert "Glacier_Date_Sensor_Resolution_Quality_Orbit" in message


def test_one_scene_cannot_be_divided(tmp_path, capsys):
    put_scene(tmp_path / "in", "a")
    for split in ("random", "scene"):
        assert "Nothing is left for val" in refused(capsys, make, tmp_path / "in", tmp_path / "out", "--split", split)


def test_the_output_must_not_lie_in_the_input(mine, capsys):
    assert "lies inside --input" in refused(capsys, make, mine, mine / "out")


def test_no_input(tmp_path, capsys):
    assert "There is no folder" in refused(capsys, make, tmp_path / "gone", tmp_path / "out")


# ---- The command line -----------------------------------------------------------------------------------------------


def command(*arguments):
    call = [sys.executable, "-m", "pix2pix_tf.prepare", *map(str, arguments)]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True)


def test_the_command_line_end_to_end(mine, tmp_path):
    done = command("folder", "--input", mine, "--output", tmp_path / "out 1", "--size", 32, "--split", "scene")
    assert (done.returncode, done.stderr) == (0, "")  # no progress where there is no terminal
    assert f"--data '{tmp_path / 'out 1'}'" in done.stdout
    (mine / "sar/new.png").write_bytes(b"")
    done = command("folder", "--input", mine, "--output", tmp_path / "out 2")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out 2").exists()


COMMANDS = ("simulate", "folder", "caffe", "multiearth", "masks", "merge", "score-clouds")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_ends_with_examples_that_parse(arguments, capsys, monkeypatch):
    with pytest.raises(SystemExit, match="0"):
        prepare.main(arguments)
    examples = capsys.readouterr().out.split("examples:\n")[1].strip().splitlines()
    calls = []
    monkeypatch.setattr(simulation_command, "simulate", lambda *rest: calls.append(rest))
    for module, function in (
        (own_scenes_build, "prepare"),
        (caffe_build, "prepare"),
        (caffe_build, "check"),
        (caffe_patches, "prepare"),
        (multiearth_build, "prepare"),
    ):
        monkeypatch.setattr(module, function, lambda *rest: calls.append(rest))
    monkeypatch.setattr(caffe_command, "download_benchmark", lambda *rest: None)
    monkeypatch.setattr(own_scenes_command, "_suited", lambda output: "gen5")  # nothing was written
    monkeypatch.setattr(masks_command, "make_masks", lambda *rest: calls.append(rest))
    monkeypatch.setattr(merge, "merge", lambda *rest: calls.append(rest))
    monkeypatch.setattr(score_clouds, "score_clouds", lambda *rest: calls.append(rest))
    for example in examples:
        prepare.main(example.split()[3:])
    assert len(calls) == len(examples) > 0


def test_preparing_needs_neither_tensorflow_nor_dask():
    code = "import sys, pix2pix_tf.prepare; sys.exit(bool({'tensorflow', 'dask', 'distributed'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_progress_is_a_line_that_goes_away(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(cli.progress("abc", 3, "letters read")) == ["a", "b", "c"]
    err = capsys.readouterr().err
    assert "3/3 letters read, 0 s left" in err
    assert err.endswith("\r\033[K")


# ---- Real scenes ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CAFFE256.is_dir(), reason="the real scenes are not here")
def test_real_scenes(tmp_path, capsys):
    names = sorted(path.name for path in (CAFFE256 / "sar").iterdir())[::8]
    names += ["JAC_2011-08-23_TSX_6_1_027.png", "JAC_2011-09-03_TSX_6_1_027.png"]  # twins
    for role in ("sar", "zones", "fronts"):
        (tmp_path / "in" / role).mkdir(parents=True)
        for name in set(names):
            (tmp_path / "in" / role / name).symlink_to(CAFFE256 / role / name)
    options = ["--split", "glacier", "--hold-out", "SI", "--size", "64"]
    assert make(tmp_path / "in", tmp_path / "out", *options) == 0
    found = load_dataset(tmp_path / "out", ("sar", "zones", "fronts"), ("train", "val", "test"))
    assert sum(map(len, found.stems.values())) == 16 * len(set(names))
    assert {scene.glacier for scene in found.scenes.values() if scene.split == "test"} == {"SI"}
    assert "glaciers: DBE" in capsys.readouterr().out
    settings = own_scenes_build.Settings(split="scene", size=256)
    sources = scene_source.find(tmp_path / "in")
    where = own_scenes_build.make_splits(own_scenes_build.scan(sources, settings, tmp_path / "in"), settings)
    assert where["JAC_2011-08-23_TSX_6_1_027"] == where["JAC_2011-09-03_TSX_6_1_027"]
    assert json.loads((tmp_path / "out/prepare.json").read_text())["hold_out"] == ["SI"]
