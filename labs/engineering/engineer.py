"""CrossDevicePerformanceEngineer: measure all devices side by side, profile, watch, and report."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from labs.bench.files import load_results
from labs.bench.plan import require_choice, require_positive
from labs.bench.results import ResultSet
from labs.bench.runner import Cancel, Progress
from labs.engineering import suite
from labs.engineering.isolated import run_suite_isolated
from labs.engineering.monitor import RATE_HZ, Monitor
from labs.engineering.profile import PerformanceProfile
from labs.engineering.profiling import build_profiles
from labs.engineering.recording import Recording
from labs.engineering.report import Report, make_report
from labs.engineering.suite_run import Request, run_suite
from labs.engineering.targets import resolve_targets

DEFAULT_BUDGET_S = 240.0  # with reports and a busy machine: under five minutes
_LEAST_BUDGET_S = 5.0


class CrossDevicePerformanceEngineer:
    """Engineers performance across the devices of this machine.

    Args:
        devices: their names, and variants such as "CPU:X86"; every usable device, with one variant
            for the CPU and for CUDA where one works, when None.

    Raises:
        DeviceError: for an unknown or unusable one.

    Example:
        >>> engineer = CrossDevicePerformanceEngineer(["CPU", "CL"])
        >>> results = engineer.comprehensive_device_benchmark(budget_s=60)
        >>> engineer.generate_performance_report(results).save("report.html")
    """

    def __init__(self, devices: str | Iterable[str] | None = None) -> None:
        self._asked = devices
        self._targets = resolve_targets(devices) if devices is not None else None
        self.results: ResultSet | None = None  # of the last benchmark

    @property
    def devices(self) -> tuple[str, ...]:
        """What will be measured; asks the drivers when none was named."""
        if self._targets is None:
            self._targets = resolve_targets(None)
        return tuple(target.name for target in self._targets)

    def comprehensive_device_benchmark(
        self,
        devices: str | Iterable[str] | None = None,
        *,
        size: str = "full",
        sections: Iterable[str] | None = None,
        budget_s: float = DEFAULT_BUDGET_S,
        rounds: int | None = None,
        seed: int = 0,
        roofs: bool = True,
        energy: bool = True,
        isolated: bool = True,
        path: str | Path | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> ResultSet:
        """The comprehensive suite on all devices, checked against numpy, in interleaved rounds.

        A first look finds what each case costs and leaves out what the budget has no room for; the
        results say what and why (`left_out`). PYTHON gets tiny cases. EDGE has a suite of its own,
        by its clock, which is a model and stands beside no measured time.

        Args:
            devices: in the place of the engineer's own.
            size: "full", or "small": one small case of each section, for a first try.
            sections: of `suite.SECTIONS`; all when None.
            budget_s: seconds for everything.
            rounds: exactly so many, whatever they take; as many as fit when None.
            roofs, energy: measure the devices' roofs, and energy per call where it can be read.
            isolated: in a process of its own, so that a driver that crashes costs its device only.
            path: result file, saved after each round; an unfinished run in it is continued.
            progress, cancel: as for `labs.bench.measure`.

        Raises:
            DeviceError: for an unknown or unusable device.
            MeasurementError: for an unknown size or section.
            ResultError: when the file at `path` belongs to another run, or can't be written.
        """
        began = time.monotonic()
        require_choice("size", size, suite.SIZES)
        require_positive("budget_s", budget_s)
        chosen = suite.SECTIONS if sections is None else tuple(sections)
        for section in chosen:
            require_choice("section", section, suite.SECTIONS)
        if rounds is not None:
            require_positive("rounds", rounds)
        names = self.devices if devices is None else [t.name for t in resolve_targets(devices)]
        spent_s = time.monotonic() - began  # asking the drivers is part of the budget
        request = Request(
            targets=tuple(names),
            size=size,
            sections=chosen,
            budget_s=max(_LEAST_BUDGET_S, budget_s - spent_s),
            rounds=rounds,
            seed=seed,
            roofs=roofs,
            energy=energy,
        )
        if isolated:
            self.results = run_suite_isolated(request, path=path, progress=progress, cancel=cancel)
        else:
            self.results = run_suite(
                request,
                path=path,
                notify=lambda e: progress(e.done, e.total, e.text) if progress else None,
                cancel=cancel or (lambda: False),
            )
        return self.results

    def profiles(self, results: ResultSet | None = None) -> tuple[PerformanceProfile, ...]:
        """One profile for each device of the results; of the last benchmark when None."""
        return build_profiles(self._results(results))

    def real_time_performance_monitoring(
        self,
        duration_s: float = 10.0,
        *,
        workload: Callable[[], object] | None = None,
        rate_hz: float = RATE_HZ,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Recording:
        """Watches the devices while a workload is called again and again for `duration_s`.

        The monitor itself runs nothing on a device: it reads counters. To watch code of your own
        for as long as it takes, use `Monitor` around it.

        Args:
            workload: called without arguments, in this thread; a varying one on the engineer's
                devices when None.
            rate_hz: samples per second.
        """
        require_positive("duration_s", duration_s)
        from labs.engineering.varying import varying_workload  # opens devices

        work = workload or varying_workload(self.devices)
        stopped = cancel or (lambda: False)
        with Monitor(rate_hz=rate_hz) as monitor:
            began, calls = time.monotonic(), 0
            while (passed := time.monotonic() - began) < duration_s and not stopped():
                work()
                calls += 1
                if progress is not None:
                    progress(int(passed), max(1, int(duration_s)), f"{calls} calls")
        if progress is not None:
            progress(max(1, int(duration_s)), max(1, int(duration_s)), f"{calls} calls")
        return monitor.recording()

    def generate_performance_report(self, *results: ResultSet | str | Path) -> Report:
        """A report of results, or of result files; of the last benchmark when none is given.

        Several are of several hosts: each has its profiles, and all share one comparison.
        """
        sets = [load_results(r) if isinstance(r, (str, Path)) else r for r in results]
        return make_report(sets or [self._results(None)])

    def _results(self, results: ResultSet | None) -> ResultSet:
        if results is None and self.results is None:
            self.comprehensive_device_benchmark()
        return results if results is not None else self.results
