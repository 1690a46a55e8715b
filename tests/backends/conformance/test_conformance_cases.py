"""The cases themselves, and what devices that have to pass make of them."""

from collections import Counter

import pytest

from labs import toolchain
from labs.backends import conformance
from labs.backends.conformance.groups import GROUPS

toolchain.activate()
from labs.backends.conformance.case import Case, by_name
from labs.backends.conformance.cases import all_cases

COMPLETE = {"ELECTRICAL": "full", "EDGE": "small", "CPU": "full"}


def test_all_cases_then_hundreds_in_every_group():
    groups = Counter(case.group for case in all_cases().values())
    assert set(groups) == set(GROUPS) - {"tinygrad"}
    assert sum(groups.values()) >= 400
    assert min(groups.values()) >= 5


def test_all_cases_then_the_small_size_has_some_of_each_group():
    small = {case.group for case in all_cases().values() if case.small}
    assert small == set(GROUPS) - {"tinygrad"}


def test_by_name_when_a_name_is_there_twice_then_an_error():
    with pytest.raises(ValueError, match="two cases are named a/b"):
        by_name([Case("a/b", print), Case("a/b", print)])


def test_groups_then_each_says_what_to_write():
    assert all(text and not text.endswith(".") for text in GROUPS.values())


@pytest.mark.slow
@pytest.mark.parametrize("device", COMPLETE)
def test_run_when_a_device_is_complete_then_all_pass(device):
    """tinygrad's own CPU device, and the course's two."""
    report = conformance.run(device, size=COMPLETE[device])
    assert report.ok, str(report)
    assert report.passed >= 1000
