"""A state file of its own for every test, and a small exercise file to work with."""

import jupytext
import pytest

from labs import backends
from labs.build.source import read_source
from labs.grading import catalogue, judges
from labs.grading.compare import expect_close, expect_equal
from labs.grading.judges import judge
from labs.paths import PROJECT_ROOT

FIXTURE = """
notebook = "09_fixture"

[[exercise]]
id = "9.1"
title = "Double it"
answer = "double"
points = 2
objective = "I can double."
hints = ["How often?", "Twice.", "2 * x"]

[[exercise]]
id = "9.2"
title = "The word"
answer = "word"
points = 3
kind = "choice"
objective = "I can double."
hints = ["a", "b", "c"]

[[exercise]]
id = "9.3"
title = "Scale an array"
answer = "scale"
points = 4
objective = "I can scale."
hints = ["a", "b", "c"]
"""


@pytest.fixture(autouse=True)
def state_file(tmp_path, monkeypatch):
    path = tmp_path / "state" / "progress.sqlite"
    monkeypatch.setenv("COURSE_STATE", str(path))
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    return path


@pytest.fixture
def fixture_exercises(tmp_path, monkeypatch):
    """Exercises 9.1 (numbers), 9.2 (a value, no function) and 9.3 (arrays)."""
    folder = tmp_path / "exercises"
    folder.mkdir()
    (folder / "09.toml").write_text(FIXTURE, encoding="utf-8")
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    monkeypatch.setattr(judges, "_REGISTER", dict(judges._REGISTER))

    @judge("9.1", questions=lambda rng: [(int(n),) for n in rng.integers(1, 99, 3)])
    def check_9_1(question, answer):
        expect_equal("the double", answer, 2 * question[0], question)

    @judge("9.2")
    def check_9_2(question, answer):
        expect_equal("the word", answer, "kernel")

    @judge("9.3", questions=lambda rng: [(rng.random((2, 3), dtype="float32"), 2.0)])
    def check_9_3(question, answer):
        values, factor = question
        expect_close("the result", answer, (values * factor).astype("float32"), question=question)

    return folder


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The workbench MINE with the parts that notebook 02's own cells write."""
    from labs.grading.workbench import PARTS, Workbench

    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    bench = Workbench("MINE")
    path = PROJECT_ROOT / "solutions" / "02_custom_backends.py"
    source = read_source(path.stem, path.read_text("utf-8"))
    for cell in jupytext.reads(source.text, fmt="py:percent").cells:
        for part in PARTS:
            head = f'%%writefile "{{mine.{part}}}"\n'
            if cell.source.startswith(head):
                getattr(bench, part).write_text(cell.source.removeprefix(head), "utf-8")
    yield bench
    backends.unregister("MINE")
