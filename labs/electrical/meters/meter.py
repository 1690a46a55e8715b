"""What a meter is: a measurement, prepared for one stream on one tinygrad device.

The arithmetic is a tinygrad function of fixed shape, so that it can be compiled and bound before
the first sample comes. What is sequential (state machines, tracking a frequency) happens on the
host, on the few numbers that the kernels give. A meter asks for windows of samples by their index
in the stream; how the samples arrive, in which blocks, can't change what it sees.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from tinygrad import Tensor

from labs.electrical.blocks import Channel
from labs.electrical.readings import Reading


@dataclass(frozen=True)
class Setting:
    """What a meter is prepared for.

    `channels` are the meter's own, in the order of its kind's roles. `nominal_hz` and `nominal_v`
    are of the supply (the declared voltage, RMS); None where the specification has none.
    """

    fs_hz: float
    channels: tuple[Channel, ...]
    nominal_hz: float | None = None
    nominal_v: float | None = None


@dataclass(frozen=True)
class Window:
    """Samples [index, index + count) of a meter's channels, with what its kernel is told beside.

    `parameters` are the float32 numbers of this window (where in it a cycle starts, ...); always
    as many as the meter's `parameters`. `valid` and `reason` are the pipeline's: a window that
    touches a gap, an invalid or a clipped sample isn't valid, and its kernel wasn't trusted.
    """

    index: int
    count: int
    parameters: tuple[float, ...] = ()
    valid: bool = True
    reason: str = ""


class Meter(Protocol):
    """Prepared by a kind's `make(setting, **parameters)`.

    Attributes:
        window: samples of each window, the same for every one.
        hop: samples from one window to the next where that is fixed, else None: synchronised
            meters choose the next window from what they measured. Meters of equal window and hop
            are fused by the pipeline.
        parameters: how many numbers each window carries for the kernel; 0 for fixed meters.
        raw: whether `step` wants the samples as the source gives them (counts).
    """

    window: int
    hop: int | None
    parameters: int
    raw: bool

    def step(self, x: Tensor, parameters: Tensor | None) -> Tensor:
        """[channel, window] float32 in the channels' units (or counts, if raw), and [parameters]
        float32 -> outputs of a fixed shape, float32 or int32. Pure: no realize, no numpy."""
        ...

    def due(self, end: int) -> Window | None:
        """The next window, if all its samples come before `end`; else None. The pipeline asks
        again after each `read`."""
        ...

    def read(self, outputs: np.ndarray, window: Window) -> list[Reading]:
        """Called once for each window, in order. For a window that isn't valid it answers with
        readings that aren't, and carries no state over it."""
        ...

    def finish(self) -> list[Reading]:
        """At the end of the stream: events that are still going on."""
        ...


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kind, with the range it may have. `unit` is "" for text."""

    default: Any
    unit: str
    about: str
    lowest: float | None = None
    highest: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of measurement that a specification can ask for.

    `roles` are units of the channels it takes, in order: ("V",), ("V", "A"), ("V", "V", "V");
    ("*",) takes one of any unit. `quantities` are name -> unit ("=" is the channel's unit); a name
    that ends in "#" stands for a numbered family (h#: h1, h2, ...).
    """

    name: str
    about: str
    roles: tuple[str, ...]
    quantities: Mapping[str, str]
    make: Callable[..., Meter]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # of the supply: "nominal_hz", "nominal_v"
