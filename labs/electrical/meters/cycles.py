"""Arithmetic on samples cut into cycles, as tinygrad functions: sums of squares and phasors."""

import numpy as np
from tinygrad import Tensor


def constant(values: np.ndarray, like: Tensor | str) -> Tensor:
    """A table on a device, in float32 or int32."""
    device = like if isinstance(like, str) else like.device
    kind = np.int32 if np.asarray(values).dtype.kind == "i" else np.float32
    return Tensor(np.ascontiguousarray(values, kind), device=device).realize()


def fundamental_table(points: int) -> np.ndarray:
    """[points, 2]: what samples of one cycle are multiplied with; cos and -sin, times 2 / points.

    Summed over a cycle that gives the fundamental's phasor, with the peak as its magnitude.
    """
    angle = 2 * np.pi * np.arange(points) / points
    return np.stack([np.cos(angle), -np.sin(angle)], -1) * 2 / points


def sum_of_squares(x: Tensor) -> Tensor:
    """[..., n] -> [...]: the energy of each row."""
    return x.square().sum(-1)


def half_cycles(z: Tensor) -> Tensor:
    """[channel, cycle, points] -> [channel, half cycle, points / 2]."""
    channels, cycles, points = z.shape
    return z.reshape(channels, 2 * cycles, points // 2)


def half_cycle_phasors(z: Tensor, table: Tensor) -> Tensor:
    """[channel, cycle, points] -> [2 (real, imaginary), channel, half cycle]."""
    channels, cycles, points = z.shape
    z = z.reshape(1, channels, cycles, 2, points // 2)
    t = table.permute(1, 0).reshape(2, 1, 1, 2, points // 2)
    return (z * t).sum(-1).reshape(2, channels, 2 * cycles)
