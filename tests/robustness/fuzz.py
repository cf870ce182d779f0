"""Spoilt files by the hundred thousand: each is read, or refused in one sentence, soon and in little memory.

Every reader works in a process of its own, on good files that are spoilt at random (mutations.py) from a
seed, so that a case can be had again. A case fails on any error but the reader's own refusals, on a message that is
none (empty, or longer than 1,200 characters), on more than a second of processor time, or on more than 500 MB of
memory. With --engine atheris the cases come from libFuzzer, which looks for ones that reach new code
(pip install atheris; CPython 3.11 and newer, Linux). The readers inside a SavedModel and of a running server take a
tiny network that is not trained. Ends with code 1 when there is a finding; the cases are in --findings.
"""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from pix2pix_tf.utils import cli, files
from tests.robustness.readers import READERS, Reader
from tests.robustness.serving_cases import READERS as SERVING_READERS

EXAMPLES = """\
  python -m tests.robustness.fuzz --cases 1000000
  python -m tests.robustness.fuzz --cases 5000 --readers zip tiff-scene --seed 7
  python -m tests.robustness.fuzz --cases 100000 --engine atheris --readers png dataset.json"""

SECONDS = 1.0  # of processor time that a case may take
MEMORY = 500 * 10**6  # bytes that a reader's process may grow by
TRIES = 3  # of a case that takes longer, of which the fastest counts
HANGS = 30  # seconds of the clock after which a case is ended
LONGEST = 1200  # characters of a message: all options of a training have room in it
KEPT = 20  # findings of a reader that are kept

ALL = READERS | SERVING_READERS


class Hang(BaseException):
    """A case does not come to an end."""


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--cases", type=int, default=1_000_000, help="of all readers together (default: 1000000)")
    parser.add_argument(
        "--readers", nargs="+", choices=list(ALL), default=list(ALL), metavar="NAME", help=", ".join(ALL)
    )
    parser.add_argument("--engine", choices=("seeded", "atheris"), default="seeded", help="default: seeded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"), help="default: runs/fuzz")
    options = parser.parse_args(argv)
    shares = sum(ALL[name].share for name in options.readers)
    print("| reader | cases | read | refused | findings | slowest (s) | memory (MB) |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    totals = []
    for name in cli.progress(options.readers, len(options.readers), "readers"):
        cases = max(1, round(options.cases * ALL[name].share / shares))
        figures = in_a_process(name, cases, options)
        totals.append(figures)
        print(
            f"| {ALL[name].what} | {figures['cases']:,} | {figures['read']:,} | {figures['refused']:,} "
            f"| {len(figures['findings'])} | {figures['slowest']:.2f} | {figures['memory'] / 1e6:.0f} |",
            flush=True,
        )
    found = sum(len(figures["findings"]) for figures in totals)
    print(f"\n{sum(figures['cases'] for figures in totals):,} cases, {found} findings")
    for figures in totals:
        for finding in figures["findings"]:
            print(f"- {finding}")
    if found:
        raise SystemExit(1)


def in_a_process(name: str, cases: int, options) -> dict:
    """Run one reader; a process that dies is a finding."""
    options.findings.mkdir(parents=True, exist_ok=True)
    result = options.findings / f"{name}.json"
    result.unlink(missing_ok=True)
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(name, cases, options.engine, options.seed, options.findings)
    )
    process.start()
    process.join()
    if not result.exists():
        died = f"{name}: the process ended with code {process.exitcode}; see {options.findings}/{name}.log"
        return {"cases": 0, "read": 0, "refused": 0, "slowest": 0.0, "memory": 0, "findings": [died]}
    return files.read_json(result)


def work(name: str, cases: int, engine: str, seed: int, findings: Path) -> None:
    """Read cases, and write what came of it."""
    _silence(findings / f"{name}.log")
    reader, random_ = ALL[name], random.Random(f"{name} {seed}")
    good = list(reader.good())
    watch = Watch(name, reader, findings)
    for data in good:
        watch.case(data)  # what is loaded and kept at the first call is no growth
    if not watch.figures["read"]:
        raise RuntimeError(f"{name} refuses its good files: nothing is learnt from spoilt ones")
    watch.begin()
    _bound_memory()
    if engine == "atheris":
        _with_atheris(watch, good, cases, seed)
        return
    for _ in range(cases):
        watch.case(reader.mutate(random_, random_.choice(good), random_.choice(good)))
    watch.end()


def _with_atheris(watch: "Watch", good: list[bytes], cases: int, seed: int) -> None:
    """The same cases from libFuzzer, led by the code that they reach; it ends the process by itself."""
    import atheris

    corpus = Path(tempfile.mkdtemp())
    for number, data in enumerate(good):
        (corpus / str(number)).write_bytes(data)

    def one(data: bytes) -> None:
        watch.case(data)
        if watch.figures["cases"] == cases:
            watch.end()
            shutil.rmtree(corpus)
            os._exit(0)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-seed={seed + 1}", "-max_len=65536", "-verbosity=0", str(corpus)], one)
    atheris.Fuzz()


class Watch:
    """Counts what becomes of the cases of one reader."""

    def __init__(self, name: str, reader: Reader, findings: Path):
        self.name, self.reader, self.findings = name, reader, findings
        shared = Path("/dev/shm")  # a file system in memory, where there is one
        self.folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
        self.figures: dict[str, Any] = {
            "cases": 0,
            "read": 0,
            "refused": 0,
            "failed": 0,
            "slowest": 0.0,
            "memory": 0,
            "findings": [],
        }
        self.before = 0
        self.last = Path(f"{self.folder}.case")
        signal.signal(signal.SIGALRM, self._hangs)

    def begin(self) -> None:
        """Forgets the first cases, and notes how large the process is."""
        self.figures |= {"cases": 0, "read": 0, "refused": 0, "failed": 0, "slowest": 0.0}
        self.before = _most_memory()

    def case(self, data: bytes) -> None:
        """One case, whatever comes of it. A slow one is tried again: a busy machine is no finding."""
        figures = self.figures
        figures["cases"] += 1
        self.last.write_bytes(data)  # should it end the process, it is there
        outcome, wrong, seconds = self._tried(data)
        for _ in range(TRIES - 1):
            if seconds > SECONDS:
                seconds = min(seconds, self._tried(data)[2])
        figures[outcome] += 1
        figures["slowest"] = max(figures["slowest"], seconds)
        if seconds > SECONDS:
            wrong = wrong or f"{seconds:.1f} s"
        if self.before and (grown := _most_memory() - self.before) > figures["memory"]:
            if grown > MEMORY >= figures["memory"]:
                wrong = wrong or f"{grown / 1e6:.0f} MB"
            figures["memory"] = grown
        if wrong:
            self._keep(wrong, data)

    def _tried(self, data: bytes) -> tuple[str, str | None, float]:
        """Return "read", "refused" or "failed", the reason of a failure, and the seconds of processor time."""
        outcome, wrong = "read", None
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        start = time.process_time()
        try:
            self.reader.read(data, self.folder)
        except self.reader.refusals as error:
            outcome = "refused"
            if not 0 < len(str(error)) <= LONGEST:
                wrong = f"a message of {len(str(error))} characters: {str(error)[:80]}"
        except BaseException as error:  # Hang and KeyboardInterrupt too: whatever it is belongs to a case
            if isinstance(error, KeyboardInterrupt):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome = "failed"
            wrong = f"{type(error).__name__}: {str(error)[:100]} ({Path(where.filename).name}:{where.lineno})"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.process_time() - start
        for entry in os.scandir(self.folder):
            shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else Path(entry).unlink()
        return outcome, wrong, seconds

    def end(self) -> None:
        """Write the figures."""
        shutil.rmtree(self.folder)
        self.last.unlink()
        files.write_json(self.findings / f"{self.name}.json", self.figures)

    def _keep(self, wrong: str, data: bytes) -> None:
        """One finding of a kind, by its text without numbers."""
        kind = "".join(letter for letter in wrong if not letter.isdigit())
        known = {"".join(c for c in one.partition(": ")[2] if not c.isdigit()) for one in self.figures["findings"]}
        if len(known) < KEPT and not any(kind in one for one in known):
            path = self.findings / f"{self.name}-{len(known)}.case"
            path.write_bytes(data)
            self.figures["findings"].append(f"{self.name}: {wrong} [{path}]")

    def _hangs(self, *_) -> None:
        raise Hang(f"no end after {HANGS} s")


def _silence(log: Path) -> None:
    """Send what this process and its libraries say to a file."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _bound_memory() -> None:
    """Lets this process have little more than it may, so that a bomb that goes off hurts nobody else."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + 3 * MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _most_memory() -> int:
    """Bytes that this process had in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(cli.run(main))
