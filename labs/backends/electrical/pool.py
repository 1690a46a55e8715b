"""The cores that ELECTRICAL's kernels run on: one pool for the process, started when first needed.

The work is done by pool.c; here are its threads, its way to sleep, and its life: it is made anew in
a forked child, whose threads are gone.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

SOURCE = (Path(__file__).parent / "pool.c").read_text()
SPINS = 4000  # about 50 to 100 us of looking before a worker sleeps: longer than a short kernel
WORK, RUN, BATCH = 0, 1, 2

_Sleep = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Entry = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
)


class _State(ctypes.Structure):
    """struct pool of pool.c."""

    _fields_ = [
        ("kernel", ctypes.c_void_p),
        ("args", ctypes.c_void_p),
        ("remaining", ctypes.c_int),
        ("pending", ctypes.c_int),
        ("sleeping", ctypes.c_int),
        ("busy", ctypes.c_int),
        ("stop", ctypes.c_int),
        ("spins", ctypes.c_int),
        ("wait", ctypes.c_void_p),
        ("post", ctypes.c_void_p),
        ("semaphore", ctypes.c_void_p),
    ]


class Job(ctypes.Structure):
    """struct job of pool.c: one kernel of a batch."""

    _fields_ = [
        ("kernel", ctypes.c_uint64),
        ("args", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
    ]


def source() -> str:
    """pool.c for this system's calling convention."""
    abi = "__attribute__((ms_abi))" if sys.platform == "win32" else ""
    return f"#define ABI {abi}\n{SOURCE}"


class CorePool:
    """Runs kernels; workers are started at the first job that has more than one part.

    Args:
        load: bytes of an object file -> its address in memory, and what keeps it there.
        code: pool.c, compiled.
    """

    def __init__(self, load: Callable[[bytes], tuple[int, object]], code: bytes) -> None:
        self._address, self._keep = load(code)
        self._entry = _Entry(self._address)
        self._lock = threading.Lock()
        self._start_over()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._state = _State(spins=SPINS)
        self._where = ctypes.addressof(self._state)
        self._sleeping = _sleep_for(self._state)
        self.workers = 0

    def run(self, kernel: int, args: object, count: int) -> None:
        """kernel(args, 0) ... kernel(args, count - 1), side by side; returns when all are done."""
        if count > 1 and self.workers < count - 1:
            self._grow(count - 1)
        self._entry(RUN, self._where, kernel, args, count, self.workers)

    def run_batch(self, jobs: object, count: int, widest: int) -> None:
        """`count` jobs one after another, each side by side with itself."""
        if widest > 1 and self.workers < widest - 1:
            self._grow(widest - 1)
        self._entry(BATCH, self._where, jobs, None, count, self.workers)

    def bind_batch(self, jobs: object, count: int, widest: int) -> Callable[[], None]:
        """run_batch with everything fixed: the cheapest launch there is from Python."""
        if widest > 1 and self.workers < widest - 1:
            self._grow(widest - 1)
        entry, where, workers = self._entry, self._where, self.workers
        address = ctypes.cast(jobs, ctypes.c_void_p)
        return lambda: entry(BATCH, where, address, None, count, workers)

    def _grow(self, workers: int) -> None:
        with self._lock:
            while self.workers < workers:
                args = (WORK, self._where, None, None, 0, 0)
                thread = threading.Thread(target=self._entry, args=args, daemon=True)
                thread.name = f"electrical-{self.workers + 1}"
                thread.start()
                self.workers += 1


def _sleep_for(state: _State) -> object:
    """Fills in how to sleep and to wake; returns what has to stay alive for it."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        semaphore = ctypes.create_string_buffer(64)  # sem_t is 32 bytes with glibc and with musl
        libc.sem_init(semaphore, 0, 0)
        state.wait = ctypes.cast(libc.sem_wait, ctypes.c_void_p)
        state.post = ctypes.cast(libc.sem_post, ctypes.c_void_p)
        state.semaphore = ctypes.cast(semaphore, ctypes.c_void_p)
        return libc, semaphore
    # elsewhere through Python, which takes a few microseconds more
    waiting = threading.Semaphore(0)
    calls = (
        _Sleep(lambda _: int(not waiting.acquire())),
        _Sleep(lambda _: waiting.release() or 0),
    )
    state.wait, state.post = (ctypes.cast(call, ctypes.c_void_p) for call in calls)
    return calls
