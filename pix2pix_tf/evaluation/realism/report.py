"""The report's sections on realism and faithfulness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.statistics import RealismScores
from pix2pix_tf.evaluation.scores import Scores, at_last_common_epoch, name_of
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.metrics.statistics import confidence_interval

HOW_TO_READ_REALISM = """\
- **No image is compared with its own target here.** One set of images is compared with another: the {images} images of
  {scenes} scenes are split into two halves, scene by scene, in {halvings} ways. A run's figure compares the images that
  it generates for one half with the real images of the other half. The first line does the same with the **real**
  images of the one half: no figure can be expected below it with so many images, and a run that is no farther off
  cannot be distinguished from real images by this measure. Given are the mean over the halvings ± their standard
  deviation, which is no confidence interval, since the halvings share their images.
- **Histogram**: how many dB the grey of a pixel must be moved in the mean to turn one distribution of log-intensity
  into the other (Wasserstein), zone by zone. Grey 0 counts as {darkest:.1f} dB.
- **Spectrum**: the mean difference of the radially averaged power spectra of log-intensity. Images without speckle fall
  off at the right of the plot; a repeated pattern stands out as a peak.
- **Kernel distance**: the squared maximum mean discrepancy of the features at the segmenter's bottleneck, with a cubic
  kernel (KID, Bińkowski et al. 2018, but with our own network). It is unbiased: for two sets of one kind it is around 0
  and sometimes below. Its standard error (jackknife over the images, of one halving) is large for few images: a figure
  less than about three of them above the first line shows no difference. Figures of two segmenters do not compare.
- **Looks**: mean² / variance of the intensity, the median over windows of {window} x {window} pixels within one zone;
  given are the median over the images and their quartiles, since sensors and processing differ from scene to scene.
  More looks than the real images have: too smooth; fewer: too rough.
- Decibels and looks are the radar's where grey is proportional to amplitude, as in CaFFe. Pixels that the mask marks as
  not available are left out, except in the kernel distance. Patches of one scene are alike, so the images count for
  less than their number.
"""

HOW_TO_READ_FAITHFULNESS = """\
- **Faithfulness** is the overlap (IoU) of the zones that the segmenter predicts for a generated image with those of the
  mask that it was generated from: for each zone the mean over the images that have it; `mean` averages over the zones
  of each image first. ± is half of the 95 % interval of the mean (Student's t), as in the table of scores.
- The first line is the same for the **real** images of the same masks. It is a yardstick, no upper bound: a generated
  image may be plainer than a real one and easier to segment. `generated - real` is the mean of the differences, image
  by image.
- A segmenter errs most where it was not trained. On glaciers that it was not trained on, the first line falls, and a
  low figure then means little.
"""

OLD_EXPORT = (
    "No kernel distance: the export of {segmenter} does not return its features. Train it anew, or take a newer one "
    "(python train.py --variant zones)."
)


@dataclass(frozen=True)
class RealismResults:
    """Realism and faithfulness, scored by a network that segments zones."""

    segmenter: str  # run@epoch
    trained_on: str  # the origin of its training data
    scenes: int  # of the images
    has_features: bool  # of its export: else there is no kernel distance
    real: RealismScores  # of the real images with each other
    generated: Mapping[tuple[str, int], RealismScores]  # by run and epoch


def with_realism(scores: Sequence[Scores], results: RealismResults) -> list[Scores]:
    """Add the figures of realism and faithfulness to the scores."""
    return [
        replace(
            s,
            values={**s.values, "faithfulness": results.generated[s.run, s.epoch].faithfulness},
            of_all=results.generated[s.run, s.epoch].summary(),
        )
        for s in scores
    ]


def sections(scores: Sequence[Scores], results: RealismResults) -> str:
    """Return the sections "Realism" and "Faithfulness" of report.md; the first shows realism.png.

    Args:
      scores: of all runs and epochs, in any order.
      results: of the same runs and epochs.
    """
    _, last = at_last_common_epoch(scores)
    images = len(results.real.overlap)
    notes = HOW_TO_READ_REALISM.format(
        images=images,
        scenes=results.scenes,
        halvings=sar_realism.HALVINGS,
        darkest=float(sar_realism.decibels(np.zeros(()))),
        window=sar_realism.WINDOW,
    )
    missing = "" if results.has_features else "\n" + OLD_EXPORT.format(segmenter=results.segmenter) + "\n"
    return f"""## Realism

![Log-intensity by zone, and radial spectra, of real and generated images](realism.png)

{_distances(last, results)}
{missing}
Equivalent number of looks, median over the images (quartiles):

{_looks(last, results)}

{notes}
## Faithfulness

Zones segmented by {results.segmenter}, trained on data of origin: {results.trained_on}. IoU with the mask:

{_overlaps(last, results)}

{HOW_TO_READ_FAITHFULNESS}
"""


def _distances(last: Sequence[Scores], results: RealismResults) -> str:
    head = ["images", "epoch", *(f"histogram, {name} (dB)" for name in sar_realism.ZONE_NAMES), "spectrum (dB)"]
    head += ["kernel distance", "its standard error"] if results.has_features else []
    lines = []
    for name, epoch, one in _sources(last, results, "real, other half"):
        cells = [_spread(values, 2) for values in (*one.histogram.T, one.spectrum)]
        kernel = (
            [_spread(one.kernel, 4), _number(statistics.known_mean(one.kernel_error), 4)]
            if results.has_features
            else []
        )
        lines.append([name, epoch, *cells, *kernel])
    return markdown(head, lines)


def _looks(last: Sequence[Scores], results: RealismResults) -> str:
    lines = []
    for name, epoch, one in _sources(last, results, "real"):
        cells = [f"{_number(m, 1)} ({_number(low, 1)} to {_number(high, 1)})" for low, m, high in one.looks.T]
        lines.append([name, epoch, *(cell if "–" not in cell else "–" for cell in cells)])
    return markdown(["images", "epoch", *sar_realism.ZONE_NAMES], lines)


def _overlaps(last: Sequence[Scores], results: RealismResults) -> str:
    lines = []
    for name, epoch, one in _sources(last, results, "real"):
        known = [of_zone[~np.isnan(of_zone)] for of_zone in one.overlap.T]
        cells = [_number(values.mean(), 3) if values.size else "–" for values in known]
        difference = one.faithfulness - results.real.faithfulness
        cells += [_interval(one.faithfulness), _interval(difference) if epoch else "", str(len(difference))]
        lines.append([name, epoch, *cells])
    return markdown(["images", "epoch", *classes.ZONE_NAMES, "mean", "generated - real", "n"], lines)


def _sources(last: Sequence[Scores], results: RealismResults, control: str) -> list[tuple[str, str, RealismScores]]:
    """Return the lines of a table: the real images, then each run at its epoch."""
    runs = [(name_of(s), str(s.epoch), results.generated[s.run, s.epoch]) for s in last]
    return [(control, "", results.real), *runs]


def _spread(values: np.ndarray, digits: int) -> str:
    """Return the mean over the halvings that have a value, and their standard deviation."""
    known = values[~np.isnan(values)]
    return f"{known.mean():.{digits}f} ± {known.std(ddof=1):.{digits}f}" if known.size > 1 else "–"


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _interval(values: np.ndarray) -> str:
    mean, half = confidence_interval(values)
    return f"{mean:.3f}" + ("" if half is None else f" ± {half:.3f}")
