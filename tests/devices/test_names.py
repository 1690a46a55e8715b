"""What can be told from the presence of a file, without starting a process."""

import pytest

from labs import backends, toolchain
from labs.devices import names


@pytest.fixture
def nothing(monkeypatch):
    """A Linux machine with no device node and no driver library."""
    monkeypatch.setattr(names.sys, "platform", "linux")
    monkeypatch.setattr(names.os.path, "exists", lambda path: False)
    monkeypatch.setattr(names, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr(names.importlib.util, "find_spec", lambda module: None)
    monkeypatch.setenv("ROCM_PATH", "/no/rocm")
    for name in ("CUDA_PATH", "HIP_PATH"):
        monkeypatch.delenv(name, raising=False)
    parts = ("compiler", "opencl", "webgpu", "cuda")
    tools = toolchain.Toolchain(None, None, None, None, {}, {p: f"no {p}" for p in parts})
    monkeypatch.setattr(names.toolchain, "activate", lambda: tools)


@pytest.mark.parametrize(
    ("device", "text"),
    [
        ("CPU", "no C compiler: no compiler"),
        ("CL", "no opencl"),
        ("WEBGPU", "no webgpu"),
        ("METAL", "macOS only"),
        ("CUDA", "libcuda"),
        ("NV", "/dev/nvidiactl"),
        ("AMD", "/dev/kfd"),
        ("HIP", "/no/rocm/lib/libamdhip64.so"),
        ("QCOM", "/dev/kgsl-3d0"),
        ("DSP", "/dev/ion"),
        ("ELECTRICAL", "no C compiler: no compiler"),
        ("EDGE", "packages ziglang and unicorn and pyelftools are not installed"),
        ("PYTHON", ""),
        ("NULL", ""),
        ("SOMEBODYS", ""),
    ],
)
def test_a_bare_machine(nothing, device, text):
    reason = names.missing_part(device)
    assert text in reason and bool(text) is bool(reason)


def test_a_node_without_permission_is_told_from_a_missing_one(nothing, monkeypatch):
    monkeypatch.setattr(names.os.path, "exists", lambda path: True)
    monkeypatch.setattr(names.os, "access", lambda path, mode: False)
    assert "no permission" in names.missing_part("AMD")
    monkeypatch.setattr(names.os, "access", lambda path, mode: True)
    assert names.missing_part("AMD") == ""


def test_a_driver_named_by_the_user_is_worth_trying(nothing, monkeypatch, tmp_path):
    library = tmp_path / "libcuda.so"
    library.touch()
    monkeypatch.setenv("CUDA_PATH", str(library))
    assert names.missing_part("CUDA") == ""


def test_one_missing_package_is_one(nothing, monkeypatch):
    monkeypatch.setattr(names.importlib.util, "find_spec", lambda m: None if m == "unicorn" else m)
    assert names.missing_part("EDGE") == "the package unicorn is not installed"


def test_the_courses_own_devices_and_the_readers_are_known():
    assert {"ELECTRICAL", "EDGE"} <= set(names.known_devices())
    assert len(set(names.known_devices())) == len(names.known_devices())
    backends.register("KNOWN_TOO", "no_such_module", check=False)
    assert names.known_devices()[-1] == "KNOWN_TOO"
    backends.unregister("KNOWN_TOO")
    assert "KNOWN_TOO" not in names.known_devices()


def test_other_systems(nothing, monkeypatch):
    monkeypatch.setattr(names.sys, "platform", "darwin")
    assert names.missing_part("METAL") == ""
    assert "needs Linux" in names.missing_part("AMD")
