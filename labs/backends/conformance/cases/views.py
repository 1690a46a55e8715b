"""Group "views": a part of a buffer, at an offset in bytes, read and written."""

import gc

import numpy as np
from tinygrad import Tensor, dtypes
from tinygrad.device import Buffer

from labs.backends.conformance.case import Cases, check
from labs.backends.conformance.compare import exact, same_bytes
from labs.backends.conformance.subject import Subject, read, write

CASES = Cases("views")


def _read_case(offset: int, size: int):
    def run(s: Subject) -> None:
        data = s.rng("view").bytes(512)
        base = s.buffer(512)
        write(base, data)
        view = base.view(size, dtypes.uint8, offset).allocate()
        same_bytes(read(view), data[offset : offset + size])

    return run


def _write_case(offset: int, size: int):
    def run(s: Subject) -> None:
        data = bytearray(s.rng("view").bytes(512))
        base = s.buffer(512)
        write(base, bytes(data))
        write(base.view(size, dtypes.uint8, offset).allocate(), b"\x42" * size)
        data[offset : offset + size] = b"\x42" * size
        same_bytes(read(base), bytes(data))

    return run


for _offset, _size in ((0, 512), (0, 5), (1, 3), (4, 4), (16, 64), (100, 100), (511, 1)):
    CASES.add(f"read/{_offset}+{_size}", _read_case(_offset, _size))
    CASES.add(f"write/{_offset}+{_size}", _write_case(_offset, _size))


@CASES.case("of-a-view")
def _of_view(s: Subject) -> None:
    data = s.rng("view").bytes(256)
    base = s.buffer(256)
    write(base, data)
    inner = base.view(100, dtypes.uint8, 50).view(10, dtypes.uint8, 20).allocate()
    same_bytes(read(inner), data[70:80])


@CASES.case("opaque-of-opaque")
def _opaque(s: Subject) -> None:
    """`_offset` of what `_offset` gave counts from there."""
    data = s.rng("view").bytes(256)
    base = s.buffer(256)
    write(base, data)
    inner = s.allocator._offset(s.allocator._offset(base._buf, 100, 48), 16, 32)
    got = memoryview(bytearray(16))
    s.device.synchronize()
    s.allocator._copyout(got, inner)
    same_bytes(got, data[80:96])


@CASES.case("other-dtype")
def _dtype(s: Subject) -> None:
    values = np.arange(64, dtype=np.float32)
    base = Buffer(s.name, 64, dtypes.float32).allocate()
    write(base, values.tobytes())
    view = base.view(8, dtypes.int32, 16).allocate()
    exact(view.numpy(), values.view(np.int32)[4:12])


@CASES.case("keeps-its-base")
def _keeps(s: Subject) -> None:
    """The base may be forgotten while a view of it is in use."""
    base = s.buffer(256)
    write(base, bytes(range(256)))
    view = base.view(16, dtypes.uint8, 32).allocate()
    del base
    gc.collect()
    others = [s.buffer(256) for _ in range(4)]
    for other in others:
        write(other, b"\xff" * 256)
    same_bytes(read(view), bytes(range(32, 48)))


@CASES.case("kernel-input")
def _input(s: Subject) -> None:
    values = np.arange(100, dtype=np.float32)
    view = s.tensor(values)[33:66].contiguous().realize()
    exact((view * 2).numpy(), values[33:66] * 2)


@CASES.case("kernel-input-bytes")
def _input_bytes(s: Subject) -> None:
    values = np.arange(100, dtype=np.uint8)
    for start in (1, 2, 3, 7):
        view = s.tensor(values)[start : start + 31].contiguous().realize()
        exact((view + 1).numpy(), values[start : start + 31] + 1)


@CASES.case("kernel-output")
def _output(s: Subject) -> None:
    x = s.tensor(np.zeros(50, np.int32))
    x[10:17] = s.tensor(np.arange(1, 8, dtype=np.int32))
    want = np.zeros(50, np.int32)
    want[10:17] = np.arange(1, 8)
    exact(x.realize().numpy(), want)


@CASES.case("buffer-kernel-output")
def _buffer_output(s: Subject) -> None:
    """A kernel whose output is a view writes there and nowhere else."""
    from tinygrad.engine.realize import compile_linear, get_call_arg_uops, get_runtime

    source = s.tensor(np.arange(8, dtype=np.float32))
    result = source + 100
    linear = compile_linear(result.schedule_linear())
    call = linear.src[-1]
    program = call.src[0]
    inputs = [u.buffer.ensure_allocated() for u in get_call_arg_uops(call)]
    base = Buffer(s.name, 32, dtypes.float32).allocate()
    write(base, np.full(32, -1, np.float32).tobytes())
    view = base.view(8, dtypes.float32, 64).allocate()
    placed = [view if i in program.arg.outs else b for i, b in enumerate(inputs)]
    size, local = program.arg.launch_dims({})
    sizes = {"global_size": size, "local_size": local} if local else {"global_size": size}
    get_runtime(s.name, program)(
        *[placed[i].get_buf(s.name) for i in program.arg.globals],
        **sizes,
        vals=program.arg.vals({}),
        wait=True,
    )
    want = np.full(32, -1, np.float32)
    want[16:24] = np.arange(8) + 100
    exact(base.numpy(), want)


@CASES.case("bitcast")
def _bitcast(s: Subject) -> None:
    values = np.array([1.0, -2.5, 0.0, 1e-3], np.float32)
    exact(s.tensor(values).bitcast(dtypes.int32).numpy(), values.view(np.int32))


@CASES.case("neighbours")
def _neighbours(s: Subject) -> None:
    """Assigning to one row leaves the rows beside it alone."""
    x = s.tensor(np.zeros((5, 7), np.int32))
    x[2] = s.tensor(np.full(7, 9, np.int32))
    want = np.zeros((5, 7), np.int32)
    want[2] = 9
    exact(x.realize().numpy(), want)
    check(Tensor.stack(x[1], x[3]).sum().item() == 0, "a neighbouring row has changed")
