"""Which scenes become a series, and the names of its files."""

import pytest

from pix2pix_tf.fronts import series
from pix2pix_tf.utils.errors import UserError


def scene(date, glacier="COL", x=0.0):
    record = {
        "scene": f"{glacier} {date}",
        "glacier": glacier,
        "date": date,
        "crs": "EPSG:3413",
        "bounds": [0.0, 0.0, 1000.0, 1000.0],
        "fronts": [{"network": "zones@1", "flow": [1.0, 0.0], "flags": []}],
    }
    line = {"geometry": {"coordinates": [[500.0 + x, 0.0], [500.0 + x, 1000.0]]}, "properties": {"network": "zones@1"}}
    return record, [line]


def test_a_date_that_is_none_leaves_its_scene_out():
    (found,) = series.collect([scene("2011-06-01"), scene("2012-06-01"), scene("2012-06"), scene("2011-02-31")], None)
    assert [str(one.date) for one in found.fronts] == ["2011-06-01", "2012-06-01"]
    with pytest.raises(UserError, match="two dates or more"):
        series.collect([scene("2011-06-01"), scene("June 2012")], None)


def test_files_of_a_series_stay_in_their_folder():
    (found,) = series.collect([scene("2011-06-01", "../../N"), scene("2012-06-01", "../../N")], None)
    assert found.name == "..%2F..%2FN-zones@1"
