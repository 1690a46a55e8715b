"""Steps in float64, and how a window is given to a meter without a stream."""

import numpy as np
from tinygrad import Tensor

from labs.electrical.blocks import Channel
from labs.electrical.meters import Setting, Window, kind

FS_HZ = 10_000.0


def one(fs_hz=FS_HZ, unit="V", **channel):
    return Setting(fs_hz, (Channel("u", unit, **channel),))


def step(n, at, tau):
    """0 before `at`, then one pole towards 1; all in samples."""
    t = np.maximum(np.arange(n) - at, 0)
    return np.where(np.arange(n) < at, 0.0, 1 - np.exp(-t / tau))


def ringing_step(n, at, damping, w):
    """Second order: 0 before `at`, then towards 1 with overshoot."""
    t, root = np.maximum(np.arange(n) - at, 0), np.sqrt(1 - damping**2)
    wave = np.cos(w * root * t) + damping / root * np.sin(w * root * t)
    return np.where(np.arange(n) < at, 0.0, 1 - np.exp(-damping * w * t) * wave)


def by_name(readings):
    return {r.quantity: r for r in readings}


def measured(kind_name, x, setting, device="ELECTRICAL", **parameters):
    """Readings of one window as the meter's kernel sees it, NaN and all."""
    meter = kind(kind_name).make(setting, **parameters)
    samples = Tensor(np.asarray(x, np.float32)[None], device=device)
    return by_name(meter.read(meter.step(samples, None).numpy(), Window(0, meter.window)))
