"""The targets: found by name, described, read-only."""

import importlib

import pytest

from labs.errors import LoweringError
from labs.lowering import TARGETS
from labs.lowering.targets import find_target


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("cpu", "CPU"),
        ("CPU:CLANG", "CPU"),
        ("CPU:1", "CPU"),
        ("CL", "OPENCL"),
        ("opencl", "OPENCL"),
        ("WEBGPU", "WGSL"),
        ("AMD", "HIP"),
        ("NV", "CUDA"),
        ("CUDA:sm_80", "CUDA"),
        ("cuda:SM_90", "CUDA:sm_90"),
        ("metal:1", "METAL"),
    ],
)
def test_names_of_targets_and_devices(asked, name):
    assert find_target(asked).name == name


def test_targets_are_read_only_and_consistent():
    with pytest.raises(TypeError):
        TARGETS["X"] = None
    for name, target in TARGETS.items():
        assert target.name == name and target.spec.startswith(target.device)
        assert target.language and target.compiler and target.features
        module, _, renderer = target.renderer.partition(":")
        assert hasattr(importlib.import_module(module), renderer)


def test_a_device_unknown_to_the_course_is_described_from_its_renderer():
    target = find_target("PYTHON")
    assert target.device == "PYTHON" and "PythonRenderer" in target.features[0]


@pytest.mark.parametrize("name", ["FOO", "", "CPU:X87", "a b", "../x", 3, None])
def test_unknown_names(name):
    with pytest.raises(LoweringError) as error:
        find_target(name)
    assert "OPENCL" in str(error.value)
