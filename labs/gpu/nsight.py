"""NVIDIA's Nsight Compute (`ncu`): its command, and the numbers in what it prints.

Source of options and formats: NVIDIA, Nsight Compute CLI documentation, "Command Line Options" and
"Output Pages". The raw page as CSV has one row per launch below a row of names and a
row of units; the details page, and older versions, have one row per launch and metric, with the
columns "Metric Name", "Metric Unit" and "Metric Value". Both are read.
"""

import csv
import glob
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Source of the names: NVIDIA, Kernel Profiling Guide, "Metrics Reference"; `ncu --query-metrics`
L1_HIT_RATE = "l1tex__t_sector_hit_rate.pct"
L2_HIT_RATE = "lts__t_sector_hit_rate.pct"
DRAM_READ = "dram__bytes_read.sum"
DRAM_WRITE = "dram__bytes_write.sum"
DURATION = "gpu__time_duration.sum"
WARPS_ACTIVE = "sm__warps_active.avg.pct_of_peak_sustained_active"
WARPS_POSSIBLE = "sm__maximum_warps_per_active_cycle_pct"
LOAD_SECTORS = "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"
LOAD_REQUESTS = "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"
LOAD_USED = "smsp__sass_average_data_bytes_per_sector_mem_global_op_ld.pct"
REGISTERS = "launch__registers_per_thread"
SM_BUSY = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
DRAM_BUSY = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
METRICS = (
    *(L1_HIT_RATE, L2_HIT_RATE, DRAM_READ, DRAM_WRITE, DURATION, WARPS_ACTIVE, WARPS_POSSIBLE),
    *(LOAD_SECTORS, LOAD_REQUESTS, LOAD_USED, REGISTERS, SM_BUSY, DRAM_BUSY),
)
_PLACES = ("/usr/local/cuda/bin/ncu", "/opt/nvidia/nsight-compute/*/ncu", "/opt/cuda/bin/ncu")
# what the values are multiplied with to be in bytes and seconds
_UNITS = {
    "byte": 1.0,
    "Kbyte": 1e3,
    "Mbyte": 1e6,
    "Gbyte": 1e9,
    "Tbyte": 1e12,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "second": 1.0,
    "msecond": 1e-3,
    "usecond": 1e-6,
    "nsecond": 1e-9,
}
_KNOWN_FAILURES = (
    (
        "ERR_NVGPUCTRPERM",
        "the driver lets only administrators read a GPU's counters (ERR_NVGPUCTRPERM)",
    ),
    ("No kernels were profiled", "it saw no kernel"),
    ("Driver not installed", "it found no CUDA driver"),
    ("not supported", "it doesn't support this GPU or driver"),
)


@dataclass(frozen=True)
class Launch:
    """The counters of one launch: metric name -> value in bytes, seconds, percent or counts."""

    kernel: str
    values: dict[str, float]

    def get(self, metric: str) -> float | None:
        return self.values.get(metric)


def find_ncu() -> str | None:
    """Nsight Compute on PATH, or where the CUDA toolkit puts it; the newest of several."""
    found = shutil.which("ncu")
    if found:
        return found
    places = [path for place in _PLACES for path in sorted(glob.glob(place), reverse=True)]
    return places[0] if places else None


def ncu_command(
    ncu: str,
    program: Sequence[str],
    *,
    log: str,
    cache: str = "cold",
    metrics: Iterable[str] = METRICS,
    launches: int | None = None,
    lock_clocks: bool = True,
) -> list[str]:
    """The command that profiles what `program` launches between cuProfilerStart and -Stop.

    Args:
        log: the file for the profiler's own output.
        cache: "cold" empties the caches before each replay of a kernel, "warm" leaves them.
        launches: stop after this many.
        lock_clocks: run at the base clock, so that two profiles can be compared.
    """
    command = [ncu, "--csv", "--page", "raw", "--print-units", "base", "--log-file", log]
    command += ["--target-processes", "all", "--profile-from-start", "off"]
    command += ["--cache-control", "all" if cache == "cold" else "none"]
    command += ["--clock-control", "base" if lock_clocks else "none"]
    command += ["--metrics", ",".join(metrics)]
    if launches is not None:
        command += ["--launch-count", str(launches)]
    return [*command, *program]


def parse_ncu(text: str) -> tuple[Launch, ...]:
    """The launches in Nsight Compute's CSV, in their order; none when there is no table in it.

    What it prints around the table ("==PROF== ...", the program's own output) is skipped, values
    that are no numbers ("n/a") are left out.
    """
    lines = [line for line in text.splitlines() if not line.startswith("==")]
    start = next((i for i, line in enumerate(lines) if _is_header(line)), None)
    if start is None:
        return ()
    header, *rows = list(csv.reader(lines[start:]))
    rows = [row for row in rows if len(row) == len(header)]
    if "Metric Name" in header:
        return _long(header, rows)
    return _wide(header, rows)


def why_nothing(text: str, returncode: int) -> str:
    """Why a run of Nsight Compute gave no launch, in its own words where they are known."""
    for sign, meaning in _KNOWN_FAILURES:
        if sign in text:
            return f"Nsight Compute counted nothing: {meaning}"
    said = [line.strip("= ") for line in text.splitlines() if "ERROR" in line]
    if said:
        return f"Nsight Compute failed: {said[0].removeprefix('ERROR').strip('= ')[:200]}"
    return f"Nsight Compute printed no table (exit status {returncode})"


def refused_metrics(text: str, metrics: Iterable[str] = METRICS) -> tuple[str, ...]:
    """Metrics that this version or GPU doesn't have, as its messages name them."""
    complaints = [x for x in text.splitlines() if re.search(r"==(ERROR|WARNING)==", x)]
    return tuple(m for m in metrics if any(m in line for line in complaints))


def _is_header(line: str) -> bool:
    return line.lstrip().startswith('"ID"') or (
        '"Kernel Name"' in line and line.lstrip().startswith('"')
    )


def _long(header: list[str], rows: list[list[str]]) -> tuple[Launch, ...]:
    found: dict[str, Launch] = {}
    for number, cells in enumerate(rows):
        row = dict(zip(header, cells, strict=True))
        key = row.get("ID", str(number))
        launch = found.setdefault(key, Launch(row.get("Kernel Name", ""), {}))
        value = _number(row.get("Metric Value", ""), row.get("Metric Unit", ""))
        if value is not None:
            launch.values[row["Metric Name"]] = value
    return tuple(found.values())


def _wide(header: list[str], rows: list[list[str]]) -> tuple[Launch, ...]:
    units = [""] * len(header)
    if rows and not rows[0][0].strip():  # the row of units has no ID
        units, rows = rows[0], rows[1:]
    name = header.index("Kernel Name") if "Kernel Name" in header else None
    launches = []
    for row in rows:
        values = {
            metric: value
            for metric, unit, cell in zip(header, units, row, strict=True)
            if "__" in metric and (value := _number(cell, unit)) is not None
        }
        launches.append(Launch("" if name is None else row[name], values))
    return tuple(launches)


def _number(cell: str, unit: str) -> float | None:
    try:
        return float(cell.replace(",", "").strip()) * _UNITS.get(unit.strip(), 1.0)
    except ValueError:
        return None
