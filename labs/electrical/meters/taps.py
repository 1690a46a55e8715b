"""FIR filters (E5): how the taps are made, and how a signal is filtered.

    y[n] = sum over k of h[k] x[n - k]

A filter that was given samples of silence before the first one would measure its own start; here
nothing comes out until there is a whole history. `x` has taps - 1 samples more than `y`.
"""

import numpy as np
from scipy import signal
from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.errors import LabError

MOST_TAPS = 1024
FULL = 128  # results: eight of the widest vectors
TERMS = 16  # taps: one of them


def low_pass(cutoff_hz: float, fs_hz: float, taps: int = 64) -> np.ndarray:
    """Taps of a low-pass filter with gain 1 at 0 Hz: a sinc in a Hamming window, float64 [taps].

    Source: the window method; scipy.signal.firwin.

    Raises:
        LabError: the cut-off isn't between 0 and half the sample rate, or too few or many taps.
    """
    if not (isinstance(taps, int) and 2 <= taps <= MOST_TAPS):
        raise LabError(
            "design a low-pass filter",
            expected=f"2 to {MOST_TAPS} taps",
            got=f"{taps!r}",
            next_step="choose another number of taps; 64 suit most signals",
        )
    if not 0 < cutoff_hz < fs_hz / 2:
        raise LabError(
            f"design a low-pass filter at {fs_hz:g} Hz",
            expected=f"a cut-off between 0 and {fs_hz / 2:g} Hz, half the sample rate",
            got=f"{cutoff_hz:g} Hz",
            next_step="lower the cut-off, or sample faster",
        )
    return signal.firwin(taps, cutoff_hz, fs=fs_hz)


def fir(x: Tensor, taps: np.ndarray | Tensor, decimate: int = 1) -> Tensor:
    """Filter a signal, and keep every `decimate`-th sample: the first, and so on.

    Every sample of the result is the same sum in the same order wherever it lies, so a signal
    filtered block by block (each with the taps - 1 samples before it) has the same bits: loops are
    always split alike, because what they go over is a multiple of FULL.

    Args:
        x: [..., n + taps - 1], of any dtype.
        taps: [taps], numbers or a tensor; h[0] belongs to the latest sample.

    Returns:
        float32 [..., ceil(n / decimate)], in memory of its own.
    """
    length = taps.shape[0]
    n = x.shape[-1] - length + 1
    count, rows = -(-n // decimate), -(-length // decimate)
    full = count + -count % FULL
    rows += -rows % TERMS if rows > TERMS else 0
    # what is missing meets taps that are 0, or makes samples that are left out again
    needed = (full + rows - 1) * decimate
    before = rows * decimate - length
    x = _padded(x, before, needed - before - x.shape[-1])
    h = taps if isinstance(taps, Tensor) else constant(taps, x)
    h = _padded(h.flip(0), before, 0)
    if decimate == 1:
        y = (x.unfold(-1, rows, 1) * h).sum(-1)
    else:
        # as filters of their own for each phase of the signal, whose samples lie side by side:
        # y[m] = sum over p, j of h[decimate j + p] x[decimate (m + j) + p]
        x = x.reshape(*x.shape[:-1], -1, decimate).transpose(-1, -2).contiguous()
        h = h.reshape(rows, decimate).transpose().reshape(decimate, 1, rows)
        y = (x.unfold(-1, rows, 1) * h).sum((-1, -3))
    return y.contiguous()[..., :count]


def _padded(x: Tensor, before: int, behind: int) -> Tensor:
    """With zeros at both ends; a copy if there are any, which costs less than a condition."""
    lead = [None] * (x.ndim - 1)
    if behind < 0:
        x = x[..., :behind]
    x = x.cast(dtypes.float32)
    return x.pad((*lead, (before, max(0, behind)))).contiguous() if before or behind > 0 else x


def constant(values: np.ndarray, like: Tensor) -> Tensor:
    """Numbers as a float32 tensor where `like` is."""
    return Tensor(np.ascontiguousarray(values, dtype=np.float32), device=like.device)
