import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evaluate
from pix2pix_tf import config
from pix2pix_tf.data import classes
from pix2pix_tf.data.dataset import Dataset, Pairing, save
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation import inference, runs
from pix2pix_tf.evaluation.translation import examples, pictures, scoring
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.training import tasks
from pix2pix_tf.utils import cli, files
from tests.evaluation.brightness_exports import COUNT, SIZE, make_data, make_export, make_run, run_command


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    make_data(root / "data")
    make_run(root / "runs" / "orig", {2: 0.5, 10: 1.0})
    with contextlib.chdir(root):
        score_run("orig")
    return root


@pytest.fixture
def house(template, tmp_path, monkeypatch):
    """A working folder with a data set `data` and a run `runs/orig` of two exports, with their score files `scores`."""
    shutil.copytree(template, tmp_path / "house")
    monkeypatch.chdir(tmp_path / "house")
    return tmp_path / "house"


def rows_of(path):
    assert re.fullmatch(r"[0-9a-f]{64}", (path.parent / "key").read_text())
    with path.open() as file:
        return list(csv.DictReader(file))


def brightness(house):
    paths = sorted((house / "data" / "val" / "sar").glob("*.png"))
    return np.array([np.asarray(Image.open(path)).mean() / 255 for path in paths])


def setting_of(run, seed=0, batch_size=8):
    return inference.Setting(runs.open_data([run], None, "val"), "val", seed, batch_size)


def score_run(name, **options):
    """Score a run without drawing anything; the results go to `scores`."""
    (run,) = runs.find_runs([Path("runs") / name], Path("runs"))
    return score(run, setting_of(run, **options), Path("scores"))


def score(run, setting, folder):
    return [scoring.score(export, setting).scores for export in scoring.exports_of(run, folder)]


def test_a_run_gets_its_report(house, capsys):
    assert run_command("runs/orig") == 0
    output = house / "runs" / "orig" / "report"
    assert {path.name for path in output.iterdir()} == {
        "report.md", "report.html", "metrics.csv", "table.md", "curves.png", "curves.svg", "comparison.png", "scores"
    }  # fmt: skip
    assert "runs/orig/report/report.html" in capsys.readouterr().out
    dim, perfect = list(csv.DictReader((output / "metrics.csv").open()))
    assert (dim["run"], dim["variant"], dim["epoch"], dim["n"]) == ("orig", "orig", "2", "5")
    assert float(dim["mae"]) == pytest.approx(0.5 * brightness(house).mean())
    assert float(dim["dice"]) == pytest.approx(2 * 0.5 / (1 + 0.5**2))
    assert [float(perfect[name]) for name in ("dice", "ssim", "psnr", "mae")] == pytest.approx([1, 1, 100, 0], abs=1e-6)


def test_two_evaluations_do_not_write_into_one_folder(house, capsys):
    output = house / "runs" / "orig" / "report"
    with files.lock(output):
        assert run_command("runs/orig") == 2
        assert [path.name for path in output.iterdir()] == [files.LOCK]
    assert "Another command is at work in runs/orig/report" in capsys.readouterr().err


def test_scores_keep_the_values_of_each_image(house):
    rows = rows_of(house / "scores/orig@2/scores.csv")
    assert list(rows[0]) == ["run", "variant", "epoch", "stem", "dice", "dice_linear", "ssim", "psnr", "mae", "rmse"]
    assert [row["stem"] for row in rows] == [f"patch_{i}" for i in range(COUNT)]
    assert [float(row["mae"]) for row in rows] == pytest.approx(list(0.5 * brightness(house)))


def test_the_command_in_the_report_makes_the_same_report(house):
    run_command("runs/orig", "--seed", 3, "--batch-size", 2)
    output = house / "runs/orig/report"
    before = {path.name: path.read_bytes() for path in output.glob("*.*")}
    command = re.search(r"^python evaluate.py (.*)$", before["report.md"].decode(), re.MULTILINE)[1]
    shutil.rmtree(output)
    assert run_command(*command.split()) == 0
    assert {path.name: path.read_bytes() for path in output.glob("*.*")} == before


def test_without_names_all_runs_with_an_export_are_compared(house):
    make_run(house / "runs" / "half", {5: 0.1, 10: 0.5})
    make_run(house / "runs" / "young", {})
    assert run_command() == 0
    rows = list(csv.DictReader((house / "runs/report/metrics.csv").open()))
    assert [(row["run"], row["epoch"]) for row in rows] == [
        ("half", "5"),
        ("half", "10"),
        ("orig", "2"),
        ("orig", "10"),
    ]
    assert "Epoch 10, the last one that all runs have" in (house / "runs/report/table.md").read_text()


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_image_i_is_painted_with_seed_plus_i_whatever_the_batch(house, batch_size):
    make_run(house / "runs" / "seeds", {1: -1.0})
    truth = [np.asarray(Image.open(path)) / 255 for path in sorted((house / "data/val/sar").glob("*.png"))]
    (scores,) = score_run("seeds", seed=40, batch_size=batch_size)
    wanted = [np.abs((40 + i) / 100 - image).mean() for i, image in enumerate(truth)]
    assert scores.values["mae"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("named", "epochs"), [("shared/orig", ["2", "10"]), ("shared/orig/2", ["2"])])
def test_an_export_without_its_run_gets_the_same_scores(house, named, epochs, capsys):
    shutil.move(house / "runs/orig/export", house / "shared")
    shutil.rmtree(house / "runs")
    assert run_command(named, "--data", "data") == 0
    assert "runs/report-export-orig/report.html" in capsys.readouterr().out
    with (house / "runs/report-export-orig/metrics.csv").open() as file:
        found = list(csv.DictReader(file))
    assert [(row["run"], row["epoch"]) for row in found] == [("orig", epoch) for epoch in epochs]
    of_run = [float(row["mae"]) for row in rows_of(house / "scores/orig@2/scores.csv")]
    assert float(found[0]["mae"]) == pytest.approx(np.mean(of_run), abs=1e-4)


def test_an_interrupted_evaluation_goes_on(house, capsys, monkeypatch):
    measured, measure = [], scoring._measure

    def interrupted(model, *arguments):
        measured.append(model.epoch)
        if measured == [2, 10]:
            raise KeyboardInterrupt
        return measure(model, *arguments)

    monkeypatch.setattr(scoring, "_measure", interrupted)
    assert run_command("runs/orig") == 130
    assert run_command("runs/orig") == 0
    assert measured == [2, 10, 10]
    assert "orig@2: cached in runs/orig/report/scores/orig@2" in capsys.readouterr().out
    assert len(list(csv.DictReader((house / "runs/orig/report/metrics.csv").open()))) == 2


def test_what_was_measured_before_has_the_same_values(house, monkeypatch):
    shutil.rmtree("scores")
    measured = score_run("orig")
    monkeypatch.setattr(scoring, "_measure", None)
    for old, new in zip(measured, score_run("orig"), strict=True):
        assert (old.run, old.variant, old.epoch, old.stems) == (new.run, new.variant, new.epoch, new.stems)
        assert list(old.values) == list(new.values)
        assert all(np.array_equal(old.values[name], new.values[name]) for name in old.values)


@pytest.mark.parametrize("change", ["export", "target", "input", "seed", "stems", "damaged", "number", "empty"])
def test_what_has_changed_is_measured_anew(house, change):
    path, seed = Path("scores/orig@10/scores.csv"), 0
    key = path.with_name("key")
    before, key_before = path.read_bytes(), key.read_bytes()
    if change == "export":
        make_export(house / "runs/orig", 10, 0.9)
    elif change in ("target", "input"):
        role = "sar" if change == "target" else "zones"
        images.write_png(Path("data/val", role, "patch_3.png"), np.full((SIZE, SIZE), classes.OCEAN, np.uint8))
    elif change == "seed":
        seed = 1
    elif change == "stems":
        for role in ("zones", "sar"):
            Path("data/val", role, "patch_4.png").unlink()
    else:
        path.write_bytes({"damaged": before[: len(before) // 2], "number": before[:-1] + b"x\n", "empty": b""}[change])
    score_run("orig", seed=seed)
    assert len(rows_of(path)) == (COUNT - 1 if change == "stems" else COUNT)
    again = key.read_bytes() + path.read_bytes() == key_before + before
    assert again == (change in ("damaged", "number", "empty"))


def test_roles_are_stacked_in_the_models_order_and_depth(house):
    make_run(house / "runs/optical", {1: 1.0}, inputs=("zones", "elevation"), targets=("optical",))
    assert run_command("runs/optical") == 0
    # The painter repeats the elevation, the last of its channels; the colours are the elevation's upper 8 bits.
    (row,) = csv.DictReader((house / "runs/optical/report/metrics.csv").open())
    assert float(row["mae"]) < 1 / 255
    sheet = np.asarray(Image.open(house / "runs/optical/report/comparison.png"))
    assert sheet.shape[1] > 4 * 256  # mask, elevation, target and the run


def test_a_real_export_is_measured(house):
    options = ["model.depth=5", "model.generator_width=4", "model.discriminator_width=4", "train.precision=float32"]
    chosen = config.make_config("gen5", options)
    task = tasks.make_task(chosen, SIZE, {"zones": 8, "sar": 8}, "float32")
    described = {"variant": "gen5", "run": "gen5", "epoch": 3, "inputs": ["zones"], "targets": ["sar"], "size": SIZE,
                 "divisor": 32, "bits": {"zones": 8, "sar": 8}, "origin": "simulated"}  # fmt: skip
    example = {"image": np.zeros((1, SIZE, SIZE, 1), np.uint8), "seed": np.zeros(1, np.int32)}
    run = house / "runs" / "gen5"
    signatures = {"tensor": task.signatures()["tensor"]}
    saved_model.write(run / "export/gen5/3", signatures, described, example)
    files.write_json(
        run / "config.json", {"config": config.to_dict(chosen), "data": {"path": "data", "origin": "simulated"}}
    )
    (found,) = runs.find_runs([Path("runs/gen5")], Path("runs"))
    single, many = (score(found, setting_of(found, batch_size=n), Path(f"out{n}"))[0] for n in (1, 4))
    assert (single.run, single.variant, single.epoch) == ("gen5", "gen5", 3)
    for name, values in single.values.items():
        assert values == pytest.approx(many.values[name], rel=1e-4)


def mistakes():
    """Name, what is done to the house, the arguments, what the message says."""

    def bits(house):
        make_run(house / "runs/orig", {2: 1.0}, bits={"zones": 16, "sar": 8})

    def small(house):
        make_run(house / "runs/orig", {2: 1.0}, divisor=256, size=256)

    def other_data(house):
        make_run(house / "runs/b", {2: 1.0}, data="elsewhere")

    def other_target(house):
        make_run(house / "runs/b", {2: 1.0}, targets=("optical",))

    def twin(house):
        make_run(house / "more/orig", {2: 1.0})

    def nothing(house):
        shutil.rmtree(house / "runs")

    def foreign(house):
        (house / "papers").mkdir()
        (house / "papers/thesis.tex").touch()

    def spoilt(house):
        make_export(house / "runs/orig", 10, np.nan)

    def tiny(house):
        make_data(house / "tiny", size=8)

    def no_export(house):
        make_run(house / "runs/young", {})

    def no_config(house):
        (house / "runs/orig/config.json").unlink()

    def export_alone(house):
        shutil.copytree(house / "runs/orig/export/orig", house / "shared")

    def outside(house):
        export_alone(house)
        path = house / "shared/10" / versions.DESCRIPTION
        files.write_json(path, files.read_json(path) | {"run": "../out"})

    def odd_export(house):
        export_alone(house)
        files.write_json(house / "shared/10" / versions.DESCRIPTION, {"epoch": 10})

    def odd_config(house):
        files.write_json(house / "runs/orig/config.json", {"config": {}})

    def leave(house):
        pass

    def no_elevation(house):
        make_run(house / "runs/orig", {2: 1.0}, inputs=("zones", "elevation"))
        shutil.rmtree(house / "data/val/elevation")

    def no_target(house):
        shutil.rmtree(house / "data/val/sar")

    return [
        ("misspelt", leave, ["runs/orgi"], "Did you mean 'runs/orig'?"),
        ("nothing trained", nothing, [], "no run with an export in runs/. Train one first"),
        ("no such run", nothing, ["runs/orig"], "There is no run runs/orig."),
        ("no export", no_export, ["runs/young"], "runs/young has no export yet"),
        ("no configuration", no_config, ["runs/orig"], "no config.json"),
        ("export without data", export_alone, ["shared"], "shared is an export, which has no data of its own: name a"),
        ("export selected", export_alone, ["shared", "--data", "data", "--select", "ssim"], "--select writes the best"),
        ("two epochs of an export", export_alone, ["shared/2", "shared/10"], "both called orig. Evaluate them apart."),
        ("name", outside, ["shared", "--data", "data"], "is not as train.py writes it (ValueError('../out'))"),
        ("neither", foreign, ["papers"], "papers is neither a run of train.py"),
        ("odd export", odd_export, ["shared", "--data", "data"], "is not as train.py writes it"),
        ("odd configuration", odd_config, ["runs/orig"], "is not as train.py writes it"),
        ("empty split", leave, ["runs/orig", "--split", "test"], "test/zones"),
        ("no such data", leave, ["--data", "nowhere"], "There is no data set nowhere"),
        ("role missing", no_elevation, [], "val/elevation"),
        ("target missing", no_target, [], "val/sar"),
        ("two data sets", other_data, [], "runs/b on elsewhere, runs/orig on data). Name one for all with --data"),
        ("two targets", other_target, ["runs/b", "runs/orig"], "Evaluate them apart"),
        (
            "two of one name",
            twin,
            ["runs/orig", "more/orig"],
            "more/orig are both called orig. Evaluate them apart, or rename",
        ),
        ("depth", bits, [], "takes zones of 16 bit; data has 8 bit"),
        ("patch size", small, [], "multiples of 256 pixels; those of data have 32. Cut the scenes anew"),
        ("patch too small", tiny, ["--data", "tiny"], "window of 11"),
        ("spoilt weights", spoilt, [], "export/orig/10 generates values that are not finite: its weights are spoilt"),
        ("foreign output", foreign, ["--output", "papers"], "papers holds thesis.tex"),
        ("batch size", leave, ["--batch-size", "0"], "--batch-size takes a whole number from 1, not 0"),
        ("share", leave, ["--max-cloud", "1.5"], "--max-cloud takes a share from 0 to 1, not 1.5"),
        ("no scores", leave, ["--max-cloud", "0.5"], "needs the cloud cover of every target"),
        ("seed", leave, ["--seed", "-1"], "--seed takes a whole number from 0"),
    ]


@pytest.mark.parametrize(("spoil", "arguments", "said"), [m[1:] for m in mistakes()], ids=[m[0] for m in mistakes()])
def test_a_mistake_is_answered_with_one_message_and_code_2(house, capsys, spoil, arguments, said):
    spoil(house)
    before = sorted(house.rglob("*"))
    assert run_command(*arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert said in message
    assert not {p.name for p in set(house.rglob("*")) - set(before)} - {".verified"}


def test_runs_of_different_data_are_compared_on_the_data_named(house):
    make_run(house / "runs/b", {2: 1.0}, data="elsewhere")
    found = runs.find_runs([], Path("runs"))
    assert runs.open_data(found, Path("data"), "val").root == Path("data")


def test_mistakes_and_help_do_not_wait_for_tensorflow(house):
    program = "import sys; from pix2pix_tf.utils import cli; import evaluate; " \
        "code = cli.run(evaluate.main, ['runs/orig', '--split', 'test']); " \
        "sys.exit(f'code {code}, tensorflow loaded: {\"tensorflow\" in sys.modules}')"  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(Path(evaluate.__file__).parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "code 2, tensorflow loaded: False" in done.stderr


def test_each_export_is_loaded_once_and_each_image_generated_once(house, monkeypatch):
    loaded, generated, load, generate = [], [], inference.load_model, inference.generate
    monkeypatch.setattr(inference, "load_model", lambda *given: loaded.append(given[0].name) or load(*given))
    monkeypatch.setattr(inference, "generate", lambda *given: generated.extend(given[2]) or generate(*given))
    assert run_command("runs/orig", "--batch-size", 2) == 0
    assert loaded == ["2", "10"] and generated == [*range(COUNT), *range(COUNT)]
    output = house / "runs/orig/report"
    assert not (output / "scores/orig@2/pictures").exists()
    assert {path.stem for path in (output / "scores/orig@10/pictures").iterdir()} == {f"patch_{i}" for i in range(5)}
    assert run_command("runs/orig") == 0  # the report again, from what is kept
    assert loaded == ["2", "10"]


def test_pictures_that_no_pass_has_kept_are_generated_again(house):
    assert run_command("runs/orig") == 0
    output, kept = house / "runs/orig/report", house / "runs/orig/report/scores/orig@10/pictures"
    before = {path.name: path.read_bytes() for path in [*output.glob("*.*"), *kept.iterdir()]}
    (kept / "patch_1.npy").unlink()
    (kept / "patch_2.npy").write_bytes(before["patch_2.npy"][:200])  # as of a full disk
    assert run_command("runs/orig") == 0
    assert {path.name: path.read_bytes() for path in [*output.glob("*.*"), *kept.iterdir()]} == before


def test_only_the_pictures_that_a_report_shows_stay(house):
    names = [f"{n}.5" for n in range(4)]  # a name may have a point in it
    for name in names:
        pictures.write(Path("kept"), name, np.zeros((5, SIZE, SIZE, 1), np.float32))
    pictures.keep_only(Path("kept"), names[:1])
    (picture,) = pictures.read(Path("kept"), Path("no export"), None, names[:1])
    assert picture.shape == (pictures.OUTPUTS, SIZE, SIZE, 1) and picture.dtype == np.uint8
    assert [path.name for path in Path("kept").iterdir()] == ["0.5.npy"]


def test_files_of_a_report_made_before_exports_had_folders_are_replaced(house):
    scores = house / "runs/orig/report/scores"
    for name in ("orig@2.csv", "orig@10.csv", "orig@10.npz"):
        files.write_text(scores / name, "# key")
    assert run_command("runs/orig") == 0
    assert sorted(path.name for path in scores.iterdir()) == ["orig@10", "orig@2"]


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "assets.extra/model.json"])
def test_a_damaged_export_is_found_before_any_is_scored(house, name, capsys):
    path = house / "runs/orig/export/orig/10" / name
    path.write_bytes(path.read_bytes()[:-20])
    assert run_command("runs/orig") == 2
    assert "10" in capsys.readouterr().err
    assert not (house / "runs/orig/report").exists()


def test_the_comparison_is_drawn_at_the_last_common_epoch(house):
    make_run(house / "runs" / "longer", {2: 0.1, 10: 0.2, 30: 0.3})
    found = runs.find_runs([Path("runs/orig"), Path("runs/longer")], Path("runs"))
    setting = setting_of(found[0])
    exports = [export for run in found for export in scoring.exports_of(run, Path("scores")) if export.epoch == 10]
    columns = examples.columns(exports, setting, [f"patch_{i}" for i in range(COUNT)])
    assert [one.heading for one in columns] == ["mask", "target", "orig\nepoch 10", "longer\nepoch 10"]
    zones = np.asarray(Image.open("data/val/zones/patch_1.png"))
    assert np.array_equal(columns[0].pictures[1], classes.colour_zones(zones))
    assert np.array_equal(columns[2].pictures[1], zones)
    assert np.array_equal(columns[3].pictures[1], np.round(0.2 * zones))


def test_an_export_is_known_by_its_weights_not_by_its_date(house):
    (found,) = runs.find_runs([], Path("runs"))
    setting = setting_of(found)
    export = scoring.exports_of(found, Path("scores"))[1]
    version, key = export.version, export.key(setting)
    for path in version.rglob("*"):
        os.utime(path, (0, 0))
    assert export.key(setting) == key
    description = json.loads((version / versions.DESCRIPTION).read_text())
    make_export(house / "runs/orig", 10, 0.75)
    assert json.loads((version / versions.DESCRIPTION).read_text()) == description
    assert export.key(setting) != key


# ---- Several outputs of an input ------------------------------------------------------------------------------------


@pytest.fixture
def shared_inputs(tmp_path):
    """Three optical targets, grey 8, 15 and 13 all over; the first two share an input. Painted: the seed / 100."""
    root = tmp_path / "data"
    rows = {"a_1": Pairing("a"), "a_2": Pairing("a"), "b_1": Pairing("b")}
    for name in ("a", "b"):
        images.write_png(root / "val" / "sar" / f"{name}.png", np.zeros((SIZE, SIZE), np.uint8))
    for stem, grey in zip(rows, (8, 15, 13), strict=True):
        images.write_png(root / "val" / "optical" / f"{stem}.png", np.full((SIZE, SIZE, 3), grey, np.uint8))
    save(Dataset(root, "pairs", "simulated", SIZE, {"sar": 8, "optical": 8}, {}, pairs=rows))
    make_run(tmp_path / "runs" / "s2o", {1: -1.0}, ("sar",), ("optical",), root)
    return tmp_path


def test_the_error_score_by_hand(shared_inputs):
    dataset = load_dataset(shared_inputs / "data", ("sar", "optical"), ("val",))
    (run,) = runs.find_runs([shared_inputs / "runs" / "s2o"], shared_inputs)
    setting = inference.Setting(dataset, "val", 0, 2, (1, 2, 3))
    (scores,) = score(run, setting, shared_inputs / "scores")
    # The seeds of input a are 0, 3, 6, those of b (third image of three) 2, 5, 8.
    of_a, of_b, targets = (0.0, 0.03, 0.06), (0.02, 0.05, 0.08), (8 / 255, 15 / 255, 13 / 255)
    for n in (1, 2, 3):
        least = [min(abs(x - y) for x in outputs[:n]) for outputs, y in zip((of_a, of_a, of_b), targets, strict=True)]
        np.testing.assert_allclose(scores.values[f"error_{n}"], least, atol=1e-6)
        assert scores.interval(f"error_{n}")[0] == pytest.approx(((least[0] + least[1]) / 2 + least[2]) / 2, abs=1e-6)
    again = score(run, setting, shared_inputs / "scores")[0]  # from its file
    assert all((again.values[name] == scores.values[name]).all() for name in scores.values)


def test_the_report_of_several_outputs(shared_inputs, monkeypatch, capsys):
    monkeypatch.chdir(shared_inputs)
    assert cli.run(evaluate.main, ["runs/s2o", "--output", "out"]) == 0, capsys.readouterr().err
    report = Path("out/report.md").read_text()
    assert "| of 1 | of 2 | of 3 | of 5 | of 10 | inputs |" in report and "0.0412" in report
    assert "not comparable" in report
    with Path("out/metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["error_10"]) <= float(row["error_3"]) <= float(row["error_1"])
    with Image.open("out/comparison.png") as sheet:
        assert sheet.width > 5 * SIZE
    assert cli.run(evaluate.main, ["runs/s2o", "--output", "out2", "--norm", "rmse", "--outputs", "3"]) == 0
    assert cli.run(evaluate.main, ["runs/s2o", "--output", "out3", "--outputs", "0"]) == 2
