# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Cross-device engineering
#
# **Which device should do this work, and how sure can you be?**
#
# | | |
# |---|---|
# | Time | about 100 minutes |
# | Hardware | any laptop; a GPU joins in when there is one |
# | Fallback | no GPU: CPU, OpenCL on the processor and ELECTRICAL are three real devices; EDGE is kept apart, as a model |
# | Graded | 11 exercises, 50 points; `progress(4)` shows yours |
#
# By the end you can compare devices without fooling yourself, find the kernel that is wrong and the
# reason for slowness, watch devices at work, predict which one to choose, and split work over several
# of them so that nothing is lost when one fails.
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

import gc
import os
import statistics
from time import perf_counter as now

import numpy as np
from tinygrad import Device, Tensor, TinyJit

from labs import backends, bench, charts, debug, devices, paths, widgets
from labs.engineering import CrossDevicePerformanceEngineer, Monitor, MultiDeviceManager
from labs.engineering.manager_gain import measure_gain
from labs.engineering.predict import fit_costs, held_out_errors
from labs.grading import check, hint, predict, progress, reveal, suspects
from labs.units import format_ratio, format_seconds

backends.register()

# %% [markdown]
# ## Which devices?
#
# Two are enough, three are better. Tick what the notebook should use, then run the cell below. (PYTHON
# would take minutes where others take milliseconds, and EDGE's time is a model's. Both stay out of it.)

# %%
discovery = devices.discover()
wanted = ("CUDA", "METAL", "CL", "CPU", "ELECTRICAL")
picker = widgets.device_picker(multiple=True, discovery=discovery, value=wanted)
picker

# %%
ticked = [d for d in picker.value if d not in ("PYTHON", "EDGE")]
chosen = ticked if len(ticked) > 1 else ["CPU", "ELECTRICAL"]
first, last = chosen[0], chosen[-1]
chosen

# %% [markdown]
# ## 1. A benchmark that can be trusted
#
# "My GPU is ten times faster" is three claims in one: that both computed the *same*, that both were
# timed the *same* way, and that ten isn't an accident. The suite below takes care of all three. Each
# result is compared with numpy before it is timed. Rounds of all devices alternate, so that a busy
# minute hits them all. And each number comes with an interval.
#
# **Predict:** of the benchmarks that all your devices have, at how many is one device clearly the fastest?

# %%
predict("resolved", 5, unit="benchmarks")

# %%
engineer = CrossDevicePerformanceEngineer([*chosen, "EDGE"])
results = engineer.comprehensive_device_benchmark(
    size="small", sections=("elementwise", "matmul", "transfer"), rounds=6, budget_s=16, roofs=False
)
report = engineer.generate_performance_report()
print(report.summary)

# %%
from labs.engineering.best import best_table

best_table(report.best)

# %%
reveal("resolved", sum(bool(b.device) for b in report.best), unit="benchmarks")

# %% [markdown]
# **"Not resolved" is an answer.** It means: the intervals overlap, so these data name no winner. It does
# *not* mean that the devices are equally fast. Whoever needs to know measures longer, on a quieter machine.
#
# Look at the times, too. Most of these cases are so small that all devices need about the same: what they
# take is the call, not the work. Larger work follows in section 6.
#
# EDGE was measured too, and isn't in this table. Its time comes from a model, and a model's time beside a measured one would
# be a ratio of two different things.
#
# ### One device at a time
#
# A **profile** sums up what a device was seen to do. Look at the last two columns: each figure says how
# sure it is, and what it was made of. Where there is no figure, there is a reason. (Roofs take ten seconds a
# device, and you measured some in notebook 03. So they were left out here, and the profile says it.)

# %%
profiles = {p.device_name: p for p in engineer.profiles()}
profiles[first]

# %%
charts.profile_chart([p for p in profiles.values() if not p.modelled])

# %% [markdown]
# **Explain:** an older tutorial rates every device against 100 GFLOP/s, sets its "power efficiency" to
# 0.8 and its temperature limit to 85 degrees. What is wrong with each of the three?
#
# <details><summary>One answer</summary>
#
# 100 GFLOP/s is nobody's roof: the same kernel would get 5% on a laptop and 2000% on a GPU. A device's
# efficiency is what it reached of what *it* can reach. 0.8 and 85 were never measured. A missing sensor
# is a fact, and `None` with a reason says it. A made-up number hides it.
# </details>
#
# ### Exercise 4.1 · Reading a profile (4 points)
#
# A figure is a dict such as `{"value": 80e9, "low": 78e9, "high": 82e9, "how": "measured"}`; `how` may also
# be `"model"`, and `value` may be `None`. Return what was reached of the roof, as a dict with `value`,
# `low` and `high`: the interval must hold **whatever** the two true values in theirs are. Return `None`
# where there is no number, or where it would mean nothing.

# %% tags=["answer", "ex-4-1"]
def efficiency(reached, roof):
    """reached / roof with its interval, or None."""
    ### BEGIN SOLUTION
    if reached["value"] is None or roof["value"] is None or reached["how"] != roof["how"]:
        return None
    return {
        "value": reached["value"] / roof["value"],
        "low": reached["low"] / roof["high"],
        "high": reached["high"] / roof["low"],
    }
    ### END SOLUTION


# %% tags=["check", "ex-4-1"]
check("4.1", efficiency)

# %% [markdown]
# ### Exercise 4.2 · What may be concluded (4 points)
#
# Somebody measured three devices. (These numbers are made for the exercise.)
#
# | | A | B | C |
# |---|---|---|---|
# | matmul, n=512 | 4.0 ms [3.9, 4.1] | 2.0 ms [1.9, 2.1] | 40 µs (model) |
# | add, n=1000 | 1.00 ms [0.90, 1.11] | 1.05 ms [0.98, 1.12] | – |
# | add, of the measured memory roof | 96% [94%, 98%] | 85% [80%, 91%] | – |
# | work per energy | – (no sensor) | 2.1 GFLOP/J [2.0, 2.2] | – |
#
# What is true of each claim: `"follows"`, `"not resolved"` (measured, but the data can't tell) or
# `"no basis"` (the data don't speak about it)?

# %% tags=["answer", "ex-4-2"]
def conclusions():
    """A dict from each claim to one of the three answers."""
    claims = [
        "B multiplies faster than A",
        "A adds faster than B",
        "A and B add equally fast",
        "C multiplies 50 times faster than B",
        "B needs less energy than A",
        "adding on A can't be made much faster",
    ]
    ### BEGIN SOLUTION
    words = ["follows", "not resolved", "not resolved", "no basis", "no basis", "follows"]
    return dict(zip(claims, words, strict=True))
    ### END SOLUTION


# %% tags=["check", "ex-4-2"]
check("4.2", conclusions)

# %% [markdown]
# > **Takeaway.** A comparison is worth something when the results are right, the rounds alternate, and
# > "not resolved" is allowed as an answer.

# %% [markdown]
# ## 2. Six benchmarks that lie
#
# All six claim the same thing: *the time of one product of two n x n matrices on this device, kernels
# compiled*. None of them tells it. Read before you run.

# %%
lab = next((d for d in ("CUDA", "METAL", "CL") if d in chosen), "CPU")
n = 512 if lab in ("CL", "CPU") else 2048
rng = np.random.default_rng(0)
a, b = (Tensor(rng.random((n, n), np.float32), device=lab).realize() for _ in range(2))
product = TinyJit(lambda x, y: (x @ y).realize())
wait = Device[lab].synchronize
for _ in range(3):  # compiled and captured
    product(a, b)
kept = (a @ b).realize()
wait()


# %%
def lie_a():
    start = now()
    product(a, b)
    return now() - start


def lie_b():
    start = now()
    c = a @ b
    wait()
    return now() - start


def lie_c():
    start = now()
    kept.realize()
    wait()
    return now() - start


# %%
def lie_d():
    factor = np.random.default_rng().random()  # "so that no cache can help"
    start = now()
    (a @ b * factor).realize()
    wait()
    return now() - start


def lie_e():
    samples = []
    for i in range(20):
        start = now()
        if i == 10:
            gc.collect()  # Python does this by itself, now and then
        product(a, b)
        wait()
        samples.append(now() - start)
    return statistics.mean(samples)


# %%
smaller = TinyJit(lambda x, y: (x @ y).realize())
half_a, half_b = (m[: n // 2, : n // 2].contiguous().realize() for m in (a, b))


def lie_f():
    start = now()
    smaller(half_a, half_b)
    wait()
    return now() - start


lie_f(), lie_f(), lie_f()  # compiled and captured

# %% [markdown]
# **Predict:** how many times too small is the smallest of the six?

# %%
predict("biggest-lie", 10, unit="times")

# %%
six = {"A": lie_a, "B": lie_b, "C": lie_c, "D": lie_d, "E": lie_e, "F": lie_f}
claims = {}
for letter, lie in six.items():
    wait()  # what a lie left behind is not the next one's
    claims[letter] = statistics.median((lie(), wait())[0] for _ in range(3))
honest = bench.measure_call(
    lambda: product(a, b), name="honest", device=lab, rounds=5, round_time_s=0.03
)
charts.named_values_chart(
    [*(charts.NamedValue(letter, s) for letter, s in claims.items())]
    + [charts.NamedValue("honest", honest.median_s, is_reference=True)],
    quantity="Claimed time of one product",
    subtitle=f"{n} x {n} float32 on {lab} · wall time, median of 3 claims · honest: 5 rounds",
)

# %%
reveal("biggest-lie", honest.median_s / min(claims.values()), unit="times")

# %% [markdown]
# Some lies are always large. Others are close to the truth on a good day, and that makes them worse: run
# the cell several times. (Without a GPU and without OpenCL, A runs on tinygrad's CPU device, whose launch
# of a single kernel waits for it. There A is honest, by luck.)
#
# ### Exercise 4.3 · Six lying benchmarks (5 points)
#
# Which flaw is whose? `"nobody waited for the device"`, `"nothing was computed"`, `"it was computed
# before"`, `"a compilation was timed"`, `"a mean of skewed samples"`, `"a smaller problem"`. Each is used once.

# %% tags=["answer", "ex-4-3"]
def lies():
    """A dict from "A" ... "F" to the flaw."""
    ### BEGIN SOLUTION
    return {
        "A": "nobody waited for the device",
        "B": "nothing was computed",
        "C": "it was computed before",
        "D": "a compilation was timed",
        "E": "a mean of skewed samples",
        "F": "a smaller problem",
    }
    ### END SOLUTION


# %% tags=["check", "ex-4-3"]
check("4.3", lies)

# %% [markdown]
# ### Exercise 4.4 · The honest number (5 points)
#
# Here is a log of products of `n` x `n` matrices, one dict a call, all times in seconds:
# `{"n": 256, "first": False, "start": 1.0, "returned": 1.001, "synchronized": 1.004}`. `first` is the
# first call of its size. Return the **median rate in FLOP/s** of the calls that count, or `None` when none does.

# %% tags=["answer", "ex-4-4"]
def honest_rate(calls):
    """FLOP/s: the median over the calls that count."""
    ### BEGIN SOLUTION
    rates = [2 * c["n"] ** 3 / (c["synchronized"] - c["start"]) for c in calls if not c["first"]]
    return statistics.median(rates) if rates else None
    ### END SOLUTION


# %% tags=["check", "ex-4-4"]
check("4.4", honest_rate)

# %% [markdown]
# > **Takeaway.** Before you believe a time, ask what happened between the two readings of the clock.

# %% [markdown]
# ## 3. Which kernel is wrong?
#
# Three devices came back from the lab: `ALPHA`, `BRAVO` and `CHARLIE`. Something is wrong with each of
# them. In notebook 02 a test suite told you which *part* of a backend is at fault. Now you have a
# *computation* with a strange result, and want to know which of its kernels made it.
#
# Eight channels, 64 samples each, some stronger and some weaker:

# %% tags=["suspects"]
strength = np.array([2, 3, 2, 0.5, 4, 1.5, 2, 0.15], np.float32)[:, None]
noise = np.random.default_rng(4).standard_normal((8, 64)).astype(np.float32)
record = noise * strength

# %%
suspects.register()

# %% [markdown]
# ### ALPHA: a wrong result
#
# How far apart are the levels of neighbouring channels at most?

# %% tags=["suspects"]
def steps(device):
    x = Tensor(record, device=device).realize()
    centred = (x - x.mean(1, keepdim=True)).contiguous()
    energy = (centred * centred).sum(1).contiguous()
    level = energy.log2().contiguous()
    return (level[1:] - level[:-1]).contiguous().abs().max()


# %%
print("CPU:  ", steps("CPU").item())
print("ALPHA:", steps("ALPHA").item())

# %% [markdown]
# The computation has six kernels: mean, differences from it, energy, level, steps from channel to channel,
# and the largest of them. Which one is wrong? **`bisect`** runs them one by one on both devices. Each
# gets the inputs that the *CPU* has computed, so that an early error isn't taken for a late one. The first
# that differs is the culprit.
#
# **Predict** which:

# %%
kernels = ("mean", "differences", "energy", "level", "steps", "largest")
predict("alpha-step", "energy")

# %%
found = debug.bisect(lambda: steps("CPU"), "ALPHA")
found

# %%
reveal("alpha-step", kernels[found.divergence.number])

# %%
charts.mismatch_chart(found.divergence.mismatch)

# %% [markdown]
# <details><summary>What does "error / allowed" say?</summary>
#
# Two devices may add in another order, and then the last digits differ. What may differ follows from the
# dtype, from the operations and from how many terms are added. So "same" is not a matter of taste, and a
# sum over 64 values may be off by more than one subtraction may.
# </details>
#
# ### Exercise 4.5 · What is wrong with ALPHA? (4 points)
#
# Give the `"step"`, the `"index"` of the first wrong element (a tuple), and the `"fault"`, one of:
# `"the last element is never written"`, `"two inputs are exchanged"`, `"a sum misses a term"`, `"a view
# begins at the wrong place"`.

# %% tags=["answer", "ex-4-5"]
def alpha():
    """{"step": ..., "index": ..., "fault": ...}"""
    ### BEGIN SOLUTION
    return {"step": 4, "index": (6,), "fault": "the last element is never written"}
    ### END SOLUTION


# %% tags=["check", "ex-4-5"]
check("4.5", alpha)

# %% [markdown]
# ### BRAVO: right, and dangerous
#
# The crest factor is the peak of a channel over its effective value. Here is its ratio from channel to channel:

# %% tags=["suspects"]
def crests(device):
    x = Tensor(record, device=device).realize()
    rms = (x * x).mean(1).sqrt()
    crest = (x.abs().max(1) / rms).contiguous()
    return (crest[1:] / crest[:-1]).contiguous().realize()


# %%
debug.first_mismatch(crests("BRAVO"), crests("CPU")) is None

# %% [markdown]
# No mismatch: every value is right, to the last bit. But on some days *another* tensor has a wrong value
# afterwards. **`guard`** puts a red zone of known bytes around every buffer, and looks at the zones after
# each kernel.

# %%
with debug.guard("BRAVO") as guarded:
    crests("BRAVO")
guarded

# %% [markdown]
# ### Exercise 4.6 · What is wrong with BRAVO? (4 points)
#
# Give the `"buffer_bytes"` (the buffer's size), the `"bytes_outside"` that were changed, and the
# `"fault"`, one of: `"one value is written behind the end"`, `"one value is written in front"`,
# `"freed memory is written to"`, `"two buffers overlap"`.

# %% tags=["answer", "ex-4-6"]
def bravo():
    """{"buffer_bytes": ..., "bytes_outside": ..., "fault": ...}"""
    ### BEGIN SOLUTION
    fault = "one value is written behind the end"
    return {"buffer_bytes": 28, "bytes_outside": 4, "fault": fault}
    ### END SOLUTION


# %% tags=["check", "ex-4-6"]
check("4.6", bravo)

# %% [markdown]
# ### CHARLIE: NaN everywhere
#
# Each channel is brought to the same strength, then the channels compete in a softmax:

# %% tags=["suspects"]
def scaled(device):
    x = Tensor(record, device=device).realize()
    power = (x * x).mean(1).contiguous()
    rms = power.sqrt().contiguous()
    return (x / rms.reshape(8, 1)).contiguous().softmax(0).sum(1)


# %%
scaled("CHARLIE").numpy()

# %% [markdown]
# One NaN is enough: the softmax mixes all channels, and then everything is NaN. Where did the first one
# come from? **`trace_nonfinite`** stops at the first kernel that makes a NaN or an infinity out of
# finite numbers.

# %%
trace = debug.trace_nonfinite(lambda: scaled("CPU"), "CHARLIE")
trace

# %% [markdown]
# The kernel takes square roots. Is it the input's fault? All powers beside all roots:

# %%
power = (record**2).mean(1)
roots = Tensor(power, device="CHARLIE").sqrt().numpy()
for p, r in zip(power, roots, strict=True):
    print(f"power {p:7.4f}   root {r:7.4f}")

# %% [markdown]
# ### Exercise 4.7 · What is wrong with CHARLIE? (4 points)
#
# Give the `"step"`, the first `"index"` (a tuple), and the `"fault"`: the square root is wrong `"of a
# negative number"`, `"of zero"`, `"of a number below 1"` or `"of a large number"`.

# %% tags=["answer", "ex-4-7"]
def charlie():
    """{"step": ..., "index": ..., "fault": ...}"""
    ### BEGIN SOLUTION
    return {"step": 1, "index": (3,), "fault": "of a number below 1"}
    ### END SOLUTION


# %% tags=["check", "ex-4-7"]
check("4.7", charlie)

# %% [markdown]
# ### And memory that never comes back
#
# Not only devices have faults. This function keeps a little history. Which of its lines leaks?

# %%
history = []


def watch():
    level = (Tensor(record, device="CPU") ** 2).mean(1).realize()
    history.append(level)
    return level.max()


debug.find_leaks(watch, "CPU")

# %% [markdown]
# <details><summary>Reading it</summary>
#
# The blocks of one line grow by one with each call. It is the line whose tensor goes into `history`, and
# nobody takes it out. `constant` would be a cache, or the last result: that is no leak.
# </details>
#
# > **Takeaway.** Compare kernel by kernel with equal inputs, guard the memory, trace the first NaN: each
# > symptom has its tool, and each tool names a place.

# %% [markdown]
# ## 4. Why is it slow?
#
# Twelve small steps on a short record. **Predict:** which part of the time do kernels run?

# %%
predict("in-kernels", 80, unit="%")


# %%
def smooth(x):
    for _ in range(12):
        x = (x * 0.9 + 0.1).contiguous()
    return x


short = Tensor.ones(1024, device="CPU").contiguous().realize()
eager = debug.timeline(lambda: smooth(short).realize(), "CPU")
charts.timeline_chart(eager)

# %%
reveal("in-kernels", 100 * eager.in_kernels_s / eager.total_s, unit="%")

# %% [markdown]
# Between the kernels the device waits for Python, which schedules the same twelve steps each time anew.
# `why_slow` puts the reasons in order, each with its evidence and a next step:

# %%
debug.why_slow(lambda: smooth(short).realize(), "CPU").table()

# %% [markdown]
# It says what to try. So try it: TinyJit schedules once, and replays.

# %%
jitted = TinyJit(lambda x: smooth(x).realize())
for _ in range(3):
    jitted(short)
calls = {"eager": lambda: smooth(short).realize(), "TinyJit": lambda: jitted(short)}
timed = bench.measure_calls(calls, device="CPU", rounds=5, round_time_s=0.04)
gain = bench.compare(*timed, implementations=True)
charts.named_values_chart(
    [charts.NamedValue(m.workload, m.median_s) for m in timed],
    quantity="Time of twelve small steps",
    title=f"Scheduled only once, the steps are {gain.word}: {format_ratio(gain.speedup, 2)}",
    subtitle="1024 float32 on CPU · wall time, 5 interleaved rounds",
)

# %% [markdown]
# The timeline is also a file, for [Perfetto](https://ui.perfetto.dev): a viewer in which you can zoom
# into thousands of kernels. It runs in your browser, and the file stays on your machine.

# %%
trace_file = eager.to_chrome_trace(paths.results_dir() / "smooth.trace.json")
print(f"{trace_file.name}: {trace_file.stat().st_size / 1000:.0f} kB")

# %% [markdown]
# > **Takeaway.** Look at the gaps before you look at the kernels. Then change what the evidence names, and
# > measure again.

# %% [markdown]
# ## 5. Watching devices at work
#
# A monitor must not disturb what it watches. This one runs nothing on a device: ten times a second it
# reads counters that tinygrad keeps anyway, and sensors. **Predict:** how much of one processor does that take?

# %%
predict("own-share", 5, unit="%")

# %%
x = Tensor.ones(2048, 2048, device=lab).contiguous().realize()
few = Tensor.ones(16, device=lab).contiguous().realize()
twice, small = (TinyJit(lambda t: (t + t).realize()) for _ in range(2))
kinds = [lambda: product(a, b), lambda: twice(x), lambda: small(few)]
for step in kinds * 3:
    step()


def changing():
    kinds[int(now()) % 3]()  # another kind each second
    wait()


recording = engineer.real_time_performance_monitoring(3, workload=changing)
charts.monitor_chart(recording)

# %%
reveal("own-share", 100 * recording.own_cpu_share, unit="%")

# %% [markdown]
# The work changes every second: products, then additions of large arrays, then tiny kernels (your run may
# begin with another of the three). **Explain:** which stretch is which? Which line says "busy"?
#
# <details><summary>Reading it</summary>
#
# Tiny kernels give the highest kernels per second, with hardly any arithmetic or traffic: launches are all
# they do. Products give the most FLOP/s. Additions give the most bytes per second, at few FLOP/s. No
# single line says "busy": each kind of work looks idle on two of the three.
# </details>
#
# What had no number is in the table too, with its reason:

# %%
recording

# %% [markdown]
# Around code of your own it is a `with` block. Samples go into a ring buffer, so that a monitor may run
# for days, and the recording can be written to a file.

# %%
with Monitor(rate_hz=20) as monitor:
    end = now() + 1
    while now() < end:
        changing()
monitor.recording().to_csv(paths.results_dir() / "changing.csv")
len(monitor.samples)

# %% [markdown]
# And live: press *Start*, run the cell below the panel a few times, press *Stop*.

# %%
widgets.monitor_panel()

# %%
end = now() + 1
while now() < end:
    changing()

# %% [markdown]
# ### Exercise 4.8 · From counters to rates (5 points)
#
# A sample is `{"t": seconds, "kernels": count so far, "joules": energy so far}`; `joules` may be `None`. For
# each pair of neighbouring samples return `(kernels per second, joules per kernel)`. The second is
# `None` where it can't be told. When the counter went *back*, the device was restarted: then the pair's
# entry is `None`.
#
# ```python
# rates([{"t": 0.0, "kernels": 0, "joules": 10.0}, {"t": 0.5, "kernels": 100, "joules": 12.0}])
# # -> [(200.0, 0.02)]
# ```

# %% tags=["answer", "ex-4-8"]
def rates(samples):
    """One entry for each pair of neighbouring samples."""
    ### BEGIN SOLUTION
    found = []
    for before, after in zip(samples, samples[1:], strict=False):
        count = after["kernels"] - before["kernels"]
        if count < 0:
            found.append(None)
            continue
        known = count and before["joules"] is not None and after["joules"] is not None
        each = (after["joules"] - before["joules"]) / count if known else None
        found.append((count / (after["t"] - before["t"]), each))
    return found
    ### END SOLUTION


# %% tags=["check", "ex-4-8"]
check("4.8", rates)

# %% [markdown]
# > **Takeaway.** Watch with counters, not with probes. Say what the watching costs, and what it couldn't see.

# %% [markdown]
# ## 6. Predict before you measure
#
# A workload's time on a device has three parts: **starting** its kernels, the **work** itself, and
# **moving** its data there and back. The first counts for small work, the second for large work, the
# third when the data are elsewhere.
#
# ### Exercise 4.9 · Choose before you measure (5 points)
#
# A workload is `{"kernels": 3, "flop": 2e9, "bytes": 1e8, "moved": 4e6}`. A device is `{"launch_s": ...,
# "flop_per_s": ..., "bytes_per_s": ..., "link_s": ..., "link_bytes_per_s": ...}`; the host's own devices
# have no link: there both of its numbers are `None`, and nothing has to be moved. Computing and reading
# memory go on at the same time; launches, work and transfer follow one another. A transfer takes
# `link_s` and the moved bytes over the link's rate. Where nothing is moved it costs nothing.
#
# Return the fastest device's name and its seconds.

# %% tags=["answer", "ex-4-9"]
def choose(work, devices):
    """(name, seconds) of the device with the least predicted time."""

    ### BEGIN SOLUTION
    def seconds(d):
        busy = max(work["flop"] / d["flop_per_s"], work["bytes"] / d["bytes_per_s"])
        moving = 0.0
        if d["link_s"] is not None and work["moved"]:
            moving = d["link_s"] + work["moved"] / d["link_bytes_per_s"]
        return work["kernels"] * d["launch_s"] + busy + moving

    return min(((name, seconds(d)) for name, d in devices.items()), key=lambda pair: pair[1])
    ### END SOLUTION


# %% tags=["check", "ex-4-9"]
check("4.9", choose)

# %% [markdown]
# Now with your devices. A few sizes are measured on each. The *cost model* gets only every other size, and
# is asked about the ones in between. **Predict:** by how much is its median prediction off?

# %%
predict("prediction-error", 20, unit="%")

# %%
sizes = [f"matmul:n={n}" for n in (32, 64, 128, 192, 256)]
sizes += [f"add:n={n}" for n in (64, 256, 512, 768, 1024)]
workloads = [bench.parse_workload(s) for s in sizes]
measured = bench.measure(workloads, chosen, rounds=5, round_time_s=0.02)
errors = held_out_errors(measured, workloads, chosen)
errors

# %%
reveal("prediction-error", 100 * errors.median, unit="%")

# %%
charts.predicted_chart(
    {f"{e.name.rpartition('/')[0]} {e.device}": e.predicted_s for e in errors.items},
    {f"{e.name.rpartition('/')[0]} {e.device}": e.measured_s for e in errors.items},
    quantity="Time of one call",
    subtitle="float32 · wall time · sizes that the model had not seen",
)

# %% [markdown]
# A model that is off by a fifth can still choose well, as long as the devices differ by more. **Choose
# yourself first:** which of your devices for a tiny addition, and which for a larger product?

# %%
predict("tiny-add", first)
predict("large-product", last)

# %%
costs = {d: fit_costs(measured, d) for d in chosen}
manager = MultiDeviceManager(chosen, costs=costs)
tiny, large = (bench.parse_workload(s) for s in ("add:n=64", "matmul:n=320"))
for w in (tiny, large):
    best = manager.choose(w)
    print(f"{w.name} {w.shape}: {best.device}, {format_seconds(best.seconds)} ({best.how})")

# %%
reveal("tiny-add", manager.choose(tiny).device)

# %%
reveal("large-product", manager.choose(large).device)

# %% [markdown]
# The product of 320 was never measured: `extrapolated`, says the prediction. Measure it, and see whether
# the choice was right:

# %%
truth = bench.measure([large], chosen, rounds=5, round_time_s=0.03)
charts.predicted_chart(
    {p.device: p.seconds for p in manager.predict(large)},
    {m.device: m.median_s for m in truth},
    quantity="Time of one product of 320 x 320",
    subtitle="float32 · wall time, 5 rounds · extrapolated from smaller ones",
)

# %% [markdown]
# > **Takeaway.** Launch, work, transfer: three numbers for each device choose before you have measured.
# > Then measure, and keep the error beside the prediction.

# %% [markdown]
# ## 7. Several devices, one job
#
# Why choose only one? Here are 60 batches of recordings, and each has to be filtered and summed up. The
# manager gives each device a process of its own, sends it batches, and puts the results in order. In
# the first run each device opens its driver and compiles:

# %%
filters = rng.standard_normal((256, 256)).astype(np.float32) / 16
batches = [rng.standard_normal((192, 256)).astype(np.float32) for _ in range(60)]


def features(x, w):
    for _ in range(4):
        x = (x @ w).relu().contiguous()
    return x.mean(1)


opening = manager.run(features, batches, constants=(filters,), steal=False)
opening

# %% [markdown]
# Now that all are warm, the naive way: as many batches for each. A lane is a device, a bar is a batch.

# %%
speeds = {
    d: statistics.median(r.seconds for r in opening.records if r.device == d) for d in chosen
}
alike = dict.fromkeys(chosen, statistics.mean(speeds.values()))
options = {"constants": (filters,)}
equal = manager.run(features, batches, seconds_each=alike, steal=False, **options)
charts.managed_run_chart(equal)

# %% [markdown]
# The job is done when the *last* device is done. The fast ones stand about, and wait.
#
# ### Exercise 4.10 · Shares (5 points)
#
# Split `n` equal batches so that the last device is done **as early as possible**. You get the seconds
# that each device needs for one batch. Return a dict from device to a whole number of batches.
#
# ```python
# shares(30, {"CPU": 0.01, "CL": 0.02})   # -> {"CPU": 20, "CL": 10}
# ```

# %% tags=["answer", "ex-4-10"]
def shares(n, seconds_each):
    """Device -> batches; the last one ends as early as it can."""
    ### BEGIN SOLUTION
    counts = dict.fromkeys(seconds_each, 0)
    for _ in range(n):
        soonest = min(counts, key=lambda d: (counts[d] + 1) * seconds_each[d])
        counts[soonest] += 1
    return counts
    ### END SOLUTION


# %% tags=["check", "ex-4-10"]
check("4.10", shares)

# %% [markdown]
# The manager splits in the same way. Shares by the speed that each device has shown:

# %%
by_speed = manager.run(features, batches, seconds_each=speeds, steal=False, **options)
charts.managed_run_chart(by_speed)

# %% [markdown]
# Shares are as good as the seconds they are made from. Those change: another program starts, a laptop
# gets warm. So the manager does two more things. It keeps learning each device's speed, and a device that
# is done **steals** from the one that has most left to do. **Predict:** how many of the 60 are stolen?

# %%
predict("stolen", 6, unit="batches")

# %%
managed = manager.run(features, batches, **options)
charts.managed_run_chart(managed)

# %%
reveal("stolen", managed.stolen, unit="batches")

# %% [markdown]
# Is it worth it? Interleaved rounds: each device alone, all in equal shares, all by speed, and *managed*: the
# devices that have been fastest together so far, which may be a single one.

# %%
gains = measure_gain(manager, features, batches[:40], rounds=4, **options)
gains

# %% [markdown]
# <details><summary>No gain, a loss, or "not resolved"?</summary>
#
# On a laptop without a GPU all these devices are *the same processor*: CPU, OpenCL and ELECTRICAL share its
# cores, and what one gets the others lack. Then the best single device is hard to beat, and adding a slow
# one costs more than it brings: the manager has seen that in earlier runs and leaves it out. With a GPU beside
# the CPU all this is another matter. What the manager gives everywhere is the next point. And four rounds on
# a busy machine resolve only large differences.
# </details>
#
# ### A device dies
#
# Now one device fails in the middle of the work. Not politely, with an exception: its process is gone, as
# after a crash of a driver. **Predict:** of 30 batches, how many results are missing at the end?

# %%
predict("lost", 2, unit="batches")

# %%
seen = {"calls": 0}  # each process has its own
victim = last


def fragile(x, w):
    seen["calls"] += 1
    if x.device.startswith(victim) and seen["calls"] == 3:
        os._exit(1)
    return features(x, w)


survived = manager.run(fragile, batches[:30], jit=False, **options)
charts.managed_run_chart(survived)

# %%
reveal("lost", sum(r is None for r in survived.results), unit="batches")

# %%
survived

# %% [markdown]
# Nothing is missing, nothing is there twice, and the order is kept. Is it also *right*? Every result
# beside the run without an accident, which may have been made on another device:

# %%
worst = max(np.abs(s - m).max() for s, m in zip(survived.results, managed.results[:30], strict=True))
print(f"largest difference: {worst:.1e}")

# %% [markdown]
# The device is **quarantined** now: no further run uses it, until somebody has looked and releases it.

# %%
print(manager.quarantined)
manager.release(victim)

# %% [markdown]
# ### Exercise 4.11 · Nothing lost, nothing twice (5 points)
#
# Write the bookkeeping. `log` has events in order: `("sent", device, batch)`, `("done", device, batch, result)`
# and `("failed", device)`. What a device says **after** it failed isn't heard. A batch's **first** result counts.
# Return `(results, left)`: a dict from batch to result, and the sorted list of those of the batches
# `0 ... n - 1` that have no result *and* that no living device has in its hands.

# %% tags=["answer", "ex-4-11"]
def recover(n, log):
    """({batch: result}, [batches that must be sent])"""
    ### BEGIN SOLUTION
    results, held, failed = {}, {}, set()
    for kind, device, *more in log:
        if device in failed:
            continue
        if kind == "sent":
            held.setdefault(device, set()).add(more[0])
        elif kind == "done":
            held.get(device, set()).discard(more[0])
            results.setdefault(more[0], more[1])
        else:
            failed.add(device)
            held.pop(device, None)
    busy = set().union(*held.values())
    return results, [b for b in range(n) if b not in results and b not in busy]
    ### END SOLUTION


# %% tags=["check", "ex-4-11"]
check("4.11", recover)

# %%
manager.close()  # the devices' processes end

# %% [markdown]
# > **Takeaway.** Split by measured speed, let the idle steal, and keep books so that a device may die
# > without anybody noticing in the results.

# %% [markdown]
# ## 8. A report that a stranger can read
#
# You have looked at numbers for an hour, and know what each means. A reader of your report doesn't. It has to
# say by itself what was found, how sure it is, under what circumstances, what is missing, and how to repeat it.

# %%
widgets.report_panel(report)

# %%
for name in ("report.html", "report.md", "report.json"):
    print(report.save(paths.results_dir() / name).name)
print(report.reproduce)

# %% [markdown]
# The HTML file opens without a network: send it to anybody. The JSON file holds every sample, so that a
# later run can be compared with it. A month from now you have a new driver. Is it faster? Here "later" is
# the next minute, nothing is changed, and only the products are measured again. **Predict:** how many of
# the comparisons will claim a change?

# %%
predict("false-alarms", 3, unit="comparisons")

# %%
again = engineer.comprehensive_device_benchmark(
    chosen, size="small", sections=("matmul",), rounds=6, budget_s=10, roofs=False
)
later = engineer.generate_performance_report(again).save(paths.results_dir() / "later.json")
changes = bench.compare_files(paths.results_dir() / "report.json", later)
changes = [c for c in changes if c.name.endswith("wall")]
charts.comparison_chart(changes)

# %%
reveal("false-alarms", sum(c.word != "not resolved" for c in changes), unit="comparisons")

# %% [markdown]
# *Not interleaved*: the two runs were at different times, so whatever else the machine did in between is
# in the difference. A change that shows here, although nothing was changed, is the machine's and not the
# driver's. Whoever really wants to know lets old and new alternate in *one* run. In a terminal the same
# comparison is `python3 course.py compare report.json later.json`.
#
# ### And a hundred machines?
#
# The same suite runs on every host of a fleet, and gives one report. Three commands, each in a terminal:
#
# ```
# dask scheduler                                             # on one host
# dask worker tcp://SCHEDULER:8786 --nthreads 1              # on every host with the course
# python3 course.py bench --scheduler tcp://SCHEDULER:8786   # from anywhere
# ```
#
# A host whose worker dies is measured again by another worker, one with another version of the course is
# refused, and whoever is missing in the end is named in the report.
#
# > **Takeaway.** A report is finished when a stranger can judge it, and repeat it.

# %% [markdown]
# ## 9. What you can do now
#
# Each line is tied to an exercise, and is ticked when you have passed it.

# %%
progress(4)

# %% [markdown]
# ### Homework: a manager of your own
#
# `MultiDeviceManager` is about 400 lines in `labs/engineering/manager.py`, and its rules are apart from
# its processes: `manager_schedule.py` decides who takes which batch, and knows no clock and no process.
# That is why it can be tested, batch by batch. Change its rules, and keep `tests/engineering` green:
#
# * Let it take **energy** into account: the device with the least joules that still meets a deadline.
# * Let it **cut batches itself**: large ones for a GPU, small ones for the rest.
# * Let it ask a quarantined device now and then whether it is well again.
#
# Measure what your change is worth with `measure_gain`, and don't be disappointed by "not resolved": it is
# an answer.
#
# **Next:** notebook 05 puts all of it to work, in electrical testing in real time.
