"""The best export of a run, which `evaluate.py --select` names in runs/<run>/best.json. No export is copied."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

FILE = "best.json"
METRICS = {"ssim": "SSIM", "dice": "Dice", "faithfulness": "faithfulness"}  # in words; higher is better


@dataclass(frozen=True)
class Best:
    """The best export of a run, and how it was chosen."""

    metric: str  # of METRICS
    value: float  # its mean over the images
    interval: float | None  # half of the mean's 95 % interval; None for a single image
    epoch: int
    compared: list[int]  # the epochs from which it was chosen
    images: int
    split: str
    data: str  # the data set's folder
    origin: str  # of the data set: real | simulated | generated: ... | unknown
    seed: int  # image i was generated with seed + i
    segmenter: str | None  # run@epoch that segmented the images, for faithfulness
    fingerprint: str  # of the export that was measured, as another one may replace it
    chosen: str  # time of the choice: ISO 8601, UTC

    @property
    def summary(self) -> str:
        """A description such as: the best of 21 by ssim on val (0.4120 ± 0.0031)."""
        half = "" if self.interval is None else f" ± {self.interval:.4f}"
        return f"the best of {len(self.compared)} by {self.metric} on {self.split} ({self.value:.4f}{half})"


def write(run: Path, best: Best) -> Path:
    """Write the best export into a run's folder; an earlier choice is replaced.

    Returns:
      The file.
    """
    files.write_json(run / FILE, asdict(best))
    return run / FILE


def read(run: Path) -> Best | None:
    """Read the best export of a run; None if none has been chosen.

    Raises:
      UserError: the file does not have the fields that `write` writes.
    """
    path = run / FILE
    if not path.exists():
        return None
    values = files.read_json(path)
    types = {"epoch": int, "metric": str, "split": str, "fingerprint": str, "value": int | float, "compared": list}
    complete = values.keys() == {field.name for field in fields(Best)}
    if not complete or not all(isinstance(values[name], kind) for name, kind in types.items()):
        raise UserError(f"{path} is not as evaluate.py writes it. Remove it, or choose anew: {cure(run, 'ssim')}")
    return Best(**values)


def check(run: Path, best: Best, epochs: Collection[int], fingerprint: str | None) -> None:
    """Check that the best export is still the one that was measured.

    Args:
      run: the run's folder.
      best: from its best.json.
      epochs: of its exports.
      fingerprint: of the export of the best epoch; None if it is missing.

    Raises:
      UserError: it is missing, or has been replaced.
    """
    if fingerprint != best.fingerprint:
        problem = f"is another one now than that measured on {best.chosen[:10]}"
        if best.epoch not in epochs:
            problem = f"is no longer there (there are {', '.join(map(str, epochs)) or 'none'})"
        raise UserError(
            f"{run / FILE} names epoch {best.epoch}, whose export {problem}. Choose anew: {cure(run, best.metric)}; or "
            f"remove {run / FILE}, and the newest is taken."
        )


def cure(run: Path, metric: str) -> str:
    """Return the command that chooses the best export."""
    return f"python evaluate.py {run} --select {metric}" + (" --segmenter RUN" * (metric == "faithfulness"))
