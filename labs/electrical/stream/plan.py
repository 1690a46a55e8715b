"""What a stream will do and cost, before it starts."""

from dataclasses import dataclass, field

from labs.electrical.blocks import Channel
from labs.electrical.stream.allocator import StreamMemory
from labs.electrical.stream.bound import BoundStream
from labs.electrical.stream.predict import Prediction
from labs.electrical.stream.signals import Signals
from labs.tables import Table, TableView
from labs.units import format_bytes, format_hertz, format_interval, format_percent, format_seconds


@dataclass(frozen=True)
class PlannedGroup:
    """Measurements that run for the same windows. `hop` is None when readings decide it."""

    measurements: tuple[str, ...]
    window: int
    hop: int | None
    kernels: int
    windows_per_block: float


@dataclass(frozen=True, repr=False)
class RealTimePlan(TableView):
    """A specification, compiled and bound for one kind of stream.

    Attributes:
        fs_hz, channels, dtype: of the stream; samples lie in the ring as `dtype`.
        block_length, ring_blocks: samples of a block for each channel, and how many can wait.
        deadline_s: what a block may take from its last sample to its last reading.
        groups: what runs together.
        prediction: load and times, measured on this machine with the plan's own launches.
        memory: everything the stream holds.
        copies: where samples are copied after they are in the ring; "" nowhere.
        not_fused: what can't be part of one launch, and why.
        compile_s, from_cache: what compiling the block's function took.
        source: the function, in C; "" on devices other than ELECTRICAL.
        notes: what else a person should know.
    """

    device: str
    fs_hz: float
    channels: tuple[Channel, ...]
    dtype: str
    block_length: int
    ring_blocks: int
    deadline_s: float
    groups: tuple[PlannedGroup, ...]
    prediction: Prediction
    memory: StreamMemory
    copies: str
    not_fused: tuple[str, ...]
    compile_s: float | None
    from_cache: bool
    source: str
    notes: tuple[str, ...]
    signals: Signals = field(compare=False)
    bound: BoundStream = field(compare=False)

    @property
    def block_s(self) -> float:
        return self.block_length / self.fs_hz

    @property
    def predicted_load(self) -> float:
        return self.prediction.load

    @property
    def kernels_per_block(self) -> float:
        """Kernels that run for an average block, all in one call."""
        return sum(g.kernels * g.windows_per_block for g in self.groups)

    def table(self) -> Table:
        """One row for each group, and what all together need."""
        guess = self.prediction
        rows: list[tuple[object, ...]] = []
        for g in self.groups:
            hop = "readings decide" if g.hop is None else f"{g.hop:,}"
            per_block = f"{g.windows_per_block:.3g}"
            rows.append((", ".join(g.measurements), f"{g.window:,}", hop, g.kernels, per_block))
        load = format_interval(guess.load_low, guess.load_high, format_percent)
        facts = [
            f"{len(self.channels)} channels of {self.dtype} at {format_hertz(self.fs_hz)} on "
            f"{self.device}, blocks of {self.block_length:,} ({format_seconds(self.block_s)}), "
            f"{self.ring_blocks} may wait",
            f"predicted load {format_percent(guess.load)} ({load}), a block takes "
            f"{format_seconds(guess.block_s)}, at worst {format_seconds(guess.worst_block_s)} of "
            f"{format_seconds(self.deadline_s)}",
            f"memory {format_bytes(self.memory.total_bytes)}",
            self.copies or "no copy of a sample after it is in the ring",
            *self.not_fused,
            *self.notes,
        ]
        columns = ("measured together", "window", "hop", "kernels", "windows a block")
        return Table("Real-time plan", columns, tuple(rows), "; ".join(facts))
