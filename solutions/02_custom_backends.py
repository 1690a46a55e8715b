# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Custom backends
#
# **How does a tensor library learn a machine that it has never heard of?**
#
# | | |
# |---|---|
# | Time | about 100 minutes |
# | Hardware | any laptop; no GPU is used |
# | Fallback | no compiler on your machine: the one that the course brought along is used |
# | Graded | 10 exercises, 49 points; `progress(2)` shows yours |
#
# By the end you have written a backend from nothing and proved it with a test suite. You know which
# choices make a native backend fast on *your* machine, and what they cost. You have run the same
# kernels on a microcontroller with 32 MB, and you can find a backend's fault from its report.
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

from dataclasses import replace

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit

from labs import backends, bench, charts, lowering, paths, widgets
from labs.errors import LabError
from labs.grading import check, hint, predict, progress, reveal

backends.register()  # from here on tinygrad knows ELECTRICAL and EDGE

# %% [markdown]
# A backend needs a compiler for its kernels, and EDGE needs an emulator. This is what was found:

# %%
tools

# %% [markdown]
# ## 1. A backend is a name
#
# `Device["MINE"]` imports the module `tinygrad.runtime.ops_mine` and takes its class `MineDevice`. So
# a backend outside tinygrad needs one trick: something must answer that import. `backends.register`
# puts a *finder* into Python's import system. It answers `tinygrad.runtime.ops_mine` with your module.
#
# Two backends came with the course. `ELECTRICAL` runs on this machine's processor. `EDGE` is a
# microcontroller, emulated. Both are found the same way.

# %%
backends.registered()

# %%
widgets.backend_anatomy_widget("ELECTRICAL")

# %% [markdown]
# ### Why not simply a class in a cell?
#
# tinygrad compiles several new kernels at once, in worker processes. A worker gets the *name* of your
# renderer's class, and imports it. A class of a notebook cell has no importable name. The worker dies,
# a new one is started, that one dies too, and your cell waits for ever. `register` refuses it instead.

# %%
from tinygrad.device import Compiled


class CellDevice(Compiled):
    """A backend class where it can't work."""


try:
    backends.register("CELL", CellDevice)
except LabError as error:
    print(error)

# %% [markdown]
# So every part goes to a file. `%%writefile` does that from a cell, and a *workbench* puts the parts
# together into one module, in the course's own folder. Parts that aren't written yet come from a
# template: they raise an error that says what is missing.
#
# How do you know how far you are? By asking a **conformance suite**: over a thousand small questions
# that any backend must answer rightly. We take a sample of it after each step.
#
# **Predict:** how many of the sample's cases pass with *nothing* written?

# %%
predict("passed-nothing", 5, unit="cases")

# %%
from labs.grading.workbench import Workbench

mine = Workbench("MINE")
nothing = mine.after()
charts.conformance_chart(nothing)

# %%
reveal("passed-nothing", nothing.passed, unit="cases")

# %% [markdown]
# Everything fails, and for one reason: there is no class to be found.
#
# ### The device
#
# The device hands the other parts over: an allocator, a list of renderer classes (the compiler hangs
# off the renderer), and the class of its programs. `arch` says what kernels are compiled for.

# %%
# %%writefile "{mine.device}"
from tinygrad.device import Compiled

from labs.toolchain.compiler import target_arch


class MineDevice(Compiled):
    """Device["MINE"]: owns the other parts."""

    def __init__(self, device):
        allocator = MineAllocator(self, supports_copy_from_disk=False, supports_transfer=False)
        super().__init__(device, allocator, [MineRenderer], MineProgram, arch=target_arch())

    def synchronize(self):
        """Nothing to wait for: a launch returns when its kernel has ended."""


# %%
mine.after("device")

# %% [markdown]
# The device opens: the first group passes. Unfold the failures below the table. Each names the method
# that is missing.
#
# ### Exercise 2.1 · From a name to a class (3 points)
#
# Given a device's name such as `"EDGE:1"` (the second EDGE) and the names of the classes in its module,
# return the module that tinygrad imports, and the class it takes, or `None`. tinygrad compares in
# lower case.
#
# ```python
# find_device("EDGE:1", ["EdgeRenderer", "EdgeDevice"])  # -> ("tinygrad.runtime.ops_edge", "EdgeDevice")
# ```

# %% tags=["answer", "ex-2-1"]
def find_device(device, classes):
    """(module, class) for a device's name; the class is None when no name fits."""
    ### BEGIN SOLUTION
    name = device.split(":")[0].lower()
    found = next((c for c in classes if c.lower() == f"{name}device"), None)
    return f"tinygrad.runtime.ops_{name}", found
    ### END SOLUTION


# %% tags=["check", "ex-2-1"]
check("2.1", find_device)

# %% [markdown]
# > **Takeaway.** A backend is found by names: one for its module, one for its class. It must live where
# > another process can import it.

# %% [markdown]
# ## 2. Memory
#
# tinygrad never looks into a device's memory. It asks the allocator for a *handle*, and gives the
# handle back when it wants something copied, launched or freed. Our handle is a `Block`: an address,
# a size, and the owner that keeps the memory alive.
#
# Find three things in the next cell. How does an address become a multiple of 64? What is a *view*?
# Why does `_free` do nothing?

# %%
# %%writefile "{mine.allocator}"
import ctypes
from collections import namedtuple

from tinygrad.device import LRUAllocator
from tinygrad.helpers import from_mv

Block = namedtuple("Block", "address size owner")  # the owner keeps the memory alive


class MineAllocator(LRUAllocator):
    def _alloc(self, size, options):
        if options.external_ptr is not None:  # memory that somebody else owns
            return Block(options.external_ptr, size, None)
        memory = ctypes.create_string_buffer(size + 64)
        start = ctypes.addressof(memory)
        return Block(start + -start % 64, size, memory)

    def _free(self, block, options):
        """Python frees the memory together with the last Block that holds its owner."""

    def _offset(self, block, size, offset):
        return Block(block.address + offset, size, block.owner)

    def _copyin(self, block, source):
        ctypes.memmove(block.address, from_mv(source), len(source))

    def _copyout(self, target, block):
        ctypes.memmove(from_mv(target), block.address, len(target))


# %% [markdown]
# <details><summary>Answers</summary>
#
# `-start % 64` is what is missing up to the next multiple of 64. A view is a `Block` with another
# address and the *same owner*: no byte is copied, and the memory lives as long as any view of it.
# `_free` does nothing because the owner is an ordinary Python object. (tinygrad's `LRUAllocator`
# calls `_free` only when memory runs out. Until then it keeps freed blocks, as you saw in notebook 01.)
# </details>

# %%
mine.after("device", "allocator")

# %% [markdown]
# Memory works: allocation, copies and views pass, and no kernel has run yet.
#
# **Try:** in the cell above replace `-start % 64` by `8`, run it, and run the suite again. Which case
# notices? Then put it back.
#
# ### Exercise 2.2 · First fit (6 points)
#
# EDGE has no operating system to ask. It manages 32 MB by itself: a new block goes into the **first
# gap from the left** that is large enough, and sizes are rounded up to multiples of 64. Replay
# `("alloc", name, size)` and `("free", name)` on memory from 0 to `limit`. Return one address for each
# alloc, or `None` when no gap is large enough (that block then doesn't exist).
#
# ```python
# first_fit([("alloc", "a", 10), ("alloc", "b", 100), ("free", "a"), ("alloc", "c", 64)], 1024)
# # -> [0, 64, 0]
# ```

# %% tags=["answer", "ex-2-2"]
def first_fit(events, limit):
    """The address of each alloc, in order; None where there is no room."""
    ### BEGIN SOLUTION
    used, answers = {}, []
    for kind, name, *size in events:
        if kind == "free":
            used.pop(name, None)
            continue
        need, start = -(-size[0] // 64) * 64, 0
        for address, length in sorted(used.values()):
            if address - start >= need:
                break
            start = address + length
        fits = start + need <= limit
        answers.append(start if fits else None)
        if fits:
            used[name] = (start, need)
    return answers
    ### END SOLUTION


# %% tags=["check", "ex-2-2"]
check("2.2", first_fit)

# %% [markdown]
# > **Takeaway.** An allocator hands out handles. Alignment, views and lifetime are its business, and
# > nobody else can repair them later.

# %% [markdown]
# ## 3. The compiler
#
# Text in, bytes out. Ours starts clang with the source on standard input. Two details matter. A
# refused kernel must *raise* (`refused` makes an error that shows the kernel's lines). And the string
# that goes to `super().__init__` names the table of tinygrad's disk cache.

# %%
# %%writefile "{mine.compiler}"
import os
import subprocess

from tinygrad.device import Compiler

from labs.backends.compile_errors import refused

FLAGS = ("-O2", "-fPIC", "-ffreestanding", "-fno-math-errno", "-nostdlib")


class MineCompiler(Compiler):
    def __init__(self, arch):
        super().__init__(f"compile_mine_{arch}_{'_'.join(FLAGS)}")
        # a bare ELF target on every system, because the loader reads ELF
        cpu = ["-march=native"] if arch == "x86_64" else ["-mcpu=native", "-ffixed-x18"]
        target = f"--target={arch}-none-unknown-elf"
        self.command = [os.environ["CC"], "-c", "-x", "c", *FLAGS, target, *cpu, "-", "-o", "-"]

    def compile(self, source):
        done = subprocess.run(self.command, input=source.encode(), capture_output=True)
        if done.returncode:
            raise refused(done.stderr.decode(errors="replace"), source, "MINE")
        return done.stdout


# %%
mine.after("device", "allocator", "compiler")

# %% [markdown]
# The group *compiler* passes. Nothing is launched yet, so the rest still fails.
#
# ### Exercise 2.3 · What the cache can't see (4 points)
#
# tinygrad keeps compiled kernels in memory by *(class of the renderer, arch)*. It sees no other option.
# A backend that keeps its flags elsewhere gets **old binaries** after a change.
#
# From a list of builds such as `{"renderer": "MineRenderer", "arch": "x86_64", "flags": "-O2"}` return
# the sorted list of keys `(renderer, arch)` that were built with more than one set of flags.

# %% tags=["answer", "ex-2-3"]
def stale(builds):
    """The (renderer, arch) pairs for which the cache can give a wrong binary, sorted."""
    ### BEGIN SOLUTION
    seen = {}
    for b in builds:
        seen.setdefault((b["renderer"], b["arch"]), set()).add(b["flags"])
    return sorted(key for key, flags in seen.items() if len(flags) > 1)
    ### END SOLUTION


# %% tags=["check", "ex-2-3"]
check("2.3", stale)

# %% [markdown]
# That is why ELECTRICAL has every choice in its arch string: `x86_64,native,v64,O3`. Section 6 makes use
# of it.
#
# > **Takeaway.** Whatever changes the binary belongs in its name.

# %% [markdown]
# ## 4. The program
#
# Bytes become a function that can be called. Executable memory is another matter on Linux, macOS and
# Windows. tinygrad's CPU device knows all three, so we borrow its loader. The call itself is ours:
# addresses first, then the integers.

# %%
# %%writefile "{mine.program}"
import time

from tinygrad.device import Program
from tinygrad.runtime.ops_cpu import CPUProgram


class MineProgram(Program):
    def __init__(self, dev, obj):
        self.code = CPUProgram(dev, obj)  # obj: the bytes, the name, and the arguments' types

    def __call__(self, *blocks, global_size=None, local_size=None, vals=(), wait=False, **kw):
        numbers = [*[block.address for block in blocks], *vals]
        start = time.perf_counter()
        self.code.fxn(*map(ctypes.c_uint64, numbers))
        return time.perf_counter() - start if wait else None


# %%
launching = mine.after("device", "allocator", "compiler", "program")
charts.conformance_chart(launching)

# %% [markdown]
# Almost everything runs, although one part is missing. Which group fails, and why that one? The template's renderer inherits tinygrad's C renderer. It leaves open only
# what differs from language to language: the square root and the truncation.
#
# ### Exercise 2.4 · Arguments of a launch (5 points)
#
# A kernel that may use several cores has an integer argument named `core_id`. Its value in `vals` is
# `None`, and the kernel is called once for each core from 0 to `global_size[0] - 1`. Other kernels are
# called once. Return the list of arguments of each call: addresses, then `vals`.
#
# ```python
# argument_lists(["data0", "core_id"], [4096], [None], (2, 1, 1))   # -> [[4096, 0], [4096, 1]]
# ```

# %% tags=["answer", "ex-2-4"]
def argument_lists(signature, addresses, vals, global_size):
    """One list of arguments for each call of the kernel."""
    ### BEGIN SOLUTION
    arguments = [*addresses, *vals]
    if "core_id" not in signature:
        return [arguments]
    at = signature.index("core_id")
    return [[*arguments[:at], core, *arguments[at + 1 :]] for core in range(global_size[0])]
    ### END SOLUTION


# %% tags=["check", "ex-2-4"]
check("2.4", argument_lists)

# %% [markdown]
# > **Takeaway.** A launch is a list of numbers in the right order. Getting it wrong is a crash on a
# > lucky day, and wrong answers on others.

# %% [markdown]
# ## 5. The renderer
#
# First tinygrad's own C, with nothing changed. Only its `__init__` is ours, because `ClangRenderer` would
# build tinygrad's compiler.

# %%
# %%writefile "{mine.renderer}"
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer


class MineRenderer(ClangRenderer):
    """tinygrad's C, for our compiler."""

    has_threads = False  # True: kernels get a core_id

    def __init__(self, target):
        Renderer.__init__(self, target)
        self.compiler = MineCompiler(target.arch)


# %%
complete = mine.after("device", "allocator", "compiler", "program", "renderer")
mine

# %% [markdown]
# From nothing to a complete device in five parts. `use` registers it in this notebook:

# %%
device = mine.use()
samples = Tensor(np.linspace(-1, 1, 5, dtype=np.float32), device=device)
(samples.abs() * 2).numpy()

# %% [markdown]
# ### A rule of your own
#
# Peak detection is `x.abs().max()`. An absolute value is *one* operation in hardware: clear the sign
# bit. **Predict:** how many operators (`<`, `!=`, `?:`, `*`) does tinygrad spend on one `abs`?

# %%
predict("abs-operators", 1, unit="operators")

# %%
def peak(x):
    return x.abs().max(-1)


def absolute():
    return Tensor.empty(4).abs()


plain_kernel = lowering.lower(absolute, device).kernels[0]
print(plain_kernel.source)

# %%
reveal("abs-operators", plain_kernel.flop // 4, unit="operators")

# %% [markdown]
# A renderer sees arithmetic, never `abs`: tinygrad has no such operation, so it writes `x * sign(x)`, and
# the sign is two comparisons with two choices. The pattern is always the same. A **rule** can recognise
# it and put one operation in its place.
#
# `UPat` describes the pattern, and the function beside it gives what replaces it. `CUSTOMI` is a piece
# of text for the source. We write it for a second device `PEAK`, which is `MINE` in everything else.

# %%
peak_bench = Workbench("PEAK", like=mine)

# %%
# %%writefile "{peak_bench.renderer}"
from tinygrad.dtype import dtypes
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.uop.ops import Ops, PatternMatcher, UOp, UPat

x = UPat.var("x", dtypes.float32)
SIGN = (x != 0).where((x < 0).where(-1, 1), 0)


def absolute(x):
    return UOp(Ops.CUSTOMI, x.dtype, (x,), arg="__builtin_fabsf({0})")


class PeakRenderer(ClangRenderer):
    """MINE's, and it knows an absolute value when it sees one."""

    has_threads = False
    extra_matcher = ClangRenderer.extra_matcher + PatternMatcher([(x * SIGN, absolute)])

    def __init__(self, target):
        Renderer.__init__(self, target)
        self.compiler = PeakCompiler(target.arch)  # noqa: F821 (MINE's, renamed)


# %%
print(lowering.lower(absolute, peak_bench.use()).kernels[0].source)

for name in ("MINE", "PEAK"):
    code = lowering.lower(lambda: Tensor.empty(1024).abs(), name).kernels[0].disassembly
    print(f"{name}: {len(code.splitlines())} instructions for 1024 values")

# %% [markdown]
# Faster is worth nothing when it is wrong. NaN, infinity and minus zero are the values that break such
# rules. Ask the suite first:

# %%
parts = ("device", "allocator", "compiler", "program", "renderer")
peak_bench.after(*parts, cases=["unary/abs/*", "special/*/float32", "reduce/max/*"])

# %% [markdown]
# Now the gain. A workload is inputs, the computation, and a reference. Every result is compared with
# the reference before it is timed.

# %%
peaks = bench.Workload(
    "peak",
    "n=1024",
    "float32",
    inputs=lambda rng: (rng.standard_normal((256, 1024), np.float32),),
    compute=peak,
    reference=lambda x: np.abs(x).max(-1),
)
results = bench.measure([peaks], ["MINE", "PEAK"], rounds=6, round_time_s=0.05)
charts.comparison_chart(bench.compare_devices(results, baseline="MINE"))

# %% [markdown]
# ### Exercise 2.5 · A clamp in C (5 points)
#
# Write the rule's text for another operation: limit `x` to the range from `low` to `high`. You get three
# pieces of C, and return one C expression. **NaN must stay NaN**, and each piece can be a longer
# expression such as `p?-x:x`. The check compiles yours for the microcontroller and runs it there.
#
# ```python
# clamp("x", "-1.0f", "1.0f")   # -> one expression in C
# ```

# %% tags=["answer", "ex-2-5"]
def clamp(x, low, high):
    """C for x limited to [low, high]; NaN stays NaN."""
    ### BEGIN SOLUTION
    return f"(({x})<({low})?({low}):(({high})<({x})?({high}):({x})))"
    ### END SOLUTION


# %% tags=["check", "ex-2-5"]
check("2.5", clamp)

# %% [markdown]
# > **Takeaway.** The renderer is where a backend knows its hardware: recognise a pattern, say it in one
# > operation, and prove that the odd values survive.

# %% [markdown]
# ## 6. What makes a backend fast?
#
# ELECTRICAL computes what `MINE` computes, on the same processor, and is several times faster. By what?
# We take its choices away and give them back one by one, on a 64-tap filter. All choices stand in the
# arch string:

# %%
from labs.backends.electrical import options

full = options.parse(Device["ELECTRICAL"].renderer.target.arch)
full

# %% [markdown]
# **Predict:** how many times faster is the filter with all choices than with none?

# %%
predict("all-choices", 3, unit="times")

# %%
def variant(label, threads=1, **choices):
    return bench.Variant(label, replace(full, **choices).arch, threads)


plain = {"level": "O2", "vector_bytes": 16, "vectorize": False, "schedule": False}
ladder = [
    variant("-O2, scalar, tinygrad's loops", **plain),
    variant("+ -O3", **{**plain, "level": "O3"}),
    variant("+ vectors of 16 B", vector_bytes=16, schedule=False),
    variant("+ loops of its own", vector_bytes=16),
    variant("+ full vector width"),
    variant("+ all cores", threads=0),
]

# %%
filtered = bench.measure_variants("fir64:n=262144", ladder, rounds=6, round_time_s=0.04)
charts.variants_chart(filtered)

# %%
times = [m.median_s for m in filtered]
reveal("all-choices", times[0] / min(times), unit="times")

# %% [markdown]
# Every step was verified against numpy, and the rounds were interleaved. Read it from the top:
#
# * **-O3** alone changes little. The compiler can't repair loops that were split badly for it.
# * **Vectors** help when the loops run along memory.
# * **Loops of its own** keep several results in registers, so that each loaded sample is used many
#   times. This is the *register tile*.
# * **Full width** is free once the rest is right, if your processor has wider vectors.
# * **Cores** help when the work outweighs the cost of waking them.

# %% [markdown]
# <details><summary>A step shows no gain, or a loss?</summary>
#
# Then on your machine another limit was reached first: memory, or a processor that lowers its clock for
# wide vectors, or cores that something else uses. The interval says how sure the number is. A choice
# that doesn't pay *here* is a finding, not a failure.
# </details>
#
# The same kernel in C, before and after. Only the beginning is shown:

# %%
def head(text, lines=10):
    return "\n".join(line[:110] for line in text.strip("\n").splitlines()[:lines])


for choice in (ladder[0], ladder[4]):
    kernel = bench.variant_kernel("fir64:n=262144", choice)
    print(f"// {kernel.label}: {', '.join(kernel.opts)}\n{head(kernel.source)}\n")

# %% [markdown]
# How large should the tile be? Too small, and loads dominate. Too large, and registers run out: values
# are stored and loaded again (*spilled*).

# %%
tiles = [variant(f"tile of {n}", tile=n) for n in (1, 2, 4, 8, 16)]
tiled = bench.measure_variants("matmul:n=256", tiles, rounds=5, round_time_s=0.03)
charts.variants_chart(tiled)

# %% [markdown]
# Try others yourself: choose the flags, the tile and the workload, and compare.

# %%
widgets.flags_explorer(workload="fir64:n=262144")

# %% [markdown]
# ### Small kernels: the launch is the price
#
# A stream of short records means many small kernels. Then the arithmetic costs less than the call. Here
# are 16 small steps, once as tinygrad's CPU device replays them and once as ELECTRICAL does: one call for
# the whole batch. *Bound* goes further. The buffers are fixed too, so that tinygrad isn't asked at all.

# %%
from labs.backends.electrical.binding import bind, numpy_view


def steps(x):
    for _ in range(16):
        x = (x * 0.5 + 1).contiguous()
    return x.realize()


def captured(where):
    step, data = TinyJit(steps), Tensor.ones(256, device=where).contiguous().realize()
    for _ in range(3):
        step(data)
    return step, data


(cpu, on_cpu), (own, on_own) = captured("CPU"), captured("ELECTRICAL")
bound = bind(own, on_own)

# %%
short = {"rounds": 5, "round_time_s": 0.03}
queued = bench.measure_call(lambda: cpu(on_cpu), name="CPU", device="CPU", **short)
calls = {"ELECTRICAL": lambda: own(on_own), "bound": bound}
launched = bench.measure_calls(calls, device="ELECTRICAL", **short)
charts.named_values_chart(
    [charts.NamedValue(m.workload, m.median_s) for m in (queued, *launched)],
    quantity="Time of 16 small kernels",
    subtitle="256 float32 each · wall time",
)

# %% [markdown]
# ### The flag that lies
#
# `-ffast-math` promises more speed. It lets the compiler assume that NaN and infinity never occur. In a
# test system they do: a broken sensor, a division by zero. **Predict:** how many of the 3 NaN in this
# record are found?

# %%
predict("nan-found", 3, unit="NaN")

# %%
record = np.ones(1000, np.float32)
record[[10, 500, 999]] = np.nan


def count_nan(arch):
    with Context(DEV=f"ELECTRICAL::{arch}"):
        x = Tensor(record, device="ELECTRICAL").realize()
        return int((x != x).sum().item())


found = {flag: count_nan(replace(full, fast_math=flag).arch) for flag in (False, True)}
print(f"without: {found[False]}, with -ffast-math: {found[True]}")

# %%
reveal("nan-found", found[True], unit="NaN")

# %% [markdown]
# The compiler concluded that `x != x` is never true, and removed the test. No error, no warning.
# ELECTRICAL gets its speed in sums another way: it keeps several partial sums itself, and leaves NaN alone.
#
# ### Exercise 2.6 · What -ffast-math breaks (3 points)
#
# For each line: is its result `"broken"`, `"the same up to rounding"` or `"the same to the last bit"`
# when the kernel is compiled with `-ffast-math`?

# %% tags=["answer", "ex-2-6"]
def after_fast_math():
    """A dict from each line to one of the three answers."""
    lines = [
        "(x != x).sum() counts the NaN in a record",
        "x.isinf().any() finds an overflow",
        "the mean of ordinary samples",
        "exp(nan) gives nan",
        "the sum of 1000 whole numbers in int32",
    ]
    ### BEGIN SOLUTION
    words = ["broken", "broken", "the same up to rounding", "broken", "the same to the last bit"]
    return dict(zip(lines, words, strict=True))
    ### END SOLUTION


# %% tags=["check", "ex-2-6"]
check("2.6", after_fast_math)

# %% [markdown]
# > **Takeaway.** Take one choice away at a time and measure. What is fast must first be right, also on
# > the day when the data aren't.

# %% [markdown]
# ## 7. The same kernel on a microcontroller
#
# EDGE compiles tinygrad's kernels for an Arm Cortex-M4 and executes them, instruction by instruction, on
# an emulated one. Instructions, code size and stack are **counted**. Time and energy come from a **model**
# of one chip. The model's numbers are labelled, because nothing here was measured on that chip.

# %%
edge = Device["EDGE"]
rng = np.random.default_rng(0)
a, b = (rng.standard_normal((32, 32), np.float32) for _ in range(2))


def product(where):
    return (Tensor(a, device=where) @ Tensor(b, device=where)).realize()


with edge.record() as runs:
    product("EDGE")
runs

# %% [markdown]
# What the model takes for granted, and what it leaves out:

# %%
print("\n".join(f"* {line}" for line in edge.core.model.assumptions))

# %% [markdown]
# Its machine code is another language. Compare the beginning of `x * 2 + 1` with what you saw in
# notebook 01:

# %%
print(head(lowering.lower(lambda: Tensor.empty(1024) * 2 + 1, "EDGE").kernels[0].disassembly, 12))

# %% [markdown]
# ### Small or fast?
#
# Flash memory is small, so EDGE compiles with `-Os`: as small as possible. `-O3` unrolls loops instead.
# But tinygrad unrolls too, before the compiler sees the kernel. To see who does what, we switch
# tinygrad's optimiser off with `NOOPT=1`. **Predict:** how many times more code does `-O3` then make?

# %%
predict("o3-code", 2, unit="times")

# %%
def recorded(arch, **settings):
    with Context(DEV=f"EDGE::{arch}", **settings), edge.record() as runs:
        product("EDGE")
    return runs


sized = {
    "plain loops, -Os": recorded("cortex-m4,Os", NOOPT=1),
    "plain loops, -O3": recorded("cortex-m4,O3", NOOPT=1),
    "tinygrad's loops, -Os": recorded("cortex-m4,Os"),
    "tinygrad's loops, -O3": recorded("cortex-m4,O3"),
}
charts.edge_runs_chart(sized)

# %%
code = {label: sum(run.code_bytes for run in runs) for label, runs in sized.items()}
reveal("o3-code", code["plain loops, -O3"] / code["plain loops, -Os"], unit="times")

# %% [markdown]
# Read the pairs. On plain loops `-O3` trades bytes for instructions. On tinygrad's loops there is nothing
# left to unroll: `-Os` and `-O3` come out alike, because tinygrad has decided already. So the strongest
# switch for code size is not the compiler's. It is the loop choice in front of it. And that choice was
# made for larger processors: plain loops with `-O3` execute as few instructions, from a third of the code.
#
# The same product on another instruction set, RISC-V, without a floating-point unit:

# %%
charts.edge_runs_chart(
    {"Cortex-M4F": sized["tinygrad's loops, -Os"], "RISC-V": recorded("rv32imac,Os")}, model="time"
)

# %% [markdown]
# <details><summary>Why so many instructions?</summary>
#
# Without a floating-point unit every multiplication and addition of floats is a call into a routine of
# dozens of integer instructions, which is linked into the program. The Cortex-M4F multiplies two floats
# in one instruction.
# </details>
#
# ### 32 megabytes, and not one more
#
# The memory map is real: where there is nothing, nothing answers. Make tensors, drop them, and watch
# what is freed, what is kept for reuse, and where the next one goes.

# %%
widgets.edge_memory()

# %% [markdown]
# A tall matrix of measurements times a small one: 200,000 rows of 36 values, projected to 6. The input
# has 28.8 MB, the result 4.8 MB. Together they are too much.

# %%
rows, k, n = 200_000, 36, 6
tall = rng.standard_normal((rows, k), np.float32)
small = rng.standard_normal((k, n), np.float32)

try:
    (Tensor(tall, device="EDGE") @ Tensor(small, device="EDGE")).realize()
except MemoryError as error:
    print(error)

# %% [markdown]
# The message has what you need: what is used, what was asked, and the limit. The device is as usable as
# before. Each row of the result needs only its own row of the input, so the work can be cut. (Only the
# first blocks are computed here: 200,000 rows would keep the emulator busy for a while.)

# %%
blocks = [(start, start + 5_000) for start in range(0, rows, 5_000)]
edge.allocator.reset_peak()
done = []
for start, stop in blocks[:3]:
    block = Tensor(tall[start:stop], device="EDGE")
    done.append((block @ Tensor(small, device="EDGE")).numpy())
np.abs(np.concatenate(done) - tall[:15_000] @ small).max()

# %%
edge.allocator.usage()

# %% [markdown]
# The peak is a fraction of the limit, and the freed blocks are *reused*: every round asks for the same
# sizes.
#
# ### Exercise 2.7 · Cut it until it fits (5 points)
#
# Plan the product of an `(m, k)` and a `(k, n)` matrix on a device with `limit` bytes. For a block of rows,
# its part of A, **all of B** and its part of the result must be in memory at once. Return the blocks as
# `(start, stop)`, in order, and **as few as possible**. When not even one row fits, return `None`.

# %% tags=["answer", "ex-2-7"]
def row_blocks(m, k, n, itemsize, limit):
    """[(start, stop), ...] of rows that fit one after the other, or None."""
    ### BEGIN SOLUTION
    rows = (limit // itemsize - k * n) // (k + n)
    if rows < 1:
        return None
    return [(start, min(start + rows, m)) for start in range(0, m, rows)]
    ### END SOLUTION


# %% tags=["check", "ex-2-7"]
check("2.7", row_blocks)

# %% [markdown]
# ### A kernel that leaves its map
#
# Here is a kernel written by hand, with a wrong bound: it clears 16 million values of a buffer that has
# 1000. **Predict:** after how many values is it stopped?

# %%
predict("stopped-after", 1000, unit="values")

# %%
source = "void clear(float *x, int n) { for (int i = 0; i < n; i++) x[i] = 0; }"
clear = edge.program(source, "clear", ["float*", "int"])
victim = Tensor.ones(1000, device="EDGE").contiguous().realize()
handle = victim.uop.buffer.get_buf("EDGE")

try:
    clear(handle, vals=(16_000_000,))
except RuntimeError as error:
    stopped_at = error.address
    print(error)

# %%
reveal("stopped-after", (stopped_at - handle.address) // 4, unit="values")

# %% [markdown]
# <details><summary>Why so late?</summary>
#
# The hardware knows *regions*, not buffers. As long as the address lies in data memory the store
# succeeds, and what it overwrites are your **other buffers**. Only at the end of the region is there
# nothing to answer. A small overrun, by one element, is never noticed this way. That is what the
# suite's cases on memory apart are for.
# </details>
#
# Every tensor that was in EDGE's memory behind `victim` is destroyed now, as on a real chip. The notebook
# and the device go on:

# %%
float(Tensor([1.0, 2.0, 3.0], device="EDGE").sum().item())

# %% [markdown]
# > **Takeaway.** A small machine makes costs visible: count instructions and bytes, cut the work to fit,
# > and don't expect the hardware to know your buffers.

# %% [markdown]
# ## 8. Find the fault
#
# Somebody changed a few lines of `MINE`, and now some answers are wrong. You don't get the source, you get
# the report. Here is broken backend **A**:

# %%
from labs.backends import conformance
from labs.grading.faulty import CASES, faulty

report_a = conformance.run(faulty("A", mine), groups=CASES)
charts.conformance_chart(report_a)

# %% [markdown]
# One group fails. Which of its cases, and what do the others have that these lack? In the names, `1+3`
# is a view of 3 bytes that begins at byte 1.

# %%
for status in ("failed", "passed"):
    cases = [r.case for r in report_a.results if r.group == "views" and r.status == status]
    print(f"{status}: {', '.join(cases)}\n")

# %% [markdown]
# <details><summary>Diagnosis</summary>
#
# Memory, copies and kernels are right, so `_alloc`, the copies and `__call__` are. Views fail, but not
# all. `1+3` and `511+1` fail, `4+4` and
# `100+100` pass: offsets that are a multiple of 4 are right. So `_offset` rounds down to whole floats. The
# line was `offset // 4 * 4`.
# </details>
#
# Now **B**, with its whole report. Unfold the failures: which views fail, and which don't?

# %%
report_b = conformance.run(faulty("B", mine), groups=CASES)
report_b

# %% [markdown]
# **C** and **D** without the suite's advice, only what was asked and answered:

# %%
def failing(report, count=6):
    return "\n".join(f"{f.case}: {f.message[:90]}" for f in report.failures[:count])


report_c = conformance.run(faulty("C", mine), groups=CASES)
print(failing(report_c))
charts.conformance_chart(report_c)

# %%
report_d = conformance.run(faulty("D", mine), groups=CASES)
print(failing(report_d))
charts.conformance_chart(report_d)

# %% [markdown]
# ### Exercise 2.8 · Three broken backends (4 points)
#
# Which part is at fault in each? Choose from `"Allocator._alloc"`, `"Allocator._offset"`,
# `"Allocator._copyin"`, `"Allocator._copyout"`, `"Compiler.compile"`, `"Program.__call__"` and
# `"Renderer.code_for_op"`.

# %% tags=["answer", "ex-2-8"]
def at_fault():
    """A dict from "B", "C" and "D" to the name of the part."""
    ### BEGIN SOLUTION
    return {"B": "Allocator._copyout", "C": "Compiler.compile", "D": "Program.__call__"}
    ### END SOLUTION


# %% tags=["check", "ex-2-8"]
check("2.8", at_fault)

# %% [markdown]
# Any device can be asked. Choose groups, and press *Run*:

# %%
widgets.conformance_panel("ELECTRICAL")

# %% [markdown]
# > **Takeaway.** A good test suite doesn't say "wrong". It says where to look.

# %% [markdown]
# ## 9. Four backends side by side
#
# The report compares what was *measured* on this machine, and keeps what comes from a *model* apart. It
# never divides one by the other.

# %%
framework = backends.CustomBackendFramework()
comparison = framework.generate_backend_comparison_report(
    ["MINE", "ELECTRICAL", "EDGE"],
    workloads=("add:n=256", "matmul:n=160", "sum:n=512"),
    rounds=5,
    round_time_s=0.04,
)
comparison.table()

# %%
charts.comparison_chart(comparison.comparisons)

# %% [markdown]
# `comparison` alone shows all its tables: scores, times with intervals, code size and memory.
#
# **Explain:** which row would you have guessed wrong before this notebook? MINE and tinygrad's CPU device
# get the same C from the same compiler. Where they differ, what differs?
#
# <details><summary>One answer</summary>
#
# Not the kernels, but the way to them: the launch, and whether kernels are cut for several cores. On small
# work that shows, on large work it vanishes. And where the interval includes 1, there is no difference
# that these data can show.
# </details>

# %% [markdown]
# ## 10. What is wrong with this backend?
#
# These lines are from an older tutorial. They look plausible, and most of them run. On tinygrad 0.14.0
# none does what it was written for.
#
# ```python
# os.environ['DEVICE'] = 'MINE'                 # choose the device
# import tinygrad; os.environ['DEBUG'] = '4'    # show the source
#
# class MyRenderer(Renderer):
#     def __init__(self):
#         super().__init__()
#     def render(self, uops):
#         for uop in uops:
#             if uop.op is Ops.RELU: ...
# ```
#
# Try the ones you aren't sure of:

# %%
from tinygrad import renderer
from tinygrad.uop import ops

for line in ("ops.Ops.RELU", "renderer.Renderer()"):
    try:
        eval(line)
    except Exception as error:
        print(f"{line:<20} {type(error).__name__}: {error}")

# %% [markdown]
# ### Exercise 2.9 · What is wrong with this backend? (4 points)
#
# What does each line do on tinygrad 0.14.0: `"nothing"`, `"raises at once"`, `"raises at the first view"` or
# `"wrong answers"`?

# %% tags=["answer", "ex-2-9"]
def what_happens():
    """A dict from each line to one of the four answers."""
    lines = [
        "os.environ['DEVICE'] = 'MINE'",
        "os.environ['DEBUG'] = '4', after import tinygrad",
        "if uop.op is Ops.RELU: ... in a renderer",
        "super().__init__(), in a renderer's __init__",
        "an allocator without _offset",
        "a pool that hands out any freed block, whatever its size",
    ]
    ### BEGIN SOLUTION
    words = ["nothing", "nothing", "raises at once", "raises at once"]
    words += ["raises at the first view", "wrong answers"]
    return dict(zip(lines, words, strict=True))
    ### END SOLUTION


# %% tags=["check", "ex-2-9"]
check("2.9", what_happens)

# %% [markdown]
# <details><summary>And what does it right?</summary>
#
# `Tensor(..., device="MINE")` or `with Context(DEV="MINE"):` choose a device; `with Context(DEBUG=4):` shows
# the source. A renderer's `__init__` takes the target. It sees arithmetic, so `relu` arrives as a comparison
# and a choice, and patterns are matched by rules, as in section 5.
# </details>

# %% [markdown]
# ## 11. A backend of your own
#
# This is the homework: a backend for *your* target, from the template. This cell begins one, unless you
# have begun before:

# %%
own_file = paths.state_dir() / "backends" / "ops_own.py"
if not own_file.exists():
    framework.create_backend_from_template("OWN", own_file.parent)
print(f"edit:  {own_file}")
print(f"test:  python3 course.py conformance OWN={own_file}")

# %% [markdown]
# Open the file in an editor (in JupyterLab: *File*, *Open from Path*, and `.course/backends/ops_own.py`).
# Its first lines give the order of work. The second line above, in a terminal in the course's folder,
# tells you after each step what to write next.
#
# Start native, as in this notebook. Then make it yours: another compiler or arch, a memory limit, a rule
# for what your hardware does well. The worked answer, `solutions/backends/ops_worked.py`, is there to
# compare with.
#
# ### Exercise 2.10 · A backend of your own (10 points)
#
# Return the *text* of your module. The check writes it to a temporary folder and runs a sample of the
# suite on it, in processes of their own: a backend that hangs costs points, not your notebook. You pass
# with a score of 0.95.

# %% tags=["answer", "ex-2-10"]
def my_backend():
    """The source text of a module with your device's class, such as OwnDevice."""
    ### BEGIN SOLUTION
    return (paths.PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py").read_text("utf-8")
    ### END SOLUTION


# %% tags=["check", "ex-2-10"]
check("2.10", my_backend)

# %% [markdown]
# ## 12. What you can do now
#
# Each line is tied to an exercise, and is ticked when you have passed it.

# %%
progress(2)

# %% [markdown]
# ### Read in tinygrad's own source
#
# * `tinygrad/runtime/ops_null.py`: the smallest complete backend, which computes nothing.
# * `tinygrad/runtime/ops_cl.py`: a whole GPU backend in 130 lines, in the order of this notebook.
# * `tinygrad/renderer/cstyle.py`: one base class, and what each C-like language changes.
# * `tinygrad/codegen/decomp/op.py`: rules like yours, which turn operations into others.
#
# And in the course: `labs/backends/runtime/ops_electrical.py` and `ops_edge.py`, the two backends you used.
#
# **Next:** notebook 03 makes kernels fast on a GPU, or on whatever your machine has.
