"""labs.gpu.explorer: which device it takes, and that each method returns what it promises."""

import subprocess
import sys

import pytest

from labs import devices
from labs.errors import LabError
from labs.gpu.explorer import GPUOptimizationExplorer

QUICK = {"rounds": 2, "round_time_s": 0.002}


@pytest.fixture(scope="module")
def explorer():
    return GPUOptimizationExplorer("CPU")


class Found:
    """A discovery with known devices."""

    def __init__(self, **gpus):
        self.statuses = [
            type("Status", (), {
                "device": name, "usable": True,
                "capabilities": type("C", (), {"supports_gpu": gpu, "device_name": f"the {name}"}),
            })
            for name, gpu in gpus.items()
        ]  # fmt: skip
        self.usable = tuple(gpus)

    def __iter__(self):
        return iter(self.statuses)

    def __getitem__(self, name):
        return next(s for s in self.statuses if s.device == name)


@pytest.mark.parametrize(
    ("there", "device", "why"),
    [
        ({"CPU": False, "CL": False, "CUDA": True}, "CUDA", "a GPU is there: the CUDA"),
        ({"CPU": False, "CL": False}, "CL", "no usable GPU"),
        ({"CPU": False, "WEBGPU": False}, "CPU", "no usable GPU"),
    ],
)
def test_device_when_left_out_then_a_gpu_or_what_stands_for_one(monkeypatch, there, device, why):
    monkeypatch.setattr(devices, "discover", lambda *a: Found(**there))
    made = GPUOptimizationExplorer()
    assert made.device == device and why in made.choice and why in repr(made)


def test_device_when_there_is_none_then_said(monkeypatch):
    monkeypatch.setattr(devices, "discover", lambda *a: Found())
    with pytest.raises(LabError, match="doctor"):
        GPUOptimizationExplorer()


def test_import_then_no_room_and_no_tinygrad_is_loaded():
    code = (
        "import sys, labs.gpu.explorer; "
        "print([m for m in sys.modules if m.startswith(('tinygrad', 'labs.gpu.', 'numpy'))])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "['labs.gpu.explorer']", answer.stderr


@pytest.mark.slow
def test_patterns_when_analysed_then_times_and_coalescing(explorer):
    found = explorer.analyze_memory_access_patterns((64,), ("sequential", "transposed"), **QUICK)
    assert {i.pattern for i in found.patterns} >= {"copy", "sequential", "transposed"}
    assert dict(found.coalescing)["sequential"].efficiency == 1.0
    html = found._repr_html_()
    assert html.count("<table") == 2 and "Coalescing" in str(found)


def test_recommendations_when_one_area_is_asked_for_then_no_other(explorer):
    explorer.__dict__["roofs"] = None  # not needed for memory management
    found = explorer.gpu_optimization_recommendations("add:n=64", areas=("memory management",))
    rules = {r.rule for r in found} | {n.rule for n in found.not_advised}
    assert rules == {"resident", "reuse"}
    del explorer.__dict__["roofs"]


def test_roofs_when_of_another_device_then_refused():
    other = type("Roofs", (), {"device": "CL"})
    with pytest.raises(LabError, match="roofs of CL"):
        GPUOptimizationExplorer("CPU", other)
