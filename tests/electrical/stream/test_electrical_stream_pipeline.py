"""The kernels of a block as one function: right, in order, and the same bits for any split."""

import numpy as np
import pytest
from stream_parts import Following, Square, setting
from tinygrad import Tensor

from labs.electrical.blocks import Channel
from labs.electrical.meters import Window
from labs.electrical.stream.bound import bind_stream
from labs.electrical.stream.compiler import RealTimeCompiler
from labs.electrical.stream.tasks import Task, group_tasks
from labs.electrical.stream.validity import MASKED
from labs.errors import LabError

CHANNELS = (Channel("a", "V", 0.01, 0.5), Channel("b", "V", 0.02), Channel("c"))
COUNTS = np.random.default_rng(0).integers(-2000, 2000, (3, 4001)).astype(np.int16)


def meters():
    """(name, kind, rows, how to make it)"""
    a, b, c = CHANNELS
    return (
        ("a", "square", (0,), lambda: Square(setting(a))),
        ("ab", "square", (0, 1), lambda: Square(setting(a, b))),
        ("ca", "square", (2, 0), lambda: Square(setting(c, a), 500, 120, raw=True)),
        ("b", "following", (1,), lambda: Following(setting(b))),
    )


def bound(device="ELECTRICAL", block=512, which=meters):
    tasks, makers = [], []
    for name, kind, rows, make in which():
        tasks.append(Task(name, kind, tuple(CHANNELS[r] for r in rows), rows, make()))
        makers.append(make)
    return bind_stream(device, tuple(tasks), tuple(makers), CHANNELS, "int16", block, 4)


def readings(stream, sizes=(512,), invalid=()):
    pipeline, at, number, found = stream.pipeline(), 0, 0, []
    for start, end in invalid:
        pipeline.invalid.add(start, end, MASKED, 1)
    while at < COUNTS.shape[1]:
        to = min(COUNTS.shape[1], at + min(sizes[number % len(sizes)], stream.ring.layout.slot))
        stream.ring.write(at, COUNTS[:, at:to])
        found += pipeline.process(to)
        at, number = to, number + 1
    return found + pipeline.finish()


def bits(found):
    return [(r.kind, r.quantity, r.channel, r.index, r.value.hex(), r.reason) for r in found]


@pytest.fixture(scope="module")
def stream():
    return bound()


@pytest.mark.parametrize("device", ["ELECTRICAL", "CPU"])
def test_process_then_values_are_those_of_the_definition(device, stream):
    found = readings(stream if device == "ELECTRICAL" else bound(device))
    assert len(found) == 2 * (15 + 15 + 30) + sum(r.kind == "following" for r in found)
    for r in found:
        if r.kind == "following":
            continue
        row = {"a": 0, "a+b": 0, "c+a": 2}[r.channel]
        x = COUNTS[row, r.index : r.index + r.count].astype(np.float64)
        if r.channel != "c+a":  # the raw meter has counts
            x = x * CHANNELS[row].scale + CHANNELS[row].offset
        expected = np.mean(x * x) if r.quantity == "mean_square" else x.max()
        assert abs(r.value - expected) <= 1e-5 * abs(expected)  # gate of E1


def test_process_when_split_otherwise_then_the_same_bits_in_the_same_order(stream):
    expected = bits(readings(stream))
    for sizes in ((1,), (7, 300, 512, 33), (256,)):
        assert bits(readings(stream, sizes)) == expected
    other = bound(block=137)
    assert bits(readings(other, (137,))) == expected
    assert bits(readings(other, (50, 137))) == expected


def test_process_when_a_channel_is_invalid_then_its_windows_are_and_no_others(stream):
    found = readings(stream, invalid=((1000, 1001), (2500, 2700)))
    for r in found:
        touched = any(
            r.index < b and a < r.index + r.count for a, b in ((1000, 1001), (2500, 2700))
        )
        assert r.valid == (not (touched and "b" in r.channel.split("+")))
        assert np.isnan(r.value) == (not r.valid) == bool(r.reason)
    clean = bits(readings(stream))
    assert [x for x in bits(found) if "b" not in x[2]] == [x for x in clean if "b" not in x[2]]


def test_function_then_one_call_runs_all_windows_of_a_block(stream):
    launched, stream_pipeline = [], stream.pipeline()
    stream.ring.write(0, COUNTS[:, :512])
    original = stream.function.launch
    stream.function.launch = lambda requests: (launched.append(list(requests)), original(requests))
    try:
        stream_pipeline.process(512)
    finally:
        del stream.function.launch
    # every group in the first call; the synchronised meter's second window in one of its own
    assert [len(r) for r in launched] == [3, 1]
    assert launched[0][0] == (0, 0, 2)
    source = stream.function.source
    assert source.count("void stream_block(") == 1 and "0.0099999997" in source


def test_groups_then_equal_windows_are_fused(stream):
    assert [len(g.tasks) for g in stream.groups] == [2, 1, 1]
    assert [g.window for g in stream.groups] == [256, 500, 200]
    assert stream.function.kernels == (2, 1, 1) and stream.function.copies == ""


def test_source_when_two_meters_are_equal_then_their_kernel_is_there_once():
    def twice():
        return (meters()[0], ("again", *meters()[0][1:]))

    stream = bound(which=twice)
    assert stream.function.source.count("noinline)) void r_") == 2  # its prototype and its body
    found = readings(stream)
    assert bits(found)[0::4] == bits(found)[2::4]


def test_source_when_channels_differ_then_their_kernel_is_the_same():
    same = Channel("a", "V"), Channel("b", "V")

    def both():
        return [
            (c.name, "square", (i,), lambda c=c: Square(setting(c))) for i, c in enumerate(same)
        ]

    tasks = tuple(Task(n, k, (same[r[0]],), r, make()) for n, k, r, make in both())
    makers = tuple(make for *_, make in both())
    stream = bind_stream("ELECTRICAL", tasks, makers, same, "float32", 512, 4)
    assert stream.function.source.count("noinline)) void r_") == 2  # its prototype and its body
    values = np.arange(1024, dtype=np.float32).reshape(2, 512)
    stream.ring.write(0, values)
    largest = [r.value for r in stream.pipeline().process(512) if r.quantity == "max"]
    assert largest == [255.0, 767.0, 511.0, 1023.0]


class Weighted(Square):
    """Its weights are a table from the host: copied once, not for each window."""

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        weights = Tensor(np.arange(self.window, dtype=np.float32), device=x.device)
        return Tensor.stack(
            (x * weights.contiguous()).sum(-1), (weights * 2).contiguous().max() + x[:, 0]
        )


def test_function_when_a_meter_has_constants_then_only_samples_are_launched():
    stream = bound(which=lambda: [("w", "square", (0,), lambda: Weighted(setting(CHANNELS[0])))])
    assert stream.why_not_native == ""
    found = readings(stream)
    x = COUNTS[0].astype(np.float64) * 0.01 + 0.5
    for r in found:
        part = x[r.index : r.index + 256]
        expected = (part * np.arange(256)).sum() if r.quantity == "mean_square" else 510 + part[0]
        assert abs(r.value - expected) <= 1e-5 * np.abs(part * np.arange(256)).sum()


class Elsewhere(Square):
    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        return super().step(x.to("CPU"), parameters).to(x.device)


def test_function_when_a_meter_leaves_the_device_then_the_reason_is_kept():
    stream = bound(which=lambda: [("e", "square", (0,), lambda: Elsewhere(setting(CHANNELS[0])))])
    assert "CPU" in stream.why_not_native and stream.function.copies
    assert readings(stream)[0].value == pytest.approx(
        readings(bound(which=lambda: meters()[:1]))[0].value
    )


class Wrong(Square):
    def due(self, end: int) -> Window | None:
        return Window(0, self.window) if end > 600 else super().due(end)


def test_process_when_a_meter_goes_back_then_it_is_named():
    stream = bound(which=lambda: [("back", "square", (0,), lambda: Wrong(setting(CHANNELS[0])))])
    with pytest.raises(LabError, match="measure back"):
        readings(stream)


class Late(Square):
    """Asks for its first window only when it has long been overwritten."""

    hop = None

    def due(self, end: int) -> Window | None:
        return Window(0, self.window) if end > 3000 else None


def test_process_when_a_meter_asks_too_late_then_it_is_named():
    def late():
        meter = Late(setting(CHANNELS[0]))
        meter.hop = None
        return meter

    stream = bound(which=lambda: [("late", "square", (0,), late)])
    with pytest.raises(LabError, match="measure late"):
        readings(stream)


def test_compiler_when_sealed_then_refuses(stream):
    assert stream.compiler.sealed and stream.allocator.frozen
    with pytest.raises(LabError, match="before the stream starts"):
        stream.compiler.compile("void f(void) {}")


def test_compiler_when_asked_again_then_from_the_cache(stream):
    again = RealTimeCompiler("ELECTRICAL").compile(stream.function.source)
    assert again.cached and again.code_bytes == stream.function.compiled.code_bytes


def test_group_tasks_when_blocks_are_long_then_memory_of_results_is_bounded():
    task = Task("a", "square", CHANNELS[:1], (0,), Square(setting(CHANNELS[0]), 4))
    assert group_tasks([task], 1 << 20)[0].capacity == 64
