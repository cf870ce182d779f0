"""Share of a training's time beside its steps: validation, log, samples, checkpoint, export."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pix2pix_tf import prepare
from pix2pix_tf.utils import cli, files


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, "  python -m benchmarks.speed.epochs --epochs 10 --export-every 10")
    parser.add_argument("--variant", default="orig")
    parser.add_argument("--epochs", type=int, default=10, help="(default: 10)")
    parser.add_argument("--export-every", type=int, default=10, help="epochs (default: 10)")
    parser.add_argument("--scenes", type=int, default=300, help="simulated scenes of the data set (default: 300)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of config.py")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder) / "data", Path(folder) / "run"
        prepare.simulate(data, scenes=options.scenes)
        words = ["--variant", options.variant, "--data", str(data), "--run", str(run), "--epochs", str(options.epochs)]
        settings = [f"train.export_every={options.export_every}", *options.set]
        words += [word for setting in settings for word in ("--set", setting)]
        process = subprocess.Popen([sys.executable, "train.py", *words], stdout=subprocess.PIPE, text=True)
        assert process.stdout  # a pipe, as asked for
        told = [(time.perf_counter(), line) for line in process.stdout]
        process.wait()
        gone = time.perf_counter()
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    # From the first epoch's line on, when TensorFlow has been imported and the graphs have been traced. A line comes
    # after its epoch's validation; the last line of all comes when everything is written.
    first, last = (next(at for at, line in told if line.startswith(word)) for word in ("epoch ", "trained "))
    steps, whole = sum(line["seconds"] for line in lines[1:]), last - first
    print(f"{options.variant}, {len(lines)} epochs of {options.scenes} scenes: {whole:.1f} s after the first epoch")
    print(f"steps, waiting for data included: {steps:.1f} s; all else: {whole - steps:.1f} s, {1 - steps / whole:.1%}")
    print(f"until the process has ended: {gone - last:.1f} s more")
    if options.output:
        row = {"variant": options.variant, "epochs": len(lines), "seconds": whole, "share": 1 - steps / whole}
        files.write_json(options.output, {"cores": os.cpu_count(), "rows": [row]})


if __name__ == "__main__":
    sys.exit(cli.run(main))
