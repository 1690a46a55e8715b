"""The suite's own test: each broken backend is noticed in the right group; healthy ones pass."""

import sys

import pytest

from labs.backends import conformance
from labs.paths import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "backends"))
from faulty.faults import FAULTS, FOLDER, HEALTHY

TIMEOUT_S = 20.0
HANG_TIMEOUT_S = 3.0  # of the backend that hangs for ever


def test_faults_then_there_are_enough_and_each_has_cases_that_it_spares():
    assert len(FAULTS) >= 15
    for fault in FAULTS:
        assert {pattern.partition("/")[0] for pattern in fault.cases} > fault.groups, fault.device


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.device)
def test_run_when_a_backend_is_broken_then_the_right_group_fails(fault):
    limit = HANG_TIMEOUT_S if fault.device == "HANG" else TIMEOUT_S
    report = conformance.run(fault.target, groups=fault.cases, timeout_s=limit)
    failing = {name for name, group in report.groups.items() if group.failed}
    assert failing == fault.groups, str(report)
    assert report.next_step.partition(":")[0] in fault.groups
    assert report.passed > 0
    assert not report.ok
    died = [f for f in report.failures if f.message.startswith("the process")]
    assert bool(died) == fault.crashes, died


@pytest.mark.slow
@pytest.mark.parametrize("device", HEALTHY)
def test_run_when_a_backend_is_healthy_then_what_catches_the_faults_passes(device):
    """Of what the faults were made from; the first is the base of all."""
    module = HEALTHY[device]
    made = [f for f in FAULTS if f.module == module or module == "healthy"]
    patterns = sorted({pattern for fault in made for pattern in fault.cases})
    report = conformance.run(f"{device}={FOLDER / module}.py", groups=patterns)
    assert report.ok, str(report)
    assert report.score == 1.0
