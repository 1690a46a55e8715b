"""Every notebook runs, untouched and solved, and really runs its checks on the way.

nbval executes; since a notebook without a single check would be green as well, the checks that ran
are counted in the progress file. Each version of each notebook is executed once in the whole suite,
here: what a notebook in solutions/ gives is tested by itself. A new notebook needs no line here.
"""

import re
import sqlite3
import subprocess
import sys

import nbformat
import pytest

from labs.build import main_build
from labs.grading.catalogue import all_exercises, exercises_of
from labs.grading.process import notebook_environment
from labs.paths import PROJECT_ROOT

SOURCES = sorted((PROJECT_ROOT / "solutions").glob("[0-9][0-9]_*.py"))
NAMES = [path.stem for path in SOURCES]
CELL_TIMEOUT_S = 120  # nbval's own limit of 2000 s would let a dead kernel hang for half an hour
MAX_CODE_LINES = 30  # look twice from 15 on; beyond this a cell belongs in the course package
MAX_WORDS = 250


def nbval(path, tmp_path, *, strict, **variables):
    """Run nbval on one notebook; the checks that ran, as {exercise: [status, ...]}."""
    state = tmp_path / "progress.sqlite"
    environment = notebook_environment(state, strict=strict) | variables
    for name in [n for n in environment if n.startswith("PYTEST_")]:
        del environment[name]
    environment.setdefault("DEV", "CPU")
    command = [
        sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env",
        f"--nbval-cell-timeout={CELL_TIMEOUT_S}", "-p", "no:cacheprovider", "-q", str(path),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, f"{path.name}:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    found = {}
    with sqlite3.connect(state) as db:
        for exercise, status in db.execute("SELECT exercise, status FROM attempts ORDER BY at"):
            found.setdefault(exercise, []).append(status)
    db.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_student_notebook_untouched_runs_green_with_every_check_not_attempted(
    name, tmp_path, brief
):
    found = nbval(PROJECT_ROOT / "notebooks" / f"{name}.ipynb", tmp_path, strict=False, **brief)
    assert set(found) == {e.id for e in exercises_of(name)}
    assert {s for statuses in found.values() for s in statuses} == {"not-attempted"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_solution_notebook_runs_strict_with_every_check_passed(name, tmp_path, brief):
    found = nbval(PROJECT_ROOT / "solutions" / f"{name}.ipynb", tmp_path, strict=True, **brief)
    assert set(found) == {e.id for e in exercises_of(name)}
    assert {s for statuses in found.values() for s in statuses} == {"passed"}


def test_there_is_a_notebook_for_every_exercise_file():
    assert {e.notebook for e in all_exercises()} <= set(NAMES) and NAMES


def test_generated_files_are_in_step_with_their_source():
    assert main_build(check=True) == ()


# **************** what a reader meets in every notebook ****************


@pytest.fixture(params=NAMES)
def solution(request):
    """(name, cells) of a solution notebook with its outputs."""
    path = PROJECT_ROOT / "solutions" / f"{request.param}.ipynb"
    return request.param, nbformat.read(path, as_version=4).cells


def test_the_first_cell_tells_time_hardware_and_fallback(solution):
    name, (header, *_) = solution
    assert header.cell_type == "markdown" and header.source.startswith("# ")
    missing = [
        w for w in ("Time", "Hardware", "Fallback") if w.lower() not in header.source.lower()
    ]
    assert not missing, f"{name}: the first cell doesn't tell {missing}"


def test_the_first_cell_counts_its_exercises_and_points_right(solution):
    name, (header, *_) = solution
    counted = re.search(r"(\d+) exercises, (\d+) points", header.source)
    mine = exercises_of(name)
    if mine:
        assert counted, f'{name}: the first cell doesn\'t say "N exercises, M points"'
        assert tuple(map(int, counted.groups())) == (len(mine), sum(e.points for e in mine))


def test_every_exercise_has_an_answer_cell_and_then_a_check_cell(solution):
    name, cells = solution
    ids = [c.id for c in cells]
    for one in exercises_of(name):
        assert one.grade_id in ids, f"{name}: no answer cell for {one.id}"
        assert f"{one.grade_id}-check" in ids, f"{name}: no check cell for {one.id}"
        assert ids.index(one.grade_id) < ids.index(f"{one.grade_id}-check")


def test_every_picture_has_a_text_for_those_who_cannot_see_it(solution):
    name, cells = solution
    assert not list(pictures_without_text(cells)), f"{name}: pictures without alt text"


def test_no_cell_installs_or_downloads(solution):
    name, cells = solution
    assert not list(reaching_out(cells)), f"{name}: cells that reach out of the machine"


def test_cells_are_short_enough_to_be_read(solution):
    name, cells = solution
    assert not list(too_long(cells)), f"{name}: cells that belong in the course package"


def pictures_without_text(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            html = str(data.get("text/html", ""))
            tags = re.findall(r"<img\b[^>]*>", html)
            bare = any(not re.search(r"""\balt=(["'])\s*\S.*?\1""", tag, re.S) for tag in tags)
            if bare or (not tags and any(kind.startswith("image/") for kind in data)):
                yield cell.id


def reaching_out(cells):
    forbidden = re.compile(
        r"^\s*[!%](pip|conda|sx|sh|bash)?\b.*(install|wget|curl)|^\s*!|urlopen|urlretrieve"
        r"|\brequests\.(get|post)|^\s*(import|from) (requests|urllib|httpx)\b",
        re.M,
    )
    return (c.id for c in cells if c.cell_type == "code" and forbidden.search(c.source))


def too_long(cells):
    for cell in cells:
        if cell.cell_type == "markdown":
            # a folded part and a table are not read in one go
            text = re.sub(r"<details>.*?</details>|^\|.*$", "", cell.source, flags=re.S | re.M)
            if len(text.split()) > MAX_WORDS:
                yield cell.id
        elif len(cell.source.splitlines()) > MAX_CODE_LINES:
            yield cell.id


# **************** the rules above, on right and wrong cells ****************


def code(source, **data):
    outputs = [nbformat.v4.new_output("display_data", data=data)] if data else []
    return nbformat.v4.new_code_cell(source, outputs=outputs)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"text/html": '<img src="x" alt="CPU is faster">'}, False),
        ({"image/png": "x", "text/html": "<img alt='CPU' src='x'>"}, False),
        ({"text/html": "<table></table>"}, False),
        ({"text/html": '<img src="x">'}, True),
        ({"text/html": '<img src="x" alt="">'}, True),
        ({"text/html": '<img alt="a"><img src="b" alt=" ">'}, True),
        ({"image/png": "x", "text/plain": "<Figure>"}, True),
        ({"image/svg+xml": "<svg/>"}, True),
    ],
)
def test_pictures_without_text_are_found(data, wrong):
    assert bool(list(pictures_without_text([code("x", **data)]))) == wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('print("In a terminal:  %pip install -r requirements.lock")', False),
        ("%matplotlib inline", False),
        ("x = a != b", False),
        ("!pip install x", True),
        ("%pip install x", True),
        ("x = 1\n!ls", True),
        ("from urllib.request import urlopen", True),
        ("requests.get(url)", True),
    ],
)
def test_cells_that_reach_out_are_found(source, wrong):
    assert bool(list(reaching_out([code(source)]))) == wrong


def test_cells_that_are_too_long_are_found():
    words = " ".join(["word"] * 300)
    fine = [code("x = 1\n" * 20), nbformat.v4.new_markdown_cell(f"a\n<details>{words}</details>")]
    assert not list(too_long(fine))
    assert list(too_long([code("x = 1\n" * 40)]))
    assert list(too_long([nbformat.v4.new_markdown_cell(words)]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["x = 1", "assert x == 2"], "AssertionError"),
        (["from labs.grading import check\ncheck('1.3', lambda *a: 0)"], "COURSE_STRICT"),
    ],
)
def test_nbval_finds_a_notebook_that_fails(tmp_path, cells, told):
    notebook = nbformat.v4.new_notebook(cells=[code(c) for c in cells])
    path = tmp_path / "01_wrong.ipynb"
    nbformat.write(notebook, path)
    with pytest.raises(AssertionError, match=told):
        nbval(path, tmp_path, strict=True)
