"""A running stream: two threads, a handle, and a verdict at the end."""

import dataclasses
import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from labs.electrical.blocks import Block, Source
from labs.electrical.readings import Reading
from labs.electrical.stream.feed import Feed, clip_limits
from labs.electrical.stream.flow import Flow
from labs.electrical.stream.log import VerdictLog
from labs.electrical.stream.monitor import PerformanceMonitor
from labs.electrical.stream.plan import RealTimePlan
from labs.electrical.stream.statistics import Statistics
from labs.electrical.stream.validity import STOPPED, Inspector
from labs.errors import LabError

POLICIES = ("backpressure", "drop")
MOST_ROWS = 10_000  # that `rows` keeps; the log has all
MOST_NOTES = 100
# How long a thread that runs Python may keep others waiting (Python's default is 5 ms): a tenth of
# a usual block.
SWITCH_S = 0.5e-3


class StreamRun:
    """One stream through one plan.

    with backend.implement_streaming_processing(source) as run:
        run.join()
    run.verdict, run.rows, run.statistics
    """

    def __init__(
        self,
        plan: RealTimePlan,
        source: Source,
        *,
        realtime: bool = True,
        policy: str = "backpressure",
        log: Path | str | None = None,
        sync: str = "second",
        on_row: Callable[[Any], None] | None = None,
        on_reading: Callable[[Reading], None] | None = None,
        on_block: Callable[[Block], None] | None = None,
        source_timeout_s: float | None = 5.0,
        control: bool | None = None,
    ) -> None:
        _check(plan, source, policy, realtime)
        self.plan, self.source = plan, source
        self.realtime, self._timeout_s = realtime, source_timeout_s
        if source_timeout_s is not None:  # a slow source gives a block only now and then
            self._timeout_s = max(source_timeout_s, 2 * plan.block_s)
        self._on = {"on_row": on_row, "on_reading": on_reading, "on_block": on_block}
        self._bound = plan.bound
        self._pipeline = self._bound.pipeline()
        inspector = Inspector(self._pipeline.invalid, clip_limits(plan.channels, plan.dtype))
        drops = policy == "drop"
        self._flow = Flow(
            self._bound.ring, self._pipeline.invalid, inspector, self._bound.longest, plan.fs_hz,
            drops,
        )  # fmt: skip
        self._feed = Feed(source, self._flow, plan.channels, plan.dtype, self._note)
        control = realtime if control is None else control
        self._monitor = PerformanceMonitor(plan.deadline_s if realtime else None, control)
        self._judge = _judge(plan)
        self._log = VerdictLog(log, sync) if log is not None else None
        self._notes: dict[str, None] = {}
        self._rows: deque[Any] = deque(maxlen=MOST_ROWS)
        self._row_count = 0
        self._state, self._began_s, self._ended_s = "ready", 0.0, 0.0
        self._verdict: Any = None
        self.error: BaseException | None = None
        self._finished = threading.Event()
        self._producer = threading.Thread(target=self._feed.run, name="stream source", daemon=True)
        self._consumer = threading.Thread(target=self._run, name="stream meters", daemon=True)

    # ---- the handle ----

    def start(self) -> "StreamRun":
        """Begin to read the source; returns at once.

        Raises:
            LabError: it has been started before, or the plan serves another run now.
        """
        if self._state != "ready":
            raise LabError(
                "start a stream",
                expected="a run that is ready",
                got=f"one that is {self._state}",
                next_step="implement_streaming_processing gives a new run",
            )
        if self._bound.in_use:
            raise LabError(
                f"start a stream from '{self.source.name}'",
                expected="a plan that no other run uses: its ring is one",
                got=f"a run on '{self._bound.in_use[0]}' that hasn't ended",
                next_step="stop or join that run first, or make another plan",
            )
        self._bound.in_use.append(self.source.name)
        self._state, self._began_s = "running", time.perf_counter()
        self._flow.heard_s = self._began_s
        self._write("start", name=self.source.name, channels=[c.name for c in self.plan.channels],
                    fs_hz=self.plan.fs_hz, config_hash=self.config_hash)  # fmt: skip
        self._monitor.start()
        self._consumer.start()
        self._producer.start()
        return self

    def pause(self) -> None:
        """Take no more samples until `resume`. A source that can't wait loses them: a gap."""
        if self._state == "running":
            self._state = "paused"
            self._flow.ask(paused=True)

    def resume(self) -> None:
        if self._state == "paused":
            self._state = "running"
            self._flow.ask(paused=False)

    def stop(self) -> Any:
        """End the stream here: what is in the ring is still judged. Returns the verdict."""
        if self._state == "ready":
            self._end("stopped")
            return None
        self._flow.ask(stopping=True, paused=False)
        return self.join()

    def join(self, timeout_s: float | None = None) -> Any:
        """Wait for the end; returns the verdict (None without a specification, or while it runs).

        Raises:
            LabError: the run failed inside: a meter, the judge, the log. What a source does wrong
                isn't raised: it makes the verdict INVALID.
        """
        if self._state == "ready":
            self.start()
        self._finished.wait(timeout_s)
        if self._finished.is_set() and self.error is not None:
            raise self.error
        return self._verdict

    def __enter__(self) -> "StreamRun":
        return self.start() if self._state == "ready" else self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._state in ("running", "paused"):
            self._flow.ask(stopping=True, paused=False)
            self._finished.wait()

    @property
    def state(self) -> str:
        return self._state

    @property
    def verdict(self) -> Any:
        """The judge's verdict, when the run has ended and there is a specification."""
        return self._verdict

    @property
    def rows(self) -> tuple[Any, ...]:
        """The last 10,000 alarms in order: violations as they began, and invalid windows.

        The log has all; the verdict has what became of them.
        """
        return tuple(self._rows)

    @property
    def config_hash(self) -> str | None:
        return getattr(self.plan.signals.specification, "config_hash", None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong and didn't stop the run: the source's notes, too."""
        return tuple(dict.fromkeys([*self._notes, *getattr(self.source, "notes", ())]))

    @property
    def statistics(self) -> Statistics:
        """A snapshot; may be taken at any time, from any thread."""
        flow, monitor, pipeline = self._flow, self._monitor, self._pipeline
        room = flow.ring.layout.capacity - flow.keep
        now = self._ended_s or time.perf_counter()
        waiting = min(max(0, flow.written - flow.processed), room)
        return Statistics(
            state=self._state,
            blocks=monitor.blocks,
            samples=flow.samples,
            dropped_samples=flow.dropped,
            missing_samples=flow.missing,
            gap_count=flow.gap_count,
            gaps=tuple(flow.gaps),
            deadline_s=monitor.deadline_s,
            deadline_misses=monitor.misses,
            latency_p50_s=monitor.latencies.percentile_s(0.5),
            latency_p99_s=monitor.latencies.percentile_s(0.99),
            latency_max_s=monitor.latencies.max_s if monitor.blocks else None,
            processing_p50_s=monitor.processing.percentile_s(0.5),
            processing_max_s=monitor.processing.max_s if monitor.blocks else None,
            load=monitor.load,
            recent_load=monitor.recent_load,
            ring_fill=waiting / room,
            ring_high_water=min(1.0, flow.high_water / room),
            windows=pipeline.windows,
            invalid_windows=pipeline.invalid_windows,
            launches=pipeline.launches,
            rows=self._row_count,
            elapsed_s=now - self._began_s if self._began_s else 0.0,
            processed_s=flow.processed / self.plan.fs_hz,
            control=monitor.lateness,
            notes=self.notes,
        )

    def _repr_html_(self) -> str:
        return self.statistics._repr_html_()

    # ---- the thread that processes ----

    def _run(self) -> None:
        interval = sys.getswitchinterval()
        if self.realtime:
            sys.setswitchinterval(min(interval, SWITCH_S))
            gc.freeze()  # what tinygrad built won't be looked through again and again
        state = "failed"
        try:
            state = self._process()
        except BaseException as error:
            self.error = error
            self._note(f"failed: {type(error).__name__}: {error}")
        finally:
            if self.realtime:
                sys.setswitchinterval(interval)
                gc.unfreeze()
            self._end(state)

    def _process(self) -> str:
        """Blocks until there are no more; then what is left. Returns the state to end in."""
        flow, why = self._flow, ""
        while not why:
            end, why = flow.wait_for_block(self._timeout_s, all_of_them=not self.realtime)
            if end > flow.processed:
                self._block(end)
        stopped, silent = flow.stopping, why == "silent"
        flow.ask(stopping=True)  # a source that comes back now comes too late
        if silent:
            self._note(f"the source gave nothing for {self._timeout_s:g} s: taken for stopped")
        if flow.error is not None:
            error = flow.error
            self._note(f"the source failed: {type(error).__name__}: {error}")
        if silent or flow.error is not None:
            # the windows that will never be complete are said to be invalid, not forgotten
            flow.lose(flow.written, self._bound.longest, STOPPED)
            self._block(flow.written)
        self._judged(self._pipeline.finish())
        state = "failed" if silent or flow.error else "stopped" if stopped else "finished"
        self._close_verdict(state)
        return state

    def _block(self, end: int) -> None:
        flow, began = self._flow, time.perf_counter()
        start, slot = flow.processed, flow.ring.layout.slot
        if self._on["on_block"] is not None:
            first = max(start, end - (flow.ring.layout.slots - 1) * slot)  # older: a gap, not there
            for at in range(first - first % slot, end, slot):
                self._call("on_block", self._as_block(max(at, start), min(at + slot, end)))
        readings = self._pipeline.process(end)
        if readings:
            self._judged(readings)
        arrived = flow.done(end)
        now = time.perf_counter()
        blocks = max(1, (end - start) // slot)
        self._monitor.block(now - arrived, now - began, (end - start) / self.plan.fs_hz, blocks)
        self._pipeline.invalid.forget(end - flow.keep)

    def _judged(self, readings: list[Reading]) -> None:
        if self._on["on_reading"] is not None:
            for reading in readings:
                self._call("on_reading", reading)
        if self._judge is not None and readings:
            self._keep_rows(self._judge.feed(readings))

    def _keep_rows(self, rows: list[Any]) -> None:
        for row in rows:
            self._row_count += 1
            self._rows.append(row)
            self._write("row", row=row)
            self._call("on_row", row)
            if row.status == "FAIL" and getattr(row, "action", "") == "stop":
                self._note(f"stopped by {row.name} {row.quantity} on {row.channel}")
                self._flow.ask(stopping=True, paused=False)

    def _as_block(self, start: int, end: int) -> Block:
        """What the ring holds of these samples: a view, good until the hook returns."""
        flow, fs = self._flow, self.plan.fs_hz
        valid = self._pipeline.invalid.mask(start, end - start, len(self.plan.channels))
        return Block(start, start / fs, fs, flow.ring.window(start, end - start), valid)

    # ---- the end ----

    def _close_verdict(self, state: str) -> None:
        if self._judge is None:
            return
        verdict = self._judge.finish()
        notes = tuple(dict.fromkeys([*verdict.notes, *self.notes]))
        changes: dict[str, Any] = {"notes": notes}
        if state == "failed" and str(getattr(verdict.status, "value", verdict.status)) != "FAIL":
            changes["status"] = type(verdict.status)("INVALID")
        self._verdict = dataclasses.replace(verdict, **changes)
        self._write("verdict", verdict=self._verdict)

    def _end(self, state: str) -> None:
        self._flow.ask(stopping=True)
        self._monitor.stop()
        try:
            if self.error is not None:
                self._write("failed", error=f"{type(self.error).__name__}: {self.error}")
            if self._log:
                self._log.close()
        except OSError as error:
            self.error = self.error or error
        try:
            self.source.close()
        except Exception as error:
            self._note(f"closing the source: {type(error).__name__}: {error}")
        if self._producer.ident is not None:
            self._producer.join(1.0)  # one that hangs in its source is left to end with the process
        layout = self._bound.ring.layout
        waited = self._flow.high_water * layout.channels * layout.itemsize
        self._bound.allocator.used(waited)
        if self.source.name in self._bound.in_use:
            self._bound.in_use.remove(self.source.name)
        self._ended_s = time.perf_counter()
        self._state = state
        self._finished.set()

    # ---- small things ----

    def _write(self, kind: str, **data: Any) -> None:
        if self._log:
            self._log.write(kind, **data)

    def _call(self, name: str, value: Any) -> None:
        """A listener that fails is said, and doesn't stop the measurement."""
        function = self._on[name]
        if function is None:
            return
        try:
            function(value)
        except Exception as error:
            self._note(f"{name} raised {type(error).__name__}: {error}")

    def _note(self, text: str) -> None:
        if len(self._notes) < MOST_NOTES:
            self._notes[text] = None


def _judge(plan: RealTimePlan) -> Any:
    if plan.signals.specification is None:
        return None
    from labs.electrical.limits import Judge

    return Judge(plan.signals.specification)


def _check(plan: RealTimePlan, source: Source, policy: str, realtime: bool) -> None:
    asked = f"stream '{source.name}'"
    if policy not in POLICIES:
        raise LabError(asked, expected=" or ".join(POLICIES), got=f"policy={policy!r}",
                       next_step="choose what happens when the ring is full")  # fmt: skip
    if policy == "drop" and not realtime:
        raise LabError(asked, expected="backpressure where the source can wait",
                       got="policy='drop' with realtime=False",
                       next_step="leave out one of the two")  # fmt: skip
    names = {c.name: c for c in source.channels}
    missing = [c.name for c in plan.channels if c.name not in names]
    if missing:
        raise LabError(
            asked,
            expected=f"the plan's channels: {', '.join(c.name for c in plan.channels)}",
            got=f"a source with {', '.join(names)}",
            next_step="make a plan for this source: optimize_for_real_time_validation",
        )
    if abs(source.fs_hz - plan.fs_hz) > 1e-6 * plan.fs_hz:
        raise LabError(
            asked,
            expected=f"{plan.fs_hz:g} samples a second, as planned",
            got=f"{source.fs_hz:g}",
            next_step="make a plan for this source: optimize_for_real_time_validation",
        )
    for channel in plan.channels:
        if names[channel.name] != channel:
            raise LabError(
                asked,
                expected=f"{channel}, which the kernels are made for",
                got=f"{names[channel.name]}",
                next_step="make a plan for this source: optimize_for_real_time_validation",
            )
