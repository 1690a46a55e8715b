"""Running solutions, and outputs that may be published."""

import sys
from pathlib import Path

import nbformat.v4 as v4
import pytest

from labs.build.execute import clean_outputs, execute
from labs.errors import BuildError
from labs.paths import PROJECT_ROOT


def cleaned(*outputs):
    notebook = v4.new_notebook(cells=[v4.new_code_cell("x", outputs=list(outputs))])
    clean_outputs(notebook, "01_x")
    return notebook.cells[0].outputs


def stream(text):
    (output,) = cleaned(v4.new_output("stream", name="stdout", text=text))
    return output.text


def test_clean_outputs_shows_folders_without_this_machine():
    home = str(Path.home())
    text = f"{PROJECT_ROOT}/labs/x.py\n{home}/y and {PROJECT_ROOT}\n{sys.prefix}/bin"
    shown = stream(text)
    assert shown.startswith("COURSE/labs/x.py\n~/y and COURSE\n")
    assert str(PROJECT_ROOT) not in shown and sys.prefix not in shown
    assert stream("File /tmp/ipykernel_123/456.py:3") == "File notebook cell:3"


def test_clean_outputs_leaves_other_words_alone():
    home = Path.home()
    assert stream(f"x{home}x {home}ed") == f"x{home}x {home}ed"


def test_clean_outputs_keeps_what_a_terminal_would_show():
    assert stream(" 10%\r 50%\r100%\ndone\r\n") == "100%\ndone\n"


def test_clean_outputs_drops_widget_models_and_keeps_the_static_form():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    (kept,) = cleaned(
        v4.new_output("display_data", data=widget | {"text/html": f"<b>{PROJECT_ROOT}</b>"}),
        v4.new_output("display_data", data=widget),
    )
    assert dict(kept.data) == {"text/html": "<b>COURSE</b>"}


def test_clean_outputs_covers_errors_that_are_meant():
    (kept,) = cleaned(
        v4.new_output(
            "error", ename="E", evalue=f"{PROJECT_ROOT}/a", traceback=["in /tmp/ipykernel_1/2.py"]
        )
    )
    assert kept.evalue == "COURSE/a" and kept.traceback == ["in notebook cell"]


def test_clean_outputs_when_a_path_cannot_be_replaced_refuses():
    data = {"application/json": {"file": f"{PROJECT_ROOT}/x"}}
    with pytest.raises(BuildError, match="no folder of this machine"):
        cleaned(v4.new_output("display_data", data=data))
    with pytest.raises(BuildError):
        cleaned(v4.new_output("stream", name="stdout", text=f"x{PROJECT_ROOT}"))


@pytest.mark.slow
def test_execute_when_a_cell_fails_names_the_notebook_and_the_error(tmp_path):
    notebook = v4.new_notebook(cells=[v4.new_code_cell("value = 1\nraise KeyError('gone')")])
    with pytest.raises(BuildError, match=r"solutions/01_x\.ipynb") as caught:
        execute(notebook, "01_x", tmp_path)
    assert "KeyError: 'gone'" in caught.value.got and "\x1b" not in caught.value.got


@pytest.mark.slow
def test_execute_is_strict_and_leaves_the_readers_progress_alone(tmp_path, monkeypatch):
    mine = tmp_path / "mine.sqlite"
    monkeypatch.setenv("COURSE_STATE", str(mine))
    source = "from labs.grading import check\ncheck('1.3', lambda *a: 0)"
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source)])
    with pytest.raises(BuildError, match="COURSE_STRICT"):
        execute(notebook, "01_x", tmp_path)
    assert not mine.exists()
