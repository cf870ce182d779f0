import json

import geopandas
import numpy as np
import pytest

from pix2pix_tf.fronts import vector_files
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.utils import files

LINE, PIXEL = np.array([[0, 0], [1, 1], [1, 2]]), np.array([[3, 4]])
BOUNDS = (1000.0, 500.0, 1100.0, 580.0)  # an image of 4 rows and 5 columns: pixels of 20 x 20 metres


def test_coordinates_are_the_middles_of_pixels_by_hand():
    collection = vector_files.feature_collection([LINE, PIXEL], BOUNDS, "EPSG:3031", 4, 5, {"scene": "A"})
    line, point = collection["features"]
    assert line["geometry"] == {"type": "LineString", "coordinates": [[1010, 570], [1030, 550], [1050, 550]]}
    assert point["geometry"] == {"type": "Point", "coordinates": [1090, 510]}
    assert line["properties"]["scene"] == point["properties"]["scene"] == "A"
    assert line["properties"]["coordinates"] == "x and y in EPSG:3031"


def test_pixels_need_not_be_square():
    (feature,) = vector_files.feature_collection([PIXEL], (0, 0, 10, 100), "EPSG:3413", 10, 5, {})["features"]
    assert feature["geometry"]["coordinates"] == [9, 65]


def test_the_projection_is_named_as_gdal_names_it():
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3031"}}
    for crs in ("EPSG:3031", "epsg:3031"):
        assert vector_files.feature_collection([LINE], BOUNDS, crs, 4, 5, {})["crs"] == named
    other = vector_files.feature_collection([LINE], BOUNDS, "urn:ogc:def:crs:EPSG::32621", 4, 5, {})
    assert other["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32621"


def test_without_bounds_coordinates_are_pixels_and_say_so():
    for crs in (None, "EPSG:3031"):  # a projection alone places nothing
        collection = vector_files.feature_collection([LINE, PIXEL], None, crs, 4, 5, {})
        line, point = collection["features"]
        assert line["geometry"]["coordinates"] == [[0.5, 0.5], [1.5, 1.5], [2.5, 1.5]]
        assert point["geometry"]["coordinates"] == [4.5, 3.5]
        assert "pixels" in line["properties"]["coordinates"]
        assert "crs" not in collection


def test_bounds_without_a_projection_are_used_and_nothing_is_claimed():
    collection = vector_files.feature_collection([PIXEL], BOUNDS, None, 4, 5, {})
    assert collection["features"][0]["geometry"]["coordinates"] == [1090, 510]
    assert "not known" in collection["features"][0]["properties"]["coordinates"]
    assert "crs" not in collection


def test_bounds_that_enclose_nothing_are_refused():
    for bounds in ((10, 0, 10, 5), (0, 5, 10, 5), (0, 5, 10, 0), (float("nan"), 0, 1, 1)):
        with pytest.raises(ValueError, match="enclose nothing"):
            vector_files.feature_collection([LINE], bounds, "EPSG:3031", 4, 5, {})


def test_what_is_written_gives_the_front_again(tmp_path):
    front = np.zeros((30, 40), bool)
    front[10, 5:25], front[20, 30] = True, True
    front[np.arange(11, 20), np.arange(25, 34)] = True
    path = tmp_path / "front.geojson"
    facts = {"glacier": "Müller", "date": None}
    files.write_json(path, vector_files.feature_collection(polylines(front), BOUNDS, "EPSG:3031", *front.shape, facts))
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["type"] == "FeatureCollection"
    again = np.zeros_like(front)
    for feature in read["features"]:
        points = feature["geometry"]["coordinates"]
        for x, y in [points] if feature["geometry"]["type"] == "Point" else points:
            again[int((580 - y) / (80 / 30)), int((x - 1000) / (100 / 40))] = True
        assert feature["type"] == "Feature" and feature["properties"]["glacier"] == "Müller"
    assert np.array_equal(again, front)


def test_a_scene_without_a_front_has_no_features(tmp_path):
    path = tmp_path / "front.geojson"
    files.write_json(path, vector_files.feature_collection([], None, None, 4, 5, {}))
    assert json.loads(path.read_text()) == {"type": "FeatureCollection", "features": []}


def test_what_json_cannot_hold_leaves_no_file(tmp_path):
    collection = vector_files.feature_collection([LINE], None, None, 4, 5, {"error": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "front.geojson", collection)
    assert not list(tmp_path.iterdir())


def test_a_geopackage_holds_the_same_lines_in_the_projection_of_the_scene(tmp_path):
    facts = [{"length_m": 40.0, "flags": None}, {"length_m": 0.0, "flags": "short"}]
    collection = vector_files.feature_collection([LINE, LINE + 1], BOUNDS, "EPSG:3031", 4, 5, {"scene": "Ü"}, facts)
    path = tmp_path / "front.gpkg"
    vector_files.write_geopackage(path, {"fronts": (collection["features"], "EPSG:3031"), "spread": ([], None)})
    read = geopandas.read_file(path, layer="fronts")
    assert read.crs.to_epsg() == 3031 and list(read.geom_type) == ["LineString"] * 2
    assert list(read.geometry[0].coords) == [(1010, 570), (1030, 550), (1050, 550)]
    assert list(read["scene"]) == ["Ü", "Ü"] and list(read["length_m"]) == [40, 0]
    assert read["flags"][1] == "short" and not isinstance(read["flags"][0], str)
    assert len(geopandas.read_file(path, layer="spread")) == 0
    assert [one.name for one in tmp_path.iterdir()] == ["front.gpkg"]


def test_a_geopackage_without_a_projection_claims_none(tmp_path):
    collection = vector_files.feature_collection([LINE], None, None, 4, 5, {"scene": "a"})
    vector_files.write_geopackage(tmp_path / "f.gpkg", {"fronts": (collection["features"], None)})
    read = geopandas.read_file(tmp_path / "f.gpkg")
    assert next(iter(read.geometry[0].coords)) == (0.5, 0.5)
    assert read.crs is None or "ndefined" in read.crs.name
