# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · GPU optimization
#
# **Why is a kernel slow, and what makes it fast?**
#
# | | |
# |---|---|
# | Time | about 100 minutes |
# | Hardware | any laptop; an NVIDIA GPU is used when there is one |
# | Fallback | no GPU: OpenCL on the processor or tinygrad's CPU device, and results recorded on an H100 to read |
# | Graded | 11 exercises, 53 points; `progress(3)` shows yours |
#
# By the end you can say what bounds a kernel before you run it, see how its lanes go through memory,
# read its occupancy, choose its options by hand, and climb from a naive matrix product to one that
# is as fast as the vendor's library. And you check every piece of advice by measuring it.
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
from tinygrad import Tensor

from labs import backends, charts, devices, gpu, widgets
from labs.errors import LabError
from labs.grading import check, hint, predict, progress, reveal

backends.register()

# %% [markdown]
# ## Which device?
#
# Everything here runs on *one* device of your machine: a GPU when there is one, else OpenCL on the
# processor, else the CPU. Another choice is fine. It is made now, and the whole notebook follows it.

# %%
explorer = gpu.GPUOptimizationExplorer()
explorer

# %%
discovery = devices.discover()
picker = widgets.device_picker(discovery=discovery, value=explorer.device)
picker

# %%
if picker.value != explorer.device:
    explorer = gpu.GPUOptimizationExplorer(picker.value)
device = explorer.device
is_gpu = bool(discovery[device].capabilities.supports_gpu)
n, large = (1024, 4096) if is_gpu else (256, 2048)  # a GPU needs more work to be busy

# %% [markdown]
# **Without a GPU** you learn the same things: OpenCL and CPU devices have memory, caches, launches and
# vectors, too. Where a lesson needs a GPU's numbers, there are two kinds of help. Much is *derived*
# from a kernel's code, for any target, with no hardware. And there are results *recorded* on an
# NVIDIA H100, which always say so:

# %%
h100 = gpu.load_recorded()
charts.recorded_section_chart(h100, "streams")

# %% [markdown]
# Keep two surprises of this picture in mind. `x + 1` by tinygrad gets little more than half of
# what memory can deliver, although no kernel is simpler. And its transpose, which sounds harder, is far
# ahead of PyTorch's. You will be able to explain both.

# %% [markdown]
# ## 1. Two numbers and a roof
#
# A kernel takes 3 ms. Is that good? You can't know, without two numbers: the **FLOP** it has to compute
# and the **bytes** it has to move. Then ask the device how fast it does either, at its best:

# %%
roofs = explorer.roofs
roofs

# %% [markdown]
# These *roofs* were measured a moment ago: a copy and a triad (`a + 3 b`) for memory, a long chain of
# multiply-adds for arithmetic. Nothing you run on this device will be faster, unless its data fit into a cache.
#
# Divide one by the other, and you get the **ridge point**: the FLOP that a kernel must do for each
# byte, so that arithmetic and not memory is the limit. **Predict** where it lies on *your* device.

# %%
predict("ridge", 10, unit="FLOP/B")

# %%
ridge = roofs.ridge_point()
reveal("ridge", ridge and ridge[0], unit="FLOP/B")

# %% [markdown]
# And on an H100? Its vendor's sheet says:

# %%
from labs.gpu.datasheet import lookup

lookup("NVIDIA H100 80GB HBM3")

# %% [markdown]
# <details><summary>Its ridge point</summary>
#
# 66.9 TFLOP/s / 3.35 TB/s = 20 FLOP/B in float32. With tensor cores in float16 it is 295 FLOP/B: each
# byte that arrives must be used for 295 operations, or the tensor cores wait. Arithmetic has become
# cheap. Moving data has not.
# </details>
#
# ### Exercise 3.1 · Two numbers and a roof (4 points)
#
# Return the least time that a kernel can take on a device, in seconds, and what sets it: `"memory"` or
# `"compute"`. Computing and moving go on at the same time.
#
# ```python
# least_time(2e9, 1e9, 1e12, 1e11)   # -> (0.01, "memory")
# ```

# %% tags=["answer", "ex-3-1"]
def least_time(flop, min_bytes, flop_per_s, bytes_per_s):
    """(seconds, "memory" or "compute") for the roofs flop_per_s and bytes_per_s."""
    ### BEGIN SOLUTION
    compute_s, memory_s = flop / flop_per_s, min_bytes / bytes_per_s
    return max(compute_s, memory_s), "compute" if compute_s > memory_s else "memory"
    ### END SOLUTION


# %% tags=["check", "ex-3-1"]
check("3.1", least_time)

# %% [markdown]
# Now four real workloads: an addition of large matrices, a softmax, a matrix product, and an addition
# of tiny matrices. **Predict** what bounds the first and the last: `memory`, `compute` or `launch`.

# %%
predict("bound-large-add", "memory")
predict("bound-tiny-add", "memory")

# %%
workloads = (f"add:n={large}", f"softmax:n={2 * n}", f"matmul:n={n}", "add:n=16")
placed = gpu.place(workloads, device, roofs, rounds=4, round_time_s=0.03)

# %%
reveal("bound-large-add", placed[0].bound_by)

# %%
reveal("bound-tiny-add", placed[3].bound_by)

# %% [markdown]
# All four as a picture, with intensity to the right and throughput upwards. Ask the points, or place workloads of
# your own:

# %%
widgets.roofline_panel(roofline=placed, discovery=discovery)

# %% [markdown]
# *Bound by* says which roof is above a workload. *Of its roof* says how near it came: a kernel far below its
# roof is held back by its own code, and that is what this notebook is about.
#
# ### Exercise 3.2 · What fusing a layer is worth (5 points)
#
# A layer is `relu(x @ w + b)` with x of shape (m, k), w of (k, n), b of (n,). Return its arithmetic intensity
# twice, in FLOP/B: **fused** into one kernel, and **unfused** as three kernels, one for each step, which
# write their result and read it again. Count each byte of a kernel's inputs and of its output once. A
# multiply-add is two FLOP, an addition and a maximum one each.

# %% tags=["answer", "ex-3-2"]
def layer_intensities(m, k, n, itemsize):
    """(fused, unfused) FLOP for each byte of relu(x @ w + b)."""
    ### BEGIN SOLUTION
    flop = 2 * m * k * n + 2 * m * n
    inputs, result = m * k + k * n + n, m * n
    return flop / (itemsize * (inputs + result)), flop / (itemsize * (inputs + 5 * result))
    ### END SOLUTION


# %% tags=["check", "ex-3-2"]
check("3.2", layer_intensities)

# %% [markdown]
# > **Takeaway.** Two numbers, FLOP and bytes, and two measured roofs tell you before the first run how fast a
# > kernel can be, and which of the two to work on.

# %% [markdown]
# ## 2. How lanes go through memory
#
# A GPU runs threads in groups of 32, a **warp**. All 32 *lanes* load at the same moment. Memory doesn't answer
# with single bytes: it sends whole **sectors** of 32 bytes. So what counts is how many sectors the
# lanes touch *together*.
#
# Which lane reads what stands in the kernel's own index expression. Here is `x + 1` for an H100, with 32
# work items in a group. Nothing is run:

# %%
from labs.gpu.access import pattern
from labs.gpu.options import apply, axes, parse_options

warp = parse_options("LOCAL 0 32")
side_by_side = gpu.analyze_access(lambda: Tensor.empty(1 << 20) + 1, "CUDA:sm_90", warp)
print("\n".join(side_by_side.kernels[0].source.strip().splitlines()[-6:]))

# %% [markdown]
# **Predict:** 32 lanes read 32 floats of 4 bytes, side by side. How many sectors do they touch? And when
# lane *i* reads element *8 i*, as in `x[::8]`?

# %%
predict("sectors-side-by-side", 32, unit="sectors")
predict("sectors-stride-8", 8, unit="sectors")

# %%
load = side_by_side.find("load")
charts.lanes_chart(load, target=side_by_side.label)

# %%
reveal("sectors-side-by-side", load.sectors, unit="sectors")

# %%
strided = gpu.analyze_access(pattern("strided", n=1 << 14, stride=8), "CUDA:sm_90", warp)
charts.lanes_chart(strided.find("load"), target=strided.label)

# %%
reveal("sectors-stride-8", strided.find("load").sectors, unit="sectors")

# %% [markdown]
# The same 32 floats, and eight times the traffic: every lane fetches a sector of its own, and uses 4 bytes
# of 32. Move the slider. From which stride on does nothing get worse? What does an *offset* of 1 cost?
# Which pattern is a broadcast?

# %%
widgets.access_explorer("strided", stride=2)

# %% [markdown]
# ### Exercise 3.3 · Count the sectors (5 points)
#
# `addresses` has one byte address for each lane, or `None` for a lane that takes no part. Each lane reads
# `bytes_per_lane` bytes from its address on. Return how many sectors of `sector_bytes` they touch together.
#
# ```python
# count_sectors([0, 4, 8, 12], 4, 32)      # -> 1
# count_sectors([0, 128, None, 30], 4, 32)  # -> 3: sectors 0, 4 and, from byte 32 on, 1
# ```

# %% tags=["answer", "ex-3-3"]
def count_sectors(addresses, bytes_per_lane, sector_bytes):
    """Sectors that the lanes touch together."""
    ### BEGIN SOLUTION
    touched = set()
    for a in addresses:
        if a is not None:
            first, last = a // sector_bytes, (a + bytes_per_lane - 1) // sector_bytes
            touched |= set(range(first, last + 1))
    return len(touched)
    ### END SOLUTION


# %% tags=["check", "ex-3-3"]
check("3.3", count_sectors)

# %% [markdown]
# ### Does it matter on your machine?
#
# A processor has no warps. But it has vectors and cache lines of 64 bytes, and it pays the same price.
# Four patterns read and write the same number of elements, beside a copy. **Predict:** which part of the copy's
# bandwidth does a stride of 8 still get?

# %%
predict("stride-share", 50, unit="%")

# %%
patterns = gpu.measure_patterns(
    device,
    1 << 20,
    ("sequential", "strided:stride=8", "transposed", "gather"),
    rounds=4,
    round_time_s=0.03,
)
charts.patterns_chart(patterns)

# %%
share = patterns.find("strided, stride=8").copy_fraction
reveal("stride-share", share and 100 * share, unit="%")

# %% [markdown]
# The discs show the bytes that are *used*, the ticks the bytes of the sectors that are *moved*, as derived from the
# index expressions of the kernels that ran. Where both lie together and far from the copy, the order of the
# addresses is to blame, not their number.
#
# How large the data are matters as much as their order: each cache has its size and its speed. The copy
# again, from 16 KiB on:

# %%
by_size = gpu.bandwidth_by_size(
    device, [1 << k for k in range(14, 28, 2)], rounds=4, round_time_s=0.01
)
charts.bandwidth_size_chart(by_size)

# %% [markdown]
# <details><summary>Why is it slow on the left, too?</summary>
#
# There the *launch* dominates: the work of a small copy is done before the launch is paid. Between the
# two ends lies the speed of the caches. On the right the data fit into none of them, and that is the
# memory roof of section 1.
# </details>
#
# ### A kernel to repair
#
# 1024 records of 1024 samples lie one after the other. We want the sum of each: `x.sum(axis=1)`. This is what
# tinygrad's own choice does on an H100:

# %%
def row_sum():
    return Tensor.empty(1024, 1024).sum(axis=1)


chosen = gpu.analyze_access(row_sum, "CUDA:sm_90")
charts.lanes_chart(chosen.find("load"), target=chosen.label)

# %%
chosen.kernels[0].options

# %% [markdown]
# 16 lanes share a sum, and each takes a *stretch* of the row. So lanes that work side by side read 64
# elements apart. Every lane touches its own sector: 12.5% of what moves is used.
#
# You can tell tinygrad what to do instead. An **option** is a line of text such as `"LOCAL 0 32"`: what, on
# which axis, how much. These are the kernel's axes:

# %%
axes(row_sum, "CUDA:sm_90")

# %% [markdown]
# | option | does |
# |---|---|
# | `LOCAL axis n` | n neighbours on an axis of the *result* become work items of one group |
# | `UPCAST axis n` | one work item computes n neighbouring results |
# | `UNROLL axis n` | n steps of a *summed* axis are written out, loaded as a vector where they lie side by side |
# | `GROUPTOP axis n` | n work items share a sum; each takes a stretch of the summed axis |
# | `GROUP axis n` | n work items share a sum; its elements are dealt out to them one by one |
#
# `UNROLL`, `GROUP` and `GROUPTOP` count summed axes only: the first of them is 0.

# %% [markdown]
# ### Exercise 3.4 · Repair an uncoalesced kernel (6 points)
#
# Return a list of options for this kernel, so that at least 95% of the bytes moved are used **and** a group
# has at least 32 work items. The check reads it from the code: no GPU is needed.
#
# Try options in a cell first, such as
# `gpu.analyze_access(row_sum, "CUDA:sm_90", parse_options("LOCAL 0 32"))`.

# %% tags=["answer", "ex-3-4"]
def row_sum_options():
    """A list of options, such as ["LOCAL 0 32", "UNROLL 0 4"]."""
    ### BEGIN SOLUTION
    return ["GROUP 0 32"]
    ### END SOLUTION


# %% tags=["check", "ex-3-4"]
check("3.4", row_sum_options)

# %% [markdown]
# Your kernel as a picture:

# %%
try:
    repaired = gpu.analyze_access(row_sum, "CUDA:sm_90", parse_options(row_sum_options()))
    picture = charts.lanes_chart(repaired.find("load"), target=repaired.label)
except NotImplementedError:
    picture = "Exercise 3.4 is still open: solve it above, then run this cell again."
picture

# %% [markdown]
# And the transpose of the first picture? Neighbouring lanes can't run along the rows of the input *and* of the output.
# tinygrad's options make groups of 8 × 16 work items, so that both sides use whole sectors:

# %%
transpose = gpu.analyze_access(lambda: Tensor.empty(16384, 16384).T + 0, "CUDA:sm_90")
for a in transpose.accesses:
    print(f"{a.kind:<5} of {a.bytes_per_lane:>2} B a lane: {a.sectors:g} sectors, {a.efficiency:.0%} used")

# %% [markdown]
# > **Takeaway.** Memory answers in sectors. Let neighbours read neighbours: the arithmetic stays the same, and
# > the traffic can fall to an eighth.

# %% [markdown]
# ## 3. The price of a launch
#
# A kernel that does nothing still costs something: Python decides what to run, the driver queues it, the
# device begins. We time calls of 1, 2, 4, ... tiny kernels and lay a line through the times. Its *slope* is
# the price of one more kernel.
#
# **Predict** that price when `TinyJit` replays captured kernels.

# %%
predict("launch-us", 20, unit="µs")

# %%
launches = gpu.measure_launches(device, (1, 4, 16, 64), rounds=5, round_time_s=0.03)
charts.launch_chart(launches)

# %%
price_s = launches.line("TinyJit").per_kernel_s
reveal("launch-us", price_s and price_s * 1e6, unit="µs")

# %% [markdown]
# *Eager* means that Python schedules anew at each call. Notice the factor between the two lines: for small
# kernels, capturing the call is one of the largest gains in this notebook, and it takes one line.
#
# A device that can launch a whole **graph** of kernels at once has a third line. (That CUDA has one is one
# reason why frameworks like it.)
#
# ### Many small, or one large?
#
# 32 products of small matrices: as 32 kernels, as 4, or as one batched operation. **Predict:** how many times
# faster is the batch?

# %%
predict("batched-gain", 4, unit="times")

# %%
from labs.gpu.batching import compare_batching

batching = compare_batching(device, n=32, products=32, few=4, rounds=4, round_time_s=0.03)
batching

# %%
seconds = [g.measurement.median_s for g in batching.groupings]
reveal("batched-gain", seconds[0] / seconds[-1], unit="times")

# %% [markdown]
# ### Exercise 3.5 · When does batching pay? (4 points)
#
# Records arrive one by one. Launched by itself, a record takes `launch_us + work_us`. In a batch the launch is
# paid once, but each record must first be copied into the batch, for `copy_us`. Return the smallest number
# of records for which the batch takes **less** time than launching them one by one; `None` when no
# batch does. All times are whole microseconds.

# %% tags=["answer", "ex-3-5"]
def smallest_batch(launch_us, work_us, copy_us):
    """The smallest batch that pays, or None."""
    ### BEGIN SOLUTION
    if copy_us >= launch_us:
        return None
    return launch_us // (launch_us - copy_us) + 1
    ### END SOLUTION


# %% tags=["check", "ex-3-5"]
check("3.5", smallest_batch)

# %% [markdown]
# <details><summary>What surprises most people</summary>
#
# `work_us` plays no part: it is done either way. Only the launch and the copy decide *whether* batching
# pays. The work decides how much you notice.
# </details>
#
# > **Takeaway.** A launch has a price, whatever is in it. Capture the call, and give each launch enough to do.

# %% [markdown]
# ## 4. Occupancy
#
# A multiprocessor of a GPU keeps many warps at hand. While one waits for memory, another computes. How many
# fit depends on what each *takes*. On one multiprocessor of an H100 there are
#
# | resource | there are | a block takes |
# |---|---|---|
# | warp slots | 64 | threads / 32, rounded up |
# | block slots | 32 | 1 |
# | registers | 65,536 | for each of its warps: 32 × registers of a thread, rounded up to a multiple of 256 |
# | shared memory | 233,472 B | what it declares + 1,024 B, rounded up to a multiple of 128 B |
#
# Only whole blocks fit. The scarcest resource decides. **Occupancy** is the share of warp slots that get
# filled.
#
# **Predict:** a kernel needs 128 registers, and blocks have 256 threads. Which occupancy?

# %%
predict("occupancy-128", 100, unit="%")

# %%
from labs.gpu.occupancy import occupancy, occupancy_by_registers, occupancy_by_threads
from labs.gpu.resources import KernelResources

example = occupancy(KernelResources("example", "sm_90", 128, 0), "9.0", threads=256)
example

# %%
reveal("occupancy-128", example.percent, unit="%")

# %% [markdown]
# ### Exercise 3.6 · Active warps, and what limits them (5 points)
#
# Return the number of active warps on one multiprocessor of an H100, and what limits it: `"warp slots"`,
# `"block slots"`, `"registers"` or `"shared memory"`. When two resources tie, either word is right.
#
# ```python
# active_warps(256, 128, 0)   # -> (16, "registers")
# ```

# %% tags=["answer", "ex-3-6"]
def active_warps(threads, registers, shared_bytes):
    """(active warps, what limits them) for blocks of `threads` threads on an H100."""
    ### BEGIN SOLUTION
    warps = -(-threads // 32)
    registers_of_warp = -(-32 * registers // 256) * 256
    shared_of_block = -(-(shared_bytes + 1024) // 128) * 128
    blocks = {
        "warp slots": 64 // warps,
        "block slots": 32,
        "registers": 65536 // registers_of_warp // warps,
        "shared memory": 233472 // shared_of_block,
    }
    limit = min(blocks, key=blocks.get)
    return blocks[limit] * warps, limit
    ### END SOLUTION


# %% tags=["check", "ex-3-6"]
check("3.6", active_warps)

# %% [markdown]
# Now the surprise from the beginning. tinygrad's `x + 1` is coalesced perfectly, and yet gets little more
# than half of the H100's bandwidth. Look at its block size:

# %%
plus_one = gpu.analyze_access(lambda: Tensor.empty(1 << 28) + 1, "CUDA:sm_90")
plus_one.kernels[0].local_size, plus_one.efficiency

# %%
few_registers = KernelResources("x + 1", "sm_90", 16, 0)  # however few: they don't decide here
occupancy(few_registers, "9.0", threads=32)

# %% [markdown]
# Blocks of a single warp: the block slots are used up while half of the warp slots are still empty. So half
# as many bytes are on their way as could be, and the next tiny block must be started all the time. The
# hand-written kernel also loads 16 bytes in each thread. But its blocks have 256 threads.
#
# Block size and registers are two knobs. Where are the steps, and which resource makes them?

# %%
resources = KernelResources("example", "sm_90", 40, 0)
charts.occupancy_chart(
    occupancy_by_threads(resources, "9.0"),
    occupancy_by_registers(resources, "9.0", 256),
    own_threads=256,
    own_registers=40,
    kernel="a kernel with 40 registers",
)

# %% [markdown]
# Full occupancy is no goal in itself. It helps a kernel that *waits for memory*. A kernel whose threads keep
# many results in registers has enough work under way with few warps. Remember that for section 7.
#
# One more cost has to do with blocks: they are worked off in **waves**. One block too many begins a new wave:

# %%
print(gpu.waves(blocks=132, multiprocessors=132, active_blocks=1))
print(gpu.waves(blocks=133, multiprocessors=132, active_blocks=1))

# %% [markdown]
# > **Takeaway.** Occupancy says how many warps can hide each other's waiting, and one scarce resource sets it. It
# > is a means, not a measure of speed.

# %% [markdown]
# ## 5. The matmul ladder
#
# A matrix product does many FLOP for each byte, so it *could* run at the arithmetic roof. A plain one doesn't
# come near it. Which options help? Each rung adds one, and nothing else changes.
#
# **Predict:** how many times faster than plain loops is tinygrad's own choice, the *heuristic*, on your device?

# %%
predict("heuristic-gain", 5, unit="times")

# %%
ladder = explorer.climb_matmul_ladder(n, rounds=4, round_time_s=0.02)
total = ladder["heuristic"].total
reveal("heuristic-gain", total and total.speedup, unit="times")

# %% [markdown]
# Click on the rungs to read their code, and why a rung isn't there on your device. The line for options of your own is
# for later.

# %%
widgets.ladder_panel(ladder=ladder, device=device)

# %% [markdown]
# The lower picture says why *upcast* is the great step: plain loops load two values for each multiply-add. A
# **tile** of 4 × 4 results in registers loads 4 + 4 values for 16 of them. That is the secret of fast matrix
# products, on every device. The gain isn't the arithmetic, it is the loads that don't happen.
#
# ### Options by hand
#
# The same product on the CPU device. These are its axes, and this is the plain kernel:

# %%
axes("matmul:n=256", "CPU")

# %%
def kernel_text(kernel, lines=14):
    shown = [line[:110] for line in kernel.source.strip().splitlines()]
    start = next(i for i, line in enumerate(shown) if "void " in line or "kernel" in line)
    return "\n".join(shown[start : start + lines])


print(kernel_text(apply("matmul:n=256", [], "CPU")))

# %% [markdown]
# Four neighbouring results in one step. Count the loads in the innermost loop:

# %%
upcast = apply("matmul:n=256", ["UPCAST 1 4"], "CPU")
print(kernel_text(upcast))

# %%
upcast

# %% [markdown]
# Not everything fits. Ask for nonsense, and the answer says why, and what would fit:

# %%
for nonsense in ("UPCAST 2 4", "LOCAL 0 16", "UPCAST 0 7"):
    try:
        apply("matmul:n=256", nonsense, "CPU")
    except LabError as error:
        print(f"{error}\n")

# %% [markdown]
# ### Exercise 3.7 · Beat the heuristic (6 points)
#
# For `"matmul:n=256"` on the CPU device the heuristic makes a tile of 4 × 4 and reaches 0.99 operations for
# each byte accessed. Return options that reach at least **1.3**, and keep at most **64** results in registers:
# more would not fit, and be written to memory in between. Leave `THREAD` out, because readers' machines
# have different numbers of cores.
#
# Counted from the code, so the points are sure. Whether it is *faster* is what you measure afterwards.

# %% tags=["answer", "ex-3-7"]
def my_options():
    """A list of options, such as ["UPCAST 1 4", "UNROLL 0 4"]."""
    ### BEGIN SOLUTION
    return ["UPCAST 1 16", "UPCAST 0 4"]
    ### END SOLUTION


# %% tags=["check", "ex-3-7"]
check("3.7", my_options)

# %% [markdown]
# Now the race, in turns, both verified against numpy. The heuristic shares the rows among threads, so yours does
# the same:

# %%
from labs.gpu.contest import beat_heuristic

heuristic = apply("matmul:n=256", None, "CPU")
threads = [line for line in heuristic.opts if line.startswith("THREAD")]

try:
    contest = beat_heuristic(
        "matmul:n=256", [*my_options(), *threads], "CPU", rounds=6, round_time_s=0.04
    )
except NotImplementedError:
    contest = "Exercise 3.7 is still open: solve it above, then run this cell again."
contest

# %% [markdown]
# <details><summary>Mine is not faster?</summary>
#
# Then the count was not what limits your machine. The tile may not fit its registers, or the compiler has turned
# the heuristic's loops into better vectors than yours. Fewer loads are a *reason to expect* speed. Only the
# measurement decides: try another tile, wider along the columns (axis 1) or taller along the rows.
# </details>
#
# > **Takeaway.** Options trade loads for registers. Count first, then measure: a good count is a promise, not a
# > result.

# %% [markdown]
# ## 6. The same product, computed differently
#
# Options change a kernel's loops. You can also change the *computation*: in blocks, fused with what follows, with
# fewer bits. **Predict:** compared with three kernels, what does fusing `relu(a @ b + bias)` gain for small matrices?

# %%
predict("fused-gain", 1.5, unit="times")

# %%
study = explorer.optimize_compute_workloads((n // 2,), rounds=4, round_time_s=0.02)
charts.compute_chart(study)

# %%
fused = study.compare("unfused", "fused", n // 2)
reveal("fused-gain", fused.speedup, unit="times")

# %% [markdown]
# Right of the picture is what really happened: the kernels are counted in what was compiled, and the error is measured
# against a product in float64.
#
# * **Fused** computes the same with one kernel, and moves less: you counted the bytes in 3.2.
# * **Blocked** computes the same with better use of caches, at the price of packing the blocks. It pays when the
#   matrices are larger than the caches.
# * **int8** moves a quarter of the bytes, and sums in int32, which can't overflow here. It costs accuracy.
# * **Mixed** loads float16 and sums in float32.

# %% [markdown]
# ### Exercise 3.8 · A product in blocks (5 points)
#
# A small unit multiplies blocks of at most `block` × `block`: `product(x, y)` returns their product. (Its
# results count in steps of its own, as int8 products do, so use it for *all* multiplications. Adding is yours.)
# Multiply a of shape (m, k) by b of shape (k, n), for any sizes: m, k and n need not be multiples of `block`.

# %% tags=["answer", "ex-3-8"]
def blocked_matmul(a, b, block, product):
    """a @ b, made of product(x, y) on blocks of at most block x block."""
    ### BEGIN SOLUTION
    (m, k), n = a.shape, b.shape[1]
    out = np.zeros((m, n), a.dtype)
    for i in range(0, m, block):
        for j in range(0, n, block):
            for d in range(0, k, block):
                left, right = a[i : i + block, d : d + block], b[d : d + block, j : j + block]
                out[i : i + block, j : j + block] += product(left, right)
    return out
    ### END SOLUTION


# %% tags=["check", "ex-3-8"]
check("3.8", blocked_matmul)

# %% [markdown]
# ### Exercise 3.9 · Eight bits and a scale (5 points)
#
# Quantise a float32 matrix row by row. Each row has its own `scale`, so that its largest value, in magnitude,
# becomes 127 or -127, and `x ≈ q * scale`. Return `(q, scales)`: q in int8 with x's shape, scales in float32 with one
# number for each row. A row of zeros gets the scale 1. No value may be off by more than half a step.

# %% tags=["answer", "ex-3-9"]
def quantize_rows(x):
    """(q, scales): int8 values and one float32 scale for each row."""
    ### BEGIN SOLUTION
    largest = np.abs(x).max(axis=1)
    scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(x / scales[:, None]).astype(np.int8), scales
    ### END SOLUTION


# %% tags=["check", "ex-3-9"]
check("3.9", quantize_rows)

# %% [markdown]
# What does a single outlier do to a row? Here are 1000 samples of a sine, and the same with one spike of a
# hundred times its size:

# %%
wave = np.sin(np.arange(1000, dtype=np.float32) / 20)[None]
spiked = wave.copy()
spiked[0, 500] = 100

try:
    for name, x in (("sine", wave), ("with a spike", spiked)):
        q, scales = quantize_rows(x)
        error = np.sqrt(np.mean((q * scales[:, None] - x) ** 2))
        print(f"{name:<13} step {scales[0]:.4f}, {len(np.unique(q))} levels used, error {error:.4f}")
except NotImplementedError:
    print("Exercise 3.9 is still open: solve it above, then run this cell again.")

# %% [markdown]
# > **Takeaway.** Fewer bytes, fewer kernels, fewer bits: each can be worth more than any option, and each has a
# > price that you can count.

# %% [markdown]
# ## 7. By hand, up to the vendor's library
#
# tinygrad's options reach only so far. What does it take to be as fast as NVIDIA's own library? Eight kernels, written
# by hand in CUDA C++, run on tinygrad's buffers. Each changes *one* thing. Read them from the left: what is
# different in the inner loop?

# %%
widgets.rung_explorer("naive")

# %% [markdown]
# **Predict:** the step from *naive* to *coalesced* only swaps rows and columns of a thread. How many times faster does
# it get on an H100, at n = 4096?

# %%
predict("coalesced-gain", 2, unit="times")

# %%
charts.recorded_ladder_chart(h100, "matmul 4096 float32")

# %%
from labs.gpu.recorded import by_name

rates = {by: row.rate for (work, by), row in by_name(h100.rows("matmul")).items() if "4096" in work}
reveal("coalesced-gain", rates["by hand: coalesced"] / rates["by hand: naive"], unit="times")

# %% [markdown]
# Nothing was computed differently there. Only the lanes were arranged so that neighbours read neighbours: section
# 2, on real hardware.
#
# The last rungs need **tensor cores**: units that multiply whole tiles of float16. *hopper* is the top:

# %%
charts.recorded_ladder_chart(h100, "matmul 8192 float16")

# %% [markdown]
# ### Exercise 3.10 · Bytes of a tiled product (4 points)
#
# A block of threads computes a tile of `rows` × `columns` of the (m, n) result. For that it loads the `rows` rows of A
# and the `columns` columns of B that it needs, each once. All blocks together: how many bytes are loaded from
# memory (or L2), and written? The tile divides m and n.
#
# ```python
# tiled_bytes(4096, 4096, 4096, 1, 1, 4)    # one result at a time: about 550 GB
# ```

# %% tags=["answer", "ex-3-10"]
def tiled_bytes(m, n, k, rows, columns, itemsize):
    """Bytes that all blocks load and write."""
    ### BEGIN SOLUTION
    blocks = (m // rows) * (n // columns)
    return itemsize * (blocks * (rows + columns) * k + m * n)
    ### END SOLUTION


# %% tags=["check", "ex-3-10"]
check("3.10", tiled_bytes)

# %% [markdown]
# The tiles of the ladder, and the time that a memory of 3.35 TB/s would need for that traffic:

# %%
try:
    for name, side in (("no tile", 1), ("shared", 32), ("register, vector", 128)):
        moved = tiled_bytes(4096, 4096, 4096, side, side, 4)
        print(f"{name:<17} {moved / 1e9:8.1f} GB {moved / 3.35e12 * 1e3:8.2f} ms")
except NotImplementedError:
    print("Exercise 3.10 is still open: solve it above, then run this cell again.")

# %% [markdown]
# The arithmetic needs 2.05 ms at 66.9 TFLOP/s. So with a tile of 128 × 128 memory is no longer the limit: from
# there on, the load *instructions* are. (Without a tile, caches serve most loads: *coalesced* took 24 ms, not 164. But
# every load has to be asked for, and waited for.)
#
# ### What do the rungs take?
#
# The recorded file has each kernel's registers. With the block size and the shared memory of its launch you get
# its occupancy. **Predict** that of the fastest kernel, *hopper*.

# %%
predict("occupancy-hopper", 75, unit="%")

# %%
from labs.gpu.cuda.matmul import matmul_launch

found = by_name(h100.rows("matmul"))


def rung_occupancy(rung, n, dtype):
    launch = matmul_launch(rung, n, n, n, dtype)
    registers = found[f"matmul {n} {dtype}", f"by hand: {rung}"].facts["registers"]
    taken = KernelResources(rung, "sm_90", registers, 0)
    return occupancy(taken, "9.0", launch.block, dynamic_shared_bytes=launch.shared_bytes)


hopper = rung_occupancy("hopper", 8192, "float16")
hopper

# %%
reveal("occupancy-hopper", hopper.percent, unit="%")

# %%
for rung in ("coalesced", "register", "vector"):
    o = rung_occupancy(rung, 4096, "float32")
    print(f"{rung:<10} {o.registers:>3} registers, {o.percent:5.1f}% occupancy, limited by {o.limiter}")

# %% [markdown]
# The faster the kernel, the *lower* its occupancy.
#
# <details><summary>How can that be?</summary>
#
# Many warps are one way to have work under way while others wait. The other way is to have many *independent*
# operations in each warp. A thread of `vector` keeps 128 results in registers: 128 multiply-adds that don't wait for
# each other. And on *hopper* one instruction of 128 threads multiplies 64 × 256 × 16 numbers, while a copy engine
# fetches the next tile. Registers spent on results are better spent than on more warps.
# </details>
#
# ### Exercise 3.11 · What does each rung save? (4 points)
#
# Match each line with one of `"sectors of each load"`, `"loads from memory and L2"`, `"loads from shared memory"`,
# `"load instructions and waiting"`, `"multiply-add instructions"`, `"more registers"` and `"independent work"`.
# One of them is left over.

# %% tags=["answer", "ex-3-11"]
def what_is_saved():
    """A dict from each line to one of the answers."""
    lines = [
        "coalesced: neighbouring threads take neighbouring columns",
        "shared: a block loads tiles once for all its threads",
        "register: a thread computes 8 x 8 results",
        "vector: 16 bytes at a time, the next tile during this one",
        "mma: a warp multiplies 16 x 8 x 16 at once",
        "hopper fills 12 of 64 warp slots, and is fastest: its warps have",
    ]
    ### BEGIN SOLUTION
    words = ["sectors of each load", "loads from memory and L2", "loads from shared memory"]
    words += ["load instructions and waiting", "multiply-add instructions", "independent work"]
    return dict(zip(lines, words, strict=True))
    ### END SOLUTION


# %% tags=["check", "ex-3-11"]
check("3.11", what_is_saved)

# %% [markdown]
# ### On your GPU
#
# With an NVIDIA GPU this cell climbs the ladder on *your* machine. A rung that your GPU can't run is listed with the
# reason.

# %%
from labs.gpu.cuda.ladder import cuda_ladder

live = "No NVIDIA GPU here. The recorded charts above are what it looks like."
if "CUDA" in discovery.usable:
    live = cuda_ladder(2048, "float16", rounds=5, round_time_s=0.05)
live

# %% [markdown]
# > **Takeaway.** Every rung removes the cost that was largest *then*: sectors, memory, shared memory, instructions,
# > waiting. Find out what is largest before you optimise anything.

# %% [markdown]
# ## 8. Advice that is checked
#
# Enough theory: what should *you* do with *your* workload on *your* device? First the six numbers of this notebook for
# one workload. Each says how it was obtained, and one that can't be had on this device says why:

# %%
gpu.collect_metrics("chain:n=512", device, roofs, launches=launches, profile=False)

# %% [markdown]
# Then advice. The explorer looks at the workload and at what was measured here. Advice that doesn't apply says why.

# %%
advice = explorer.gpu_optimization_recommendations(
    "chain:n=512", areas=("memory", "compute", "launches", "memory management")
)
advice

# %% [markdown]
# An expected gain is a hope. **Predict** whether the first one keeps its promise: `faster`, `slower` or
# `not resolved`.

# %%
predict("advice-word", "faster")

# %%
applied = advice[0].apply(rounds=5, round_time_s=0.03)
applied

# %%
reveal("advice-word", applied.word)

# %%
charts.advice_chart(advice.apply_all(rounds=4, round_time_s=0.02))

# %% [markdown]
# Where the measured gain is far from the expected one, ask why: something else was the limit. That is not a failure of
# the method. It *is* the method.
#
# ### Let the machine search
#
# Choosing options by hand is instructive, and slow. `PerformanceOptimizer` tries many within a time budget, verifies
# the answer, races the winner against the heuristic once more, and keeps it only when it is *resolved* to be faster.

# %%
optimizer = gpu.PerformanceOptimizer("CPU", budget_s=6, rounds=5, round_time_s=0.03)
optimized = optimizer.optimize("sum:n=512")
optimized

# %% [markdown]
# What it keeps is a **schedule**, saved under the kernel, the device and tinygrad's version. From now on it
# holds wherever it is applied:
#
# ```python
# with optimizer.applied():
#     x.sum().realize()      # compiled with the saved options
# ```
#
# The homework: run it with a budget of a minute on the workload *you* care about. Which of its options would you
# have found by hand?
#
# > **Takeaway.** Advice needs evidence before, and a measurement after. "It did not help" is a result.

# %% [markdown]
# ## 9. What you can do now
#
# Each line is tied to an exercise, and is ticked when you have passed it.

# %%
progress(3)

# %% [markdown]
# | when a kernel is slow, ask | and look at |
# |---|---|
# | Is it launched too often? | section 3: capture it, batch it |
# | Which roof is above it? | section 1: FLOP, bytes, ridge point |
# | Do neighbours read neighbours? | section 2: sectors |
# | Are enough bytes on their way? | section 4: occupancy, block size |
# | Is a loaded value used often enough? | section 5: the tile in registers |
# | Could it compute less, or move less? | section 6: fuse, block, quantise |
#
# ### Read further
#
# * The sources of section 7 are in `labs/gpu/cuda/kernels/`, from 10 lines (`matmul_coalesced.cu`) to 136.
# * `tinygrad/codegen/opt/heuristic.py`: the heuristic that you have beaten, or not.
# * NVIDIA, *CUDA C++ Best Practices Guide*: sectors, occupancy and instruction throughput, by the vendor.
# * Williams, Waterman, Patterson, *Roofline* (Communications of the ACM 52(4), 2009): the picture of section 1.
#
# **Next:** notebook 04 compares devices: profiles, live monitoring, and work that is shared among several.
