"""E1: dips, swells and interruptions, with edges exact to the half cycle."""

import numpy as np
import pytest
from supply import FS_HZ, RMS_V, scaled_halves, setting, sine

from labs.electrical.meters.run import run_meter
from labs.electrical.meters.thresholds import Detector
from labs.errors import LabError


def events(x, valid=None, channels=1, **parameters):
    readings = run_meter(
        "voltage_events", x, setting(channels), "ELECTRICAL", valid=valid, **parameters
    )
    return {
        q: [r for r in readings if r.quantity == q]
        for q in {r.quantity for r in readings} | {"dip", "swell", "interruption"}
    }


@pytest.mark.parametrize("frequency_hz", [50.0, 49.3])
def test_events_when_half_cycles_change_then_edges_are_exact(frequency_hz):
    changes = ((15, 16, 0.4), (31, 38, 0.7), (50, 70, 0.01), (85, 92, 1.2))
    x = scaled_halves(sine(frequency_hz, 1.2, ((5, 0.05, 0.0),)), frequency_hz, changes)
    found = events(x)
    half = FS_HZ / frequency_hz / 2
    # a cycle with one low half has (0.7^2 + 1) / 2 of the energy: 0.863 of the voltage, a dip; with
    # one half lost 0.71; a swell needs (1.2^2 + 1) / 2: 1.105
    expected = {
        "dip": [(14, 16), (30, 38), (49, 70)],
        "swell": [(84, 92)],
        "interruption": [(50, 69)],
    }
    for name, edges in expected.items():
        assert len(found[name]) == len(edges), name
        for reading, (first, end) in zip(found[name], edges, strict=True):
            assert reading.valid and not reading.reason
            assert abs(reading.index - first * half) <= 1
            assert abs(reading.index + reading.count - end * half) <= 1
        durations = [r.value for r in found[f"{name}_duration"]]
        np.testing.assert_allclose(durations, [(b - a) * half / FS_HZ for a, b in edges], 1e-4)
        assert [r.value for r in found[f"{name}s"]] == [len(edges)]
    level = RMS_V * np.sqrt(1 + 0.05**2)
    dips = [r.value / level for r in found["dip"]]
    np.testing.assert_allclose(dips, [np.sqrt((1 + 0.4**2) / 2), 0.7, 0.01], rtol=1e-4)
    np.testing.assert_allclose([r.value / level for r in found["swell"]], [1.2], rtol=1e-5)


def test_events_when_the_value_is_within_the_hysteresis_then_a_dip_goes_on():
    x = scaled_halves(sine(50.0, 0.8), 50.0, ((21, 30, 0.5), (30, 50, 0.91)))
    (dip,) = events(x)["dip"]
    assert (dip.index, dip.count) == (20 * 128, 29 * 128)


def test_events_when_still_on_at_the_end_or_before_the_start_then_the_duration_is_not_known():
    x = scaled_halves(sine(50.0, 0.6), 50.0, ((0, 9, 0.5), (39, 99, 0.5)))
    found = events(x, sampling="coherent")
    first, last = found["dip"]
    assert first.valid and "begun before" in first.reason and first.index == 0
    assert last.valid and "record ended" in last.reason and last.index == 38 * 128
    np.testing.assert_allclose([first.value, last.value], RMS_V / 2, rtol=1e-5)
    assert all(not r.valid and "at least" in r.reason for r in found["dip_duration"])
    assert found["dips"][0].value == 2


def test_events_when_a_gap_is_in_a_dip_then_it_is_not_bridged():
    x = scaled_halves(sine(50.0, 1.4), 50.0, ((30, 90, 0.5),))
    valid = np.ones(len(x), bool)
    valid[60 * 128 : 61 * 128] = False
    found = events(x, valid)
    before, after = [r for r in found["dip"] if r.valid]
    assert "became invalid" in before.reason and "begun before" in after.reason
    assert before.index + before.count <= 60 * 128 and after.index >= 61 * 128
    assert any(not r.valid and r.count > 0 for r in found["dip"])
    assert after.index + after.count == 90 * 128


def test_events_when_polyphase_then_a_dip_begins_in_any_and_ends_in_all():
    phases = [sine(50.0, 0.9, phase=p) for p in (0, -2 * np.pi / 3, 2 * np.pi / 3)]
    x = np.stack(
        [scaled_halves(p, 50.0, ((20 + 8 * n, 40 + 8 * n, 0.01),)) for n, p in enumerate(phases)]
    )
    found = events(x, channels=3, sampling="coherent")
    (dip,) = found["dip"]
    assert dip.channel == "a+b+c"
    assert abs(dip.index - 19 * 128) <= 1 and abs(dip.index + dip.count - 56 * 128) <= 128
    (out,) = found["interruption"]
    assert 35 * 128 <= out.index <= 37 * 128 and 39 * 128 <= out.index + out.count <= 40 * 128


def test_events_when_thresholds_cross_then_an_error_says_so():
    with pytest.raises(LabError, match="further apart than the hysteresis"):
        run_meter("voltage_events", np.zeros(9), setting(), dip=0.95, swell=1.0, hysteresis=0.05)
    with pytest.raises(LabError, match="declared voltage"):
        run_meter("voltage_events", np.zeros(9), setting(nominal_v=None))


def test_detector_when_the_threshold_itself_is_met_then_no_event():
    low = Detector(0.9, 0.92)
    assert [low.feed(np.array([v]), i) for i, v in enumerate((1.0, 0.9, 0.91))] == [None] * 3
    assert low.count == 0
    low.feed(np.array([0.8999]), 3)
    low.feed(np.array([0.9199]), 4)
    event = low.feed(np.array([0.92]), 5)
    assert (event.first, event.end, event.extreme, event.reason) == (3, 5, 0.8999, "")
