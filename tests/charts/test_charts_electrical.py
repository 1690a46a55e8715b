"""The charts of the electrical room, from plain arrays: what their titles, marks and words say."""

from types import SimpleNamespace

import numpy as np
import pytest

from labs.charts import (
    EdgeShare,
    LoadShare,
    Margin,
    Span,
    adc_linearity_chart,
    adc_spectrum_chart,
    edge_budget_chart,
    harmonics_chart,
    latency_chart,
    load_budget_chart,
    margins_chart,
    mask_chart,
    phasor_chart,
    pulse_chart,
    rms_chart,
    stream_chart,
    waveform_chart,
)
from labs.charts.electrical_style import STATUS, envelope, runs
from labs.charts.style import contrast
from labs.errors import ResultError

T = np.arange(2000) / 10_000
SINE = 325 * np.sin(2 * np.pi * 50 * T)


def title(chart):
    return " ".join(chart.figure.texts[0].get_text().split())


def legend(axes):
    return axes.get_legend_handles_labels()[1]


# ---- what they share ----


def test_envelope_when_a_line_is_long_then_its_glitch_and_its_gap_stay():
    x, y = np.arange(1_000_000.0), np.zeros(1_000_000)
    y[654_321], y[200_000:300_000] = 7.0, np.nan
    few_x, few_y = envelope(x, y)
    assert few_x.size == few_y.size <= 3000
    assert np.nanmax(few_y) == 7.0
    assert np.isnan(few_y[(few_x > 201_000) & (few_x < 299_000)]).all()
    assert not np.isnan(few_y[few_x < 199_000]).any()
    assert envelope(x[:10], y[:10])[1] is not None and envelope(x[:10], y[:10])[0].size == 10


def test_runs_then_every_stretch_of_true():
    assert runs(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert runs(np.zeros(3, bool)) == []


def test_status_then_each_has_a_marker_of_its_own_and_is_seen_on_white():
    assert len({s.marker for s in STATUS.values()}) == len(STATUS)
    assert all(contrast(s.colour, "white") > 2 for s in STATUS.values())


# ---- waveforms and series ----


def test_waveform_then_events_gaps_and_limits_are_said_and_drawn():
    valid = np.ones(T.size, bool)
    valid[1500:1600] = False
    chart = waveform_chart(T, {"u1": SINE}, valid=valid, lower=-340, upper=340,
                           spans=[Span(0.05, 0.08, "dip")])  # fmt: skip
    assert title(chart) == "u1: 1 dip and 1 gap in 200 ms"
    assert "-325 V to 325 V" in chart.alt
    axes = chart.figure.axes[0]
    assert {"u1", "dip", "limit", "no valid samples"} <= set(legend(axes))
    line = next(x for x in axes.lines if x.get_label() == "u1")
    assert np.isnan(line.get_ydata()[1500:1600]).all()  # a gap is not bridged
    assert axes.get_ylabel() == "Voltage (V)" and "(ms)" in axes.get_xlabel()


def test_waveform_when_nan_then_a_gap_though_no_mask_says_so():
    wrong = SINE.copy()
    wrong[10] = np.nan
    assert "1 gap" in title(waveform_chart(T, {"u1": wrong}))
    assert "no event and no gap" in title(waveform_chart(T, {"u1": SINE}))


def test_waveform_when_all_is_invalid_then_it_says_so():
    assert "no valid sample" in waveform_chart(T, {"u1": np.full(T.size, np.nan)}).alt


def test_waveform_when_a_limit_changes_then_it_is_drawn_as_it_is():
    upper = np.where(T < 0.1, 400.0, np.nan)
    axes = waveform_chart(T, {"u1": SINE}, upper=upper, limit_words="mask").figure.axes[0]
    line = next(x for x in axes.lines if x.get_label() == "mask")
    assert np.nanmax(line.get_xdata()[~np.isnan(line.get_ydata())]) < 0.1


def test_waveform_when_lengths_differ_then_refused():
    with pytest.raises(ResultError, match="series of one length"):
        waveform_chart(T, {"u1": SINE[:-1]})
    with pytest.raises(ResultError, match="at least one channel"):
        waveform_chart(T, {})


def test_rms_then_events_are_counted_and_thresholds_named():
    t, u = np.arange(50) * 0.01, np.full(50, 230.0)
    u[20:25] = 150.0
    chart = rms_chart(t, {"u1": u}, thresholds={"dip 90%": 207.0},
                      spans=[Span(0.2, 0.25, "dip")])  # fmt: skip
    assert title(chart) == "1 dip, the longest 50 ms; values from 150 V to 230 V"
    assert "dip 90%: 207 V" in chart.alt
    assert "No event" in title(rms_chart(t, {"u1": np.full(50, 230.0)}))
    assert title(rms_chart(t, {"u1": np.full(50, np.nan)})) == "No value is valid"


# ---- spectra and phasors ----


@pytest.mark.parametrize("log", [False, True])
def test_harmonics_then_those_over_their_limits_are_named(log):
    h, percent = np.arange(2, 51), np.full(49, 0.1)
    percent[3], percent[5] = 6.5, 4.0
    limits = np.full(49, np.nan)
    limits[3], limits[5] = 6.0, 5.0
    chart = harmonics_chart(h, percent, limits=limits, channel="u1", log=log)
    assert title(chart) == "1 harmonic over the limit: h5"
    assert ("log scale" in chart.figure.axes[0].get_ylabel()) == log
    fine = harmonics_chart(h, percent, limits=np.full(49, 10.0), log=log)
    assert title(fine) == "The largest harmonic is h5 with 6.5 %; all are within their limits"


def test_harmonics_when_nan_then_refused():
    with pytest.raises(ResultError, match="1 NaN"):
        harmonics_chart([2, 3], [1.0, np.nan])


def test_phasors_then_the_extremes_are_named_with_angles():
    a = np.exp(2j * np.pi / 3)
    chart = phasor_chart({"u1": 230.0, "u2": 220 * a**2, "u3": 231 * a}, unbalance_percent=1.6)
    assert "Unbalance 1.6 %: u2 has the smallest value, 220 V, u3 the largest" in title(chart)
    assert "u2 220 V at −120.0°" in chart.alt
    with pytest.raises(ResultError, match="u1"):
        phasor_chart({"u1": complex("nan")})


# ---- masks, pulses, converters ----


def test_mask_then_the_first_violation_and_the_worst_are_said():
    x = np.zeros(100)
    x[40], x[60] = 1.2, 1.5
    chart = mask_chart(np.arange(100) / 1e6, x, upper=np.full(100, 1.0))
    assert "2 samples, the first at 40 µs (sample 40), by up to 0.5 V" in title(chart)
    assert "violations (2)" in legend(chart.figure.axes[0])


def test_mask_when_on_the_edge_then_inside_and_nan_is_outside():
    edge = mask_chart([0, 1], [1.0, 1.0], upper=[1.0, 1.0], lower=[np.nan, 0.0])
    assert "stays in the mask; the smallest margin is 0 V" in title(edge)
    assert "1 sample, the first at 1 s" in title(mask_chart([0, 1], [0, np.nan], upper=[1, 1]))


def test_pulse_then_its_times_are_said():
    t = np.arange(100) / 1e6
    y = np.clip((t - 20e-6) / 40e-6, 0, 1)
    crossings = {0.1: 24e-6, 0.5: 40e-6, 0.9: 56e-6}
    chart = pulse_chart(t, y, low=0, high=1, crossings=crossings, overshoot=0.05)
    assert title(chart) == "From 10% to 90% in 32 µs, overshoot 5%; it never settles"
    assert "settles" not in title(
        pulse_chart(t, y, low=0, high=1, crossings=crossings, settled_s=6e-5)
    )
    assert "no whole transition" in title(pulse_chart(t, y, low=0, high=1, crossings={}))


def test_adc_then_spectrum_and_linearity_say_their_figures():
    f, level = np.arange(129) * 1000.0, np.full(129, -100.0)
    level[7], level[21], level[0] = 0.0, -80.0, -np.inf
    chart = adc_spectrum_chart(f, level, fundamental_hz=7000, harmonics_hz={3: 21000.0},
                               spur_hz=21000.0, figures={"ENOB": "11.9 bit"})  # fmt: skip
    assert title(chart) == "ADC: ENOB 11.9 bit" and "largest spur is at 21 kHz" in chart.alt
    dnl = np.zeros(64)
    dnl[10], dnl[11] = -1.0, 0.4
    chart = adc_linearity_chart(np.arange(64), dnl, np.cumsum(dnl), limit_lsb=0.5)
    assert title(chart) == "ADC: DNL up to −1 LSB, INL up to −1 LSB, 1 missing code"
    assert "unknown" in title(adc_linearity_chart([1, 2], [np.nan] * 2, [np.nan] * 2))


# ---- verdicts, streams, budgets ----


def test_margins_then_failures_come_into_the_title_and_far_ones_stay_on_the_page():
    rows = [Margin("a", 0.5, "PASS"), Margin("b", -9.0, "FAIL"), Margin("c", None, "INVALID")]
    chart = margins_chart(rows)
    assert title(chart) == "1 of 3 fail: b; 1 could not be judged: c"
    low, high = chart.figure.axes[0].get_xlim()
    for line in chart.figure.axes[0].lines:
        assert (np.asarray(line.get_xdata()) >= low).all()
        assert (np.asarray(line.get_xdata()) <= high).all()
    assert "the smallest margin is 50%, of a" in title(margins_chart(rows[:1]))
    with pytest.raises(ResultError, match="judge a record first"):
        margins_chart([])


def test_latency_then_misses_are_shares_and_the_control_is_beside():
    times = np.full(1000, 1e-4)
    times[:5] = 0.02
    chart = latency_chart(times, deadline_s=0.01, control=np.full(5000, 5e-5))
    assert "0.5% of the blocks miss the deadline of 10 ms" in title(chart)
    assert {"block", "bare timer (control)"} <= set(legend(chart.figure.axes[0]))
    assert "p50 100 µs, p99 100 µs, max 20 ms" in chart.alt
    assert "No deadline of 30 ms is missed" in title(latency_chart(times, deadline_s=0.03))


def test_latency_when_from_a_histogram_then_the_same():
    pairs = np.array([[1e-4, 0.995], [0.02, 1.0]])
    assert "0.5% of the blocks miss" in title(latency_chart(pairs, deadline_s=0.01))
    for wrong in ([], [[1.0, 2.0, 3.0]], [np.nan], [-1.0]):
        with pytest.raises(ResultError):
            latency_chart(wrong)


def snapshots(dropped=0, misses=0):
    return [
        SimpleNamespace(elapsed_s=0.1 * i, recent_load=1.5 if 20 < i < 30 else 0.6,
                        ring_fill=0.9 if 20 < i < 30 else 0.1,
                        dropped_samples=dropped * (i > 25), deadline_misses=misses * (i > 25))
        for i in range(50)
    ]  # fmt: skip


def test_stream_then_losses_and_recovery_are_said():
    over = [Span(2.0, 3.0, "overload")]
    lost = stream_chart(snapshots(5000, 2), spans=over, recovered_s=3.2)
    assert title(lost) == (
        "5,000 samples dropped, all of them counted; 2 deadlines missed; recovered 200 ms after "
        "the overload"
    )
    assert len(lost.figure.axes) == 4
    fine = stream_chart(snapshots())
    assert title(fine) == "No sample is dropped; the ring is at most 90% full"
    assert len(fine.figure.axes) == 3
    with pytest.raises(ResultError, match="two snapshots"):
        stream_chart(snapshots()[:1])


def test_load_budget_then_predicted_and_measured_are_told_apart():
    parts = [LoadShare("rms of u1", 0.01, 0.02), LoadShare("fir of u1", 0.5, None)]
    chart = load_budget_chart(parts, total=LoadShare("stream", 0.51, 0.6))
    assert title(chart) == "A measured load of 60% leaves room; fir of u1 takes most"
    assert "leaves too little" in title(load_budget_chart(parts, total=LoadShare("all", 0.9)))
    hatched = [p.get_hatch() for p in chart.figure.axes[0].patches]
    assert hatched.count("////") == 3 and hatched.count(None) == 2


def test_edge_budget_then_a_model_is_called_one():
    parts = [EdgeShare("rms", 20_000, 1e-3), EdgeShare("harmonics", 100_000, 5e-3)]
    chart = edge_budget_chart(parts, memory_limit_bytes=262_144, block_s=0.01)
    assert "EDGE: fits" in title(chart) and "by the model 6 ms of each 10 ms" in title(chart)
    assert "nothing here was timed" in " ".join(chart.figure.texts[-1].get_text().split())
    late = edge_budget_chart(parts, memory_limit_bytes=262_144, block_s=0.005)
    assert "does not fit" in title(late)


def test_charts_when_drawn_then_a_figure_and_no_warning(recwarn):
    chart = waveform_chart(T, {"$u_1$ <b>": SINE}, spans=[Span(0.05, 0.08, "dip $x$")])
    assert chart.png.startswith(b"\x89PNG") and "&lt;b&gt;" in chart.html
    assert not recwarn.list
