"""Measures networks that tell zones or fronts: scenes are put together from patches, and their fronts judged.

<output>/report.md report.html table.md metrics.csv scenes.csv comparison.png
         masks/<run>@<epoch>/<scene>.png       what a network says of a scene: zones, or where it sees a front
         overlays/<run>@<epoch>/<scene>.png    predicted and true front on the SAR image
         fronts/<run>@<epoch>/<scene>.geojson  the predicted front as lines

A network is run for a scene once: its mask is kept, the next evaluation of the same export takes it from there, and so
an interrupted evaluation goes on where it stopped.

Where patches overlap, probabilities are averaged (softmax, as in training); the benchmark's published code averages
sigmoids of the logits there, so that with the same network a class may turn in pixels where two are nearly as likely.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes, tiling, validation, visualization
from pix2pix_tf.data.dataset import MIXED, Dataset, Scene
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import evenly_spaced, load_dataset
from pix2pix_tf.data.scene_names import place_of, scene_of
from pix2pix_tf.evaluation import html_report, inference
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.segmentation import examples as segmentation_examples
from pix2pix_tf.evaluation.segmentation import report
from pix2pix_tf.evaluation.segmentation.report import Result, SceneScore
from pix2pix_tf.export import versions
from pix2pix_tf.fronts import overlay, postprocessing, vector_files
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

SHOWN = 5  # scenes in the comparison sheet and in the report
THUMBNAIL = 256  # pixels: the longer side of a scene in the comparison sheet
BASELINE = "mean-training-mask"

# Stems of some patches of a scene -> probabilities float32 [n, size, size, K].
Predict = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Setting:
    """On what the networks are measured, and how."""

    dataset: Dataset  # opened with the roles of all runs and that of the true fronts
    split: str  # train | val | test
    batch_size: int  # patches at a time
    unit: str  # of distances: metres | pixels
    shortest: float  # in that unit: pieces of a front that are at most so long are dropped

    @property
    def scenes(self) -> dict[str, list[str]]:
        """The stems of each scene of the split."""
        found: dict[str, list[str]] = {}
        for stem in self.dataset.stems[self.split]:
            found.setdefault(scene_of(stem), []).append(stem)
        return found

    def scale(self, scene: str) -> float:
        """The unit's length of a pixel.

        Raises:
          ValueError: it is not known, which `check_scenes` refuses.
        """
        if self.unit != "metres":
            return 1.0
        metres = self.dataset.scenes[scene].metres_per_pixel
        if metres is None:
            raise ValueError(f"How many metres a pixel of {scene} has is not known.")
        return metres


@dataclass(frozen=True)
class Network:
    """What is measured: an export, or a baseline that looks at no image."""

    name: str  # of its folders and in the tables
    run: Run
    epoch: int | None
    predict: Predict
    key: str  # another key, other masks

    @property
    def target(self) -> str:
        """The role it tells: zones or fronts."""
        return self.run.targets[0]


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str, baseline: bool = False) -> None:
    """Measures the newest export of each run, which is its best, and writes the report.

    Args:
      runs: at least one, each with the target zones or fronts.
      setting: on what, and how.
      output: the report's folder; what it has of an earlier report is renewed.
      command: the command line that makes this report, for the report.
      baseline: whether to measure the mean of the training masks beside them.

    Raises:
      UserError: scenes are cut apart by the split or their scale is not known, or an export takes other patches.
    """
    check_scenes(setting)
    networks = [_newest(run, setting) for run in runs]
    if baseline:
        networks += [_mean_mask(run, setting) for run in {run.targets: run for run in runs}.values()]
    results = []
    for network in networks:
        _segment(network, setting, output)
        results.append(_judge(network, setting, output))
    shown = evenly_spaced(list(setting.scenes), SHOWN)
    _draw_comparison(networks, setting, output, shown)
    measured = report.Measured(
        setting.dataset.name, setting.dataset.origin, setting.split, setting.unit, setting.shortest
    )
    files.write_text(output / "scenes.csv", report.scenes(results, setting.unit))
    files.write_text(output / "metrics.csv", report.summary(results, setting.unit))
    files.write_text(output / "table.md", report.table(results, measured))
    page = report.page(results, measured, command, shown)
    examples = segmentation_examples.of_results(results, setting.unit, setting.split, output / "overlays")
    html_report.write(output, page, *examples)


def check_scenes(setting: Setting) -> None:
    """Makes sure that every scene can be judged.

    Raises:
      UserError: scenes are cut apart by the split, or their scale is not known.
    """
    described = {name: setting.dataset.scenes[name] for name in setting.scenes}
    torn = [name for name, scene in described.items() if scene.split == MIXED]
    if torn:
        raise UserError(
            f"Fronts are judged scene by scene, and the patches of {validation.abbreviate(torn)} lie in several "
            "splits. Prepare the data set with --split scene or --split glacier."
        )
    unknown = [name for name, scene in described.items() if not scene.metres_per_pixel]
    if unknown and setting.unit == "metres":
        raise UserError(
            f"The scale of {validation.abbreviate(unknown)} is not known. Write metres_per_pixel into "
            f"{setting.dataset.root}/dataset.json, or measure with --unit pixels."
        )


# ---- What says where the zones or the front are ---------------------------------------------------------------------


def _newest(run: Run, setting: Setting) -> Network:
    """The newest export of a run."""
    epoch, version = max(versions.epochs(run.folder).items())
    model = inference.load_model(version, setting.dataset)

    def predict(stems: Sequence[str]) -> np.ndarray:
        return model.probabilities(inference.stacked(setting.dataset, setting.split, model.inputs, stems))

    return Network(f"{run.name}@{epoch}", run, epoch, predict, versions.fingerprint(version))


def _mean_mask(run: Run, setting: Setting) -> Network:
    """A baseline that says of every patch what the training patches are at each place on the average."""
    target = run.targets[0]
    trained_on = load_dataset(run.data, (target,), ("train",))
    values = np.array(classes.ZONE_VALUES if target == "zones" else classes.FRONT_VALUES[1:])
    counts = np.zeros((trained_on.size, trained_on.size, len(values)))
    for stem in trained_on.stems["train"]:
        counts += images.read_png(trained_on.path("train", target, stem))[..., np.newaxis] == values
    mean = (counts / len(trained_on.stems["train"])).astype(np.float32)
    if trained_on.size != setting.dataset.size:
        raise UserError(f"--baseline: {trained_on.root} has patches of another size than {setting.dataset.root}.")
    key = hashlib.sha256(mean.tobytes()).hexdigest()
    return Network(
        f"{BASELINE}-{target}", run, None, lambda stems: np.repeat(mean[np.newaxis], len(stems), axis=0), key
    )


# ---- A scene's mask -------------------------------------------------------------------------------------------------


def _segment(network: Network, setting: Setting, output: Path) -> None:
    """Writes the mask of each scene, unless it is there already."""
    folder = output / "masks" / network.name
    _claim(folder, network, setting)
    missing = [scene for scene in setting.scenes if not (folder / f"{scene}.png").exists()]
    if len(missing) < len(setting.scenes):
        print(f"{network.name}: {len(setting.scenes) - len(missing)} scenes are done already, in {folder}")
    for scene in cli.progress(missing, len(missing), f"scenes read by {network.name}"):
        described = setting.dataset.scenes[scene]
        pieces = _pieces(network, setting.scenes[scene], setting.batch_size)
        probabilities = tiling.stitch(pieces, described.height, described.width)
        if network.target == "zones":
            mask = postprocessing.zones_of(probabilities)
        else:
            mask = np.where(probabilities[..., 0] > postprocessing.THRESHOLD, np.uint8(255), np.uint8(0))
        images.write_png(folder / f"{scene}.png", mask)


def _claim(folder: Path, network: Network, setting: Setting) -> None:
    """Makes sure that a folder holds masks of this network and of these images only."""
    digest = hashlib.sha256(f"{network.key} {setting.split} {postprocessing.THRESHOLD}".encode())
    for role in network.run.inputs:
        for stem in setting.dataset.stems[setting.split]:
            path = setting.dataset.path(setting.split, role, stem)
            digest.update(f"{role}/{stem} {validation.file_signature(path)}\n".encode())
    path, key = folder / "key", digest.hexdigest()
    if folder.exists() and not (path.exists() and path.read_text() == key):
        files.remove_folder(folder)
    files.write_text(path, key)


def _pieces(network: Network, stems: Sequence[str], batch_size: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """What a network says of the patches of a scene, with their places there; a batch in memory at a time."""
    for first in range(0, len(stems), batch_size):
        batch = stems[first : first + batch_size]
        for stem, probabilities in zip(batch, network.predict(batch), strict=True):
            if not np.isfinite(probabilities).all():
                raise UserError(f"{network.name} gives values that are no numbers: its weights are spoilt. Remove it.")
            yield *place_of(stem), probabilities


def _whole(setting: Setting, scene: str, role: str) -> np.ndarray:
    """One role of a scene as it was before it was cut: uint8 or uint16 [H, W] or [H, W, C]."""
    described, stems = setting.dataset.scenes[scene], setting.scenes[scene]
    pieces = [(*place_of(stem), images.read_png(setting.dataset.path(setting.split, role, stem))) for stem in stems]
    return tiling.join(pieces, described.height, described.width)


# ---- Judgement ------------------------------------------------------------------------------------------------------


def _judge(network: Network, setting: Setting, output: Path) -> Result:
    """Compares each scene's mask with the truth, and draws and writes its front."""
    found = []
    for scene in cli.progress(setting.scenes, len(setting.scenes), f"fronts of {network.name}"):
        mask = images.read_png(output / "masks" / network.name / f"{scene}.png")
        true = _whole(setting, scene, "fronts") > 0
        predicted = _front(network, mask, setting, scene)
        agreement = _agreement(network, mask, setting, scene, true)
        found.append(
            SceneScore(
                scene,
                setting.dataset.scenes[scene],
                agreement,
                postprocessing.score(predicted, true, setting.scale(scene)),
            )
        )
        _show(network, setting, scene, predicted, true, output)
    return Result(network.name, network.run, network.epoch, network.target, tuple(found))


def _front(network: Network, mask: np.ndarray, setting: Setting, scene: str) -> np.ndarray:
    """The predicted front, bool [H, W], one pixel wide, cut to the scene's box."""
    shortest = setting.shortest / setting.scale(scene)
    if network.target == "zones":
        front = postprocessing.front_from_zones(mask, shortest)
    else:
        front = postprocessing.front_from_probabilities(mask / 255.0, shortest)
    return postprocessing.clip_to_bbox(front, setting.dataset.scenes[scene].bounding_box)


def _agreement(
    network: Network, mask: np.ndarray, setting: Setting, scene: str, true_front: np.ndarray
) -> dict[str, np.ndarray]:
    """Precision, recall, F1 and IoU by name, each float64 [classes]; of fronts, of the front alone."""
    if network.target == "zones":
        confusion = image_metrics.confusion(_whole(setting, scene, "zones"), mask, classes.ZONE_VALUES)
        kept = slice(None)
    else:  # as published: the line as drawn against all that is above the threshold
        confusion = image_metrics.confusion(np.where(true_front, 255, 0), mask, classes.FRONT_VALUES)
        kept = slice(1, None)
    return {name: measure(confusion)[kept] for name, measure in report.AGREEMENT.items()}


def _show(
    network: Network, setting: Setting, scene: str, predicted: np.ndarray, true: np.ndarray, output: Path
) -> None:
    """Draws the fronts on the SAR image, and writes the predicted one as lines."""
    described: Scene = setting.dataset.scenes[scene]
    sar = visualization.for_display("sar", _whole(setting, scene, network.run.inputs[0])[np.newaxis])[0]
    metres = described.metres_per_pixel if setting.unit == "metres" else None
    overlay.draw(
        output / "overlays" / network.name / f"{scene}.png",
        sar,
        predicted,
        true,
        described.bounding_box,
        metres,
        f"{scene}: {network.name}",
    )
    facts = {"glacier": described.glacier, "date": described.date, "sensor": described.sensor}
    known = {key: value for key, value in facts.items() if value is not None}
    line = vector_files.front(
        polylines(predicted),
        described.bounds,
        described.crs,
        described.height,
        described.width,
        {"scene": scene, "predicted_by": network.name, "origin": setting.dataset.origin, **known},
    )
    files.write_json(output / "fronts" / network.name / f"{scene}.geojson", line)


def _draw_comparison(networks: Sequence[Network], setting: Setting, output: Path, shown: Sequence[str]) -> None:
    """A sheet of a few scenes: the SAR image, the true mask, and what each network says."""
    first = networks[0].run.inputs[0]
    columns = [(visualization.name_of(first), [_thumbnail(_whole(setting, scene, first), first) for scene in shown])]
    targets = dict.fromkeys(network.target for network in networks)
    for target in targets:
        columns.append((f"true {target}", [_thumbnail(_whole(setting, scene, target), target) for scene in shown]))
    for network in networks:
        said = [images.read_png(output / "masks" / network.name / f"{scene}.png") for scene in shown]
        columns.append((network.name, [_thumbnail(mask, network.target) for mask in said]))
    dataset = setting.dataset
    title = f"{dataset.name} ({dataset.origin}), {setting.split}: {len(shown)} of {len(setting.scenes)} scenes"
    visualization.grid(output / "comparison.png", columns, title, legend="zones" in targets, captions=shown)


def _thumbnail(pixels: np.ndarray, role: str) -> np.ndarray:
    """A scene fit for the eye and made to fit a square, on paper white: uint8 [256, 256, 3]."""
    return visualization.fit_to_square(
        visualization.for_display(role, pixels[np.newaxis])[0], THUMBNAIL, smooth=role not in ("zones",)
    )
