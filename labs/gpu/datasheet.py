"""Roofs as vendors state them: peak rates of well-known devices, found by the device's own name.

Every entry names its document. Matrix rates are dense (vendors like to print the double, which
assumes that every second weight is zero), and accumulate in float32 where the vendor distinguishes.
A rate that the vendor doesn't give is left out, never filled in.

A host processor has no such page: `host_model` computes what its vectors could do at its clock,
which is a model and stays out of charts with measured roofs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil

from labs import devices
from labs.devices.host import cpu_name, file_text, usable_processors
from labs.tables import Table, TableView
from labs.units import format_bytes_per_s, format_flop_per_s

_T, _G = 1e12, 1e9


@dataclass(frozen=True, repr=False)
class Datasheet(TableView):
    """The stated peaks of one device; all of them are upper bounds at the boost clock.

    Args:
        name: the product.
        bytes_per_s: memory bandwidth in B/s; None when it isn't known.
        flop_per_s: dtype -> FLOP/s of ordinary arithmetic (a fused multiply-add is two).
        matrix_flop_per_s: dtype of the inputs -> FLOP/s of the matrix units, dense.
        source: the document.
        kind: "datasheet", or "model" for what is computed here.
        reason: why there are no numbers, else empty.
    """

    name: str
    bytes_per_s: float | None = None
    flop_per_s: Mapping[str, float] = field(default_factory=dict)
    matrix_flop_per_s: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    kind: str = "datasheet"
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("flop_per_s", "matrix_flop_per_s"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self):  # a mapping proxy doesn't pickle
        parts = (self.name, self.bytes_per_s, dict(self.flop_per_s), dict(self.matrix_flop_per_s))
        return Datasheet, (*parts, self.source, self.kind, self.reason)

    def __bool__(self) -> bool:
        return not self.reason

    def table(self) -> Table:
        if self.reason:
            rows = ((self.name, None, self.reason),)
        else:
            rows = (
                ("memory", format_bytes_per_s(self.bytes_per_s), self.source),
                *((d, format_flop_per_s(v), "") for d, v in self.flop_per_s.items()),
                *(
                    (f"{d}, matrix units", format_flop_per_s(v), "dense")
                    for d, v in self.matrix_flop_per_s.items()
                ),
            )
        return Table(f"{self.name} ({self.kind})", ("roof", "peak", "source or reason"), rows)


def _sheet(name, gb_per_s, source, *, f64=None, f32=None, f16=None, matrix=None) -> Datasheet:
    """One row of the list below: bandwidth in GB/s, arithmetic in TFLOP/s."""
    rates = {"float64": f64, "float32": f32, "float16": f16}
    return Datasheet(
        name,
        gb_per_s * _G,
        {d: v * _T for d, v in rates.items() if v},
        {d: v * _T for d, v in (matrix or {}).items()},
        source,
    )


def _half(tflop_per_s: float, int8: float | None = None) -> dict[str, float]:
    """float16 and bfloat16 run at one rate on these matrix units."""
    return {"float16": tflop_per_s, "bfloat16": tflop_per_s} | ({"int8": int8} if int8 else {})


_HOPPER = "NVIDIA H100 Tensor Core GPU datasheet and Hopper architecture whitepaper (2022)"
_AMPERE = "NVIDIA A100 datasheet (r4, 2021) and Ampere architecture whitepaper (2020)"
_APPLE = "Apple newsroom, announcements of M1 (2020), M1 Pro and M1 Max (2021), M2 (2022)"

# What the driver calls the device -> its datasheet; the first match wins. Matrix rates are dense,
# with float32 sums; a rate that we found stated in several ways is left out (RTX 3090, MI300X).
# M1's bandwidth follows from its memory: LPDDR4X at 4266 MT/s over 128 bits.
_SHEETS: tuple[tuple[str, Datasheet], ...] = (
    (
        r"H200",
        _sheet(
            "NVIDIA H200 SXM", 4800, "NVIDIA H200 Tensor Core GPU datasheet (2023)",
            f64=33.5, f32=66.9, f16=133.8, matrix=_half(989.4, 1978.9),
        ),
    ),
    (
        r"H100 PCIe",
        _sheet(
            "NVIDIA H100 PCIe", 2000, _HOPPER, f64=25.6, f32=51.2, f16=102.4,
            matrix=_half(756, 1513),
        ),
    ),
    (
        r"H100 80GB HBM3|H100 SXM",
        _sheet(
            "NVIDIA H100 SXM", 3350, _HOPPER, f64=33.5, f32=66.9, f16=133.8,
            matrix=_half(989.4, 1978.9),
        ),
    ),
    (
        r"A100.*PCIE-80GB|A100 80GB PCIe",
        _sheet(
            "NVIDIA A100 80GB PCIe", 1935, _AMPERE, f64=9.7, f32=19.5, f16=78,
            matrix=_half(312, 624),
        ),
    ),
    (
        r"A100.*80GB",
        _sheet(
            "NVIDIA A100 80GB SXM", 2039, _AMPERE, f64=9.7, f32=19.5, f16=78,
            matrix=_half(312, 624),
        ),
    ),
    (
        r"A100.*40GB|A100-PCIE|A100-SXM",
        _sheet(
            "NVIDIA A100 40GB", 1555, _AMPERE, f64=9.7, f32=19.5, f16=78, matrix=_half(312, 624)
        ),
    ),
    (
        r"RTX 4090(?! Laptop| D)",
        _sheet(
            "NVIDIA GeForce RTX 4090", 1008, "NVIDIA Ada GPU architecture whitepaper (2022)",
            f32=82.6, f16=82.6, matrix=_half(165.2),
        ),
    ),
    (
        r"RTX 3090(?! Ti)",
        _sheet(
            "NVIDIA GeForce RTX 3090", 936, "NVIDIA Ampere GA102 architecture whitepaper (2020)",
            f32=35.6, f16=35.6,
        ),
    ),
    (
        r"\bT4\b",
        _sheet(
            "NVIDIA T4", 320, "NVIDIA T4 datasheet (2019)", f32=8.1,
            matrix={"float16": 65, "int8": 130},
        ),
    ),
    (
        r"\bL4\b",
        _sheet(
            "NVIDIA L4", 300, "NVIDIA L4 Tensor Core GPU datasheet (2023)", f32=30.3,
            matrix=_half(121, 242),
        ),
    ),
    (
        r"MI300X",
        _sheet(
            "AMD Instinct MI300X", 5300, "AMD Instinct MI300X datasheet (2023)",
            f64=81.7, f32=163.4,
        ),
    ),
    (r"Apple M1 Max", _sheet("Apple M1 Max (32-core GPU)", 400, _APPLE, f32=10.4)),
    (r"Apple M1 Pro", _sheet("Apple M1 Pro (16-core GPU)", 200, _APPLE, f32=5.2)),
    (r"Apple M1$", _sheet("Apple M1 (8-core GPU)", 68, _APPLE, f32=2.6)),
    (r"Apple M2$", _sheet("Apple M2 (10-core GPU)", 100, _APPLE, f32=3.6)),
)  # fmt: skip

_NO_SHEET = "a host processor: no vendor states its FLOP/s; see host_model()"


def lookup(name: str) -> Datasheet:
    """The datasheet of a device that its driver calls `name`; one with a reason when unknown.

    Example:
        >>> lookup("NVIDIA H100 80GB HBM3").bytes_per_s
        3350000000000.0
    """
    for pattern, sheet in _SHEETS:
        if re.search(pattern, name.strip()):
            return sheet
    return Datasheet(name, reason=f"no datasheet here for '{name}'")


def datasheet(device: str) -> Datasheet:
    """The datasheet of a tinygrad device of this machine; one with a reason where there is none.

    Raises:
        DeviceError: when there is no such device here, or it can't be used.
    """
    device = devices.require(device)
    found = devices.discover([device.split(":")[0]])[device.split(":")[0]].capabilities
    name = found.device_name if found else None
    if not name:
        return Datasheet(device, reason="its driver tells no name")
    if found.supports_gpu is False:
        why = "an emulated core: its clock is a model" if device == "EDGE" else _NO_SHEET
        return Datasheet(name, reason=why)
    return lookup(name)


# floats in one vector register, by the processor's own flag; the widest first
_VECTORS = (("avx512f", 16), ("avx2", 8), ("avx", 8), ("asimd", 4), ("sse2", 4))
_FMA_UNITS = 2  # of current desktop and server cores; some do half as much at their widest vector


def host_model(cpuinfo: Path = Path("/proc/cpuinfo"), clock_hz: float | None = None) -> Datasheet:
    """A model of the host's arithmetic: cores x floats in a vector x units x 2 FLOP x clock.

    Two fused multiply-add units a core are assumed, and the clock is what the system reports, which
    is neither the boost clock nor, in a virtual machine, a live one.

    Args:
        cpuinfo: where Linux lists the processor's flags.
        clock_hz: in the place of what the system reports.
    """
    name = cpu_name()
    text = file_text(cpuinfo)
    line = next((row for row in text.splitlines() if row.startswith(("flags", "Features"))), "")
    lanes = next((n for flag, n in _VECTORS if flag in line.split()), None)
    clock = clock_hz or _clock_hz()
    if lanes is None or clock is None:
        missing = "vector width" if lanes is None else "clock"
        return Datasheet(name, kind="model", reason=f"the system doesn't tell its {missing}")
    cores = usable_processors()
    rate = cores * lanes * _FMA_UNITS * 2 * clock
    words = (
        f"model: {cores} cores x {lanes} floats x {_FMA_UNITS} units (assumed) x 2 FLOP x "
        f"{clock / 1e9:.2f} GHz (as reported)"
    )
    return Datasheet(name, None, {"float32": rate, "float64": rate / 2}, {}, words, "model")


def _clock_hz() -> float | None:
    try:
        found = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return None if not found else (found.max or found.current or 0) * 1e6 or None
