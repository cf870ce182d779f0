"""From `python train.py` to the first step, TensorFlow's import included, by the number of patches in the data set.

A data set of many patches is one simulated patch under many names (hard links): what reads it cannot tell. The first
step is done when its losses stand in TensorBoard's file; then the training is asked to stop.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pix2pix_tf import prepare
from pix2pix_tf.utils import cli, files

EXAMPLES = """\
  python -m benchmarks.speed.start
  python -m benchmarks.speed.start --patches 100 1000 10000 100000 --rounds 5"""

LINKS = 50_000  # names that one file may have; file systems stop at some 65,000


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--patches", nargs="+", type=int, default=[100, 100_000], help="(default: 100 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="starts with each number (default: 3)")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        data = {count: many(Path(folder) / str(count), count) for count in options.patches}
        found: dict[int, list[tuple[float, float]]] = {count: [] for count in options.patches}
        for number in range(options.rounds + 1):  # the first round fills the machine's file cache
            for count, root in data.items():
                measured = first_step(root, Path(folder) / f"run-{count}-{number}")
                if number:
                    found[count].append(measured)
    rows = []
    print("| patches | to the first step, s | least - greatest | peak MiB by then |")
    print("|---:|---:|---:|---:|")
    for count, starts in found.items():
        seconds, mib = zip(*starts, strict=True)
        rows.append({"patches": count, "seconds": statistics.median(seconds), "peak_mib": statistics.median(mib)})
        print(
            f"| {count} | {rows[-1]['seconds']:.1f} | {min(seconds):.1f} - {max(seconds):.1f} "
            f"| {rows[-1]['peak_mib']:.0f} |"
        )
    if options.output:
        files.write_json(options.output, {"cores": os.cpu_count(), "rows": rows})


def many(root: Path, count: int) -> Path:
    """A data set of `count` training patches and two of validation."""
    prepare.simulate(root, scenes=4, val=0.5)
    described = json.loads((root / "dataset.json").read_text())
    stem = next(name for name, scene in described["scenes"].items() if scene["split"] == "train")
    for number in range(count - 2):
        name = f"copy{number:06d}"
        described["scenes"][name] = described["scenes"][stem]
        for folder in (root / "train").iterdir():
            if number % LINKS == 0:
                shutil.copy(folder / f"{stem}.png", folder / f"{name}.png")
            else:
                os.link(folder / f"copy{number - number % LINKS:06d}.png", folder / f"{name}.png")
    (root / "dataset.json").write_text(json.dumps(described))
    return root


def first_step(data: Path, run: Path) -> tuple[float, float]:
    """Seconds until the first step of `orig` is done, and the process's peak memory by then in MiB."""
    words = ["--variant", "orig", "--data", str(data), "--run", str(run), "--set", "train.log_steps=1"]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "train.py", *words], stdout=subprocess.DEVNULL)
    while not any(b"generator_gan" in path.read_bytes() for path in run.glob("tensorboard/*")):
        if process.poll() is not None:
            raise SystemExit("The training ended before its first step; its message is above.")
        time.sleep(0.05)
    seconds = time.perf_counter() - start
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    process.send_signal(signal.SIGINT)
    process.wait()
    return seconds, peak


if __name__ == "__main__":
    sys.exit(cli.run(main))
