"""Records to verdicts through the real pipeline."""

import threading

import numpy as np
import pytest
from tinygrad import Tensor, helpers

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs.electrical import validate as validating
from labs.electrical.blocks import Block, Channel
from labs.electrical.limits import Limit, Requirement, Specification
from labs.electrical.threads import share_kernel_cache
from labs.electrical.validate import usable_device, validate
from labs.errors import LabError

FS_HZ = 2000.0
BAND = Limit("rms", "V", 207.0, 253.0)
LIMITS = Specification(
    "supply",
    (Requirement("voltage", "rms", ("u1",), (BAND,), {"window_s": 0.02}),),
    50.0,
    230.0,
    "c0ffee",
)  # fmt: skip


class Record:
    """Two seconds at 230 V; from 1 s a dip of 0.1 s; samples from 1.5 s to 1.55 s lost."""

    name, start, notes, fs_hz = "record", None, ("slow clock",), FS_HZ
    channels = (Channel("u0", "V"), Channel("u1", "V"))
    length = 4000

    def __init__(self, depth=0.6, lost=True):
        self.closed = 0
        u = np.sin(2 * np.pi * 50 * np.arange(4000) / FS_HZ).astype(np.float32) * 325.27
        u[2000:2200] *= depth
        self.u, self.lost = u, lost

    def blocks(self, length=65536):
        begin = 0
        while begin < 4000:
            end = min(begin + length, 4000)
            end = 3000 if self.lost and begin < 3000 < end else end
            part = self.u[begin:end]
            yield Block(begin, begin / FS_HZ, FS_HZ, np.stack([0 * part, part]))
            begin = 3100 if self.lost and end == 3000 else end

    def close(self):
        self.closed += 1


@pytest.fixture(scope="module")
def failed():
    source, seen = Record(), []
    result = validate(LIMITS, source, progress=lambda *given: seen.append(given))
    return result, source, seen


def test_validate_when_a_source_leaves_its_limits_then_fail_with_the_waveform(failed):
    result, source, seen = failed
    assert result.status == "FAIL" and result.exit_code == 1 and source.closed
    fail = next(r for r in result.verdict.rows if r.status == "FAIL")
    assert fail.t_start_s == pytest.approx(1.0) and fail.t_end_s == pytest.approx(1.1)
    assert fail.value == pytest.approx(0.6 * 230, rel=1e-4)
    invalid = [r for r in result.verdict.rows if r.status == "INVALID"]
    assert invalid and all(1.48 <= r.t_start_s < 1.55 for r in invalid)
    shown = next(s for s in result.snippets if s.row.status == "FAIL")
    where = slice(shown.index, shown.index + shown.values.size)
    assert shown.channel == "u1" and np.array_equal(shown.values, source.u[where])
    assert "slow clock" in result.notes
    assert result.record.channels == Record.channels and result.record.duration_s == 2.0
    assert result.statistics.missing_samples == 100 and result.environment["hostname"]
    assert seen[-1] == (4000, 4000, "record") and all(d <= t for d, t, _ in seen)


def test_validate_when_a_record_is_opened_by_path_then_the_same_verdict(failed, monkeypatch):
    opened = []

    def open_record(path, options):
        opened.append(Record())
        return opened[-1]

    monkeypatch.setattr(validating, "_open", open_record)
    result = validate(LIMITS, "record.csv")
    assert repr(result.verdict.rows) == repr(failed[0].verdict.rows)  # NaN isn't equal to itself
    assert len(opened) == 2 and all(r.closed for r in opened)  # judged, and read for the waveform
    mine, others = (sorted(r.snippets, key=lambda s: s.row.index) for r in (result, failed[0]))
    for a, b in zip(mine, others, strict=True):
        assert repr(a.row) == repr(b.row) and a.channel == b.channel
        # a stream keeps what was near when the violation began: less where it was a long one
        first, end = max(a.index, b.index), min(x.index + x.values.size for x in (a, b))
        assert first <= a.row.index < end
        cut = [np.where(x.valid, x.values, np.nan)[first - x.index : end - x.index] for x in (a, b)]
        assert np.array_equal(*cut, equal_nan=True)


def test_validate_when_all_is_well_then_pass():
    result = validate(LIMITS, Record(depth=1.0, lost=False), block_length=777)
    assert (result.status, result.exit_code, result.snippets) == ("PASS", 0, ())


def test_validate_when_a_channel_is_missing_then_an_error_and_the_source_is_closed():
    source = Record()
    source.channels = (Channel("u7", "V"),)
    with pytest.raises(LabError, match="u1"):
        validate(LIMITS, source)
    assert source.closed


def test_device_when_it_cant_be_opened_then_refused_and_only_the_default_has_another(monkeypatch):
    with pytest.raises(LabError, match="NOSUCH"):
        usable_device("NOSUCH")
    assert usable_device("CPU") == "CPU"
    monkeypatch.setattr(validating, "DEVICE", "NOSUCH")
    assert usable_device("NOSUCH") == "CPU"


def test_kernel_cache_when_shared_then_another_thread_can_compile(monkeypatch):
    monkeypatch.setattr(helpers, "db_connection", helpers.db_connection)
    (Tensor([1.0], device="CPU") + 1).realize()  # the main thread has its connection
    helpers.diskcache_put("course_test", "key", 1)
    share_kernel_cache()
    share_kernel_cache()
    found, get = [], helpers.diskcache_get
    thread = threading.Thread(target=lambda: found.append(get("course_test", "key")))
    thread.start()
    thread.join(10)
    assert found == [1]
    assert helpers.diskcache_get("course_test", "key") == 1
