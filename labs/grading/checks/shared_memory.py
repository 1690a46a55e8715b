"""Whether a device's buffers are numpy's as well: asked in a process of its own.

Started as `python shared_memory.py NAME FILE SEED`; the last line of its output is a JSON object,
{"wrong": ""} when all is well. What numpy writes has to be what the kernels read, at once, for
whole buffers and for views, and what kernels write has to be there for numpy.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # the course, however it was started

from labs import backends, toolchain

toolchain.activate()

import numpy as np
from tinygrad import Tensor, TinyJit

HALF, HALVES, ROUNDS = 64, 16, 5  # samples of half a cycle; half cycles; blocks of new data


def trouble(name: str, seed: int) -> str:
    """What is wrong with the device's shared memory, in one sentence; "" when nothing is."""
    rng = np.random.default_rng(seed)
    x = Tensor.empty(HALVES * HALF, device=name).contiguous().realize()
    buffer = x.uop.buffer.ensure_allocated()
    if not hasattr(buffer.allocator, "_as_buffer"):
        return "the allocator has no _as_buffer: numpy can't see the device's memory"
    seen = _seen(buffer)
    if isinstance(seen, str):
        return seen
    step = TinyJit(lambda x: x.reshape(HALVES, HALF).square().sum(1).realize())
    result = None
    for number in range(ROUNDS):
        seen[:] = samples = rng.standard_normal(len(seen)).astype(np.float32)
        result = step(x)
        want = np.square(samples.astype(float)).reshape(HALVES, HALF).sum(1)
        got = result.numpy()
        if not np.allclose(got, want, rtol=1e-5):
            return (
                f"block {number}: numpy wrote new samples, and the kernels didn't read them: is "
                "what _as_buffer gives the buffer's own memory?"
            )
    shared = _seen(result.uop.buffer)
    if isinstance(shared, str):
        return shared
    if not np.allclose(shared, want, rtol=1e-5):
        return "a kernel wrote its result, and numpy doesn't see it in the buffer's memory"
    return _view_trouble(buffer, seen)


def _view_trouble(buffer, seen: np.ndarray) -> str:
    """A view has a handle of its own: its memory begins where the view does, and is as long."""
    for first, count in ((HALF, HALF), (3, 7)):
        view = buffer.view(count, buffer.dtype, first * buffer.dtype.itemsize).ensure_allocated()
        part = _seen(view)
        if isinstance(part, str):
            return f"a view of {count} values: {part}"
        if part.ctypes.data != seen.ctypes.data + 4 * first:
            return f"a view that begins at value {first} shows memory from another place"
    return ""


def _seen(buffer) -> np.ndarray | str:
    """The buffer's memory as numpy sees it, or what is wrong."""
    memory = buffer.as_memoryview(force_zero_copy=True)
    if not isinstance(memory, memoryview):
        return f"_as_buffer gave {type(memory).__name__}, expected a memoryview"
    if memory.nbytes != buffer.nbytes:
        return f"_as_buffer gave {memory.nbytes} bytes of a buffer of {buffer.nbytes}"
    if memory.readonly:
        return "_as_buffer gave memory that can only be read"
    return np.frombuffer(memory.cast("B"), np.float32)


def main() -> None:
    name, file, seed = sys.argv[1:]
    try:
        backends.register(name, file)
        wrong = trouble(name, int(seed))
    except Exception as error:  # the reader's code: whatever it raises is told
        wrong = f"{type(error).__name__}: {error}"
    print(json.dumps({"wrong": wrong[:600]}))


if __name__ == "__main__":
    main()
