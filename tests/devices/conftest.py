"""Fake drivers: real tinygrad devices that misbehave, probed by the real child program."""

import os
import sys
from pathlib import Path

import pytest

from labs.devices import discovery

# A program like labs.devices.probe, with more devices: each misbehaves when it is opened or used.
FAKE_DRIVERS = """
import os, sys, time, types

def backend():
    from tinygrad.runtime import ops_python
    from tinygrad.device import Program

    class AbortDevice(ops_python.PythonDevice):
        def __init__(self, device):
            print("driver: assertion failed in queue.c", file=sys.stderr, flush=True)
            os.abort()
    class SegvDevice(ops_python.PythonDevice):
        def __init__(self, device):
            import ctypes
            ctypes.string_at(1)
    class SilentDevice(ops_python.PythonDevice):
        def __init__(self, device): os._exit(0)
    class Exit3Device(ops_python.PythonDevice):
        def __init__(self, device): os._exit(3)
    class RaiseDevice(ops_python.PythonDevice):
        def __init__(self, device):
            raise ExceptionGroup("none", [RuntimeError("no card\\n at slot 0"), StopIteration()])
    class NoisyDevice(ops_python.PythonDevice):
        def __init__(self, device):
            super().__init__(device)
            os.write(1, b'{"usable": false}\\n' + bytes(range(256)) * 100)
            os.write(2, bytes(range(256)) * 100)
    class IdleProgram(Program):
        def __init__(self, dev, obj): pass
        def __call__(self, *bufs, **kw): return 0.0
    class WrongDevice(ops_python.PythonDevice):
        def __init__(self, device):
            super().__init__(device)
            self.runtime_t = IdleProgram
    return {k: v for k, v in locals().items() if k.endswith("Device")}

if __name__ == "__main__":
    device, result = sys.argv[1:]
    if device == "HANG":      # and a helper process, as drivers have
        import subprocess
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open(os.environ["HELPER_PID"], "w") as file: file.write(str(helper.pid))
        time.sleep(600)
    if device.startswith("LIE"):
        lies = {"LIE1": "not json", "LIE2": "[1]", "LIE3": '{"usable": true}',
                "LIE4": '{"usable": true, "capabilities": {"dtypes": 3}}',
                "LIE5": '{"usable": "yes"}'}
        print("garbage on stderr", file=sys.stderr)
        with open(result, "w") as file: file.write(lies[device])
        sys.exit(0)
    from labs.devices import probe
    probe._prepare(device)
    name = f"tinygrad.runtime.ops_{device.lower()}"
    sys.modules[name] = module = types.ModuleType(name)
    vars(module).update(backend())
    sys.exit(probe.main(device, result))
"""


@pytest.fixture(scope="session")
def fake_drivers(tmp_path_factory) -> tuple[str, ...]:
    """The command to give to discover()."""
    path = tmp_path_factory.mktemp("fake drivers") / "probe.py"
    path.write_text(FAKE_DRIVERS)
    return (sys.executable, str(path))


@pytest.fixture(scope="session")
def real_discovery() -> discovery.Discovery:
    """What this machine really has."""
    return discovery.discover()


@pytest.fixture
def helper_pid(tmp_path, monkeypatch) -> Path:
    """Where the hanging driver writes the number of its helper process."""
    path = tmp_path / "pid"
    monkeypatch.setenv("HELPER_PID", os.fspath(path))
    return path
