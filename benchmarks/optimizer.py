"""PerformanceOptimizer beside tinygrad's heuristic: ten workloads, before and after.

    python benchmarks/optimizer.py            # about 5 minutes on two cores
    python benchmarks/optimizer.py --quick    # a look: 5 s of search each, wide intervals
    python benchmarks/optimizer.py --save     # writes results/optimizer_cpu.json and .md, too

First each workload is searched, and what is faster is saved as schedules. Then another process
loads the schedules and measures every workload with and without them, in interleaved rounds, wall
clock, each answer compared with numpy: these fresh times are the result. Where nothing was saved,
the heuristic's options stay and the speedup is 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs import bench
from labs.bench.environment import cpu_pressure, host_environment
from labs.bench.statistics import Interval, geometric_mean, summarize_rounds
from labs.gpu.measured import measure_choices
from labs.gpu.optimizer import HEURISTIC, OPTIMISED, PerformanceOptimizer
from labs.gpu.schedules import Schedules
from labs.tables import Table
from labs.units import format_interval, format_ratio, format_seconds

RESULTS = Path(__file__).parent / "results"
# element-wise, reductions, products, several kernels, memory-bound and compute-bound
WORKLOADS = (
    *("add:n=2048", "exp:n=2048", "sum:n=2048", "matmul:n=512"),
    *("linear:batch=128,inputs=784,outputs=256", "softmax:n=2048", "layernorm:rows=2048,n=1024"),
    *("conv3x3:batch=8,channels=16,size=64,outputs=32", "transpose:n=2048", "fir64:n=1048576"),
)
# what a reader of the table must know of the machine, and nothing that names it
ENVIRONMENT = (
    *("platform", "cpu_model_name", "cpu_count", "cpu_freq", "virtual_machine"),
    *("python_version", "tinygrad_version", "compiler", "cpu_pressure_some_avg10"),
)


def search(device: str, budget_s: float, path: Path) -> list[dict]:
    """Optimise every workload; what was searched, as plain data."""
    optimizer = PerformanceOptimizer(device, budget_s=budget_s, path=path, rounds=10)
    found = []
    for spec in WORKLOADS:
        result = optimizer.optimize(spec)
        print(f"{result}\n", file=sys.stderr, flush=True)
        found.append(
            {
                "workload": spec,
                "kept": result.kept,
                "search_s": round(result.search_s, 1),
                "kernels": [
                    {
                        "name": k.name,
                        "share": round(k.share, 3),
                        "heuristic": list(k.heuristic),
                        "options": list(k.opts),
                        "kept": k.kept,
                        "candidates": k.found.tried if k.found else 0,
                    }
                    for k in result.kernels
                ],
            }
        )
    return found


def compare(device: str, path: Path, rounds: int, round_time_s: float) -> list[dict]:
    """With the saved schedules and without, in this process: one row for each workload."""
    choice, rows = Schedules.load(path).choice(device), []
    for spec in WORKLOADS:
        results = measure_choices(
            spec,
            {HEURISTIC: {}, OPTIMISED: choice},
            device=device,
            clock="wall",
            rounds=rounds,
            round_time_s=round_time_s,
            seed=2,
        )
        if results.failures:
            raise SystemExit(f"{spec}: {results.failures[0].error}")
        before, after = (
            next(m for m in results if m.workload == w) for w in (HEURISTIC, OPTIMISED)
        )
        c = bench.compare(before, after, implementations=True)
        ratios = zip(before.round_medians_s, after.round_medians_s, strict=True)
        rows.append(
            {
                "workload": spec,
                "before_s": before.median_s,
                "after_s": after.median_s,
                "speedup": c.speedup,
                "interval_95": [c.interval.low, c.interval.high] if c.interval else None,
                "word": c.word,
                "verification": after.verification,
                "round_ratios": [a / b for a, b in ratios],
            }
        )
        print(f"measured {spec}: {format_ratio(c.speedup)}", file=sys.stderr, flush=True)
    return rows


def mean_of(rows: list[dict]) -> tuple[float, Interval | None]:
    """The geometric mean over the workloads: of each round, then over the rounds."""
    kept = [r["round_ratios"] if r["kept"] else [1.0] * len(r["round_ratios"]) for r in rows]
    return summarize_rounds([geometric_mean(round_) for round_ in zip(*kept, strict=True)])


def table(rows: list[dict], mean: float, interval: Interval | None) -> Table:
    ends = (interval.low, interval.high) if interval else (None, None)
    lines = [
        (
            r["workload"],
            format_seconds(r["before_s"]),
            format_seconds(r["after_s"]),
            format_ratio(r["speedup"]),
            format_interval(*(r["interval_95"] or (None, None)), format_ratio),
            "yes" if r["kept"] else "no",
            "\n".join("; ".join(k["options"]) or "none" for k in r["kernels"] if k["kept"]),
        )
        for r in rows
    ]
    title = f"Geometric mean {format_ratio(mean)} {format_interval(*ends, format_ratio)}"
    columns = ("workload", "heuristic", "optimised", "speedup", "95% interval", "kept", "options")
    note = (
        "A workload without kept options counts as 1 in the mean; several kernels, several lines."
    )
    return Table(title, columns, tuple(lines), note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="CPU")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of search a workload")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--compare", metavar="SCHEDULES", help=argparse.SUPPRESS)  # our own child
    options = parser.parse_args()
    rounds, round_time_s = (5, 0.05) if options.quick else (12, 0.15)
    if options.compare:
        print(json.dumps(compare(options.device, Path(options.compare), rounds, round_time_s)))
        return
    budget_s = 5.0 if options.quick else options.budget
    with tempfile.TemporaryDirectory(prefix="optimizer-") as folder:
        path = Path(folder) / "schedules.json"
        searched = search(options.device, budget_s, path)
        command = [sys.executable, __file__, "--device", options.device, "--compare", str(path)]
        command += ["--quick"] if options.quick else []
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=os.environ)
        measured = json.loads(done.stdout)
    rows = [{**s, **m} for s, m in zip(searched, measured, strict=True)]
    mean, interval = mean_of(rows)
    shown = table(rows, mean, interval)
    print(shown)
    if options.save:
        facts = host_environment() | {"cpu_pressure_some_avg10": cpu_pressure()}
        kept = {
            "command": f"python benchmarks/optimizer.py --device {options.device} "
            f"--budget {budget_s:g} --save",
            "device": options.device,
            "environment": {name: facts[name] for name in ENVIRONMENT if name in facts},
            "search_s": budget_s,
            "rounds": rounds,
            "geometric_mean": mean,
            "interval_95": [interval.low, interval.high] if interval else None,
            "workloads": rows,
        }
        file = RESULTS / f"optimizer_{options.device.lower().replace(':', '_')}.json"
        file.write_text(json.dumps(kept, indent=1, default=str) + "\n")
        environment = "; ".join(f"{k}: {v}" for k, v in kept["environment"].items())
        lines = [
            "# PerformanceOptimizer beside tinygrad's heuristic",
            "",
            f"`{kept['command']}`",
            "",
        ]
        file.with_suffix(".md").write_text("\n".join([*lines, shown.markdown(), environment, ""]))
        print(f"\nSaved in {file.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
