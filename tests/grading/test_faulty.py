"""The broken backends of notebook 02: each fails where its fault is, and nowhere it shouldn't."""

import pytest

from labs.backends import conformance
from labs.errors import ExerciseError
from labs.grading.checks.nb02 import _FAULTY
from labs.grading.faulty import CASES, FAULTS, faulty

FIRST_GROUP = {"A": "views", "B": "copy", "C": "special", "D": "symbolic"}


@pytest.mark.slow
def test_the_healthy_one_passes_everything(mine):
    assert conformance.run(f"MINE={_file(mine)}", groups=list(CASES)).ok


@pytest.mark.slow
@pytest.mark.parametrize("letter", FAULTS)
def test_faulty_then_the_report_points_at_the_right_group(letter, mine):
    report = conformance.run(faulty(letter, mine), groups=list(CASES))
    failing = [name for name, group in report.groups.items() if group.failed]
    assert failing[0] == FIRST_GROUP[letter]


def test_faulty_when_unknown_lists_the_known(mine):
    with pytest.raises(ExerciseError, match="A, B, C, D"):
        faulty("Z", mine)


def test_the_exercise_asks_about_these_faults():
    assert set(_FAULTY) == set(FAULTS) - {"A"}  # A is explained in the notebook


def _file(bench):
    bench.file.write_text(bench.source(), "utf-8")
    return bench.file
