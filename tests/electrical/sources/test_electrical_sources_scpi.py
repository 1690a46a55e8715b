import contextlib
import re
import socket
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joined import counts, joined

from labs.electrical.blocks import Channel
from labs.electrical.sources import (
    Babbles,
    ChangesRate,
    ChangesScale,
    Disconnects,
    DropOut,
    Garbled,
    InstrumentSimulator,
    NotANumber,
    Paced,
    ReportsError,
    ScpiSource,
    Silent,
    Stop,
    WrongLength,
    supply,
)
from labs.errors import LabError

LENGTH = 1024


def signal(**more):
    return supply(duration_s=0.5, phases=2, full_scale_v=600.0, **more)  # 5 records


def read(source, faults=(), length=LENGTH, timeout_s=0.3, **more):
    """The ScpiSource and its blocks."""
    with InstrumentSimulator(source, faults=faults) as instrument:
        scpi = ScpiSource(instrument.address, instrument.inputs, timeout_s=timeout_s, **more)
        blocks = list(scpi.blocks(length))
        scpi.close()
    return scpi, blocks


@pytest.mark.parametrize("order", ["little", "big"])
def test_counts_over_the_socket_then_the_same_bits(order):
    source = signal(current_a=10.0)
    scpi, blocks = read(source, order=order)
    assert np.array_equal(np.concatenate([b.samples for b in blocks], 1), counts(source))
    assert [(c.name, c.unit) for c in scpi.channels] == [
        ("u1", "V"), ("u2", "V"), ("i1", "A"), ("i2", "A"),
    ]  # fmt: skip
    assert [c.scale for c in scpi.channels] == [c.scale for c in source.channels]
    assert (scpi.fs_hz, scpi.dtype, scpi.notes) == (10_240.0, np.int16, ())
    assert [b.index for b in blocks] == [1024 * i for i in range(5)]
    assert all(b.t0_s == pytest.approx(b.index / 10_240, abs=1e-12) for b in blocks)
    assert scpi.name == "COURSE LOOPBACK 0 1"


@pytest.mark.parametrize("order", ["little", "big"])
def test_values_over_the_socket_then_the_same_bits(order):
    source = supply(duration_s=0.2, phases=1)
    scpi, blocks = read(source, form="FLOAT", order=order)
    assert np.array_equal(np.concatenate([b.samples for b in blocks], 1), joined(source))
    assert scpi.channels[0] == Channel("u1", "V") and scpi.dtype == np.float32


def test_values_asked_for_as_counts_then_within_half_a_count():
    source = supply(duration_s=0.2, phases=1)
    scpi, blocks = read(source)
    x = np.concatenate([b.samples for b in blocks], 1) * scpi.channels[0].scale
    assert np.abs(x - joined(source)).max() <= 0.51 * scpi.channels[0].scale


@pytest.mark.parametrize("form", ["WORD", "FLOAT"])
def test_what_is_invalid_or_lost_in_front_then_so_behind_the_socket(form):
    faults = NotANumber(0.1, 0.01, (1,)), DropOut(0.2, 0.05)
    source = signal(faults=faults)
    scpi, blocks = read(source, form=form)
    bad = np.concatenate(
        [np.zeros((2, b.length)) if b.valid is None else ~b.valid for b in blocks], 1
    )
    first, last = faults[0].span(10_240)
    assert np.flatnonzero(bad[1]).tolist() == list(range(first, last)) and not bad[0].any()
    jumps = [b.index - a.index - a.length for a, b in zip(blocks, blocks[1:], strict=False)]
    assert sorted(jumps)[-2:] == [0, 512] and scpi.notes == ("512 samples lost in 1 gap",)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Disconnects(2), "closed the connection"),
        (Disconnects(2, after_bytes=3), "closed the connection"),
        (WrongLength(2, 2), "a block of 2050 bytes"),
        (WrongLength(2, -2), "a block of 2046 bytes"),
        (Garbled(2), "a block header"),
        (Garbled(2, b"#0"), "indefinite"),
        (Garbled(2, b"#41000"), "a block of 1000 bytes"),
        (Silent(2), "no answer"),
        (Babbles(2), "bytes that nobody asked for|answered with|instead of"),
        (Babbles(2, 10_000), "bytes that nobody asked for|answered with|instead of"),
    ],
)
def test_trouble_then_connected_anew_and_the_record_is_a_counted_gap(fault, words):
    scpi, blocks = read(signal(), (fault,), timeout_s=0.15)
    assert [b.index for b in blocks] == [0, 1024, 3072, 4096]
    whole = counts(signal())
    assert all(np.array_equal(b.samples, whole[:, b.index : b.index + 1024]) for b in blocks)
    first, lost = scpi.notes
    assert lost == "1,024 samples lost in 1 gap"
    assert re.search(words, first)
    assert scpi.lost_samples == 1024


def test_trouble_at_the_last_record_then_an_empty_block_says_what_is_lost():
    scpi, blocks = read(signal(), (Disconnects(4),))
    assert (blocks[-1].index, blocks[-1].length) == (5120, 0)
    assert scpi.lost_samples == 1024


def test_error_that_the_instrument_reports_then_its_record_is_invalid():
    scpi, blocks = read(signal(), (ReportsError(1, -222, "Data out of range"),))
    assert [b.valid is None for b in blocks] == [True, False, True, True, True]
    assert not blocks[1].valid.any() and '-222,"Data out of range"' in scpi.notes[0]


def test_rate_that_changes_then_the_blocks_say_so_without_a_gap():
    scpi, blocks = read(signal(), (ChangesRate(2, 2.0),))
    assert [b.fs_hz for b in blocks] == [10_240.0] * 2 + [20_480.0] * 3
    assert [b.index for b in blocks] == [1024 * i for i in range(5)] and scpi.notes == ()
    assert [round(b.t0_s, 9) for b in blocks] == [0, 0.1, 0.2, 0.25, 0.3]


def test_scale_that_changes_then_counts_are_invalid_and_values_are_not():
    scpi, blocks = read(signal(), (ChangesScale(3, 2.0),))
    assert [b.valid is None for b in blocks] == [True] * 3 + [False] * 2
    assert "scale of u1 was changed" in scpi.notes[0]
    _, blocks = read(signal(), (ChangesScale(3, 2.0),), form="FLOAT")
    assert all(b.valid is None for b in blocks)


def test_instrument_that_does_not_come_back_then_the_source_fails():
    instrument = InstrumentSimulator(signal())
    scpi = ScpiSource(instrument.address, instrument.inputs, timeout_s=0.1, attempts=2)
    blocks = scpi.blocks(LENGTH)
    next(blocks)
    instrument.close()
    with pytest.raises(LabError, match="2 attempts failed"):
        list(blocks)


def test_instrument_that_is_not_there_then_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(LabError, match="attempts failed"):
        ScpiSource(address, timeout_s=0.1, attempts=1)


def test_instrument_whose_source_fails_then_not_taken_for_its_end():
    class Broken(type(signal())):
        def blocks(self, length):
            yield from list(super().blocks(length))[:2]
            raise OSError("no converter")

    broken = Broken(signal().signal)
    with pytest.raises(LabError, match="Hardware error"):
        read(broken)


def test_closed_while_it_waits_then_it_ends():
    with InstrumentSimulator(Paced(signal(), faults=(Stop(0.02),))) as instrument:
        scpi = ScpiSource(instrument.address, instrument.inputs, timeout_s=30)
        got = []
        thread = threading.Thread(target=lambda: got.extend(scpi.blocks(LENGTH)))
        thread.start()
        while not got:
            time.sleep(0.005)
            assert thread.is_alive()
        scpi.close()
        thread.join(5)
        assert not thread.is_alive()


class Scripted:
    """A server that answers each line with the next of some bytes, whatever was asked."""

    def __init__(self, answers):
        self._answers = list(answers)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, contextlib.suppress(OSError):
                    while client.recv(4096):
                        client.sendall(self._answers.pop(0) if self._answers else b"")

    def close(self):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(
    st.binary(max_size=64), st.just(b"A,B,1,2\n"), st.just(b"1\n"), st.just(b'0,"No error"\n'),
    st.just(b"1,0,4,1,1e-3,0,0,1,0,0\n"), st.just(b"#18abcdefgh\n"), st.just(b"x" * 9000),
), max_size=12))  # fmt: skip
def test_any_answers_then_blocks_or_an_error_and_an_end(answers):
    server = Scripted(answers)
    try:
        with contextlib.suppress(LabError):
            source = ScpiSource(server.address, timeout_s=0.02, attempts=1)
            with contextlib.closing(source):
                assert all(b.samples.shape[0] == 1 for b in source.blocks(8))
    finally:
        server.close()


@pytest.mark.parametrize("wrong", [{"form": "BYTE"}, {"order": "middle"}, {"inputs": ()},
                                   {"timeout_s": 0.0}, {"address": "here"}])  # fmt: skip
def test_settings_that_cannot_be_then_refused(wrong):
    with pytest.raises(LabError, match="correct them"):
        ScpiSource(**{"address": ("127.0.0.1", 9), **wrong})
