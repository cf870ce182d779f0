"""What an evaluation says of realism and faithfulness, in words and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.statistics import RealismScores
from pix2pix_tf.evaluation.scores import Scores, at_last_common_epoch, name_of
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics import sar_realism

HOW_TO_READ_REALISM = """\
- **No image is compared with its own target here**, but one set of images with another: {images} images of {scenes}
  scenes are dealt into two halves, scene by scene, in {halvings} ways. A run's figure is of what it paints of one half
  against the real images of the other half; the first line is of the **real** images of the one half instead. That is
  what a figure can come down to with so many images: a run that is no farther off cannot be told from real ones by
  this measure. Given are the mean over the halvings ± their standard deviation, which is no confidence interval, since
  the halvings share their images.
- **Histogram**: how many dB the grey of a pixel must be moved in the mean to make one distribution of log-intensity of
  the other (Wasserstein), zone by zone. Grey 0 counts as {darkest:.1f} dB.
- **Spectrum**: the mean difference of the radially averaged power spectra of log-intensity. Images without speckle fall
  off at the right of the picture; a pattern that repeats stands out as a peak.
- **Kernel distance**: the squared maximum mean discrepancy of what the segmenter sees at its bottom, with a cubic
  kernel (KID, Bińkowski et al. 2018, but with our own network). It is unbiased, so that it is around 0 for like sets
  and sometimes below. Its standard error (jackknife over the images, of one halving) is large for few images: what is
  not some three of them above the first line is not shown to differ. It compares within one segmenter only.
- **Looks**: mean² / variance of the intensity, the median over windows of {window} x {window} pixels within one zone;
  given are the median over the images and their quartiles, since sensors and processing differ from scene to scene.
  More than the real images have: too smooth; fewer: too rough.
- Decibels and looks are the radar's as far as grey is proportional to amplitude, as CaFFe shows it. What is not
  available by the mask is left out, but for the kernel distance. Patches of one scene are alike, so that the images
  tell less than their number says.
"""

HOW_TO_READ_FAITHFULNESS = """\
- **Faithfulness** is the overlap (IoU) of the zones that the segmenter reads in a painted image with those of the mask
  that it was painted from: of each zone the mean over the images that have it; `mean` is that of each image's own mean
  over its zones. ± is half of the 95 % interval of the mean (Student's t), as in the table of scores.
- The first line is what the segmenter reads in the **real** images of the same masks. It is a yardstick, no upper
  bound: a painted image may be plainer than a real one, and read better. `painted - real` is the mean of the
  differences, image by image.
- A segmenter errs most where it was not trained. On glaciers that it does not know the first line falls, and then a
  low figure says little about what painted the images.
"""

OLD_EXPORT = (
    "No kernel distance: the export of {segmenter} is of before its features were part of it. Train it anew, or take a "
    "newer one (python train.py --variant zones)."
)


@dataclass(frozen=True)
class RealismResults:
    """What was results by a network that tells zones."""

    segmenter: str  # run@epoch
    trained_on: str  # the origin of its training data
    scenes: int  # that the images are of
    features: bool  # whether its export gives them
    real: RealismScores  # of the real images with each other
    generated: Mapping[tuple[str, int], RealismScores]  # by run and epoch


def with_realism(scores: Sequence[Scores], results: RealismResults) -> list[Scores]:
    """The scores with the figures of realism and faithfulness."""
    return [
        replace(
            s,
            values={**s.values, "faithfulness": results.generated[s.run, s.epoch].faithfulness},
            of_all=results.generated[s.run, s.epoch].summary(),
        )
        for s in scores
    ]


def sections(scores: Sequence[Scores], results: RealismResults) -> str:
    """The sections "Realism" and "Faithfulness" of report.md, the first beside realism.png.

    Args:
      scores: of all runs and epochs, in any order.
      results: of the same.
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
    missing = "" if results.features else "\n" + OLD_EXPORT.format(segmenter=results.segmenter) + "\n"
    return f"""## Realism

![Log-intensity by zone, and radial spectra, of real and painted images](realism.png)

{_distances(last, results)}
{missing}
Equivalent number of looks, median over the images (quartiles):

{_looks(last, results)}

{notes}
## Faithfulness

Zones read by {results.segmenter}, trained on data of origin: {results.trained_on}. IoU with the mask:

{_overlaps(last, results)}

{HOW_TO_READ_FAITHFULNESS}
"""


def _distances(last: Sequence[Scores], results: RealismResults) -> str:
    head = ["images", "epoch", *(f"histogram, {name} (dB)" for name in sar_realism.ZONE_NAMES), "spectrum (dB)"]
    head += ["kernel distance", "its standard error"] if results.features else []
    lines = []
    for name, epoch, one in _sources(last, results, "real, other half"):
        cells = [_spread(values, 2) for values in (*one.histogram.T, one.spectrum)]
        kernel = (
            [_spread(one.kernel, 4), _number(statistics.known_mean(one.kernel_error), 4)] if results.features else []
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
        there = [of_zone[~np.isnan(of_zone)] for of_zone in one.overlap.T]
        cells = [_number(values.mean(), 3) if values.size else "–" for values in there]
        less = one.faithfulness - results.real.faithfulness
        cells += [_interval(one.faithfulness), _interval(less) if epoch else "", str(len(less))]
        lines.append([name, epoch, *cells])
    return markdown(["images", "epoch", *classes.ZONE_NAMES, "mean", "painted - real", "n"], lines)


def _sources(last: Sequence[Scores], results: RealismResults, control: str) -> list[tuple[str, str, RealismScores]]:
    """The lines of a table: the real images, then each run at its epoch."""
    runs = [(name_of(s), str(s.epoch), results.generated[s.run, s.epoch]) for s in last]
    return [(control, "", results.real), *runs]


def _spread(values: np.ndarray, digits: int) -> str:
    """The mean over the halvings that have a value, and their standard deviation."""
    there = values[~np.isnan(values)]
    return f"{there.mean():.{digits}f} ± {there.std(ddof=1):.{digits}f}" if there.size > 1 else "–"


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _interval(values: np.ndarray) -> str:
    mean, half = image_metrics.confidence_interval(values)
    return f"{mean:.3f}" + ("" if half is None else f" ± {half:.3f}")
