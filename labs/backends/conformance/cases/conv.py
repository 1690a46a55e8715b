"""Group "conv": convolutions and pooling: nested loops with loads that are switched off outside."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from labs.backends.conformance.case import Cases
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject

CASES = Cases("conv")


def conv2d(x, w, b=None, *, stride=1, dilation=1, padding=0, groups=1) -> np.ndarray:
    """The reference: x (n, c, h, w), w (o, c/groups, kh, kw), in the dtype of its inputs."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (o, per, kh, kw), n = w.shape, x.shape[0]
    span = ((kh - 1) * dilation + 1, (kw - 1) * dilation + 1)
    windows = sliding_window_view(x, span, (2, 3))[:, :, ::stride, ::stride, ::dilation, ::dilation]
    outs = []
    for g in range(groups):
        part = windows[:, g * per : (g + 1) * per]
        outs.append(
            np.einsum("nchwij,ocij->nohw", part, w[g * (o // groups) : (g + 1) * (o // groups)])
        )
    out = np.concatenate(outs, 1).reshape(n, o, *outs[0].shape[2:])
    return out if b is None else out + b[None, :, None, None]


def _case(shape, weight, **options):
    def run(s: Subject) -> None:
        rng = s.rng(f"{shape}{weight}{options}")
        x, w = (rng.integers(-4, 5, n).astype(np.float32) for n in (shape, weight))
        b = rng.integers(-4, 5, weight[0]).astype(np.float32)
        got = s.tensor(x).conv2d(s.tensor(w), s.tensor(b), **options).numpy()
        exact(got, conv2d(x, w, b, **options))

    return run


for _name, _shape, _weight, _options in (
    ("3x3", (2, 3, 9, 8), (4, 3, 3, 3), {}),
    ("1x1", (1, 5, 6, 7), (3, 5, 1, 1), {}),
    ("5x5-padded", (1, 2, 10, 10), (3, 2, 5, 5), {"padding": 2}),
    ("strided", (1, 3, 11, 11), (4, 3, 3, 3), {"stride": 2}),
    ("dilated", (1, 2, 12, 12), (2, 2, 3, 3), {"dilation": 2}),
    ("grouped", (1, 4, 8, 8), (6, 2, 3, 3), {"groups": 2}),
    ("depthwise", (1, 4, 7, 7), (4, 1, 3, 3), {"groups": 4, "padding": 1}),
    ("tall", (1, 1, 20, 3), (2, 1, 7, 1), {}),
):
    CASES.add(f"2d/{_name}", _case(_shape, _weight, **_options))


@CASES.case("2d/large")
def _large(s: Subject) -> None:
    n = s.pick(32, 14)
    _case((1, 8, n, n), (8, 8, 3, 3), padding=1)(s)


@CASES.case("1d/fir")
def _fir(s: Subject) -> None:
    """A filter of 64 taps over a long signal, the electrical course's own kernel."""
    rng = s.rng("fir")
    x = rng.integers(-8, 9, s.pick(5000, 600)).astype(np.float32)
    h = rng.integers(-3, 4, 64).astype(np.float32)
    got = s.tensor(x).reshape(1, 1, -1).conv2d(s.tensor(h).reshape(1, 1, -1)).numpy()
    exact(got[0, 0], np.correlate(x, h, "valid"))


@CASES.case("1d/double", dtypes=("float64",))
def _double(s: Subject) -> None:
    rng = s.rng("double")
    x, h = rng.normal(size=200), rng.normal(size=16)
    got = s.tensor(x).reshape(1, 1, -1).conv2d(s.tensor(h).reshape(1, 1, -1)).numpy()
    scale = np.correlate(np.abs(x), np.abs(h), "valid")
    close(got[0, 0], np.correlate(x, h, "valid"), "float64", ulps=16, scale=scale)


@CASES.case("3d")
def _three(s: Subject) -> None:
    rng = s.rng("3d")
    x, w = (rng.integers(-3, 4, n).astype(np.float32) for n in ((1, 2, 5, 6, 7), (3, 2, 2, 3, 2)))
    windows = sliding_window_view(x, (2, 3, 2), (2, 3, 4))
    want = np.einsum("ncdhwijk,ocijk->nodhw", windows, w)
    exact(s.tensor(x).conv2d(s.tensor(w)).numpy(), want)


@CASES.case("transposed")
def _transposed(s: Subject) -> None:
    rng = s.rng("transposed")
    x, w = (rng.integers(-3, 4, n).astype(np.float32) for n in ((1, 3, 4, 5), (3, 2, 3, 3)))
    want = np.zeros((1, 2, 9, 11), np.float32)
    for i in range(4):
        for j in range(5):
            want[0, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum(
                "c,cokl->okl", x[0, :, i, j], w
            )
    exact(s.tensor(x).conv_transpose2d(s.tensor(w), stride=2).numpy(), want)


def _windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return sliding_window_view(x, (size, size), (2, 3))[:, :, ::stride, ::stride]


@CASES.case("max-pool")
def _max_pool(s: Subject) -> None:
    x = s.rng("pool").integers(-50, 51, (2, 3, 9, 10)).astype(np.float32)
    exact(s.tensor(x).max_pool2d((2, 2)).numpy(), _windows(x, 2, 2).max((-1, -2)))
    exact(s.tensor(x).max_pool2d((3, 3), stride=2).numpy(), _windows(x, 3, 2).max((-1, -2)))


@CASES.case("max-pool-padded")
def _max_padded(s: Subject) -> None:
    """Padding is minus infinity, not zero."""
    x = -s.rng("pool").integers(1, 51, (1, 2, 6, 6)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    got = s.tensor(x).max_pool2d((3, 3), stride=1, padding=1).numpy()
    exact(got, _windows(padded, 3, 1).max((-1, -2)))


@CASES.case("avg-pool")
def _avg_pool(s: Subject) -> None:
    x = s.rng("pool").integers(-50, 51, (2, 3, 8, 10)).astype(np.float32)
    exact(s.tensor(x).avg_pool2d((2, 2)).numpy(), _windows(x, 2, 2).mean((-1, -2)))


@CASES.case("interpolate")
def _interpolate(s: Subject) -> None:
    x = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    got = s.tensor(x).interpolate((6, 8), mode="nearest").numpy()
    exact(got, x.repeat(2, 2).repeat(2, 3))
