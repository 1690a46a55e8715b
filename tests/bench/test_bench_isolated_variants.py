"""labs.bench.isolated_variants: variants in a real child process."""

import pytest

from labs.backends import COURSE_BACKENDS
from labs.bench import Variant
from labs.bench.isolated_variants import measure_variants_isolated
from labs.errors import LabError, MeasurementError

ARCH = "{},native,v16,O1"
FAST = {"rounds": 2, "round_time_s": 0.01}


def arch():
    from labs import toolchain

    assert "ELECTRICAL" in COURSE_BACKENDS
    return ARCH.format(toolchain.compiler.target_arch())


@pytest.mark.slow
def test_variants_come_back_from_the_child_interleaved_and_verified():
    steps = []
    variants = [Variant("a", arch(), 1), Variant("b", f"{arch()},scalar", 1)]
    results = measure_variants_isolated(
        "add:n=16", variants, progress=lambda *step: steps.append(step), **FAST
    )
    assert [m.workload for m in results] == ["a", "b"]
    assert results.stop_reason == "complete"
    assert len({m.run_id for m in results}) == 1
    assert all("not verified" not in m.verification for m in results)
    assert steps[0] == (0, 1, "compiling 2 variants") and steps[-1][0] == steps[-1][1]


def test_a_wrong_workload_is_said_without_a_child():
    with pytest.raises(MeasurementError, match="nosuch"):
        measure_variants_isolated("nosuch:n=3", [Variant("a")])


@pytest.mark.slow
def test_a_wrong_arch_comes_back_as_the_devices_own_error():
    with pytest.raises(LabError, match="v17"):
        measure_variants_isolated("add:n=16", [Variant("a", f"{arch()},v17", 1)], **FAST)


@pytest.mark.slow
def test_a_cancelled_run_returns_what_it_has():
    results = measure_variants_isolated(
        "add:n=16", [Variant("a", arch(), 1)], cancel=lambda: True, **FAST
    )
    assert results.stop_reason == "cancelled"
