import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def row(program, precision, pace, ratio, work="training", batch=1):
    case = {"variant": "orig", "size": 256, "work": work, "batch": batch, "program": program, "precision": precision}
    return case | {"images_per_second": pace, "peak_mib": 100 * pace, "ratio": [ratio, ratio, ratio]}


def test_each_goal_is_printed_with_the_peers_best_precision(tmp_path):
    measured = [row("ours", "bfloat16", 3.0, 1), row("ours", "float32", 2.0, 1.5)]
    measured += [row("torch", "float32", 1.0, 3.0), row("torch", "bfloat16", 2.5, 1.2)]
    (tmp_path / "speed.json").write_text(json.dumps({"rows": measured}))
    case = {"variant": "orig", "precision": "float32"}
    floors = [case | {"batch": batch, "ratio": [ratio] * 3} for batch, ratio in ((1, 2), (4, 1.25))]
    (tmp_path / "floor.json").write_text(json.dumps({"rows": floors}))
    (tmp_path / "start.json").write_text(json.dumps({"rows": [{"patches": 100, "seconds": 12.4}]}))
    command = [sys.executable, "-m", "benchmarks.speed.goals", str(tmp_path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[2:] == [
        "| training, batch 1, against PyTorch | at least 1.3 | 1.20 | **no** |",
        "| training, batch 4, against PyTorch | at least 1.3 | not measured | |",
        "| generation, batch 1, against PyTorch | at least 1.3 | not measured | |",
        "| generation, batch 8, against PyTorch | at least 1.3 | not measured | |",
        "| peak memory of training, batch 1, against PyTorch | at most 1 | 1.20 | **no** |",
        "| training, batch 4, float32, against its bare convolutions | at most 1.25 | 1.25 | yes |",
        "| `train.py` to its first step | under 12 s | 12.4 s | **no** |",
        "| all but the steps, of ten epochs with an export | under 3 % | not measured | |",
    ]
