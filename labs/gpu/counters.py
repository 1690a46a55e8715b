"""Hardware counters of a computation: Nsight Compute on NVIDIA's GPUs, perf on Linux CPUs.

A profiler needs a process of its own to watch. The lazy tensor travels there with its inputs, is
compiled the same way, and only its launches are counted (`labs.gpu.counted`).
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labs import toolchain
from labs.errors import LabError
from labs.gpu import nsight, perf_counters
from labs.gpu.nsight import Launch
from labs.paths import PROJECT_ROOT
from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_percent, format_seconds

toolchain.activate()

from tinygrad import Tensor
from tinygrad.helpers import BEAM, DEV

TIMEOUT_S = 240.0
_PERF_RUNS = 50  # so that the kernels outweigh the interpreter between them
_CPU_DEVICES = ("CPU", "ELECTRICAL")
_MOST_BYTES = 2**31  # of pickled inputs


@dataclass(frozen=True, repr=False)
class Counters(TableView):
    """What a profiler counted, or why it counted nothing.

    Args:
        source: "Nsight Compute" or "perf"; "" when there is none for the device.
        launches: one for each kernel launch (perf: one for all).
        reason: why there are no launches, or what is missing.
        command: what was run, to be repeated in a terminal.
        cache: "cold" (caches emptied before each kernel) or "warm".
    """

    device: str
    source: str
    launches: tuple[Launch, ...] = ()
    reason: str = ""
    command: str = ""
    cache: str = "warm"

    @property
    def measured(self) -> bool:
        return bool(self.launches)

    @property
    def heaviest(self) -> Launch | None:
        """The launch that took longest."""
        times = [(x.get(nsight.DURATION) or 0.0, -i) for i, x in enumerate(self.launches)]
        return self.launches[-max(times)[1]] if times else None

    @property
    def cache_hit_rate(self) -> float | None:
        """Of the last-level cache (L2 of a GPU), 0 to 1, for the heaviest launch."""
        launch = self.heaviest
        return None if launch is None else hit_rate(launch)

    @property
    def dram_bytes(self) -> float | None:
        """Read from and written to device memory by all launches; None when not counted."""
        found = [x.get(m) for x in self.launches for m in (nsight.DRAM_READ, nsight.DRAM_WRITE)]
        known = [v for v in found if v is not None]
        return sum(known) if known else None

    @property
    def achieved_occupancy(self) -> float | None:
        """Active warps / warp slots while it ran, 0 to 1, for the heaviest launch."""
        value = self.heaviest.get(nsight.WARPS_ACTIVE) if self.launches else None
        return None if value is None else value / 100

    def table(self) -> Table:
        columns = ("kernel", "counter", "value")
        rows = tuple(
            (launch.kernel, metric, _shown(metric, value))
            for launch in self.launches
            for metric, value in launch.values.items()
        )
        note = " ".join(
            part for part in (self.reason, self.command and f"By: {self.command}") if part
        )
        return Table(
            f"{self.source or 'Counters'} on {self.device}, caches {self.cache}",
            columns,
            rows,
            note,
        )


def hit_rate(launch: Launch) -> float | None:
    """Hits / accesses of the last-level cache, 0 to 1."""
    percent = launch.get(nsight.L2_HIT_RATE)
    if percent is not None:
        return percent / 100
    references, misses = launch.get(perf_counters.REFERENCES), launch.get(perf_counters.MISSES)
    return 1 - misses / references if references and misses is not None else None


def count_launches(
    expression: Callable[[], Tensor] | Tensor,
    *,
    cache: str = "cold",
    timeout_s: float = TIMEOUT_S,
    lock_clocks: bool = False,
) -> Counters:
    """Runs an expression once under its device's profiler.

    Args:
        expression: a lazy tensor, or a function that returns one, on the device to be counted.
        cache: "cold" or "warm"; perf can't empty caches and always counts them warm.
        timeout_s: after so many seconds the profiler is ended.
        lock_clocks: let the profiler set the GPU to its base clock meanwhile, so that two profiles
            can be compared; others who use the GPU are slowed down, too.

    Returns:
        Counters, with a reason in the place of launches where nothing can be counted.

    Raises:
        LabError: something that is no expression, or another cache policy.

    Example:
        >>> count_launches(lambda: a @ b).cache_hit_rate
        0.97
    """
    if cache not in ("cold", "warm"):
        raise LabError("count launches", expected="cache='cold' or 'warm'", got=repr(cache))
    tensor = expression() if callable(expression) else expression
    if not isinstance(tensor, Tensor):
        raise LabError(
            "count launches",
            expected="a lazy tensor, or a function that returns one",
            got=type(tensor).__name__,
            next_step="pass lambda: a @ b",
        )
    device = str(tensor.device)
    base = device.split(":")[0]
    if base == "CUDA":
        ncu = nsight.find_ncu()
        if ncu is None:
            return Counters(device, "", reason="Nsight Compute (ncu) is not installed")
        return _by_ncu(tensor, ncu, cache, timeout_s, lock_clocks)
    if base in _CPU_DEVICES:
        why = perf_counters.perf_unusable()
        if why:
            return Counters(device, "", reason=why)
        return _by_perf(tensor, timeout_s)
    return Counters(device, "", reason=f"no profiler for {base} is known to the course")


def _by_ncu(tensor: Tensor, ncu: str, cache: str, timeout_s: float, lock: bool) -> Counters:
    device = str(tensor.device)
    metrics = nsight.METRICS
    with tempfile.TemporaryDirectory(prefix="course-ncu-") as folder:
        program = _program(tensor, Path(folder))  # first: looking at its kernels schedules it
        launches = _kernel_count(tensor)
        log = Path(folder) / "ncu.csv"
        for _ in range(2):  # once more without the metrics that this version refuses
            command = nsight.ncu_command(
                *(ncu, program),
                log=str(log),
                cache=cache,
                metrics=metrics,
                launches=launches,
                lock_clocks=lock,
            )
            code, printed = _run(command, timeout_s)
            text = "\n".join([log.read_text(errors="replace") if log.exists() else "", printed])
            found = nsight.parse_ncu(text)
            refused = nsight.refused_metrics(text, metrics)
            if found or not refused or len(refused) == len(metrics):
                break
            metrics = tuple(m for m in metrics if m not in refused)
    shown = _shown_command(command, folder)
    reason = "" if found else nsight.why_nothing(text, code)
    return Counters(device, "Nsight Compute", found, reason, shown, cache)


def _by_perf(tensor: Tensor, timeout_s: float) -> Counters:
    with tempfile.TemporaryDirectory(prefix="course-perf-") as folder:
        fifo, log = Path(folder) / "control", Path(folder) / "perf.csv"
        perf_counters.make_fifo(str(fifo))
        program = [*_program(tensor, Path(folder)), "--runs", str(_PERF_RUNS), "--fifo", str(fifo)]
        command = perf_counters.perf_command(program, str(fifo), str(log))
        code, printed = _run(command, timeout_s)
        counts = perf_counters.parse_perf(log.read_text(errors="replace") if log.exists() else "")
    values = {event: count / _PERF_RUNS for event, count in counts.items() if count is not None}
    shown = _shown_command(command, folder)
    device, source = str(tensor.device), "perf"
    if not values:
        reason = f"perf counted nothing (exit status {code}): {printed.strip()[-200:]}"
        return Counters(device, source, (), reason, shown)
    reason = "Of the whole process while it launched: Python's own accesses are among them."
    return Counters(device, source, (Launch("all kernels of a run", values),), reason, shown)


def _program(tensor: Tensor, folder: Path) -> list[str]:
    data = pickle.dumps(tensor)
    if len(data) > _MOST_BYTES:
        raise LabError(
            "count the launches of an expression",
            expected=f"inputs of at most {format_bytes(_MOST_BYTES)}: they travel to a process",
            got=format_bytes(len(data)),
            next_step="count a smaller size",
        )
    file = folder / "tensor.pickle"
    file.write_bytes(data)
    return [sys.executable, "-m", "labs.gpu.counted", str(file)]


def _run(command: Sequence[str], timeout_s: float) -> tuple[int, str]:
    # no compile pool: its processes would be profiled too. Targets and BEAM as they are set here
    targets = ";".join(repr(target) for target in DEV.value if target.device)
    environment = {**os.environ, "PARALLEL": "0", "BEAM": str(BEAM.value), "DEV": targets}
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return 124, f"==ERROR== it took longer than {timeout_s:g} s and was ended"
    except OSError as error:
        return 127, f"==ERROR== {error}"
    return done.returncode, f"{done.stdout}\n{done.stderr}"


def _kernel_count(tensor: Tensor) -> int:
    from labs.gpu.compiled import compile_kernels

    return len(compile_kernels(tensor, timed=False))


def _shown_command(command: Sequence[str], folder: str) -> str:
    """The command without this machine's folders."""
    words = [word.replace(folder, "FOLDER").replace(sys.executable, "python") for word in command]
    return " ".join([Path(words[0]).name, *words[1:]])


def _shown(metric: str, value: float) -> str:
    if metric == nsight.DURATION:
        return format_seconds(value)
    if metric in (nsight.DRAM_READ, nsight.DRAM_WRITE):
        return format_bytes(value)
    if "pct" in metric:
        return format_percent(value / 100)
    return format_count(value)
