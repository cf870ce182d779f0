"""Evaluates networks that predict zones or fronts: predicts whole scenes and scores their masks and front lines.

<output>/report.md report.html table.md metrics.csv scenes.csv comparison.png
         masks/<run>@<epoch>/<scene>.png       the predicted mask: zones, or front pixels
         overlays/<run>@<epoch>/<scene>.png    predicted and true front on the SAR image
         fronts/<run>@<epoch>/<scene>.geojson  the predicted front as lines

A network predicts a scene once. Later evaluations of the same export on the same images reuse its mask, and so an
interrupted evaluation resumes.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf import html_report
from pix2pix_tf.data import classes, tiling, validation, visualization
from pix2pix_tf.data.classes import ColourImage, GreyImage
from pix2pix_tf.data.dataset import MIXED, Dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import evenly_spaced, load_dataset
from pix2pix_tf.data.scene_names import place_of, scene_of
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.segmentation import examples as segmentation_examples
from pix2pix_tf.evaluation.segmentation import report
from pix2pix_tf.evaluation.segmentation.report import Result, SceneScore
from pix2pix_tf.export import versions
from pix2pix_tf.export.inference import ArrayReader
from pix2pix_tf.fronts import overlay, scenes
from pix2pix_tf.fronts.postprocessing import Front
from pix2pix_tf.metrics import front_distance, segmentation
from pix2pix_tf.utils import cli, files, resumable
from pix2pix_tf.utils.errors import UserError

PICTURES = 5  # scenes in the comparison grid and in the report
THUMBNAIL = 256  # pixels: the longer side of a scene in the comparison grid
BASELINE = "mean-training-mask"
TILES = "overlap by half"  # part of the masks' key: earlier masks came from the patches as the data set cuts them


@dataclass(frozen=True)
class Setting:
    """The data and the options of an evaluation."""

    dataset: Dataset  # loaded with the roles of all runs and that of the true fronts
    split: str  # train | val | test
    batch_size: int  # patches at a time
    unit: str  # of distances: metres | pixels
    min_length: float  # in that unit: components of a front of at most this length are dropped

    @property
    def scenes(self) -> dict[str, list[str]]:
        """The stems of each scene of the split."""
        stems: dict[str, list[str]] = {}
        for stem in self.dataset.stems[self.split]:
            stems.setdefault(scene_of(stem), []).append(stem)
        return stems

    def scale(self, scene: str) -> float:
        """Return the size of a pixel in the unit.

        Raises:
          ValueError: it is unknown; `check_scenes` rejects such scenes earlier.
        """
        if self.unit != "metres":
            return 1.0
        metres = self.dataset.scenes[scene].metres_per_pixel
        if metres is None:
            raise ValueError(f"The metres per pixel of {scene} are not known.")
        return metres

    def whole(self, scene: str, role: str) -> np.ndarray:
        """Return one role of a scene, joined from its patches: uint8 or uint16 [H, W] or [H, W, C]."""
        described, stems = self.dataset.scenes[scene], self.scenes[scene]
        pieces = [(*place_of(stem), images.read_png(self.dataset.path(self.split, role, stem))) for stem in stems]
        return tiling.join(pieces, described.height, described.width)

    def stacked(self, scene: str, roles: Sequence[str]) -> np.ndarray:
        """Return roles of a scene stacked along the channels: uint8, or uint16 where one has 16 bit, [H, W, C]."""
        whole = [self.whole(scene, role) for role in roles]
        return np.concatenate([one if one.ndim == 3 else one[..., np.newaxis] for one in whole], axis=-1)


@dataclass(frozen=True)
class Network:
    """An export that is evaluated, or a baseline that ignores the image."""

    name: str  # of its folders and in the tables
    run: Run
    epoch: int | None
    predict: scenes.Predict
    key: str  # changes when the predictions may change
    size: int  # pixels: side of its tiles

    @property
    def target(self) -> str:
        """The role that it predicts: zones or fronts."""
        return self.run.targets[0]


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str, baseline: bool = False) -> None:
    """Evaluate the newest export of each run, which is its best, and write the report.

    Args:
      runs: at least one, each with the target zones or fronts.
      setting: data and options.
      output: the report's folder; an earlier report in it is replaced.
      command: the command line that reproduces this report, for the report.
      baseline: also evaluates the mean of the training masks, of each data set that the runs were trained on.

    Raises:
      UserError: patches of one scene are in several splits, a scene's scale is unknown, or an export takes other
        patches.
    """
    check_scenes(setting)
    networks = [_newest(run, setting) for run in runs]
    if baseline:
        sources = {(run.targets, run.data): run for run in runs}
        per_target = Counter(targets for targets, _ in sources)
        networks += [mean_training_mask(run, setting, per_target[run.targets] > 1) for run in sources.values()]
    results = []
    for network in networks:
        predict_masks(network, setting, output)
        results.append(score_masks(network, setting, output))
    shown = evenly_spaced(list(setting.scenes), PICTURES)
    _draw_comparison(networks, setting, output, shown)
    dataset = setting.dataset
    measured = report.Measured(dataset.name, dataset.origin, setting.split, setting.unit, setting.min_length)
    files.write_text(output / "scenes.csv", report.scenes(results, setting.unit))
    files.write_text(output / "metrics.csv", report.summary(results, setting.unit))
    files.write_text(output / "table.md", report.table(results, measured))
    page = report.page(results, measured, command, shown)
    examples = segmentation_examples.of_results(results, setting.unit, setting.split, output / "overlays")
    html_report.write(output, page, *examples)


def check_scenes(setting: Setting) -> None:
    """Check that every scene can be scored.

    Raises:
      UserError: patches of one scene are in several splits, or a scene's scale is unknown.
    """
    described = {name: setting.dataset.scenes[name] for name in setting.scenes}
    torn = [name for name, scene in described.items() if scene.split == MIXED]
    if torn:
        raise UserError(
            f"Fronts are scored scene by scene, but the patches of {validation.abbreviate(torn)} are in several "
            "splits. Prepare the data set with --split scene or --split glacier."
        )
    unknown = [name for name, scene in described.items() if not scene.metres_per_pixel]
    if unknown and setting.unit == "metres":
        raise UserError(
            f"The scale of {validation.abbreviate(unknown)} is not known. Write metres_per_pixel into "
            f"{setting.dataset.root}/dataset.json, or measure with --unit pixels."
        )


# ---- Networks -------------------------------------------------------------------------------------------------------


def _newest(run: Run, setting: Setting) -> Network:
    """Load the newest export of a run."""
    epoch, version = max(versions.all_of(run.folder).items())
    model = inference.load_model(version, setting.dataset)

    return Network(f"{run.name}@{epoch}", run, epoch, model.probabilities, versions.fingerprint(version), model.size)


def mean_training_mask(run: Run, setting: Setting, with_run: bool = False) -> Network:
    """Return a baseline that predicts, for every patch, the mean of the training masks at each pixel.

    Args:
      run: whose training masks.
      setting: the images.
      with_run: the baseline's name ends with that of the run, as there are several.
    """
    target = run.targets[0]
    if run.data is None:
        raise UserError(f"--baseline: the training masks of the export {run.folder} are not known. Leave it out.")
    trained_on = load_dataset(run.data, (target,), ("train",))
    values = np.array(classes.ZONE_VALUES if target == "zones" else classes.FRONT_VALUES[1:])
    counts = np.zeros((trained_on.size, trained_on.size, len(values)))
    for stem in trained_on.stems["train"]:
        counts += images.read_png(trained_on.path("train", target, stem))[..., np.newaxis] == values
    mean = (counts / len(trained_on.stems["train"])).astype(np.float32)
    if trained_on.size != setting.dataset.size:
        raise UserError(f"--baseline: {trained_on.root} has patches of another size than {setting.dataset.root}.")

    def predict(tiles: scenes.Tiles) -> scenes.Probabilities:
        return np.repeat(mean[np.newaxis], len(tiles), axis=0)

    key = hashlib.sha256(mean.tobytes()).hexdigest()
    name = f"{BASELINE}-{target}-{run.name}" if with_run else f"{BASELINE}-{target}"
    return Network(name, run, None, predict, key, trained_on.size)


# ---- Masks of scenes ------------------------------------------------------------------------------------------------


def predict_masks(network: Network, setting: Setting, output: Path) -> None:
    """Write the mask of each scene to <output>/masks/<network>/, unless the same network has done so before."""
    folder = output / "masks" / network.name
    resumable.keep_only(folder, _key(network, setting))
    missing = [scene for scene in setting.scenes if not (folder / f"{scene}.png").exists()]
    tiled = scenes.Network(network.name, network.target, network.size, network.predict, setting.batch_size)
    if len(missing) < len(setting.scenes):
        print(f"{network.name}: {len(setting.scenes) - len(missing)} scenes are done already, in {folder}")
    for scene in cli.progress(missing, len(missing), f"scenes read by {network.name}"):
        read = ArrayReader(setting.stacked(scene, network.run.inputs)).read
        described = setting.dataset.scenes[scene]
        images.write_png(
            folder / f"{scene}.png", scenes.predict_scene(tiled, read, described.height, described.width).mask
        )


def _key(network: Network, setting: Setting) -> str:
    """Return a digest of everything that the masks depend on."""
    digest = hashlib.sha256(f"{network.key} {setting.split} {classes.FRONT_THRESHOLD} {TILES}".encode())
    for role in network.run.inputs:
        for stem in setting.dataset.stems[setting.split]:
            path = setting.dataset.path(setting.split, role, stem)
            digest.update(f"{role}/{stem} {validation.file_signature(path)}\n".encode())
    return digest.hexdigest()


# ---- Scores ---------------------------------------------------------------------------------------------------------


def score_masks(network: Network, setting: Setting, output: Path) -> Result:
    """Score the mask and the front of each scene, and write the front as an overlay and as lines."""
    scored = []
    for scene in cli.progress(setting.scenes, len(setting.scenes), f"fronts of {network.name}"):
        described, scale = setting.dataset.scenes[scene], setting.scale(scene)
        mask = images.read_png(output / "masks" / network.name / f"{scene}.png")
        true = setting.whole(scene, "fronts") > 0
        predicted = scenes.front_of(mask, network.target, setting.min_length / scale, described.bounding_box)
        agreement = _agreement(network, mask, setting, scene, true)
        scored.append(SceneScore(scene, described, agreement, front_distance.score(predicted, true, scale)))
        _write_front(network, setting, scene, predicted, true, output)
    return Result(network.name, network.run, network.epoch, network.target, tuple(scored))


def _agreement(
    network: Network, mask: GreyImage, setting: Setting, scene: str, true_front: Front
) -> dict[str, np.ndarray]:
    """Return precision, recall, F1 and IoU by name, each float64 [classes]; for fronts, of the class front alone."""
    if network.target == "zones":
        confusion = segmentation.confusion_matrix(setting.whole(scene, "zones"), mask, classes.ZONE_VALUES)
        kept = slice(None)
    else:  # as published: the line of one pixel against all pixels above the threshold
        confusion = segmentation.confusion_matrix(np.where(true_front, 255, 0), mask, classes.FRONT_VALUES)
        kept = slice(1, None)
    return {name: metric(confusion)[kept] for name, metric in report.AGREEMENT.items()}


def _write_front(network: Network, setting: Setting, scene: str, predicted: Front, true: Front, output: Path) -> None:
    """Draw both fronts on the SAR image, and write the predicted one as lines."""
    described = setting.dataset.scenes[scene]
    sar = visualization.for_display("sar", setting.whole(scene, network.run.inputs[0])[np.newaxis])[0]
    sar = sar if sar.ndim == 2 else sar.mean(axis=2).astype(np.uint8)  # of optical images
    metres = described.metres_per_pixel if setting.unit == "metres" else None
    path, title = output / "overlays" / network.name / f"{scene}.png", f"{scene}: {network.name}"
    overlay.draw(path, sar, predicted, true, described.bounding_box, metres, title)
    properties = {"scene": scene, "predicted_by": network.name, "origin": setting.dataset.origin}
    path = output / "fronts" / network.name / f"{scene}.geojson"
    files.write_json(path, scenes.geojson(predicted, described, properties))


# ---- Pictures -------------------------------------------------------------------------------------------------------


def _draw_comparison(networks: Sequence[Network], setting: Setting, output: Path, shown: Sequence[str]) -> None:
    """Draw a grid of some scenes: the SAR image, the true masks, and the mask of each network."""
    first = networks[0].run.inputs[0]
    targets = dict.fromkeys(network.target for network in networks)
    columns = [(visualization.name_of(first), [_thumbnail(setting.whole(scene, first), first) for scene in shown])]
    for target in targets:
        columns.append((f"true {target}", [_thumbnail(setting.whole(scene, target), target) for scene in shown]))
    for network in networks:
        masks = [images.read_png(output / "masks" / network.name / f"{scene}.png") for scene in shown]
        columns.append((network.name, [_thumbnail(mask, network.target) for mask in masks]))
    dataset = setting.dataset
    title = f"{dataset.name} ({dataset.origin}), {setting.split}: {len(shown)} of {len(setting.scenes)} scenes"
    visualization.grid(output / "comparison.png", columns, title, legend="zones" in targets, captions=shown)


def _thumbnail(pixels: np.ndarray, role: str) -> ColourImage:
    """Return a scene that is scaled to fit a white square of 256 x 256 pixels."""
    picture = visualization.for_display(role, pixels[np.newaxis])[0]
    return visualization.fit_to_square(picture, THUMBNAIL, smooth=role != "zones")
