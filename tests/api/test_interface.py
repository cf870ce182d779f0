"""`import pix2pix_tf`: its names, how long it takes, and the examples of the docstrings and of docs/python.md."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pix2pix_tf

ROOT = Path(__file__).parents[2]
MODULES = ("pix2pix_tf", *(f"pix2pix_tf.api.{name}" for name in ("models", "scenes", "datasets", "plots", "zones")))


def test_the_public_names_are_there_and_complete():
    assert sorted(pix2pix_tf._MODULES) == pix2pix_tf.__all__ == sorted(pix2pix_tf.__all__)
    for name in pix2pix_tf.__all__:
        assert getattr(pix2pix_tf, name).__doc__
        assert name in dir(pix2pix_tf)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        pix2pix_tf.lode  # noqa: B018


def test_the_import_loads_nothing_and_takes_no_time():
    code = (
        "import sys, time; before = time.process_time(); import pix2pix_tf; taken = time.process_time() - before;"
        "print(taken, sorted({'tensorflow', 'numpy', 'scipy', 'matplotlib', 'rasterio'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    taken, loaded = answer.stdout.split(maxsplit=1)
    assert loaded.strip() == "[]"
    assert float(taken) < 0.3


@pytest.mark.parametrize("wanted", [None, "0"])
def test_tensorflow_uses_onednn_on_every_processor_unless_the_user_says_no(wanted, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if wanted:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", wanted)
    code = (
        "import pix2pix_tf, tensorflow as tf; from tensorflow.python.util import _pywrap_util_port as built;"
        "print(built.IsMklEnabled())"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str(wanted is None)


@pytest.fixture
def in_users_folder(speckle_run, zones_run, fronts_data, tmp_path, monkeypatch) -> Path:
    """A folder with small models under the names that the examples use, a data set and a scene."""
    (tmp_path / "pretrained").mkdir()
    (tmp_path / "pretrained" / "glacier").symlink_to(speckle_run / "export" / "speckle")
    (tmp_path / "pretrained" / "zones").symlink_to(zones_run / "export" / "zones")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mine").symlink_to(fronts_data)
    (tmp_path / "scenes").symlink_to(fronts_data / "train" / "sar")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings_hold(name, in_users_folder, capsys):
    module = importlib.import_module(name)
    failures, tests = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert tests and not failures, capsys.readouterr().out


@pytest.mark.long
def test_the_examples_of_the_page_run(in_users_folder):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    names: dict = {}
    for block in blocks:
        exec(block, names)
