"""The harness: every time in the course is measured here, one way.

    from labs import bench
    results = bench.measure(bench.SUITES["quick"], ["CPU", "CL"])
    bench.compare_devices(results, baseline="CPU")

A workload (`workloads.py`) is prepared on a device (`execution.py`), checked against numpy, then
visited in interleaved rounds (`runner.py`, `sampler.py`); what comes back is plain data
(`results.py`) that is saved (`files.py`) and compared (`compare.py`).
"""

from labs.bench.calls import measure_call, measure_calls
from labs.bench.compare import (
    Comparison,
    Comparisons,
    compare,
    compare_devices,
    compare_files,
    compare_sets,
)
from labs.bench.files import load_results
from labs.bench.isolated import measure_isolated
from labs.bench.plan import resolve_workloads
from labs.bench.progress import progress_bar
from labs.bench.results import Failure, Measurement, ResultSet, Round
from labs.bench.runner import measure
from labs.bench.sampler import Settings
from labs.bench.statistics import Interval
from labs.bench.variants import Variant, VariantKernel, measure_variants, variant_kernel
from labs.bench.workloads import SUITES, WORKLOADS, Workload, parse_workload

__all__ = [
    "Comparison",
    "Comparisons",
    "Failure",
    "Interval",
    "Measurement",
    "ResultSet",
    "Round",
    "SUITES",
    "Settings",
    "Variant",
    "VariantKernel",
    "WORKLOADS",
    "Workload",
    "compare",
    "compare_devices",
    "compare_files",
    "compare_sets",
    "load_results",
    "measure",
    "measure_call",
    "measure_calls",
    "measure_isolated",
    "measure_variants",
    "parse_workload",
    "progress_bar",
    "resolve_workloads",
    "variant_kernel",
]
