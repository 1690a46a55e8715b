"""Widgets for notebooks; the only room that imports ipywidgets.

Each is a panel that shows itself as a widget where there is a front end, and as HTML with the same
content where there is none (GitHub, PDF, nbval).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.widgets.benchmark import BenchmarkPanel
from labs.widgets.devices import DevicePicker
from labs.widgets.lowering import KernelCompare, LoweringExplorer
from labs.widgets.memory import MemoryTimeline
from labs.widgets.run import Action, RunButton

__all__ = [
    "benchmark_panel",
    "device_picker",
    "kernel_compare",
    "lowering_explorer",
    "memory_timeline",
    "run_button",
]


def device_picker(
    multiple: bool = False, discovery: Any = None, value: Sequence[str] | str | None = None
) -> DevicePicker:
    """Choose a device (`.value`); those that can't be used are greyed with their reason."""
    return DevicePicker(multiple=multiple, discovery=discovery, value=value)


def run_button(action: Action, *, label: str = "Run") -> RunButton:
    """Run `action(progress, cancel)` on a thread, with progress and cancel; see `.result`."""
    return RunButton(action, label=label)


def benchmark_panel(
    devices: Sequence[str] | None = None, suite: str = "quick", **settings: Any
) -> BenchmarkPanel:
    """Measure chosen workloads on chosen devices; `.results` holds the last ResultSet.

    Args:
        devices: chosen at the start; all usable ones but PYTHON when None.
        suite: of `labs.bench.SUITES`, fills the workloads and sizes.
        settings: rounds, round_time_s, discovery, and results (a ResultSet to start with).
    """
    return BenchmarkPanel(devices=devices, suite=suite, **settings)


def lowering_explorer(
    expressions: Mapping[str, Callable[[], Any]],
    targets: Sequence[str] | None = None,
    *,
    stage: str = "source",
) -> LoweringExplorer:
    """Every stage of named expressions (functions returning a Tensor) for every target."""
    return LoweringExplorer(expressions, targets, stage=stage)


def kernel_compare(
    expression: Callable[[], Any], target_a: str = "CPU", target_b: str = "OPENCL"
) -> KernelCompare:
    """The same expression for two targets side by side, differences marked."""
    return KernelCompare(expression, target_a, target_b)


def memory_timeline(source: Any, *devices: str) -> MemoryTimeline:
    """The memory of a function's run (traced on `devices`), or of a MemoryTrace, event by event."""
    return MemoryTimeline(source, *devices)
