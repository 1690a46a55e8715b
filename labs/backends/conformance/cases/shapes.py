"""Group "shapes": which element goes where; empty, scalar, odd, large, strided, flipped, padded."""

import numpy as np
from tinygrad import Tensor, dtypes

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("shapes")


def _numbers(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    return (np.arange(int(np.prod(shape))) % 251).astype(dtype).reshape(shape)


def _movement(name: str, shape: tuple[int, ...], ours, reference) -> None:
    """A case for each width: the rearranged values plus one."""
    for dtype in ("float32", "int32", "uint8", "float16", "float64"):

        def run(s: Subject, dtype=dtype) -> None:
            values = _numbers(shape, dtype)
            got = (ours(s.tensor(values)) + 1).numpy()
            exact(got, reference(values) + np.array(1, dtype))

        small = dtype in ("float32", "uint8")
        CASES.add(f"{name}/{dtype}", run, dtypes=(dtype,), small=small)


_movement("scalar", (), lambda x: x, lambda x: x)
_movement("one", (1,), lambda x: x, lambda x: x)
_movement("odd", (3, 5, 7), lambda x: x, lambda x: x)
_movement("permuted", (3, 4, 5), lambda x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1))
_movement("transposed", (17, 13), lambda x: x.T, lambda x: x.T)
_movement("flipped", (5, 9), lambda x: x.flip((0, 1)), lambda x: x[::-1, ::-1])
_movement("strided", (11, 14), lambda x: x[::2, 1::3], lambda x: x[::2, 1::3])
_movement("backwards", (23,), lambda x: x[::-2], lambda x: x[::-2])
_movement("shrunk", (9, 9), lambda x: x[2:7, 3:8], lambda x: x[2:7, 3:8])
_movement(
    "padded", (5, 6), lambda x: x.pad(((1, 2), (3, 0))), lambda x: np.pad(x, ((1, 2), (3, 0)))
)
_movement("cat", (4, 5), lambda x: x.cat(x[:, :3], dim=1), lambda x: np.hstack([x, x[:, :3]]))


def _broadcast(name: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    def run(s: Subject) -> None:
        a, b = _numbers(left), _numbers(right) * 3
        exact((s.tensor(a) + s.tensor(b)).numpy(), a + b)
        exact((s.tensor(b) - s.tensor(a)).numpy(), b - a)

    CASES.add(f"broadcast/{name}", run)


_broadcast("scalar", (5, 7), ())
_broadcast("row", (5, 7), (7,))
_broadcast("column", (5, 7), (5, 1))
_broadcast("outer", (6, 1), (1, 9))
_broadcast("four-dimensions", (2, 1, 3, 5), (4, 1, 5))


def _empty(name: str, shape: tuple[int, ...], ours) -> None:
    def run(s: Subject) -> None:
        got = ours(s.tensor(np.zeros(shape, np.float32)))
        want = ours(Tensor(np.zeros(shape, np.float32), device="PYTHON"))
        exact(got.numpy(), np.zeros(want.shape, np.float32))

    CASES.add(f"empty/{name}", run)


_empty("add", (0,), lambda x: x + 1)
_empty("columns", (3, 0), lambda x: x * 2)
_empty("sum", (0,), lambda x: x.sum())
_empty("sum-rows", (3, 0), lambda x: x.sum(1))
_empty("cat", (0, 4), lambda x: x.cat(x))


def _length(length: int) -> None:
    """All lengths around the vector widths: a tail that is dropped or overrun shows here."""

    def run(s: Subject) -> None:
        values = _numbers((length,), "int32")
        padded = s.tensor(np.full(length + 16, -1, np.int32))
        got = (s.tensor(values) * 2 + 1).contiguous().realize()
        exact(got.numpy(), values * 2 + 1)
        exact(padded.numpy(), np.full(length + 16, -1))

    CASES.add(f"length/{length}", run)


for _n in (4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 30, 47, 63, 64, 65, 100, 255, 256, 259):
    _length(_n)


@CASES.case("large")
def _large(s: Subject) -> None:
    values = _numbers((s.pick(1009, 101), s.pick(997, 97)), "int32")
    exact((s.tensor(values) - 3).numpy(), values - 3)


@CASES.case("large-transposed")
def _large_transposed(s: Subject) -> None:
    values = _numbers((s.pick(511, 61), s.pick(509, 67)))
    exact(s.tensor(values).T.contiguous().numpy(), values.T)


@CASES.case("many-dimensions")
def _many(s: Subject) -> None:
    values = _numbers((2, 3, 1, 2, 2, 1, 3, 2))
    order = (7, 0, 6, 1, 4, 3, 5, 2)
    exact((s.tensor(values).permute(order) * 2).numpy(), values.transpose(order) * 2)


@CASES.case("reshape-of-permuted")
def _reshape(s: Subject) -> None:
    values = _numbers((4, 6, 5))
    got = s.tensor(values).permute(1, 0, 2).reshape(8, 15).contiguous()
    exact(got.numpy(), values.transpose(1, 0, 2).reshape(8, 15))


@CASES.case("pad-reflect-and-circular")
def _pad_modes(s: Subject) -> None:
    values = _numbers((1, 1, 6, 7))
    for ours, theirs in (("reflect", "reflect"), ("circular", "wrap"), ("replicate", "edge")):
        got = s.tensor(values).pad((2, 1, 1, 2), mode=ours).numpy()
        exact(got, np.pad(values, ((0, 0), (0, 0), (1, 2), (2, 1)), mode=theirs))


@CASES.case("pad-with-value")
def _pad_value(s: Subject) -> None:
    values = _numbers((5, 3))
    got = s.tensor(values).pad(((1, 1), (0, 2)), value=-7.0).numpy()
    exact(got, np.pad(values, ((1, 1), (0, 2)), constant_values=-7))


@CASES.case("repeat-roll-stack")
def _repeat(s: Subject) -> None:
    values = _numbers((3, 4))
    x = s.tensor(values)
    exact(x.repeat(2, 3).numpy(), np.tile(values, (2, 3)))
    exact(x.roll(2, 1).numpy(), np.roll(values, 2, 1))
    exact(Tensor.stack(x, x + 1, dim=1).numpy(), np.stack([values, values + 1], 1))


@CASES.case("triangles")
def _triangles(s: Subject) -> None:
    values = _numbers((6, 5)) + 1
    exact(s.tensor(values).triu(1).numpy(), np.triu(values, 1))
    exact(s.tensor(values).tril(-1).numpy(), np.tril(values, -1))


@CASES.case("arange-and-eye")
def _arange(s: Subject) -> None:
    exact(Tensor.arange(3, 40, 4).clone(device=s.name).numpy(), np.arange(3, 40, 4))
    exact(Tensor.eye(5, dtype=dtypes.float32).clone(device=s.name).numpy(), np.eye(5))
