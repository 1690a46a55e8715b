"""Small meters for the tests of the pipeline."""

from dataclasses import replace

import numpy as np
from tinygrad import Tensor

from labs.electrical.blocks import Block, Channel
from labs.electrical.meters import Kind, Parameter, Setting, Window
from labs.electrical.readings import Reading


class Square:
    """Mean square and largest sample of each window: fixed windows."""

    parameters = 0

    def __init__(self, setting: Setting, window: int = 256, hop: int | None = None, raw=False):
        self.setting, self.window, self.hop, self.raw = setting, window, hop or window, raw
        self.next = 0

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        return Tensor.stack((x * x).mean(-1), x.max(-1))

    def due(self, end: int) -> Window | None:
        return Window(self.next, self.window) if self.next + self.window <= end else None

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        self.next += self.hop
        return [
            reading(self.setting, "square", q, float(v), window)
            for q, v in zip(("mean_square", "max"), outputs[:, 0], strict=True)
        ]

    def finish(self) -> list[Reading]:
        return []


class Following(Square):
    """Synchronised: where the next window begins depends on what was read in the last one."""

    parameters = 2

    def __init__(self, setting: Setting, window: int = 200) -> None:
        super().__init__(setting, window)
        self.hop = None
        self.gain = 1.0

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        return (x * parameters[0] + parameters[1]).max(-1)

    def due(self, end: int) -> Window | None:
        found = super().due(end)
        return found and replace(found, parameters=(self.gain, 0.25))

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        value = float(outputs[0])
        self.next += 150 + (int(abs(value) * 7) % 90 if window.valid else 0)
        self.gain = 1.0 + (int(abs(value)) % 3 if window.valid else 0)
        return [reading(self.setting, "following", "max", value, window)]


def reading(setting: Setting, kind: str, quantity: str, value: float, window: Window) -> Reading:
    fs, channel = setting.fs_hz, "+".join(c.name for c in setting.channels)
    return Reading(
        kind, quantity, channel, value if window.valid else float("nan"), "V", window.index,
        window.count, window.index / fs, (window.index + window.count) / fs, window.valid,
        window.reason,
    )  # fmt: skip


def setting(*channels: Channel, fs_hz: float = 10_000.0) -> Setting:
    return Setting(fs_hz, channels or (Channel("u", "V"),))


PARAMETERS = {name: Parameter(0, "", "for tests") for name in ("window", "hop", "raw")}
SQUARE = Kind("square", "for tests", ("*",), {"mean_square": "=", "max": "="}, Square, PARAMETERS)


FOLLOWING = Kind("following", "for tests", ("*",), {"max": "="}, Following)


VOLTAGE = (Channel("u", "V"),)


class ListSource:
    """Blocks that are given, whatever they are; or what a function yields."""

    def __init__(self, blocks, channels=VOLTAGE, fs_hz=10_000.0, dtype="float32"):
        self.name, self.channels, self.fs_hz = "list", tuple(channels), fs_hz
        self.start, self.notes, self.dtype = None, (), dtype
        self._blocks, self.closed = blocks, False

    def blocks(self, length: int = 65536):
        yield from self._blocks() if callable(self._blocks) else self._blocks

    def close(self) -> None:
        self.closed = True


def cut(samples: np.ndarray, *sizes: int, fs_hz: float = 10_000.0) -> list[Block]:
    """[channel, n] as blocks of these sizes, over and over."""
    blocks, at, number = [], 0, 0
    while at < samples.shape[1]:
        size = sizes[number % len(sizes)]
        blocks.append(Block(at, at / fs_hz, fs_hz, samples[:, at : at + size]))
        at, number = at + size, number + 1
    return blocks


def sine(count: int, hz: float = 50.0, fs_hz: float = 10_000.0, peak: float = 325.0) -> np.ndarray:
    """[1, count] of float32."""
    t = np.arange(count) / fs_hz
    return (peak * np.sin(2 * np.pi * hz * t)).astype(np.float32)[None]
