"""Group "allocator": blocks that are large enough, aligned, apart, given back, and limited."""

import gc
import os
from contextlib import suppress

import psutil
from tinygrad import Tensor, dtypes
from tinygrad.device import Buffer, BufferSpec, LRUAllocator

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import same_bytes
from labs.backends.conformance.subject import Subject, read, write

CASES = Cases("allocator")
KIB, MIB = 1024, 1024**2
UNPOOLED = BufferSpec(nolru=True)  # tinygrad's own list of freed blocks stays out of it
VECTOR_ALIGNMENT = 16  # bytes of a float4, which tinygrad's kernels load at once
SCALAR_ALIGNMENT = 8  # bytes of the widest scalar
LARGEST_LIMIT = 512 * MIB  # filling more than that takes too long


def _size_case(size: int):
    def run(s: Subject) -> None:
        data = s.rng(f"alloc{size}").bytes(size)
        buffer = s.buffer(size)
        write(buffer, data)
        same_bytes(read(buffer), data)

    return run


for _size in (1, 2, 3, 7, 8, 15, 16, 31, 64, 100, 1000, 4095, 4096, 4097):
    CASES.add(f"size/{_size}", _size_case(_size))


@CASES.case("size/large")
def _large(s: Subject) -> None:
    _size_case(s.pick(64 * MIB, 4 * MIB) + 5)(s)


def _alignment_case(size: int):
    def run(s: Subject) -> None:
        vectors = getattr(s.device.renderer, "supports_float4", True)
        wanted = VECTOR_ALIGNMENT if vectors else SCALAR_ALIGNMENT
        buffers = [s.buffer(size) for _ in range(5)]
        for buffer in buffers:
            address = s.address(buffer._buf)
            check(address % wanted == 0, f"a block lies at {address:#x}, expected {wanted}-aligned")

    return run


for _size in (1, 5, 12, 100, 4097):
    CASES.add(f"alignment/{_size}", _alignment_case(_size))


@CASES.case("apart/many")
def _apart(s: Subject) -> None:
    """Each of many live blocks keeps what was written to it."""
    sizes = [1, 3, 16, 17, 64, 100, 255, 256, 257, 1000, 4096, 5000] * 3
    live = [(s.buffer(n), bytes([i + 1]) * n) for i, n in enumerate(sizes)]
    for buffer, data in live:
        write(buffer, data)
    for buffer, data in live:
        same_bytes(read(buffer), data)


def _churn_case(options: BufferSpec | None):
    def run(s: Subject) -> None:
        """Buffers come and go in random order; none may lose its contents to another."""
        rng = s.rng("churn")
        sizes = (1, 16, 48, 64, 100, 128, 1000, 1024, 4096, 4100, 16384)
        live: list[tuple[Buffer, bytes]] = []
        for step in range(150):
            if live and (len(live) > 16 or rng.random() < 0.4):
                buffer, data = live.pop(int(rng.integers(len(live))))
                same_bytes(read(buffer), data)
                buffer.deallocate()
            else:
                size = int(rng.choice(sizes))
                buffer = Buffer(s.name, size, dtypes.uint8, options=options).allocate()
                data = bytes([step % 255 + 1]) * size
                write(buffer, data)
                live.append((buffer, data))
        for buffer, data in live:
            same_bytes(read(buffer), data)

    return run


CASES.add("apart/churn", _churn_case(None))
CASES.add("apart/churn-unpooled", _churn_case(UNPOOLED))


def _grow_case(options: BufferSpec | None):
    def run(s: Subject) -> None:
        """A freed block must not come back for a buffer that is larger than it."""
        for size in (16, 64, 4096):
            first = Buffer(s.name, size, dtypes.uint8, options=options).allocate()
            first.deallocate()
            larger = [
                Buffer(s.name, size * k, dtypes.uint8, options=options).allocate() for k in (2, 3)
            ]
            small = Buffer(s.name, size, dtypes.uint8, options=options).allocate()
            for value, buffer in enumerate((*larger, small), 1):
                write(buffer, bytes([value]) * buffer.nbytes)
            for value, buffer in enumerate((*larger, small), 1):
                same_bytes(read(buffer), bytes([value]) * buffer.nbytes)

    return run


CASES.add("reuse/larger", _grow_case(None))
CASES.add("reuse/larger-unpooled", _grow_case(UNPOOLED))


@CASES.case("reuse/same-size")
def _same_size(s: Subject) -> None:
    _must_not_grow(s, lambda step: s.pick(MIB, 256 * KIB), None)


@CASES.case("reuse/unpooled")
def _unpooled(s: Subject) -> None:
    _must_not_grow(s, lambda step: s.pick(MIB, 256 * KIB) + 4096 * (step % 16), UNPOOLED)


@CASES.case("reuse/tensors")
def _tensors(s: Subject) -> None:
    """Tensors that are dropped give their memory back."""
    shape = (s.pick(MIB, 32 * KIB) // 4,)
    x = Tensor.ones(*shape, device=s.name).contiguous().realize()
    base = _used(s)

    def step() -> None:
        (x + 1).realize()

    _grows_less(s, step, s.pick(150, 1200), shape[0] * 4)
    gc.collect()
    used = _used(s)
    check(used is None or used <= base, f"usage().used_bytes rose from {base} to {used}")


def _must_not_grow(s: Subject, size_of, options: BufferSpec | None) -> None:
    count, before = iter(range(10**9)), _used(s)

    def step() -> None:
        size = size_of(next(count))
        buffer = Buffer(s.name, size, dtypes.uint8, options=options).allocate()
        write(buffer, b"\x01" * size)  # touched: memory that is only promised costs nothing
        buffer.deallocate()

    _grows_less(s, step, 150, size_of(0))
    after = _used(s)
    check(after is None or after == before, f"usage().used_bytes went from {before} to {after}")


def _grows_less(s: Subject, step, steps: int, size: int) -> None:
    """Run the step often; most of the memory that passes through must have come back."""
    device = s.device  # one that only launches may keep what it has to copy until then

    for _ in range(16):
        step()
    device.synchronize()
    gc.collect()
    process = psutil.Process(os.getpid())
    resident, pooled = process.memory_info().rss, _pooled(s)
    for k in range(steps):
        step()
        if k % 16 == 15:
            device.synchronize()
    device.synchronize()
    gc.collect()
    limit = steps * size // 3
    grown = process.memory_info().rss - resident
    check(grown < limit, f"{steps} blocks of {size} bytes, freed, left {grown} bytes behind")
    if pooled is not None:
        grown = _pooled(s) - pooled
        check(grown < limit, f"the pool grew by {grown} bytes over {steps} blocks of {size} bytes")


def _double_free_case(options: BufferSpec | None):
    def run(s: Subject) -> None:
        """A block that is freed twice must not be given to two buffers."""
        allocator = s.allocator
        if options is None and type(allocator).free is LRUAllocator.free:
            raise Skipped("tinygrad's own list of freed blocks doesn't look; its Buffer does")
        block = allocator.alloc(4096, options)
        allocator.free(block, 4096, options)
        with suppress(Exception):  # refusing is the best answer; ignoring is one, too
            allocator.free(block, 4096, options)
        buffers = [Buffer(s.name, 4096, dtypes.uint8, options=options).allocate() for _ in range(3)]
        for value, buffer in enumerate(buffers):
            write(buffer, bytes([value + 1]) * 4096)
        for value, buffer in enumerate(buffers):
            same_bytes(read(buffer), bytes([value + 1]) * 4096)

    return run


CASES.add("double-free/unpooled", _double_free_case(UNPOOLED))
CASES.add("double-free/pooled", _double_free_case(None))


@CASES.case("external")
def _external(s: Subject) -> None:
    """`external_ptr` makes a buffer of memory that somebody else owns, or is refused."""
    import numpy as np

    owned = np.arange(64, dtype=np.float32)
    try:
        tensor = Tensor.from_blob(owned.ctypes.data, (64,), dtype=dtypes.float32, device=s.name)
        got = (tensor + 1).numpy()
    except Exception as error:
        raise Skipped(f"no buffers of others' memory: {type(error).__name__}: {error}") from error
    check(np.array_equal(got, owned + 1), "external_ptr is ignored: a kernel read other memory")
    del tensor
    gc.collect()
    check(owned[63] == 63, "freeing the tensor changed memory that it didn't own")


@CASES.case("exhaustion/absurd")
def _absurd(s: Subject) -> None:
    """More than any machine has must raise, and change nothing."""
    try:
        s.allocator.alloc(1 << 62)
    except Exception:
        pass
    else:
        check(False, "a block of 4 EiB was promised")
    _size_case(1000)(s)


@CASES.case("exhaustion/limit")
def _limit(s: Subject) -> None:
    limit = _limit_of(s)
    try:
        s.allocator.alloc(limit + 1)
    except MemoryError as error:
        check(s.name in str(error), f"the message doesn't name the device: {error}")
    else:
        check(False, f"a block above the limit of {limit} bytes was given")
    _size_case(1000)(s)


@CASES.case("exhaustion/fill")
def _fill(s: Subject) -> None:
    """Fill the memory, see MemoryError, free everything, and find it all there again."""
    limit = _limit_of(s)
    gc.collect()
    if limit > LARGEST_LIMIT:
        raise Skipped(f"filling {limit} bytes takes too long")
    for _ in range(2):
        live, block = [], max(limit // 32, KIB)
        try:
            for _ in range(64):
                live.append(s.buffer(block))
        except MemoryError:
            pass
        else:
            check(False, f"{64 * block} bytes were given, above the limit of {limit}")
        check(len(live) >= 16, f"only {len(live)} blocks of {block} of {limit} bytes were given")
        for buffer in live:
            buffer.deallocate()
    half = s.buffer(limit // 2)  # the freed neighbours are one block again
    write(half, b"\x05" * half.nbytes)
    same_bytes(read(half), b"\x05" * half.nbytes)


@CASES.case("usage")
def _usage(s: Subject) -> None:
    before = _used(s)
    if before is None:
        raise Skipped("the allocator has no usage()")
    buffer = s.buffer(100_000)
    during = s.allocator.usage()
    check(during.used_bytes >= before + 100_000, f"used_bytes is {during.used_bytes} after a block")
    check(during.peak_bytes >= during.used_bytes, "peak_bytes is below used_bytes")
    buffer.deallocate()
    check(_used(s) == before, f"used_bytes is {_used(s)} after freeing, expected {before}")
    check(s.allocator.usage().peak_bytes >= during.used_bytes, "peak_bytes fell")


def _used(s: Subject) -> int | None:
    usage = getattr(s.allocator, "usage", None)
    return usage().used_bytes if usage else None


def _pooled(s: Subject) -> int | None:
    usage = getattr(s.allocator, "usage", None)
    return usage().pooled_bytes if usage else None


def _limit_of(s: Subject) -> int:
    usage = getattr(s.allocator, "usage", None)
    limit = usage().limit_bytes if usage else None
    if not limit:
        raise Skipped("the device tells no limit (allocator.usage().limit_bytes)")
    return limit
