"""Does a generator meet the style of an image that it has never seen? python -m benchmarks.quality.styles

Each mask of a split is generated in the style measured in its own real image, as `generate --style sar.png --style-mask
zones.png` does, and the style is measured again. Prints, for each zone, how far the mean tone is off: the mean and the
root mean square over the images, in dB of amplitude (of greys far above `encoding.KNEE`; less in the dark). The split
`test` of a data set prepared with --hold-out shows styles that training has not had.

  python -m benchmarks.quality.styles --model runs/speckle-si --data datasets/caffe256-si --split test
"""

import argparse
import math
from pathlib import Path

import numpy as np

import pix2pix_tf
from pix2pix_tf.api.models import Generator
from pix2pix_tf.data.classes import ZONE_NAMES
from pix2pix_tf.data.encoding import KNEE
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import evenly_spaced, load_dataset
from pix2pix_tf.export import inference

DB = 20 / math.log(10) * math.log1p(255 / KNEE) / 2  # of one unit of log tone, which runs from -1 to 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a run or an export of speckle")
    parser.add_argument("--data", type=Path, required=True, help="a data set with zones and SAR images")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"), help="(default: test)")
    parser.add_argument("--count", type=int, default=30, help="images, evenly spaced (default: 30)")
    options = parser.parse_args()
    dataset = load_dataset(options.data, ("zones", "sar"), (options.split,))
    model, generator = inference.load(options.model), pix2pix_tf.load(options.model)
    if not isinstance(generator, Generator) or not model.styles:
        raise SystemExit(f"error: {options.model} generates no images in styles.")
    changes = []
    for seed, stem in enumerate(evenly_spaced(dataset.stems[options.split], options.count)):
        zones, sar = (images.read_png(dataset.path(options.split, role, stem))[..., None] for role in ("zones", "sar"))
        generated = np.reshape(generator.generate(zones, seed=seed, style=(sar, zones)), sar.shape)
        (asked, flags), (found, _) = (
            np.array(inference.measure_style(model, image, zones)) for image in (sar, generated)
        )
        changes.append(np.where(flags, DB * (found - asked), np.nan)[: len(ZONE_NAMES) - 1])
    print(f"{len(changes)} images: mean tone minus that asked for, dB: mean, root mean square")
    for zone, values in zip(ZONE_NAMES[1:], np.transpose(changes), strict=True):
        known = values[~np.isnan(values)]
        print(f"{zone:<9}{known.mean():7.2f}{np.sqrt(np.mean(known**2)):7.2f}" if known.size else f"{zone:<9}   none")


if __name__ == "__main__":
    main()
