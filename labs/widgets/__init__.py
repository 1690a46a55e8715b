"""Widgets for notebooks; the only room that imports ipywidgets.

Each is a panel that shows itself as a widget where there is a front end, and as HTML with the same
content where there is none (GitHub, PDF, nbval).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.widgets.access import AccessExplorer
from labs.widgets.anatomy import BackendAnatomy
from labs.widgets.benchmark import BenchmarkPanel
from labs.widgets.conformance import ConformancePanel
from labs.widgets.devices import DevicePicker
from labs.widgets.edge import EdgeMemory
from labs.widgets.electrical import StreamPanel
from labs.widgets.flags import FlagsExplorer
from labs.widgets.ladder import LadderPanel
from labs.widgets.lowering import KernelCompare, LoweringExplorer
from labs.widgets.memory import MemoryTimeline
from labs.widgets.monitor import MonitorPanel
from labs.widgets.report import ReportPanel
from labs.widgets.roofline import RooflinePanel
from labs.widgets.run import Action, RunButton
from labs.widgets.rungs import RungExplorer

__all__ = [
    "ladder_panel",
    "access_explorer",
    "backend_anatomy_widget",
    "benchmark_panel",
    "conformance_panel",
    "device_picker",
    "edge_memory",
    "flags_explorer",
    "kernel_compare",
    "lowering_explorer",
    "memory_timeline",
    "monitor_panel",
    "report_panel",
    "roofline_panel",
    "run_button",
    "stream_panel",
    "rung_explorer",
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


def backend_anatomy_widget(device: str = "ELECTRICAL", *, part: str = "Compiled") -> BackendAnatomy:
    """The five parts of a device: what each overrides and inherits, and its source."""
    return BackendAnatomy(device, part=part)


def flags_explorer(workload: str = "matmul:n=256", **settings: Any) -> FlagsExplorer:
    """Choose how a kernel of ELECTRICAL is compiled, see its source, measure it beside the last.

    Args:
        workload: one of `labs.bench.WORKLOADS` with its size.
        settings: rounds, round_time_s, and results (a ResultSet to start with).
    """
    return FlagsExplorer(workload, **settings)


def edge_memory(size_bytes: int = 4 << 20) -> EdgeMemory:
    """Allocate and free real tensors in EDGE's 32 MiB, and see its memory map after each step."""
    return EdgeMemory(size_bytes)


def conformance_panel(device: str = "CPU", **settings: Any) -> ConformancePanel:
    """Run groups of the conformance suite on a device; `.report` holds the last Report.

    Args:
        device: a name, or one of your own as "NAME=file.py".
        settings: groups and size chosen at the start, and report (a Report to start with).
    """
    return ConformancePanel(device, **settings)


def access_explorer(
    pattern: str = "strided", target: str = "CUDA:sm_90", **settings: Any
) -> AccessExplorer:
    """Lanes on memory for an access pattern, a stride or offset and a target; runs nothing.

    Args:
        pattern: one of `labs.gpu.access.PATTERNS`; target: of `labs.lowering.TARGETS`.
        settings: stride and offset chosen at the start, and targets to choose from.
    """
    return AccessExplorer(pattern, target, **settings)


def rung_explorer(name: str = "naive") -> RungExplorer:
    """The hand-written CUDA matmul ladder to read, rung by rung; needs no GPU."""
    return RungExplorer(name)


def ladder_panel(device: str = "CPU", n: int = 256, **settings: Any) -> LadderPanel:
    """The matmul ladder through tinygrad's own options, and a line for options of one's own.

    Args:
        settings: dtype, ladder (one to start with), roofs, options, search_s, rounds, round_time_s.
    """
    return LadderPanel(device, n, **settings)


def monitor_panel(monitor: Any = None, **settings: Any) -> MonitorPanel:
    """Watch the devices of this notebook live; `.recording` holds what was seen.

    Args:
        monitor: a `labs.engineering.Monitor`; a new one when None.
        settings: recording (a Recording to start with).
    """
    return MonitorPanel(monitor, **settings)


def stream_panel(source: Any, **settings: Any) -> StreamPanel:
    """The dashboard of a live stream; `.verdict` holds the verdict when it has ended.

    Args:
        source: a function that makes a run (of `implement_streaming_processing`), or one run. With
            a parameter `on_reading`, which it passes on, the last readings are shown, too.
        settings: period_s, between two looks at it.
    """
    return StreamPanel(source, **settings)


def report_panel(source: Any = None, **settings: Any) -> ReportPanel:
    """The parts of a performance report; measures when asked. `.report` holds the Report.

    Args:
        source: a Report or a ResultSet to start with.
        settings: devices, and those of `comprehensive_device_benchmark`.
    """
    return ReportPanel(source, **settings)


def roofline_panel(
    workloads: Sequence[str] | None = None, device: str | None = None, **settings: Any
) -> RooflinePanel:
    """Workloads under the measured roofs of a device; each point shows its numbers.

    Args:
        workloads: specs such as "matmul:n=512" to choose from; a common few when None.
        device: chosen at the start.
        settings: roofline (a Roofline to start with), rounds, round_time_s, discovery.
    """
    chosen = {} if workloads is None else {"workloads": workloads}
    return RooflinePanel(device=device, **chosen, **settings)
