"""Does a measurement fit a microcontroller? Its kernels, on the emulated one of `device="EDGE"`.

    fit = edge_fit("rms", samples, Setting(10_000.0, (Channel("u", "V"),)), window_s=0.02)
    fit.fits, fit.reasons, fit.load

Instructions, code and memory are counted on the emulated core, and the answers are compared with
the CPU's. Cycles, time and energy are the core's cost model: nobody measured them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Device, Tensor

from labs.backends.edge.cores import CORES
from labs.backends.edge.errors import EdgeOutOfMemory
from labs.backends.edge.memory import RAM_BYTES
from labs.backends.edge.runs import EdgeRuns, format_energy
from labs.electrical.blocks import Block, values
from labs.electrical.meters import kind
from labs.electrical.meters.meter import Kind, Meter, Setting, Window
from labs.electrical.readings import Reading
from labs.errors import LabError
from labs.tables import Table, TableView
from labs.units import format_bytes, format_count, format_hertz, format_percent, format_seconds

MOST_ERROR = 1e-5  # of the largest output: float32 in another order of additions
FINDING = 4  # windows
MOST_LOAD = 0.7  # more leaves too little for taking samples and for what else the chip does


@dataclass(frozen=True)
class Chip:
    """What a chip has inside; None: its flash is a chip of its own."""

    ram_bytes: int
    flash_bytes: int | None
    source: str


CHIPS = {
    "cortex-m4": Chip(
        192 << 10, 1 << 20, "ST data sheet DocID022152 (STM32F407xG: 1 MB flash, 192 KB SRAM)"
    ),
    "cortex-m3": Chip(
        20 << 10, 128 << 10, "ST data sheet DocID13587 (STM32F103xB: 128 KB flash, 20 KB SRAM)"
    ),
    "rv32imac": Chip(520 << 10, None, "Raspberry Pi RP2350 data sheet: 520 KB SRAM"),
}


@dataclass(frozen=True, repr=False)
class EdgeFit(TableView):
    """One measurement on one microcontroller.

    Attributes:
        name: the kind of measurement, and on which channels.
        core, level, chip: what it was compiled for, and how; the chip whose memory and clock count.
        window, hop: samples that it is computed from; from one window to the next.
        period_s: time between windows, which is what it has.
        runs: the launches of one window.
        instructions: counted, of one window; `code_bytes` of its kernels in flash.
        ram_bytes: the most that was held at once: samples as float32, tables, what lies between
            kernels, answers, and the stack.
        ram_limit_bytes, flash_limit_bytes: of the chip; the emulated memory is larger.
        model_cycles, model_time_s, model_energy_j: of one window, by the cost model.
        largest_error: against the CPU, in parts of the largest output.
        readings: what the window measured.
    """

    name: str
    core: str
    level: str
    chip: str
    fs_hz: float
    window: int
    hop: int
    period_s: float
    runs: EdgeRuns
    instructions: int
    code_bytes: int
    ram_bytes: int
    ram_limit_bytes: int
    flash_limit_bytes: int | None
    model_cycles: int
    model_time_s: float
    model_energy_j: float | None
    largest_error: float
    readings: tuple[Reading, ...]

    @property
    def load(self) -> float:
        """Part of the time that the core is busy, by the cost model."""
        return self.model_time_s / self.period_s

    @property
    def most_fs_hz(self) -> float:
        """Samples a second at which the core would be busy all the time, by the cost model."""
        return self.fs_hz / self.load

    @property
    def model_power_w(self) -> float | None:
        """Energy of the core at work over time; what it takes asleep isn't in it."""
        return None if self.model_energy_j is None else self.model_energy_j / self.period_s

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it doesn't fit; none if it does."""
        found = []
        if self.ram_bytes > self.ram_limit_bytes:
            found.append(
                f"it needs {format_bytes(self.ram_bytes)} of RAM, the chip has "
                f"{format_bytes(self.ram_limit_bytes)}"
            )
        if self.flash_limit_bytes is not None and self.code_bytes > self.flash_limit_bytes:
            found.append(
                f"its code is {format_bytes(self.code_bytes)}, the chip has "
                f"{format_bytes(self.flash_limit_bytes)} of flash"
            )
        if self.load > MOST_LOAD:
            found.append(
                f"it would be busy {format_percent(self.load)} of the time by the cost model; "
                f"{format_percent(MOST_LOAD)} is what can be used"
            )
        if not self.largest_error <= MOST_ERROR:
            found.append(f"its answers differ from the CPU's by {self.largest_error:.1e}")
        return tuple(found)

    @property
    def fits(self) -> bool:
        return not self.reasons

    def table(self) -> Table:
        flash = self.flash_limit_bytes
        rows = (
            ("window", f"{self.window:,} samples every {format_seconds(self.period_s)}"),
            ("instructions", f"{format_count(self.instructions)} in {len(self.runs)} kernels"),
            ("code", _of(self.code_bytes, flash)),
            ("RAM", _of(self.ram_bytes, self.ram_limit_bytes)),
            ("error against CPU", f"{self.largest_error:.1e} of the largest output"),
            ("cycles (model)", format_count(self.model_cycles)),
            ("time (model)", format_seconds(self.model_time_s)),
            ("busy (model)", f"{format_percent(self.load)} of the time"),
            ("most samples a second (model)", format_hertz(self.most_fs_hz)),
            ("energy of a window (model)", format_energy(self.model_energy_j)),
            ("fits", "yes" if self.fits else "no: " + "; ".join(self.reasons)),
        )
        title = f"{self.name} on {self.chip}"
        return Table(title, ("what", "value"), rows, f"{self.core} -{self.level}. {_NOTE}")


def edge_fit(
    measurement: str | Kind | Meter,
    samples: Block | np.ndarray,
    setting: Setting,
    *,
    device: str = "EDGE",
    **parameters: object,
) -> EdgeFit:
    """Run one window of a measurement on the microcontroller, and count.

    Args:
        measurement: a kind, by name or itself; or a meter, which has read one window then.
        samples: of the meter's channels, as a block or [channel, n]; float in their units, or
            integer counts. One window at least.
        setting: sample rate, channels and supply, as the meter was or is to be made for.
        device: "EDGE"; the core and level that it is set to now.
        parameters: of the kind, such as window_s: a microcontroller has room for small windows.

    Raises:
        LabError: too few samples, or a window that has no room even in the emulated memory.
    """
    made = kind(measurement) if isinstance(measurement, str) else measurement
    meter = made.make(setting, **parameters) if isinstance(made, Kind) else made
    x = _in_units(samples, setting, meter.raw)
    name = _name(made, setting)
    for _ in range(FINDING):  # a synchronised meter first finds where a cycle begins
        window = meter.due(x.shape[1])
        if window is None:
            raise _too_few(name, meter, x.shape[1], device)
        part = x[:, window.index : window.index + window.count]
        outputs, runs, ram_bytes = _measured(name, meter, part, window, device)
        error = _error(outputs, _outputs(meter, part, window, "CPU"))
        readings = tuple(meter.read(outputs, window))
        hop = _hop(meter, window)
        if hop > 0:
            break
    else:
        raise _too_few(name, meter, x.shape[1], device)
    core = CORES[runs[0].core]
    energies = [r.model_energy_j for r in runs]
    return EdgeFit(
        name=name,
        core=core.name,
        level=runs[0].level,
        chip=core.model.chip,
        fs_hz=setting.fs_hz,
        window=window.count,
        hop=hop,
        period_s=hop / setting.fs_hz,
        runs=runs,
        instructions=runs.instructions,
        code_bytes=sum({r.kernel: r.code_bytes for r in runs}.values()),
        ram_bytes=ram_bytes + max(r.stack_bytes for r in runs),
        ram_limit_bytes=CHIPS[core.name].ram_bytes,
        flash_limit_bytes=CHIPS[core.name].flash_bytes,
        model_cycles=sum(r.model_cycles for r in runs),
        model_time_s=runs.model_time_s,
        model_energy_j=None if None in energies else sum(energies),
        largest_error=error,
        readings=readings,
    )


def fits_table(fits: Sequence[EdgeFit]) -> Table:
    """One row for each measurement."""
    rows = tuple(
        (
            f.name,
            format_count(f.window),
            format_count(f.instructions),
            format_bytes(f.code_bytes),
            format_bytes(f.ram_bytes),
            format_seconds(f.model_time_s),
            format_percent(f.load),
            format_energy(f.model_energy_j),
            "yes" if f.fits else "no",
        )
        for f in fits
    )
    columns = ("measurement", "samples", "instructions", "code", "RAM", "time (model)",
               "busy (model)", "energy (model)", "fits")  # fmt: skip
    made_for = ", ".join(dict.fromkeys(f"{f.chip}, -{f.level}" for f in fits))
    return Table(f"One window on {made_for}", columns, rows, _NOTE)


_NOTE = (
    "Instructions, code and RAM are counted on the emulated core; (model): from the core's cost "
    "model, not measured. RAM has the tables, too, which firmware would keep in flash. Taking the "
    "samples isn't in it."
)


def _measured(
    name: str, meter: Meter, x: np.ndarray, window: Window, device: str
) -> tuple[np.ndarray, EdgeRuns, int]:
    """Outputs, launches and memory of one window, when tables are made and kernels compiled."""
    edge = Device[device]
    allocator = edge.allocator
    before = allocator.usage().used_bytes
    allocator.reset_peak()
    try:
        _outputs(meter, x, window, device)
        with edge.record() as runs:
            outputs = _outputs(meter, x, window, device)
    except EdgeOutOfMemory as error:
        raise LabError(
            f"fit {name} on {device}",
            expected=f"at most {format_bytes(RAM_BYTES)} of memory",
            got=f"a window of {window.count:,} samples: {error.got}",
            next_step="give a shorter window",
        ) from None
    return outputs, runs, allocator.usage().peak_bytes - before


def _too_few(name: str, meter: Meter, count: int, device: str) -> LabError:
    return LabError(
        f"fit {name} on {device}",
        expected=f"samples for a window of {meter.window:,}, and some more to find its beginning",
        got=f"{count:,}",
        next_step="give more samples, or a shorter window: window_s=0.02",
    )


def _outputs(meter: Meter, x: np.ndarray, window: Window, device: str) -> np.ndarray:
    inputs = [Tensor(np.ascontiguousarray(x), device=device).realize(), None]
    if meter.parameters:
        told = np.array(window.parameters, np.float32)
        inputs[1] = Tensor(told, device=device).realize()
    return meter.step(*inputs).numpy()


def _error(found: np.ndarray, right: np.ndarray) -> float:
    """Largest difference in parts of the largest output; what isn't finite has to be the same."""
    if found.shape != right.shape:
        return float("inf")
    a, b = found.astype(np.float64), right.astype(np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    largest = np.abs(b[finite]).max()
    difference = np.abs(a[finite] - b[finite]).max()
    return float(difference / largest) if largest else float(difference)


def _hop(meter: Meter, window: Window) -> int:
    """From this window to the next; the meter has read this one."""
    if meter.hop is not None:
        return meter.hop
    following = meter.due(window.index + 16 * window.count)
    return following.index - window.index if following else window.count


def _in_units(samples: Block | np.ndarray, setting: Setting, is_raw: bool) -> np.ndarray:
    x = samples.samples if isinstance(samples, Block) else np.atleast_2d(np.asarray(samples))
    if len(x) != len(setting.channels):
        raise LabError(
            "fit a measurement on a microcontroller",
            expected=f"{len(setting.channels)} channels, as the setting has",
            got=f"{len(x)}",
            next_step="give samples as [channel, n], of the meter's channels only",
        )
    if is_raw:
        return x.astype(np.float32)
    return values(Block(0, 0.0, setting.fs_hz, x), setting.channels)


def _name(made: Kind | Meter, setting: Setting) -> str:
    named = getattr(made, "name", None) or getattr(made, "kind", type(made).__name__)
    named = getattr(named, "name", named)  # a meter's kind is one, or its name
    return f"{named} of {'+'.join(c.name for c in setting.channels)}"


def _of(size: int, limit: int | None) -> str:
    if limit is None:
        return format_bytes(size)
    return f"{format_bytes(size)} of {format_bytes(limit)} ({format_percent(size / limit)})"
