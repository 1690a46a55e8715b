"""Group "threads": several Python threads use the runtime at once.

tinygrad's scheduler isn't for several threads, so kernels are compiled beforehand; what the threads
share is the backend's: allocator, copies, programs.
"""

import threading

import numpy as np
from tinygrad.engine.realize import compile_linear, get_call_arg_uops, get_runtime

from labs.backends.conformance.case import Cases, Wrong
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject, describe

CASES = Cases("threads")
THREADS, STEPS = 4, 30


def _together(work) -> None:
    """Run work(0) ... work(3) at once; Wrong with the first trouble."""
    troubles: list[str] = []
    gate = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except BaseException as error:
            troubles.append(f"thread {number}: {describe(error)}")

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise Wrong(troubles[0])


def _fill(s: Subject, allocator, size: int, value: int, rounds: int) -> None:
    """Allocate, write, read back and free, by the allocator's own methods."""
    for k in range(rounds):
        block = allocator.alloc(size)
        data = np.full(size, (value * 50 + k) % 256, np.uint8)
        _put(allocator, block, data)
        exact(_get(allocator, block, size), data)
        allocator.free(block, size)


def _put(allocator, block, data: np.ndarray) -> None:
    if hasattr(allocator, "_as_buffer"):
        allocator.dev.synchronize()
        allocator._as_buffer(block).cast("B")[: data.nbytes] = data.tobytes()
    else:
        allocator._copyin(block, memoryview(bytearray(data.tobytes())))


def _get(allocator, block, size: int) -> np.ndarray:
    got = np.empty(size, np.uint8)
    allocator._copyout(memoryview(got).cast("B"), block)
    allocator.dev.synchronize()
    return got


@CASES.case("allocate-and-copy")
def _allocate(s: Subject) -> None:
    allocator = s.allocator
    _together(lambda n: _fill(s, allocator, 3000, n, STEPS))


@CASES.case("allocate-many-sizes")
def _sizes(s: Subject) -> None:
    allocator = s.allocator
    _together(lambda n: [_fill(s, allocator, 100 + 700 * n + k, n, 2) for k in range(STEPS)])


@CASES.case("two-instances")
def _instances(s: Subject) -> None:
    allocators = s.allocator, s.open_second().allocator
    _together(lambda n: _fill(s, allocators[n % 2], 2000, n, STEPS))


def _kernel(s: Subject, size: int):
    """The program of x*2+1, and a function that launches it on two blocks."""
    x = s.tensor(np.zeros(size, np.float32))
    call = compile_linear((x * 2 + 1).schedule_linear()).src[-1]
    program = call.src[0]
    for uop in get_call_arg_uops(call):
        uop.buffer.ensure_allocated()
    runtime = get_runtime(s.name, program)
    size_, local = program.arg.launch_dims({})
    sizes = {"global_size": size_, "local_size": local} if local else {"global_size": size_}
    order, vals, out = program.arg.globals, program.arg.vals({}), program.arg.outs[0]

    def launch(output, source) -> None:
        blocks = [output if i == out else source for i in order]
        runtime(*blocks, **sizes, vals=vals, wait=False)

    return launch


def _launch_case(size: int):
    def run(s: Subject) -> None:
        launch, allocator = _kernel(s, size), s.allocator

        def work(number: int) -> None:
            source, output = allocator.alloc(size * 4), allocator.alloc(size * 4)
            for k in range(STEPS):
                values = np.arange(size, dtype=np.float32) + number * 1000 + k
                _put(allocator, source, values.view(np.uint8))
                launch(output, source)
                got = _get(allocator, output, size * 4).view(np.float32)
                exact(got, values * 2 + 1)
            allocator.free(source, size * 4)
            allocator.free(output, size * 4)

        _together(work)

    return run


for _size in (64, 5000):
    CASES.add(f"launch/{_size}", _launch_case(_size))


@CASES.case("synchronize")
def _synchronize(s: Subject) -> None:
    device = s.device
    _together(lambda n: [device.synchronize() for _ in range(STEPS)])
