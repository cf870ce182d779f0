"""Who may import whom: the data go one way through the house."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "pix2pix_tf"
MAY_IMPORT = {
    "utils": set(),
    "config": {"utils"},
    "data": {"utils", "config"},
    "models": {"utils", "config"},
    "metrics": {"data"},
    "export": {"utils", "config", "data"},
    "training": {"utils", "config", "data", "models", "export", "prepare"},
    "prepare": {"utils", "data", "export"},
    "generate": {"utils", "data", "export", "prepare"},
    "html_report": {"utils"},
    "fronts": {"utils", "data", "metrics", "export", "prepare", "html_report"},
    "evaluation": {"utils", "data", "metrics", "export", "fronts", "html_report"},
    "benefit": {"utils", "config", "data", "metrics", "fronts", "training", "evaluation", "html_report"},
    "serving": {"utils", "data", "export", "prepare"},
    "share": {"utils", "config", "data", "export"},
    "api": {"utils", "config", "data", "export", "prepare", "generate", "fronts"},
    "command": {"utils", "training", "evaluation", "prepare", "generate", "fronts", "benefit", "share", "serving"},
    "__main__": {"command"},
}
WITHOUT_TENSORFLOW = (
    *("command.py", "training/command.py", "evaluation/command.py", "generate/command.py", "benefit/command.py"),
    "serving/command.py",
    *("__init__.py", "api/zones.py", "api/scenes.py", "api/plots.py"),
    *("share", "config.py", "metrics", "fronts", "prepare", "export/best_epoch.py", "html_report"),
    "export/versions.py",
    *("evaluation/runs.py", "evaluation/scores.py", "evaluation/tables.py", "evaluation/plots.py"),
    *("evaluation/translation/report.py", "evaluation/realism/report.py", "evaluation/realism/plot.py"),
    *("evaluation/realism/statistics.py", "evaluation/segmentation/report.py", "evaluation/segmentation/examples.py"),
    *(
        "utils/errors.py",
        "utils/files.py",
        "utils/cli.py",
        "utils/options.py",
        "utils/parallel.py",
        "utils/resumable.py",
    ),
    *("data/io", "data/classes.py", "data/dataset.py", "data/loading.py", "data/validation.py", "data/scene_names.py"),
    *("data/conditions.py", "data/cloud_filter.py", "data/tiling.py", "data/visualization.py"),
)
SOURCES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("source", [path for path in SOURCES if path != Path("__init__.py")], ids=str)
def test_a_module_imports_only_what_lies_before_it(source):
    room = source.parts[0].removesuffix(".py")
    ours = {name.split(".")[1] for name in imported(PACKAGE / source) if name.startswith("pix2pix_tf.")}
    assert room in MAY_IMPORT, f"{room} is new: say here what it may import"
    assert ours <= MAY_IMPORT[room] | {room}


@pytest.mark.parametrize("place", sorted(WITHOUT_TENSORFLOW))
def test_what_answers_at_once_does_not_import_tensorflow(place):
    sources = [path for path in SOURCES if path.is_relative_to(place)]  # a file, or all of a folder
    assert sources
    for path in sources:
        assert not any(name.split(".")[0] in ("tensorflow", "keras") for name in imported(PACKAGE / path))


def test_one_place_knows_the_tensorflow_generation():
    knowing = [path for path in SOURCES if "tensorflow_addons" in " ".join(imported(PACKAGE / path))]
    assert knowing == [Path("utils/tf_compat.py")]


DANGEROUS = {"pickle", "cloudpickle", "marshal", "shelve", "dill", "joblib"}  # modules that run what they read
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}


def called(node: ast.Call) -> str:
    """Such as "eval" or "os.system"; empty for what has no plain name."""
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_nothing_that_is_read_is_run(source):
    """The one exception is Dask, whose messages are pickles: datasets/README.md says where it may be used."""
    found = {name.split(".")[0] for name in imported(PACKAGE / source)} & DANGEROUS
    assert found == ({"pickle", "cloudpickle"} if source == Path("utils/dask_cluster.py") else set())
    for node in ast.walk(ast.parse((PACKAGE / source).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert called(node) not in CALLS, f"{source}:{node.lineno}"
            for argument in node.keywords:
                assert argument.arg not in ("shell", "allow_pickle"), f"{source}:{node.lineno}"


@pytest.mark.parametrize("source", sorted(path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")), ids=str)
def test_a_test_imports_neither_another_test_nor_a_benchmark(source):
    names = imported(TESTS / source)
    assert not [name for name in names if name.startswith("benchmarks") or ".test_" in name]
