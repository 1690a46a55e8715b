"""Which kernels show the roofs of a device, and how large they have to be.

`roofs.py` measures what is chosen here. Sizes follow from the device: arrays that its last-level
cache can't hold, a chain of multiply-adds that lasts a hundred launches, the layout of that chain
that a short trial found fastest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from labs import bench, devices, toolchain
from labs.bench.cache import CacheSize, last_level_cache
from labs.bench.clocks import Timer, device_clock, is_modelled
from labs.bench.workload import Workload
from labs.errors import MeasurementError
from labs.gpu import arithmetic
from labs.gpu.datasheet import datasheet
from labs.gpu.kernel_work import count_work
from labs.gpu.roof_data import ARITHMETIC, MATRIX, MEMORY, Roof
from labs.gpu.streams import copy_workload, triad_workload
from labs.units import format_bytes, format_flop

toolchain.activate()

from tinygrad import Device, Tensor, dtypes

DEFAULT_DTYPES = ("float32", "float64", "float16", "int32")
QUICK_DTYPES = ("float32",)
LAUNCH_SHARE = 0.01  # of a timed call at most
CACHES_PER_ARRAY, QUICK_CACHES_PER_ARRAY = 4, 2  # STREAM's rule is 4 last-level caches an array
_LEAST_ARRAY, _MOST_ARRAY = 16 << 20, 256 << 20  # bytes; more takes long to check against numpy
_GPU_ARRAY, _QUICK_GPU_ARRAY = 512 << 20, 256 << 20  # less is over before a launch is
_MEMORY_SHARE = 8  # an array takes at most this part of the device's memory
_STREAM_CALL_S = 0.25  # at most
_CHAIN_CALL_S = 2e-3  # at least: short enough to be left alone by others once in a while
_PILOT, _GPU_PILOT, _MOST_ELEMENTS = 1 << 16, 1 << 21, 1 << 24
_MODELLED_STEPS = 256  # an emulator does a hundred million instructions a second
_MATMUL_N = 4096
_USUAL_NAMES = {"half": "float16", "float": "float32", "__bf16": "bfloat16"}


@dataclass(frozen=True)
class Case:
    """A roof to be measured: the workload, and the Roof with everything but its value."""

    roof: Roof
    workload: Workload


class Place:
    """A device, opened, with what the choice of sizes needs to know of it."""

    def __init__(self, device: str) -> None:
        self.device = device
        status = devices.discover([device.split(":")[0]])[device.split(":")[0]]
        self.capabilities = status.capabilities
        self.device_name = self.capabilities.device_name if self.capabilities else None
        self.is_gpu = self.capabilities.supports_gpu if self.capabilities else None
        self.renderer = Device[device].renderer
        self.is_host = self.is_gpu is False and device.split(":")[0] in ("CPU", "ELECTRICAL", "CL")
        self.sheet = datasheet(device)
        self.modelled = is_modelled(device)
        self.notes: list[str] = []
        source = device_clock(device)
        self.clock = "device" if source.source else "wall"
        if source.source is None:
            self.notes.append(f"No device clock ({source.reason}): timed by the wall")
        self.floor_s = self._floor()
        self.cache = last_level_cache(device)
        if self.modelled and self.cache.source.startswith("assumed"):
            self.cache = CacheSize(0, "none: the model has no cache")

    def seconds(self, workload: Workload, calls: int = 3) -> tuple[float, float]:
        """The best time of a workload on the clock in use, and by the wall, in seconds."""
        arrays = workload.inputs(np.random.default_rng(0))
        inputs = [Tensor(a, device=self.device).realize() for a in arrays]
        call, sync = self._caller(workload, inputs), Device[self.device].synchronize
        call()  # compiles
        best = wall = float("inf")
        for _ in range(calls):
            start = time.perf_counter()
            seconds = call()
            sync()
            wall = min(wall, time.perf_counter() - start)
            best = min(best, wall if seconds is None else seconds)
        return best, wall

    def _caller(self, workload: Workload, inputs: list[Tensor]) -> Callable[[], float | None]:
        if self.clock == "device":
            return Timer(workload.compute(*inputs), self.device)

        def call() -> None:
            workload.compute(*inputs).realize()

        return call

    def _floor(self) -> float | None:
        try:
            return self.seconds(triad_workload(64), calls=9)[0]
        except MeasurementError:  # the clock can't see anything that short
            return None


def choose_cases(place: Place, wanted: tuple[str, ...] | None, quick: bool):
    """The cases to measure, and roofs that can't be, with their reasons."""
    cases, missing = _streams(place, quick), []
    native = {d.name for d in place.renderer.supported_dtypes()}
    asked = wanted or (QUICK_DTYPES if quick else DEFAULT_DTYPES)
    shape = None
    for dtype in asked:
        if getattr(dtypes, dtype).name not in native:
            reason = f"{type(place.renderer).__name__} has no {dtype} of its own here"
            missing.append(Roof(dtype, ARITHMETIC, dtype, reason=reason))
            continue
        try:
            shape, workload = _chain(place, dtype, shape)
        except Exception as error:  # a compiler may refuse anything
            text = f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
            missing.append(Roof(dtype, ARITHMETIC, dtype, reason=text))
            continue
        how = f"{format_flop(workload.flop)}: {shape.label}"
        sheet = place.sheet.flop_per_s.get(dtype)
        cases.append(Case(Roof(dtype, ARITHMETIC, dtype, how=how, datasheet=sheet), workload))
    matrix_cases, matrix_missing = _matrix(place)
    return cases + matrix_cases, missing + matrix_missing


def _streams(place: Place, quick: bool) -> list[Case]:
    factor = QUICK_CACHES_PER_ARRAY if quick else CACHES_PER_ARRAY
    size, most = max(_LEAST_ARRAY, factor * place.cache.bytes), _MOST_ARRAY
    if place.is_gpu:
        size = most = _QUICK_GPU_ARRAY if quick else _GPU_ARRAY
    limits = {"the time that numpy's check takes": most}
    caps = place.capabilities
    if caps and caps.largest_buffer_bytes:
        limits["the device's largest buffer"] = caps.largest_buffer_bytes
    if caps and caps.max_memory:
        limits["the device's memory"] = caps.max_memory // _MEMORY_SHARE
    pilot = 1 << 18
    _, wall_s = place.seconds(copy_workload(pilot // 4))
    limits["the time of one call"] = max(pilot, int(pilot * _STREAM_CALL_S / wall_s))
    why = min(limits, key=limits.get)
    n = min(size, limits[why]) // 4 // 1024 * 1024
    if size > limits[why] and 4 * n < QUICK_CACHES_PER_ARRAY * place.cache.bytes:
        place.notes.append(
            f"Arrays of {format_bytes(4 * n)} (limit: {why}) beside a last-level cache of "
            f"{format_bytes(place.cache.bytes)} ({place.cache.source}): the memory roof may be the "
            "cache's"
        )
    sheet = place.sheet.bytes_per_s
    words = f"arrays of {format_bytes(4 * n)}, each counted once"
    return [
        Case(Roof(w.name, MEMORY, w.dtype, how=words, datasheet=sheet), w)
        for w in (copy_workload(n), triad_workload(n))
    ]


def _chain(place: Place, dtype: str, shape: arithmetic.Shape | None):
    """The layout that is fastest here (tried once, then kept), at a size that takes long enough."""
    steps = _MODELLED_STEPS if place.modelled else 0
    pilot = _GPU_PILOT if place.is_gpu else _PILOT
    if place.modelled:
        pilot = 1
    tried: dict[arithmetic.Shape, tuple[float, float, Workload]] = {}
    candidates = arithmetic.shapes_for(place.device, place.is_gpu) if shape is None else (shape,)
    last_error = None
    for candidate in candidates:
        try:
            workload = arithmetic.chain_workload(place.device, dtype, pilot, candidate, steps)
            tried[candidate] = (*place.seconds(workload), workload)
        except Exception as error:  # this layout doesn't suit the device
            last_error = error
    if not tried:
        raise last_error
    shape = min(tried, key=lambda s: tried[s][0] / tried[s][2].flop)
    seconds, wall_s, workload = tried[shape]
    if place.modelled:
        return shape, workload
    target = max(_CHAIN_CALL_S, (place.floor_s or 0) / LAUNCH_SHARE)
    done = workload.flop / (2 * (steps or arithmetic.STEPS[dtype]))  # elements of the pilot
    n = int(min(max(done, done * target / max(seconds, 1e-9)), _MOST_ELEMENTS))
    workload = arithmetic.chain_workload(place.device, dtype, n, shape, steps)
    counted = count_work(workload, place.device)
    if counted.flop != workload.flop:
        raise MeasurementError(
            f"measure the {dtype} roof of {place.device}",
            expected=f"a kernel with the {workload.flop:.0f} operations that were written",
            got=f"{counted.flop:.0f} after compilation",
            next_step="the renderer rewrote the chain: it would show another roof",
        )
    return shape, workload


def _matrix(place: Place) -> tuple[list[Case], list[Roof]]:
    """A large matmul in each dtype that the device's matrix units take, and numpy has."""
    kinds = {core.dtype_in.name: core for core in place.renderer.tensor_cores}
    if not kinds:
        name = type(place.renderer).__name__
        reason = f"no matrix units that {name} can use"
        return [], [Roof("matmul", MATRIX, "float16", reason=reason)]
    cases, missing = [], []
    for name in kinds:
        dtype = _USUAL_NAMES.get(name, name)
        if dtype not in ("float16", "float32"):
            missing.append(Roof("matmul", MATRIX, dtype, reason=f"numpy has no {dtype} to check"))
            continue
        workload = _matmul(dtype)
        work = count_work(workload, place.device)
        if not work.uses_matrix_units:
            reason = f"tinygrad's {dtype} matmul leaves the matrix units alone here"
            missing.append(Roof("matmul", MATRIX, dtype, reason=reason))
            continue
        how = f"matmul of {_MATMUL_N} x {_MATMUL_N}, tinygrad's own kernel: what it reaches, not "
        how += "what the units could"
        sheet = place.sheet.matrix_flop_per_s.get(dtype)
        cases.append(Case(Roof("matmul", MATRIX, dtype, how=how, datasheet=sheet), workload))
    return cases, missing


def _matmul(dtype: str) -> Workload:
    made = bench.WORKLOADS["matmul"](n=_MATMUL_N, dtype=dtype)
    # numpy's float32 product is exact enough to judge matrix units, and takes half as long
    return replace(
        made,
        reference=lambda a, b: a.astype(np.float32) @ b.astype(np.float32),
        rtol=max(made.rtol, 5e-3),
        atol=max(made.atol, 5e-3 * _MATMUL_N**0.5),
    )
