"""Who may import whom: the data go one way through the house."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pix2pix_tf"
FLOOR = {"errors", "files", "cli"}  # everybody may stand on it
MAY_IMPORT = {
    "errors": set(),
    "files": set(),
    "cli": set(),
    "config": set(),
    "addons": set(),
    "processor": set(),
    "cpp_runtime": set(),
    "warmup": set(),
    "events": set(),
    "checkpoints": {"export"},
    "distribution": {"config"},
    "losses": {"distribution"},
    "optimizers": set(),
    "precision": {"addons", "processor"},
    "metrics": set(),
    "realism": {"data"},
    "data": {"addons", "config", "data"},
    "models": {"config", "addons", "distribution", "models", "processor"},
    "signatures": {"config", "data"},
    "tasks": {"config", "addons", "data", "distribution", "losses", "models", "optimizers", "precision", "signatures"},
    "best": set(),
    "export": {"best", "cpp_runtime", "warmup"},
    "sheets": {"data"},
    "front_lines": set(),
    "fronts": {"data", "front_lines"},
    "overlays": {"sheets"},
    "geojson": set(),
    "milestones": {"data", "export", "sheets", "signatures", "tasks"},
    "training": {
        *("checkpoints", "config", "data", "distribution", "events", "export", "milestones", "precision", "runs"),
        "tasks",
    },
    "scores": {"metrics"},
    "tables": set(),
    "report": {"best", "scores", "tables"},
    "report_page": {"report_page"},
    "examples": {"best", "data", "export", "painting", "report_page", "runs", "scores", "sheets"},
    "front_examples": {"front_report", "report_page"},
    "curves": {"scores"},
    "appearance": {"data", "metrics", "realism"},
    "realism_report": {"appearance", "data", "metrics", "realism", "scores", "tables"},
    "realism_plot": {"appearance", "curves", "realism", "realism_report", "scores"},
    "judging": {"appearance", "data", "export", "fronts", "painting", "realism", "realism_report", "runs"},
    "runs": {"config", "data"},
    "delineation": {
        *("data", "export", "front_examples", "front_lines", "front_report", "fronts", "geojson", "metrics"),
        *("overlays", "painting", "report_page", "runs", "sheets"),
    },
    "front_report": {"data", "fronts", "metrics", "runs", "tables"},
    "benefit": {
        *("benefit", "config", "curves", "data", "delineation", "front_report", "metrics", "report_page", "runs"),
        *("tables", "training"),
    },
    "cloudiness": {"data", "export", "metrics", "painting", "report_page", "runs", "sheets", "tables"},
    "painting": {"data", "export", "metrics", "scores"},
    "evaluation": {
        *("best", "curves", "data", "examples", "export", "judging", "metrics", "painting", "realism_plot"),
        *("realism_report", "report", "report_page", "runs", "scores", "sheets"),
    },
    "generate": {"data", "export", "generate", "sheets"},
    "prepare": {"data", "export", "prepare", "sheets"},  # export inside a function: score-clouds
    "serving": {"best", "data", "export", "serving", "warmup"},
}
WITHOUT_TENSORFLOW = {
    *("best", "errors", "files", "cli", "config", "metrics", "scores", "tables", "report", "report_page", "curves"),
    *("sheets", "runs", "prepare", "front_examples", "front_lines", "front_report", "fronts", "overlays", "geojson"),
    *("realism", "appearance", "realism_report", "realism_plot"),
}
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
    assert ours <= MAY_IMPORT[room] | FLOOR


@pytest.mark.parametrize("room", sorted(WITHOUT_TENSORFLOW))
def test_what_answers_at_once_does_not_import_tensorflow(room):
    sources = [path for path in SOURCES if path.parts[0].removesuffix(".py") == room]  # a file, or all of a folder
    assert sources
    for path in sources:
        assert not any(name.split(".")[0] in ("tensorflow", "keras") for name in imported(PACKAGE / path))


def test_one_place_knows_the_tensorflow_generation():
    knowing = [path for path in SOURCES if "tensorflow_addons" in " ".join(imported(PACKAGE / path))]
    assert knowing == [Path("addons.py")]


DANGEROUS = {"pickle", "cloudpickle", "marshal", "shelve", "dill", "joblib"}  # modules that run what they read
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}


def called(node: ast.Call) -> str:
    """Such as "eval" or "os.system"; empty for what has no plain name."""
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_nothing_that_is_read_is_run(source):
    """The one exception is Dask, whose messages are pickles: datasets/README.md says where it may be used."""
    found = {name.split(".")[0] for name in imported(PACKAGE / source)} & DANGEROUS
    assert found == ({"pickle", "cloudpickle"} if source == Path("data/cluster.py") else set())
    for node in ast.walk(ast.parse((PACKAGE / source).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert called(node) not in CALLS, f"{source}:{node.lineno}"
            for argument in node.keywords:
                assert argument.arg not in ("shell", "allow_pickle"), f"{source}:{node.lineno}"


@pytest.mark.parametrize("requirements", sorted(PACKAGE.parent.glob("requirements*.txt")), ids=lambda path: path.name)
def test_every_requirement_has_a_range(requirements):
    for line in requirements.read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted and not wanted.startswith("-r"):
            version = wanted.partition(";")[0]
            assert "==" in version or (">=" in version and ",<" in version), line
