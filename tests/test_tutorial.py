"""docs/tutorial.ipynb: kept as it ran, clean and small, and still running."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(TUTORIAL, as_version=4)


def outputs(notebook) -> list:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def pictures(notebook) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


def test_it_is_kept_as_it_ran_from_top_to_bottom(notebook):
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert pictures(notebook) >= 6


def test_it_is_small_and_clean(notebook):
    assert TUTORIAL.stat().st_size < 1_500_000
    for output in outputs(notebook):
        assert output.output_type != "error" and output.get("name") != "stderr"
        text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        assert not re.search(r"(?<![\w.])/\w+/\w+", text), text  # a path of the machine that it ran on


@pytest.mark.long
def test_it_runs_cut_short(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TUTORIAL.parents[1]))  # as if installed
    wanted = pictures(notebook)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    parameters.source += f"\nSCENES, EPOCHS, STEPS, WORK = 30, 1, 10, Path({str(tmp_path)!r})"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(TUTORIAL.parent)}}).execute()
    assert pictures(notebook) == wanted
