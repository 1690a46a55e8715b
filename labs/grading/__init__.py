"""Exercises: checks, predictions, hints and progress, for notebooks and the command line.

The student's side: exercises are data (exercises/NN.toml), judges are functions (checks/nbNN.py),
and what was done is kept in one sqlite file. Nothing here is trusted by a grader.
"""

from labs.grading.assessment import SelfAssessment as SelfAssessment
from labs.grading.assessment import self_assessment as self_assessment
from labs.grading.checking import check as check
from labs.grading.command import check_command as check_command
from labs.grading.command import check_saved as check_saved
from labs.grading.predictions import predict as predict
from labs.grading.predictions import reveal as reveal
from labs.grading.report import hint as hint
from labs.grading.report import progress as progress
from labs.grading.result import CheckResult as CheckResult

__all__ = [
    "CheckResult",
    "SelfAssessment",
    "check",
    "check_command",
    "check_saved",
    "hint",
    "predict",
    "progress",
    "reveal",
    "self_assessment",
]
