"""Which export of a run is the best, as evaluate.py --select names it in runs/<run>/best.json. Nothing is copied."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

FILE = "best.json"
METRICS = {"ssim": "SSIM", "dice": "Dice", "faithfulness": "faithfulness"}  # in words; higher is better


@dataclass(frozen=True)
class Best:
    """The best export of a run, and what says so."""

    metric: str  # of METRICS
    value: float  # its mean over the images
    interval: float | None  # half of the mean's 95 % interval; None for a single image
    epoch: int
    compared: list[int]  # the epochs that it is the best of
    images: int
    split: str
    data: str  # the data set's folder
    origin: str  # of the data set: real | simulated | generated: ... | unknown
    seed: int  # image i was painted with seed + i
    segmenter: str | None  # run@epoch that read the zones, for faithfulness
    fingerprint: str  # of the export: another one under the same number was not measured
    chosen: str  # when: ISO 8601, UTC

    @property
    def told(self) -> str:
        """What it is in a few words: the best of 21 by ssim on val (0.4120 ± 0.0031)."""
        half = "" if self.interval is None else f" ± {self.interval:.4f}"
        return f"the best of {len(self.compared)} by {self.metric} on {self.split} ({self.value:.4f}{half})"


def write(run: Path, best: Best) -> Path:
    """Writes what is the best into a run's folder; an earlier choice is replaced.

    Returns:
      The file.
    """
    files.write_json(run / FILE, asdict(best))
    return run / FILE


def read(run: Path) -> Best | None:
    """Reads what is the best of a run; None when nobody has chosen.

    Raises:
      UserError: the file is not as `write` makes it.
    """
    path = run / FILE
    if not path.exists():
        return None
    values = files.read_json(path)
    types = {"epoch": int, "metric": str, "split": str, "fingerprint": str, "value": int | float, "compared": list}
    named = values.keys() == {field.name for field in fields(Best)}
    if not named or not all(isinstance(values[name], kind) for name, kind in types.items()):
        raise UserError(f"{path} is not as evaluate.py writes it. Remove it, or choose anew: {cure(run, 'ssim')}")
    return Best(**values)


def check(run: Path, best: Best, there: Collection[int], fingerprint: str | None) -> None:
    """Makes sure that the best export is still the one that was measured.

    Args:
      run: the run's folder.
      best: what its best.json says.
      there: epochs of its exports.
      fingerprint: of the export of that epoch; None when it is not there.

    Raises:
      UserError: it is gone, or is another one now.
    """
    if fingerprint != best.fingerprint:
        epochs = ", ".join(map(str, there)) or "none"
        what = f"is another one now than that measured on {best.chosen[:10]}"
        if best.epoch not in there:
            what = f"is no longer there (there are {epochs})"
        raise UserError(
            f"{run / FILE} names epoch {best.epoch}, whose export {what}. Choose anew: {cure(run, best.metric)}; or "
            f"remove {run / FILE}, and the newest is taken."
        )


def cure(run: Path, metric: str) -> str:
    """The command that chooses."""
    return f"python evaluate.py {run} --select {metric}" + (" --segmenter RUN" * (metric == "faithfulness"))
