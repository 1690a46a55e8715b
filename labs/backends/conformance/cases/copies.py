"""Group "copy": every byte arrives, in all directions, whatever the size."""

import tempfile
from pathlib import Path

import numpy as np
from tinygrad import Device, Tensor, dtypes

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import exact, same_bytes
from labs.backends.conformance.subject import Subject, describe, read, write
from labs.backends.conformance.values import ALL, any_integers, float_edges, is_float

CASES = Cases("copy")


def _round_trip(size: int):
    def run(s: Subject) -> None:
        data = s.rng(f"copy{size}").bytes(size)
        buffer = s.buffer(size)
        write(buffer, b"\xee" * size)
        write(buffer, data)
        same_bytes(read(buffer), data)

    return run


for _size in (1, 2, 3, 5, 6, 7, 9, 13, 17, 31, 33, 63, 65, 127, 129, 1023, 4095, 65537):
    CASES.add(f"in-out/{_size}", _round_trip(_size))


@CASES.case("in-out/large")
def _large(s: Subject) -> None:
    _round_trip(s.pick(16 << 20, 1 << 20) + 3)(s)


def _dtype_case(dtype: str):
    def run(s: Subject) -> None:
        if is_float(dtype):
            values = float_edges(dtype)
        elif dtype == "bool":
            values = np.array([True, False, True])
        else:
            values = any_integers(dtype, (37,), s.rng(dtype))
        got = s.tensor(values, dtype).numpy()
        exact(got, values)

    return run


for _dtype in ALL:
    CASES.add(f"dtype/{_dtype}", _dtype_case(_dtype), dtypes=(_dtype,))


def _between(other: str, to: bool):
    def run(s: Subject) -> None:
        if other == s.name:
            raise Skipped(f"this device is {other}")
        try:
            _ = Device[other].renderer
        except Exception as error:
            raise Skipped(f"{other} can't be opened here: {describe(error)}") from error
        for size in (1, 3, 255, 4099):
            data = s.rng(f"{other}{size}").integers(0, 256, size, dtype=np.uint8)
            source, target = (s.name, other) if to else (other, s.name)
            moved = Tensor(data, device=source).realize().to(target).realize()
            check(moved.device == target, f"the copy is on {moved.device}, expected {target}")
            exact(moved.numpy(), data)

    return run


for _other in ("PYTHON", "CPU", "CL"):
    CASES.add(f"to/{_other}", _between(_other, True))
    CASES.add(f"from/{_other}", _between(_other, False))


@CASES.case("between-instances")
def _instances(s: Subject) -> None:
    s.open_second()
    for size in (1, 5, 1021):
        data = s.rng(f"instances{size}").integers(0, 256, size, dtype=np.uint8)
        there = s.tensor(data).to(s.second).realize()
        exact(there.numpy(), data)
        exact(there.to(s.name).realize().numpy(), data)


@CASES.case("from-file")
def _file(s: Subject) -> None:
    data = s.rng("file").bytes(9001)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.bin"
        path.write_bytes(data)
        got = Tensor(path).to(s.name).realize()
        same_bytes(bytes(got.data()), data)


@CASES.case("source-is-not-kept")
def _source(s: Subject) -> None:
    """Changing the numpy array afterwards must not change the tensor."""
    values = np.arange(100, dtype=np.int32)
    tensor = Tensor(values, device=s.name).realize()
    values[:] = -1
    exact(tensor.numpy(), np.arange(100, dtype=np.int32))


@CASES.case("result-is-not-shared")
def _result(s: Subject) -> None:
    """Changing what numpy() gave must not change the tensor."""
    tensor = s.tensor(np.arange(100, dtype=np.int32))
    got = tensor.numpy().copy()
    got[:] = -1
    exact(tensor.numpy(), np.arange(100, dtype=np.int32))


@CASES.case("strided-source")
def _strided(s: Subject) -> None:
    values = np.arange(60, dtype=np.int32).reshape(6, 10)
    for view in (values.T, values[::2, ::3], values[::-1]):
        exact(Tensor(view, device=s.name).numpy(), view)


@CASES.case("in-order")
def _in_order(s: Subject) -> None:
    """Of many copies into one buffer the last one stays."""
    buffer = s.buffer(1000)
    for value in range(20):
        write(buffer, bytes([value]) * 1000)
    same_bytes(read(buffer), b"\x13" * 1000)


@CASES.case("as-buffer")
def _as_buffer(s: Subject) -> None:
    """`_as_buffer` shows the device's memory itself, in its full length."""
    allocator = s.allocator
    if not hasattr(allocator, "_as_buffer"):
        raise Skipped("the allocator has no _as_buffer")
    buffer = s.buffer(77)
    write(buffer, bytes(range(77)))
    s.device.synchronize()
    view = allocator._as_buffer(buffer._buf)
    check(view.nbytes >= 77, f"_as_buffer shows {view.nbytes} bytes of 77")
    same_bytes(bytes(view.cast("B")[:77]), bytes(range(77)))
    view.cast("B")[5] = 200
    check(read(buffer)[5] == 200, "what is written to _as_buffer doesn't reach the device")


@CASES.case("item")
def _item(s: Subject) -> None:
    check(Tensor([7], device=s.name, dtype=dtypes.int32).item() == 7, "item() is wrong")
