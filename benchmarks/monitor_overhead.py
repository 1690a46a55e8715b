"""What does a monitor cost the work that it watches? Run by hand on a quiet machine:

    python benchmarks/monitor_overhead.py            # about 3 minutes; writes benchmarks/results/
    python benchmarks/monitor_overhead.py --quick    # a few seconds, to see that it runs

Windows of the same busy work follow each other in pairs, one with a monitor at 10 Hz and one
without, in random order: what slows the machine down meets both. Three kinds of work: kernels that
keep all cores busy, tiny kernels that keep Python busy (where a thread beside it hurts most), and
additions that keep memory busy. Reported are the medians of the pairs' ratios, each with its
distribution-free interval: of the time per call by the wall clock, and of the processor time per
call (of all threads of the process, the monitor's among them), which says the same also where
others use the machine. Wanted: less than 2%.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from tqdm import tqdm

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Device, Tensor, TinyJit

from labs.bench.environment import cpu_pressure, host_environment
from labs.bench.statistics import summarize_rounds
from labs.engineering.monitor import RATE_HZ, Monitor
from labs.tables import Table
from labs.units import format_percent

RESULTS = Path(__file__).resolve().parent / "results"
WORK = {
    "products of 512 x 512": 512,
    "tiny kernels of 16 x 16": 16,
    "additions of 2048 x 2048": 2048,
}
_FACTS = ("cpu_model_name", "cpu_count", "virtual_machine", "platform", "python_version")
_FACTS += ("tinygrad_version", "compiler")
_BEFORE_S = 0.1
_CHUNK_S = 0.01  # of calls between two looks at the clock


def step(device: str, words: str, n: int) -> Callable[[], None]:
    a, b = (Tensor.rand(n, n, device=device).realize() for _ in range(2))
    compute = (lambda x, y: x @ y) if "products" in words else (lambda x, y: x + y)
    jitted = TinyJit(lambda x, y: compute(x, y).realize())
    sync = Device[device].synchronize

    def run() -> None:
        jitted(a, b)
        sync()

    for _ in range(5):
        run()
    return run


def per_call(run: Callable[[], None], seconds: float) -> tuple[float, float]:
    """Seconds of the wall clock, and of processors, for one call."""
    warm = time.perf_counter() + _BEFORE_S
    while time.perf_counter() < warm:  # a monitor opens its sensors once, when it starts
        run()
    start = time.perf_counter()
    run()
    chunk = max(1, int(_CHUNK_S / max(time.perf_counter() - start, 1e-9)))
    count, start, cpu = 0, time.perf_counter(), time.process_time()
    while True:
        for _ in range(chunk):
            run()
        count += chunk
        passed = time.perf_counter() - start
        if passed >= seconds:
            return passed / count, (time.process_time() - cpu) / count


def pairs(device: str, words: str, n: int, count: int, window_s: float, seed: int) -> dict:
    """What watching adds to a call, for both clocks, and the thread's own share."""
    run, order = step(device, words, n), random.Random(seed)
    wall, cpu, shares = [], [], []
    for _ in tqdm(range(count), desc=words, file=sys.stderr):
        took = {}
        for watched in order.sample((True, False), 2):
            if watched:
                with Monitor() as monitor:
                    took[watched] = per_call(run, window_s)
                shares.append(monitor.own_cpu_share)
            else:
                took[watched] = per_call(run, window_s)
        wall.append(took[True][0] / took[False][0])
        cpu.append(took[True][1] / took[False][1])
    return {
        "wall": _summary(wall),
        "cpu": _summary(cpu),
        "own_cpu_share": sorted(shares)[len(shares) // 2],
        "pairs": count,
        "window_s": window_s,
    }


def _summary(ratios: list[float]) -> dict:
    centre, interval = summarize_rounds(ratios)
    return {"added": centre - 1, "interval": [interval.low - 1, interval.high - 1]}


def table(data: dict) -> Table:
    def text(found: dict) -> str:
        low, high = (format_percent(v, 2) for v in found["interval"])
        return f"{format_percent(found['added'], 2)} ({low} to {high})"

    rows = tuple(
        (w, text(found["cpu"]), text(found["wall"]), format_percent(found["own_cpu_share"], 2))
        for w, found in data["work"].items()
    )
    one = next(iter(data["work"].values()))
    facts = ", ".join(f"{k}: {v}" for k, v in data["environment"].items())
    note = (
        f"{data['date']}, {data['device']}, {one['pairs']} pairs of windows of "
        f"{one['window_s']:g} s, monitor at {data['rate_hz']:g} Hz; CPU pressure "
        f"{data['cpu_pressure_avg10']['before']}% before, {data['cpu_pressure_avg10']['after']}% "
        f"after (of this program itself, and of others). {facts}"
    )
    columns = ("work", "processor time added", "wall time added", "the thread, of one processor")
    return Table("What a monitor costs", columns, rows, note)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="CPU")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--window-s", type=float, default=0.7)
    parser.add_argument("--quick", action="store_true", help="6 short pairs, nothing written")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    count, window_s = (6, 0.2) if options.quick else (options.pairs, options.window_s)
    before = cpu_pressure()
    work = {w: pairs(options.device, w, n, count, window_s, 0) for w, n in WORK.items()}
    facts = host_environment()
    data = {
        "date": date.today().isoformat(),
        "device": options.device,
        "rate_hz": RATE_HZ,
        "work": work,
        "cpu_pressure_avg10": {"before": before, "after": cpu_pressure()},
        "environment": {k: facts[k] for k in _FACTS if k in facts},
    }
    shown = table(data)
    print(shown)
    if not options.quick:
        options.out.mkdir(parents=True, exist_ok=True)
        stem = options.out / f"monitor_overhead_{options.device.lower()}"
        stem.with_suffix(".json").write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
        made = "Made by `python benchmarks/monitor_overhead.py`, which says what it does."
        stem.with_suffix(".md").write_text(f"# {shown.title}\n\n{shown.markdown()}\n{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
