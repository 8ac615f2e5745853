"""The example notebooks run from top to bottom, show what they promise, and are kept without outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
CHECKS = {
    "from-frames-to-strain": """
difference = (strain - np.average(strain, weights=weight)) - (put_in - np.average(put_in, weights=weight))
assert np.sqrt(np.average(difference**2, weights=weight)) < 0.2 < np.ptp(put_in) / 5
""",
    "how-far-to-trust-a-filling": """
rms = {name: np.sqrt(np.mean(error_of(filled) ** 2)) for name, filled in fillings.items()}
assert rms["auto"] < 0.7 * rms["linear"]
assert 0.5 < np.mean(np.abs(error_of(fillings["auto"])) < fillings["auto"].sigma[cross]) < 0.9
""",
    "judge-a-result": """
far = {name: distance(found, few if name == "few photons" else many) for name, found in results.items()}
assert far["good"] < 0.02 < 0.05 < far["few photons"]
assert far["too short"] > 0.05
assert results["good"].modes.scatter < 0.1 < results["few photons"].modes.scatter
assert any("does not explain the counts" in str(one.message) for one in told)
""",
}
"""What must hold of the values that each leaves."""
VIEWS = {"from-frames-to-strain": 3, "how-far-to-trust-a-filling": 1, "judge-a-result": 2}
PICTURES = {"from-frames-to-strain": 1, "how-far-to-trust-a-filling": 2, "judge-a-result": 3}
LARGEST = 4e6
"""Bytes of a notebook with its outputs."""


def name_of(path):
    return path.stem


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def test_every_notebook_is_checked():
    assert set(CHECKS) == {path.stem for path in NOTEBOOKS} == set(VIEWS) == set(PICTURES)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter; the kernel has filters of its own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    """In a kernel of its own, in an empty folder; a cell that is added asks whether its values are right."""
    nbformat = pytest.importorskip("nbformat", reason="the notebooks need nbclient and ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="the notebooks need nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="the notebooks need nbclient and ipykernel")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECKS[path.stem]))
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pages = [output for output in shown if "<iframe srcdoc" in output.get("data", {}).get("text/html", "")]
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert len(pages) == VIEWS[path.stem]
    assert len(pictures) == PICTURES[path.stem]
    assert len(nbformat.writes(notebook)) < LARGEST
    assert {file.name for file in tmp_path.iterdir()} <= {"ipython"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_kept_as_it_was_written(path):
    """No outputs, no numbers of cells, no settings of an editor; one form of the text."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for number, cell in enumerate(notebook["cells"], 1):
        assert cell["id"] == f"cell-{number:02d}"
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_links_of_a_notebook_lead_somewhere(path):
    for text in cells(path, "markdown"):
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert (path.parent / link).resolve().is_file(), link
