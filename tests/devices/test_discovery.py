"""Discovery on the real devices of this machine, and on drivers that misbehave."""

import os
import pickle
import subprocess
import sys
import threading
import time

import psutil
import pytest

from labs import backends
from labs.devices import capabilities, discovery, fixes, names
from labs.errors import DeviceError
from labs.paths import PROJECT_ROOT
from labs.toolchain import activate

posix = pytest.mark.skipif(os.name != "posix", reason="signals and process groups: POSIX only")


def test_every_known_device_has_a_line(real_discovery):
    assert tuple(s.device for s in real_discovery) == discovery.known_devices()
    for status in real_discovery:
        if status.usable:
            assert status.capabilities and not status.reason and not status.fix
        else:
            assert status.reason and status.fix and status.capabilities is None
    assert len(real_discovery.table().rows) == len(real_discovery)
    assert "<table" in real_discovery._repr_html_()


def test_cpu_and_python_compute_everywhere(real_discovery):
    assert {"CPU", "PYTHON"} <= set(real_discovery.usable)
    assert set(real_discovery.usable) - set(real_discovery.fast) <= {"PYTHON", "EDGE"}
    cpu, python = (real_discovery[name].capabilities for name in ("CPU", "PYTHON"))
    assert cpu.supports_compilation is True and python.supports_compilation is False
    assert cpu.supports_gpu is False and cpu.compute_units >= 1 and cpu.max_memory > 2**28
    assert cpu.supports_int8 is True and cpu.kernel_languages[0] == "C"
    assert cpu.renderers["CLANG"] == "" and "float32" in cpu.dtypes
    assert "interpreted" in python.reasons["supports_compilation"]


def test_null_is_honest(real_discovery):
    assert not real_discovery["NULL"].usable
    assert "runs nothing" in real_discovery["NULL"].reason


def test_opencl_where_it_is_installed(real_discovery):
    if activate().opencl is None:
        pytest.skip(f"{activate().reasons['opencl']}: {fixes.fix_for('CL', '')}")
    has = real_discovery["CL"].capabilities
    assert has is not None, real_discovery["CL"].reason
    assert has.kernel_languages == ("OpenCL C",) and has.compute_units >= 1
    assert has.max_memory >= has.largest_buffer_bytes > 0 and has.local_memory_bytes > 0


def test_webgpu_where_a_vulkan_driver_is_installed(real_discovery):
    if activate().webgpu is None:
        reason = activate().reasons["webgpu"]
        pytest.skip(f"{reason}: {fixes.fix_for('WEBGPU', reason)}")
    has = real_discovery["WEBGPU"].capabilities
    assert has is not None, real_discovery["WEBGPU"].reason
    assert has.kernel_languages == ("WGSL",) and "WebGPU" in has.reasons["compute_units"]


def test_the_courses_own_devices_are_asked_like_any_other(real_discovery):
    if activate().compiler is None:
        pytest.skip(activate().reasons["compiler"])
    has = real_discovery["ELECTRICAL"].capabilities
    assert has is not None, real_discovery["ELECTRICAL"].reason
    assert has.supports_compilation and has.supports_gpu is False and has.supports_int8
    assert has.kernel_languages == ("C",) and has.compute_units >= 1 and has.max_memory > 2**28
    assert "course's own" in has.backend_type and "ELECTRICAL" in real_discovery.fast


def test_edge_says_that_it_is_emulated(real_discovery):
    if names.missing_part("EDGE"):
        pytest.skip(names.missing_part("EDGE"))
    has = real_discovery["EDGE"].capabilities
    assert has is not None, real_discovery["EDGE"].reason
    assert has.max_memory == 32 * 2**20 and has.compute_units == 1 and has.supports_gpu is False
    assert "emulating" in has.driver and "model" in has.driver and "Cortex-M4" in has.device_name
    assert "EDGE" not in real_discovery.fast


def test_a_readers_own_backend_is_found_and_asked_again_after_a_reload(tmp_path):
    source = (PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text()
    for word in ("worked", "Worked", "WORKED"):
        source = source.replace(word, {"worked": "own", "Worked": "Own", "WORKED": "OWN"}[word])
    file = tmp_path / "ops_own.py"
    file.write_text(source)
    backends.register("OWN", file)
    try:
        own = discovery.discover(["own"])["OWN"]
        assert own.usable, own.reason
        assert own.capabilities.kernel_languages == ("C",) and own.capabilities.max_memory is None
        assert "usage()" in own.capabilities.reasons["max_memory"]
        assert discovery.require("OWN:1") == "OWN:1"
        change = "def __init__(self, device: str) -> None:\n        raise OSError('no card')\n"
        start = source.index("    def __init__(self, device: str)")
        file.write_text(source[:start] + "    " + change)
        backends.reload_backend("OWN")
        broken = discovery.discover(["OWN"])["OWN"]
        assert not broken.usable and "OSError: no card (ops_own.py, line" in broken.reason
        assert "reload_backend('OWN')" in broken.fix
    finally:
        backends.unregister("OWN")
    with pytest.raises(DeviceError):
        discovery.require("OWN")


def test_no_capability_is_missing_without_a_reason(real_discovery):
    for status in real_discovery:
        if not status.usable:
            continue
        has = status.capabilities
        missing = [name for name, value in has.to_dict().items() if value is None]
        assert all(has.reasons[name] for name in missing)
        assert not any("asking the driver failed" in reason for reason in has.reasons.values())


def test_the_answer_is_kept_for_this_process(real_discovery, monkeypatch):
    def never(*args):
        raise AssertionError("a child was started")

    monkeypatch.setattr(discovery, "_ask", never)
    assert discovery.discover() == real_discovery
    assert discovery.require("cpu:0") == "CPU" and discovery.require("cpu:1") == "CPU:1"
    with pytest.raises(AssertionError):
        discovery.discover(["PYTHON"], refresh=True)


def test_two_threads_that_ask_at_once_share_one_answer(monkeypatch):
    asked = []

    def count(device, *rest):
        asked.append(device)
        time.sleep(0.05)
        return discovery.DeviceStatus(device, False, "counted", "none", None, 0.0)

    monkeypatch.setattr(discovery, "_ask", count)
    monkeypatch.setattr(discovery, "_known", {})
    threads = [threading.Thread(target=discovery.discover, args=(["PYTHON"],)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == ["PYTHON"]


@posix
def test_drivers_that_crash_or_lie_cost_one_line_each(fake_drivers):
    expected = {
        "ABORT": "crashed the process (SIGABRT): driver: assertion failed in queue.c",
        "SEGV": "crashed the process (SIGSEGV)",
        "SILENT": "ended the probe without an answer",
        "EXIT3": "ended with code 3",
        "RAISE": "no card; StopIteration",
        "WRONG": "a 4x4 matmul is wrong",
        "LIE1": "not JSON; it printed: garbage on stderr",
        "LIE2": "doesn't say whether",
        "LIE3": "incomplete: 'capabilities'",
        "LIE4": "incomplete",
        "LIE5": "doesn't say whether",
        "NOISY": "",
    }
    found = discovery.discover(expected, command=fake_drivers)
    for name, text in expected.items():
        assert text in found[name].reason, (name, found[name].reason)
    assert found.usable == ("NOISY",)
    assert found["NOISY"].capabilities.supports_int8 is True
    assert "NOISY" not in discovery._known


@posix
def test_a_driver_that_hangs_is_ended_with_all_its_processes(fake_drivers, helper_pid):
    began = time.monotonic()
    found = discovery.discover(["HANG"], command=fake_drivers, timeout_s=1.5)
    assert found["HANG"].reason == "no answer within 1.5 s"
    assert time.monotonic() - began < 60  # not the 600 s that the driver wants
    helper = int(helper_pid.read_text())
    gone = time.monotonic() + 10
    while time.monotonic() < gone and _alive(helper):
        time.sleep(0.05)
    assert not _alive(helper)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_probe_that_cannot_be_started_is_a_reason():
    found = discovery.discover(["X"], command=("/no/such/program",))
    assert "can't be started" in found["X"].reason


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GPU", "did you mean 'CL'?"),
        ("OPENCL", "did you mean 'CL'?"),
        ("METALL", "did you mean 'METAL'?"),
        ("warp drive", "course doctor"),
        ("", "course doctor"),
    ],
)
def test_an_unknown_device_is_named_with_a_hint(name, hint):
    for ask in (discovery.require, lambda n: discovery.discover([n])):
        with pytest.raises(DeviceError) as caught:
            ask(name)
        assert hint in caught.value.next_step and "CPU, CL, WEBGPU" in caught.value.expected


def test_a_name_that_is_no_text_is_refused_as_unknown():
    with pytest.raises(DeviceError):
        discovery.require(None)


def test_an_unusable_device_is_refused_with_its_reason_and_fix(real_discovery):
    unusable = next(s for s in real_discovery if not s.usable)
    with pytest.raises(DeviceError) as caught:
        discovery.require(unusable.device.lower())
    assert unusable.reason in caught.value.got and caught.value.next_step == unusable.fix
    assert "CPU" in caught.value.expected


def test_a_discovery_travels_to_another_process(real_discovery):
    assert pickle.loads(pickle.dumps(real_discovery)) == real_discovery


def test_importing_the_room_does_not_import_tinygrad():
    code = (
        "import sys, labs.devices as d\n"
        "d.discover, d.require, d.read_sensors, d.DeviceCapabilities\n"
        "assert not {'tinygrad', 'numpy', 'matplotlib'} & sys.modules.keys()"
    )
    environ = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)


def test_capabilities_are_frozen_and_complete():
    has = capabilities.DeviceCapabilities(device_name="card", max_memory=2**30)
    with pytest.raises(AttributeError):
        has.max_memory = 0
    assert has.reasons["compute_units"]
    text = str(has.table())
    assert "1 GiB" in text and "compute_units" in text
    assert capabilities.capabilities_from(has.to_dict() | {"of_the_future": 1}) == has
