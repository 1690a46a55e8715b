"""A record against a limit file, through the same pipeline as a live stream, to a verdict.

result = validate("limits.yaml", "record.cfg")
print(result)
result.exit_code   # 0 passed, 1 failed, 2 could not be judged
"""

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labs.electrical.blocks import Block, Source
from labs.electrical.report.result import RecordFacts, ValidationResult
from labs.electrical.report.rows import MOST_SHOWN, offending
from labs.electrical.report.snippets import Snippet, WaveformKeeper, read_around
from labs.errors import LabError

Progress = Callable[[int, int, str], None]
DEVICE, OTHERWISE = "ELECTRICAL", "CPU"
_PROGRESS_S = 0.2  # between two updates


def validate(
    specification: Any,
    record: Any,
    *,
    device: str = DEVICE,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    block_length: int | None = None,
    realtime: bool = False,
    snippets: int = MOST_SHOWN,
    **run_options: Any,
) -> ValidationResult:
    """Judge a whole record.

    Args:
        specification: a Specification, or the path of a limit file.
        record: the path of a record of any format, or a Source. A Source is used up and closed.
        device: a tinygrad device.
        progress: called with (samples done, samples in all, words); 0 in all where a source doesn't
            say how long it is.
        options: of `open_record`, for formats that don't say everything themselves.
        block_length: samples of a block; the result doesn't depend on it.
        realtime: whether deadlines count, for a live source.
        snippets: how many violations are shown with their waveform, at most.
        run_options: of `implement_streaming_processing`: policy, log, ...

    Returns:
        The result; its verdict may be INVALID.

    Raises:
        LabError: the specification or the record can't be read, or don't fit each other.
    """
    device = usable_device(device)  # before anything imports tinygrad
    from labs.electrical.limits import load_limits
    from labs.electrical.production import ProductionElectricalBackend

    began = time.perf_counter()
    if isinstance(specification, str | Path):
        specification = load_limits(specification)
    opened = isinstance(record, str | Path)
    source = _open(record, options) if opened else record
    try:
        source = specification.adapt(source)
        backend = ProductionElectricalBackend(device=device)
        plan = backend.optimize_for_real_time_validation(
            specification,
            source=source,
            block_length=block_length,
            allow_overload=not realtime,
        )
    except BaseException:
        source.close()
        raise
    keeper = WaveformKeeper(plan.channels, plan.fs_hz, most=snippets)
    watch = _Watch(progress, getattr(source, "length", None), source.name)
    run = backend.implement_streaming_processing(
        source,
        plan=plan,
        realtime=realtime,
        on_block=watch.block if opened else _both(watch.block, keeper.keep),
        on_row=None if opened else keeper.see,
        **run_options,
    )
    with run:
        verdict = run.join()
    watch.done()
    if opened:
        shown = _snippets(lambda: specification.adapt(_open(record, options)), verdict, snippets)
    else:
        shown = _final(keeper.snippets(), verdict)
    statistics = run.statistics
    facts = RecordFacts(
        source.name,
        tuple(source.channels),
        plan.fs_hz,
        source.start,
        statistics.processed_s,
        statistics.notes,
    )
    return ValidationResult(
        verdict,
        specification,
        facts,
        statistics,
        shown,
        _environment(backend.device),
        backend.device,
        time.perf_counter() - began,
    )


def usable_device(device: str) -> str:
    """The device itself; CPU in place of the default where that can't be opened."""
    from labs import backends, toolchain

    toolchain.activate()
    backends.register()
    from tinygrad import Device

    try:
        Device[Device.canonicalize(device)]
    except Exception as error:
        if device != DEVICE:
            raise LabError(
                f"validate on '{device}'",
                expected="a tinygrad device that works on this machine",
                got=f"{type(error).__name__}: {error}",
                next_step="course.py doctor lists the devices",
            ) from error
        return OTHERWISE
    return device


class _Watch:
    """Turns blocks into progress, a few times a second."""

    def __init__(self, progress: Progress | None, total: int | None, name: str) -> None:
        self.progress = progress
        self.total, self.name = int(total or 0), name
        self.next_s, self.seen = 0.0, 0

    def block(self, block: Block) -> None:
        now, self.seen = time.perf_counter(), block.index + block.length
        if self.progress is not None and now >= self.next_s:
            self.next_s = now + _PROGRESS_S
            done = min(self.seen, self.total - 1) if self.total else self.seen
            self.progress(done, self.total, self.name)

    def done(self) -> None:
        if self.progress is not None:
            self.progress(self.total or self.seen, self.total, self.name)


def _open(path: str | Path, options: Mapping[str, Any] | None) -> Source:
    from labs.electrical.records import open_record

    return open_record(path, **(options or {}))


def _both(first: Callable, second: Callable) -> Callable:
    def call(block: Block) -> None:
        first(block)
        second(block)

    return call


def _snippets(reopen: Callable[[], Source], verdict: Any, most: int) -> tuple[Snippet, ...]:
    if verdict is None or not (rows := offending(verdict.rows, most)):
        return ()
    return read_around(reopen, rows)


def _final(snippets: tuple[Snippet, ...], verdict: Any) -> tuple[Snippet, ...]:
    """Kept when a violation began: with the row that it became when it ended."""
    key = operator.attrgetter("name", "channel", "quantity", "index")
    rows = {key(r): r for r in verdict.rows} if verdict is not None else {}
    return tuple(replace(s, row=rows.get(key(s.row), s.row)) for s in snippets)


def _environment(device: str) -> dict[str, Any]:
    from labs.bench.environment import device_environment, host_environment

    return {**host_environment(), **device_environment(device)}
