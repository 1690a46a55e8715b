"""Faults of allocators: blocks, views and copies."""

import ctypes

from tinygrad.helpers import from_mv

from .healthy import LIMIT_BYTES, Block, HealthyAllocator, HealthyDevice


def _absent():
    """As if the allocator had no such method: it doesn't count."""
    raise AttributeError("usage")


class ViewOffsetAllocator(HealthyAllocator):
    """A view begins where its base begins."""

    def _offset(self, buf, size, offset):
        return Block(buf.va_addr, size, buf.memory)


class ViewRoundedAllocator(HealthyAllocator):
    """A view begins at a multiple of 16 bytes."""

    def _offset(self, buf, size, offset):
        return Block(buf.va_addr + offset // 16 * 16, size, buf.memory)


class UnalignedAllocator(HealthyAllocator):
    def _alloc(self, size, options):
        block = super()._alloc(size + 4, options)
        return Block(block.va_addr + 4, block.size, block.memory)


class LeakAllocator(HealthyAllocator):
    """Nothing is ever given back."""

    def __init__(self, dev) -> None:
        super().__init__(dev)
        self.lost = []

    usage = property(lambda self: _absent())

    def _alloc(self, size, options):
        memory = (ctypes.c_ubyte * (size + 63))()
        self.lost.append(memory)
        return Block(-(-ctypes.addressof(memory) // 64) * 64, size, memory)

    def _free(self, opaque, options):
        pass


class PoolAllocator(HealthyAllocator):
    """Freed blocks are kept for buffers of the same size. Right, and the base of the wrong ones."""

    usage = property(lambda self: _absent())

    def __init__(self, dev) -> None:
        super().__init__(dev)
        self.pool: list[Block] = []

    def _alloc(self, size, options):
        if options.external_ptr is not None:
            return super()._alloc(size, options)
        for block in self.pool:
            if self.fits(block, size):
                self.take(block)
                block.is_free = False
                return block
        return self.fresh(size)

    def fresh(self, size):
        memory = (ctypes.c_ubyte * (size + 63))()
        return Block(-(-ctypes.addressof(memory) // 64) * 64, size, memory)

    def fits(self, block, size) -> bool:
        return block.size == size

    def take(self, block) -> None:
        self.pool.remove(block)

    def _free(self, opaque, options):
        if options.external_ptr is not None or opaque.is_free:
            return
        opaque.is_free = True
        self.pool.append(opaque)


class PoolInUseAllocator(PoolAllocator):
    """A block that is handed out stays in the pool."""

    def take(self, block) -> None:
        pass


class PoolTooSmallAllocator(PoolAllocator):
    """Any freed block will do that is at least half as large. Blocks lie side by side."""

    def __init__(self, dev):
        super().__init__(dev)
        self.arena, self.next = (ctypes.c_ubyte * (8 << 20))(), 0

    def fresh(self, size):
        start = -(-(ctypes.addressof(self.arena) + self.next) // 64) * 64
        self.next += size + 64
        if self.next > len(self.arena):
            raise MemoryError("the arena is full")
        return Block(start, size, self.arena)

    def fits(self, block, size) -> bool:
        return block.size * 2 >= size


class DoubleFreeAllocator(PoolAllocator):
    """A block that is freed twice is in the pool twice."""

    def _free(self, opaque, options):
        if options.external_ptr is None:
            self.pool.append(opaque)


class NoLimitAllocator(HealthyAllocator):
    """Tells a limit and doesn't keep it."""

    def _alloc(self, size, options):
        if options.external_ptr is not None or size <= LIMIT_BYTES:
            self.ledger.gave(self.ledger.usage().used_bytes, to_pool=False)
        return super()._alloc(size, options)


class SharedAllocator(HealthyAllocator):
    """Both instances count for themselves, and cut their blocks from one and the same memory."""

    ARENA = None
    SIZE = 192 << 20

    def __init__(self, dev) -> None:
        super().__init__(dev)
        self.next = 0
        if SharedAllocator.ARENA is None:
            SharedAllocator.ARENA = (ctypes.c_ubyte * self.SIZE)()

    def _alloc(self, size, options):
        if options.external_ptr is not None:
            return super()._alloc(size, options)
        if self.next + size + 64 > self.SIZE:
            raise MemoryError("the arena is full")
        start = -(-(ctypes.addressof(self.ARENA) + self.next) // 64) * 64
        self.next += size + 64
        self.ledger.took(size, from_pool=False)
        return Block(start, size, self.ARENA)


class CopyTailAllocator(HealthyAllocator):
    """Copies words of four bytes, and forgets what is left over."""

    def _copyin(self, dest, src):
        ctypes.memmove(dest.va_addr, from_mv(src), src.nbytes // 4 * 4)


class CopySwappedAllocator(HealthyAllocator):
    """Swaps the two bytes of each half word on the way in."""

    def _copyin(self, dest, src):
        data = bytearray(src.tobytes())
        even = len(data) // 2 * 2
        data[0:even:2], data[1:even:2] = data[1:even:2], data[0:even:2]
        ctypes.memmove(dest.va_addr, bytes(data), len(data))


class CopyDirectionAllocator(HealthyAllocator):
    """Copies out the wrong way round."""

    def _copyout(self, dest, src):
        ctypes.memmove(src.va_addr, from_mv(dest), dest.nbytes)


def _device(name: str, allocator: type) -> type:
    return type(f"{name}Device", (HealthyDevice,), {"ALLOCATOR": allocator, "__module__": __name__})


ViewOffsetDevice = _device("ViewOffset", ViewOffsetAllocator)
ViewRoundedDevice = _device("ViewRounded", ViewRoundedAllocator)
UnalignedDevice = _device("Unaligned", UnalignedAllocator)
LeakDevice = _device("Leak", LeakAllocator)
PoolDevice = _device("Pool", PoolAllocator)
PoolInUseDevice = _device("PoolInUse", PoolInUseAllocator)
PoolTooSmallDevice = _device("PoolTooSmall", PoolTooSmallAllocator)
DoubleFreeDevice = _device("DoubleFree", DoubleFreeAllocator)
NoLimitDevice = _device("NoLimit", NoLimitAllocator)
SharedDevice = _device("Shared", SharedAllocator)
CopyTailDevice = _device("CopyTail", CopyTailAllocator)
CopySwappedDevice = _device("CopySwapped", CopySwappedAllocator)
CopyDirectionDevice = _device("CopyDirection", CopyDirectionAllocator)
