"""One kernel of a workload on buffers of its own: candidates are timed and compared on them.

The buffers hold what the kernel really gets when the workload runs on random inputs, so that one
that looks up indices finds valid ones, and what comes out of the heuristic's kernel is kept to
compare candidates with. The last word on correctness has numpy, over the whole workload.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.bench.clocks import is_modelled
from labs.bench.sampler import is_valid_time
from labs.bench.workload import Workload
from labs.errors import MeasurementError
from labs.gpu.fixed import fixed_options
from labs.gpu.kernels import kernel_key
from labs.gpu.tuning.candidate import Candidate

toolchain.activate()

from tinygrad import Context, Tensor
from tinygrad.codegen.opt import Opt
from tinygrad.device import Buffer
from tinygrad.dtype import dtypes
from tinygrad.engine.realize import compile_linear, get_call_arg_uops, get_runtime, run_linear
from tinygrad.helpers import GlobalCounters, ansistrip
from tinygrad.uop.ops import Ops, UOp

# A candidate is timed by the best of a few runs: what a busy machine adds is never negative.
_RUNS, _SPAN_S = 7, 0.06
_HOPELESS = 1.7  # times the best so far, after the first run: not timed further
# How far a candidate may be from the heuristic's result, relative to the largest value: sums are
# taken in another order. Of the order of sqrt(1000) rounding errors of the type.
_TOLERANCE = {"half": 2e-2, "__bf16": 1e-1, "float": 1e-3, "double": 1e-9}


class TrialFailed(Exception):
    """A candidate that can't be launched, or gives another result."""


@dataclass(frozen=True)
class KernelUse:
    """A kernel of a workload: how often it is launched, and how long that takes.

    Args:
        ast: tinygrad's SINK; key: its `kernel_key`; heuristic: the options tinygrad chose.
        seconds: of all its launches in one call of the workload, by the device's clock.
        place: its first place in the schedule.
    """

    ast: UOp
    key: str
    name: str
    heuristic: tuple[Opt, ...]
    seconds: float
    launches: int
    place: int


class Bench:
    """A workload's schedule with real buffers, to take its kernels from one by one.

    Raises:
        MeasurementError: it contains no kernel.
    """

    def __init__(self, work: Workload, device: str, seed: int = 0) -> None:
        self.device = device
        arrays = work.inputs(np.random.default_rng(seed))
        self._inputs = tuple(Tensor(a, device=device).realize() for a in arrays)
        self._result = work.compute(*self._inputs).contiguous()  # kept: the linear writes into it
        self._linear, self._values = self._result.linear_with_vars()
        # saved schedules aside; and not by tinygrad's pool, which waits for ever for a class that
        # its workers can't import
        with fixed_options({}, device), Context(PARALLEL=0):
            self._compiled = compile_linear(self._linear, beam=0)
        if not any(c.src[0].op is Ops.PROGRAM for c in self._compiled.src):
            raise MeasurementError(
                f"optimise '{work.spec}' on {device}",
                expected="a workload with kernels",
                got="one that only copies",
                next_step="choose a workload that computes something",
            )

    def uses(self) -> tuple[KernelUse, ...]:
        """The workload's kernels, each once, in their order."""
        found: dict[str, KernelUse] = {}
        for place, (before, call) in enumerate(
            zip(self._linear.src, self._compiled.src, strict=True)
        ):
            if call.src[0].op is not Ops.PROGRAM:
                self._run(call)
                continue
            seconds = min(self._run(call) for _ in range(3))
            key = kernel_key(before.src[0])
            info, known = call.src[0].src[0].arg, found.get(key)
            found[key] = KernelUse(
                before.src[0],
                key,
                ansistrip(info.function_name),
                tuple(info.applied_opts),
                seconds + (known.seconds if known else 0.0),
                1 + (known.launches if known else 0),
                known.place if known else place,
            )
        return tuple(found.values())

    def trials(self) -> Iterator[tuple[str, "Trial"]]:
        """Each kernel's `Trial`, with its key, in the order of the schedule."""
        seen = set()
        for before, call in zip(self._linear.src, self._compiled.src, strict=True):
            if call.src[0].op is Ops.PROGRAM:
                key = kernel_key(before.src[0])
                if key not in seen:
                    seen.add(key)
                    yield key, Trial(call, self._values, self.device)
            self._run(call)

    def _run(self, call: UOp) -> float:
        before = GlobalCounters.time_sum_s
        # jit: compiled already
        run_linear(UOp(Ops.LINEAR, src=(call,)), self._values, jit=True, wait=True)
        return GlobalCounters.time_sum_s - before


class Trial:
    """One kernel's launch with private buffers."""

    def __init__(self, call: UOp, values: dict[str, int], device: str) -> None:
        self.device, self._values = device, values
        self._once = is_modelled(device)  # a model's answer is the same each time
        program = call.src[0]
        given = [u.buffer.ensure_allocated() for u in get_call_arg_uops(call)]
        self._buffers = [_copy(given[i]) for i in program.arg.globals]
        written, read = set(program.arg.outs), set(program.arg.ins)
        slots = enumerate(program.arg.globals)
        self._outputs = tuple(i for i, slot in slots if slot in written)
        # a kernel that also reads what it writes starts each comparison from the same values
        self._before = {
            i: _copy(self._buffers[i]) for i in self._outputs if program.arg.globals[i] in read
        }
        self._launcher(program)()
        self._expected = {i: _values_of(self._buffers[i]) for i in self._outputs}

    def seconds(self, candidate: Candidate, best_s: float = math.inf) -> float:
        """The best time of a few launches, by the device's clock.

        Args:
            best_s: a candidate that is much slower than this is launched once.

        Raises:
            TrialFailed: the device refuses the launch, or has no time for it.
        """
        launch = self._launcher(candidate.program)
        best = launch()
        if self._once or best > _HOPELESS * best_s:
            return best
        start, runs = time.perf_counter(), 1
        while runs < 3 or (runs < _RUNS and time.perf_counter() - start < _SPAN_S):
            best, runs = min(best, launch()), runs + 1
        return best

    def check(self, candidate: Candidate) -> None:
        """Compares the candidate's result with the heuristic's.

        Raises:
            TrialFailed: it is another one.
        """
        for i in self._outputs:
            if i in self._before:
                self._buffers[i].copy_from(self._before[i])
            else:
                _scramble(self._buffers[i])  # what a kernel forgets to write must not look right
        self._launcher(candidate.program)()
        for i, want in self._expected.items():
            got = _values_of(self._buffers[i])
            # a type that numpy hasn't got is left to the whole workload's check
            if want is not None and not _close(got, want, self._buffers[i].dtype.name):
                raise TrialFailed("another result than the heuristic's kernel gives")

    def _launcher(self, program: UOp) -> Callable[[], float]:
        """Loads a program; what comes back launches it once and returns the device's seconds."""
        try:
            runtime = get_runtime(self.device, program, cache=False)
        except Exception as error:  # a driver that doesn't take the binary
            raise TrialFailed(f"{type(error).__name__}: {error}") from error
        global_size, local_size = program.arg.launch_dims(self._values)
        opaque = [b.get_buf(self.device) for b in self._buffers]
        values = program.arg.vals(self._values)

        def launch() -> float:
            try:
                seconds = runtime(
                    *opaque, global_size=global_size, local_size=local_size, vals=values, wait=True
                )
            except Exception as error:  # a launch that is too large, a fault
                raise TrialFailed(f"{type(error).__name__}: {error}") from error
            if not is_valid_time(seconds):
                raise TrialFailed(f"the device answered {seconds!r} for its time")
            return seconds

        return launch


def _copy(buffer: Buffer) -> Buffer:
    new = Buffer(buffer.device, buffer.size, buffer.dtype, preallocate=True)
    return new.copy_from(buffer)


def _scramble(buffer: Buffer) -> None:
    buffer.copy_from(_host(buffer, bytes([0x5A]) * buffer.nbytes))


def _host(buffer: Buffer, data: bytes) -> Buffer:
    return Buffer("PYTHON", buffer.size, buffer.dtype, opaque=memoryview(bytearray(data)))


def _values_of(buffer: Buffer) -> np.ndarray | None:
    """A copy of the values; None for a type that numpy hasn't got."""
    if buffer.dtype == dtypes.bfloat16:  # the upper half of a float32
        raw = np.frombuffer(buffer.as_memoryview(), np.uint16).astype(np.uint32)
        return (raw << 16).view(np.float32)
    try:
        return buffer.numpy().copy()
    except (AssertionError, TypeError):
        return None


def _close(got: np.ndarray, want: np.ndarray, dtype: str) -> bool:
    if not np.issubdtype(want.dtype, np.floating):
        return np.array_equal(got, want)
    finite = np.isfinite(want)
    scale = float(np.abs(want[finite]).max(initial=0.0))
    allowed = _TOLERANCE.get(dtype, 1e-1) * scale
    return np.allclose(got, want, rtol=0.0, atol=allowed, equal_nan=True)
