"""The card of a model: README.md with the metadata that model hubs read."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf import config
from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.export import best_epoch, versions
from pix2pix_tf.export.best_epoch import Best
from pix2pix_tf.utils import files

FILE, RECORD, LOG = "README.md", "config.json", "log.jsonl"
TAGS = ("sar", "remote-sensing", "glacier", "tensorflow", "pix2pix-tf")
SEGMENTS = ("zones", "fronts")  # targets of segmenters

USE = {
    "image-to-image": """\
mask = np.array(Image.open("mask.png"))  # uint8: {classes}
image = model.generate(mask, seed=0)""",
    "image-segmentation": """\
scene = pix2pix_tf.read_scene("S1A_20240105.tif")
result = model.predict(scene)""",
    "image-classification": "",
}


@dataclass(frozen=True)
class Described:
    """What a card tells."""

    epoch: int
    model: Mapping  # model.json of the export
    data: Mapping  # "data" of the run's config.json
    command: str  # that trained it
    values: Mapping[str, float]  # validation values of the epoch, from the log
    best: Best | None  # how the epoch was chosen

    @property
    def task(self) -> str:
        """The task as hubs call it."""
        targets = self.model["targets"]
        if not targets:
            return "image-classification"
        return "image-segmentation" if targets[0] in SEGMENTS else "image-to-image"


def describe(run: Path, version: Path) -> Described:
    """Collect what is known of an export of a run.

    Args:
      run: its folder.
      version: the export's.

    Raises:
      UserError: a file of them is damaged.
    """
    record, model = files.read_json(run / RECORD), files.read_json(version / versions.DESCRIPTION)
    best = best_epoch.read(run)
    chosen = best if best and best.epoch == model["epoch"] else None
    values = _logged(run, model["epoch"])
    return Described(model["epoch"], model, record["data"], _command(record), values, chosen)


def _command(record: Mapping) -> str:
    """Return the command line that trains such a run."""
    chosen = config.from_dict(record["config"])
    usual = config.make_config(chosen.variant)
    parts = [f"python train.py --variant {chosen.variant} --data {_public(record['data']['path'])}"]
    parts += [f"--init {_public(record['init'])}"] if record.get("init") else []
    for key in config.OPTIONS:
        section, name = key.split(".")
        value = getattr(getattr(chosen, section), name)
        if value != getattr(getattr(usual, section), name):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            parts.append(f"--set {shlex.quote(f'{key}={text.lower() if isinstance(value, bool) else text}')}")
    return " \\\n  ".join(parts)


def _public(path: str) -> str:
    """Return a path for a command line; of an absolute one, which names folders of this machine, the last part."""
    return shlex.quote(Path(path).name if Path(path).is_absolute() else path)


def _logged(run: Path, epoch: int) -> dict[str, float]:
    """Return the validation values of an epoch; none without a log."""
    return {
        name: value
        for line in files.read_json_lines(run / LOG)
        if line["epoch"] == epoch
        for name, value in line.items()
        if name.startswith("val_")
    }


def render(found: Described, name: str, license_id: str, picture: str | None) -> str:
    """Return the card.

    Args:
      found: from `describe`.
      name: of the model.
      license_id: of the model, as hubs spell it.
      picture: file of the overview beside the card; None: there is none.
    """
    model, data = found.model, found.data
    inputs, targets = ", ".join(model["inputs"]), ", ".join(model["targets"]) or "clouds"
    zones = ", ".join(f"{v} {n}" for v, n in zip(classes.ZONE_VALUES, classes.ZONE_NAMES, strict=True))
    use = USE[found.task].format(classes=zones)
    rows = [
        ("network", f"variant `{model['variant']}`, epoch {found.epoch}"),
        ("input", f"{inputs}: {', '.join(_pixels(role, model['bits']) for role in model['inputs'])}; sides that are "
                  f"multiples of {model['divisor']}, trained on {model['size']} x {model['size']}"),
        ("output", targets),
        *(("condition", f"{key}: {', '.join(values)}") for key, values in model.get("conditions", {}).items()),
        *([("styles", f"{len(model['styles'])}, of training scenes")] if model.get("styles") else []),
    ]  # fmt: skip
    glaciers = ", ".join(model.get("glaciers") or ()) or "not known"
    parts = [
        _metadata(found, name, license_id),
        f"# {name}\n\nTurns {inputs} into {targets}. Made with pix2pix_tf.",
        f"![Validation patches]({picture})\n\n*Validation patches: input, output, target.*" if picture else "",
        "```python\n" + _load(use, name) + "\n```" if use else "",
        "\n".join(["| | |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)]),
        f"## Data\n\n`{data['name']}`, origin: {model['origin']}; {data.get('train', '?')} training and "
        f"{data.get('val', '?')} validation patches. Glaciers: {glaciers}.",
        f"## Training\n\n```\n{found.command}\n```",
        f"## Results\n\n{_results(found)}",
        f"## Limitations\n\n{_limits(found)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _load(use: str, name: str) -> str:
    imports = ["import pix2pix_tf"]
    imports = ["import numpy as np", *imports, "from PIL import Image"] if "np." in use else imports
    return "\n".join([*imports, "", f'model = pix2pix_tf.load("{name}")', use])


def _pixels(role: str, bits: Mapping[str, int]) -> str:
    return f"{bits[role]}-bit PNG of {CHANNELS[role]} channel{'s' if CHANNELS[role] > 1 else ''}"


def _metadata(found: Described, name: str, license_id: str) -> str:
    """Return the block of YAML; texts are quoted as JSON, which YAML reads."""
    lines = ["---", f"license: {json.dumps(license_id)}", "library_name: tensorflow", f"pipeline_tag: {found.task}"]
    lines += ["tags:", *(f"- {tag}" for tag in (*TAGS, found.model["variant"]))]
    lines += ["datasets:", f"- {json.dumps(found.data['name'])}"]
    metrics = _metrics(found)
    if metrics:
        lines += ["metrics:", *(f"- {metric}" for metric in metrics)]
        lines += ["model-index:", f"- name: {json.dumps(name)}", "  results:", "  - task:", f"      type: {found.task}"]
        split = found.best.split if found.best else "val"
        lines += [
            "    dataset:",
            f"      name: {json.dumps(found.data['name'])}",
            f"      type: {split}",
            "    metrics:",
        ]
        for metric, value in metrics.items():
            lines += [f"    - type: {metric}", f"      value: {value:.6g}"]
    return "\n".join([*lines, "---"])


def _metrics(found: Described) -> dict[str, float]:
    chosen = {found.best.metric: found.best.value} if found.best else {}
    return {**chosen, **found.values}


def _results(found: Described) -> str:
    rows = [f"| {metric} | {value:.4g} |" for metric, value in _metrics(found).items()]
    chosen = f"Epoch {found.epoch} is {found.best.summary}.\n\n" if found.best else ""
    table = "\n".join(["| Metric | Value |", "|---|---:|", *rows]) if rows else "No measurement is recorded."
    return f"{chosen}{table}\n\nOn validation patches during training. `python evaluate.py` measures more."


def _limits(found: Described) -> str:
    own = {
        "image-to-image": "Generated images are plausible, not true: do not measure a glacier in them, and mark each "
        "one that is mixed with observations.",
        "image-segmentation": "Look at the overlays before a front counts as an observation.",
        "image-classification": "Check some of the labels by eye.",
    }[found.task]
    return f"{own} Validation patches of the training glaciers do not show how well it works on another glacier."
