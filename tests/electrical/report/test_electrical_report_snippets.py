from types import SimpleNamespace as Row

import numpy as np
import pytest

from labs.electrical.blocks import Block, Channel
from labs.electrical.report import WaveformKeeper, read_around, snippets
from labs.electrical.report.snippets import MOST_SAMPLES


def keep(made, rows, length=512, **options):
    keeper = WaveformKeeper(made.Record.channels, made.fs_hz, **options)
    rows = list(rows)
    for block in made.Record().blocks(length):
        keeper.keep(block)
        while rows and rows[0].index < block.index + block.length:
            keeper.see(rows.pop(0))
    return keeper


def test_read_around_then_the_samples_of_the_record_with_its_gap(made):
    opened, closed = made.Record.opened, made.Record.closed
    dip, gap = read_around(made.Record, made.rows[1:3])
    assert (made.Record.opened, made.Record.closed) == (opened + 1, closed + 1)
    assert dip.channel == "u1" and dip.unit == "V" and dip.index == 1600
    assert np.array_equal(dip.values, made.Record.samples[1600:2600])
    assert dip.t_s[0] == pytest.approx(0.16) and dip.t_s[-1] == pytest.approx(0.2599)
    assert dip.valid.all()
    lost = slice(5000 - gap.index, 5300 - gap.index)
    assert not gap.valid[lost].any() and gap.valid.sum() == gap.values.size - 300
    assert np.array_equal(gap.values[gap.valid], np.delete(made.Record.samples, slice(5000, 5300))[
        gap.index : gap.index + gap.valid.sum()])  # fmt: skip


@pytest.mark.parametrize("length", [1, 97, 4000])
def test_keeper_when_a_stream_goes_by_then_the_same_as_reading_again(made, length):
    rows = made.rows[1:3]
    read = read_around(made.Record, rows)
    kept = keep(made, rows, length).snippets()
    for a, b in zip(read, kept, strict=True):
        assert (a.channel, a.index, a.note) == (b.channel, b.index, b.note)
        assert np.array_equal(a.valid, b.valid)
        assert np.array_equal(a.values[a.valid], b.values[b.valid])


def test_keeper_then_passing_rows_and_those_beyond_the_bound_are_left_out(made):
    rows = [made.rows[0], *(made.row("u", 1.0, "FAIL", i / 100, i / 100) for i in range(90))]
    keeper = keep(made, rows, most=3)
    assert [s.row.index for s in keeper.snippets()] == [0, 100, 200]


def test_keeper_when_judged_too_late_then_it_says_what_is_gone(made):
    keeper = keep(made, [], past_s=0.1)
    late = keeper.around(made.rows[1])[0]
    assert late.values.size == 0 and "left the memory" in late.note
    part = keeper.around(made.row("u", 1.0, "FAIL", 0.92, 0.94))[0]
    assert part.index == 9000 and "left the memory" in part.note
    assert np.array_equal(part.values, made.Record.samples[9000:9800])


def test_keeper_when_the_stream_ends_in_the_violation_then_what_there_is(made):
    keeper = keep(made, [made.row("u", 1.0, "FAIL", 0.99, 1.0)])
    assert keeper.snippets()[0].values[-1] == made.Record.samples[-1]


def test_keeper_then_memory_is_bounded_whatever_the_rate(monkeypatch):
    monkeypatch.setattr(snippets, "MOST_BYTES", 1 << 16)
    keeper = WaveformKeeper([Channel(f"c{i}") for i in range(16)], 1e9)
    samples = np.arange(16 * 5000, dtype=np.int16).reshape(16, 5000)
    keeper.keep(Block(10**12, 1e3, 1e9, samples))
    assert keeper._samples.nbytes + keeper._valid.nbytes <= 1 << 16
    last = keeper.around(Row(channel="c3", t_start_s=1e3, t_end_s=1e3 + 5e-6, index=10**12))[0]
    assert np.array_equal(last.values, samples[3, -keeper._capacity :])


def test_snippet_when_the_violation_is_long_then_its_beginning_is_shown(made):
    class Long(made.Record):
        def blocks(self, length=1 << 15):
            for i in range(0, 1 << 20, length):
                yield Block(i, i / made.fs_hz, made.fs_hz, np.zeros((2, length), np.int16))

    row = made.row("u", 1.0, "FAIL", 20.0, 100.0)
    (found,) = read_around(Long, [row])
    assert found.values.size == MOST_SAMPLES and found.index < 200_000 < found.index + MOST_SAMPLES
    assert "the first" in found.note


def test_read_around_when_there_is_nothing_to_read_then_it_says_so(made):
    (found,) = read_around(made.Record, [made.row("u", 1.0, "FAIL", 50.0, 51.0)])
    assert found.values.size == 0 and "no samples" in found.note
    assert read_around(made.Record, []) == ()


def test_snippets_when_a_row_is_of_two_channels_then_one_of_each(made):
    channels = (Channel("a+b", "V"), Channel("a", "V"), Channel("b", "V"))
    keeper = WaveformKeeper(channels, 100.0)
    keeper.keep(Block(0, 0.0, 100.0, np.ones((3, 50), np.float32)))
    both = made.row("unbalance", 1.0, "FAIL", 0.1, 0.2, channel="a+b")
    assert [s.channel for s in keeper.around(both)] == ["a+b"]
    both = made.row("unbalance", 1.0, "FAIL", 0.1, 0.2, channel="b+a")
    assert [s.channel for s in keeper.around(both)] == ["a", "b"]
