# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Backend architecture
#
# **What happens between `a + b` and the machine, and how long does it really take?**
#
# | | |
# |---|---|
# | Time | about 75 minutes |
# | Hardware | any laptop; a GPU is used when there is one |
# | Fallback | no GPU: tinygrad's CPU device, and OpenCL on the CPU where the wheel exists |
# | Graded | 7 exercises, 26 points; `progress()` shows yours |
#
# By the end you can name the parts of a tinygrad backend and what each does, follow an expression
# through every stage down to machine code, predict a kernel's work and traffic, see where device
# memory goes, time a kernel honestly, and say when one device is faster than another.
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

import time

import numpy as np
from tinygrad import Device, Tensor, TinyJit

from labs import bench, charts, devices, lowering, widgets
from labs.grading import check, hint, predict, progress, reveal

# %% [markdown]
# If that cell failed with `No module named 'labs'`, this notebook runs outside the course's
# environment. In a terminal, in the course's folder, `python3 course.py lab` sets everything up.
#
# This is what the course found on your machine, or brought along:

# %%
tools

# %% [markdown]
# ## 1. What can this machine run?
#
# tinygrad has a dozen devices. Each needs something: a driver, a compiler, a piece of hardware.
# Before you trust a list, ask *how it was made*. This one opens every device in a process of its
# own, computes with it, and compares the result with numpy. A driver that crashes or hangs costs one
# line of the table, not your notebook.
#
# **Predict:** how many of them will work here? Change the number, then run.

# %%
predict("usable-devices", 3, unit="devices")

# %%
discovery = devices.discover()
discovery

# %%
reveal("usable-devices", len(discovery.usable), unit="devices")

# %% [markdown]
# Read the third column. There are three kinds of "no": a library that isn't installed (the *fix*
# column has the command), hardware that isn't there, and an operating system that will never have it.
#
# `PYTHON` always works: it interprets kernels in Python, slowly. `NULL` runs nothing at all, which
# makes it useful: it will show us code for hardware we don't have.
#
# What can one device do? Every field is probed by doing it, or it is `None` with a reason.

# %%
discovery["CPU"].capabilities

# %% [markdown]
# The rest of the notebook uses the devices you pick here. Devices that don't work are greyed.

# %%
picker = widgets.device_picker(multiple=True, discovery=discovery)
picker

# %% [markdown]
# ### Exercise 1.1 · Pick a device without guessing (3 points)
#
# A program must choose a device that has everything it `needs`. Each capability is `True`, `False`
# or `None` (nobody could find out). **Unknown must not count as yes.** Return the name of the first
# device that fits, or `None` when none does. A capability that isn't listed is unknown too.
#
# ```python
# pick_device([{"device": "CPU", "supports_fp16": None}, {"device": "CL", "supports_fp16": True}],
#             ["supports_fp16"])   # -> "CL"
# ```

# %% tags=["answer", "ex-1-1"]
def pick_device(devices, needs):
    """The "device" of the first row that surely has every capability in `needs`, else None."""
    ### BEGIN SOLUTION
    for row in devices:
        if all(row.get(name) is True for name in needs):
            return row["device"]
    return None
    ### END SOLUTION


# %% tags=["check", "ex-1-1"]
check("1.1", pick_device)

# %% [markdown]
# Stuck? `hint("1.1")` in a cell gives one hint at a time, and costs no points.
#
# > **Takeaway.** "Available" means: opened, computed, and compared with a reference. Anything less
# > is a hope.

# %% [markdown]
# ## 2. Anatomy of a device
#
# `Device["CPU"]` is an object that owns four others. tinygrad finds it by name: `Device["X"]` imports
# `tinygrad.runtime.ops_x` and takes its class `XDevice`. That is the whole plug-in mechanism, and in
# notebook 02 you will use it for hardware of your own.

# %%
explorer = devices.BackendExplorer()
anatomy = explorer.analyze_backend_architecture("CPU")
anatomy.parts

# %% [markdown]
# Read it as a production line. The **Renderer** turns the kernel's UOps into source text. The
# **Compiler** turns text into a binary. The **Program** launches the binary on buffers. The
# **Allocator** reserves memory and copies data in and out. The **Compiled** device owns all of them,
# and knows how to wait until the work is done.
#
# The class chain says what a part inherits: the CPU's renderer is a C renderer with few changes. A
# new backend is small because most of it is inherited.
#
# What does each step of using the device cost? "create tensor" copies 1 MiB in, "build expression"
# writes `a + b` down, "realize" computes it. **Predict** which of the three costs most.

# %%
predict("dearest-step", "realize")

# %%
anatomy.timings

# %%
reveal("dearest-step", max(anatomy.timings, key=lambda m: m.median_s).workload)

# %% [markdown]
# Compare *median* with *first call*: the first realize also compiled. Section 5 comes back to that.
# Now the memory of the same `a + b`:

# %%
anatomy.memory

# %% [markdown]
# The tensors are gone, but the last row says that the allocator kept their blocks, for the next
# tensors of that size. Section 4 looks at that more closely.
#
# ### Exercise 1.2 · Who does what in a backend (3 points)
#
# Fill in the part's name for each job: Renderer, Compiler, Program, Allocator or Compiled.

# %% tags=["answer", "ex-1-2"]
def who_does_what():
    """A dict from each of the five jobs to the name of the part that does it."""
    jobs = [
        "turns UOps into source text",
        "turns source text into a binary",
        "launches a binary on buffers",
        "reserves memory and copies data in and out",
        "owns the other parts and waits for the device",
    ]
    ### BEGIN SOLUTION
    parts = ["Renderer", "Compiler", "Program", "Allocator", "Compiled"]
    return dict(zip(jobs, parts, strict=True))
    ### END SOLUTION


# %% tags=["check", "ex-1-2"]
check("1.2", who_does_what)

# %% [markdown]
# > **Takeaway.** A backend is five small parts with one job each, and a name that leads to them.

# %% [markdown]
# ## 3. From expression to machine code
#
# Which steps lie between `x * 2 + 1` and the processor? `lowering.lower` walks them without running
# anything, so it can show the code for hardware that isn't in your machine.

# %%
def scaled():
    return Tensor.empty(1024, 1024) * 2 + 1


low = lowering.lower(scaled, "CPU")
charts.uop_graph_chart(low.uop_graph)

# %% [markdown]
# This is the expression as tinygrad keeps it: a graph of UOps, from the buffer to the result.
# Nothing has been computed. `2` and `1` are constants in the graph, not arrays in memory.
#
# The **scheduler** cuts the graph into kernels. Everything that can be computed element by element in
# one pass becomes one kernel: that is *fusion*.
#
# **Predict:** `x * 2 + 1` on a million elements: how many kernels? And a softmax over rows, which
# needs the row's maximum, then a sum, then a division?

# %%
predict("kernels-scaled", 2, unit="kernels")
predict("kernels-softmax", 3, unit="kernels")

# %%
def softmax():
    return Tensor.empty(256, 1024).softmax(-1)


low_softmax = lowering.lower(softmax, "CPU")
low_softmax.stage("schedule")

# %%
reveal("kernels-scaled", len(low.kernels), unit="kernels")

# %%
reveal("kernels-softmax", len(low_softmax.kernels), unit="kernels")

# %% [markdown]
# A reduction usually ends a kernel: what comes after the sum needs *all* of it first. What lies
# between two reductions is fused into its neighbours.
#
# One kernel's syntax tree, before and after optimisation. The optimiser changes *loops*, never the
# result: it unrolls, vectorises (UPCAST), and on a GPU maps loops to groups and threads (LOCAL).

# %%
low.stage("kernel AST")

# %%
low.stage("optimised AST")

# %%
low.kernels[0].applied_opts

# %% [markdown]
# The renderer turns the optimised tree into source, the compiler turns that into bytes. Find the
# loop, the vector type, and the fused multiply-add in the machine code below.

# %%
low.stage("source")

# %%
low.stage("disassembly")

# %% [markdown]
# ### The same kernel for other hardware
#
# Only the last steps differ between devices. Choose an expression, a target and a stage. The
# hardware isn't needed: the text comes from the renderer, not from a driver.

# %%
expressions = {
    "x * 2 + 1": scaled,
    "row softmax": softmax,
    "matmul 64": lambda: Tensor.empty(64, 64) @ Tensor.empty(64, 64),
    "sum of all": lambda: Tensor.empty(1024, 1024).sum(),
}
widgets.lowering_explorer(expressions)

# %% [markdown]
# Side by side, CPU against OpenCL. Marked lines differ. Look for the loop on the left that is missing
# on the right: what replaced it?

# %%
widgets.kernel_compare(scaled, "CPU", "OPENCL")

# %% [markdown]
# <details><summary>What replaced the loop?</summary>
#
# On a GPU-like device the loop becomes the *launch*: each work item computes one small piece, and its
# index comes from `get_group_id` and `get_local_id`. The launch dimensions, `global_size` and
# `local_size`, say how many there are. On the CPU the loop stays in the kernel.
# </details>
#
# ### Exercise 1.3 · Work and traffic of a matrix product (4 points)
#
# Before you measure a kernel, know what it *must* do. For an `(m, k)` by `(k, n)` product return
# the FLOP (multiplications and additions both count) and the compulsory bytes: each byte of the inputs
# read once, each byte of the result written once.

# %% tags=["answer", "ex-1-3"]
def matmul_cost(m, k, n, itemsize):
    """(flop, min_bytes) of an (m, k) @ (k, n) product with elements of `itemsize` bytes."""
    ### BEGIN SOLUTION
    flop = 2 * m * k * n
    min_bytes = itemsize * (m * k + k * n + m * n)
    return flop, min_bytes
    ### END SOLUTION


# %% tags=["check", "ex-1-3"]
check("1.3", matmul_cost)

# %% [markdown]
# tinygrad makes the same estimate from the kernel itself, counting operations and accesses in the
# optimised tree. Compare the row with your function: `matmul_cost(64, 128, 32, 4)`.

# %%
lowering.lower(lambda: Tensor.empty(64, 128) @ Tensor.empty(128, 32), "CPU")

# %% [markdown]
# ### Exercise 1.4 · Read four kernels (3 points)
#
# Four renderings of the same `relu(x)`, without their names. Which is which?

# %%
from labs.grading.puzzles import four_kernels

four_kernels()

# %% tags=["answer", "ex-1-4"]
def which_language():
    """A dict from "A", "B", "C" and "D" to one of "OpenCL C", "Metal", "CUDA", "WGSL"."""
    ### BEGIN SOLUTION
    return {"A": "CUDA", "B": "WGSL", "C": "OpenCL C", "D": "Metal"}
    ### END SOLUTION


# %% tags=["check", "ex-1-4"]
check("1.4", which_language)

# %% [markdown]
# > **Takeaway.** One graph, one schedule, one optimiser; only the renderer and what follows it know
# > the hardware. That is why a new backend is a few hundred lines.

# %% [markdown]
# ## 4. Where device memory goes
#
# You delete a tensor. Is its memory free? `trace_memory` watches the allocator from outside while a
# block of code runs: every allocation, reuse, free and copy.

# %%
def one_round(device):
    a = Tensor(np.ones((600, 600), np.float32), device=device)
    (a + 1).realize()
    (a * 3).realize()


with lowering.trace_memory("CPU") as first:
    one_round("CPU")
charts.memory_chart(first)

# %%
first.table()

# %% [markdown]
# **Predict:** the same function once more. How many *new* blocks will it ask the device for?

# %%
predict("new-blocks", 2, unit="blocks")

# %%
with lowering.trace_memory("CPU") as second:
    one_round("CPU")
second.table()

# %%
reveal("new-blocks", second.count("allocate"), unit="blocks")

# %% [markdown]
# In the second round nothing is new: the blocks of the first round are *reused*.
# tinygrad's `LRUAllocator` keeps freed blocks in a list per size, because asking a driver for memory
# is slow. So "used" memory stays up after a tensor has gone, and that is not a leak.
#
# A leak is different: something still *holds* the tensor.

# %%
history = []
with lowering.trace_memory("CPU") as trace:
    for _ in range(3):
        loss = Tensor(np.ones((256, 256), np.float32), device="CPU").square().realize()
        history.append(loss)  # keeps every step's buffer alive
trace.leaks

# %% [markdown]
# ### Exercise 1.5 · An allocator that remembers (5 points)
#
# Replay a list of events against an allocator that keeps freed blocks *by exact size*, as tinygrad's
# does, and never returns them to the device. Each event is `("alloc" or "free", name, size)`. Return
# the most memory the device ever had to give (`peak_bytes`) and how often a kept block was `reused`.

# %% tags=["answer", "ex-1-5"]
def replay(events):
    """(peak_bytes, reused) of an allocator that keeps freed blocks by exact size."""
    ### BEGIN SOLUTION
    kept, held, reused = {}, 0, 0
    for kind, _, size in events:
        if kind == "free":
            kept[size] = kept.get(size, 0) + 1
        elif kept.get(size, 0) > 0:
            kept[size] -= 1
            reused += 1
        else:
            held += size  # only new blocks cost the device memory, and they never go back
    return held, reused
    ### END SOLUTION


# %% tags=["check", "ex-1-5"]
check("1.5", replay)

# %% [markdown]
# ### What does a copy cost?
#
# Data must reach the device before a kernel can use it. **Predict** the bandwidth of a large copy to
# the device. (A laptop's memory moves about 10 to 60 GB/s.)

# %%
predict("copy-in", 10, unit="GB/s")

# %%
transfers = explorer.measure_transfers(picker.value)
charts.transfer_chart(transfers)

# %%
reveal("copy-in", transfers.best("copy in") / 1e9, unit="GB/s")

# %% [markdown]
# Small copies never reach that rate: each pays a fixed price first. The curve's left side is latency,
# its right side is bandwidth.
#
# > **Takeaway.** Memory that is "in use" may only be kept for reuse; copies have a fixed price and a
# > rate; ask the allocator, not your intuition.

# %% [markdown]
# ## 5. Honest measurement
#
# How long does one `relu(x @ x)` take? You will measure it wrongly three times, see why, and repair
# it each time. **Predict** the honest time first.

# %%
predict("layer-ms", 20, unit="ms")

# %%
n = 512
x = Tensor(np.random.default_rng(0).standard_normal((n, n), np.float32), device="CPU").realize()
expected = np.maximum(x.numpy() @ x.numpy(), 0)


def layer(t):
    return (t @ t).relu()


# %% [markdown]
# **Lie 1: the first call.** The first realize schedules, renders and compiles before it runs.

# %%
start = time.perf_counter()
layer(x).realize()
first_call_s = time.perf_counter() - start

# %% [markdown]
# **Lie 2: nothing ran.** tinygrad is lazy. Without `realize()` you time the writing-down of the
# expression. (On an asynchronous device, such as a GPU, you get the same lie even *with* `realize()`,
# when you don't synchronize: you time the launch.)

# %%
start = time.perf_counter()
y = layer(x)
nothing_ran_s = time.perf_counter() - start

# %% [markdown]
# **Lie 3: something else ran too.** Making random inputs inside the clock times the random generator.

# %%
for _ in range(3):  # several times, so that compilation isn't inside this one as well
    start = time.perf_counter()
    layer(Tensor.rand(n, n, device="CPU")).realize()
    Device["CPU"].synchronize()
    with_random_s = time.perf_counter() - start

# %% [markdown]
# **Repaired.** Input made before the clock, one call to compile, synchronize on both sides, and many
# samples instead of one. `bench.measure_call` does that, in rounds, with an interval.

# %%
honest = bench.measure_call(
    lambda: layer(x), name="relu(x @ x)", expected=expected, atol=1e-3, rounds=5, round_time_s=0.2
)
honest

# %%
reveal("layer-ms", honest.median_s * 1e3, unit="ms")

# %%
charts.named_values_chart(
    [
        charts.NamedValue("first call", first_call_s, "scheduling and compiling inside"),
        charts.NamedValue("nothing ran", nothing_ran_s, "only the expression was built"),
        charts.NamedValue("random inside", with_random_s, "the generator is inside"),
        charts.NamedValue("honest", honest.median_s, is_reference=True),
    ],
    quantity=f"Reported time of relu(x @ x), n = {n}",
    subtitle="CPU · float32 · wall time",
)

# %% [markdown]
# Which error is the worst? Not the largest number, but the one that flatters you: *nothing ran* can
# look a hundred times too fast, and nobody complains about a good result.
#
# Even honest samples scatter. Every dot is one sample, in the order of the rounds.

# %%
charts.samples_chart(honest)

# %% [markdown]
# <details><summary>Why rounds, and not simply more samples?</summary>
#
# Samples taken right after each other share the machine's state: clock frequency, what else runs,
# where memory lies. A thousand of them agree with each other and may all be 3% off. The spread
# *between rounds* shows that. So the interval is made from the rounds' medians.
# </details>
#
# ### Launching is not finishing
#
# A GPU-like device works on its own: a launch puts work in a queue and returns. Here is the same
# lie with `realize()` in place, on your first device of that kind. `TinyJit` captures the kernels at its
# second call and replays them from then on, so that only launches are left.

# %%
queued = [d for d in ("CUDA", "METAL", "AMD", "HIP", "CL", "WEBGPU") if d in discovery.usable]
where = queued[0] if queued else "CPU"  # tinygrad's CPU device runs each kernel before it returns
big = n if where in ("CPU", "CL", "WEBGPU") else 4 * n  # a GPU needs more to be busy for long
x_there = Tensor.rand(big, big, device=where).realize()
replay_layer = TinyJit(lambda t: layer(t).realize())
for _ in range(3):
    replay_layer(x_there)
Device[where].synchronize()

# %%
start = time.perf_counter()
for _ in range(10):
    replay_layer(x_there)
launched_s = (time.perf_counter() - start) / 10
Device[where].synchronize()
finished_s = (time.perf_counter() - start) / 10
print(f"{where}: launched after {launched_s * 1e3:.2f} ms, finished after {finished_s * 1e3:.2f} ms")

# %% [markdown]
# ### Exercise 1.6 · Repair the stopwatch (5 points)
#
# Your function gets `launch()` (queues one kernel and returns at once; its first call compiles),
# `synchronize()` (waits until everything queued is done), `clock()` (seconds) and `loops`. Other
# people's work may already be queued. Return the seconds of **one** kernel.
#
# The check runs it on a device with a virtual clock, so that the right answer is known exactly.

# %% tags=["answer", "ex-1-6"]
def time_per_call(launch, synchronize, clock, loops):
    """Seconds of one kernel, without compilation, queued work of others, or unfinished work."""
    ### BEGIN SOLUTION
    launch()
    synchronize()
    start = clock()
    for _ in range(loops):
        launch()
    synchronize()
    return (clock() - start) / loops
    ### END SOLUTION


# %% tags=["check", "ex-1-6"]
check("1.6", time_per_call)

# %% [markdown]
# Now use yours on the real thing. Does it agree with the harness?

# %%
harness = bench.measure_call(
    lambda: replay_layer(x_there), name="replayed layer", device=where, rounds=5, round_time_s=0.2
)
harness

# %%
try:
    mine_s = time_per_call(
        lambda: replay_layer(x_there), Device[where].synchronize, time.perf_counter, 20
    )
    print(f"yours {mine_s * 1e3:.2f} ms, harness {harness.median_s * 1e3:.2f} ms")
except NotImplementedError:
    print("Exercise 1.6 is still open: solve it above, then run this cell again.")

# %% [markdown]
# > **Takeaway.** Warm up, make inputs first, synchronize on both sides, repeat in rounds, and check
# > the result before you time it. A number without these is a rumour.

# %% [markdown]
# ## 6. Comparing devices
#
# Which of your devices is faster? The harness verifies each result against numpy, then interleaves:
# each round visits every device and workload in random order, so that a slow minute hits all alike.
#
# **Predict** which device wins the matrix product, by name. Then run: three devices take about half a
# minute, because software WebGPU is slow, and that is a result too.

# %%
predict("fastest-matmul", "CPU")

# %%
results = explorer.benchmark_cross_device_performance(picker.value, rounds=5, round_time_s=0.1)
results

# %%
reveal("fastest-matmul", min(results.select(name="matmul"), key=lambda m: m.median_s).device)

# %%
charts.benchmark_chart(results)

# %% [markdown]
# Time alone doesn't say which is faster. A *speedup with an interval* does: if the interval includes 1,
# or the change is under 2%, the honest word is **not resolved**.

# %%
comparisons = bench.compare_devices(results, baseline="CPU")
comparisons

# %%
charts.comparison_chart(comparisons) if comparisons else "One device only: nothing to compare."

# %% [markdown]
# Try your own: pick devices and workloads, and run. The measurement happens in another process; the
# notebook stays usable, and *Cancel* keeps what was measured.

# %%
widgets.benchmark_panel(discovery=discovery)

# %% [markdown]
# ### Exercise 1.7 · Faster, slower, or not resolved (3 points)
#
# Write the rule. You get the `speedup` (old time / new time), its 95% interval `low` to `high`, and the
# `threshold` below which a change doesn't matter in practice.

# %% tags=["answer", "ex-1-7"]
def verdict(speedup, low, high, threshold):
    """One of "faster", "slower" and "not resolved"."""
    ### BEGIN SOLUTION
    if low <= 1 <= high or abs(speedup - 1) < threshold:
        return "not resolved"
    return "faster" if speedup > 1 else "slower"
    ### END SOLUTION


# %% tags=["check", "ex-1-7"]
check("1.7", verdict)

# %% [markdown]
# > **Takeaway.** Interleave, give the interval, and be ready to say that you don't know.

# %% [markdown]
# ## 7. What you can do now
#
# Each line is tied to an exercise, and is ticked when you have passed it.

# %%
progress(1)

# %% [markdown]
# ### Read in tinygrad's own source
#
# You know enough to read these now. Each is short; the line counts are from your copy.

# %%
explorer.reading_list()

# %% [markdown]
# **Next:** notebook 02 writes two backends of its own, one native and one on a microcontroller, and
# the test suite that proves them.
