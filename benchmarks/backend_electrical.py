"""ELECTRICAL beside tinygrad's CPU device, numpy and scipy: every speed claimed for it.

    python benchmarks/backend_electrical.py            # about 6 minutes, on a quiet machine
    python benchmarks/backend_electrical.py --quick    # a look, with wide intervals
    python benchmarks/backend_electrical.py --save     # writes results/electrical_<cpu>.json, too

Each answer is compared with numpy in float64 before anything is timed. All rounds of a table are
interleaved. "All cores": both devices as a user gets them, which means that CPU runs its threads
one after another (tinygrad 0.14.0). "One thread": both with NUM_CPU_THREADS=1, and the libraries
with one thread, too.
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy reads it when it is loaded

from labs import backends, toolchain

toolchain.activate()
backends.register()

import numpy as np
from scipy import signal
from tinygrad import Context, Device, Tensor, TinyJit

from labs import bench
from labs.backends.electrical.binding import BoundJit, bind
from labs.bench.backend_workloads import TAPS
from labs.bench.environment import cpu_pressure, host_environment
from labs.bench.statistics import geometric_mean
from labs.tables import Table
from labs.units import format_interval, format_ratio, format_seconds

RESULTS = Path(__file__).parent / "results"
# what a reader of the table must know of the machine, and nothing that names it
ENVIRONMENT = (
    *("platform", "cpu_model_name", "cpu_count", "cpu_freq", "virtual_machine"),
    *("python_version", "tinygrad_version", "compiler", "cpu_pressure_some_avg10"),
)
KERNELS = 32  # of the batch
SMALL = 256  # elements: a kernel that costs nothing but its launch


@dataclass(frozen=True)
class Settings:
    rounds: int
    round_time_s: float


def against_cpu(settings: Settings, threads: int | None) -> bench.Comparisons:
    """The suite on both devices, in one run."""
    with Context(**({"NUM_CPU_THREADS": threads} if threads else {})):
        results = bench.measure(
            "backends",
            ["CPU", "ELECTRICAL"],
            rounds=settings.rounds,
            round_time_s=settings.round_time_s,
            progress=bench.progress_bar(),
        )
    if results.failures:
        raise SystemExit("\n".join(f"{f.name} on {f.device}: {f.error}" for f in results.failures))
    return bench.compare_devices(results, baseline="CPU")


def against_libraries(settings: Settings) -> bench.Comparisons:
    """FIR64 beside scipy.signal.lfilter, matmul 512 beside numpy's BLAS: one thread each."""
    rng = np.random.default_rng(0)
    taps = rng.standard_normal(TAPS).astype(np.float32)
    samples = rng.standard_normal((1 << 20) + TAPS - 1).astype(np.float32)
    filtered = np.convolve(samples.astype(np.float64), taps.astype(np.float64), "valid")
    a, b = (rng.standard_normal((512, 512)).astype(np.float32) for _ in range(2))
    with Context(NUM_CPU_THREADS=1):
        fir = bench.WORKLOADS["fir64"]()
        ours = {
            "fir64": _jitted(fir.compute, samples, taps),
            "matmul 512": _jitted(lambda x, y: x @ y, a, b),
        }
        pairs = (
            ("scipy lfilter", lambda: signal.lfilter(taps, 1.0, samples), "fir64", filtered),
            ("numpy BLAS", lambda: a @ b, "matmul 512", a.astype(np.float64) @ b),
        )
        items = []
        for name, library, kernel, expected in pairs:
            results = bench.measure_calls(
                {name: library, kernel: ours[kernel]},
                device="ELECTRICAL",
                expected={kernel: expected},
                rtol=1e-3,
                atol=1e-2,
                rounds=settings.rounds,
                round_time_s=settings.round_time_s,
            )
            pair = [next(iter(results.select(name=w))) for w in (name, kernel)]
            items.append(bench.compare(*pair, implementations=True))
    return bench.Comparisons(tuple(items))


def launches(settings: Settings) -> bench.ResultSet:
    """What it costs to start small kernels: one, a batch of 32, and ones with fixed buffers."""
    values = np.zeros(SMALL, np.float32)

    def one(x: Tensor) -> Tensor:
        return (x + 1).realize()

    def batch(x: Tensor) -> Tensor:
        for _ in range(KERNELS):
            x = (x + 1).contiguous()
        return x.realize()

    functions = {}
    for device in ("CPU", "ELECTRICAL"):
        x = Tensor(values, device=device).realize()
        for name, function in (("one kernel", one), (f"{KERNELS} kernels", batch)):
            step = TinyJit(function)
            for _ in range(3):
                step(x)
            functions[f"{name}, TinyJit, {device}"] = _waiting(step, x, device)
            if device == "ELECTRICAL":
                functions[f"{name}, bound, {device}"] = bind(step, x)
                functions[f"{name}, BoundJit, {device}"] = _jitted_for(function, x)
    return bench.measure_calls(
        functions,
        device="ELECTRICAL",
        rounds=settings.rounds,
        round_time_s=settings.round_time_s,
    )


def _jitted(compute, *arrays: np.ndarray):
    tensors = [Tensor(a, device="ELECTRICAL").realize() for a in arrays]
    step = TinyJit(lambda *xs: compute(*xs).realize())
    for _ in range(3):
        step(*tensors)
    return lambda: step(*tensors)


def _jitted_for(function, x: Tensor):
    step = BoundJit(function)
    for _ in range(3):
        step(x)
    return lambda: step(x)


def _waiting(step: TinyJit, x: Tensor, device: str):
    opened = Device[device]

    def call() -> None:
        step(x)
        opened.synchronize()

    return call


def _summary(comparisons: bench.Comparisons) -> str:
    ratios = [c.speedup for c in comparisons]
    worst = min(comparisons, key=lambda c: c.speedup)
    return (
        f"geometric mean {format_ratio(geometric_mean(ratios))}, "
        f"least {format_ratio(worst.speedup)} ({worst.name})"
    )


def _launch_table(results: bench.ResultSet) -> Table:
    times = {m.workload: m.median_s for m in results}
    rows = []
    for what in ("one kernel", f"{KERNELS} kernels"):
        cpu = times[f"{what}, TinyJit, CPU"]
        for way in (
            "TinyJit, CPU",
            "TinyJit, ELECTRICAL",
            "BoundJit, ELECTRICAL",
            "bound, ELECTRICAL",
        ):
            seconds = times[f"{what}, {way}"]
            rows.append((what, way, format_seconds(seconds), format_ratio(cpu / seconds)))
    return Table("Launches", ("what", "way", "time", "speedup over CPU"), tuple(rows))


def _row(c: bench.Comparison) -> dict[str, object]:
    low, high = (c.interval.low, c.interval.high) if c.interval else (None, None)
    return {
        "benchmark": c.name,
        "baseline": c.baseline,
        "candidate": c.candidate,
        "speedup": round(c.speedup, 4),
        "interval_95": [round(low, 4), round(high, 4)] if low else None,
        "word": c.word,
        "rounds": c.rounds,
    }


def markdown(kept: dict) -> str:
    """The saved results as a small table, for people."""
    lines = ["# ELECTRICAL beside CPU, numpy and scipy", "", f"`{kept['command']}`", ""]
    for title in ("all_cores", "one_thread", "libraries_one_thread"):
        rows = kept[title]
        mean = geometric_mean([r["speedup"] for r in rows])
        lines += [f"**{title.replace('_', ' ')}**: geometric mean {format_ratio(mean)}", ""]
        lines += ["| benchmark | speedup | 95% interval |", "|---|---|---|"]
        for r in rows:
            low, high = r["interval_95"] or (None, None)
            name = " and ".join(part.split("/warm")[0] for part in r["benchmark"].split(" -> "))
            interval = format_interval(low, high, format_ratio)
            lines.append(f"| {name} | {format_ratio(r['speedup'])} | {interval} |")
        lines.append("")
    lines += ["| launch | time |", "|---|---|"]
    lines += [f"| {name} | {format_seconds(s)} |" for name, s in kept["launches_s"].items()]
    facts = [f"{name}: {value}" for name, value in kept["environment"].items()]
    return "\n".join([*lines, "", f"arch {kept['arch']}; " + "; ".join(facts), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    settings = Settings(3, 0.05) if options.quick else Settings(10, 0.15)
    tables = {
        "all_cores": against_cpu(settings, None),
        "one_thread": against_cpu(settings, 1),
        "libraries_one_thread": against_libraries(settings),
    }
    for title, comparisons in tables.items():
        print(f"\n{title.replace('_', ' ')}: {_summary(comparisons)}\n{comparisons.table()}")
    launched = launches(settings)
    print(f"\n{_launch_table(launched)}")
    if options.save:
        facts = host_environment() | {"cpu_pressure_some_avg10": cpu_pressure()}
        environment = {name: facts[name] for name in ENVIRONMENT if name in facts}
        kept = {
            "command": "python benchmarks/backend_electrical.py --save",
            "environment": environment,
            "arch": Device["ELECTRICAL"].renderer.target.arch,
            **{title: [_row(c) for c in comparisons] for title, comparisons in tables.items()},
            "launches_s": {m.workload: m.median_s for m in launched},
        }
        cpu = re.sub(r"[^a-z0-9]+", "_", str(environment.get("cpu_model_name", "cpu")).lower())
        path = RESULTS / f"electrical_{cpu.strip('_')}.json"
        path.write_text(json.dumps(kept, indent=1, default=str) + "\n")
        path.with_suffix(".md").write_text(markdown(kept))
        print(f"\nSaved in {path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
