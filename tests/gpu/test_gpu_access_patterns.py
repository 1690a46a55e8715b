"""labs.gpu.access.patterns and traffic: results as numpy's, bytes as the kernel's."""

import numpy as np
import pytest

from labs import toolchain
from labs.errors import LabError, MeasurementError

toolchain.activate()

from tinygrad import Tensor

from labs.gpu.access import PATTERNS, analyze_access, pattern, traffic_of
from labs.gpu.access.patterns import input_bytes

N = 1 << 12


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float32") for name in PATTERNS), ("strided", "float16")]
)
def test_pattern_when_run_then_as_numpy(name, dtype):
    work = pattern(name, n=64, dtype=dtype)
    arrays = work.inputs(np.random.default_rng(0))
    got = work.compute(*(Tensor(a, device="PYTHON") for a in arrays)).numpy()
    want = work.reference(*arrays)
    assert got.shape == want.shape and got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=work.rtol, atol=work.atol)


# name, settings, sectors of the load of data1 by 32 lanes that write side by side
SECTORS = [
    ("copy", {}, 4),
    ("sequential", {}, 4),
    ("strided", {"stride": 2}, 8),
    ("strided", {"stride": 8}, 32),
    ("misaligned", {"offset": 1}, 5),
    ("misaligned", {"offset": 8}, 4),
    ("transposed", {}, 32),
    ("broadcast", {}, 1),
]


@pytest.mark.parametrize(("name", "settings", "sectors"), SECTORS)
def test_pattern_when_one_element_per_lane_then_its_sectors(name, settings, sectors):
    from tinygrad.codegen.opt import Opt, OptOps

    axis = int(name in ("transposed", "broadcast"))
    work = pattern(name, n=N, **settings)
    found = analyze_access(work, "CUDA:sm_90", [Opt(OptOps.LOCAL, axis, 32)])
    assert found.find("load", "data1").sectors == sectors
    assert found.find("store", "data0").sectors == 4


def test_gather_then_nearly_a_sector_for_each_lane():
    found = analyze_access(pattern("gather", n=1 << 16), "CUDA:sm_90")
    assert 31 < found.find("load", "data1").sectors <= 32


def test_traffic_then_tinygrads_estimate_of_the_compiled_kernel_and_the_sectors():
    found = traffic_of(pattern("strided", n=N, stride=16), "CPU")
    assert found.least_bytes == found.accessed_bytes == 2 * 4 * N
    # each read of 4 bytes brings a line of 64, and the writes fill theirs
    assert found.sector_bytes == (64 + 4) * N
    assert "mem" in str(found)
    (kernel,) = found.analysis.kernels
    assert kernel.least_bytes == found.least_bytes


def test_traffic_when_data_decides_then_the_workloads_own_index_is_used():
    found = traffic_of(pattern("gather", n=N), "CPU")
    assert found.least_bytes == 3 * 4 * N and found.reason == ""
    assert 8 * N < found.sector_bytes <= (64 + 8) * N


def test_input_bytes_then_what_the_arrays_take():
    for name in PATTERNS:
        work = pattern(name, n=N)
        arrays = work.inputs(np.random.default_rng(0))
        out = work.reference(*arrays)
        needed = sum(a.nbytes for a in (*arrays, out))
        assert needed <= input_bytes(work) <= needed + 4 * N, name


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("diagonal", {}, "one of copy, sequential"),
        ("strided", {"stride": 0}, "from 1 on"),
        ("strided", {"stride": 1.5}, "whole number"),
        ("strided", {"offset": 1}, "stride for 'strided'"),
        ("misaligned", {"offset": -1}, "from 0 on"),
        ("sequential", {"n": 0}, "from 1 on"),
        ("transposed", {"n": True}, "whole number"),
        ("gather", {"n": 2**31}, "int32"),
        ("copy", {"dtype": "int8"}, "float16"),
    ],
)
def test_pattern_when_it_makes_no_sense_then_an_error(name, settings, word):
    with pytest.raises(MeasurementError, match=word):
        pattern(name, **settings)


def test_pattern_when_its_size_has_no_divisors_then_one_row():
    work = pattern("transposed", n=13)
    (array,) = work.inputs(np.random.default_rng(0))
    assert work.reference(array).shape == (13, 1)


def test_traffic_when_nothing_is_computed_then_an_error():
    import dataclasses

    work = dataclasses.replace(pattern("copy", n=16), compute=lambda x: x)
    with pytest.raises(LabError):
        traffic_of(work, "CPU")
