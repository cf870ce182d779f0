"""The local server beside the SavedModel it serves, called in a process of its own.

The two take turns, so that a machine whose speed drifts slows both alike. Printed: the throughput of 16 clients as a
share of the bare model's best batch, what the server adds to the time of a lone client, what 1000 requests at once
come to, and with --minutes whether the memory stays flat under load.
"""

import asyncio
import base64
import collections
import http.client
import io
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image

from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.utils import cli, files

EXAMPLES = """\
  python -m benchmarks.speed.serving --output runs/serving.json
  python -m benchmarks.speed.serving --model runs/gen5/export/gen5 --minutes 10
  python -m benchmarks.speed.serving --size 32 --set model.depth=5 --set model.generator_width=4 --seconds 2"""

CLIENTS = 16
BATCHES = (1, 2, 4, 8, 16)


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--model", type=Path, help="an export that takes zones (default: an untrained `orig`)")
    parser.add_argument("--size", type=int, default=256, help="pixels a side (default: 256)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the model that is made")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default: 5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a turn (default: 5)")
    parser.add_argument("--flood", type=int, default=1000, help="requests at once (default: 1000)")
    parser.add_argument("--minutes", type=float, default=0.0, help="of load by 16 clients at the end (default: none)")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        base = options.model or Path(folder) / "bench"
        if not options.model:
            in_a_process_of_its_own(make_export, base / "1", options.size, options.set)
        pngs = [zones_png(seed, options.size) for seed in range(8)]
        bare, server = Bare(base, pngs[0]), Server(base)
        try:
            figures = compare(bare, server, pngs, options.rounds, options.seconds)
            figures["flood"] = dict(asyncio.run(flood(server.port, body_of(pngs[0], 0), options.flood)))
            print(f"{options.flood} requests at once: " + ", ".join(f"{n} x {c}" for c, n in figures["flood"].items()))
            if options.minutes:
                figures["load"] = load(server, pngs, options.minutes)
        finally:
            bare.close()
            server.close()
    if options.output:
        files.write_json(options.output, figures)


def compare(bare: "Bare", server: "Server", pngs: list[bytes], rounds: int, seconds: float) -> dict:
    """Turn by turn: the model at all batch sizes, one client, sixteen clients."""
    shares, overheads, turns = [], [], []
    print("| bare, best batch | 16 clients | share | bare, one | one client | overhead |")
    print("|---:|---:|---:|---:|---:|---:|")
    for turn in range(rounds + 1):
        speeds = {batch: bare.images_per_second(batch, seconds / len(BATCHES)) for batch in BATCHES}
        alone = ask_for(server.port, pngs, 1, seconds / 2)
        together = ask_for(server.port, pngs, CLIENTS, seconds)
        if alone.failed or together.failed:
            raise RuntimeError(f"Requests failed: {alone.failed + together.failed}")
        best, throughput = max(speeds.values()), len(together.seconds) / together.wall
        one, lone = 1000 / speeds[1], 1000 * statistics.median(alone.seconds)
        note = " (warm-up, not counted)" if turn == 0 else ""
        print(
            f"| {best:.1f} images/s | {throughput:.1f} images/s | {throughput / best:.0%} "
            f"| {one:.1f} ms | {lone:.1f} ms | {lone - one:.1f} ms |{note}",
            flush=True,
        )
        if turn:
            turns.append({"bare": speeds, "clients_16": throughput, "one_client_ms": lone})
            shares.append(throughput / best)
            overheads.append(lone - one)
    share, overhead = statistics.median(shares), statistics.median(overheads)
    print(f"\n16 clients have {share:.0%} of the bare model's best throughput (wanted: at least 85%).")
    print(f"A lone client waits {overhead:.1f} ms longer than for the bare model (wanted: under 10 ms). Medians.")
    return {"share": share, "overhead_ms": overhead, "turns": turns}


class Asked:
    """The results of some clients' requests."""

    def __init__(self):
        self.seconds: list[float] = []
        self.failed: collections.Counter[int] = collections.Counter()
        self.wall = 0.0


def ask_for(port: int, pngs: list[bytes], clients: int, seconds: float) -> Asked:
    """Clients that each ask again as soon as they have their answer."""
    asked, start = Asked(), time.perf_counter()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        bodies = [body_of(png, number) for png in pngs]
        turn = number
        while time.perf_counter() - start < seconds:
            turn += 1
            begun = time.perf_counter()
            connection.request("POST", "/v1/models/bench:predict", bodies[turn % len(bodies)])
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                asked.seconds.append(time.perf_counter() - begun)
            else:
                asked.failed[response.status] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked.wall = time.perf_counter() - start
    return asked


def load(server: "Server", pngs: list[bytes], minutes: float) -> dict:
    """Sixteen clients for a while: errors, and memory before and after."""
    memory, done = [server.mib()], Asked()
    for _ in cli.progress(range(round(minutes * 6)), round(minutes * 6), "spans of 10 s"):
        part = ask_for(server.port, pngs, CLIENTS, 10)
        done.seconds += part.seconds
        done.failed += part.failed
        memory.append(server.mib())
    errors, start, middle, end = sum(done.failed.values()), memory[0], memory[len(memory) // 2], memory[-1]
    print(f"{len(done.seconds)} answers in {minutes:g} minutes, {errors} errors")
    print(f"memory: {start:.0f} MiB at the start, {middle:.0f} in the middle, {end:.0f} at the end")
    return {"answers": len(done.seconds), "errors": errors, "mib_every_10_s": memory}


async def flood(port: int, body: bytes, count: int) -> collections.Counter:
    """Request that are all sent before the first is answered; how many got which code."""

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /v1/models/bench:predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1]) if answer else 0

    return collections.Counter(sorted(await asyncio.gather(*(one() for _ in range(count)))))


class Bare:
    """The SavedModel in a process of its own."""

    def __init__(self, base: Path, png: bytes):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=answer, args=(other, base, png), daemon=True)
        self.process.start()

    def images_per_second(self, batch: int, seconds: float) -> float:
        self.pipe.send((batch, seconds))
        return self.pipe.recv()

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def answer(pipe, base: Path, png: bytes) -> None:
    """Run batches for as long as it is told, and say how many images a second came out."""
    import tensorflow as tf

    from pix2pix_tf.export import saved_model

    sample = saved_model.load(base).signatures["sample"]
    while work := pipe.recv():
        batch, seconds = work
        calls, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds or not calls:
            sample(image_bytes=tf.constant([png] * batch), seed=tf.range(batch))["output_bytes"].numpy()
            calls += 1
        pipe.send(calls * batch / (time.perf_counter() - start))


class Server:
    """The local server, as a user starts it."""

    def __init__(self, base: Path):
        command = [sys.executable, "-m", "pix2pix_tf.serving", "run", "--model", f"bench={base}", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout  # as asked for
        for line in self.process.stdout:
            if found := re.match(r"page: http://127.0.0.1:(\d+)/", line):
                self.port = int(found[1])
                return
        raise RuntimeError("The server did not start.")

    def mib(self) -> float:
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def zones_png(seed: int, size: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(simulate_scene(seed, size).zones).save(file, "PNG")
    return file.getvalue()


def body_of(png: bytes, seed: int) -> bytes:
    row = {"image_bytes": {"b64": base64.b64encode(png).decode()}, "seed": seed}
    return json.dumps({"signature_name": "sample", "instances": [row]}).encode()


def in_a_process_of_its_own(function, *arguments) -> None:
    """So that this process, which measures, stays without TensorFlow."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("The model could not be made.")


def make_export(version: Path, size: int, settings: list[str]) -> None:
    """An export of `orig` with the weights that it begins with: as quick as a trained one."""
    import numpy as np

    from pix2pix_tf import config
    from pix2pix_tf.export import saved_model, warmup
    from pix2pix_tf.training import precision
    from pix2pix_tf.training.tasks import make_task

    chosen = config.make_config("orig", settings)
    task = make_task(
        chosen, size, {"zones": 8, "sar": 8}, precision.choose(chosen.train.precision, chosen.model.width)[0]
    )
    description = {"variant": "orig", "run": "bench", "epoch": 1, "inputs": ["zones"], "targets": ["sar"], "size": size}
    description |= {"divisor": task.divisor, "bits": {"zones": 8, "sar": 8}, "origin": "simulated"}
    pixels = np.array(Image.open(io.BytesIO(zones_png(0, size))))[np.newaxis, ..., np.newaxis]
    example: warmup.Inputs = {"image_bytes": [zones_png(0, size)], "image": pixels, "seed": np.zeros(1, np.int32)}
    saved_model.write(version, task.signatures(), description, example)


if __name__ == "__main__":
    sys.exit(cli.run(main))
