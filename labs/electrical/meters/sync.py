"""Follows the fundamental: where cycles start, and how long they are, from phases alone.

A window that is cut into cycles of an assumed length has a fundamental whose phase stays the same
from cycle to cycle if the length is right. How it turns says what the length should be; what it is
says how far the cycles' starts are from a zero crossing. Harmonics and DC drop out of a cycle's
phasor, which is what makes these zero crossings robust: they are the fundamental's, not the
waveform's.
"""

from dataclasses import dataclass

import numpy as np

LEAST_MAGNITUDE = 0.1  # phasors below this part of the window's largest say nothing about phase
SCATTER = 0.3  # radians (RMS) about the line: more is no steady fundamental
FEWEST = 3  # phasors that a line is fitted through
MOST_TURN = 0.2  # of a cycle per cycle: beyond it the assumed length means nothing


@dataclass(frozen=True)
class Fit:
    """What the phases of a window say.

    Attributes:
        turn: how many cycles too many or too few there are in one assumed cycle: the true
            frequency is the assumed one times (1 + turn).
        offset: from the window's first assumed start to the nearest zero crossing, in cycles,
            within +-1/4. Rising or falling: half cycles begin at both.
        magnitude: of the fundamental, median over the window; peak, in the channel's unit.
    """

    turn: float
    offset: float
    magnitude: float


def fit(halves: np.ndarray) -> Fit | None:
    """The line through the phases of a window; None when there is no steady fundamental.

    A few phasors that an event has spoilt don't move the line: slope and offset are medians first,
    then least squares through what lies near.

    Args:
        halves: complex [2 cycles]; the sum of x[m] exp(-2 pi j m / points) * 2 / points over each
            half cycle, m counted from the start of its cycle.
    """
    phasors = halves[:-1] + halves[1:]  # a whole cycle at each half: even harmonics and DC drop out
    magnitude = np.abs(phasors)
    largest = magnitude.max()
    if not np.isfinite(largest) or largest == 0:
        return None
    kept = magnitude > LEAST_MAGNITUDE * largest
    at = np.arange(len(phasors)) / 2  # cycles
    steps = np.angle(phasors[1:] * phasors[:-1].conj())[kept[1:] & kept[:-1]] * 2
    if len(steps) < FEWEST:
        return None
    slope = np.median(steps)
    straight = phasors * np.exp(-1j * slope * at)
    middle = np.angle(_median_direction(straight[kept]))
    rest = np.angle(straight * np.exp(-1j * middle))
    spread = 1.4826 * np.median(np.abs(rest[kept]))
    near = kept & (np.abs(rest) <= 3 * spread + 1e-6)
    if near.sum() < max(FEWEST, len(at) // 3):
        return None
    weights = magnitude[near]
    more, shift = np.polyfit(at[near], rest[near], 1, w=weights)
    scatter = np.sqrt(np.average((rest[near] - shift - more * at[near]) ** 2, weights=weights**2))
    turn = (slope + more) / (2 * np.pi)
    if scatter > SCATTER or abs(turn) > MOST_TURN:
        return None
    # the phasor of sin at its zero crossing is -j; a crossing lies where phase + 90 deg = k 180 deg
    # (a cycle's phasor has the phase of its middle: half a turn is taken off again)
    phase = middle + shift - np.pi * turn + np.pi / 2
    ahead = (-phase / np.pi + 0.5) % 1 - 0.5  # half cycles to the nearest crossing
    return Fit(float(turn), float(ahead / 2 / (1 + turn)), float(np.median(magnitude[near])))


def _median_direction(phasors: np.ndarray) -> complex:
    unit = phasors / np.abs(phasors)
    return complex(np.median(unit.real), np.median(unit.imag))
