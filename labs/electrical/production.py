"""The capstone's backend: a limit specification in, a live stream validated, a verdict out.

    backend = ProductionElectricalBackend()
    plan = backend.optimize_for_real_time_validation("limits.yaml", source=source)
    with backend.implement_streaming_processing(source, log="verdicts.jsonl") as run:
        verdict = run.join()

Files and live sources go the same way; `realtime=False` takes a source as fast as it comes.
"""

from pathlib import Path
from typing import Any

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Device

from labs.electrical.blocks import Channel, Source
from labs.electrical.stream.bound import BoundStream, bind_stream
from labs.electrical.stream.plan import PlannedGroup, RealTimePlan
from labs.electrical.stream.predict import Prediction, predict
from labs.electrical.stream.run import StreamRun
from labs.electrical.stream.signals import read_signals, tasks_of
from labs.errors import LabError
from labs.units import format_percent, format_seconds

BLOCK_S = 0.01  # half a cycle of 50 Hz
MOST_BLOCK_LENGTH, LEAST_BLOCK_LENGTH = 1 << 22, 16
RING_BLOCKS, LEAST_RING_BLOCKS = 8, 4
RESERVE = 0.7  # more load than this leaves too little for what else the machine does
DTYPES = ("int16", "float32")


class ProductionElectricalBackend:
    """Prepares and runs streams on one tinygrad device.

    Args:
        device: "ELECTRICAL" runs a whole block as one function in place; any other tinygrad device
            works, with a copy of each window.
    """

    def __init__(self, device: str = "ELECTRICAL") -> None:
        self.device = Device.canonicalize(device)
        Device[self.device]
        self.plan: RealTimePlan | None = None

    def optimize_for_real_time_validation(
        self,
        signal_specs: Any,
        *,
        channels: tuple[Channel, ...] | None = None,
        fs_hz: float | None = None,
        source: Source | None = None,
        dtype: str | None = None,
        block_length: int | None = None,
        block_s: float | None = None,
        ring_blocks: int = RING_BLOCKS,
        deadline_s: float | None = None,
        nominal_hz: float | None = None,
        nominal_v: float | None = None,
        allow_overload: bool = False,
    ) -> RealTimePlan:
        """Compile, allocate and bind everything that a stream needs, and say what it will cost.

        Args:
            signal_specs: a Specification, the path of a limit file, or a list of (kind, channels,
                parameters).
            channels, fs_hz: of the stream; or `source`, which has them.
            dtype: "int16" (counts) or "float32" (values); by default the source's, or int16 where
                a channel has a scale or a full scale.
            block_length, block_s: samples of a block, or its duration (10 ms); results don't depend
                on it.
            ring_blocks: blocks that can wait, at least 4.
            deadline_s: from a block's last sample to its last reading; by default the time until
                its place in the ring is needed again.
            nominal_hz, nominal_v: of the supply, where the specification has none.
            allow_overload: give a plan even if it can't keep up, for records that can wait.

        Returns:
            The plan, which is also the one that `implement_streaming_processing` uses next.

        Raises:
            LabError: an unknown measurement or channel, or a stream that can't meet its deadline on
                this machine.
        """
        signals = read_signals(signal_specs, nominal_hz, nominal_v)
        if source is not None:
            source = signals.adapt(source)
            channels, fs_hz = tuple(source.channels), source.fs_hz
        elif channels:
            channels = signals.adapt_channels(channels, dtype)
        channels, fs_hz = _stream(channels, fs_hz)
        dtype = _dtype(dtype, source, channels)
        length = _block_length(block_length, block_s, fs_hz)
        if ring_blocks < LEAST_RING_BLOCKS:
            raise _refused(f"at least {LEAST_RING_BLOCKS} blocks in the ring", f"{ring_blocks}",
                           "give the ring more blocks")  # fmt: skip
        deadline_s = deadline_s or (ring_blocks - 1) * length / fs_hz
        tasks, kept, makers = tasks_of(signals, channels, fs_hz)
        bound = bind_stream(self.device, tasks, makers, kept, dtype, length, ring_blocks)
        prediction = predict(bound, fs_hz, length, signals.nominal_hz)
        if not allow_overload:
            _refuse_if_late(prediction, deadline_s, length / fs_hz)
        compiled = bound.function.compiled
        self.plan = RealTimePlan(
            self.device,
            fs_hz,
            kept,
            dtype,
            length,
            ring_blocks,
            deadline_s,
            _groups(bound, prediction),
            prediction,
            bound.allocator.memory(),
            bound.function.copies,
            _not_fused(bound),
            compiled.seconds if compiled else None,
            bool(compiled and compiled.cached),
            bound.function.source,
            _notes(bound, prediction),
            signals,
            bound,
        )
        return self.plan

    def implement_streaming_processing(
        self,
        data_stream: Source,
        *,
        plan: RealTimePlan | None = None,
        realtime: bool = True,
        policy: str = "backpressure",
        log: Path | str | None = None,
        **options: Any,
    ) -> StreamRun:
        """A run of a source through the plan; it begins with `start()`, `with`, or `join()`.

        Args:
            data_stream: the source.
            plan: by default the one made last.
            realtime: whether deadlines count and samples may be dropped; False takes the source as
                fast as it comes, and waits for what takes longer.
            policy: what happens when the ring is full: "backpressure" lets the source wait, "drop"
                leaves samples out, counted and with gap records.
            log: a file that every row and the verdict are appended to as soon as they are known.
            options: `on_row`, `on_reading`, `on_block` (functions that get each row, reading, or
                block of samples), `source_timeout_s` (5: a source that is silent for so long has
                stopped), `sync` ("always", "second", "never": forcing the log to disk), `control`
                (the bare timer beside latencies).

        Raises:
            LabError: there is no plan, or it doesn't fit the source.
        """
        plan = plan or self.plan
        if plan is None:
            raise LabError(
                f"stream '{data_stream.name}'",
                expected="a plan",
                got="none",
                next_step="call optimize_for_real_time_validation first",
            )
        data_stream = plan.signals.adapt(data_stream)
        return StreamRun(plan, data_stream, realtime=realtime, policy=policy, log=log, **options)


def _stream(
    channels: tuple[Channel, ...] | None, fs_hz: float | None
) -> tuple[tuple[Channel, ...], float]:
    if not channels or fs_hz is None:
        raise _refused("channels and fs_hz, or a source", "neither", "pass source=...")
    if not 0 < fs_hz < float("inf"):
        raise _refused("a sample rate above 0", f"{fs_hz} Hz", "correct the source")
    names = [c.name for c in channels]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise _refused("a name of its own for each channel", f"{', '.join(twice)} twice",
                       "rename the source's channels")  # fmt: skip
    return tuple(channels), float(fs_hz)


def _dtype(asked: str | None, source: Source | None, channels: tuple[Channel, ...]) -> str:
    if asked is None and source is not None and hasattr(source, "dtype"):
        asked = str(getattr(source.dtype, "name", source.dtype))
    if asked is None:
        counts = any(c.full_scale or c.scale != 1 or c.offset != 0 for c in channels)
        return "int16" if counts else "float32"
    if asked not in DTYPES:
        raise _refused(f"samples of {' or '.join(DTYPES)}", asked, "convert them in the source")
    return asked


def _block_length(length: int | None, block_s: float | None, fs_hz: float) -> int:
    if length is None:
        length = round((block_s or BLOCK_S) * fs_hz)
        length = max(LEAST_BLOCK_LENGTH, min(MOST_BLOCK_LENGTH, length))
    if not 1 <= length <= MOST_BLOCK_LENGTH:
        raise _refused(f"blocks of 1 to {MOST_BLOCK_LENGTH:,} samples", f"{length:,}",
                       "choose another block_length")  # fmt: skip
    return int(length)


def _refuse_if_late(prediction: Prediction, deadline_s: float, block_s: float) -> None:
    if prediction.load_low >= 1:
        raise _refused(
            "processing that takes less time than the samples stand for",
            f"a load of {format_percent(prediction.load)}: {format_seconds(prediction.block_s)} "
            f"for a block of {format_seconds(block_s)}",
            "measure less, at a lower rate, or on a faster device; allow_overload=True plans a "
            "record that can wait",
        )
    if prediction.worst_block_s >= deadline_s:
        raise _refused(
            f"every block done within {format_seconds(deadline_s)}",
            f"{format_seconds(prediction.worst_block_s)} for the block in which most windows end",
            "give the ring more blocks, or measure less at once",
        )


def _groups(bound: BoundStream, prediction: Prediction) -> tuple[PlannedGroup, ...]:
    groups = []
    for group, kernels, windows in zip(
        bound.groups, bound.function.kernels, prediction.windows_per_block, strict=True
    ):
        names = tuple(t.name for t in group.tasks)
        hop = group.tasks[0].meter.hop
        groups.append(PlannedGroup(names, group.window, hop, kernels, windows))
    return tuple(groups)


def _not_fused(bound: BoundStream) -> tuple[str, ...]:
    found = []
    if bound.why_not_native:
        found.append(f"no single function: {bound.why_not_native}")
    elif len(bound.groups) > 1:
        found.append(f"{len(bound.groups)} groups of windows: a loop for each in the one function")
    alone = ", ".join(t.name for t in bound.tasks if not t.is_fixed)
    if alone:
        found.append(
            f"not fused with others, because the next window depends on what was read in the last "
            f"one: {alone}"
        )
    return tuple(found)


def _notes(bound: BoundStream, prediction: Prediction) -> tuple[str, ...]:
    notes = []
    if prediction.load > RESERVE:
        notes.append(f"a load above {format_percent(RESERVE)} leaves little for the rest of the "
                     "machine")  # fmt: skip
    if prediction.load_high > 1.5 * prediction.load_low:
        notes.append("the load could only be measured roughly: the machine was busy")
    compiled = bound.function.compiled
    if compiled:
        how = "from the cache" if compiled.cached else "compiled"
        notes.append(f"one function, {how} in {format_seconds(compiled.seconds)}")
    return tuple(notes)


def _refused(expected: str, got: str, next_step: str) -> LabError:
    return LabError("prepare a stream", expected=expected, got=got, next_step=next_step)
