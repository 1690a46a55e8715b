"""labs.gpu.kernel_work: tinygrad's counts, against counts by hand."""

import pytest

from labs.bench import parse_workload
from labs.gpu.kernel_work import KernelWork, count_work
from labs.gpu.streams import copy_workload, triad_workload


@pytest.mark.parametrize(
    ("spec", "flop", "mem"),
    [
        ("add:n=16", 256, 3 * 256 * 4),
        ("matmul:n=8", 64 * (8 + 7), 3 * 64 * 4),  # unrolled: one addition less than products
        ("sum:n=16", 256, 256 * 4 + 4),
        ("transpose:n=16", 0, 2 * 256 * 4),
    ],
)
def test_count_work_when_counted_by_hand_then_the_same(spec, flop, mem):
    work = count_work(parse_workload(spec), "CPU")
    assert (work.flop, work.mem_bytes, len(work.kernels)) == (flop, mem, 1)
    assert not work.uses_matrix_units


def test_count_work_when_a_stream_then_each_array_once():
    copy, triad = (count_work(make(64), "CPU") for make in (copy_workload, triad_workload))
    assert (copy.flop, copy.mem_bytes) == (0, 2 * 64 * 4)
    assert (triad.flop, triad.mem_bytes) == (2 * 64, 3 * 64 * 4)


def test_intensity_when_bytes_are_read_again_then_the_two_differ():
    work = count_work(parse_workload("matmul:n=32"), "CPU")
    assert work.intensity_mem == pytest.approx(32 * 32 * (32 + 31) / (3 * 32 * 32 * 4))
    assert work.intensity_lds < work.intensity_mem


def test_intensity_when_nothing_is_moved_then_none():
    assert KernelWork(("k",), 1.0, 0.0, 0.0).intensity_mem is None
