"""CustomBackendFramework: its backends compute, and its tests are the conformance suite's."""

import dataclasses

import numpy as np
import pytest
from tinygrad import Device, Tensor

import labs
from labs import backends, devices
from labs.backends.framework import CustomBackendFramework, _check_matmul
from labs.devices.names import missing_part
from labs.errors import DeviceError

pytestmark = pytest.mark.usefixtures("unregister_after")

needs_edge = pytest.mark.skipif(bool(missing_part("EDGE")), reason=missing_part("EDGE"))


@pytest.fixture(scope="module")
def framework():
    return CustomBackendFramework()


def test_the_syllabus_name_is_public(framework):
    assert labs.CustomBackendFramework is CustomBackendFramework
    assert {"ELECTRICAL", "EDGE"} <= set(framework.registered_backends)
    assert all(path.is_file() for path in framework.templates.values())
    with pytest.raises(TypeError):
        framework.registered_backends["X"] = "y"


def test_create_electrical_then_a_device_that_computes(framework):
    made = framework.create_electrical_testing_backend()
    assert made.device is Device["ELECTRICAL"] and made.source_file.name == "ops_electrical.py"
    x = np.linspace(-1, 1, 1001, dtype=np.float32)
    got = (Tensor(x, device=made.name) * 3 - 1).numpy()
    np.testing.assert_allclose(got, x * 3 - 1, atol=3e-7)  # it may fuse the two roundings
    assert [p.role for p in made.parts] == [
        *("Renderer", "Compiler", "Program", "Allocator", "Compiled"),
    ]
    assert made.counters.launches > 0 and made.memory.peak_bytes > 0
    assert made.time_is_modelled is False and "ElectricalAllocator" in str(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "X"


@needs_edge
def test_create_edge_then_says_its_limit_and_that_its_clock_is_a_model(framework):
    made = framework.create_edge_device_backend()
    assert made.memory.limit_bytes == 32 * 2**20 and made.time_is_modelled
    text = str(made)
    assert "32 MiB" in text and "a model" in text and "<table" in made._repr_html_()


def test_create_when_the_device_is_not_usable_then_says_why(framework, monkeypatch):
    def not_there(name):
        raise DeviceError(f"use device {name!r}", got="no compiler", next_step="install one")

    monkeypatch.setattr(devices, "require", not_there)
    with pytest.raises(DeviceError, match="no compiler"):
        framework.create_electrical_testing_backend()


def test_create_when_the_device_computes_wrongly_then_refuses(write_backend):
    change = ("ctypes.memmove(dest.address, from_mv(src), len(src))", "pass")
    backends.register("FORGETFUL", write_backend("forgetful", change))
    with pytest.raises(DeviceError, match="the product"):
        _check_matmul("FORGETFUL")


@pytest.mark.slow
def test_custom_backends_are_tested_by_the_suite(framework, write_backend):
    backends.register("TESTED", write_backend("tested"))
    shift = ("Block(buf.address + offset,", "Block(buf.address,")
    backends.register("SHIFTED", write_backend("shifted", shift))
    tests = framework.test_custom_backends(["TESTED", "shifted"], groups=["views"])
    assert tests["tested"].ok and not tests["SHIFTED"].ok and not tests.ok
    rows = {row[0]: row for row in tests.table().rows}
    assert rows["TESTED"][3] == 0 and rows["SHIFTED"][3] > 0 and "_offset" in rows["SHIFTED"][-1]


def test_custom_backends_when_a_name_is_unknown_then_lists_the_known(framework):
    for ask in (framework.test_custom_backends, framework.generate_backend_comparison_report):
        with pytest.raises(DeviceError, match="ELECTRICAL"):
            ask(["NOBODY"])
