"""pyproject.toml: dependencies, their mirrors in requirements*.txt, and the files that are installed."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIRED = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
GENERATION = ("tensorflow", "tensorflow-addons", "tensorflow-serving-api", "tensorboard", "numpy")


def requirements(name: str) -> list[str]:
    """The requirements of a file, without those of the files it includes."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for text in lines if (line := plain(text)) and not line.startswith("-r")]


def plain(requirement: str) -> str:
    """Without comment, and with spaces in one way."""
    return " ".join(requirement.partition("#")[0].split())


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]


@pytest.mark.parametrize(
    ("file", "listed"),
    [
        ("requirements.txt", REQUIRED),
        ("requirements-serve.txt", EXTRAS["serve"]),
        ("requirements-dask.txt", EXTRAS["dask"]),
        ("requirements-geo.txt", EXTRAS["geo"]),
        ("requirements-dev.txt", EXTRAS["dev"]),
    ],
)
def test_a_requirements_file_mirrors_the_package(file, listed):
    own = [plain(requirement) for requirement in listed if name_of(requirement) != "pix2pix-tf"]
    assert sorted(requirements(file)) == sorted(own)


def test_the_current_tensorflow_stands_beside_the_same_other_packages():
    current = requirements("requirements-current.txt")
    expected = {name_of(one): one.partition(";")[0].strip() for one in REQUIRED if 'python_version < "3.12"' not in one}
    assert {name_of(one) for one in current} == expected.keys()
    for one in current:
        assert one == expected[name_of(one)] or name_of(one) == "tensorboard"


@pytest.mark.parametrize("requirement", [*REQUIRED, *(one for extra in EXTRAS.values() for one in extra)])
def test_every_requirement_has_a_range(requirement):
    version = plain(requirement).partition(";")[0]
    assert "==" in version or (">=" in version and ",<" in version) or name_of(version) == "pix2pix-tf"


def test_only_the_tensorflow_generation_depends_on_the_python():
    for requirement in REQUIRED:
        assert ("python_version" in requirement) == (name_of(requirement) in GENERATION) or "tensorboard" in requirement


def test_files_that_are_no_modules_are_installed():
    patterns = {Path(pattern).suffix for pattern in PROJECT["tool"]["setuptools"]["package-data"]["pix2pix_tf"]}
    others = {
        path.suffix
        for path in (ROOT / "pix2pix_tf").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts and path.name != "py.typed"
    }
    assert others <= patterns
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["pix2pix_tf"]


def test_every_folder_of_the_package_with_modules_is_a_package():
    for path in (ROOT / "pix2pix_tf").rglob("*.py"):
        assert (path.parent / "__init__.py").exists(), path
