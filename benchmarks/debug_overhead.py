"""What the debugging tools cost, as ratios to the same code without them. Run by hand:

    python benchmarks/debug_overhead.py                     # CPU; writes benchmarks/results/
    python benchmarks/debug_overhead.py --device CUDA

Tools that watch code that runs anyway (guard, timeline's recorder, trace_memory) are measured in
interleaved rounds, block against block: four calls of a three-kernel expression, small (launching
it is all), eager and as a TinyJit, and large as a TinyJit. A TinyJit's own buffers were allocated
before: a guard then has no red zones to look at, and what it costs is that it listens.

Tools that run the code in their own way (bisect, NaN tracer, leak finder) are one number each:
their time over that of one ordinary call.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path

import numpy as np

from labs import backends, bench, toolchain

toolchain.activate()
backends.register()

from tinygrad import Tensor, TinyJit

from labs import debug
from labs.bench.environment import cpu_pressure, host_environment
from labs.debug.observing import observing
from labs.debug.recording import _Recorder
from labs.lowering import trace_memory
from labs.tables import Table
from labs.units import format_interval, format_ratio, format_seconds

RESULTS = Path(__file__).resolve().parent / "results"
CALLS = 4
SIZES = {"small": 32, "large": 256}
PLAIN = "without"
_FACTS = ("cpu_model_name", "cpu_count", "virtual_machine", "python_version", "tinygrad_version")


def expression(a: Tensor, b: Tensor) -> Tensor:
    """Three kernels: a product, its row maxima, and what is left of it."""
    product = (a @ b).contiguous()
    return (product - product.max(1, keepdim=True)).relu()


def watchers(device: str) -> dict[str, Callable[[], AbstractContextManager]]:
    """Tool -> the context in which a block of calls runs."""
    return {
        PLAIN: nullcontext,
        "guard": lambda: debug.guard(device),
        "guard, only at the end": lambda: debug.guard(device, after_each_kernel=False),
        "timeline": lambda: observing(_Recorder(device)),
        "trace_memory (find_leaks)": lambda: trace_memory(device),
    }


def watched(device: str, size: str, mode: str, rounds: int) -> list[dict[str, object]]:
    """Ratio to the plain block, with its interval, for each tool that watches."""
    n = SIZES[size]
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.random((n, n), np.float32), device=device).realize() for _ in range(2))
    jitted = TinyJit(lambda x, y: expression(x, y).realize())
    call = (lambda: jitted(a, b)) if mode == "TinyJit" else (lambda: expression(a, b).realize())
    for _ in range(3):
        call()

    def block(context: Callable[[], AbstractContextManager]) -> Callable[[], None]:
        def run() -> None:
            with context():
                for _ in range(CALLS):
                    call()

        return run

    functions = {name: block(context) for name, context in watchers(device).items()}
    results = bench.measure_calls(functions, device=device, rounds=rounds, round_time_s=0.04)
    if results.failures:
        raise SystemExit("\n".join(f"{f.name}: {f.error}" for f in results.failures))
    plain, *others = results.measurements
    rows = []
    for m in others:
        found = bench.compare(m, plain, implementations=True)
        interval = found.interval and [found.interval.low, found.interval.high]
        tool = m.name.split("/")[0]
        rows.append(
            {"tool": tool, "device": device, "size": size, "mode": mode, "ratio": found.speedup}
            | {"interval": interval, "plain_block_s": plain.median_s}
        )
    return rows


def running(device: str) -> list[dict[str, object]]:
    """Time over that of one ordinary call, compiled before, for each tool that runs the code."""
    n = SIZES["large"]
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.random((n, n), np.float32), device="CPU").realize() for _ in range(2))
    on = [t.to(device).realize() for t in (a, b)]
    other = "ELECTRICAL" if device == "CPU" else "CPU"
    tools = {
        f"bisect against {other}": lambda: debug.bisect(expression(a, b), device, other),
        "trace_nonfinite": lambda: debug.trace_nonfinite(expression(a, b), device),
        "find_leaks, 11 calls": lambda: debug.find_leaks(lambda: expression(*on), device),
        "find_uninitialised, 3 calls": lambda: debug.find_uninitialised(
            lambda: expression(*on), device
        ),
    }
    plain = _best(lambda: expression(*on).numpy())
    return [
        {"tool": name, "device": device, "ratio": _best(act) / plain, "plain_call_s": plain}
        for name, act in tools.items()
    ]


def _best(act: Callable[[], object], runs: int = 3) -> float:
    act()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return min(times)


def tables(rows: Sequence[dict], more: Sequence[dict]) -> str:
    """The recorded file, in Markdown."""
    watching = Table(
        f"Watching {CALLS} calls: time with the tool / time without (interleaved rounds)",
        ("tool", "size", "mode", "ratio", "95% interval", "without it"),
        tuple(
            (
                r["tool"],
                f"{r['size']} ({SIZES[r['size']]})",
                r["mode"],
                format_ratio(r["ratio"]),
                format_interval(*r["interval"], format_ratio) if r["interval"] else None,
                format_seconds(r["plain_block_s"]),
            )
            for r in rows
        ),
    )
    own = Table(
        "Running the code itself: time of the tool / one ordinary call with its result read",
        ("tool", "ratio", "one call"),
        tuple(
            (r["tool"], format_ratio(r["ratio"]), format_seconds(r["plain_call_s"])) for r in more
        ),
        "Best of three, kernels compiled before; bisect runs on both devices, and copies every "
        "block of each step there and back on one of them.",
    )
    facts = host_environment()
    said = ", ".join(f"{n}: {facts[n]}" for n in _FACTS if n in facts)
    note = f"{date.today()}, device {rows[0]['device']}, {said}, CPU pressure {cpu_pressure()}%"
    return f"{watching.markdown()}\n{own.markdown()}\n{note}\n"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="CPU")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--print", action="store_true", help="write no files")
    chosen = parser.parse_args(argv)
    rows: list[dict[str, object]] = []
    for size, mode in (("small", "eager"), ("small", "TinyJit"), ("large", "TinyJit")):
        print(f"{size}, {mode} ...", file=sys.stderr)
        rows += watched(chosen.device, size, mode, chosen.rounds)
    more = running(chosen.device)
    text = tables(rows, more)
    print(text)
    if not chosen.print:
        base = RESULTS / f"debug_overhead_{chosen.device.lower()}"
        facts = host_environment()
        about = {n: facts[n] for n in _FACTS if n in facts} | {"date": str(date.today())}
        data = {"environment": about, "watching": rows, "running": more}
        base.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        base.with_suffix(".md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
