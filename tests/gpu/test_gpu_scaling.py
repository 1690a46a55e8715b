"""labs.gpu.scaling: variants that are what they claim, and the rule by a table made by hand."""

import pytest

from labs.bench import parse_workload
from labs.bench.statistics import Interval
from labs.errors import MeasurementError
from labs.gpu import scaling
from labs.gpu.kernel_work import count_work
from labs.gpu.scaling import Response, bound_by_scaling, decide


def answer(what, low, high, work=2.0):
    """An answer whose exponent's interval is low to high."""
    return Response(what, work, work ** ((low + high) / 2), Interval(work**low, work**high))


NONE = Response("bytes", reason="no wider type")


@pytest.mark.parametrize(
    ("arithmetic", "traffic", "word"),
    [
        (answer("arithmetic", 0.9, 1.1), answer("bytes", 0.0, 0.1), "compute"),
        (answer("arithmetic", 0.0, 0.1), answer("bytes", 0.9, 1.1), "memory"),
        (answer("arithmetic", 0.4, 0.8), answer("bytes", 0.5, 0.9), "not resolved"),
        (answer("arithmetic", -0.1, 0.1), answer("bytes", -0.1, 0.2), "launch"),
        (answer("arithmetic", 0.6, 1.1), NONE, "compute"),
        (answer("arithmetic", -0.1, 0.1), NONE, "not resolved"),
        (answer("arithmetic", 0.3, 0.6), NONE, "not resolved"),
        (Response("arithmetic", reason="none"), answer("bytes", 0.7, 1.0), "memory"),
        (Response("arithmetic", reason="none"), NONE, "not resolved"),
    ],
)
def test_decide_when_answers_are_known_then_the_word_of_the_rule(arithmetic, traffic, word):
    bound_by, evidence = decide(arithmetic, traffic)
    assert bound_by == word
    assert evidence


def test_exponent_when_the_time_grows_as_the_work_then_one():
    assert answer("bytes", 1.0, 1.0, work=1.7).exponent == pytest.approx(1.0)


@pytest.mark.parametrize("spec", ["add:n=32", "matmul:n=48", "sum:n=48"])
def test_variants_when_compiled_then_more_of_one_and_as_much_of_the_other(spec):
    base = parse_workload(spec)
    work = count_work(base, "CPU")
    more_flop, flop_ratio = scaling._more_arithmetic(base, work, "CPU")
    more_bytes, byte_ratio = scaling._more_bytes(base, work, "CPU")
    a, b = count_work(more_flop, "CPU"), count_work(more_bytes, "CPU")
    assert a.flop >= 1.5 * work.flop and a.mem_bytes < 1.05 * work.mem_bytes
    assert b.mem_bytes >= 1.5 * work.mem_bytes and b.flop == work.flop
    assert flop_ratio == a.flop / work.flop and byte_ratio == b.mem_bytes / work.mem_bytes


def test_variants_when_there_is_no_arithmetic_then_said():
    base = parse_workload("transpose:n=16")
    with pytest.raises(MeasurementError, match="no arithmetic of its own"):
        scaling._more_arithmetic(base, count_work(base, "CPU"), "CPU")


def test_bound_by_scaling_when_run_then_both_answers_are_measured_and_verified():
    found = bound_by_scaling("add:n=64", "CPU", cache="warm", rounds=2, round_time_s=0.002)
    assert [r.what for r in found.responses] == ["arithmetic", "bytes"]
    assert all(r.time_ratio > 0 and not r.reason for r in found.responses)
    assert found.bound_by in ("compute", "memory", "launch", "not resolved")
    assert found.bound_by in str(found)
