"""FIR filters (E5): how the taps are made, and how a signal is filtered.

    y[n] = sum over k of h[k] x[n - k]

A filter that was given samples of silence before the first one would measure its own start; here
nothing comes out until there is a whole history. `x` has taps - 1 samples more than `y`.
"""

import numpy as np
from scipy import signal
from tinygrad import Tensor

from labs.errors import LabError

MOST_TAPS = 1024


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
    filtered block by block (each with the taps - 1 samples before it) has the same bits.

    Args:
        x: float32 [..., n + taps - 1].
        taps: [taps]; h[0] belongs to the latest sample.

    Returns:
        [..., ceil(n / decimate)].
    """
    h = taps.flip(0) if isinstance(taps, Tensor) else constant(taps[::-1], x)
    return _every(x, h, decimate) if decimate > 1 else (x.unfold(-1, h.shape[0], 1) * h).sum(-1)


def _every(x: Tensor, h: Tensor, step: int) -> Tensor:
    """As `step` filters, each on its own phase of the signal, whose samples lie side by side.

    y[m] = sum over p, j of h[step j + p] x[step (m + j) + p]
    """
    lead, n = x.shape[:-1], x.shape[-1] - h.shape[0] + 1
    count, rows = -(-n // step), -(-h.shape[0] // step)
    h = h.pad((0, rows * step - h.shape[0])).reshape(rows, step).transpose()
    length = (count + rows - 1) * step
    if length <= x.shape[-1]:
        x = x[..., :length]
    else:  # those meet taps that are 0
        x = x.pad((*[None] * len(lead), (0, length - x.shape[-1])))
    phases = x.reshape(*lead, count + rows - 1, step).transpose(-1, -2).contiguous()
    return (phases.unfold(-1, rows, 1) * h.reshape(step, 1, rows)).sum((-1, -3))


def constant(values: np.ndarray, like: Tensor) -> Tensor:
    """Numbers as a float32 tensor where `like` is."""
    return Tensor(np.ascontiguousarray(values, dtype=np.float32), device=like.device)
