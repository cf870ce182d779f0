"""Do flags tell wrong fronts from right ones? Flags of `fronts` beside the true errors of `evaluate.py`.

  python -m pix2pix_tf.fronts caffe256/sar/SI_*.png --model runs/zones-si --uncertainty --output fronts/si
  python evaluate.py runs/zones-si --split test --unit pixels --output runs/report-si
  python -m benchmarks.quality.flags --fronts fronts/si --report runs/report-si

Several networks: --fronts A --report A --fronts B --report B. A front is wrong here when it lies more than
--wrong pixels from the true one in the mean, or is missed. The flagged front is that of the mean over four mirrored
images, the error that of the image as it is.
"""

import argparse
from pathlib import Path

import pandas as pd

from pix2pix_tf.fronts.trust import FLAGS

FIGURES = ("probability", "fjord", "spread_px", "near_nodata", "pieces", "length_px")  # of summary.csv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fronts", type=Path, action="append", required=True, help="folder of the fronts' products")
    parser.add_argument("--report", type=Path, action="append", required=True, help="folder of evaluate.py, likewise")
    parser.add_argument("--wrong", type=float, default=10.0, help="pixels (default: 10)")
    options = parser.parse_args()
    pairs = zip(options.fronts, options.report, strict=True)
    table = pd.concat([read(*pair) for pair in pairs], ignore_index=True)
    if table.empty:
        raise SystemExit("error: no scene of one network is in both folders.")
    show(table, table["mean_distance_pixels"].fillna(float("inf")) > options.wrong)


def read(fronts: Path, report: Path) -> pd.DataFrame:
    """Join flags and errors by scene: the scenes that have a true front and are in both folders."""
    found, scores = pd.read_csv(fronts / "summary.csv"), pd.read_csv(report / "scenes.csv")
    found["network"] = found["run"] + "@" + found["epoch"].astype(str)
    return found.merge(scores[scores["no_true_front"] == 0], on=["scene", "network"])


def show(table: pd.DataFrame, wrong: pd.Series) -> None:
    """Print what each flag finds, and how each figure behind the flags ranks the fronts."""
    print(f"{len(table)} fronts, {wrong.sum()} of them wrong")
    flags = table["flags"].fillna("").str.split().map(set)
    print(f"{'flag':<14}{'flagged':>9}{'wrong':>9}{'found of the wrong':>20}")
    for name in (*FLAGS, "any"):
        flagged = flags.map(lambda names, flag=name: bool(names) if flag == "any" else flag in names)
        found = (flagged & wrong).sum()
        print(f"{name:<14}{flagged.sum():9}{found:9}{found / max(1, wrong.sum()):20.0%}")
    print(f"\n{'figure':<14}{'median, right':>15}{'median, wrong':>15}{'rank correlation with the error':>34}")
    error = table["mean_distance_pixels"].fillna(float("inf"))
    for name in FIGURES:
        values = table[name].astype(float)
        print(
            f"{name:<14}{values[~wrong].median():15.2f}{values[wrong].median():15.2f}"
            f"{values.corr(error.rank(), method='spearman'):34.2f}"
        )


if __name__ == "__main__":
    main()
