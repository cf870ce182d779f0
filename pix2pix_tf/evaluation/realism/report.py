"""The report's sections on realism and faithfulness."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.evaluation.realism import statistics
from pix2pix_tf.evaluation.realism.statistics import RealismScores
from pix2pix_tf.evaluation.scores import Scores, at_last_common_epoch, name_of, runs_of, scores_of
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.metrics.statistics import confidence_interval

Source: TypeAlias = tuple[str, str, RealismScores]  # a line of a table: the images, the epoch or nothing, the scores
REAL = "real"  # the first line of a table

HOW_TO_READ_REALISM = """\
- **No image is compared with its own target here.** One set of images is compared with another: the {images} images of
  {scenes} scenes are split into two halves, scene by scene, in {halvings} ways. A run's figure compares the images that
  it generates for one half with the real images of the other half. The first line does the same with the **real**
  images of the one half: no figure can be expected below it with so many images, and a run that is no farther off
  cannot be distinguished from real images by this measure. Given are the mean over the halvings ± their standard
  deviation, which is no confidence interval, since the halvings share their images.
- **Histogram**: how many dB the grey of a pixel must be moved in the mean to turn one distribution of log-intensity
  into the other (Wasserstein), zone by zone. Grey 0 counts as {darkest:.1f} dB.
- **Spectrum**: the mean absolute difference of the radially averaged power spectra of log-intensity. Images without
  speckle fall off at the right of the plot; a repeated pattern stands out as a peak.
- **Spectrum by band**: the mean difference with its sign, generated - real, of the frequencies below {low:g} cycles per
  pixel (structures of more than {coarse:.0f} pixels), up to {high:g}, and above (of less than {fine:.1f} pixels: the
  grain of speckle). Below 0: too smooth at that scale; above 0: too rough. Differences of both signs in one band
  cancel.
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
- **Pooled**: the pixels of all images are put together, then follow the IoU of each zone and their mean. An image with
  few pixels of a zone counts little for it; in the means over images it counts as much as one that the zone fills.
- A segmenter errs most where it was not trained. On glaciers that it was not trained on, the first line falls, and a
  low figure then means little.
"""

HOW_TO_READ_MASKS = """\
- These masks have **no real images**. Every figure but the IoU compares their images with the real ones of the split,
  which have other masks: half of the one with half of the other, in {halvings} ways, as above. Other shares and shapes
  of the zones change a spectrum and the kernel distance by themselves, so compare runs by them, and do not expect the
  figures of the first line. Histograms are taken zone by zone and suffer least.
- The first line is of the real images: in the first table the zones that the segmenter reads off them, against their
  own masks; in the second, one half against the other.
- The image of mask i has the seed {seed} + i. A condition that is not known of a mask is left open.
"""

PROGRESS = "![Every measure by the time of training](progress.png)"

OLD_EXPORT = (
    "No kernel distance: the export of {segmenter} does not return its features. Train it anew, or take a newer one "
    "(python train.py --variant zones)."
)


@dataclass(frozen=True)
class MaskResults:
    """Realism and faithfulness of the images of masks that have no real ones."""

    name: str  # of their data set
    origin: str
    seed: int  # of the first
    generated: Mapping[tuple[str, int], RealismScores]  # by run and epoch


@dataclass(frozen=True)
class RealismResults:
    """Realism and faithfulness, scored by a network that segments zones."""

    segmenter: str  # run@epoch
    trained_on: str  # the origin of its training data
    scenes: int  # of the images
    has_features: bool  # of its export: else there is no kernel distance
    real: RealismScores  # of the real images with each other
    generated: Mapping[tuple[str, int], RealismScores]  # by run and epoch
    masks: MaskResults | None = None  # of further masks


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


def masks_csv(scores: Sequence[Scores], masks: MaskResults) -> str:
    """Return the text of masks.csv: the figures of the further masks, one line for each run and epoch.

    Args:
      scores: of all runs and epochs, in any order.
      masks: of the same runs and epochs.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, s in enumerate(s for run in runs_of(scores) for s in scores_of(scores, run)):
        one = masks.generated[s.run, s.epoch]
        figures = {"faithfulness": float(one.faithfulness.mean())} | one.summary()
        if not number:
            writer.writerow(["run", "variant", "epoch", "n", *figures])
        writer.writerow([s.run, s.variant, s.epoch, len(one.overlap), *figures.values()])
    return text.getvalue()


def sections(scores: Sequence[Scores], results: RealismResults, with_progress: bool = False) -> str:
    """Return the sections "Realism" and "Faithfulness" of report.md, and that of further masks where there are some.

    The first one shows realism.png.

    Args:
      scores: of all runs and epochs, in any order.
      results: of the same runs and epochs.
      with_progress: it shows progress.png as well.
    """
    _, last = at_last_common_epoch(scores)
    runs = _sources(last, results.generated)
    notes = HOW_TO_READ_REALISM.format(
        images=len(results.real.overlap),
        scenes=results.scenes,
        halvings=sar_realism.HALVINGS,
        darkest=float(sar_realism.decibels(np.zeros(()))),
        window=sar_realism.WINDOW,
        low=sar_realism.LOW,
        high=sar_realism.HIGH,
        coarse=1 / sar_realism.LOW,
        fine=1 / sar_realism.HIGH,
    )
    progress = f"\n{PROGRESS}\n" if with_progress else ""
    missing = "" if results.has_features else "\n" + OLD_EXPORT.format(segmenter=results.segmenter) + "\n"
    return f"""## Realism

![Log-intensity by zone, and radial spectra, of real and generated images](realism.png)
{progress}
{_distances(results, runs)}
{missing}
Equivalent number of looks, median over the images (quartiles):

{_looks(results, runs)}

{notes}
## Faithfulness

{_segmenter(results)} IoU with the mask, mean over the images:

{_overlaps(results, runs)}

IoU with the mask, pooled over all images:

{_pooled(results, runs)}

{HOW_TO_READ_FAITHFULNESS}
{_masks_section(last, results, results.masks) if results.masks else ""}"""


def _masks_section(last: Sequence[Scores], results: RealismResults, masks: MaskResults) -> str:
    """Return the section of masks that have no real images."""
    runs = _sources(last, masks.generated)
    return f"""## Faithfulness on synthetic masks

The runs generated an image from each mask of the data set {masks.name} (origin: {masks.origin});
[masks.csv](masks.csv) has the figures of all epochs. IoU of the zones segmented by {results.segmenter} with the mask,
pooled over all images; `mean over images` averages over the zones of each image first, as in the section above:

{_pooled(results, runs, with_mean=True)}

Distance from the real images of the split:

{_distances(results, runs)}

{HOW_TO_READ_MASKS.format(halvings=sar_realism.HALVINGS, seed=masks.seed)}
"""


def _segmenter(results: RealismResults) -> str:
    """Return a sentence on the segmenter and its training data."""
    origin = results.trained_on
    known = {"real": "real images", "simulated": "simulated images", "unknown": "images of unknown origin"}
    how = known.get(origin) or f"a data set of this origin: {origin}"
    if origin.startswith("generated: "):
        how = f"images that {origin.removeprefix('generated: ')} generated"
    return f"Zones segmented by {results.segmenter}, which was trained on {how}."


def _distances(results: RealismResults, runs: Sequence[Source]) -> str:
    head = ["images", "epoch", *(f"histogram, {name} (dB)" for name in sar_realism.ZONE_NAMES), "spectrum (dB)"]
    head += [f"{name} band (dB)" for name in sar_realism.BAND_NAMES]
    head += ["kernel distance", "its standard error"] if results.has_features else []
    lines = []
    for name, epoch, one in [("real, other half", "", results.real), *runs]:
        cells = [_spread(values, 2) for values in (*one.histogram.T, one.spectrum)]
        cells += [_spread(values, 2, "+") for values in one.bands.T]
        kernel = (
            [_spread(one.kernel, 4), _number(statistics.known_mean(one.kernel_error), 4)]
            if results.has_features
            else []
        )
        lines.append([name, epoch, *cells, *kernel])
    return markdown(head, lines)


def _looks(results: RealismResults, runs: Sequence[Source]) -> str:
    lines = []
    for name, epoch, one in [(REAL, "", results.real), *runs]:
        cells = [f"{_number(m, 1)} ({_number(low, 1)} to {_number(high, 1)})" for low, m, high in one.looks.T]
        lines.append([name, epoch, *(cell if "–" not in cell else "–" for cell in cells)])
    return markdown(["images", "epoch", *sar_realism.ZONE_NAMES], lines)


def _overlaps(results: RealismResults, runs: Sequence[Source]) -> str:
    lines = []
    for name, epoch, one in [(REAL, "", results.real), *runs]:
        known = [of_zone[~np.isnan(of_zone)] for of_zone in one.overlap.T]
        cells = [_number(values.mean(), 3) if values.size else "–" for values in known]
        difference = one.faithfulness - results.real.faithfulness
        cells += [_interval(one.faithfulness), _interval(difference) if epoch else "", str(len(difference))]
        lines.append([name, epoch, *cells])
    return markdown(["images", "epoch", *classes.ZONE_NAMES, "mean", "generated - real", "n"], lines)


def _pooled(results: RealismResults, runs: Sequence[Source], with_mean: bool = False) -> str:
    """Return the table of the pooled IoU; `with_mean` adds the mean over the images, and their number."""
    lines = []
    for name, epoch, one in [(REAL, "", results.real), *runs]:
        cells = [_number(value, 3) for value in (*one.pooled, one.faithfulness_pooled)]
        of_images = [_interval(one.faithfulness), str(len(one.overlap))]
        lines.append([name, epoch, *cells, *of_images * with_mean])
    more = ["mean over images", "n"] * with_mean
    return markdown(["images", "epoch", *classes.ZONE_NAMES, "mean, pooled", *more], lines)


def _sources(last: Sequence[Scores], generated: Mapping[tuple[str, int], RealismScores]) -> list[Source]:
    """Return the lines of a table below that of the real images: each run at its epoch."""
    return [(name_of(s), str(s.epoch), generated[s.run, s.epoch]) for s in last]


def _spread(values: np.ndarray, digits: int, sign: str = "") -> str:
    """Return the mean over the halvings that have a value, and their standard deviation; sign "+" writes a plus."""
    known = values[~np.isnan(values)]
    return f"{known.mean():{sign}.{digits}f} ± {known.std(ddof=1):.{digits}f}" if known.size > 1 else "–"


def _number(value: float, digits: int) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _interval(values: np.ndarray) -> str:
    mean, half = confidence_interval(values)
    return f"{mean:.3f}" + ("" if half is None else f" ± {half:.3f}")
