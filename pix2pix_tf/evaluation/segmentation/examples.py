"""Single scenes with their fronts, for the page: the worst, the median and the best ones by each score."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.evaluation.html_report.examples import Example, Shown, choose, told
from pix2pix_tf.evaluation.segmentation.report import SYMBOL, Result, SceneScore, macro

DISTANCE, OVERLAP = "mean distance", "IoU"


def of_results(results: Sequence[Result], unit: str, split: str, overlays: Path) -> tuple[list[Example], str]:
    """The worst, the median and the best scenes by distance and by overlap, in the mean over the networks.

    Args:
      results: of all networks, on the same scenes.
      unit: of distances.
      split: of the scenes.
      overlays: the folder of the pictures of each network and scene.

    Returns:
      The scenes, and a sentence that says which they are.
    """
    scenes = [one.name for one in results[0].scenes]
    distances = np.array([[_distance(one) for one in result.scenes] for result in results])  # [networks, scenes]
    overlaps = np.array([[macro([one], "iou") for one in result.scenes] for result in results])
    chosen = choose({DISTANCE: -distances.mean(axis=0), OVERLAP: overlaps.mean(axis=0)})
    examples = [
        Example(
            reasons,
            scenes[place],
            tuple(
                Shown(r.name, overlays / r.name / f"{scenes[place]}.png", _scores_of(r.scenes[place], unit))
                for r in results
            ),
        )
        for place, reasons in chosen.items()
    ]
    note = told([DISTANCE, OVERLAP], f"all {len(scenes)} scenes of {split}")
    mean = " Which ones these are, the mean over the networks says." if len(results) > 1 else ""
    return examples, f"{note} A missed front is farther off than any other.{mean}"


def _distance(one: SceneScore) -> float:
    """A scene's mean distance; infinite where the front was missed, NaN where there is none to find."""
    if one.front.absent:
        return np.nan
    return np.inf if one.front.mean is None else one.front.mean


def _scores_of(one: SceneScore, unit: str) -> dict[str, str]:
    front = one.front
    said = "no true front" if front.absent else "front missed" if front.missed else f"{front.mean:.1f} {SYMBOL[unit]}"
    return {DISTANCE: said, "IoU": f"{macro([one], 'iou'):.3f}", "F1": f"{macro([one], 'f1'):.3f}"}
