"""Every exercise: not attempted as handed out, passed when solved, wrong answers rejected.

Wrong answers are source texts in wrong_answers/nbNN.py, at least three for each exercise. The
cells of a notebook run in one process apart, on the notebook's own set-up.
"""

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import jupytext
import pytest

from labs.build.cells import ANSWER, SETUP
from labs.build.source import read_source
from labs.grading.catalogue import all_exercises
from labs.grading.process import notebook_environment
from labs.paths import PROJECT_ROOT

EXERCISES = all_exercises()
LEAST_WRONG = 3
SEEDS = 5  # a wrong answer that passes one draw in five is a hole in the judge
RUNNER = """
import json, sys
from labs.grading import check
from labs.grading.judges import judge_of
job = json.load(sys.stdin)
shared = {"__name__": "__main__"}
for source in job["setup"]:
    exec(compile(source, "<setup>", "exec"), shared)
results = []
for exercise, name, source in job["answers"]:
    scope = dict(shared)
    try:
        exec(compile(source, "<answer>", "exec"), scope)
        # where judging runs a whole program once has to do
        seeds = 1 if judge_of(exercise).runs_code else job["seeds"]
        runs = [check(exercise, scope[name], seed=seed) for seed in range(seeds)]
        results.append([[r.status, r.message] for r in runs])
    except BaseException as error:
        results.append([["does not run", repr(error)]])
json.dump(results, open(sys.argv[1], "w"))
"""


def run_answers(setup, answers, folder):
    """[(exercise id, function name, source)] -> [[(status, message) for each seed]]."""
    job = {"setup": setup, "answers": answers, "seeds": SEEDS}
    environment = notebook_environment(folder / "progress.sqlite", strict=False)
    environment |= {"MPLBACKEND": "Agg"}
    environment.setdefault("DEV", "CPU")
    output = folder / "results.json"
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(output)],
        input=json.dumps(job), capture_output=True, text=True, timeout=600, env=environment,
        cwd=PROJECT_ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(output.read_text())


@cache
def wrong_answers(number):
    path = Path(__file__).parent / "wrong_answers" / f"nb{number:02d}.py"
    spec = importlib.util.spec_from_file_location(f"wrong_answers_nb{number:02d}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WRONG_ANSWERS


@cache
def source_of(notebook):
    path = PROJECT_ROOT / "solutions" / f"{notebook}.py"
    return read_source(notebook, path.read_text(encoding="utf-8"))


def answer_cell(text, one):
    """The source of an exercise's answer cell, or None."""
    for cell in jupytext.reads(text, fmt="py:percent").cells:
        if {ANSWER, one.grade_id} <= set(cell.metadata.get("tags", [])):
            return cell.source
    return None


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """outcomes(exercise): {"hole": [...], "solution": [...], "wrong 0": [...], ...}. The answers
    of a notebook run once, all together, when its first exercise is asked for."""

    @cache
    def of_notebook(notebook):
        source, mine = source_of(notebook), [e for e in EXERCISES if e.notebook == notebook]
        cells = jupytext.reads(source.text, fmt="py:percent").cells
        setup = [c.source for c in cells if SETUP in c.metadata.get("tags", [])]
        plan = []
        for one in mine:
            texts = {
                "hole": answer_cell(source.student_text(), one),
                "solution": answer_cell(source.text, one),
            } | {f"wrong {i}": w for i, w in enumerate(wrong_answers(one.number).get(one.id, []))}
            plan += [(one, kind, text) for kind, text in texts.items() if text is not None]
        answers = [(one.id, one.answer, text) for one, _, text in plan]
        results = run_answers(setup, answers, tmp_path_factory.mktemp(notebook))
        found = {}
        for (one, kind, _), result in zip(plan, results, strict=True):
            found.setdefault(one.id, {})[kind] = result
        return found

    return lambda one: of_notebook(one.notebook).get(one.id, {})


by_id = pytest.mark.parametrize("one", EXERCISES, ids=[e.id for e in EXERCISES])


@by_id
def test_exercise_unsolved_is_not_attempted(one, outcomes):
    runs = outcomes(one).get("hole")
    assert runs, f"no answer cell {one.grade_id} in solutions/{one.notebook}.py"
    assert {status for status, _ in runs} == {"not-attempted"}, runs


@by_id
def test_exercise_solved_is_passed(one, outcomes):
    runs = outcomes(one).get("solution")
    assert runs, f"no answer cell {one.grade_id} in solutions/{one.notebook}.py"
    assert {status for status, _ in runs} == {"passed"}, runs


@by_id
def test_exercise_rejects_every_wrong_answer(one, outcomes):
    wrong = {k: runs for k, runs in outcomes(one).items() if k.startswith("wrong")}
    assert len(wrong) >= LEAST_WRONG, f"{one.id}: {len(wrong)} wrong answers, not {LEAST_WRONG}"
    for kind, runs in wrong.items():
        assert {status for status, _ in runs} == {"failed"}, f"{one.id}, {kind}: {runs}"
        assert all(message for _, message in runs)


def test_wrong_answers_are_different_and_belong_to_exercises():
    known = {e.id for e in EXERCISES}
    for number in {e.number for e in EXERCISES}:
        texts = wrong_answers(number)
        assert set(texts) <= known
        for sources in texts.values():
            assert len(set(sources)) == len(sources)


def test_run_answers_tells_passed_failed_and_broken_apart(tmp_path):
    head = "def matmul_cost(m, k, n, itemsize):\n    "
    right = head + "return two * m * k * n, itemsize * (m * k + k * n + m * n)"
    texts = [right, head + "return 1, 1", head + "raise NotImplementedError", "1 / 0", "x = 1"]
    results = run_answers(["two = 2"], [("1.3", "matmul_cost", t) for t in texts], tmp_path)
    words = ["passed", "failed", "not-attempted", "does not run", "does not run"]
    assert [runs[0][0] for runs in results] == words
