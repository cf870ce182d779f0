"""Measures the exports of runs on a split of a data set, and writes the report.

<output>/report.md report.html metrics.csv table.md curves.png curves.svg comparison.png
         scores/<run>@<epoch>.csv   the values of each image
         realism.png realism.svg    with a network that tells zones (see judging)

A score file is written when its export is measured on all images, and the next evaluation of the same takes it as it
is: so an interrupted evaluation goes on where it stopped.
"""

import csv
import functools
import gc
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.data import visualization
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.loading import evenly_spaced
from pix2pix_tf.evaluation import html_report, inference, plots
from pix2pix_tf.evaluation.inference import Setting
from pix2pix_tf.evaluation.realism import evaluation, plot
from pix2pix_tf.evaluation.realism import report as realism_report
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.scores import Scores, best_of, error_name, scores_of, summary
from pix2pix_tf.evaluation.translation import examples, report
from pix2pix_tf.export import best_epoch, saved_model, versions
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

PATCHES = 5  # rows of the comparison sheet


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str, select: str | None = None) -> None:
    """Measures every export of the runs and writes the report; and which epoch is each run's best, where it is asked.

    Args:
      runs: at least one, all with the same targets.
      setting: on what, and how.
      output: the report's folder; what it has of an earlier report is renewed.
      command: the command line that makes this report, for the report.
      select: of best.METRICS, which goes into each run's best.json; faithfulness needs the setting's segmenter.

    Raises:
      UserError: a model takes other patches than these, or paints what is no image.
    """
    if setting.dataset.size < image_metrics.SSIM_WINDOW:
        raise UserError(
            f"The patches of {setting.dataset.root} have {setting.dataset.size} pixels a side; SSIM looks through a "
            f"window of {image_metrics.SSIM_WINDOW}. Prepare larger patches."
        )
    # First the pictures, of a few images: they find in seconds what does not fit, which the scores find in hours.
    segmenter = evaluation.open_segmenter(setting.segmenter, setting) if setting.segmenter else None
    captions = list(evenly_spaced(setting.stems, PATCHES))
    columns = [(one.heading, one.pictures) for one in examples.columns(runs, setting, captions)]
    scores = [one for run in runs for one in score_run(run, setting, output / "scores")]
    for kind in ("png", "svg"):
        (output / f"realism.{kind}").unlink(missing_ok=True)  # of an earlier report
    sections, real = "", None
    if segmenter:
        judged = evaluation.score_realism(runs, setting, segmenter, output / "scores")
        scores, real = realism_report.added(scores, judged), float(judged.real.faithfulness.mean())
        plot.draw(output / "realism.png", scores, judged)
        sections = realism_report.sections(scores, judged)

    dataset, trained_on = setting.dataset, {run.name: run.origin for run in runs}
    measured = report.Measured(dataset.name, dataset.origin, setting.split, setting.seed, trained_on, select or "ssim")
    title = f"{dataset.name} ({dataset.origin}), {setting.split}: {len(captions)} of {len(setting.stems)} images"
    zones = any("zones" in run.inputs + run.targets for run in runs)
    files.write_text(output / "metrics.csv", summary(scores))
    files.write_text(output / "table.md", report.table(scores, measured))
    plots.draw(output / "curves.png", scores, real)
    visualization.grid(output / "comparison.png", columns, title, legend=zones, captions=captions)
    page = report.page(scores, measured, command, captions, sections)
    html_report.write(output, page, *examples.of_scores(runs, setting, scores))

    if select:
        reader = f"{segmenter.run}@{segmenter.epoch}" if segmenter else None
        for run in runs:
            name_best(run, scores_of(scores, run.name), setting, select, reader)


def name_best(run: Run, scores: Sequence[Scores], setting: Setting, metric: str, segmenter: str | None) -> None:
    """Writes a run's best.json, and says what it names.

    Args:
      run: whose it is.
      scores: of its exports.
      setting: on what they were measured.
      metric: of best.METRICS.
      segmenter: run@epoch that read the zones, if any did.
    """
    chosen, dataset = best_of(scores, metric), setting.dataset
    mean, half = chosen.interval(metric)
    named = best_epoch.Best(
        metric=metric,
        value=mean,
        interval=half,
        epoch=chosen.epoch,
        compared=[s.epoch for s in scores],
        images=len(chosen.stems),
        split=setting.split,
        data=str(dataset.root),
        origin=dataset.origin,
        seed=setting.seed,
        segmenter=segmenter if metric == "faithfulness" else None,
        fingerprint=versions.fingerprint(versions.epochs(run.folder)[chosen.epoch]),
        chosen=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    print(f"{best_epoch.write(run.folder, named)}: epoch {named.epoch}, {named.summary}")


def score_run(run: Run, setting: Setting, folder: Path) -> list[Scores]:
    """Measures every export of a run, but those that were measured before.

    Args:
      run: what to measure.
      setting: on what, and how.
      folder: where the score files are and go.

    Returns:
      One Scores for each export, by ascending epoch.

    Raises:
      UserError: a model takes other patches than these, or paints what is no image.
    """
    scores = []
    for epoch, version in versions.epochs(run.folder).items():
        name = f"{run.name}@{epoch}"
        path, key = folder / f"{name}.csv", _key(version, run, setting)
        values = _read_values(path, key, setting)
        if values:
            print(f"{name}: measured before, taken from {path}")
        else:
            print(f"{name}: {len(setting.stems)} images", flush=True)
            values = _measure(inference.load_model(version, setting.dataset), setting)
            _write_scores(path, key, Scores(run.name, run.variant, epoch, setting.stems, setting.inputs, values))
            gc.collect()  # a loaded model is a ring of references, and the next one needs its memory
        scores.append(Scores(run.name, run.variant, epoch, setting.stems, setting.inputs, values))
    return scores


def _measure(model: saved_model.Model, setting: Setting) -> dict[str, np.ndarray]:
    """Each measure of each image: float64 [n] by the measure's name.

    A generated image is compared as the model gives it, not rounded to the 8 bit of a PNG. An input is painted once for
    all its targets, and as often as the error score asks; the other measures are of the first image.
    """
    bits = [(setting.dataset.bits[role], CHANNELS[role]) for role in model.targets]
    white = np.concatenate([np.full(channels, 2.0**depth - 1) for depth, channels in bits])  # [C]
    targets_of: dict[str, list[int]] = {}
    for place, name in enumerate(setting.inputs):
        targets_of.setdefault(name, []).append(place)
    groups = list(targets_of.values())
    rows: list[dict[str, float]] = [{} for _ in setting.stems]
    bar = tf.keras.utils.Progbar(len(rows), verbose=int(sys.stdout.isatty()), unit_name="image")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(groups), setting.batch_size):
            batch = groups[first : first + setting.batch_size]
            painted = inference.outputs(model, setting, np.array([group[0] for group in batch]), max(setting.outputs))
            places = [place for group in batch for place in group]
            generated = [outputs for outputs, group in zip(painted, batch, strict=True) for _ in group]
            stems = [setting.stems[place] for place in places]
            targets = inference.stacked(setting.dataset, setting.split, model.targets, stems) / white
            new = list(pool.map(functools.partial(_compare, setting), generated, targets))
            bar.add(len(new), [(name, np.mean([row[name] for row in new])) for name in ("dice", "ssim")])
            for place, row in zip(places, new, strict=True):
                rows[place] = row
    return {name: np.array([row[name] for row in rows]) for name in setting.measures}


def _compare(setting: Setting, outputs: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """One target against what was painted from its input: outputs float32 [K, H, W, C] and target [H, W, C], [0, 1]."""
    found = {name: measure(outputs[0], target) for name, measure in image_metrics.MEASURES.items()}
    if max(setting.outputs) > 1:
        errors = [image_metrics.NORMS[setting.norm](output, target) for output in outputs]
        found |= {error_name(n): min(errors[:n]) for n in setting.outputs}
    return found


def _key(version: Path, run: Run, setting: Setting) -> str:
    """Names all that an export's scores follow from: another export, image, seed or measure gives another key."""
    facts = [list(setting.measures), setting.norm, setting.split, setting.seed, versions.fingerprint(version)]
    return inference.digest(setting, run.inputs + run.targets, facts)


def _write_scores(path: Path, key: str, scores: Scores) -> None:
    with files.atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {key}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "variant", "epoch", "stem", *scores.values])
        for stem, *values in zip(scores.stems, *scores.values.values(), strict=True):
            writer.writerow([scores.run, scores.variant, scores.epoch, stem, *map(float, values)])


def _read_values(path: Path, key: str, setting: Setting) -> dict[str, np.ndarray] | None:
    """The values in a score file; None when there is none, or it was made from something else, or is damaged."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else [""]
    rows = list(csv.DictReader(lines[1:]))
    if lines[0] != f"# {key}" or [row.get("stem") for row in rows] != list(setting.stems):
        return None
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in setting.measures}
    except (KeyError, TypeError, ValueError):
        return None
