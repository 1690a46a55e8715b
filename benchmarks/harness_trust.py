"""Can the harness be trusted? Run by hand on a quiet machine:

    python benchmarks/harness_trust.py            # about 8 minutes; writes benchmarks/results/
    python benchmarks/harness_trust.py --quick    # a few seconds, to see that it runs

Four questions, answered with the harness itself on a real device:

1. A/A: how often does it call two identical workloads faster or slower? (at most 5% of the trials)
2. Planted: how often does it find that one does exactly 5% more work? (at least 90% of them)
3. What does a sample cost beyond a bare perf_counter loop, and how much of that is in its value?
4. Does it agree with an independent timer, timeit?

A trial is a whole measure(): inputs, compilation, verification and memory are made anew, so that
what depends on where a buffer lies is in the answer.
"""

import argparse
import json
import statistics as std
import sys
import time
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import scipy
from tqdm import tqdm

from labs import bench, toolchain
from labs.bench import statistics as lab_statistics
from labs.bench.environment import cpu_pressure, host_environment
from labs.bench.sampler import Hooks, sample_round, take_sample
from labs.tables import Table
from labs.units import format_percent, format_ratio, format_seconds


@dataclass(frozen=True)
class Plan:
    """How many trials, and how each of them measures."""

    trials: int
    rounds: int
    round_time_s: float


RESULTS = Path(__file__).resolve().parent / "results"
PLANTED = 1.05
# 21 matrix products of 64 x 64 in a row instead of 20: the same kernel, exactly 5% more often
_LENGTH, _N = 20, 64
_LONG_CALL_S = 0.01  # so long that launching a kernel doesn't show beside it
# Short rounds: hundreds of trials take minutes. A sample by the wall clock lasts at least 1 ms
# and holds Python's own unsteady time, so that clock needs more of them.
PLANS = {
    "wall": Plan(trials=200, rounds=40, round_time_s=0.008),
    "device": Plan(trials=200, rounds=30, round_time_s=0.003),
}
# of the environment, what a reader of the committed table needs, and nothing that names a machine
_FACTS = (
    "cpu_model_name",
    "cpu_count",
    "virtual_machine",
    "platform",
    "python_version",
    "tinygrad_version",
    "compiler",
)


@dataclass(frozen=True)
class Rate:
    """How many of the trials, with the 95% interval of the proportion (Clopper-Pearson)."""

    count: int
    trials: int

    def __str__(self) -> str:
        found = scipy.stats.binomtest(self.count, self.trials).proportion_ci()
        low, high = format_percent(found.low), format_percent(found.high)
        return f"{self.count} of {self.trials} ({low} to {high})"


def chain(name: str, length: int) -> bench.Workload:
    """`length` matrix products one after the other, each the same kernel: time in proportion."""

    def product(x, b):
        for _ in range(length):
            x = (x @ b).contiguous()
        return x

    def reference(x: np.ndarray, b: np.ndarray) -> np.ndarray:
        return x.astype(np.float64) @ np.linalg.matrix_power(b.astype(np.float64), length)

    return bench.Workload(
        name,
        "planted",  # the same for all, so that compare() takes them for two ways to do one thing
        "float32",
        lambda rng: (
            rng.standard_normal((_N, _N)).astype(np.float32),
            np.linalg.qr(rng.standard_normal((_N, _N)))[0].astype(np.float32),  # keeps the size
        ),
        product,
        reference,
        atol=1e-3,
        flop=2 * length * _N**3,
    )


def run_trials(device: str, clock: str, plan: Plan) -> tuple[Rate, Rate, list[float], list[float]]:
    """False alarms, planted changes found, and the widths of both intervals."""
    trio = [
        chain("one", _LENGTH),
        chain("same", _LENGTH),
        chain("more", round(_LENGTH * PLANTED)),
    ]
    alarms, found, speedups, widths = 0, 0, [], []
    for seed in tqdm(range(plan.trials), desc=f"{device}, {clock} clock", file=sys.stderr):
        results = bench.measure(
            trio, device, rounds=plan.rounds, round_time_s=plan.round_time_s, clock=clock, seed=seed
        )
        if results.stop_reason != "complete" or results.failures:
            raise SystemExit(f"trial {seed} was {results.stop_reason}: {results.failures}")
        one, same, more = results.measurements
        aa = bench.compare(one, same, implementations=True)
        ab = bench.compare(one, more, implementations=True)
        alarms += aa.word != "not resolved"
        found += ab.word == "slower"
        speedups.append(ab.speedup)
        widths.append(aa.interval.width)
    return Rate(alarms, plan.trials), Rate(found, plan.trials), speedups, widths


def sampling_cost(n: int) -> dict[str, float]:
    """Seconds per sample of doing nothing: by a bare loop and by the sampler."""

    def nothing() -> None:
        pass

    clock, hooks = time.perf_counter, Hooks(run=nothing, sync=nothing)
    bare: list[float] = []
    start = clock()
    for _ in range(n):
        before = clock()
        nothing()
        bare.append(clock() - before)
    bare_each_s = (clock() - start) / n
    start = clock()
    ours = [take_sample(hooks) for _ in range(n)]
    ours_each_s = (clock() - start) / n
    return {
        "in_value_bare_s": std.median(bare),
        "in_value_ours_s": std.median(ours),
        "per_sample_bare_s": bare_each_s,
        "per_sample_ours_s": ours_each_s,
    }


def agreement(device: str, clock: str, pairs: int) -> tuple[str, list[float]]:
    """Which kernel, and the ratios of the harness's median to timeit's, taken in turn.

    The kernel is a matrix product that takes 10 ms or more, so that the device's own time and the
    time around the call are nearly one.
    """
    from labs.bench.execution import prepare

    n, around = 128, 0.0
    while around < _LONG_CALL_S:
        n *= 2
        workload = bench.parse_workload(f"matmul:n={n}")
        reference = prepare(workload, device, "wall", "jit", 0)

        def once(ready=reference) -> None:
            ready.run()
            ready.sync()

        around = min(timeit.repeat(once, number=1, repeat=3))
    ready = prepare(workload, device, clock, "jit", 0)
    # both time the same buffers: where memory happens to lie moves a product by several percent
    same = lambda: once(ready)  # noqa: E731
    hooks = Hooks(run=ready.run, sync=ready.sync, device_time=ready.device_time)
    settings = bench.Settings(warmup_time_s=0.05, round_time_s=0.2)
    halves: list[Callable[[], float]] = [
        lambda: std.median(sample_round(hooks, settings).samples_s),
        lambda: std.median(timeit.repeat(same, number=1, repeat=15)),
    ]
    ratios = []
    for pair in range(pairs):
        values = {i: halves[i]() for i in ((0, 1) if pair % 2 else (1, 0))}
        ratios.append(values[0] / values[1])
    return f"matmul {n}", ratios


def study(device: str, plans: Mapping[str, Plan]) -> dict[str, object]:
    """The whole study as plain data, for each clock by its plan."""
    quick = min(plan.trials for plan in plans.values()) < 20
    began = time.perf_counter()
    pressure = cpu_pressure()
    data: dict[str, object] = {"device": device, "date": date.today().isoformat(), "clocks": {}}
    for clock, plan in plans.items():
        alarms, found, speedups, widths = run_trials(device, clock, plan)
        kernel, ratios = agreement(device, clock, 3 if quick else 20)
        ratio, interval = lab_statistics.summarize_rounds(ratios)
        data["clocks"][clock] = {
            "rounds": plan.rounds,
            "round_time_s": plan.round_time_s,
            "false_alarms": vars(alarms),
            "planted_found": vars(found),
            "planted_speedup_median": std.median(speedups),
            "interval_width_median": std.median(widths),
            "timeit_kernel": kernel,
            "timeit_ratio": ratio,
            "timeit_ratio_interval": [interval.low, interval.high],
        }
    data["sampling"] = sampling_cost(2_000 if quick else 100_000)
    data["seconds"] = time.perf_counter() - began
    data["cpu_pressure_avg10"] = {"before": pressure, "after": cpu_pressure()}
    facts = host_environment()
    data["environment"] = {k: facts[k] for k in _FACTS if k in facts}
    return data


def table(data: dict[str, object]) -> Table:
    """The study as the table that is committed."""
    rows: list[tuple[str, str, str]] = []
    for clock, found in data["clocks"].items():
        alarms, planted = Rate(**found["false_alarms"]), Rate(**found["planted_found"])
        low, high = found["timeit_ratio_interval"]
        rows += [
            (f"{clock}: identical workloads called different", str(alarms), "at most 5%"),
            (f"{clock}: 5% more work found", str(planted), "at least 90%"),
            (
                f"{clock}: median speedup reported for it",
                format_ratio(found["planted_speedup_median"], 4),
                format_ratio(1 / PLANTED, 4),
            ),
            (
                f"{clock}: width of the 95% interval (median)",
                format_percent(found["interval_width_median"]),
                "",
            ),
            (
                f"{clock}: harness / timeit, {found['timeit_kernel']}",
                f"{format_ratio(found['timeit_ratio'], 4)} "
                f"[{format_ratio(low, 4)}, {format_ratio(high, 4)}]",
                "1, less by the launch for the device clock" if clock == "device" else "1",
            ),
        ]
    cost = {k: format_seconds(v) for k, v in data["sampling"].items()}
    rows += [
        (
            "in the value of a sample of nothing",
            f"{cost['in_value_ours_s']} (bare loop {cost['in_value_bare_s']})",
            "",
        ),
        (
            "between two samples",
            f"{cost['per_sample_ours_s']} (bare loop {cost['per_sample_bare_s']})",
            "",
        ),
    ]
    facts = ", ".join(f"{k}: {v}" for k, v in data["environment"].items())
    rounds = [
        f"{found['rounds']} rounds of {format_seconds(found['round_time_s'])} ({clock})"
        for clock, found in data["clocks"].items()
    ]
    note = (
        f"{data['date']}, {data['device']}, {' and '.join(rounds)}, "
        f"{data['seconds']:.0f} s in all, CPU pressure {data['cpu_pressure_avg10']['before']}% "
        f"before and {data['cpu_pressure_avg10']['after']}% after. {facts}"
    )
    return Table("Trust in the harness", ("question", "answer", "wanted"), tuple(rows), note)


def markdown(data: dict[str, object]) -> str:
    """The table for a reader on the web."""
    shown = table(data)
    lines = [f"# {shown.title}", "", f"| {' | '.join(shown.columns)} |", "|---|---|---|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in shown.rows]
    command = "Made by `python benchmarks/harness_trust.py`, which says what each row means."
    return "\n".join([*lines, "", shown.note, "", command, ""])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="CPU")
    parser.add_argument("--clock", action="append", choices=list(PLANS))
    parser.add_argument("--trials", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--round-time-s", type=float)
    parser.add_argument("--quick", action="store_true", help="4 trials, nothing written")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for .json and .md")
    options = parser.parse_args(argv)
    changes = {
        "trials": 4 if options.quick else options.trials,
        "rounds": options.rounds,
        "round_time_s": options.round_time_s,
    }
    changes = {k: v for k, v in changes.items() if v is not None}
    plans = {clock: replace(PLANS[clock], **changes) for clock in options.clock or PLANS}
    data = study(options.device, plans)
    print(table(data))
    if not options.quick:
        options.out.mkdir(parents=True, exist_ok=True)
        name = f"harness_trust_{options.device.lower()}"
        text = json.dumps(data, indent=1, sort_keys=True) + "\n"
        (options.out / f"{name}.json").write_text(text, encoding="utf-8")
        (options.out / f"{name}.md").write_text(markdown(data), encoding="utf-8")
    return 0


if __name__ == "__main__":
    toolchain.activate()
    sys.exit(main())
