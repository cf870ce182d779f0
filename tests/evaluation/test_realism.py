import csv
import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import evaluate
from pix2pix_tf.data import classes
from pix2pix_tf.data.dataset import Dataset, Pairing, save
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation import inference, runs
from pix2pix_tf.evaluation.realism import evaluation, statistics
from pix2pix_tf.evaluation.realism.evaluation import RealismEvaluator
from pix2pix_tf.evaluation.translation import scoring
from pix2pix_tf.export import versions
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError
from tests.evaluation.brightness_exports import make_export, make_run
from tests.helpers import SIZE

COUNT = 8  # scenes in the split; the last two share one


class Reader(tf.Module):
    """Reads zones off grey values that are those of the mask; its features are the mean grey, `scale` times."""

    def __init__(self, scale, features):
        super().__init__()
        self.scale, self.gives = tf.Variable(scale, dtype=tf.float32), features
        spec = [tf.TensorSpec([None, None, None, 1], tf.uint8, "image"), tf.TensorSpec([None], tf.int32, "seed")]
        self.tensor = tf.function(self.read, input_signature=spec)

    def read(self, image, seed):
        grey = tf.cast(image, tf.float32) + 0 * tf.cast(seed, tf.float32)[:, None, None, None]
        nearest = tf.argmin(abs(grey - tf.constant(classes.ZONE_VALUES, tf.float32)), axis=-1)
        told = {"probabilities": tf.one_hot(nearest, 4), "output": grey}
        return told | ({"features": self.scale * tf.reduce_mean(grey / 255, axis=[1, 2])} if self.gives else {})


def make_reader(run, scale=1.0, features=True, epoch=3, inputs=("sar",), targets=("zones",)):
    reader, version = Reader(scale, features), run / "export" / "zones" / str(epoch)
    shutil.rmtree(version, ignore_errors=True)
    tf.saved_model.save(reader, str(version), {"tensor": reader.tensor})
    facts = {"variant": "zones", "run": run.name, "epoch": epoch, "inputs": inputs, "targets": targets, "size": SIZE,
             "divisor": 16, "bits": dict.fromkeys(inputs + targets, 8), "origin": "real"}  # fmt: skip
    files.write_json(version / versions.DESCRIPTION, facts)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A data set whose SAR images are their masks, a painter of them in full and half brightness, and a reader."""
    root, rng = tmp_path_factory.mktemp("realism"), np.random.default_rng(0)
    stems = [f"s{i}" for i in range(COUNT - 1)] + [f"s{COUNT - 2}__y00000_x00032"]
    for stem in stems:
        zones = rng.choice(np.array(classes.ZONE_VALUES, np.uint8), (4, 4)).repeat(8, 0).repeat(8, 1)
        for role in ("zones", "sar", "elevation"):
            images.write_png(root / "data" / "val" / role / f"{stem}.png", zones)
    save(Dataset(root / "data", "data", "simulated", SIZE, {"zones": 8, "sar": 8, "elevation": 8}, {}))
    make_run(root / "runs" / "orig", {2: 0.5, 10: 1.0})
    make_reader(root / "runs" / "zones")
    return root


@pytest.fixture
def house(template, tmp_path, monkeypatch):
    shutil.copytree(template, tmp_path / "house")
    monkeypatch.chdir(tmp_path / "house")
    return tmp_path / "house"


def setting_of(segmenter, **options):
    dataset = load_dataset(Path("data"), ("zones", "sar"), ("val",))
    return inference.Setting(dataset, "val", **{"seed": 0, "batch_size": 3} | options, segmenter=segmenter)


def results_of(folder="scores", **options):
    """The realism of the run `orig`, scored by the run `zones`."""
    setting, folder = setting_of(Path("runs/zones"), **options), Path(folder)
    (run,) = runs.find_runs([Path("runs/orig")], Path("runs"))
    realism = RealismEvaluator(evaluation.open_segmenter(setting.segmenter, setting), setting, folder)
    scored = {e.epoch: scoring.score(e, setting, realism).statistics for e in scoring.exports_of(run, folder)}
    return realism.results({("orig", epoch): realism.compare(one) for epoch, one in scored.items()})


def means_of(report):
    with (report / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def run_command(*arguments):
    return cli.run(evaluate.main, list(map(str, arguments)))


def test_the_perfect_reader_of_the_perfect_painter_finds_all_zones(house):
    found = results_of()
    perfect, dim = found.generated["orig", 10], found.generated["orig", 2]
    assert (perfect.faithfulness == 1).all() and (found.real.faithfulness == 1).all()
    # At half the brightness rock (32) is as near to 0 as to 64, and taken for 0; glacier for rock, ocean for glacier.
    assert np.nanmax(dim.overlap[:, 1:]) == 0 and np.nanmax(dim.overlap[:, 0]) > 0
    assert found.segmenter == "zones@3" and found.trained_on == "real" and found.scenes == COUNT - 1


def test_what_equals_the_real_images_is_as_far_from_them_as_they_are_and_what_is_dim_is_farther(house):
    found = results_of()
    perfect, dim = found.generated["orig", 10], found.generated["orig", 2]
    for name in ("histogram", "spectrum", "kernel", "kernel_error"):
        np.testing.assert_array_equal(getattr(perfect, name), getattr(found.real, name))
    # Each zone has one grey: half of it is 6 dB, to the rounding of 8 bit.
    np.testing.assert_allclose(
        dim.histogram, 20 * np.log10([64 / 32, 127 / 64, 254 / 127]) * np.ones((20, 1)), rtol=0.01
    )
    assert dim.kernel.min() > perfect.kernel.max()


def test_halves_keep_a_scene_together_and_batches_do_not_matter(house):
    small, large = results_of(batch_size=3, folder="a"), results_of(batch_size=8, folder="b")
    np.testing.assert_allclose(small.generated["orig", 2].kernel, large.generated["orig", 2].kernel, atol=1e-6)
    found = sorted(str(path.relative_to("a")) for path in Path("a").rglob("*.npz"))
    assert found == ["orig@10/realism/statistics.npz", "orig@2/realism/statistics.npz", "real/statistics.npz"]


def test_what_was_read_before_is_taken_and_what_has_changed_is_read_anew(house, capsys):
    generated = {"orig@2", "orig@10"}

    def read_anew(**options):
        capsys.readouterr()
        results_of(**options)
        printed = capsys.readouterr().out
        anew = set(re.findall(r"^(\S+): \d+ images", printed, re.MULTILINE))
        assert set(re.findall(r"^(\S+): cached in scores", printed, re.MULTILINE)) == {"real", *generated} - anew
        return anew

    assert read_anew() == {"real", *generated}
    assert read_anew() == set()
    make_export(house / "runs/orig", 10, 0.9)
    assert read_anew() == {"orig@10"}
    kept = Path("scores/orig@10/realism/statistics.npz")
    kept.write_bytes(kept.read_bytes()[:500])  # as of a full disk
    assert read_anew() == {"orig@10"}
    images.write_png(Path("data/val/sar/s3.png"), np.full((SIZE, SIZE), 9, np.uint8))
    assert read_anew() == {"real", *generated}  # the scores of an export follow from the real images too
    assert read_anew(seed=1) == generated
    make_reader(house / "runs/zones", scale=2.0)
    assert read_anew(seed=1) == {"real", *generated}


def test_a_segmenter_named_later_adds_its_statistics_and_the_scores_stay(house):
    assert run_command("runs/orig") == 0
    scores = Path("runs/orig/report/scores/orig@2/scores.csv")
    before = scores.read_bytes()
    assert run_command("runs/orig", "--segmenter", "runs/zones") == 0
    assert scores.read_bytes() == before and (scores.parent / "realism/statistics.npz").exists()
    with_segmenter = means_of(Path("runs/orig/report"))
    assert run_command("runs/orig", "--segmenter", "runs/zones", "--output", "at-once") == 0
    assert means_of(Path("at-once")) == with_segmenter


def test_each_image_is_generated_once_for_scores_and_realism(house, monkeypatch):
    loaded, generated, load, generate = [], [], inference.load_model, inference.generate
    monkeypatch.setattr(inference, "load_model", lambda *given: loaded.append(given[0].name) or load(*given))
    monkeypatch.setattr(inference, "generate", lambda *given: generated.extend(given[2]) or generate(*given))
    assert run_command("runs/orig", "--segmenter", "runs/zones") == 0
    assert loaded == ["3", "2", "10"] and generated == [*range(COUNT), *range(COUNT)]


def test_images_of_one_input_share_a_generated_image_and_its_statistics(house):
    described = load_dataset(Path("data"), ("zones", "sar"), ("val",))
    pairs = {stem: Pairing("s0" if stem in ("s1", "s2") else stem) for stem in described.stems["val"]}
    save(dataclasses.replace(described, pairs=pairs, bits=described.bits | {"elevation": 8}))
    shared = results_of(batch_size=2).generated["orig", 10].overlap
    np.testing.assert_array_equal(shared[1], shared[0])
    assert len(shared) == COUNT and not np.array_equal(shared[3], shared[0])


def test_an_older_export_gives_faithfulness_and_says_what_is_missing(house, capsys):
    make_reader(house / "runs/zones", features=False)
    assert run_command("runs/orig", "--segmenter", "runs/zones") == 0
    said = "No kernel distance: the export of zones@3 does not return its features. Train it anew"
    assert said in capsys.readouterr().out
    report = Path("runs/orig/report/report.md").read_text()
    assert said in report and "kernel distance |" not in report
    dim, perfect = means_of(Path("runs/orig/report"))
    assert float(perfect["faithfulness"]) == 1 and dim["kernel_distance"] == "nan"
    assert run_command("runs/orig") == 0  # without a segmenter nothing of it is left
    assert {path.name for path in Path("runs/orig/report").glob("r*")} == {"report.html", "report.md"}
    assert "## Realism" not in Path("runs/orig/report/report.md").read_text()


def test_an_export_may_be_named_in_place_of_its_run_and_the_newest_is_taken(house):
    make_reader(house / "runs/zones", epoch=12)
    for path, epoch in (("runs/zones", 12), ("runs/zones/export/zones", 12), ("runs/zones/export/zones/3", 3)):
        assert evaluation.open_segmenter(Path(path), setting_of(Path(path))).epoch == epoch


def copy_masks(root, split=".", names="s*"):
    """Masks without images: copies of some of the data set's."""
    for path in Path("data/val/zones").glob(f"{names}.png"):
        (root / split / "zones").mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, root / split / "zones")
    return root


def masks_of(report):
    with (report / "masks.csv").open() as file:
        return {int(row["epoch"]): {k: float(v) for k, v in row.items() if k != "run" and k != "variant"}
                for row in csv.DictReader(file)}  # fmt: skip


def test_masks_without_images_are_scored_as_those_of_the_split_and_each_export_is_loaded_once(house, monkeypatch):
    loaded, load = [], inference.load_model
    monkeypatch.setattr(inference, "load_model", lambda *given: loaded.append(given[0].name) or load(*given))
    copy_masks(Path("masks"))
    arguments = ["runs/orig", "--segmenter", "runs/zones", "--masks", "masks"]
    assert run_command(*arguments) == 0
    assert loaded == ["3", "2", "10"]
    report = Path("runs/orig/report")
    of_split, of_masks = means_of(report), masks_of(report)
    for row in of_split:  # the same masks and seeds, so the same figures
        found = of_masks[int(row["epoch"])]
        assert found["n"] == COUNT and len(found) == 20
        assert {k: v for k, v in found.items() if k != "n"} == {k: float(row[k]) for k in found if k != "n"}
    assert of_masks[10]["faithfulness_pooled"] == 1 > 0.3 > of_masks[2]["faithfulness_pooled"]
    text = (report / "report.md").read_text()
    assert "## Faithfulness on synthetic masks" in text and "--masks masks" in text
    assert "Faithfulness on synthetic masks</h2>" in (report / "report.html").read_text()
    assert run_command(*arguments[:3]) == 0  # without masks nothing of them is left
    assert not (report / "masks.csv").exists() and "synthetic" not in (report / "report.md").read_text()


def mask_setting(root, seed=0):
    data = load_dataset(root, ("zones",), (".",))
    return inference.Setting(dataclasses.replace(data, bits={"zones": 8, "sar": 8}), ".", seed, 3)


def test_of_masks_only_what_is_new_or_damaged_is_measured(house, capsys):
    root = copy_masks(Path("masks"), names="s[0-3]")

    def measured(seed=0, **options):
        capsys.readouterr()
        results_of(seed=seed, **options)
        return re.findall(r"^(\S+): (\d+ \w+)", capsys.readouterr().out, re.MULTILINE)

    of_split = [("real", "8 images"), ("orig@2", "8 images"), ("orig@10", "8 images")]
    both = [("orig@2", "4 masks"), ("orig@10", "4 masks")]
    assert measured() == of_split
    assert measured(masks=mask_setting(root)) == both
    assert measured(masks=mask_setting(root)) == []
    kept = Path("scores/orig@2/masks/statistics.npz")
    kept.write_bytes(kept.read_bytes()[:500])  # as of a full disk
    assert measured(masks=mask_setting(root)) == both[:1]
    images.write_png(root / "zones/s0.png", np.full((SIZE, SIZE), 254, np.uint8))
    assert measured(masks=mask_setting(root)) == both
    assert measured(1, masks=mask_setting(root, 1)) == [of_split[1], both[0], of_split[2], both[1]]


def test_masks_are_halved_by_their_own_scenes_and_compared_with_half_of_the_real_images(house):
    setting = setting_of(Path("runs/zones"), masks=mask_setting(copy_masks(Path("masks"), names="s[0-2]")))
    realism = RealismEvaluator(evaluation.open_segmenter(setting.segmenter, setting), setting, Path("scores"))
    assert len(realism.mask_halves) == len(realism.halves) == sar_realism.HALVINGS
    for (some, reals), (_, other) in zip(realism.mask_halves, realism.halves, strict=True):
        assert 1 <= len(some) <= 2 and reals.tolist() == other.tolist()


def test_a_condition_that_is_not_known_of_a_mask_is_left_open(house):
    class Conditional:
        inputs, conditions, folder = ("zones",), {"sensor": ("ERS", "TSX")}, None

        def generate(self, image, seed, condition):
            self.got = condition
            return np.zeros((*image.shape[:3], 1), np.float32)

    model, root = Conditional(), copy_masks(Path("masks"), names="s[01]")
    shutil.copy(root / "zones/s0.png", root / "zones/DBE_2004-10-07_TSX_12_4_282.png")
    masks = mask_setting(root)
    inference.generate(model, masks, np.arange(3))
    assert masks.stems[0].startswith("DBE") and model.got == ["TSX", "", ""]


@pytest.mark.parametrize(
    ("split", "named", "expected"),
    [(".", "masks", ("masks", ".")), ("train", "masks", ("masks", "train")), ("val", "masks/val", ("masks/val", "."))],
)
def test_masks_are_found_in_a_folder_a_data_set_or_its_split(house, split, named, expected):
    copy_masks(Path("masks"), split)
    assert runs.find_masks(Path(named)) == (Path(expected[0]), expected[1])


def test_a_split_of_a_described_data_set_keeps_its_description(house):
    assert runs.find_masks(Path("data/val")) == (Path("data"), "val")
    several = copy_masks(copy_masks(Path("masks"), "train"), "val")
    with pytest.raises(UserError, match="masks in several splits. Name one of masks/train and masks/val"):
        runs.find_masks(several)


def mistakes():
    """Name, what is done to the house, the arguments, what the message says."""

    def leave(house):
        pass

    def fronts(house):
        make_reader(house / "runs/zones", targets=("fronts",))

    def by_height(house):
        make_reader(house / "runs/zones", inputs=("elevation",))

    def blind(house):
        make_run(house / "runs/blind", {2: 1.0}, inputs=("elevation",))

    def optical(house):
        make_run(house / "runs/orig", {2: 1.0}, inputs=("sar",), targets=("optical",))

    def one_scene(house):
        for path in [*house.glob("data/val/*/s[0-5].png")]:
            path.unlink()

    def small(house):
        images.write_png(house / "masks/zones/s0.png", np.full((16, 16), 64, np.uint8))

    def painted(house):
        images.write_png(house / "masks/zones/s0.png", np.full((SIZE, SIZE), 65, np.uint8))

    def empty(house):
        (house / "masks/zones").mkdir(parents=True)

    def with_elevation(house):
        make_run(house / "runs/high", {2: 1.0}, inputs=("elevation", "zones"))
        copy_masks(house / "masks")

    masks = ["--segmenter", "runs/zones", "--masks", "masks"]
    return [
        ("masks alone", small, ["--masks", "masks"], "--masks needs a segmentation network"),
        ("no masks", leave, masks, "There is no folder masks. Make masks first"),
        ("no mask in them", empty, masks, "--masks masks has no .png files in zones/ or train/zones/"),
        ("other size", small, masks, "masks have 16 pixels a side and the images of data 32"),
        ("no class", painted, masks, "grey value 65 is no class of zones"),
        (
            "a role",
            with_elevation,
            ["runs/high", *masks],
            "No .png files in ./elevation: put patches there, or choose another --masks",
        ),
        ("nowhere", leave, ["--segmenter", "runs/none"], "runs/none is neither a run with an export nor an export"),
        (
            "no zones",
            leave,
            ["--segmenter", "runs/orig"],
            "runs/orig makes sar from zones; the segmenter makes zones from sar",
        ),
        ("fronts", fronts, ["--segmenter", "runs/zones"], "makes fronts from sar"),
        ("another role", by_height, ["--segmenter", "runs/zones"], "makes zones from elevation"),
        ("no mask", blind, ["runs/blind", "--segmenter", "runs/zones"], "runs/blind generates sar from elevation"),
        ("no SAR", optical, ["runs/orig", "--segmenter", "runs/zones"], "generates optical from sar"),
        ("one scene", one_scene, ["--segmenter", "runs/zones"], "has one scene in val"),
    ]


@pytest.mark.parametrize(("spoil", "arguments", "said"), [m[1:] for m in mistakes()], ids=[m[0] for m in mistakes()])
def test_a_mistake_is_answered_with_one_message_and_code_2(house, capsys, spoil, arguments, said):
    spoil(house)
    run = [] if arguments[0].startswith("runs/") else ["runs/orig"]
    assert run_command(*run, *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and said in message


@pytest.mark.long
def test_a_trained_painter_and_a_trained_segmenter_end_to_end(tiny_run, zones_run, tmp_path, capsys):
    output = tmp_path / "report"
    arguments = [tiny_run, "--split", "train", "--segmenter", zones_run, "--output", output]
    assert run_command(*arguments) == 0, capsys.readouterr().err
    assert {path.name for path in output.iterdir()} == {
        *(
            "report.md",
            "report.html",
            "metrics.csv",
            "table.md",
            "curves.png",
            "curves.svg",
            "comparison.png",
            "scores",
        ),
        *("realism.png", "realism.svg", "progress.png", "progress.svg"),  # two epochs
    }
    page = (output / "report.md").read_text()
    assert "## Realism" in page and "## Faithfulness" in page and "No kernel distance" not in page
    assert f"--segmenter {zones_run}" in page
    for means in means_of(output):
        assert 0 < float(means["faithfulness"]) < 1
        assert np.isfinite([float(means[name]) for name in ("kernel_distance", "kernel_error", "spectrum")]).all()
    with Image.open(output / "realism.png") as picture:
        assert picture.width > 1000
    capsys.readouterr()
    before = {path.name: path.read_bytes() for path in output.glob("*.*")}
    assert run_command(*arguments) == 0
    assert "real: cached in" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in output.glob("*.*")} == before


def test_more_images_than_a_kernel_distance_takes_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(sar_realism, "KERNEL_IMAGES", 3)
    features = np.arange(9.0)[:, np.newaxis]
    assert statistics._few(features)[:, 0].tolist() == [0, 4, 8]
    assert len(statistics._few(np.zeros((9, 0)))) == 0
