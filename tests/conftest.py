"""What the tests share: a small simulated data set, and one small training that many of them look at."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the tests hold on the CPU, whatever the machine has

import contextlib
import gc
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image

from pix2pix_tf import config, prepare
from pix2pix_tf.data.dataset import Dataset, Scene, save
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import facts_of
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from tests.helpers import SIZE, SPECKLE, TINY, UNET

gc.set_threshold(50_000, 50, 100)  # collecting garbage among TensorFlow's graphs took a tenth of the tests' time
settings.register_profile("busy", deadline=None)  # how long an example takes depends on what else the machine does
settings.load_profile("busy")


def pytest_collection_modifyitems(items):
    """Put all tests of the slowest shared run first, so that one process trains it while the other has other work."""
    items.sort(key=lambda item: "speckle_run" not in item.fixturenames)


@pytest.fixture(scope="module", autouse=True)
def _little_to_collect():
    """Keep what earlier modules left out of the collections that commands ask for: millions of objects of graphs."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def built_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder for all processes among which the tests are dealt out: the first to need it builds it."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"

    def build(name: str, make: Callable[[Path], None]) -> Path:
        shared.mkdir(exist_ok=True)
        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).exists():
                making = shared / "making" / name
                shutil.rmtree(making, ignore_errors=True)
                make(making)
                making.rename(shared / name)
        return shared / name

    return build


@pytest.fixture(scope="session")
def trained_once(built_once, tmp_path_factory) -> Callable[[str, config.Config, Dataset], Path]:
    """Train a run for all processes, each of which gets a copy to write in."""

    def train(name: str, chosen: config.Config, dataset: Dataset) -> Path:
        from pix2pix_tf.training import trainer

        trained = built_once(name, lambda run: trainer.train(chosen, dataset, run))
        return Path(shutil.copytree(trained, tmp_path_factory.mktemp("runs") / name))

    return train


@pytest.fixture(scope="session")
def tiny_data(built_once) -> Path:
    """A data set of 6 training and 3 validation scenes."""
    return built_once("tiny-data", _make_tiny_data)


def _make_tiny_data(root: Path) -> None:
    scenes = {}
    for number in range(9):
        split, stem, scene = "train" if number < 6 else "val", f"S{number}", simulate_scene(number, SIZE)
        for role in ("zones", "sar", "elevation"):
            path = root / split / role / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(getattr(scene, role)).save(path)
        scenes[stem] = Scene(split, SIZE, SIZE, metres_per_pixel=scene.metres_per_pixel)
    save(Dataset(root, "tiny", "simulated", SIZE, {"zones": 8, "sar": 8, "elevation": 8}, scenes))


@pytest.fixture
def tiny_dataset(tiny_data) -> Dataset:
    """The same, opened."""
    return load_dataset(tiny_data, ("zones", "sar"))


@pytest.fixture
def tiny_config() -> config.Config:
    """Networks and a training that are over in seconds."""
    return config.make_config("orig", [*TINY, "train.epochs=2"])


@pytest.fixture(scope="session")
def tiny_run(tiny_data, trained_once) -> Path:
    """A run of `orig` trained for 2 epochs, each exported."""
    chosen = config.make_config("orig", [*TINY, "train.epochs=2"])
    return trained_once("tiny", chosen, load_dataset(tiny_data, ("zones", "sar")))


@pytest.fixture
def mask_png(tiny_data) -> bytes:
    """One zone mask."""
    return (tiny_data / "val" / "zones" / "S6.png").read_bytes()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same at each run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def fronts_data(built_once) -> Path:
    """A data set of 6 training, 3 validation and 2 test scenes with zones, thin fronts and SAR."""
    return built_once("fronts-data", _make_fronts_data)


def _make_fronts_data(root: Path) -> None:
    scenes = {}
    for number in range(11):
        split, scene = "train" if number < 6 else "val" if number < 9 else "test", simulate_scene(number, SIZE)
        glacier, sensor = ("COL", "DBE")[number % 2], ("ERS", "TSX")[number % 2]
        stem = f"{glacier}_2010-{number + 1:02d}-01_{sensor}_20_1_{number:03d}"
        for role in ("zones", "sar", "fronts"):
            path = root / split / role / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(getattr(scene, role)).save(path)
        scenes[stem] = Scene(split, SIZE, SIZE, **facts_of(stem))
    save(Dataset(root, "fronts", "simulated", SIZE, {"zones": 8, "sar": 8, "fronts": 8}, scenes))


@pytest.fixture(scope="session")
def zones_run(fronts_data, trained_once) -> Path:
    """A run of `zones` trained for 3 epochs, its best one exported."""
    chosen = config.make_config("zones", [*UNET, "train.epochs=3", "train.samples=2"])
    return trained_once("zones", chosen, load_dataset(fronts_data, ("sar", "zones")))


@pytest.fixture(scope="session")
def fronts_run(fronts_data, trained_once) -> Path:
    """A run of `fronts` trained for 2 epochs, its best one exported."""
    chosen = config.make_config("fronts", [*UNET, "train.epochs=2", "train.samples=2"])
    return trained_once("fronts", chosen, load_dataset(fronts_data, ("sar", "fronts")))


@pytest.fixture(scope="session")
def told_run(fronts_data, trained_once) -> Path:
    """A run of `orig` that was told sensor and season for one epoch."""
    chosen = config.make_config("orig", [*TINY, "data.condition=sensor,season", "train.epochs=1"])
    return trained_once("told", chosen, load_dataset(fronts_data, ("zones", "sar")))


@pytest.fixture(scope="session")
def speckle_run(fronts_data, trained_once) -> Path:
    """A run of `speckle` that receives the sensor, trained for 2 epochs; the second is exported."""
    options = [*SPECKLE, "data.condition=sensor", "train.epochs=2", "train.export_every=2"]
    chosen = config.make_config("speckle", options)
    return trained_once("speckle", chosen, load_dataset(fronts_data, ("zones", "sar")))


@pytest.fixture(scope="session")
def optical_data(built_once) -> Path:
    """A simulated data set for SAR-to-optical: 5 training and 2 validation scenes, three targets each."""
    return built_once("optical", lambda root: prepare.simulate(root, scenes=7, size=SIZE, val=0.3, optical=True))


@pytest.fixture(scope="module")  # it keeps an event loop in this thread, which other modules' tests want for their own
def browser():
    """A headless Chromium: the system's, or else the one that `python -m playwright install chromium` fetched."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-dev.txt")
    found = [path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path]
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=found[0] if found else None)
        except playwright.Error as error:
            pytest.skip(f"no Chromium here (apt-get install chromium): {str(error).splitlines()[0]}")
        yield opened
        opened.close()


class PageServer:
    """The real server with a real export and a gallery; it can go and come back under the same address."""

    def __init__(self, model: Path, gallery: Path):
        self._model, self._gallery, self._port = model, gallery, 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        from tests.serving.server import running  # skips the test where requirements-serve.txt is not installed

        self._running = contextlib.ExitStack()
        server = self._running.enter_context(running({"orig": self._model}, port=self._port, newest=2))
        server.service.gallery.add_folder(self._gallery)
        self._port = server.port

    def stop(self) -> None:
        self._running.close()


@pytest.fixture(scope="module")
def page_server(tiny_run, tiny_data):
    """`PageServer` with both epochs of the tiny run, and three masks."""
    server = PageServer(tiny_run / "export" / "orig", tiny_data / "val" / "zones")
    yield server
    server.stop()
