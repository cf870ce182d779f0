"""What people have on their disks before they know this program: drawings, rasters from a GIS, tables, odd names."""

import csv
import io
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf import prepare
from pix2pix_tf.data import dataset, scene_names
from pix2pix_tf.data.classes import ZONE_COLOURS, ZONE_VALUES, parse_classes
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare import scene_table
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.own_scenes import source
from pix2pix_tf.serving.model_names import name_models
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

HEAD = "name;glacier;date;sensor;metres_per_pixel"
SCENE = "Jökull Süd 2019-07-01 ERS"
SIDES = (77, 103)  # odd, and no multiple of a patch


def zones(seed=0):
    """Rock above, glacier on the left, ocean on the right, a shadow: uint8, SIDES."""
    mask = np.full(SIDES, 127, np.uint8)
    mask[:, 50 + seed :] = 254
    mask[:20] = 64
    mask[5:12, 10:30] = 0
    return mask


def coloured(mask):
    """A zone mask in the display colours, uint8 [H, W, 3]."""
    palette = np.zeros((256, 3), np.uint8)
    palette[list(ZONE_VALUES)] = ZONE_COLOURS
    return palette[mask]


def put(folder, name, mask, seed=0):
    """A SAR scene in decibels with a gap, and its mask: a Pillow image, or an array for a TIFF."""
    for role in ("zones", "sar"):
        (folder / role).mkdir(parents=True, exist_ok=True)
    sar = np.random.default_rng(seed).normal(-12, 3, SIDES).astype(np.float32)
    sar[:3, :4] = np.nan
    tifffile.imwrite(folder / f"sar/{unicodedata.normalize('NFD', name)}.TIF", sar)
    if isinstance(mask, np.ndarray):
        tifffile.imwrite(folder / f"zones/{name}.TIF", mask)
    else:
        mask.save(folder / f"zones/{name}.PNG", format="PNG")


def visible(seed):
    """The zones, but not available where the SAR image of `put` is not."""
    mask = zones(seed).copy()
    mask[:3, :4] = 0
    return mask


def run(folder, *options):
    """The folder command, inside this process; its exit code."""
    paths = ["--input", str(folder), "--output", str(folder.parent / "made")]
    return cli.run(prepare.main, ["folder", *paths, "--size", "64", *options])


def patches_of(made, stem):
    """The zones of a scene's patches put together again."""
    whole = np.zeros((128, 128), np.uint8)
    found = list(made.glob(f"*/zones/{stem}__*.png"))
    assert len(found) == 4
    for path in found:
        row, column = (int(part[1:]) for part in path.stem.split("__")[1].split("_"))
        whole[row : row + 64, column : column + 64] = images.read_png(path)
    return whole[: SIDES[0], : SIDES[1]]


@pytest.fixture
def mine(tmp_path):
    """A folder of a person: drawings of three kinds, umlauts, blanks, and what systems leave behind."""
    folder = tmp_path / "Eis 2019 (Süd)" / "meine Szenen"
    large = Image.fromarray(coloured(np.kron(zones(), np.ones((4, 4), np.uint8))))
    put(folder, SCENE, large.resize(SIDES[::-1], Image.LANCZOS), 1)  # soft rims
    put(folder, "Szene 2", Image.fromarray(coloured(zones(1))).convert("RGBA"), 2)
    put(folder, "drei", Image.fromarray(coloured(zones(2))).convert("P", palette=Image.ADAPTIVE, colors=8), 3)
    for name in ("Thumbs.db", ".DS_Store", "zones/desktop.ini", "sar/._drei.TIF", "sar/drei.tfw"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    return folder


# ---- Masks ----------------------------------------------------------------------------------------------------------


def test_drawings_become_a_data_set(mine, capsys):
    assert run(mine, "--split", "scene", "--as-drawn") == 0
    made = mine.parent / "made"
    for seed, stem in enumerate((SCENE, "Szene 2", "drei")):
        wrong = patches_of(made, stem) != visible(seed)
        assert wrong.mean() < (0.01 if stem == SCENE else 1e-9)  # a soft rim may go to either side
    assert "left out files that are no images: 1 x .tfw" in capsys.readouterr().out


def test_drawings_are_not_taken_unasked_and_the_cure_is_told(mine, capsys):
    assert run(mine, "--split", "scene") == 2
    message = capsys.readouterr().err
    for name in (f"{SCENE}.PNG", "Szene 2.PNG"):
        (line,) = [line for line in message.splitlines() if name in line]
        assert "add --as-drawn" in line
    assert "drei.PNG" not in message  # a palette whose colours are the classes' leaves nothing open
    assert not (mine.parent / "made").exists()


def test_class_numbers_of_a_gis(tmp_path, capsys):
    folder = tmp_path / "gis"
    numbers = np.zeros(256, np.uint8)
    numbers[list(ZONE_VALUES)] = [255, 1, 2, 3]
    for i, dtype in enumerate((np.uint8, np.uint16)):
        put(folder, f"s{i}", numbers[zones(i)].astype(dtype), i)
    assert run(folder, "--split", "scene") == 2
    assert "--classes 1=CLASS 2=CLASS 3=CLASS 255=CLASS, each CLASS one of na, rock" in capsys.readouterr().err
    assert run(folder, "--split", "scene", "--classes", "1=rock", "2=glacier", "3=ocean") == 2
    assert "the value 255 is none of --classes" in capsys.readouterr().err
    assert run(folder, "--split", "scene", "--classes", "1=rock", "2=glacier", "3=ocean", "255=na") == 0
    for i in range(2):
        np.testing.assert_array_equal(patches_of(tmp_path / "made", f"s{i}"), visible(i))


def test_class_numbers_are_not_mistaken_for_a_black_drawing(tmp_path, capsys):
    for i in range(2):  # 0, 1, 2, 3: all within the tolerance of 0
        put(tmp_path / "in", f"s{i}", Image.fromarray(np.searchsorted(ZONE_VALUES, zones(i)).astype(np.uint8)), i)
    assert run(tmp_path / "in", "--split", "scene") == 2
    message = capsys.readouterr().err
    assert "--classes 0=CLASS 1=CLASS 2=CLASS 3=CLASS" in message
    assert "--as-drawn" not in message
    assert run(tmp_path / "in", "--split", "scene", "--as-drawn") == 2
    assert "no grey value above 3, so that all would be not available" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--classes", "1=sea"], "the classes are na, rock, glacier, ocean"),
        (["--classes", "1=rock", "1=ocean"], "for each value once"),
        (["--classes", "rock"], "give VALUE=CLASS"),
        (["--classes", "1=rock", "--as-drawn"], "leave one of them out"),
        (["--as-drawn", "--tolerance", "200"], "must be from 0 to 127"),
        (["--tolerance", "9"], "add --as-drawn"),
        (["--as-drawn", "--side-by-side"], "one folder per role"),
    ],
)
def test_mistakes_with_masks_are_told(mine, capsys, options, words):
    assert run(mine, *options) == 2
    assert words in capsys.readouterr().err


def test_several_values_may_be_of_one_class():
    assert parse_classes(["0=na", "7=ocean", "8=ocean", "1=rock"]) == {0: 0, 7: 254, 8: 254, 1: 64}


def test_class_numbers_as_gis_programs_write_them():
    assert parse_classes(["-9999=na", "1.0=rock", "2.=ocean"]) == {-9999: 0, 1: 64, 2: 254}
    for word in ("1.5=rock", "x=rock", "=rock", "1e3=rock", "1=ice"):
        with pytest.raises(UserError, match="give VALUE=CLASS"):
            parse_classes([word])


def test_fronts_that_follow_from_the_zones(mine, tmp_path, capsys):
    assert run(mine, "--split", "scene", "--as-drawn", "--add-fronts") == 0
    made = mine.parent / "made"
    data = load_dataset(made, ("fronts",))
    columns = set()
    for split, stems in data.stems.items():
        for stem in stems:
            if scene_names.scene_of(stem) == "drei" and scene_names.place_of(stem)[0] == 0:
                rows, found = np.nonzero(images.read_png(data.path(split, "fronts", stem)))
                columns |= set((found + scene_names.place_of(stem)[1]).tolist())
                assert rows.min(initial=20) >= 20  # rock above: no front there
    assert columns == {52}  # the first column of the ocean: see zones(2)
    run_again = ["folder", "--input", str(mine), "--output", str(tmp_path / "other"), "--as-drawn", "--add-fronts"]
    shutil.rmtree(mine / "zones")
    assert cli.run(prepare.main, run_again) == 2
    assert "--add-fronts is for scenes that have zones" in capsys.readouterr().err


def test_missing_fronts_have_a_cure(mine):
    run(mine, "--split", "scene", "--as-drawn")
    with pytest.raises(UserError, match="prepare folder --add-fronts"):
        load_dataset(mine.parent / "made", ("zones", "fronts"))


# ---- Tables ---------------------------------------------------------------------------------------------------------


def told(folder, data):
    folder.mkdir(exist_ok=True)
    (folder / "scenes.csv").write_bytes(data)
    return scene_table.read_facts(folder)


@pytest.mark.parametrize("between", [";", ",", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_however_a_spreadsheet_saves_the_table(tmp_path, between, ends, encoding):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=between, lineterminator=ends)
    writer.writerows([HEAD.split(";"), [SCENE, "Jökull Süd", "2019-07-01", "ERS", "12,5"], ["", "", "", "", ""]])
    facts = {"glacier": "Jökull Süd", "date": "2019-07-01", "sensor": "ERS", "metres_per_pixel": 12.5}
    assert told(tmp_path, text.getvalue().encode(encoding)) == {SCENE: facts}


def test_what_a_table_tells_stands_in_the_data_set(mine, capsys):
    lines = (HEAD, f"{SCENE}.TIF;Süd;01.07.2019;ERS;20,0", "drei;Nord;;;", "vier;Nord;;;")
    (mine / "scenes.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    assert run(mine, "--split", "scene", "--as-drawn", "--hold-out", "Süd") == 0
    out = capsys.readouterr().out
    assert "scenes.csv has lines without a scene: vier" in out
    assert "scenes.csv has no line for Szene 2" in out
    scene = dataset.read(mine.parent / "made").scenes[SCENE]
    assert (scene.split, scene.glacier, scene.date, scene.metres_per_pixel) == ("test", "Süd", "2019-07-01", 20.0)
    (mine / "scenes.csv").write_text(HEAD)
    assert run(mine, "--split", "scene", "--as-drawn", "--hold-out", "Süd") == 2  # other facts, another data set
    assert "made with other settings, and nothing is overwritten:\n- table: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name;gletscher\n", "Unknown column 'gletscher'. Did you mean 'glacier'?"),
        ("glacier;date\nSI;2011-08-02\n", "name among them"),
        ("", "name among them"),
        ("name;date;date\n", "each once"),
        ("name;date\na;3/4/2019\n", "date should be YYYY-MM-DD or DD.MM.YYYY"),
        ("name;date\na;31.02.2019\n", "date should be"),
        ("name;metres_per_pixel\na;ten\n", "metres_per_pixel a number"),
        ("name;metres_per_pixel\na;inf\n", "metres_per_pixel a number"),
        ("name;metres_per_pixel\na;-3\n", "a number above 0"),
        ("name;quality\na;7\n", "a whole number from 1 (best) to 6"),
        ("name;date\na;2019-07-01\na;2019-07-02\n", "Scene a has two lines"),
        ("name;date\n;2019-07-01\n", "should have a name"),
        ("name;date\na;2019-07-01;x\n", "no more cells"),
    ],
)
def test_a_table_with_a_mistake(tmp_path, text, words):
    with pytest.raises(UserError) as caught:
        told(tmp_path, text.encode())
    assert words in str(caught.value)
    assert str(tmp_path / "scenes.csv") in str(caught.value)


@pytest.mark.parametrize("between", [";", ","])
def test_the_benchmarks_own_table_after_a_spreadsheet_had_it(tmp_path, between):
    text = io.StringIO()
    csv.writer(text, delimiter=between).writerows(
        [
            ["image_name", "glacier_name", "Bounding box coordinates", "Coordinate system"],
            ["a_geo.tif", "Sjögren", "BoundingBox(left=1.5, bottom=-2, right=5e5, top=3)", "EPSG:3031"],
        ]
    )
    (tmp_path / "meta_data.csv").write_bytes(text.getvalue().encode("utf-8-sig"))
    assert caffe_source.read_metadata(tmp_path) == {"a": {"bounds": (1.5, -2.0, 5e5, 3.0), "crs": "EPSG:3031"}}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    start=st.sampled_from([b"", b"name;date\n", b"name,metres_per_pixel,quality\r\n", b"\xff\xfen\0"]),
    rest=st.one_of(st.binary(max_size=60), st.text('ab01.-;,"\r\n \t\0', max_size=60).map(str.encode)),
)
def test_whatever_a_table_holds_it_is_read_or_refused(tmp_path_factory, start, rest):
    folder = tmp_path_factory.mktemp("any")
    said = ""
    try:
        for facts in told(folder, start + rest).values():
            assert facts.keys() <= set(scene_table.FACTS)
    except UserError as error:
        said = str(error)
    assert "\n" not in said


def test_no_table_tells_nothing(tmp_path):
    assert scene_table.read_facts(tmp_path) == {}


def test_a_table_goes_before_the_name(tmp_path):
    put(tmp_path, "DBE_2004-10-07_RSAT_12_4_282", zones())
    (tmp_path / "scenes.csv").write_text("name,sensor\nDBE_2004-10-07_RSAT_12_4_282,ERS\n")
    facts = source.read(source.find(tmp_path)[0]).facts
    assert (facts["glacier"], facts["sensor"]) == ("DBE", "ERS")


# ---- What else hurt -------------------------------------------------------------------------------------------------


def test_a_val_that_outweighs_train_is_told(tmp_path, capsys):
    for i, name in enumerate(("a", "b")):
        put(tmp_path / "in", name, zones(i), i)
    for folder in ("zones", "sar"):  # b: one patch beside the four of a
        path = tmp_path / f"in/{folder}/b.TIF"
        tifffile.imwrite(path, tifffile.imread(path)[:40, :40])
    said = []
    for seed in range(4):
        paths = ["--input", str(tmp_path / "in"), "--output", str(tmp_path / f"made{seed}")]
        prepare.main(["folder", *paths, "--size", "64", "--split", "scene", "--seed", str(seed)])
        large = len(list((tmp_path / f"made{seed}/val/sar").iterdir())) == 4
        said.append(large)
        assert ("warning: val has more patches than train" in capsys.readouterr().out) == large
    assert any(said)
    assert not all(said)


def test_patches_that_are_cut_already_stay_with_their_scene(tmp_path):
    for i in range(6):
        put(
            tmp_path / "in",
            f"{'JAC' if i < 4 else 'SI'}_2010-01-0{i // 2 + 1}_ERS_20_1_7__y00000_x{i:05d}",
            zones(i),
            i,
        )
    assert run(tmp_path / "in", "--split", "scene", "--val", "0.4", "--hold-out", "SI") == 0
    found = load_dataset(tmp_path / "made", ("zones", "sar"), ("train", "val", "test")).scenes
    of_split = {split: {name[:14] for name, one in found.items() if one.split == split} for split in ("train", "val")}
    assert sorted(map(sorted, of_split.values())) == [["JAC_2010-01-01"], ["JAC_2010-01-02"]]
    assert {one.glacier for one in found.values() if one.split == "test"} == {"SI"}


def test_masks_may_say_that_they_are_masks(tmp_path):
    put(tmp_path, "Jökull 1", zones())
    (tmp_path / "zones/Jökull 1.TIF").rename(tmp_path / "zones/Jökull 1_mask.TIF")
    assert [one.name for one in source.find(tmp_path)] == ["Jökull 1"]


def test_folders_by_other_names(tmp_path):
    put(tmp_path, "a", zones())
    (tmp_path / "zones").rename(tmp_path / "Masks")
    (tmp_path / "sar").rename(tmp_path / "images")
    with pytest.raises(UserError) as caught:
        source.find(tmp_path)
    assert "Unknown role folder 'Masks'. Rename it, to 'zones' as it seems." in str(caught.value)
    assert "Unknown role folder 'images'. Rename it, to 'sar' as it seems." in str(caught.value)


def test_a_run_with_a_blank_in_its_name_can_be_served():
    assert name_models(["Läufe/erster Lauf (neu)"]) == {"erster_Lauf__neu_": Path("Läufe/erster Lauf (neu)")}
    with pytest.raises(UserError, match="letters, digits"):  # but a name that somebody chose is not changed
        name_models(["erster Lauf=runs/orig"])


def test_a_json_file_that_an_editor_of_windows_saved(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{\r\n  "name": "mine"\r\n}\r\n')
    assert files.read_json(tmp_path / "a.json") == {"name": "mine"}
