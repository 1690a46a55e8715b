"""The backend as a user has it: plans, runs, and everything that goes wrong with a source."""

import subprocess
import sys
import threading
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from labs.paths import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "stream"))

from stream_parts import FOLLOWING, SQUARE, VOLTAGE, ListSource, Square, cut, sine
from tinygrad import Device
from tinygrad.codegen import to_program_cache

from labs.electrical.blocks import Block, Channel
from labs.electrical.meters import Kind
from labs.electrical.production import ProductionElectricalBackend
from labs.electrical.stream.log import read_log
from labs.electrical.stream.validity import REASONS
from labs.errors import LabError

WINDOW = 256
SIGNAL = sine(20_000)


@pytest.fixture(scope="module")
def backend():
    backend = ProductionElectricalBackend()
    backend.optimize_for_real_time_validation(
        [(SQUARE, "u", {"window": WINDOW})], channels=VOLTAGE, fs_hz=10_000.0, block_length=100
    )
    return backend


def stream(backend, blocks, realtime=False, **options):
    """Runs to the end; readings, and the run."""
    readings = []
    run = backend.implement_streaming_processing(
        ListSource(blocks), realtime=realtime, on_reading=readings.append, **options
    )
    with run:
        run.join(20)
    assert run.source.closed
    return [r for r in readings if r.quantity == "mean_square"], run


def expected_invalid(*ranges, total=20_000):
    windows = range(0, total - WINDOW + 1, WINDOW)
    return [any(i < b and a < i + WINDOW for a, b in ranges) for i in windows]


# ---- the plan ----


def test_plan_then_it_states_what_will_run(backend):
    plan = backend.plan
    assert [g.measurements for g in plan.groups] == [("square of u",)]
    assert plan.kernels_per_block == pytest.approx(100 / 256, rel=0.1)
    guess = plan.prediction
    assert 0 < guess.load_low <= plan.predicted_load <= guess.load_high < 1
    assert guess.block_s <= guess.worst_block_s < plan.deadline_s == pytest.approx(0.07)
    assert plan.memory.zero_copy and plan.copies == "" and "stream_block" in plan.source
    html = plan._repr_html_()
    assert "predicted load" in html and "square of u" in html and "no copy of a sample" in html


def test_plan_when_readings_decide_the_window_then_it_says_why_it_isnt_fused():
    plan = ProductionElectricalBackend().optimize_for_real_time_validation(
        [(FOLLOWING, "u")], channels=VOLTAGE, fs_hz=1000.0
    )
    assert "depends on what was read" in plan.not_fused[0] and plan.groups[0].hop is None


class Slow(Square):
    def read(self, outputs, window):
        time.sleep(0.002)
        return super().read(outputs, window)


SLOW = Kind("slow", "for tests", ("*",), {"max": "="}, Slow)


def test_plan_when_it_cant_keep_up_then_refused_unless_allowed():
    backend = ProductionElectricalBackend()
    asked = {"channels": VOLTAGE, "fs_hz": 200_000.0, "block_length": 256}
    with pytest.raises(LabError, match="less time than the samples stand for") as caught:
        backend.optimize_for_real_time_validation([(SLOW, "u")], **asked)
    assert "allow_overload" in caught.value.next_step and backend.plan is None
    plan = backend.optimize_for_real_time_validation([(SLOW, "u")], allow_overload=True, **asked)
    assert plan.predicted_load > 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channels": None}, "channels and fs_hz, or a source"),
        ({"fs_hz": 0.0}, "a sample rate above 0"),
        ({"fs_hz": float("nan")}, "a sample rate above 0"),
        ({"channels": (*VOLTAGE, *VOLTAGE)}, "u twice"),
        ({"channels": (Channel("x"),)}, "channels of the stream: x"),
        ({"ring_blocks": 3}, "at least 4 blocks"),
        ({"block_length": 0}, "blocks of 1 to"),
        ({"dtype": "float64"}, "int16 or float32"),
        ({"signal_specs": []}, "at least one measurement"),
        ({"signal_specs": 7}, "a Specification"),
        ({"signal_specs": [("square",)]}, "(kind, channels, parameters)"),
        ({"signal_specs": [("squares", "u")]}, "measure 'squares'"),
        ({"signal_specs": [(SQUARE, ("u", "u"))]}, "1 channels (*)"),
        ({"signal_specs": [(SQUARE, "u", {"windows": 7})]}, "window, hop, raw"),
    ],
)
def test_plan_when_something_is_wrong_then_it_is_said(change, says):
    asked = {"signal_specs": [(SQUARE, "u")], "channels": VOLTAGE, "fs_hz": 1000.0} | change
    with pytest.raises(LabError) as caught:
        ProductionElectricalBackend().optimize_for_real_time_validation(**asked)
    assert says in str(caught.value)


# ---- a run that goes well ----


def test_run_when_the_source_cuts_otherwise_then_the_same_readings(backend):
    expected, run = stream(backend, cut(SIGNAL, 512))
    assert len(expected) == 78 and run.state == "finished"
    for sizes in ((1, 700, 13), (20_000,)):
        assert stream(backend, cut(SIGNAL, *sizes))[0] == expected
    for r in expected:
        x = SIGNAL[0, r.index : r.index + WINDOW].astype(np.float64)
        assert abs(r.value - np.mean(x * x)) <= 1e-5 * np.mean(x * x)
    whole = [r.value for r in expected]  # of a sine, over 25 windows of 256 = 32 cycles of 200
    assert np.mean(whole[:25]) == pytest.approx(325.0**2 / 2, rel=1e-5)


def test_run_then_statistics_add_up(backend):
    _, run = stream(backend, cut(SIGNAL, 77), realtime=True)
    s = run.statistics
    assert (s.state, s.samples, s.dropped_samples, s.missing_samples) == ("finished", 20_000, 0, 0)
    assert (s.blocks, s.windows, s.invalid_windows, s.gap_count) == (200, 78, 0, 0)
    assert 0 < s.latency_p50_s <= s.latency_p99_s <= s.latency_max_s
    assert s.load > 0 and 0 < s.ring_high_water <= 1 and s.control.count > 0
    assert s.processed_s == pytest.approx(2.0) and "Stream" in run._repr_html_()


def test_run_when_int16_then_scale_is_applied_in_the_kernel_and_raw_has_counts():
    channels = (Channel("u", "V", 0.5, 1.0, full_scale=2000), Channel("v", "V", 2.0))
    counts = np.arange(-1000, 1000, dtype=np.int16)[None].repeat(2, 0)
    backend = ProductionElectricalBackend()
    spec = [(SQUARE, "u"), (SQUARE, "v", {"raw": True})]
    source = ListSource(cut(counts, 300), channels, dtype="int16")
    plan = backend.optimize_for_real_time_validation(spec, source=source, block_length=64)
    assert plan.dtype == "int16"
    found = []
    backend.implement_streaming_processing(source, realtime=False, on_reading=found.append).join()
    largest = {r.channel: r.value for r in found if r.quantity == "max" and r.index == 256}
    assert largest == {"u": (-1000 + 511) * 0.5 + 1.0, "v": -1000 + 511}


@pytest.mark.parametrize("counts", [np.int32, np.uint16, np.float32])
def test_run_when_samples_dont_fit_the_plans_counts_then_it_fails_instead_of_cutting(counts):
    channels = (Channel("u", "V", 0.5),)
    samples = np.full((1, 400), 40_000).astype(counts)
    backend = ProductionElectricalBackend()
    source = ListSource(cut(samples, 100), channels, dtype="int16")
    backend.optimize_for_real_time_validation([(SQUARE, "u")], source=source)
    run = backend.implement_streaming_processing(source, realtime=False)
    run.join()
    assert run.state == "failed" and f"{np.dtype(counts)} samples" in run.notes[0]


def test_run_on_another_device_then_the_same_values_with_copies(backend):
    other = ProductionElectricalBackend("CPU")
    plan = other.optimize_for_real_time_validation(
        [(SQUARE, "u", {"window": WINDOW})], channels=VOLTAGE, fs_hz=10_000.0, block_length=100
    )
    assert "copied to CPU" in plan.copies and not plan.memory.zero_copy
    ours, theirs = stream(backend, cut(SIGNAL, 512))[0], stream(other, cut(SIGNAL, 512))[0]
    assert [r.index for r in ours] == [r.index for r in theirs]
    assert np.allclose([r.value for r in ours], [r.value for r in theirs], rtol=1e-5)


def test_run_when_warm_then_nothing_is_allocated_or_compiled(backend):
    """tinygrad's ledgers stand still, and Python's memory doesn't grow with the blocks."""
    device, seen = Device["ELECTRICAL"], []

    def blocks():
        for number in range(3000):
            if number in (1000, 2999):
                usage, launches = device.allocator.usage(), device.ledger.launches
                seen.append(
                    (
                        usage.allocations + usage.reuses,
                        usage.used_bytes,
                        len(to_program_cache),
                        launches,
                        tracemalloc.get_traced_memory()[0],
                    )
                )
            yield Block(number * 100, number / 100, 10_000.0, SIGNAL[:, :100])

    tracemalloc.start()
    try:
        run = backend.implement_streaming_processing(ListSource(blocks), realtime=False)
        run.join()
    finally:
        tracemalloc.stop()
    before, after = seen
    assert before[:3] == after[:3] and after[3] - before[3] > 700
    assert after[4] - before[4] < 20_000  # 2000 blocks: less than 10 bytes each


@pytest.mark.slow
def test_run_when_it_goes_on_for_long_then_resident_memory_stays():
    """10^5 small blocks: within 1% of what it was at the beginning."""
    backend, process, seen = ProductionElectricalBackend(), psutil.Process(), []
    backend.optimize_for_real_time_validation(
        [(SQUARE, "u", {"window": 160})], channels=VOLTAGE, fs_hz=10_000.0, block_length=16
    )

    def blocks():
        for number in range(1000):
            if number in (200, 999):
                seen.append(process.memory_info().rss)
            yield Block(number * 1600, number * 0.16, 10_000.0, SIGNAL[:, :1600])

    run = backend.implement_streaming_processing(ListSource(blocks), realtime=False)
    run.join()
    assert (run.statistics.blocks, run.statistics.windows) == (100_000, 10_000)
    assert abs(seen[1] - seen[0]) <= 0.01 * seen[0]


def test_run_when_on_block_then_it_sees_the_samples_in_place(backend):
    copies, shared = [], []

    def keep(block):
        copies.append((block.index, block.samples.copy(), block.valid))
        shared.append(np.shares_memory(block.samples, backend.plan.bound.ring.piece.array))

    samples = SIGNAL[:, :1050].copy()
    samples[0, 250] = np.nan
    stream(backend, cut(samples, 512), on_block=keep)
    assert all(shared) and [i for i, *_ in copies] == list(range(0, 1050, 100))
    assert np.array_equal(np.concatenate([s for _, s, _ in copies], 1), samples, equal_nan=True)
    assert [v is not None for *_, v in copies] == [i == 2 for i in range(11)]


def test_run_when_a_listener_fails_then_it_is_said_and_measuring_goes_on(backend):
    def fail(_):
        raise ZeroDivisionError("mine")

    readings, run = stream(backend, cut(SIGNAL, 512), on_block=fail)
    assert len(readings) == 78 and run.notes == ("on_block raised ZeroDivisionError: mine",)


# ---- samples that can't be trusted ----


@pytest.mark.parametrize("size", [100, 333])
def test_run_when_samples_are_bad_then_just_the_windows_they_touch(backend, size):
    samples = SIGNAL.copy()
    samples[0, 700] = np.nan
    samples[0, 5000:5300] = np.inf
    blocks = cut(samples, size)
    valid = np.ones((1, size), bool)
    valid[0, 40:60] = False
    blocks[30] = replace(blocks[30], valid=valid)
    at = blocks[30].index
    readings, run = stream(backend, blocks)
    assert [not r.valid for r in readings] == expected_invalid(
        (700, 701), (5000, 5300), (at + 40, at + 60)
    )
    assert run.statistics.invalid_windows == sum(not r.valid for r in readings)
    assert {r.reason for r in readings if not r.valid} == {
        "NaN or infinite samples", "the source marked samples as invalid"
    }  # fmt: skip


@pytest.mark.parametrize("missing", [1, 100, 3000])
def test_run_when_samples_are_missing_then_a_gap_and_nothing_bridged(backend, missing):
    """Also where more are missing than the ring holds."""
    start = 1234
    blocks = cut(SIGNAL[:, :start], 100)
    rest = cut(SIGNAL[:, start + missing :], 100)
    blocks += [replace(b, index=b.index + start + missing) for b in rest]
    readings, run = stream(backend, blocks)
    clean, _ = stream(backend, cut(SIGNAL, 100))
    bad = expected_invalid((start, start + missing))
    assert [not r.valid for r in readings] == bad
    assert [r for r, b in zip(readings, bad, strict=True) if not b] == [
        r for r, b in zip(clean, bad, strict=True) if not b
    ]
    s = run.statistics
    assert (s.missing_samples, s.dropped_samples, s.gap_count) == (missing, 0, 1)
    assert (s.gaps[0].index, s.gaps[0].count, s.gaps[0].reason) == (start, missing, REASONS[0])


def test_run_when_the_rate_changes_then_those_windows_are_invalid(backend):
    blocks = cut(SIGNAL, 500)
    blocks[4:6] = [replace(b, fs_hz=9_999.0) for b in blocks[4:6]]
    readings, run = stream(backend, blocks)
    assert [not r.valid for r in readings] == expected_invalid((2000, 3000))
    assert "9999 Hz from sample 2000 on" in run.notes[0] and len(run.notes) == 2


# ---- a source that misbehaves ----


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (Block(100, 0, 1e4, SIGNAL[:, :10]), "from sample 100 on, after sample 499"),
        (Block(10**9, 0, 1e4, SIGNAL[:, :10]), "a jump over 999,999,500 samples"),
        (Block(500, 0, 1e4, SIGNAL[0]), "shape (20000,)"),
        (Block(500, 0, 1e4, SIGNAL.repeat(2, 0)), "shape (2, 20000)"),
        (Block(500, 0, 1e4, SIGNAL[:, :10], np.ones((1, 9), bool)), "a mask of shape (1, 9)"),
        (Block(500, 0, 1e4, SIGNAL[:, :10].astype(complex)), "complex128 samples"),
        (Block(500, 0, 1e4, SIGNAL[:, :10].astype(np.int32)), "int32 samples"),
    ],
)
def test_run_when_the_source_lies_then_it_fails_and_says_how(backend, block, says):
    readings, run = stream(backend, [*cut(SIGNAL[:, :500], 100), block])
    assert run.state == "failed" and says in run.notes[0] and run.error is None
    # the window that was under way is invalid, not forgotten
    assert [r.valid for r in readings] == [True, False] and readings[1].reason == REASONS[7]


def test_run_when_the_source_raises_then_what_was_measured_stays(backend, tmp_path):
    def blocks():
        yield from cut(SIGNAL[:, :1000], 100)
        raise OSError("the cable is out")

    readings, run = stream(backend, blocks, log=tmp_path / "log.jsonl")
    assert run.state == "failed" and [r.valid for r in readings] == [True, True, True, False]
    assert run.notes == ("the source failed: OSError: the cable is out",)
    assert read_log(tmp_path / "log.jsonl").entries[0]["kind"] == "start"


def test_run_when_the_source_falls_silent_then_invalid_after_the_timeout(backend):
    release = threading.Event()

    def blocks():
        yield from cut(SIGNAL[:, :600], 100)
        release.wait(10)

    try:
        readings, run = stream(backend, blocks, realtime=True, source_timeout_s=0.1)
    finally:
        release.set()
    assert run.state == "failed" and "gave nothing for 0.1 s" in run.notes[0]
    assert [r.valid for r in readings] == [True, True, False]


def test_run_when_the_source_is_empty_then_no_reading(backend):
    readings, run = stream(backend, [])
    assert readings == [] and run.state == "finished" and run.statistics.blocks == 0


# ---- overload ----


class Gate(Square):
    """Reads only when it is allowed to."""

    open = threading.Event()

    def read(self, outputs, window):
        assert Gate.open.wait(10)
        return super().read(outputs, window)


GATE = Kind("gate", "for tests", ("*",), {"max": "="}, Gate, SQUARE.parameters)


@pytest.fixture(scope="module")
def gated():
    Gate.open.set()
    backend = ProductionElectricalBackend()
    backend.optimize_for_real_time_validation(
        [(GATE, "u", {"window": 100})], channels=VOLTAGE, fs_hz=10_000.0, block_length=100
    )
    return backend


def test_run_when_too_slow_and_drop_then_losses_are_counted_and_it_recovers(gated):
    Gate.open.clear()
    flooded = threading.Event()

    def blocks():
        yield from cut(SIGNAL[:, :10_000], 100)
        Gate.open.set()
        flooded.wait(10)
        yield from [replace(b, index=b.index + 10_000) for b in cut(SIGNAL[:, :500], 100)]

    readings = []
    run = gated.implement_streaming_processing(
        ListSource(blocks), policy="drop", on_reading=readings.append
    )
    with run:
        while run.statistics.processed_s < 1.0:
            time.sleep(0.005)
        flooded.set()
        run.join(10)
    s, readings = run.statistics, [r for r in readings if r.quantity == "max"]
    assert run.state == "finished" and s.dropped_samples > 0
    assert s.samples + s.dropped_samples == 10_500
    assert sum(g.count for g in s.gaps) == s.dropped_samples and s.gaps[0].reason == REASONS[1]
    # bounded: no more waited than the ring has room for
    assert s.samples <= 900 + 500 + 100 and s.ring_high_water <= 1
    lost = [(g.index, g.index + g.count) for g in s.gaps]
    for r in readings:
        touched = any(r.index < b and a < r.index + 100 for a, b in lost)
        assert r.valid == (not touched)
    assert [r.valid for r in readings[-5:]] == [True] * 5  # after it


def test_run_when_too_slow_and_backpressure_then_the_source_waits(gated):
    Gate.open.clear()
    given = []

    def blocks():
        for block in cut(SIGNAL, 100):
            given.append(block.index)
            yield block

    run = gated.implement_streaming_processing(ListSource(blocks)).start()
    time.sleep(0.1)
    waiting = len(given)
    Gate.open.set()
    run.join(10)
    s = run.statistics
    assert waiting <= 11 and s.samples == 20_000 and s.dropped_samples == s.gap_count == 0
    assert s.deadline_misses > 0  # it was late, and says so


# ---- the handle ----


def endless():
    for number in range(10**9):
        yield Block(number * 100, 0, 1e4, SIGNAL[:, :100])
        time.sleep(0.0005)


def test_run_when_stopped_then_what_came_is_judged(backend):
    run = backend.implement_streaming_processing(ListSource(endless)).start()
    while run.statistics.windows < 3:
        time.sleep(0.002)
    run.stop()
    s = run.statistics
    assert run.state == "stopped" and run.source.closed
    assert s.windows == s.samples // WINDOW and s.invalid_windows == 0


@pytest.mark.parametrize("policy", ["backpressure", "drop"])
def test_run_when_paused_then_nothing_is_measured_until_resumed(backend, policy):
    run = backend.implement_streaming_processing(ListSource(endless), policy=policy).start()
    while run.statistics.windows < 3:
        time.sleep(0.002)
    run.pause()
    time.sleep(0.03)
    held = run.statistics
    time.sleep(0.03)
    assert held.state == "paused" and run.statistics.samples == held.samples
    run.resume()
    while run.statistics.samples < held.samples + 1000:
        time.sleep(0.002)
    run.stop()
    s = run.statistics
    if policy == "drop":  # a source that can't wait: a gap, said to be the pause's
        assert s.gap_count == 1 and s.gaps[0].reason == REASONS[2] and s.invalid_windows > 0
    else:
        assert s.gap_count == s.invalid_windows == 0


def test_run_when_left_by_an_exception_then_it_ends(backend):
    with (
        pytest.raises(ZeroDivisionError),
        backend.implement_streaming_processing(ListSource(endless)) as run,
    ):
        raise ZeroDivisionError
    assert run.state == "stopped"


def test_run_when_another_uses_the_plan_then_refused(backend):
    with backend.implement_streaming_processing(ListSource(endless)):
        with pytest.raises(LabError, match="no other run uses"):
            backend.implement_streaming_processing(ListSource([])).start()
    stream(backend, [])  # and free again


def test_run_when_started_twice_then_refused(backend):
    run = backend.implement_streaming_processing(ListSource([]))
    run.join()
    with pytest.raises(LabError, match="one that is finished"):
        run.start()


class Broken(Square):
    def read(self, outputs, window):
        if window.index > 500:
            raise RuntimeError("a meter's fault")
        return super().read(outputs, window)


def test_run_when_a_meter_fails_then_join_raises_and_the_log_has_the_rest(tmp_path):
    backend = ProductionElectricalBackend()
    kind = Kind("broken", "for tests", ("*",), {"max": "="}, Broken)
    with pytest.raises(RuntimeError):  # found when the plan is timed
        backend.optimize_for_real_time_validation([(kind, "u")], channels=VOLTAGE, fs_hz=1e4)
    later = threading.Event()
    kind = replace(kind, make=lambda s: Broken(s) if later.is_set() else Square(s))
    backend.optimize_for_real_time_validation([(kind, "u")], channels=VOLTAGE, fs_hz=1e4)
    later.set()
    path = tmp_path / "log.jsonl"
    run = backend.implement_streaming_processing(ListSource(cut(SIGNAL, 500)), log=path)
    with pytest.raises(RuntimeError, match="a meter's fault"):
        run.join(10)
    assert run.state == "failed" and "RuntimeError" in run.notes[0]
    assert [e["kind"] for e in read_log(path).entries] == ["start", "failed"]


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        (ListSource([], (Channel("x"),)), {}, "a source with x"),
        (ListSource([], fs_hz=5.0), {}, "10000 samples a second"),
        (ListSource([], (Channel("u", "V", 2.0),)), {}, "which the kernels are made for"),
        (ListSource([]), {"policy": "wait"}, "backpressure or drop"),
        (ListSource([]), {"policy": "drop", "realtime": False}, "where the source can wait"),
        (ListSource([]), {"sync": "daily", "log": "x"}, "always, second, never"),
    ],
)
def test_run_when_it_doesnt_fit_the_plan_then_said(backend, source, options, says):
    with pytest.raises(LabError) as caught:
        backend.implement_streaming_processing(source, **options)
    assert says in str(caught.value)


def test_run_when_there_is_no_plan_then_said():
    with pytest.raises(LabError, match="call optimize_for_real_time_validation first"):
        ProductionElectricalBackend().implement_streaming_processing(ListSource([]))


# ---- with limits ----

LIMITS = """
name: level
measurements:
  - name: level
    measure: rms
    channels: u
    parameters: {window_s: 20 ms}
    limits:
      - {quantity: rms, lower: 220 V, upper: 240 V}
"""


@pytest.fixture(scope="module")
def judging(tmp_path_factory):
    path = tmp_path_factory.mktemp("limits") / "level.yaml"
    path.write_text(LIMITS)
    backend = ProductionElectricalBackend()
    backend.optimize_for_real_time_validation(path, channels=VOLTAGE, fs_hz=10_000.0)
    return backend


def judged(backend, blocks, log, **options):
    rows = []
    run = backend.implement_streaming_processing(
        ListSource(blocks), realtime=False, log=log, on_row=rows.append, **options
    )
    return run.join(20), rows, run


def test_run_when_within_limits_then_passed_and_logged(judging, tmp_path):
    verdict, rows, run = judged(judging, cut(SIGNAL, 300), tmp_path / "log.jsonl")
    assert verdict.status == "PASS" and verdict is run.verdict and rows == []
    log = read_log(tmp_path / "log.jsonl")
    assert log.verdict["status"] == "PASS" and log.rows == ()
    assert log.entries[0]["config_hash"] == run.config_hash == verdict.config_hash != ""


def test_run_when_outside_then_failed_with_the_row_in_the_log(judging, tmp_path):
    samples = SIGNAL.copy()
    samples[0, 6000:7000] *= 0.5
    samples[0, 9_000] = np.nan
    verdict, rows, run = judged(judging, cut(samples, 300), tmp_path / "log.jsonl")
    assert verdict.status == "FAIL"
    assert [(r.status, r.index) for r in rows] == [("FAIL", 6000), ("INVALID", 9000)]
    assert run.rows == tuple(rows) and run.statistics.rows == 2
    log = read_log(tmp_path / "log.jsonl")
    assert [(r["status"], r["index"]) for r in log.rows] == [("FAIL", 6000), ("INVALID", 9000)]
    assert (
        log.rows[0]["value"] == pytest.approx(325 / 2 / np.sqrt(2)) and log.rows[1]["value"] is None
    )


def test_run_when_the_source_fails_then_the_verdict_is_invalid_and_says_why(judging, tmp_path):
    def blocks():
        yield from cut(SIGNAL[:, :1100], 100)
        raise OSError("the cable is out")

    verdict, rows, run = judged(judging, blocks, tmp_path / "log.jsonl")
    assert verdict.status == "INVALID" and "the cable is out" in verdict.notes[0]
    assert [r.status for r in rows] == ["INVALID"]
    assert read_log(tmp_path / "log.jsonl").verdict["notes"] == list(verdict.notes)


def test_run_when_nothing_came_then_invalid(judging, tmp_path):
    assert judged(judging, [], tmp_path / "log.jsonl")[0].status == "INVALID"


CHILD = """
import sys
sys.path.append(sys.argv[1])
from stream_parts import ListSource, VOLTAGE, cut, sine
from labs.electrical.blocks import Block
from labs.electrical.production import ProductionElectricalBackend
backend = ProductionElectricalBackend()
backend.optimize_for_real_time_validation(sys.argv[2], channels=VOLTAGE, fs_hz=10_000.0)
def blocks():
    for n in range(10**6):  # every second window is far outside
        yield Block(n * 200, n * 0.02, 1e4, sine(200, peak=325.0 * (n % 2)))
backend.implement_streaming_processing(
    ListSource(blocks), realtime=False, log=sys.argv[3],
    on_row=lambda row: print(row.index, flush=True),
).join()
"""


def test_run_when_the_process_is_killed_then_no_verdict_already_given_is_lost(tmp_path):
    limits, log = tmp_path / "level.yaml", tmp_path / "log.jsonl"
    limits.write_text(LIMITS)
    parts = str(PROJECT_ROOT / "tests" / "electrical" / "stream")
    command = [sys.executable, "-c", CHILD, parts, str(limits), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT_ROOT) as child:
        told = [int(child.stdout.readline()) for _ in range(20)]
        child.kill()  # -9, by its id
        told += [int(line) for line in child.stdout if line.endswith(b"\n")]
    found = read_log(log)
    assert (
        [r["index"] for r in found.rows][: len(told)] == told == [400 * i for i in range(len(told))]
    )
    assert len(found.rows) <= len(told) + 1 and found.verdict is None
