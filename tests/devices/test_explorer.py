"""BackendExplorer: real parts, real memory, real copies; and clear errors."""

import numpy as np
import pytest
from tinygrad import Device

from labs import bench
from labs.devices import BackendExplorer, explorer
from labs.errors import DeviceError


@pytest.fixture(scope="module")
def explore():
    return BackendExplorer()


def test_discovery_is_the_one_list(explore):
    found = explore.discover_available_backends()
    assert {"CPU", "CUDA", "METAL", "CL", "HIP", "WEBGPU", "NV", "AMD"} <= {s.device for s in found}
    assert "PYTHON" not in explore.fast_devices() and "CPU" in explore.fast_devices()


def test_anatomy_names_the_real_classes(explore):
    anatomy = explore.analyze_backend_architecture("cpu", rounds=2, round_time_s=0.01)
    parts = {p.role: p for p in anatomy.parts}
    assert list(parts) == ["Renderer", "Compiler", "Program", "Allocator", "Compiled"]
    opened = Device["CPU"]
    assert parts["Renderer"].class_name == type(opened.renderer).__name__ == anatomy.renderer
    assert parts["Allocator"].class_chain[0] == type(opened.allocator).__name__
    assert parts["Compiled"].source_file == "runtime/ops_cpu.py"
    assert [m.workload for m in anatomy.timings] == ["create tensor", "build expression", "realize"]
    assert "The parts of CPU" in repr(anatomy) and "<table" in anatomy._repr_html_()


def test_memory_of_an_addition_is_three_matrices_and_goes_back(explore):
    memory = explore.analyze_backend_architecture("CPU", rounds=2, round_time_s=0.01).memory
    one = 512 * 512 * 4
    assert memory.peak_bytes - memory.before_bytes == 3 * one
    assert memory.after_release_bytes == memory.before_bytes
    assert memory.kept_bytes >= 3 * one


@pytest.mark.parametrize("name", ["CPUU", "GPU", "", "NULL"])
def test_unknown_or_unusable_device_is_a_clear_error(explore, name):
    with pytest.raises(DeviceError, match="CPU"):
        explore.analyze_backend_architecture(name)


def test_copies_in_both_directions_are_measured(explore):
    found = explore.measure_transfers(["CPU"], [4096, 2**16], rounds=2, round_time_s=0.01)
    assert [(t.size_bytes, t.direction) for t in found] == [
        (4096, "copy in"),
        (4096, "copy out"),
        (2**16, "copy in"),
        (2**16, "copy out"),
    ]
    best = max(t.bytes_per_s for t in found if t.direction == "copy in")
    assert found.best("copy in") == best > 0
    assert found.items[0].bytes_per_s == 4096 / found.items[0].measurement.median_s


def test_a_device_that_changes_bytes_is_not_timed(explore, monkeypatch):
    allocator = Device["CPU"].allocator
    honest = allocator._copyout

    def lying(destination, source):
        honest(destination, source)
        np.frombuffer(destination, np.uint8)[0] ^= 1

    monkeypatch.setattr(allocator, "_copyout", lying)
    with pytest.raises(DeviceError, match="1 that differ"):
        explore.measure_transfers(["CPU"], [4096], rounds=2, round_time_s=0.01)


def test_comparison_is_the_harness_on_the_syllabus_suite(explore):
    results = explore.benchmark_cross_device_performance(
        ["CPU"], suite="tiny", rounds=2, round_time_s=0.01
    )
    assert isinstance(results, bench.ResultSet) and results.devices == ("CPU",)
    assert [m.workload for m in results] == ["add", "matmul", "sum", "linear"]


def test_memory_systems_count_what_operations_need():
    table = explorer.understand_device_memory_systems(["CPU"])
    peaks = {(row[2], row[3]): row[4] for row in table.rows}
    assert peaks["create", 1000] == "3.81 MiB" and peaks["add", 1000] == "11.4 MiB"
    assert len(table.rows) == 9


def test_reading_list_names_files_of_the_installed_tinygrad(explore):
    assert all(lines > 20 for _, lines, _ in explore.reading_list().rows)
