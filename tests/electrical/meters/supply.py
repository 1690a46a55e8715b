"""A supply with known harmonics and faults, in float64, and what its half cycles measure."""

import numpy as np

from labs.electrical.blocks import Channel
from labs.electrical.meters import Setting

FS_HZ = 12_800.0
RMS_V = 230.0


def setting(channels=1, unit="V", fs_hz=FS_HZ, nominal_hz=50.0, nominal_v=RMS_V):
    named = tuple(Channel("abc"[n], unit) for n in range(channels))
    return Setting(fs_hz, named, nominal_hz, nominal_v)


def sine(frequency_hz, seconds, parts=(), fs_hz=FS_HZ, phase=0.0, rms=RMS_V):
    """A sine of that RMS, with (order, part of the fundamental, phase) added."""
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    angle = 2 * np.pi * frequency_hz * t + phase
    x = np.sin(angle)
    for order, part, more in parts:
        x = x + part * np.sin(order * angle + more)
    return rms * np.sqrt(2) * x


def scaled_halves(x, frequency_hz, changes, fs_hz=FS_HZ):
    """The signal with half cycles [first, last) multiplied by a factor, for each of `changes`."""
    half = np.floor(np.arange(x.shape[-1]) / fs_hz * 2 * frequency_hz + 1e-9)
    y = x.copy()
    for first, last, factor in changes:
        y = np.where((half >= first) & (half < last), y * factor, y)
    return y


def values(readings, quantity, valid=True):
    return np.array([r.value for r in readings if r.quantity == quantity and r.valid is valid])
