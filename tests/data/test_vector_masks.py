import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK
from pix2pix_tf.data.io import vector_masks
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.io.limits import BadImage

LEFT, TOP, METRES = -1_500_000.0, 600_000.0, 10.0
GRID = Grid(30, 20, Affine(METRES, 0, LEFT, 0, -METRES, TOP), CRS.from_epsg(3031))  # 300 x 200 metres


def block(rows, columns):
    """A polygon that covers whole pixels."""
    (top, bottom), (left, right) = rows, columns
    return shapely.box(LEFT + METRES * left, TOP - METRES * bottom, LEFT + METRES * right, TOP - METRES * top)


def save(path, shapes, classes=None, crs="EPSG:3031", field="class", layer=None):
    values = {} if classes is None else {field: classes}
    frame = geopandas.GeoDataFrame(values, geometry=list(shapes), crs="EPSG:3031").to_crs(crs)
    frame.to_file(path, engine="pyogrio", **({} if layer is None else {"layer": layer}))
    return path


ICE, SEA, STONE = block((0, 20), (0, 10)), block((0, 10), (10, 30)), block((10, 15), (10, 30))
EXPECTED = np.zeros((20, 30), np.uint8)
EXPECTED[:, :10], EXPECTED[:10, 10:], EXPECTED[10:15, 10:] = GLACIER, OCEAN, ROCK


@pytest.mark.parametrize("suffix", vector_masks.SUFFIXES)
@pytest.mark.parametrize("values", [["glacier", "Ocean ", "rock"], [127, 254, 64], ["127", "254", "64"]])
def test_polygons_become_the_pixels_whose_centres_they_hold(tmp_path, suffix, values):
    path = save(tmp_path / f"zones{suffix}", [ICE, SEA, STONE], values)
    zones = vector_masks.read_zones(path, "class", None, GRID)
    assert zones.dtype == np.uint8 and np.array_equal(zones, EXPECTED)
    assert NOT_AVAILABLE in zones  # outside all polygons


def test_numbers_have_the_meaning_of_classes_and_names_keep_theirs(tmp_path):
    codes = {1: ROCK, 2: GLACIER, 3: OCEAN, 9: NOT_AVAILABLE}
    path = save(tmp_path / "z.gpkg", [ICE, SEA, STONE], [2.0, 3.0, 1.0], field="art")
    assert np.array_equal(vector_masks.read_zones(path, "art", codes, GRID), EXPECTED)
    path = save(tmp_path / "n.gpkg", [ICE, SEA, STONE], ["glacier", "3", "1"])
    assert np.array_equal(vector_masks.read_zones(path, "class", codes, GRID), EXPECTED)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32718", "EPSG:3857"])
def test_polygons_come_in_any_projection(tmp_path, crs):
    path = save(tmp_path / "z.gpkg", [ICE, SEA, STONE], ["glacier", "ocean", "rock"], crs)
    assert (vector_masks.read_zones(path, "class", None, GRID) == EXPECTED).mean() > 0.98


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 350), st.floats(-50, 250)), min_size=3, max_size=8))
def test_any_polygon_covers_the_centres_inside_it(tmp_path_factory, points):
    ring = shapely.make_valid(shapely.Polygon([(LEFT + x, TOP - y) for x, y in points])).buffer(1.0)
    rows, columns = np.indices((20, 30)) + 0.5
    centres = shapely.points(LEFT + METRES * columns, TOP - METRES * rows)
    inside = shapely.contains(ring, centres)
    path = tmp_path_factory.mktemp("v") / "z.gpkg"
    save(path, [ring, block((-99, -98), (0, 1)), block((0, 20), (29, 30))], ["rock", "ocean", "rock"])
    zones = vector_masks.read_zones(path, "class", None, GRID)
    clear = shapely.distance(shapely.boundary(ring), centres) > 1e-3  # a centre on the border may go either way
    assert np.array_equal((zones == ROCK)[clear], (inside | (columns > 29))[clear]) and OCEAN not in zones


def test_where_polygons_overlap_slightly_the_later_one_counts_and_much_is_refused(tmp_path):
    sliver = block((0, 5), (9, 30))
    path = save(tmp_path / "a.gpkg", [ICE, sliver], ["glacier", "ocean"])
    assert vector_masks.read_zones(path, "class", None, GRID)[0, 9] == OCEAN
    path = save(tmp_path / "b.gpkg", [ICE, block((0, 5), (5, 30))], ["glacier", "ocean"])
    with pytest.raises(BadImage, match="overlap in 4% of the scene"):
        vector_masks.read_zones(path, "class", None, GRID)
    path = save(tmp_path / "c.gpkg", [ICE, block((0, 5), (5, 10)), SEA], ["glacier", "glacier", "ocean"])
    assert vector_masks.read_zones(path, "class", None, GRID)[0, 7] == GLACIER  # one class twice is no conflict


def test_lines_are_one_pixel_wide(tmp_path):
    y = TOP - 45
    lines = [
        shapely.LineString([(LEFT + 5, y), (LEFT + 95, y)]),
        shapely.LineString([(LEFT + 105, y), (LEFT + 195, y - 90)]),
    ]
    front = vector_masks.read_fronts(save(tmp_path / "f.geojson", lines, crs="EPSG:3031"), GRID)
    expected = np.zeros((20, 30), np.uint8)
    expected[4, :10] = 255
    expected[np.arange(4, 14), np.arange(10, 20)] = 255
    assert np.array_equal(front, expected)


def test_of_several_layers_the_one_named_after_the_role_counts(tmp_path):
    path = save(tmp_path / "all.gpkg", [ICE, SEA, STONE], ["glacier", "ocean", "rock"], layer="Zones")
    save(path, [shapely.LineString([(LEFT, TOP - 5), (LEFT + 290, TOP - 5)])], layer="fronts")
    assert np.array_equal(vector_masks.read_zones(path, "class", None, GRID), EXPECTED)
    assert vector_masks.read_fronts(path, GRID)[0].all()
    other = save(tmp_path / "other.gpkg", [ICE], ["glacier"], layer="a")
    save(other, [SEA], ["ocean"], layer="b")
    with pytest.raises(BadImage, match="2 layers, none of which is zones"):
        vector_masks.read_zones(other, "class", None, GRID)


def test_of_a_file_of_several_dates_the_shapes_of_the_scene_count(tmp_path):
    frame = geopandas.GeoDataFrame({"class": ["glacier", "ocean"], "scene": ["a", "b"]}, geometry=[ICE, ICE])
    frame.set_crs(3031).to_file(tmp_path / "z.gpkg")
    assert (vector_masks.read(tmp_path / "z.gpkg", "zones", "class", None, GRID, "a")[:, :10] == GLACIER).all()
    assert (vector_masks.read(tmp_path / "z.gpkg", "zones", "class", None, GRID, "b")[:, :10] == OCEAN).all()
    with pytest.raises(BadImage, match="no shape has the scene 'c'"):
        vector_masks.read(tmp_path / "z.gpkg", "zones", "class", None, GRID, "c")


@pytest.mark.parametrize(
    ("values", "scene"), [([2018, 2019], "2019"), ([2018.0, 2019.0], "2019"), (["a", "Jo\u0308kull"], "J\u00f6kull")]
)
def test_scenes_are_found_by_numbers_and_in_both_spellings_of_an_umlaut(tmp_path, values, scene):
    frame = geopandas.GeoDataFrame({"class": ["glacier", "ocean"], "scene": values}, geometry=[ICE, ICE])
    frame.set_crs(3031).to_file(tmp_path / "z.gpkg")
    assert (vector_masks.read(tmp_path / "z.gpkg", "zones", "class", None, GRID, scene)[:, :10] == OCEAN).all()


def test_the_polygons_of_a_collection_count(tmp_path):
    mixed = shapely.GeometryCollection([SEA, shapely.Point(LEFT, TOP)])
    path = save(tmp_path / "z.gpkg", [ICE, mixed, STONE], ["glacier", "ocean", "rock"])
    assert np.array_equal(vector_masks.read_zones(path, "class", None, GRID), EXPECTED)


def test_what_cannot_be_used_is_named_with_the_cure(tmp_path):
    def refusal(path, field="class", grid=GRID, codes=None):
        with pytest.raises(BadImage) as caught:
            vector_masks.read_zones(path, field, codes, grid)
        return str(caught.value)

    good = save(tmp_path / "z.gpkg", [ICE], ["glacier"])
    assert "no field 'typ' (name it with --zone-field; there are: class)" in refusal(good, "typ")
    with pytest.raises(BadImage, match="a place on the ground"):
        vector_masks.read(good, "zones", "class", None, None, "a")
    far = Grid(30, 20, Affine(10, 0, 0, 0, -10, 0), CRS.from_epsg(3031))
    assert "no polygon lies within the scene" in refusal(good, grid=far)
    assert "'ice' is none of na" in refusal(save(tmp_path / "c.gpkg", [ICE], ["ice"]))
    assert "2" in refusal(save(tmp_path / "d.gpkg", [ICE], [2])) and "--classes" in refusal(tmp_path / "d.gpkg")
    assert "without a class" in refusal(save(tmp_path / "e.gpkg", [ICE, SEA], ["rock", None]))
    assert "without a class" in refusal(save(tmp_path / "f.gpkg", [ICE, SEA], [64, np.nan]))
    line = save(tmp_path / "l.gpkg", [shapely.LineString([(LEFT, TOP), (LEFT + 9, TOP - 9)])], ["rock"])
    assert "no polygon" in refusal(line)
    (tmp_path / "t.gpkg").write_bytes(good.read_bytes()[:5000])
    assert "not a whole gpkg" in refusal(tmp_path / "t.gpkg")
    (tmp_path / "v.shp").write_text("<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>")
    assert "not a shp, whatever its name says" in refusal(tmp_path / "v.shp")
    (tmp_path / "j.geojson").write_text('{"type": "FeatureCollection", "features": [{"type": "F')
    assert "not a whole geojson" in refusal(tmp_path / "j.geojson")
    assert "not readable" in refusal(tmp_path / "none.gpkg")
    geopandas.GeoDataFrame({"class": ["rock", "ocean"]}, geometry=[ICE, None], crs=3031).to_file(tmp_path / "e.gpkg")
    assert "1 of its shapes without geometry" in refusal(tmp_path / "e.gpkg")
    geopandas.GeoDataFrame({"class": ["rock"]}, geometry=[ICE]).to_file(tmp_path / "no.shp")
    assert "without a CRS" in refusal(tmp_path / "no.shp")
