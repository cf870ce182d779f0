"""Scenes that `fronts` is given."""

import shutil

from pix2pix_tf.data.io import images
from pix2pix_tf.fronts import inputs


def test_the_signature_of_a_data_set_s_scene_changes_with_its_patches(fronts_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(fronts_data, data)
    before = {one.name: one.signature for one in inputs.find([data], ("sar",))}
    assert before == {one.name: one.signature for one in inputs.find([data], ("sar",))}
    path = sorted((data / "train/sar").glob("*.png"))[0]
    images.write_png(path, 255 - images.read_png(path), {"note": "stretched otherwise"})
    after = {one.name: one.signature for one in inputs.find([data], ("sar",))}
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == 1 and path.stem.startswith(changed[0])


def test_a_date_in_a_name_is_a_day_of_the_calendar():
    assert inputs.facts_of("S1A_20230228T0902") == {"date": "2023-02-28"}
    assert inputs.facts_of("S1A_20230231T0902") == {}
