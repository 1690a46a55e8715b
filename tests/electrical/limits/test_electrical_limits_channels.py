from dataclasses import dataclass

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from labs.electrical.blocks import Block, Channel, values
from labs.electrical.limits import parse_limits
from labs.errors import LabError

LIMITS = """
name: t
channels:
  VA: u
  CH2: {alias: i, unit: A, scale: 10}
measurements:
  - {name: a, measure: rms, channels: u, limits: [{quantity: rms, upper: 200 V}]}
  - {name: b, measure: rms, channels: i, limits: [{quantity: rms, upper: 50 A}]}
"""


@dataclass
class Record:
    """Half a second of constants."""

    channels: tuple
    samples: np.ndarray
    name: str = "record"
    fs_hz: float = 1000.0
    start: None = None
    notes: tuple = ("a note",)
    length: int = 500
    is_closed: bool = False

    def blocks(self, length=200):
        for i in range(0, self.samples.shape[1], length):
            yield Block(i, i / self.fs_hz, self.fs_hz, self.samples[:, i : i + length])

    def close(self):
        self.is_closed = True


def constants(*levels, dtype="float32"):
    return np.repeat(np.array(levels, dtype)[:, None], 500, axis=1)


FLOATS = Record((Channel("VA", "kV"), Channel("x", "V"), Channel("CH2", "V", full_scale=None)),
                constants(0.1, 1, 4))  # fmt: skip
COUNTS = Record((Channel("VA", "V", 0.1, 2.0, full_scale=2000), Channel("CH2", "V", 0.01)),
                constants(1000, 400, dtype="int16"))  # fmt: skip


def test_channels_of_values_then_named_scaled_and_in_base_units():
    spec = parse_limits(LIMITS)
    source = spec.adapt(FLOATS)
    assert [(c.name, c.unit) for c in source.channels] == [("u", "V"), ("x", "V"), ("i", "A")]
    blocks = list(source.blocks(200))
    assert [b.index for b in blocks] == [0, 200, 400]
    for block in blocks:
        assert block.samples.dtype == np.float32
        np.testing.assert_allclose(values(block, source.channels)[:, 0], [100, 1, 40], rtol=1e-6)
    assert (source.name, source.fs_hz, source.notes, source.length) == (
        "record", 1000.0, ("a note",), 500,
    )  # fmt: skip
    source.close()
    assert FLOATS.is_closed
    assert spec.adapt(source) is source


def test_channels_of_counts_then_the_samples_stay_as_they_are():
    source = parse_limits(LIMITS).adapt(COUNTS)
    (u, i) = source.channels
    assert (u.scale, u.offset, u.full_scale) == (0.1, 2.0, 2000)
    assert (i.name, i.unit, i.scale) == ("i", "A", pytest.approx(0.1))
    block = next(source.blocks())
    assert np.shares_memory(block.samples, COUNTS.samples)
    np.testing.assert_allclose(values(block, source.channels)[:, 0], [102, 40])


def test_channels_without_rules_then_only_checked():
    spec = parse_limits("""
name: t
measurements:
  - {name: a, measure: rms, channels: CH2, limits: [{quantity: rms, upper: 5 V}]}
""")
    assert spec.adapt(COUNTS).channels == COUNTS.channels
    assert spec.adapt_channels(FLOATS.channels)[0] == Channel("VA", "V")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("VA: u", "VAA: u", ("measure 'VAA' as 'u' of 't'", "VA, CH2", "did you mean 'VA'")),
        ("unit: A", "unit: ''", ("measure 'b' of 't' on i", "a channel in A, as the limit of rms")),
        ("200 V", "200 A", ("measure 'a' of 't' on u", "one in V")),
    ],
)
def test_channels_that_do_not_fit_then_refused_before_the_stream(old, new, words):
    with pytest.raises(LabError) as error:
        parse_limits(LIMITS.replace(old, new)).adapt(COUNTS)
    for word in words:
        assert word in str(error.value)
    nameless = parse_limits(LIMITS.replace("unit: A", "unit: ''"))
    with pytest.raises(LabError, match="without a unit"):
        nameless.adapt_channels((Channel("VA", "V"), Channel("CH2")))


def test_channel_when_its_unit_is_no_meters_then_refused():
    spec = parse_limits("""
name: t
supply: {nominal_hz: 50}
measurements:
  - {name: p, measure: power, channels: [u, i], limits: [{quantity: pf, lower: 0.9}]}
""")
    spec.adapt_channels((Channel("u", "kV"), Channel("i")))  # it may be an ampere
    with pytest.raises(LabError, match="Expected: a channel in A\n"):
        spec.adapt_channels((Channel("u", "V"), Channel("i", "V")))


@pytest.mark.parametrize("record", [FLOATS, COUNTS], ids=["float32", "int16"])
def test_record_when_validated_then_by_the_names_and_units_of_the_limits(record):
    from labs.electrical.validate import validate

    text = LIMITS.replace("unit: A, scale: 10}", "unit: A, scale: -12.5}").replace(
        "rms, upper: 50", "mean, lower: -50"
    )
    result = validate(parse_limits(text), record, device="CPU")
    found = {r.name: (r.channel, r.status, r.unit, round(r.value, 3)) for r in result.verdict.rows}
    assert found["a"] == ("u", "PASS", "V", 100.0 if record is FLOATS else 102.0)
    assert found["b"] == ("i", "PASS", "A", -50.0)  # on its limit


def test_limit_that_stops_then_the_stream_ends_there():
    from labs.electrical.production import ProductionElectricalBackend

    spec = parse_limits("""
name: t
measurements:
  - name: a
    measure: rms
    channels: VA
    parameters: {window_s: 100 ms}
    limits: [{quantity: rms, upper: 50 V, action: stop}]
""")
    backend = ProductionElectricalBackend("CPU")
    backend.optimize_for_real_time_validation(spec, source=FLOATS, block_length=100)
    run = backend.implement_streaming_processing(FLOATS, realtime=False)
    verdict = run.join(20)
    assert (run.state, verdict.status) == ("stopped", "FAIL")
    assert "stopped by a rms on VA" in verdict.notes
