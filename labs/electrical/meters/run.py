"""A meter on samples that are all there: for tests, notebooks, and looking at one measurement.

The stream's pipeline does the same block by block; what a meter answers is the same there and here.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tinygrad import Device, Tensor, TinyJit

from labs.electrical.meters import kind
from labs.electrical.meters.meter import Kind, Meter, Setting, Window
from labs.electrical.readings import Reading
from labs.errors import LabError

BLOCK = 1 << 20  # samples that a window may end in before readings are asked for again


def run_meter(
    kind_or_name: Kind | str,
    samples: np.ndarray | Sequence[float],
    setting: Setting,
    device: str | None = None,
    valid: np.ndarray | None = None,
    block: int = BLOCK,
    **parameters: object,
) -> list[Reading]:
    """All readings of a record, in order.

    Args:
        kind_or_name: "harmonics", or a Kind.
        samples: [channel, n] or [n] of one channel; float in the channels' units, or integer counts
            that the channels' scale and offset explain.
        device: a tinygrad device; None: the default.
        valid: [channel, n] or [n] of bool, False where a sample can't be trusted. NaN never can.
        block: how many samples the meter is told of at a time; no answer depends on it.
        parameters: of the kind.

    Raises:
        LabError: no such kind, or samples of another number of channels than the setting's.
    """
    chosen = kind(kind_or_name) if isinstance(kind_or_name, str) else kind_or_name
    meter = chosen.make(setting, **parameters)
    x = _in_units(np.atleast_2d(np.asarray(samples)), setting, meter.raw)
    trusted = np.isfinite(x)
    if valid is not None:
        trusted &= np.atleast_2d(np.asarray(valid, bool))
    x = np.where(trusted, x, np.float32(0))
    launch = _Launch(meter, len(setting.channels), device or Device.DEFAULT)
    readings, end = [], 0
    while end < x.shape[1]:
        end = min(end + block, x.shape[1])
        while (window := meter.due(end)) is not None:
            here = slice(window.index, window.index + window.count)
            if not trusted[:, here].all():
                window = replace(window, valid=False, reason="invalid or NaN samples")
                readings += meter.read(launch.blank, window)
            else:
                readings += meter.read(launch(x[:, here], window), window)
    return readings + meter.finish()


class _Launch:
    """The meter's step, compiled once; `blank` is what an invalid window has as outputs."""

    def __init__(self, meter: Meter, channels: int, device: str) -> None:
        self.device, self.step = device, TinyJit(lambda *inputs: meter.step(*inputs).realize())
        self.numbers = meter.parameters
        x = Tensor.empty(channels, meter.window, device=device)
        p = Tensor.empty(meter.parameters, device=device) if meter.parameters else None
        self.blank = np.full(meter.step(x, p).shape, np.nan, np.float32)

    def __call__(self, x: np.ndarray, window: Window) -> np.ndarray:
        told = np.array(window.parameters, np.float32)
        inputs = [Tensor(np.ascontiguousarray(x), device=self.device).realize()]
        inputs += [Tensor(told, device=self.device).realize()] if self.numbers else []
        if not self.numbers:
            return self.step(inputs[0], None).numpy()
        return self.step(*inputs).numpy()


def _in_units(samples: np.ndarray, setting: Setting, raw: bool) -> np.ndarray:
    if len(samples) != len(setting.channels):
        raise LabError(
            "run a meter on samples",
            expected=f"{len(setting.channels)} channels, as the setting has",
            got=f"{len(samples)}",
            next_step="give samples as [channel, n]",
        )
    if samples.dtype.kind == "f" or raw:
        return samples.astype(np.float32)
    scale = np.array([c.scale for c in setting.channels])[:, None]
    offset = np.array([c.offset for c in setting.channels])[:, None]
    return (samples * scale + offset).astype(np.float32)
