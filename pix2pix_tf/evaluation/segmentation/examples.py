"""Example scenes for the report page: the worst, the median and the best one by each score."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.evaluation.segmentation.report import SYMBOL, Result, SceneScore, macro
from pix2pix_tf.html_report.examples import Example, ExampleImage, choose, selection_note

DISTANCE, OVERLAP = "mean distance", "IoU"


def of_results(results: Sequence[Result], unit: str, split: str, overlays: Path) -> tuple[list[Example], str]:
    """Choose the worst, the median and the best scene by distance and by IoU, in the mean over the networks.

    Args:
      results: of all networks, on the same scenes.
      unit: of distances.
      split: of the scenes.
      overlays: the folder with a picture of each network and scene.

    Returns:
      The examples, and a note on how they were chosen.
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
                ExampleImage(r.name, overlays / r.name / f"{scenes[place]}.png", _scores_of(r.scenes[place], unit))
                for r in results
            ),
        )
        for place, reasons in chosen.items()
    ]
    note = selection_note([DISTANCE, OVERLAP], f"all {len(scenes)} scenes of {split}")
    mean = " The scores are means over the networks." if len(results) > 1 else ""
    return examples, f"{note} A missed front ranks below any other.{mean}"


def _distance(one: SceneScore) -> float:
    """Return a scene's mean distance: infinite where the front was missed, NaN where there is no true front."""
    if one.front.absent:
        return np.nan
    return np.inf if one.front.mean is None else one.front.mean


def _scores_of(one: SceneScore, unit: str) -> dict[str, str]:
    front = one.front
    distance = f"{front.mean:.1f} {SYMBOL[unit]}" if front.count else "front missed"
    shown = "no true front" if front.absent else distance
    return {DISTANCE: shown, OVERLAP: f"{macro([one], 'iou'):.3f}", "F1": f"{macro([one], 'f1'):.3f}"}
