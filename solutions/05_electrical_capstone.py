# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · The electrical capstone
#
# **Is this supply within its limits, and would you sign for it?**
#
# | | |
# |---|---|
# | Time | about 120 minutes |
# | Hardware | any laptop; no GPU and no instrument is used |
# | Fallback | no instrument: records, and signals that are made in real time with faults to order |
# | Graded | 12 exercises, 57 points; `progress(5)` shows yours |
#
# By the end you have gone the whole way of a test engineer: from a limit file to measurements, from
# measurements to a verdict, and from a file to a live stream with deadlines that must not lose a sample
# silently. You know what your processor needs for it, whether a microcontroller would do, and what your claims
# are worth.
#
# Work downwards: **predict**, **run**, **explain**. Your guesses are never graded.

# %%
import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    sys.path.insert(0, "..")  # first clone the course, then %cd into its notebooks folder
    from labs import colab

    print(colab.prepare())

# %% tags=["setup"]
from labs import toolchain

tools = toolchain.activate()  # finds a compiler and drivers before tinygrad opens a device

import numpy as np
from tinygrad import Device, Tensor

from labs import backends, charts, paths, widgets
from labs.grading import check, hint, predict, progress, reveal, self_assessment
from labs.units import format_bytes, format_seconds

backends.register()

# %% tags=["setup"]
import time
from dataclasses import replace

from scipy.signal import lfilter
from tinygrad import Context, TinyJit

from labs import bench
from labs.backends.electrical.binding import bind, numpy_view
from labs.charts import Span
from labs.electrical.blocks import values
from labs.electrical.edge_fit import edge_fit, fits_table
from labs.electrical.limits import example, parse_limits
from labs.electrical.meters import Setting
from labs.electrical.meters.mask import margins
from labs.electrical.meters.run import run_meter
from labs.electrical.meters.taps import fir, low_pass
from labs.electrical.production import ProductionElectricalBackend
from labs.electrical.records import open_record, write_comtrade
from labs.electrical.report import save_reports
from labs.electrical.sources import Dip, Distortion, DropOut, Flood, Paced
from labs.electrical.sources import converter, second_order, stress, supply
from labs.electrical.stream import read_log
from labs.electrical.validate import validate
from labs.errors import LabError
from labs.grading import troubles

# %% [markdown]
# ## 1. What does "within limits" mean?
#
# A test begins on paper: somebody signs what is allowed. Here that paper is a **limit file**. Each entry names
# a measurement, the channels, and what its quantities may be, with units.

# %%
limits = example("supply")
text = limits.read_text("utf-8")
print(text[text.index("name:") : text.index("  - name: unbalance")])

# %% [markdown]
# Three things are worth a second look. A limit may have a **marginal** band: inside, but so close that
# somebody should know. It may have **hysteresis**, so that a value that wavers counts once. And every number has a
# unit, which is checked.
#
# **Predict:** somebody writes `upper: 8 V` for the distortion, which is a percentage. Is it `"ignored"`,
# `"taken as 8"` or `"refused"`?

# %%
predict("wrong-unit", "taken as 8")

# %%
try:
    parse_limits(text.replace("upper: 8 %", "upper: 8 V"))
    outcome = "taken as 8"
except LabError as error:
    outcome = "refused"
    print(error)

# %%
reveal("wrong-unit", outcome)

# %% [markdown]
# The message has the line, the key, what was expected and what was there. Limit files are written by people in a
# hurry. Each mistake that is found here is one that nobody has to find in a report.
#
# > **Takeaway.** Limits are data with units. What can't be meant is refused before the first sample comes.

# %% [markdown]
# ## 2. A record
#
# Our supply is synthetic: every sample is a closed form, so the truth is known exactly. Faults come to order.
# This one dips on one phase for three cycles, and later another phase gets a fifth harmonic.

# %%
dip = Dip(0.8, 0.06, (1,), factor=0.6)
distortion = Distortion(1.2, 0.8, (2,), order=5, percent=10.0)
site = supply(
    duration_s=2.0,
    harmonics={3: (2.0, 0.0), 5: (1.5, 90.0)},
    noise=0.3,
    current_a=10.0,
    lag_deg=36.87,
    faults=(dip, distortion),
)
site.channels


# %%
def whole(source):
    """All samples of a source that has no gaps, as [channel, n]."""
    return np.concatenate([values(b, source.channels) for b in source.blocks()], axis=1)


truth = whole(site)
file = write_comtrade(paths.results_dir() / "site", site.channels, truth, site.fs_hz)
print("\n".join(file.read_text("utf-8").splitlines()[:6]))

# %% [markdown]
# That is the header of a **COMTRADE** record, the format in which protection relays and power-quality analysers give
# their files. The samples went to `site.dat` as 16-bit counts. **Predict:** read back, by how many volts will the worst sample of
# a voltage be off?

# %%
predict("comtrade-error", 0.1, unit="V")

# %%
record = open_record(file)
back = whole(record)
worst = np.abs(back - truth)[:3].max()
print(f"{record.channels[0]}\n{len(record.notes)} notes")

# %%
reveal("comtrade-error", worst, unit="V")

# %% [markdown]
# Half a count, and nothing else: `scale` says how many volts a count has. The reader gives blocks, never the whole file, so
# a record may be larger than your memory. What it finds odd (a header that disagrees with the time stamps, a
# line that is cut) it says in `notes`. `open_record` reads TDMS, WAV, CSV, SigMF and raw files in the same way: **try** one of yours.

# %%
t = np.arange(truth.shape[1]) / record.fs_hz
shown = (t > 0.74) & (t < 0.92)
charts.waveform_chart(
    t[shown],
    {name: back[i][shown] for i, name in enumerate(("u1", "u2", "u3"))},
    spans=[Span(0.8, 0.86, "dip")],
    title="Phase u2 dips to 60% for three cycles",
)

# %% [markdown]
# > **Takeaway.** Keep the truth beside the record as long as you can. Once the samples come from a
# > device, nobody knows it.

# %% [markdown]
# ## 3. RMS of every half cycle (E1)
#
# An RMS value needs a time over which it is taken. Over ten cycles, a dip of three cycles nearly vanishes. The method for
# events is **Urms(1/2)**: the RMS of *one* cycle, computed anew every *half* cycle, from zero crossing to zero
# crossing.
#
# ### Exercise 5.1 · RMS of every half cycle (4 points)
#
# `x` holds samples, `half` is how many make half a cycle. Value `k` is the RMS of **one cycle**: of the
# half cycles `k` and `k + 1`. What doesn't fill a last half cycle is left out. Return an array of real
# numbers; without a single whole cycle it is empty. No loop is needed. `x` may hold `int16` counts.
#
# ```python
# urms_half(np.array([3.0, 3.0, 4.0, 4.0, 0.0, 0.0]), 2)   # -> [3.5355, 2.8284]
# ```

# %% tags=["answer", "ex-5-1"]
def urms_half(x, half):
    """RMS of each cycle, a new one every half cycle."""
    ### BEGIN SOLUTION
    whole = len(x) // half
    q = np.square(x[: whole * half].astype(np.float64)).reshape(whole, half).sum(1)
    return np.sqrt((q[:-1] + q[1:]) / (2 * half))
    ### END SOLUTION


# %% tags=["check", "ex-5-1"]
check("5.1", urms_half)

# %% [markdown]
# The course's own meter does that in a tinygrad kernel. `run_meter` feeds one meter with samples that are all
# there. **Predict:** the dip lasts 3 cycles, so 6 half cycles. How many values of `u2` lie below 90% of 230 V?

# %%
predict("values-below", 6, unit="values")

# %%
def on(*names):
    """What a meter is told of the channels, and their samples."""
    found = [[c.name for c in record.channels].index(n) for n in names]
    return back[found], Setting(record.fs_hz, tuple(record.channels[i] for i in found), 50.0, 230.0)


samples, setting = on("u2")
urms = run_meter("urms_half", samples, setting)
print(urms[0])

# %%
reveal("values-below", sum(r.value < 207 for r in urms), unit="values")

# %% [markdown]
# <details><summary>Why more than six?</summary>
#
# Each value covers *two* half cycles. Values that contain one bad half cycle lie below as well, at both ends: six
# half cycles are touched by seven windows. When a dip doesn't begin at a zero crossing, it touches one more half
# cycle.
# </details>

# %%
events = run_meter("voltage_events", samples, setting)
for e in events:
    if e.quantity.startswith("dip") or not e.valid:
        print(f"{e.quantity}: {e.value:.6g} {e.unit}, from {e.t_start_s:.4f} s to {e.t_end_s:.4f} s")

# %%
found = next(e for e in events if e.quantity == "dip_duration")
charts.rms_chart(
    [r.t_end_s for r in urms],
    {"u2": [r.value for r in urms]},
    thresholds={"dip 90%": 207.0, "swell 110%": 253.0},
    spans=[Span(found.t_start_s, found.t_end_s, "dip")],
)

# %% [markdown]
# The reported duration is a whole number of half cycles, and a little longer than the truth. That is the method's
# resolution, not an error of the arithmetic.
#
# ### Exercise 5.2 · Where a dip begins and ends (5 points)
#
# A voltage that wavers about the threshold must not count as ten dips. So there are **two** thresholds: a dip
# begins with a value *below* `threshold`, and ends with the first value *at or above* `threshold +
# hysteresis`. Return `(start, stop, lowest)` for each, as indices into `urms` and the lowest value in
# between. A dip that is still going on has `stop` None.
#
# ```python
# dips([230.0, 180.0, 209.0, 230.0], 207.0, 4.6)   # -> [(1, 3, 180.0)]
# ```

# %% tags=["answer", "ex-5-2"]
def dips(urms, threshold, hysteresis):
    """[(start, stop, lowest), ...] in order."""
    ### BEGIN SOLUTION
    found, start, lowest = [], None, None
    for i, value in enumerate(urms):
        if start is None and value < threshold:
            start, lowest = i, value
        elif start is not None and value >= threshold + hysteresis:
            found.append((start, i, lowest))
            start = None
        elif start is not None:
            lowest = min(lowest, value)
    return found if start is None else [*found, (start, None, lowest)]
    ### END SOLUTION


# %% tags=["check", "ex-5-2"]
check("5.2", dips)

# %% [markdown]
# > **Takeaway.** A window decides what can be seen. Events need a short one, and two thresholds.

# %% [markdown]
# ## 4. Harmonics (E2)
#
# Distortion is measured over 10 cycles, about 200 ms. A Fourier transform of `N` samples gives `N/2` frequencies, 5 Hz apart.
# But what is asked for are the harmonics and their two neighbours, 150 of them. Can we compute only those?
#
# The window holds `C` cycles of `M` samples. **Fold** it: put the cycles on top of each other, and add. What has
# a whole number of periods in one cycle stays, all else cancels. The neighbours come from a second fold, with
# samples that are turned a little first:
#
# | fold | its M-point DFT, entry h |
# |---|---|
# | `y0[m] = sum over c of x[cM + m]` | bin `Ch` |
# | `y1[m] = sum over c of x[cM + m] * exp(-2j pi (cM + m) / N)` | bin `Ch + 1` |
# | `conj(y1)` | bin `Ch - 1` |
#
# Does it hold? **Predict** to how many digits it agrees with numpy's transform of the whole window.

# %%
predict("fold-digits", 6, unit="digits")

# %%
C, M = 10, 200
x = np.random.default_rng(1).standard_normal(C * M)
turn = np.exp(-2j * np.pi * np.arange(C * M) / (C * M))
y0, y1 = x.reshape(C, M).sum(0), (x * turn).reshape(C, M).sum(0)
full, h = np.fft.fft(x), np.arange(1, 50)
folded = {0: np.fft.fft(y0), 1: np.fft.fft(y1), -1: np.fft.fft(np.conj(y1))}
error = max(np.abs(f[h] - full[C * h + k]).max() for k, f in folded.items()) / np.abs(full).max()

# %%
reveal("fold-digits", float(-np.log10(error)), unit="digits")

# %% [markdown]
# Exact, up to rounding in float64. Instead of one transform of 2000 there are two of 200, and the folding is an addition for each
# sample. That is the kind of work that vector units are made for.
#
# ### Exercise 5.3 · THDS from a folded window (5 points)
#
# You get `y0` and `y1` of a window, as above. A **subgroup** takes a harmonic together with its two
# neighbouring bins: its square is `|X[Ch-1]|^2 + |X[Ch]|^2 + |X[Ch+1]|^2`. Return THDS in per cent: the root of
# the squares of the subgroups 2 to 40, over the subgroup of the fundamental.

# %% tags=["answer", "ex-5-3"]
def thds(y0, y1):
    """THDS of the window, in per cent."""
    ### BEGIN SOLUTION
    squares = sum(np.abs(np.fft.fft(y)) ** 2 for y in (y0, y1, np.conj(y1)))
    return float(100 * np.sqrt(squares[2:41].sum() / squares[1]))
    ### END SOLUTION


# %% tags=["check", "ex-5-3"]
check("5.3", thds)

# %% [markdown]
# Now the meter, on phase `u3` while it is distorted, and beside it a naive program: the same 10 cycles of *50 Hz*,
# whatever the supply does. First on our record:

# %%
def naive_thd(x, fs):
    window = np.abs(np.fft.rfft(x[: round(0.2 * fs)]))  # 10 cycles, if it is 50 Hz
    return 100 * np.sqrt(np.square(window[20:401:10]).sum()) / window[10]


samples, setting = on("u3")
late = samples[:, round(1.4 * setting.fs_hz) :]
harmonics = {r.quantity: r.value for r in run_meter("harmonics", late, setting)[:101]}
print(f"meter {harmonics['thds']:.3f}%, naive {naive_thd(late[0], setting.fs_hz):.3f}%")

# %%
orders = np.arange(2, 26)
charts.harmonics_chart(
    orders,
    [harmonics[f"h{n}"] for n in orders],
    limits=[{5: 6.0, 7: 5.0}.get(n, np.nan) for n in orders],
    channel="u3",
    thd_percent=harmonics["thds"],
)

# %% [markdown]
# Both agree. Now the same supply at 49.3 Hz. Nothing else is changed. **Predict:** what does the naive program say?

# %%
predict("naive-thd", 10, unit="%")

# %%
slow = supply(duration_s=1.0, frequency_hz=49.3, harmonics={3: (2.0, 0.0), 5: (11.5, 90.0)}, phases=1)
u = whole(slow)
tracked = run_meter("harmonics", u, Setting(slow.fs_hz, slow.channels, 50.0, 230.0))
tracked = next(r for r in tracked if r.quantity == "thds")
print(f"meter {tracked.value:.3f}% over {tracked.count} samples, truth {np.hypot(2, 11.5):.3f}%")

# %%
reveal("naive-thd", naive_thd(u[0], slow.fs_hz), unit="%")

# %% [markdown]
# **Explain:** the fifth harmonic is at 246.5 Hz, between two bins, and most of it is lost. Meanwhile the fundamental leaks
# into bins that should be empty. The meter measures the frequency, asks for the window that holds 10 *real* cycles, and
# resamples it. That is why the plan in section 9 will say "readings decide" about its windows.
#
# > **Takeaway.** Compute what is asked for, over whole cycles of what is there, not of what is on the
# > nameplate.

# %% [markdown]
# ## 5. Power, unbalance, phasors (E3, E4)
#
# Current and voltage together: `P = mean(u i)`, `S = U I`, power factor `P / S`. The current of our supply lags by
# 36.87 degrees, whose cosine is 0.8. **Predict** the power factor of phase 3 while its voltage has 10% of a fifth
# harmonic (the current has none).

# %%
predict("power-factor", 0.8)

# %%
samples, setting = on("u3", "i3")
power = run_meter("power", samples[:, round(1.4 * setting.fs_hz) :], setting)
power = {r.quantity: r for r in power}  # the last window's
for r in power.values():
    print(f"{r.quantity:<4} {r.value:9.4g} {r.unit}")

# %%
reveal("power-factor", next(r.value for q, r in power.items() if q.lower() == "pf"))

# %% [markdown]
# The harmonic makes the RMS voltage larger, but gives no power with a current that hasn't got it. So `S` grows and `P` stays:
# the power factor is *below* the cosine. Two numbers that are equal in a textbook differ on a real supply.
#
# Three voltages are in balance when they are equal and 120 degrees apart. Fortescue's components say how far they
# are from it: a part that turns forwards, one that turns *backwards*, one that doesn't turn. The backward
# part over the forward part is the unbalance `u2`; it heats motors. Here one phase is 5% low. **Predict** u2.

# %%
predict("unbalance", 5, unit="%")

# %%
uneven = supply(duration_s=0.5, unbalance=(1.0, 0.95, 1.0))
three = Setting(uneven.fs_hz, uneven.channels, 50.0, 230.0)
uneven_samples = whole(uneven)
u2 = next(r for r in run_meter("unbalance", uneven_samples, three) if r.quantity == "u2")

# %%
reveal("unbalance", u2.value, unit="%")

# %% [markdown]
# A third of 5%, over a mean that is a little lower: one phase is one of three.
#
# A **phasor** is the same fundamental as an arrow with an absolute time. The phasor meter reports at fixed
# instants. Its angle is against a cosine that begins with the record, so a supply that is exactly at 50 Hz stands still, and
# one at 50.01 Hz turns by 3.6 degrees each second.

# %%
arrows = {}
for channel, row in zip(uneven.channels, uneven_samples, strict=True):
    readings = run_meter("phasor", row, Setting(uneven.fs_hz, (channel,), 50.0, 230.0))
    last = {r.quantity: r.value for r in readings}
    arrows[channel.name] = last["magnitude"] * np.exp(1j * np.radians(last["angle"]))
charts.phasor_chart(arrows, nominal=230.0, unbalance_percent=u2.value)

# %% [markdown]
# > **Takeaway.** Each of these is a few sums over the same samples. What makes them measurements is that the window,
# > the reference and the definition are written down.

# %% [markdown]
# ## 6. A filter on a stream (E5)
#
# A stream comes in blocks. How long a block is, is an accident of the driver. So **no** result may
# depend on it: not nearly, but in no bit. For a filter that means: what it needs of earlier samples has to be carried
# along.
#
# ### Exercise 5.4 · A filter that doesn't see blocks (5 points)
#
# The filter computes `y[n] = taps[0] * x[n] + taps[1] * x[n-1] + ...`, and before the stream began all was zero. Write
# the step for one block: it gets the `taps`, the `state` (the last `len(taps) - 1` samples of before, oldest
# first; zeros in the beginning) and the `block`, which has at least one sample and may be shorter than the
# filter. Return `(filtered, state)`, the state for the next block. The check cuts a signal in odd places, and
# every bit has to be the same.

# %% tags=["answer", "ex-5-4"]
def fir_block(taps, state, block):
    """(filtered block, state for the next)"""
    ### BEGIN SOLUTION
    x = np.concatenate([state, block])
    return np.convolve(x, taps, "valid"), x[len(x) - (len(taps) - 1) :]
    ### END SOLUTION


# %% tags=["check", "ex-5-4"]
check("5.4", fir_block)

# %% [markdown]
# The course's filter meter gets windows that *contain* the history. Let us tell it of the same samples in blocks
# of very different lengths. **Predict:** how many of its readings differ in any bit?

# %%
predict("bits-differ", 2, unit="readings")

# %%
samples, setting = on("u1")
splits = {n: run_meter("fir", samples, setting, block=n, cutoff_hz=500.0) for n in (100_000, 1024, 77)}
different = sum(len({r.value for r in same}) > 1 for same in zip(*splits.values(), strict=True))
print(f"{len(splits[77])} readings; in 3 ways to cut, {different} differ")

# %%
reveal("bits-differ", different, unit="readings")

# %% [markdown]
# <details><summary>Why is that hard?</summary>
#
# Floating-point sums depend on their order. A compiler that splits a loop of 1024 in another way than one of 77
# gives other last digits. The filter here is always computed in the same pieces, whatever the length.
# </details>
#
# > **Takeaway.** "The same up to rounding" is not good enough for a verdict: a limit lies somewhere, and
# > one day a value lies exactly on it.

# %% [markdown]
# ## 7. Masks, pulses, converters (E6, E7, E8)
#
# Some requirements are a *shape*: a trace has to stay between two lines.
#
# ### Exercise 5.5 · Inside the mask (4 points)
#
# `x`, `lower` and `upper` are arrays of one length. Return `(verdict, margin, first)`. The **margin** is how far
# the worst sample lies *outside*: the largest of `x - upper` and `lower - x` over all samples, so zero or less
# when all is well. On the edge is inside. `first` is the index of the first sample that isn't inside, or None;
# the verdict is `"PASS"` or `"FAIL"`. A sample that is NaN wasn't seen to be inside: then the verdict is
# `"FAIL"`, and the margin NaN.

# %% tags=["answer", "ex-5-5"]
def mask_margin(x, lower, upper):
    """("PASS" or "FAIL", margin, index of the first sample that isn't inside or None)"""
    ### BEGIN SOLUTION
    over = np.maximum(x - upper, lower - x)  # NaN goes on through it
    outside = np.flatnonzero(~(over <= 0))
    first = int(outside[0]) if len(outside) else None
    return "PASS" if first is None else "FAIL", float(over.max()), first
    ### END SOLUTION


# %% tags=["check", "ex-5-5"]
check("5.5", mask_margin)

# %%
ringing = second_order(0.3, 400.0, fs_hz=100e3, duration_s=0.01, at_s=0.001, high=5.0)
trace = whole(ringing)[0]
t = np.arange(len(trace)) / ringing.fs_hz
upper, lower = np.where(t < 0.004, 6.5, 5.4), np.where(t < 0.004, -0.5, 4.6)
charts.mask_chart(t, trace, lower=lower, upper=upper, channel="step")

# %% [markdown]
# The same trace as a **pulse**: how fast does it rise, how far does it overshoot, when is it settled? For a second-order
# system there are closed forms to compare with: with a damping of 0.3 the overshoot is `exp(-pi 0.3 / sqrt(1 - 0.09))`.

# %%
pulse = run_meter("pulse", trace, Setting(ringing.fs_hz, ringing.channels), window_s=0.01)
for r in pulse:
    print(f"{r.quantity:<14} {r.value:10.4g} {r.unit:<3} {r.reason}")
print(f"overshoot, closed form: {100 * np.exp(-np.pi * 0.3 / np.sqrt(1 - 0.09)):.4g}%")

# %% [markdown]

# %% [markdown]
# ### Exercise 5.6 · Rise time between the samples (4 points)
#
# `low` and `high` are the two levels of a pulse. Return the seconds from the **first** upward crossing of 10% of
# the way from low to high, to the first upward crossing of 90% that follows. A crossing lies between two samples `x[i] <
# level <= x[i + 1]`, on the straight line between them. When it doesn't rise that far, return `None`.

# %% tags=["answer", "ex-5-6"]
def rise_time(x, low, high, fs_hz):
    """10% to 90% in seconds, or None."""
    ### BEGIN SOLUTION
    def crossing(level, begin):
        for i in np.flatnonzero((x[:-1] < level) & (level <= x[1:])):
            place = i + (level - x[i]) / (x[i + 1] - x[i])
            if place >= begin:
                return float(place)
        return None

    ten = crossing(low + 0.1 * (high - low), 0)
    ninety = None if ten is None else crossing(low + 0.9 * (high - low), ten)
    return None if ninety is None else (ninety - ten) / fs_hz
    ### END SOLUTION


# %% tags=["check", "ex-5-6"]
check("5.6", rise_time)

# %% [markdown]
# And the instrument itself? A **converter** is tested with a pure sine that has a whole number of cycles in the
# window. Everything in the spectrum that isn't the sine is its doing. **Predict:** a perfect 12-bit converter, with
# a noise of half a step (RMS) in front of it. How many *effective* bits?

# %%
predict("enob", 11.5, unit="bit")

# %%
adc = converter(12, noise_lsb=0.5, windows=1, window=16_384, cycles=1021)
codes = np.concatenate([b.samples for b in adc.blocks()], axis=1)
figures = run_meter("adc", codes, Setting(adc.fs_hz, adc.channels), window=16_384, cycles=1021)
print(", ".join(f"{r.quantity} {r.value:.4g} {r.unit}" for r in figures if r.valid))

# %%
reveal("enob", next(r.value for r in figures if r.quantity == "enob"), unit="bit")

# %% [markdown]
# <details><summary>One whole bit, for half a step?</summary>
#
# Rounding to steps is itself a noise, of 1/12 of a step squared. The other one is 1/4, three times as much. Together four
# times: and each factor of four in noise power is one bit.
# </details>

# %%
spectrum = np.abs(np.fft.rfft(codes[0])) / len(codes[0])
level = 20 * np.log10(np.maximum(spectrum, 1e-9) / spectrum.max())
charts.adc_spectrum_chart(
    np.fft.rfftfreq(codes.shape[1], 1 / adc.fs_hz)[1:],
    level[1:],
    fundamental_hz=1021 / 16_384 * adc.fs_hz,
    figures={r.quantity.upper(): f"{r.value:.2f} {r.unit}" for r in figures[:4]},
)

# %% [markdown]
# > **Takeaway.** Test the measurement on signals whose answer is a formula. Then believe it on signals whose
# > answer nobody knows.

# %% [markdown]
# ## 8. The verdict
#
# Limits, record, measurements: put together they make a verdict. **Predict** it for our record: `"PASS"`,
# `"MARGINAL"`, `"FAIL"` or `"INVALID"`?

# %%
predict("verdict", "PASS")

# %%
result = validate(limits, file)
result

# %%
reveal("verdict", result.status)

# %% [markdown]
# Every row says what was measured, what was allowed, by how much, and *where*. The unbalance failed too: a dip on one
# phase is an unbalance as long as it lasts. Was the dip an event that is allowed? Its duration is. But the file also
# says something about *every* cycle.
#
# For a person there is a page, for a build server JUnit, for a program JSON. In a terminal the same is
# `python3 course.py validate limits.yaml site.cfg`, with the exit code 0, 1 or 2: passed, failed, couldn't be judged.

# %%
names = {"html": "verdict.html", "junit": "verdict.xml", "json": "verdict.json"}
for path in save_reports(result, {k: str(paths.results_dir() / n) for k, n in names.items()}):
    print(f"{path.name}: {format_bytes(path.stat().st_size)}")
print("exit code", result.exit_code)

# %% [markdown]
# Now the same record with 50 ms missing, as after a cable that was loose. The supply itself is fine. **Predict:**

# %%
predict("lost-verdict", "PASS")

# %%
loose = validate(limits, supply(duration_s=1.0, faults=(DropOut(0.4, 0.05),)))
print(loose.summary)
print(next(r.reason for r in loose.verdict.rows if r.status == "INVALID"))

# %%
reveal("lost-verdict", loose.status)

# %% [markdown]
# Nobody knows what happened in those 50 ms. A program that glues the ends together gives a verdict about a signal
# that never existed. So every window that touches a gap is **INVALID**, and no limit is passed with a window missing.
#
# ### Exercise 5.7 · A limit file that catches it (6 points)
#
# A contract for a three-phase supply of 120 V at 60 Hz, channels `u1`, `u2` and `u3`:
#
# 1. In each phase **every cycle** has between 114 V and 126 V (RMS).
# 2. The frequency is between 59.9 Hz and 60.1 Hz.
# 3. THDS of each phase is at most 5%.
# 4. The unbalance (negative over positive sequence) is at most 1%.
#
# Return the text of the limit file. The check runs it on ten fresh records: three keep the contract, some just
# so. The others break one line of it, for example for three cycles on one phase. (A record with lost samples is
# `INVALID` without your doing.)

# %% tags=["answer", "ex-5-7"]
def my_limits():
    """The text of a limit file."""
    ### BEGIN SOLUTION
    return """
name: Contract
supply: {nominal_hz: 60 Hz, nominal_v: 120 V}
measurements:
  - name: voltage
    measure: urms_half
    channels: [u1, u2, u3]
    limits: [{quantity: urms, lower: 114 V, upper: 126 V}]
  - name: frequency
    measure: frequency
    channels: u1
    limits: [{quantity: frequency, lower: 59.9 Hz, upper: 60.1 Hz}]
  - name: distortion
    measure: harmonics
    channels: [u1, u2, u3]
    limits: [{quantity: thds, upper: 5 %}]
  - name: unbalance
    measure: unbalance
    channels: [u1, u2, u3]
    limits: [{quantity: u2, upper: 1 %}]
"""
    ### END SOLUTION


# %% tags=["check", "ex-5-7"]
check("5.7", my_limits)

# %% [markdown]
# ### Six hasty validators
#
# Each of these says `"PASS"` to a record that it can't pass. Read before you run.

# %% tags=["validators"]
def cycles(x, fs=10_000):
    """RMS of each whole cycle of 50 Hz."""
    n = round(fs / 50)
    return np.sqrt(np.square(x[: len(x) // n * n]).reshape(-1, n).mean(1))


def validator_a(urms):
    """No value outside 207 ... 253 V."""
    return "FAIL" if (urms < 207).any() or (urms > 253).any() else "PASS"


def validator_b(blocks):
    """No cycle below 207 V. A block is (number of its first sample, samples)."""
    x = np.concatenate([samples for _, samples in blocks])
    return "FAIL" if cycles(x).min() < 207 else "PASS"


def validator_c(x):
    """The supply is between 207 V and 253 V for 10 s."""
    return "PASS" if 207 <= np.sqrt(np.mean(np.square(x))) <= 253 else "FAIL"


# %% tags=["validators"]
def validator_d(counts):
    """No peak above 400 V. A 12-bit converter, 0.19 V for each count."""
    return "FAIL" if np.abs(counts * 0.19).max() > 400 else "PASS"


def validator_e(blocks):
    """No disturbance: the mean of 32 neighbouring samples stays below 30 V."""
    taps = np.ones(32) / 32
    means = [np.convolve(samples, taps, "valid") for _, samples in blocks]
    return "FAIL" if max(np.abs(m).max() for m in means) >= 30 else "PASS"


def validator_f(x, fs):
    """THD up to the 40th harmonic is 8% or less."""
    window = np.abs(np.fft.rfft(x[: int(10 * fs / 50)]))  # 10 cycles: harmonic h is at 10 h
    return "FAIL" if np.sqrt(np.square(window[20:401:10]).sum()) > 0.08 * window[10] else "PASS"


# %%
every = {"A": validator_a, "B": validator_b, "C": validator_c}
every |= {"D": validator_d, "E": validator_e, "F": validator_f}
for letter, validator in every.items():
    said = [validator(*troubles.record(letter, good=good)) for good in (True, False)]
    print(f"{letter}: the good record {said[0]}, the bad one {said[1]}")

# %% [markdown]
# `troubles.record("A", good=False)` gives you what validator A was fed, and so on. Look at it before you answer.
#
# ### Exercise 5.11 · What is wrong with this validator? (4 points)
#
# Which flaw is whose? `"NaN passes"`, `"a gap is bridged"`, `"a mean hides what is short"`, `"a clipped
# record is believed"`, `"each block begins anew"`, `"the window doesn't follow the frequency"`. Each is used once.

# %% tags=["answer", "ex-5-11"]
def flaws():
    """A dict from "A" ... "F" to the flaw."""
    ### BEGIN SOLUTION
    return {
        "A": "NaN passes",
        "B": "a gap is bridged",
        "C": "a mean hides what is short",
        "D": "a clipped record is believed",
        "E": "each block begins anew",
        "F": "the window doesn't follow the frequency",
    }
    ### END SOLUTION


# %% tags=["check", "ex-5-11"]
check("5.11", flaws)

# %% [markdown]
# > **Takeaway.** PASS means: seen, all of it, and inside. Everything else is FAIL or INVALID, with a reason.

# %% [markdown]
# ## 9. Live
#
# A file waits. A live stream doesn't: its samples come whether you are ready or not. Everything that
# takes long has to be done *before*. That is what the production backend's first method is for. It
# compiles the limit file into kernels, takes all memory, binds the kernels to the ring in which samples arrive, and
# times them.
#
# **Predict** the load: which part of the time will the three phases keep one core of your machine busy?

# %%
predict("load", 20, unit="%")

# %%
def live(seconds, **settings):
    """Our supply in real time: each block comes when its last sample would have been taken."""
    return Paced(supply(duration_s=seconds, noise=0.3, **settings))


backend = ProductionElectricalBackend()
plan = backend.optimize_for_real_time_validation(limits, source=live(1.0), block_s=0.02)
plan

# %%
reveal("load", 100 * plan.predicted_load, unit="%")

# %% [markdown]
# Meters that need the same window would share one pass. These don't, and the plan says why. But all of them are **one C
# function**. The stream calls it once for each block. Here is its beginning, ten of many hundred lines:

# %%
entry = plan.source[plan.source.index("void stream_block") :]
print("\n".join(line[:110] for line in entry.splitlines()[:10]))
print(f"... {len(plan.source.splitlines())} lines in all")

# %% [markdown]
# Two renderers have written this: ELECTRICAL's the kernels, and the stream's the loop around them. There is no
# Python between a block's kernels, no allocation, and no copy of a sample.
#
# Now five seconds of it, with a dip at 2 s. The panel is the stream's dashboard. Press *Start*, or run the cell below it, which
# does the same.

# %%
log = paths.results_dir() / "live.jsonl"


def five_seconds():
    log.unlink(missing_ok=True)
    dips = (Dip(2.0, 0.3, factor=0.5),)
    return backend.implement_streaming_processing(live(5.0, faults=dips), log=log)


panel = widgets.stream_panel(five_seconds)
panel

# %% [markdown]
# What is the time from a block's last sample to its last reading, the **latency**? And how would you know that a late block is the
# *pipeline's* fault, and not your machine's? Beside the stream a bare timer runs. It asks to be woken each
# millisecond, does nothing, and notes how late it was. **Predict** the median latency:

# %%
predict("latency", 5, unit="ms")

# %%
panel.start()
panel.wait()
run = panel.run
charts.stream_chart(list(panel.snapshots))

# %%
run.statistics

# %%
reveal("latency", 1000 * run.statistics.latency_p50_s, unit="ms")

# %% [markdown]
# **Explain:** compare the latency's p99 and maximum with the timer's. Where both are late, somebody else had the
# processor. (A tutorial that shows a latency without such a control has measured its author's laptop.)

# %%
run.verdict

# %% [markdown]
# The **log** was written while the stream ran, one line for each row, with a checksum. A crash loses nothing that was
# said before:

# %%
kept = read_log(log)
print(f"{len(kept.entries)} entries, {log.stat().st_size:,} bytes; the last one: {kept.entries[-1]['kind']}")

# %% [markdown]
# **Try:** press *Start* again, and *Pause* for a second. Where are the samples meanwhile? Then give `policy="drop"` to
# `implement_streaming_processing`, and do the same. What became of the verdict, and why is that right?
#
# > **Takeaway.** Compile, allocate and bind ahead of time. Then measure latency beside a timer that does nothing.

# %% [markdown]
# ## 10. Too much
#
# What is the fastest converter that this machine can follow? A harder stream: one channel of 16-bit counts, and for every sample a
# filter with 64 taps, RMS, peak and a mask (E0). **Predict** the rate at which one core has nothing left:

# %%
predict("full-rate", 20, unit="MS/s")

# %%
channel = stress(fs_hz=1e6, duration_s=0.1).channels


def heavy(fs):
    window_s = 32_768 / fs
    mask = ((0.0, -400.0, 400.0), (window_s, -400.0, 400.0))
    told = {"cutoff_hz": 0.1 * fs, "taps": 64, "window_s": window_s, "points": mask}
    return backend.optimize_for_real_time_validation(
        [("composite", "u", told)], channels=channel, fs_hz=fs, block_s=0.005, ring_blocks=16,
        allow_overload=True,
    )


first = heavy(20e6)
full_rate = 20e6 / first.predicted_load
reveal("full-rate", full_rate / 1e6, unit="MS/s")

# %% [markdown]
# A plan may not use all of that: other programs run, too. So we take **40%** of it. Then, from 1.0 s to 2.0 s, the source
# floods us with 4 times as many samples: 160% of what can be done. The policy is `"drop"`: what finds no
# room in the ring is left out, and *counted*. **Predict:** how long after the flood is the stream well again?

# %%
predict("recovered", 1.0, unit="s")

# %%
rate = round(0.4 * full_rate, -5)
plan = heavy(rate)
flood = Paced(
    stress(fs_hz=rate, duration_s=6.5), block_s=0.005, faults=(Flood(1.0, 4.0, speed=4.0),)
)
looks = []
run = backend.implement_streaming_processing(flood, policy="drop")
with run:
    while run.state == "running":
        looks.append(run.statistics)
        time.sleep(0.02)

# %%
after = [s for s in looks if s.elapsed_s > 2.0]
calm = next((s.elapsed_s for s in after if s.ring_fill < 0.25), None)
charts.stream_chart(looks, spans=[Span(1.0, 2.0, "flood")], recovered_s=calm)

# %%
reveal("recovered", None if calm is None else calm - 2.0, unit="s")

# %%
run.statistics

# %% [markdown]
# **Explain:** during the flood the *load* falls. Is the machine less busy?
#
# <details><summary>Answer</summary>
#
# It is as busy as it can be. Load is processing time over the time that the samples *stand for*, and four seconds of signal came in
# one. Most of it was dropped, and windows that touch a gap aren't computed. So look at the ring and at the losses: a
# single number that looks healthy can be the worst sign.
# </details>
#
# Count it up: samples that were measured, that were dropped, and that the source itself had no room for, are all there
# were. Memory didn't grow. After the
# flood nothing is wrong any more, because nothing was *queued* beyond the ring. A program with an unbounded queue would
# still be working at what came seconds ago, and call it live.

# %%
s = run.statistics
counted = s.samples + s.dropped_samples + s.missing_samples
print(f"{s.samples:,} + {s.dropped_samples:,} + {s.missing_samples:,} = {counted:,}")
print(f"there were {flood.length:,} in all; {s.gap_count} gaps, each with its place")

# %% [markdown]

# %% [markdown]
# ### Exercise 5.8 · A ring that doesn't lie (5 points)
#
# Write the bookkeeping of a ring with room for `capacity` samples. Samples are numbered from 0 as the source
# gives them, kept or not. Events come in order, and each `pop` gets one answer:
#
# * `("push", n)`: the next `n` samples. When they don't **all** fit, all `n` are lost.
# * `("pop", n)`: `("samples", first, count)` with up to `n` samples of **consecutive** numbers. But when samples are missing
#   at that place, `("gap", first, count)` with all that were lost there so far. When nothing is there, `None`.
#
# A gap takes no room. Losses in a row are one gap, as long as nobody has popped it. A pop never reaches over a gap.
#
# ```python
# replay([("push", 5), ("push", 5), ("pop", 3), ("pop", 9), ("pop", 9), ("pop", 9)], 8)
# # -> [("samples", 0, 3), ("samples", 3, 2), ("gap", 5, 5), None]
# ```

# %% tags=["answer", "ex-5-8"]
def replay(events, capacity):
    """One answer for each pop."""
    ### BEGIN SOLUTION
    line, number, answers = [], 0, []  # line: [kind, first, count], in order of their numbers
    for event, n in events:
        if event == "push":
            used = sum(count for kind, _, count in line if kind == "samples")
            kind = "samples" if used + n <= capacity else "gap"
            if line and line[-1][0] == kind:
                line[-1][2] += n
            else:
                line.append([kind, number, n])
            number += n
        elif not line:
            answers.append(None)
        else:
            kind, first, count = line[0]
            take = min(n, count) if kind == "samples" else count
            answers.append((kind, first, take))
            line[0][1:] = [first + take, count - take]
            if take == count:
                line.pop(0)
    return answers
    ### END SOLUTION


# %% tags=["check", "ex-5-8"]
check("5.8", replay)

# %% [markdown]
# ### Exercise 5.9 · Does it keep up? (5 points)
#
# Block `k` is complete at the time `(k + 1) * period_us`. One thread processes the blocks in order, and needs
# `times_us[k]` for block `k` (whole microseconds). A block's deadline is the moment when the *next* one is
# complete; to end exactly then is in time. Return `(load, missed, ring)`:
#
# * `load`: the time used for all blocks, over the time that their samples stand for,
# * `missed`: how many blocks end after their deadline,
# * `ring`: the largest number of blocks that are complete and not yet done, the one in work included. (A
#   block that ends at the moment when another is complete has ended.)

# %% tags=["answer", "ex-5-9"]
def keeps_up(times_us, period_us):
    """(load, missed deadlines, blocks that the ring must hold)"""
    ### BEGIN SOLUTION
    ends, missed, ring, end = [], 0, 0, 0
    for k, needed in enumerate(times_us):
        complete = (k + 1) * period_us
        end = max(end, complete) + needed
        ends.append(end)
        missed += end > complete + period_us
        ring = max(ring, sum(e > complete for e in ends))
    return sum(times_us) / (len(times_us) * period_us), int(missed), ring
    ### END SOLUTION


# %% tags=["check", "ex-5-9"]
check("5.9", keeps_up)

# %% [markdown]
# > **Takeaway.** Overload isn't the failure. Not noticing it is. Bound the buffer, count what is lost, and say where.

# %% [markdown]
# ## 11. Would a microcontroller do?
#
# The same meters run on EDGE, the emulated Cortex-M4 of notebook 02: the same tinygrad function, another device.
# `edge_fit` runs one window there, compares the answer with the CPU's, and counts. Instructions, code and memory are
# **counted**. Cycles, time and energy come from a **model** of one chip, and are never mixed with what was measured.
#
# Urms(1/2) comes in two forms. *Tracked* follows the supply's frequency and resamples. *Coherent* trusts that the converter's clock is
# locked to the supply. **Predict:** how many times more instructions does it cost to follow the frequency?

# %%
predict("tracking-cost", 3, unit="times")

# %%
small = supply(fs_hz=3200.0, duration_s=0.5, phases=1)  # 64 samples in a cycle
one, volts = Setting(small.fs_hz, small.channels, 50.0, 230.0), whole(small)
asked = {
    "Urms, coherent": ("urms_half", {"sampling": "coherent"}),
    "Urms, tracked": ("urms_half", {}),
    "harmonics to 25": ("harmonics", {"highest": 25, "interharmonics": "no", "sampling": "coherent"}),
    "64-tap filter": ("fir", {"cutoff_hz": 500.0, "window_s": 0.02}),
}
fits = {name: edge_fit(kind, volts, one, **told) for name, (kind, told) in asked.items()}

# %%
ratio = fits["Urms, tracked"].instructions / fits["Urms, coherent"].instructions
reveal("tracking-cost", ratio, unit="times")

# %%
fits_table(list(fits.values()))

# %%
charts.edge_budget_chart(
    [charts.EdgeShare(name, f.ram_bytes, f.load * 0.02) for name, f in fits.items()],
    memory_limit_bytes=fits["64-tap filter"].ram_limit_bytes,
    block_s=0.02,
    model="counted instructions of the emulated core, and the cost model of its clock",
)

# %% [markdown]
# All of it fits, at 64 samples in a cycle. Now one phase of *our* record: 10,240 samples a second, and harmonics that follow the
# frequency. The window of 10 cycles has to be in memory at once. The chip has 192 KiB. **Predict** how much is needed:

# %%
predict("edge-memory", 20, unit="KiB")

# %%
samples, setting = on("u1")
larger = edge_fit("harmonics", samples, setting, highest=25, interharmonics="no")
larger

# %%
reveal("edge-memory", larger.ram_bytes / 1024, unit="KiB")

# %% [markdown]
# **Explain:** three phases, each with events and harmonics: would you take this chip? What would you change first?
#
# <details><summary>One answer</summary>
#
# One phase of harmonics just fits, three don't, although the core would have time for them: memory is what ends first. (A part of it are
# tables, which firmware would keep in flash.) Following the
# frequency is what costs, twice: the samples are resampled, so they are there twice, and each new one is a sum of
# many. Let the *converter* follow the supply: a clock that is locked to it makes every window whole. The most
# effective optimisation is sometimes a wire.
# </details>
#
# > **Takeaway.** The same function on another device: count what it needs there, and let the model say
# > only what a model can.

# %% [markdown]
# ## 12. Is it fast? (homework: a benchmark suite)
#
# "Three times as fast as scipy" is a claim, and you know from notebook 04 what it takes: right results, the same
# work, one thread each, rounds that alternate, and an interval. Here is a small suite of three of the measurements, each beside
# what one would write without the course. `bind` fixes the kernels to their buffers, as the stream does.

# %%
n, rows = 1 << 18, 128
noise = np.random.default_rng(0).standard_normal(n + 63).astype(np.float32)
taps = low_pass(100e3, 1e6).astype(np.float32)
state, grid = np.zeros(63, np.float32), noise[:n].reshape(rows, -1)
high = np.linspace(3, 4, n // rows, dtype=np.float32)

ways = {
    "E1 RMS": (lambda x: x.square().sum(-1), (grid,), lambda: np.einsum("ij,ij->i", grid, grid)),
    "E5 FIR64": (fir, (noise, taps), lambda: lfilter(taps, np.float32(1), noise, zi=state)[0][63:]),
    "E6 mask": (
        lambda x, hi: margins(x, -hi, hi).max(-1),
        (grid, high),
        lambda: np.maximum(grid - high, -high - grid).max(1),
    ),
}
gates = {"E1 RMS": 1.0, "E5 FIR64": 4.0, "E6 mask": 2.0}


# %%
def bound(function, arrays):
    """A launch with fixed buffers, on one core, and its result's memory."""
    inputs = [Tensor(a, device="ELECTRICAL").realize() for a in arrays]
    with Context(NUM_CPU_THREADS=1):
        step = TinyJit(lambda *ts: function(*ts).contiguous().realize())
        for _ in range(3):
            made = step(*inputs)
    return bind(step, *inputs), numpy_view(made)


# %% [markdown]
# **Predict:** at how many of the three do your data say *yes* or *no*, whether the gate is met?

# %%
predict("gates-resolved", 2, unit="gates")

# %%
suite = {}
for name, (function, arrays, theirs) in ways.items():
    ours, answer = bound(function, arrays)
    ours()
    right = bool(np.allclose(answer, theirs(), rtol=1e-4, atol=1e-4))
    pair = {"ours": ours, "theirs": lambda theirs=theirs: (theirs(), None)[1]}
    both = bench.measure_calls(pair, device="ELECTRICAL", rounds=9, round_time_s=0.03)
    times = zip(*(m.round_medians_s for m in both), strict=True)
    suite[name] = [{"ours_s": a, "theirs_s": b, "right": right} for a, b in times]


# %%
def interval(rounds, k=2):
    """From the k-th smallest to the k-th largest ratio: 96% sure with 9 rounds and k = 2."""
    ratios = sorted(r["theirs_s"] / r["ours_s"] for r in rounds)
    return ratios[k - 1], ratios[len(ratios) // 2], ratios[-k]


intervals = {name: interval(rounds) for name, rounds in suite.items()}
met = sum(low >= gates[name] for name, (low, _, _) in intervals.items())
charts.named_values_chart(
    [
        charts.NamedValue(f"{name} (gate {gates[name]:g}x)", mid, interval=(low, high))
        for name, (low, mid, high) in intervals.items()
    ],
    quantity="Times as fast as numpy or scipy",
    unit="x",
    title=f"{met} of 3 gates are met in this run",
    subtitle=f"{n:,} float32, one thread each, 9 interleaved rounds; median and 96% interval",
)

# %%
resolved = sum(low >= gates[n] or high < gates[n] for n, (low, _, high) in intervals.items())
reveal("gates-resolved", resolved, unit="gates")

# %% [markdown]
# **Explain:** is it fair? In whose favour is it not?
#
# <details><summary>Two answers</summary>
#
# Our launch writes into memory that it has had all the time, as in the stream. numpy and scipy take new memory for every result,
# and the system has to hand it out, page by page. That is how they are used; but a part of the ratio is memory and not
# arithmetic. And einsum, with nothing to hand out, is the harder rival than its name suggests.
# </details>
#
# A gate that is *missed* here may be met on a quiet machine, and the other way: the sentence is about this run. "Not
# resolved" is neither. The whole suite, with streams and records, takes minutes, and is one command in a
# terminal: `python3 benchmarks/electrical`. Each of its rows says what its ratio is made of.
#
# ### Exercise 5.10 · Was the gate met? (4 points)
#
# A goal says "at least `gate` times as fast". In each round both were timed, one right after the other:
# `{"ours_s": 0.001, "theirs_s": 0.005, "right": True}`. A round's ratio is theirs over ours. Sort the ratios; the interval goes from
# the `k`-th smallest to the `k`-th largest. (With `k` 0 there were too few rounds for an interval.) Return
#
# * `"invalid"` when any result was not right, whatever the times are,
# * `"met"` when the whole interval is at or above the gate, `"missed"` when all of it is below,
# * `"not resolved"` in every other case.

# %% tags=["answer", "ex-5-10"]
def gate_word(rounds, gate, k):
    """"invalid", "met", "missed" or "not resolved"."""
    ### BEGIN SOLUTION
    if not all(r["right"] for r in rounds):
        return "invalid"
    if k == 0:
        return "not resolved"
    ratios = sorted(r["theirs_s"] / r["ours_s"] for r in rounds)
    low, high = ratios[k - 1], ratios[-k]
    return "met" if low >= gate else "missed" if high < gate else "not resolved"
    ### END SOLUTION


# %% tags=["check", "ex-5-10"]
check("5.10", gate_word)

# %% [markdown]
# > **Takeaway.** A goal without an interval can't be met. It can only be claimed.

# %% [markdown]
# ## 13. A device of your own (homework: a production backend)
#
# In notebook 02 you wrote a backend that the conformance suite accepts. Could it judge a supply? Here is the worked one,
# with the same limits and the same record:

# %%
worked_file = paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py"
backends.register("WORKED", worked_file)
needed = [r for r in result.specification.requirements if (r.name, r.channel) == ("voltage", "u2")]
voltage_only = replace(result.specification, requirements=tuple(needed))
for device in ("WORKED", "ELECTRICAL"):
    print(f"{device}: {validate(voltage_only, file, device=device).summary}\n")

# %% [markdown]
# Both say the same. But how do samples get there? **Predict:** which part of a device does it take so that numpy can
# write samples where the kernels read them: the `"renderer"`, the `"program"` or the `"allocator"`?

# %%
predict("who-shares", "renderer")

# %%
plans = {}
for device in ("WORKED", "ELECTRICAL"):
    other = ProductionElectricalBackend(device)
    plans[device] = other.optimize_for_real_time_validation(
        voltage_only, source=live(1.0), allow_overload=True
    )
    copies = plans[device].copies or "no copy of a sample"
    print(f"{device}: load {100 * plans[device].predicted_load:.1f}%, {copies}")

# %%
reveal("who-shares", "allocator")

# %% [markdown]
# ELECTRICAL's allocator has one method more than the template: `_as_buffer`. tinygrad asks for it when somebody wants to see
# a buffer's memory without a copy.
#
# ### Exercise 5.12 · Your device on the bench (6 points)
#
# Return the *text* of a module, as in exercise 2.10: yours from there, or the worked one, whose text is below.
# Its allocator has to give numpy a view of a buffer's memory, so that a source can write samples where the kernels
# read them. The check runs a sample of the conformance suite on your device, in processes of their own, and **every**
# case has to pass. Then it writes five blocks through numpy, without a copy, and compares what the kernels read.

# %% tags=["answer", "ex-5-12"]
def bench_backend():
    """The source text of a module with your device's class, such as OwnDevice."""
    worked = (paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text("utf-8")
    ### BEGIN SOLUTION
    method = """    def _as_buffer(self, src: Block) -> memoryview:
        return to_mv(src.address, src.size)

"""
    before = "    def _offset(self, buf: Block"
    text = worked.replace("import Target, from_mv", "import Target, from_mv, to_mv")
    return text.replace(before, method + before)
    ### END SOLUTION


# %% tags=["check", "ex-5-12"]
check("5.12", bench_backend)

# %% [markdown]
# > **Takeaway.** A backend is right when the suite says so. It is ready for production when nothing between
# > the converter and the kernel is copied, allocated or compiled.

# %% [markdown]
# ## 14. What you can do now
#
# Each line is tied to an exercise, and is ticked when you have passed it.

# %%
progress(5)

# %% [markdown]
# And the whole course, in its five questions. Nobody asks what you believe of yourself: the answer is "yes" when every
# exercise behind it was passed, in all five notebooks.

# %%
self_assessment()

# %% [markdown]
# ### Where to go from here
#
# * **Your own supply.** Record something, write its limits, and run `python3 course.py validate`. If you have an
#   instrument that speaks SCPI over a network, it is a source like any other.
# * **A measurement of your own.** A meter is one file: a tinygrad function of a fixed shape, and what is read from
#   its outputs. `labs/electrical/meters/rms.py` is the shortest. It will run on your device, too.
# * **Flicker**, the classic that is missing here: long recursive filters. Could blocks of them become a matrix product?
#
# You began with a tensor library and the question what a device is. Now you have one that does a job, and you know
# for each of your claims how you would defend it. That was the course.
