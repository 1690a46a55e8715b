"""State levels and reference-level instants of a pulse, as tensors of one window (E7)."""

from dataclasses import dataclass

from tinygrad import Tensor
from tinygrad.dtype import dtypes

from labs.electrical.meters.counts import count_codes

BINS = 256
NEAR = 1  # bins on each side of the mode that belong to the state
# What is left of a transition's tail in those bins pulls the mean to one side: samples further
# away than so many standard deviations are left out, and the mean is taken again, so many times.
# Noise is cut on both sides alike.
WITHIN, ROUNDS = 1.5, 4
EXACT = 1e-6  # of the swing: samples that differ by rounding only


@dataclass(frozen=True)
class Levels:
    """Scalars; `held` is how many samples the less frequent of the two states has."""

    low: Tensor
    high: Tensor
    lowest: Tensor
    highest: Tensor
    held: Tensor


def state_levels(x: Tensor) -> Levels:
    """Low and high state of a waveform [n]: the histogram's mode below and above its middle.

    A bin is 1/256 of the waveform's range, too coarse for a level; so the level is the mean of the
    samples in the mode and the bins beside it, without outliers.

    Source: IEEE 181's histogram method, as in general descriptions of it; the standard wasn't read.
    """
    lowest, highest = x.min(), x.max()
    swing = highest - lowest
    scaled = (x - lowest) / (swing > 0).where(swing, 1.0) * BINS
    bins = scaled.cast(dtypes.int32).clip(0, BINS - 1).contiguous()
    halves = count_codes(bins, BINS).reshape(2, BINS // 2)
    mode = halves.argmax(1) + Tensor([0, BINS // 2], dtype=dtypes.int32, device=x.device)
    mode = mode.reshape(2, 1).contiguous()
    member = (bins >= mode - NEAR) & (bins <= mode + NEAR)  # [2, n]
    # about a point near the level, so that sums keep their digits
    middle = (lowest + (mode.cast(dtypes.float32) + 0.5) * (swing / BINS)).contiguous()
    offset, spread = _mean_and_spread(x - middle, member)
    for _ in range(ROUNDS):
        near = (x - middle - offset).abs() <= WITHIN * spread + EXACT * swing
        offset, spread = _mean_and_spread(x - middle, near)
    level = (middle + offset).reshape(2).contiguous()
    held = member.cast(dtypes.float32).sum(1).min()
    return Levels(level[0], level[1], lowest, highest, held)


def _mean_and_spread(x: Tensor, member: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the members of each row, [2, 1]."""
    count = member.cast(dtypes.float32).sum(1, keepdim=True).maximum(1.0)
    mean = (member.where(x, 0.0).sum(1, keepdim=True) / count).contiguous()
    away = member.where(x - mean, 0.0)
    return mean, ((away * away).sum(1, keepdim=True) / count).sqrt().contiguous()


def rises_through(x: Tensor, level: Tensor) -> Tensor:
    """[n] of bool: the waveform comes from below the level to it between sample i and i + 1."""
    after = x[1:].cat(x[-1:])
    return (x < level) & (after >= level)


def falls_through(x: Tensor, level: Tensor) -> Tensor:
    after = x[1:].cat(x[-1:])
    return (x >= level) & (after < level)


def first(where: Tensor, index: Tensor) -> Tensor:
    """Smallest index where it holds, or -1; int32."""
    n = index.shape[0]
    found = where.where(n - index, 0).max()
    return (found > 0).where(n - found, -1).contiguous()


def last(where: Tensor, index: Tensor) -> Tensor:
    """Largest index where it holds, or -1."""
    return where.where(index, -1).max().contiguous()
