"""How fast the emulated microcontroller is here: instructions per second, and a small matmul.

    python benchmarks/edge_speed.py                      # every kernel, on every core
    python benchmarks/edge_speed.py --core cortex-m4     # one core

Answers are compared with numpy first. Counting is on, as it always is. The clock is this machine's:
nothing here is the model's time. Long kernels must reach 150 million instructions a second in
single precision on the Cortex-M4F, and a warm 64x64 matmul must take less than 20 ms.
"""

import argparse
import statistics as std
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Context, Device, Tensor, TinyJit

from labs.backends.edge import CORES
from labs.bench.environment import cpu_pressure, host_environment
from labs.tables import Table
from labs.units import format_bytes, format_count, format_seconds

LIMIT_MIPS = 150.0  # of the kernels marked "long", on the core with floating point
LIMIT_MATMUL_S = 0.020
_LIMITED_CORE = "cortex-m4"


@dataclass(frozen=True)
class Kernel:
    """A computation, its numpy reference, and what counts as right."""

    name: str
    inputs: tuple[np.ndarray, ...]
    compute: Callable[..., Tensor]
    reference: Callable[..., np.ndarray]
    rtol: float
    is_long: bool = False


@dataclass(frozen=True)
class Speed:
    """One kernel on one core: counted, and timed by this machine's clock (best of several)."""

    kernel: str
    core: str
    instructions: int
    code_bytes: int
    emulation_s: float  # inside the emulator
    call_s: float  # as the caller waits for it, through TinyJit
    limit: str = ""
    is_within: bool = True

    @property
    def mips(self) -> float:
        return self.instructions / self.emulation_s / 1e6


def kernels() -> list[Kernel]:
    rng = np.random.default_rng(0)

    def square(n: int, dtype: str = "float32") -> tuple[np.ndarray, ...]:
        return tuple(rng.standard_normal((n, n)).astype(dtype) for _ in range(2))

    numbers = rng.random(1 << 16)
    wide = rng.integers(1, 2**50, 1 << 14)

    def matmul(n: int, is_long: bool = False) -> Kernel:
        compute, reference = lambda a, b: a @ b, lambda a, b: a @ b
        return Kernel(f"matmul {n}, float32", square(n), compute, reference, 1e-3, is_long)

    def exp(name: str, values: np.ndarray, rtol: float, is_long: bool = False) -> Kernel:
        return Kernel(name, (values,), lambda x: x.exp(), np.exp, rtol, is_long)

    return [
        matmul(64),
        matmul(192, is_long=True),
        Kernel(
            "add 64 Ki, float32",
            (numbers.astype("f4"),) * 2,
            lambda a, b: a + b * 2,
            lambda a, b: a + b * 2,
            1e-6,
        ),
        exp("exp 64 Ki, float32", numbers.astype("f4"), 1e-5, is_long=True),
        exp("exp 4 Ki, float64", numbers[:4096], 1e-12),
        Kernel(
            "divide 16 Ki, int64",
            (wide, wide[::-1].copy() % 1000 + 1),
            lambda a, b: a // b,
            lambda a, b: a // b,
            0,
        ),
    ]


def measure(kernel: Kernel, core: str, rounds: int) -> Speed:
    """Checks the answer, then takes the best of `rounds` warm calls."""
    with Context(DEV=f"EDGE::{core}"):
        device = Device["EDGE"]
        tensors = [Tensor(values, device="EDGE").realize() for values in kernel.inputs]
        function = TinyJit(lambda *inputs: kernel.compute(*inputs).realize())
        if len({id(values) for values in kernel.inputs}) < len(kernel.inputs):
            tensors[1] = tensors[1].clone().realize()  # TinyJit takes each tensor once
        wanted = kernel.reference(*kernel.inputs)
        for _ in range(3):  # eager, captured, replayed
            got = function(*tensors).numpy()
            np.testing.assert_allclose(got, wanted, rtol=kernel.rtol, atol=kernel.rtol)
        emulation, calls = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            with device.record() as runs:
                function(*tensors)
            calls.append(time.perf_counter() - start)
            emulation.append(sum(run.host_time_s for run in runs))
        code_bytes = max(run.code_bytes for run in runs)
    speed = Speed(
        kernel.name, core, runs.instructions, code_bytes, min(emulation), std.median(calls)
    )
    return _judged(speed, kernel)


def _judged(speed: Speed, kernel: Kernel) -> Speed:
    if speed.core != _LIMITED_CORE:
        return speed
    parts, within = [], True
    if kernel.is_long:
        parts, within = [f"{LIMIT_MIPS:g} MIPS"], speed.mips >= LIMIT_MIPS
    if kernel.name.startswith("matmul 64,"):
        parts, within = [format_seconds(LIMIT_MATMUL_S)], speed.call_s <= LIMIT_MATMUL_S
    return Speed(**{**speed.__dict__, "limit": ", ".join(parts), "is_within": within})


def table(speeds: Sequence[Speed]) -> Table:
    rows = tuple(
        (
            s.kernel,
            s.core,
            format_count(s.instructions),
            format_bytes(s.code_bytes),
            format_seconds(s.emulation_s),
            f"{s.mips:.0f}",
            format_seconds(s.call_s),
            s.limit or None,
            ("yes" if s.is_within else "NO") if s.limit else None,
        )
        for s in speeds
    )
    columns = (
        "kernel",
        "core",
        "instructions",
        "code",
        "emulation, best",
        "million/s",
        "call, median",
        "limit",
        "within",
    )
    facts = host_environment()
    names = ("cpu_model_name", "cpu_count", "virtual_machine", "python_version")
    note = ", ".join(f"{n}: {facts[n]}" for n in names if n in facts)
    return Table("", columns, rows, f"{note}, CPU pressure {cpu_pressure()}%")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", action="append", choices=list(CORES), help="default: all")
    parser.add_argument("--rounds", type=int, default=15, help="warm calls of each kernel")
    chosen = parser.parse_args(argv)
    speeds = []
    for core in chosen.core or list(CORES):
        for kernel in kernels():
            if kernel.is_long and core != _LIMITED_CORE:
                continue  # minutes, where floating point is done in software
            print(f"{kernel.name} on {core} ...", file=sys.stderr)
            speeds.append(measure(kernel, core, chosen.rounds))
    print(table(speeds))
    return int(not all(s.is_within for s in speeds))


if __name__ == "__main__":
    sys.exit(main())
