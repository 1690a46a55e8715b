"""A healthy backend that launches and returns: a thread of its own runs the kernels in order.

It has a graph runner, shows its memory, and keeps freed blocks as tinygrad's LRUAllocator does.
"""

import queue
import threading
import time
from collections import defaultdict

from tinygrad.device import LRUAllocator, MultiBuffer
from tinygrad.engine.jit import GraphRunner
from tinygrad.helpers import to_mv

from .healthy import HealthyAllocator, HealthyDevice, HealthyProgram


class AsyncAllocator(LRUAllocator, HealthyAllocator):
    def __init__(self, dev) -> None:
        HealthyAllocator.__init__(self, dev)
        self.cache = defaultdict(list)

    usage = None  # tinygrad's list of freed blocks is not ours to count

    def _as_buffer(self, src) -> memoryview:
        return to_mv(src.va_addr, src.size)


class AsyncProgram(HealthyProgram):
    def __call__(self, *bufs, wait=False, **kw):
        call = super().__call__
        if wait:
            self.dev.wait_for_all()
            return call(*bufs, wait=True, **kw)
        self.dev.work.put(lambda: call(*bufs, **kw))
        return None


class Graph(GraphRunner):
    """Replays a batch of kernels, with the buffers and variables of this call."""

    def __call__(self, input_uops, var_vals, wait=False):
        began = time.perf_counter()
        for j, (dev_idx, program, bufs, device_vars) in enumerate(self.calls):
            placed = list(bufs)
            for position, slot in self.uop_replace[j]:
                found = input_uops[slot].buffer
                placed[position] = found.bufs[dev_idx] if isinstance(found, MultiBuffer) else found
            values = {**var_vals, **device_vars}
            size, local = program.arg.launch_dims(values)
            blocks = [placed[i].get_buf(placed[i].device) for i in program.arg.globals]
            sizes = {"global_size": size, "local_size": local} if local else {"global_size": size}
            self.runtimes[j](*blocks, **sizes, vals=program.arg.vals(values), wait=wait)
        return time.perf_counter() - began if wait else None


class AsyncDevice(HealthyDevice):
    ALLOCATOR, PROGRAM, GRAPH = AsyncAllocator, AsyncProgram, Graph

    def __init__(self, device: str) -> None:
        self.work: queue.Queue = queue.Queue()
        super().__init__(device)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            call = self.work.get()
            call()
            self.work.task_done()

    def wait_for_all(self) -> None:
        self.work.join()

    def synchronize(self) -> None:
        self.wait_for_all()
