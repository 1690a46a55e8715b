"""labs.gpu.launch: a line found again, and real launches counted."""

import pytest

from labs.errors import DeviceError, MeasurementError
from labs.gpu import launch
from labs.gpu.launch import fit_line, measure_launches


def test_fit_line_when_planted_then_found_again():
    kernels = [1, 2, 4, 8, 16]
    noise = [1e-7, -1e-7, 2e-7, -2e-7, 0]
    times = [50e-6 + 20e-6 * k + e for k, e in zip(kernels, noise, strict=True)]
    line = fit_line("TinyJit", kernels, times)
    assert line.per_kernel_s == pytest.approx(20e-6, rel=0.02)
    assert line.fixed_s == pytest.approx(50e-6, rel=0.02)
    assert 20e-6 in line.per_kernel_interval and 50e-6 in line.fixed_interval
    assert line.r_squared > 0.999 and line.is_resolved


def test_fit_line_when_flat_then_a_launch_is_not_resolved():
    line = fit_line("graph", [1, 2, 4, 8], [5e-5, 4.9e-5, 5.1e-5, 5e-5])
    assert not line.is_resolved


@pytest.fixture(scope="module")
def fit():
    return measure_launches("CPU", (1, 2, 3), rounds=2, round_time_s=0.002)


def test_measure_launches_when_cpu_then_eager_and_jit_are_fitted_and_graphs_have_a_reason(fit):
    eager, jit, graph = (fit.line(mode) for mode in launch.MODES)
    assert [p.kernels for p in eager.points] == [p.kernels for p in jit.points] == [1, 2, 3]
    assert all(m.verification.startswith("numpy") for m in fit.results)
    assert graph.per_kernel_s is None and "one by one" in graph.reason
    assert "one by one" in str(fit) and "TinyJit" in str(fit)


def test_measure_launches_when_asked_for_an_unknown_way_then_said(fit):
    with pytest.raises(MeasurementError, match="eager, TinyJit, graph"):
        fit.line("batch")
    with pytest.raises(MeasurementError, match="modes"):
        measure_launches("CPU", modes=("batch",))


def test_measure_launches_when_the_device_has_graphs_then_they_are_used():
    fit = measure_launches("ELECTRICAL", (2, 3, 4), modes=("graph",), rounds=2, round_time_s=0.002)
    assert [p.kernels for p in fit.line("graph").points] == [2, 3, 4]


@pytest.mark.parametrize("counts", [(1, 2), (0, 1, 2), (1, 1, 1), (1.5, 2, 3), "abc", (-1, 2, 3)])
def test_measure_launches_when_the_counts_make_no_line_then_said(counts):
    with pytest.raises(MeasurementError, match="at least three different whole numbers"):
        measure_launches("CPU", counts)


def test_measure_launches_when_the_device_is_unknown_then_said():
    with pytest.raises(DeviceError, match="CUDDA"):
        measure_launches("CUDDA")
