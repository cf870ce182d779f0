"""Evaluates runs that generate images on a split of a data set, and writes the report.

<output>/report.md report.html metrics.csv table.md curves.png curves.svg comparison.png
         scores/<run>@<epoch>/      the values of each image (see `scoring`)
         realism.png realism.svg    with a network that segments zones (see `realism.evaluation`)
         progress.png progress.svg  the same by hours of training, where a run has several exports
         masks.csv                  the same of further masks, where some are named

Each export is loaded once, and each image generated once; the report takes its pictures from that pass.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pix2pix_tf import html_report
from pix2pix_tf.data import visualization
from pix2pix_tf.data.loading import evenly_spaced
from pix2pix_tf.evaluation import inference, plots
from pix2pix_tf.evaluation.inference import Setting
from pix2pix_tf.evaluation.realism import plot
from pix2pix_tf.evaluation.realism import report as realism_report
from pix2pix_tf.evaluation.realism.evaluation import ByExport, RealismEvaluator, open_segmenter
from pix2pix_tf.evaluation.realism.statistics import RealismScores
from pix2pix_tf.evaluation.runs import Run, training_hours
from pix2pix_tf.evaluation.scores import Scores, best_of, last_common_epoch, scores_of, summary
from pix2pix_tf.evaluation.translation import examples, pictures, report, scoring
from pix2pix_tf.evaluation.translation.scoring import Export
from pix2pix_tf.export import best_epoch, saved_model, versions
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

PATCHES = 5  # rows of the comparison sheet


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str, select: str | None = None) -> None:
    """Score every export of the runs and write the report; with `select`, the best epoch of each run as well.

    Args:
      runs: at least one, all with the same targets.
      setting: the images, and how to score them.
      output: the report's folder; what it has of an earlier report is renewed.
      command: the command line that makes this report, for the report.
      select: of best_epoch.METRICS; faithfulness needs the setting's segmenter.

    Raises:
      UserError: an export takes other patches than these, or generates values that are not finite.
    """
    exports = [export for run in runs for export in scoring.exports_of(run, output / "scores")]
    segmenter = _check(exports, setting)  # in seconds, before hours of scoring
    realism = RealismEvaluator(segmenter, setting, output / "scores") if segmenter else None
    shown = _shown(runs, exports)
    scores, generated, of_masks = _score(exports, shown, setting, realism)
    for name in ("realism.png", "realism.svg", "progress.png", "progress.svg", "masks.csv"):
        (output / name).unlink(missing_ok=True)  # of an earlier report
    results = realism.results(generated, of_masks) if realism else None
    scores = realism_report.with_realism(scores, results) if results else scores
    files.write_text(output / "metrics.csv", summary(scores))  # first: by it, the same command knows its folder again
    sections, real = "", None
    if results:
        real = float(results.real.faithfulness.mean())
        plot.draw(output / "realism.png", scores, results)
        several = len(exports) > len(runs)
        if several:
            hours = {(run.name, epoch): end for run in runs for epoch, end in training_hours(run).items()}
            plot.draw_progress(output / "progress.png", scores, results, hours)
        sections = realism_report.sections(scores, results, several)
        if results.masks:
            files.write_text(output / "masks.csv", realism_report.masks_csv(scores, results.masks))
    plots.draw(output / "curves.png", scores, real)
    _write_report(runs, setting, output, command, scores, shown, select or "ssim", sections)
    if select:
        for run in runs:
            name_best(run, scores_of(scores, run.name), setting, select, realism.name if realism else None)


def _check(exports: Sequence[Export], setting: Setting) -> saved_model.Model | None:
    """Find in seconds what does not fit, and return the segmenter, if the setting names one."""
    if setting.dataset.size < image_metrics.SSIM_WINDOW:
        raise UserError(
            f"The patches of {setting.dataset.root} have {setting.dataset.size} pixels a side; SSIM looks through a "
            f"window of {image_metrics.SSIM_WINDOW}. Prepare larger patches."
        )
    segmenter = open_segmenter(setting.segmenter, setting) if setting.segmenter else None
    for export in exports:
        if not scoring.is_scored(export, setting):
            inference.check_export(export.version, setting.dataset)
    return segmenter


def _shown(runs: Sequence[Run], exports: Sequence[Export]) -> list[Export]:
    """Return the exports of which the report shows pictures: each run's at the last epoch that all runs have."""
    epochs = {run.name: [export.epoch for export in exports if export.run is run] for run in runs}
    common = last_common_epoch(epochs.values())
    return [e for e in exports if e.epoch == (max(epochs[e.run.name]) if common is None else common)]


def _score(
    exports: Sequence[Export], shown: Sequence[Export], setting: Setting, realism: RealismEvaluator | None
) -> tuple[list[Scores], ByExport, ByExport]:
    """Score each export in one pass; realism of the split and of further masks, empty where it is not measured."""
    scores: list[Scores] = []
    generated: dict[tuple[str, int], RealismScores] = {}
    of_masks: dict[tuple[str, int], RealismScores] = {}
    for export in exports:
        results = scoring.score(export, setting, realism, keep_pictures=export in shown)
        scores.append(results.scores)
        if realism and results.statistics:
            generated[export.run.name, export.epoch] = realism.compare(results.statistics)
        if realism and results.masks:
            of_masks[export.run.name, export.epoch] = realism.compare_masks(results.masks)
    return scores, generated, of_masks


def _write_report(
    runs: Sequence[Run],
    setting: Setting,
    output: Path,
    command: str,
    scores: Sequence[Scores],
    shown: Sequence[Export],
    select: str,
    sections: str,
) -> None:
    """Write the tables, the comparison sheet and the pages; of the pictures kept, those on them stay."""
    dataset, trained_on = setting.dataset, {run.name: run.origin for run in runs}
    data = report.Data(dataset.name, dataset.origin, setting.split, setting.seed, trained_on, select)
    captions = list(evenly_spaced(setting.stems, PATCHES))
    columns = [(one.heading, one.pictures) for one in examples.columns(shown, setting, captions)]
    title = f"{dataset.name} ({dataset.origin}), {setting.split}: {len(captions)} of {len(setting.stems)} images"
    zones = any("zones" in run.inputs + run.targets for run in runs)
    files.write_text(output / "table.md", report.table(scores, data))
    visualization.grid(output / "comparison.png", columns, title, legend=zones, captions=captions)
    singles, note = examples.of_scores(shown, setting, scores)
    html_report.write(output, report.page(scores, data, command, captions, sections), singles, note)
    names = {setting.inputs[setting.stems.index(stem)] for stem in (*captions, *(one.name for one in singles))}
    for folder in (output / "scores").glob(f"*/{scoring.PICTURES}"):
        pictures.keep_only(folder, names if folder.parent in [export.folder for export in shown] else ())


def name_best(run: Run, scores: Sequence[Scores], setting: Setting, metric: str, segmenter: str | None) -> None:
    """Write a run's best.json and print it.

    Args:
      run: the run.
      scores: of its exports.
      setting: the images that were scored.
      metric: of best_epoch.METRICS.
      segmenter: run@epoch of the network that segments zones, if there is one.
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
