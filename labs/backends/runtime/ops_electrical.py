"""ELECTRICAL: this machine's CPU as a tinygrad device, made for signal processing.

It is tinygrad's CPU device with other choices: the cores work at the same time, expressions are
vectors as wide as the processor's (electrical/vectorize.py), loops are split for registers
(electrical/schedule.py), and a batch of kernels costs one call.
"""

import ctypes
import functools
import mmap
import os
import subprocess
import threading
import time
from contextlib import nullcontext

import numpy as np
from tinygrad.device import BufferSpec, Compiled, Compiler, LRUAllocator, TinyELF
from tinygrad.dtype import AddrSpace
from tinygrad.engine.jit import GraphRunner
from tinygrad.helpers import PROFILE, cpu_objdump, cpu_profile, from_mv, mv_address, to_mv
from tinygrad.renderer import Renderer
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.runtime.ops_cpu import CPUProgram
from tinygrad.uop.ops import Ops

from labs import toolchain
from labs.backends import compile_errors
from labs.backends.accounting import LaunchCounters, LaunchLedger, MemoryLedger, MemoryUsage
from labs.backends.electrical import options, pool, render, schedule
from labs.backends.electrical.vectorize import STREAMED
from labs.errors import DeviceError, ToolchainError

ALIGNMENT_BYTES = 64  # a cache line, and the widest vector
HUGE_PAGE_BYTES = 2 << 20
MARGIN_BYTES = 64  # readable on both sides of a buffer: vectorize.py reads less than a vector over
STAGGER_BYTES = 8 << 10
SMALL_BYTES = 64 << 10  # below this a page of its own would be mostly empty

schedule.install()

# **************** Compiler ****************


class ElectricalCompiler(Compiler):
    """The toolchain's clang, with this device's options; the code is an ELF object."""

    def __init__(self, chosen: options.Options) -> None:
        tools = toolchain.activate()
        if tools.compiler is None:
            raise ToolchainError(
                "open ELECTRICAL",
                expected="a clang, to compile its kernels",
                got=tools.reasons["compiler"],
                next_step="pip install ziglang (a complete clang in a wheel)",
            )
        self.command = [tools.compiler.path, *flags(chosen), "-x", "c", "-c", "-", "-o", "-"]
        # the compiler itself is part of the key: after an upgrade, old objects must not be used
        key = "_".join([*flags(chosen), tools.compiler.identity])
        super().__init__("compile_electrical_" + "".join(c if c.isalnum() else "_" for c in key))

    def compile(self, src: str) -> bytes:
        done = subprocess.run(self.command, input=src.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise compile_errors.refused(done.stderr.decode(errors="replace"), src, "ELECTRICAL")
        return done.stdout

    def disassemble(self, lib: bytes) -> None:
        cpu_objdump(lib)


def flags(chosen: options.Options) -> list[str]:
    """clang's options. Not -ffast-math: with it NaN is no longer found."""
    cpu = {
        "x86_64": [f"-march={chosen.cpu}"],
        # x18 belongs to the system on macOS and Windows
        "arm64": ["-ffixed-x18", f"-mcpu={chosen.cpu}"],
        "riscv64": ["-march=" + ("rv64g" if chosen.cpu == "native" else chosen.cpu)],
    }[chosen.machine]
    return [
        f"-{chosen.level}",
        *cpu,
        f"--target={chosen.machine}-none-unknown-elf",
        *("-ffast-math" if chosen.fast_math else "-fno-math-errno").split(),
        *("-ffp-contract=fast", "-fPIC", "-ffreestanding", "-nostdlib", "-fno-ident"),
        "-fno-jump-tables",  # the loader knows no relocations into tables
    ]


# **************** Renderer ****************


class ElectricalRenderer(ClangRenderer):
    """C with wide vectors, and the same entry for every kernel: (arguments, core)."""

    string_rewrite = render.vector_rules + ClangRenderer.string_rewrite
    extra_matcher = ClangRenderer.extra_matcher + render.vectorize_rules
    kernel_typedef = "static inline __attribute__((always_inline)) void"
    abi = ""

    def __init__(self, target) -> None:
        Renderer.__init__(self, target)  # ClangRenderer's own would build tinygrad's compiler
        self.options = options.parse(target.arch)
        self.compiler = ElectricalCompiler(self.options)

    def choose_opts(self, kernel):
        """Called by the hook of electrical/schedule.py in the place of tinygrad's own choice."""
        return schedule.choose(kernel, self.options) if self.options.schedule else None

    def render_vector_prefix(self, dt, count: int) -> str:
        # aligned like one element: views begin anywhere, and an unaligned load costs the same
        name = self._render_dtype(dt, count, AddrSpace.REG)
        kind = f"aligned({dt.itemsize}),ext_vector_type({count})"
        return f"typedef {self.render_dtype(dt)} {name} __attribute__(({kind}));"

    def render_kernel(self, function_name, kernel, bufs, uops, prefix=None) -> str:
        streamed = _streams(uops)
        self.extra_args = ["const int stream"] if streamed else []
        body = super().render_kernel(function_name, kernel, bufs, uops, prefix)
        return render.STREAM_MACRO + body if streamed else body

    def _render_entry(self, function_name: str, bufs) -> str:
        arguments, addresses = [], []
        for i, (_, (u, mutable)) in enumerate(bufs):
            if u.addrspace == AddrSpace.ALU:
                core = u.arg.name == "core_id"
                arguments.append("core" if core else f"({self.render_dtype(u.dtype)})a[{i}]")
            else:
                kind = self._render_dtype(u.dtype, 1, u.addrspace, mutable=mutable)
                arguments.append(f"({kind})a[{i}]")
                addresses += [f"a[{i}]"] if mutable else []
        head = f"void {function_name}_entry(const unsigned long long *a, int core)"
        if not self.extra_args:
            return f"{head} {{ {function_name}({', '.join(arguments)}); }}"
        call = f"{function_name}({', '.join(arguments)}, %d)"
        aligned = f"(({' | '.join(addresses)}) & {render.LINE_BYTES - 1}) == 0"
        # stores past the caches are ordered by nothing but a fence
        fence = "__builtin_ia32_sfence()" if self.options.machine == "x86_64" else ""
        fence = fence or "__atomic_thread_fence(__ATOMIC_SEQ_CST)"
        return f"{head} {{\n  if ({aligned}) {{ {call % 1}; {fence}; }}\n  else {call % 0};\n}}"


def _streams(uops) -> bool:
    return any(u.op is Ops.STORE and u.tag == STREAMED for u in uops)


# **************** Program ****************


class ElectricalProgram(CPUProgram):
    """A loaded kernel. tinygrad's own loader serves on Linux, macOS and Windows."""

    def __init__(self, dev: "ElectricalDevice", obj: TinyELF) -> None:
        super().__init__(dev, obj)
        slots = [i for i, (name, *_) in enumerate(obj.signature) if name == "core_id"]
        self.core_slot = slots[0] if slots else None
        self.kind = ctypes.c_uint64 * len(obj.signature)

    def arguments(self, bufs, vals) -> ctypes.Array:
        """The kernel's arguments as it reads them: 8 bytes each."""
        return self.kind(*[b.va_addr for b in bufs], *[v or 0 for v in vals])

    def __call__(
        self, *bufs, global_size=(1, 1, 1), local_size=None, vals=(), wait=False, timeout=None
    ) -> float | None:
        count = global_size[0] if self.core_slot is not None else 1
        args = self.kind(*[b.va_addr for b in bufs], *[v or 0 for v in vals])
        dev = self.dev
        dev.ledger.launches += 1
        if not wait and not PROFILE:
            dev.pool.run(self.addr, args, count)
            return None
        with cpu_profile(self.name, dev.device):
            began = time.perf_counter()
            dev.pool.run(self.addr, args, count)
            seconds = time.perf_counter() - began
        if wait:
            dev.ledger.timed_launches += 1
            dev.ledger.timed_s += seconds
        return seconds if wait else None


# **************** Allocator ****************


class ElectricalBuffer:
    """Memory of this device: where it is, how large, and what keeps it there."""

    __slots__ = ("va_addr", "size", "owner", "is_free")

    def __init__(self, va_addr: int, size: int, owner: object) -> None:
        self.va_addr, self.size, self.owner, self.is_free = va_addr, size, owner, False


class ElectricalAllocator(LRUAllocator["ElectricalDevice"]):
    """Aligned memory, kept for the next buffer of its size; the host sees it without a copy."""

    def __init__(self, dev: "ElectricalDevice") -> None:
        super().__init__(dev, supports_copy_from_disk=False, supports_transfer=False)
        self.ledger = MemoryLedger()
        self._blocks = 0
        self._lock = threading.RLock()  # tinygrad's cache of freed blocks is a plain dict

    def usage(self) -> MemoryUsage:
        """What this device's buffers hold now and held at most."""
        return self.ledger.usage()

    def alloc(self, size: int, options: BufferSpec | None = None):
        with self._lock:
            pooled = bool(self.cache.get((size, options)))
            opaque = super().alloc(size, options)
            opaque.is_free = False
        if opaque.owner is not None:
            self.ledger.took(size, from_pool=pooled)
        return opaque

    def free(self, opaque, size: int, options: BufferSpec | None = None) -> None:
        with self._lock:
            if opaque.is_free:
                raise DeviceError(
                    f"Free a buffer of {size} bytes on {self.dev.device}",
                    expected="a buffer in use",
                    got="one that has been freed already",
                    next_step="free each buffer once; tinygrad's own Buffer does",
                )
            opaque.is_free = True
            before = len(self.cache.get((size, options), ()))
            super().free(opaque, size, options)
            pooled = len(self.cache.get((size, options), ())) > before
        if opaque.owner is not None:
            self.ledger.gave(size, to_pool=pooled)

    def free_cache(self) -> None:
        with self._lock:
            for (size, _), blocks in self.cache.items():
                self.ledger.drained(size * len(blocks))
            super().free_cache()

    def _alloc(self, size: int, options: BufferSpec) -> ElectricalBuffer:
        if options.external_ptr is not None:
            _check_margins(options.external_ptr, size)
            return ElectricalBuffer(options.external_ptr, size, None)
        if size < SMALL_BYTES:
            owner: object = np.zeros(size + ALIGNMENT_BYTES + 2 * MARGIN_BYTES, np.uint8)
            start = owner.ctypes.data + MARGIN_BYTES
            return ElectricalBuffer(start + -start % ALIGNMENT_BYTES, size, owner)
        huge = size >= HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE")
        try:
            owner = mmap.mmap(-1, size + STAGGER_BYTES + (HUGE_PAGE_BYTES if huge else 0))
        except (OSError, OverflowError) as error:
            raise MemoryError(str(error)) from error
        start = mv_address(owner)
        if huge:
            owner.madvise(mmap.MADV_HUGEPAGE)
            start += -start % HUGE_PAGE_BYTES
        return ElectricalBuffer(start + self._next_stagger(), size, owner)

    def _next_stagger(self) -> int:
        """Where in its first page a large block begins: each elsewhere, so that the streams of one
        kernel don't compete for the same few lines of the first-level cache."""
        self._blocks += 1
        step = STAGGER_BYTES // 16 - ALIGNMENT_BYTES
        return MARGIN_BYTES + self._blocks % 16 * (step - step % ALIGNMENT_BYTES)

    def _free(self, opaque: ElectricalBuffer, options: BufferSpec) -> None:
        pass  # the owner goes with the last buffer or view that names it

    def _offset(self, buf: ElectricalBuffer, size: int, offset: int) -> ElectricalBuffer:
        return ElectricalBuffer(buf.va_addr + offset, size, buf.owner)

    def _as_buffer(self, src: ElectricalBuffer) -> memoryview:
        return to_mv(src.va_addr, src.size)

    def _copyin(self, dest: ElectricalBuffer, src: memoryview) -> None:
        ctypes.memmove(dest.va_addr, from_mv(src), len(src))

    def _copyout(self, dest: memoryview, src: ElectricalBuffer) -> None:
        ctypes.memmove(from_mv(dest), src.va_addr, len(dest))


def _check_margins(address: int, size: int) -> None:
    """Memory of others has no margin of its own: what lies around it must be readable.

    Raises:
        DeviceError: it begins or ends so close to memory that isn't mapped that a kernel's vector
            could reach it.
    """
    libc = ctypes.CDLL(None) if os.name == "posix" else None
    if not hasattr(libc, "mincore"):
        return  # nobody to ask on this system
    for place in (address - MARGIN_BYTES, address + size + MARGIN_BYTES - 1):
        page = place - place % mmap.PAGESIZE
        if libc.mincore(ctypes.c_void_p(page), 1, ctypes.byref(ctypes.c_ubyte())) != 0:
            raise DeviceError(
                f"Use {size} bytes at {address:#x} as a buffer of ELECTRICAL",
                expected=f"{MARGIN_BYTES} readable bytes before and after them",
                got=f"nothing mapped at {place:#x}",
                next_step="allocate that much more, or copy: Tensor(array, device='ELECTRICAL')",
            )


# **************** Graph ****************


class ElectricalGraph(GraphRunner):
    """A batch of a TinyJit's kernels as one call: their arguments lie ready, inputs are put in."""

    def __init__(self, linear, input_uops=()) -> None:
        super().__init__(linear, input_uops)
        self.dev = self.calls[0][2][0].allocator.dev
        count = len(self.calls)
        self.jobs = (pool.Job * count)()
        self.args, self.counts, self.slots = [], [], []
        for j, (_, ast, bufs, device_vars) in enumerate(self.calls):
            program = self.runtimes[j]
            symbolic = dict.fromkeys(self.vars, 0) | device_vars
            args = program.arguments(
                [bufs[i]._buf for i in ast.arg.globals], ast.arg.vals(symbolic)
            )
            size, _ = ast.arg.launch_dims(symbolic)
            parts = size[0] if program.core_slot is not None else 1
            self.args.append(args)
            self.counts.append(parts)
            self.jobs[j] = pool.Job(program.addr, ctypes.addressof(args), parts)
            position = {g: i for i, g in enumerate(ast.arg.globals)}
            self.slots.append([(position[p], s) for p, s in self.uop_replace[j] if p in position])
        self.widest = max(self.counts)

    def put_in(self, input_uops, var_vals) -> None:
        """Write the addresses of these inputs, and the values of variables, where kernels look."""
        for args, slots in zip(self.args, self.slots, strict=True):
            for position, slot in slots:
                args[position] = input_uops[slot].buffer.ensure_allocated()._buf.va_addr
        for j, i, value in self.updated_vars(var_vals):
            self.args[j][len(self.calls[j][1].arg.globals) + i] = value

    def __call__(self, input_uops, var_vals, wait=False) -> float | None:
        self.put_in(input_uops, var_vals)
        dev, count = self.dev, len(self.counts)
        dev.ledger.launches += count
        dev.ledger.graphs += 1
        with cpu_profile(f"batched {count}", dev.device) if PROFILE else nullcontext():
            began = time.perf_counter()
            dev.pool.run_batch(self.jobs, count, self.widest)
            seconds = time.perf_counter() - began
        return seconds if wait else None


# **************** Device ****************


class ElectricalDevice(Compiled):
    """A launch returns when its kernel is done, on all cores: there is nothing to wait for."""

    def __init__(self, device: str) -> None:
        self.ledger = LaunchLedger()
        super().__init__(
            device,
            ElectricalAllocator(self),
            [ElectricalRenderer],
            ElectricalProgram,
            graph=ElectricalGraph,
            arch=options.default_arch(),
        )

    @property
    def pool(self) -> pool.CorePool:
        return _core_pool()

    def counters(self) -> LaunchCounters:
        """What has been launched since the device was opened."""
        return self.ledger.counters()

    def sensors(self) -> tuple:
        """The host's clock, power, temperature and memory: readings, or None with a reason."""
        from labs.devices import sensors  # a room further down: loaded when it is asked for

        return sensors.read()


@functools.cache
def _core_pool() -> pool.CorePool:
    """One for the process: two devices don't have two sets of cores."""
    compiler = ElectricalCompiler(options.parse(options.default_arch()))

    def load(code: bytes) -> tuple[int, object]:
        program = CPUProgram(None, TinyELF(code, "pool", _no_target(), ()))
        return program.addr, program

    return pool.CorePool(load, compiler.compile_cached(pool.source()))


def _no_target():
    from tinygrad.helpers import Target

    return Target("ELECTRICAL")
