"""A few small scenes in the layout of the CaFFe benchmark."""

import numpy as np

from pix2pix_tf.data.io import images

JAC, DBE, SI, CRANE, CRANE2 = TRAIN = (
    "JAC_2011-08-23_TSX_6_1_027", "DBE_2004-10-07_RSAT_12_4_282", "SI_2011-08-02_TSX_7_1_152",
    "Crane_2002-11-09_ERS_20_2_061", "Crane_2003-01-18_ENVISAT_20_5_195",
)  # fmt: skip
COL, MAPPLE = TEST = ("COL_2011-11-13_TDX_7_1_092", "Mapple_2009-09-22_S1_20_3_009")
SIDES = {
    JAC: (70, 64),
    DBE: (40, 100),
    SI: (64, 64),
    CRANE: (33, 50),
    CRANE2: (20, 41),
    COL: (64, 80),
    MAPPLE: (45, 15),
}
BOX = "x,y\n10.4,40.6\n10.4,4.2\n60.5,4.2\n60.5,40.6\n"  # left upper, left lower, right lower, right upper


def scene(name):
    """Zones, a front one pixel wide, and sar, the same for the same name."""
    height, width = SIDES[name]
    rng = np.random.default_rng(list(name.encode()))
    zones = rng.choice(np.array([0, 64, 127, 254], np.uint8), (height, width))
    front = np.zeros((height, width), np.uint8)
    front[5:-5, width // 2] = 255
    return zones, front, rng.integers(0, 256, (height, width), dtype=np.uint8)


def put(root, name, split, suffix=".png"):
    zones, front, sar = scene(name)
    for folder, end, pixels in (("zones", "_zones", zones), ("fronts", "_front", front), ("sar_images", "", sar)):
        images.write_png(root / folder / split / f"{name}{end}{suffix}", pixels)
    (root / "bounding_boxes").mkdir(exist_ok=True)
    (root / f"bounding_boxes/{name}_front_extent_coord.txt").write_text(BOX)
