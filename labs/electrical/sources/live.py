"""Faults of a live source, to order: when samples come, not what they are."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LiveFault:
    """Changes when samples come. Times are the source's own, from its first sample."""

    def due_s(self, t_s: float) -> float:
        """When what was taken at `t_s` comes."""
        return t_s


@dataclass(frozen=True)
class Stop(LiveFault):
    """From `at_s` on nothing comes, and no end either: a cable that is pulled."""

    at_s: float

    def due_s(self, t_s: float) -> float:
        return math.inf if t_s > self.at_s else t_s


@dataclass(frozen=True)
class Flood(LiveFault):
    """From `start_s` for `duration_s` samples come `speed` times as fast as they should."""

    start_s: float
    duration_s: float
    speed: float = 10.0

    def due_s(self, t_s: float) -> float:
        inside = min(max(t_s - self.start_s, 0.0), self.duration_s)
        return t_s - inside + inside / self.speed


@dataclass(frozen=True)
class Bursts(LiveFault):
    """Nothing comes for `every_s`, and then all of it at once, as over a bus that is polled."""

    every_s: float

    def due_s(self, t_s: float) -> float:
        return math.ceil(t_s / self.every_s - 1e-9) * self.every_s


@dataclass(frozen=True)
class Jitter(LiveFault):
    """Each block comes later by a random time, |N(0, std_s^2)|, the same for a seed."""

    std_s: float
    seed: int = 0

    def due_s(self, t_s: float) -> float:
        key = [self.seed, max(0, round(t_s * 1e9))]
        return t_s + self.std_s * abs(float(np.random.default_rng(key).standard_normal()))


@dataclass(frozen=True)
class RateChange(LiveFault):
    """From `at_s` on the sample clock runs `factor` times as fast.

    `is_announced`: the blocks' `fs_hz` says so. Else nothing but their pace does.
    """

    at_s: float
    factor: float = 2.0
    is_announced: bool = True

    def due_s(self, t_s: float) -> float:
        return min(t_s, self.at_s) + max(t_s - self.at_s, 0.0) / self.factor
