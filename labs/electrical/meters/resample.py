"""The same number of samples for every cycle, whatever the supply's frequency is.

A polynomial in the fraction of a sample replaces a table of filters (Farrow's structure): v[d] are
8 fixed filters of 24 taps over the window, and a sample between two others is the sum of
v[d] (mu - 1/2)^d, with mu in [0, 1) the distance from the first. The filters run over the whole
window; only their 8 results are gathered.

Source: C. W. Farrow, "A continuously variable digital delay element", ISCAS 1988, for the form;
the coefficients are found here, by least squares.
"""

import functools

import numpy as np
from tinygrad import Tensor
from tinygrad.dtype import dtypes

TAPS = 24
DEGREE = 7
# Up to this part of the sample rate the error is below 2e-6 of a component's amplitude, up to a
# quarter of the rate below 2e-7 (calculated; tests/electrical/meters).
PASSBAND = 0.3
MARGIN = TAPS // 2  # samples needed before the first cycle and after the last
# A little weight on what lies outside the passband keeps the taps small; more would cost accuracy.
_DAMPING = 1e-12
_FRACTIONS = 64  # fractions at which the ideal taps are found, Chebyshev nodes


@functools.cache
def coefficients() -> np.ndarray:
    """[degree + 1, taps] in float64: tap p at fraction mu is the sum of c[d, p] (mu - 1/2)^d.

    At each fraction the taps w minimise the integral of |sum_p w_p exp(j w (p - MARGIN + 1)) -
    exp(j w mu)|^2 over the passband; a polynomial is fitted through them.
    """
    mu = (np.cos(np.pi * (np.arange(_FRACTIONS) + 0.5) / _FRACTIONS) + 1) / 2
    tap = np.arange(TAPS) - MARGIN + 1
    inside = 2 * PASSBAND * np.sinc(2 * PASSBAND * (tap[:, None] - tap))
    matrix = inside + _DAMPING * (np.eye(TAPS) - inside)
    wanted = 2 * PASSBAND * np.sinc(2 * PASSBAND * (tap[:, None] - mu))
    taps = np.linalg.solve(matrix, wanted)
    powers = np.vander(mu - 0.5, DEGREE + 1, increasing=True)
    return np.linalg.lstsq(powers, taps.T, rcond=None)[0]


def cycle_parameters(start: float, samples_per_cycle: float, cycles: int, points: int) -> tuple:
    """What a window tells `resample`, 2 cycles + 1 numbers that float32 holds well.

    Args:
        start: where in the window the first cycle starts, in samples.
        points: samples that a cycle gets.

    Returns:
        (whole part of each cycle's start, fraction of each, samples per point - 1). The positions
        themselves, tens of thousands with a fraction, would lose the fraction in float32.
    """
    starts = start + samples_per_cycle * np.arange(cycles)
    whole = np.floor(starts)
    stretch = samples_per_cycle / points - 1
    return (*map(float, whole), *map(float, starts - whole), float(stretch))


def resample(
    x: Tensor, parameters: Tensor, cycles: int, points: int, filters: Tensor, steps: Tensor
) -> Tensor:
    """[channel, window] -> [channel, cycle, point].

    Args:
        parameters: of `cycle_parameters`.
        filters: `coefficients()` on the device; steps: 0, 1, ... points - 1 there, int32.
    """
    channels, window = x.shape
    v = x.reshape(channels, 1, window).conv2d(filters.reshape(DEGREE + 1, 1, TAPS)).contiguous()
    whole = parameters[:cycles].reshape(cycles, 1).cast(dtypes.int32)
    fraction = parameters[cycles : 2 * cycles].reshape(cycles, 1)
    drift = fraction + steps.cast(dtypes.float32) * parameters[2 * cycles]
    floor = drift.floor()
    first = whole + steps + floor.cast(dtypes.int32) - (MARGIN - 1)
    mu = (drift - floor - 0.5).reshape(1, cycles, points)
    gathered = v[:, :, first.reshape(-1)].reshape(channels, DEGREE + 1, cycles, points)
    y = gathered[:, DEGREE]
    for d in reversed(range(DEGREE)):
        y = y * mu + gathered[:, d]
    return y.contiguous()
