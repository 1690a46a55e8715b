"""labs.gpu.verdict: the rule, against a table made by hand."""

import pytest

from labs.bench.statistics import Interval
from labs.gpu.verdict import judge, remark

RIDGE = (6.0, Interval(5.0, 7.0))


@pytest.mark.parametrize(
    ("intensity", "ridge", "launch_share", "word"),
    [
        (0.25, RIDGE, 0.02, "memory"),
        (4.99, RIDGE, None, "memory"),
        (5.01, RIDGE, 0.0, "not resolved"),
        (6.99, RIDGE, 0.49, "not resolved"),
        (7.01, RIDGE, 0.0, "compute"),
        (85.0, RIDGE, 0.0, "compute"),
        (0.25, RIDGE, 0.5, "launch"),  # launching comes first, whatever the intensity
        (85.0, RIDGE, 1.3, "launch"),
        (0.0, RIDGE, 0.0, "memory"),  # a copy
        (0.0, None, None, "memory"),
        (2.0, None, 0.0, "not resolved"),  # no roof
        (None, RIDGE, 0.0, "not resolved"),  # no bytes counted
        (5.9, (6.0, None), 0.0, "memory"),  # a ridge without interval
        (6.1, (6.0, None), 0.0, "compute"),
    ],
)
def test_judge_when_given_numbers_then_the_word_of_the_rule(intensity, ridge, launch_share, word):
    verdict = judge(intensity, ridge, launch_share)
    assert verdict.bound_by == word
    assert verdict.evidence


def test_judge_when_resolved_then_the_evidence_has_both_numbers():
    evidence = judge(0.25, RIDGE, 0.0).evidence
    assert "0.25 FLOP/B" in evidence and "6 FLOP/B [5, 7]" in evidence


@pytest.mark.parametrize(
    ("fraction", "bound_by", "part"),
    [
        (0.9, "memory", ""),
        (1.2, "memory", "above the roof"),
        (0.1, "compute", "far below"),
        (0.001, "launch", ""),
        (None, "memory", ""),
    ],
)
def test_remark_when_far_from_the_roof_then_said(fraction, bound_by, part):
    said = remark(fraction, bound_by)
    assert part in said and bool(said) == bool(part)
