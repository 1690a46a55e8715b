"""A verdict with one of everything, over a record with a dip and a gap."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs.electrical.blocks import Block, Channel
from labs.electrical.limits import Limit, Requirement, Row, Specification, Verdict
from labs.electrical.report import RecordFacts, ValidationResult, offending, read_around

FS_HZ = 10_000.0
HOSTILE = 'u2"><script>alert(1)</script>\x00\ud800'


def row(name, value, status, begin_s, end_s, *, lower=None, upper=None, unit="V", channel="u1",
        quantity="urms", reason=""):  # fmt: skip
    sides = [value - lower] if lower is not None else []
    sides += [upper - value] if upper is not None else []
    margin = min(sides, default=float("inf")) if value == value else float("nan")
    index, count = round(begin_s * FS_HZ), round((end_s - begin_s) * FS_HZ)
    return Row(name, channel, quantity, value, unit, lower, upper, margin, status, begin_s, end_s,
               index, count, "c0ffee", reason)  # fmt: skip


class Record:
    """One second of a sine: a dip at 0.2 s, 300 lost samples at 0.5 s, and a NaN at 0.7 s."""

    name = "record"
    channels = (Channel("u1", "V"), Channel(HOSTILE, "V"))
    fs_hz = FS_HZ
    start = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    notes = ("the clock drifts <by> a lot",)
    samples = np.sin(2 * np.pi * 50 * np.arange(10_000) / FS_HZ).astype(np.float32) * 325
    samples[2000:2600] *= 0.6
    samples[7000] = np.nan
    opened = closed = 0

    def __init__(self):
        Record.opened += 1

    def blocks(self, length=512):
        begin = 0
        while begin < 10_000:
            end = min(begin + length, 10_000)
            end = 5000 if begin < 5000 < end else end
            part = self.samples[begin:end]
            yield Block(begin, begin / FS_HZ, FS_HZ, np.stack([part, 2 * part]))
            begin = 5300 if end == 5000 else end

    def close(self):
        Record.closed += 1


ROWS = (
    row("voltage", 230.0, "PASS", 0.0, 0.02, lower=207.0, upper=253.0),
    row("voltage", 140.0, "FAIL", 0.2, 0.22, lower=207.0, upper=253.0),
    row("voltage", float("nan"), "INVALID", 0.49, 0.51, lower=207.0, upper=253.0,
        reason="samples are missing"),
    row("thd & co", 7.5, "MARGINAL", 0.0, 0.2, upper=8.0, unit="%", channel=HOSTILE,
        quantity="thds"),
    row("frequency", 50.01, "PASS", 0.0, 1.0, lower=49.5, upper=50.5, unit="Hz",
        quantity="frequency"),
)  # fmt: skip


def make_result(rows=ROWS, status="FAIL", names=("voltage", "thd & co", "frequency", "flicker")):
    kinds = {"voltage": "urms_half", "thd & co": "harmonics", "frequency": "frequency"}
    requirements = tuple(
        Requirement(n, kinds.get(n, "power"), ("u1",), (Limit("urms", "V", 207.0, 253.0),))
        for n in names
    )
    specification = Specification("supply", requirements, 50.0, 230.0, "c0ffee")
    counts = {s: sum(r.status == s for r in rows) for s in ("PASS", "MARGINAL", "FAIL", "INVALID")}
    verdict = Verdict(status, tuple(rows), ("source stopped",), counts, "c0ffee")
    facts = RecordFacts("record", Record.channels, FS_HZ, Record.start, 1.0, Record.notes)
    snippets = read_around(Record, offending(rows))
    return ValidationResult(
        verdict, specification, facts, None, snippets, {"host": "h"}, "CPU", 1.5
    )


@pytest.fixture(scope="session")
def made():
    """Makers and data, for tests that want their own."""
    return SimpleNamespace(
        row=row, rows=ROWS, result=make_result, Record=Record, hostile=HOSTILE, fs_hz=FS_HZ
    )


@pytest.fixture(scope="session")
def result():
    return make_result()
