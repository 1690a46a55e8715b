"""What is to be measured on a stream, from any of the forms a person may give it in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labs.electrical.blocks import Channel, Source
from labs.electrical.meters import Kind, Meter, Setting, kind
from labs.electrical.stream.tasks import Task
from labs.errors import LabError


@dataclass(frozen=True)
class Signal:
    """One measurement: a kind of meter on channels, by name."""

    kind: Kind
    channels: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind.name} of {'+'.join(self.channels)}"

    @property
    def key(self) -> tuple:
        """Equal for measurements that one meter can do."""
        return self.kind.name, self.channels, repr(sorted(self.parameters.items()))


@dataclass(frozen=True)
class Signals:
    """All measurements of a stream, with what they know of the supply.

    `specification` is the limit specification that they come from, or None.
    """

    items: tuple[Signal, ...]
    nominal_hz: float | None = None
    nominal_v: float | None = None
    specification: Any = None

    def adapt(self, source: Source) -> Source:
        """The source as the specification names and scales its channels; itself without one."""
        adapt = getattr(self.specification, "adapt", None)
        return source if adapt is None else adapt(source)

    def adapt_channels(
        self, channels: tuple[Channel, ...], dtype: str | None = None
    ) -> tuple[Channel, ...]:
        adapt = getattr(self.specification, "adapt_channels", None)
        return tuple(channels) if adapt is None else adapt(channels, dtype)


def read_signals(
    specs: Any, nominal_hz: float | None = None, nominal_v: float | None = None
) -> Signals:
    """The measurements that are asked for, each once.

    Args:
        specs: a Specification, the path of a limit file, or (kind, channels, parameters) for each
            measurement; the kind by name or itself, channels as a name or several.

    Raises:
        LabError: it is none of these, or asks for nothing.
    """
    if isinstance(specs, str | Path):
        from labs.electrical.limits import load_limits

        specs = load_limits(specs)
    if hasattr(specs, "requirements"):
        listed = [_required(r) for r in specs.requirements]
        hz, volts = specs.nominal_hz, specs.nominal_v
        specification = specs
    elif isinstance(specs, Iterable):
        listed, specification = [_listed(s) for s in specs], None
        hz = volts = None
    else:
        raise _not_understood(specs)
    once = {s.key: s for s in listed}
    if not once:
        raise LabError(
            "prepare a stream",
            expected="at least one measurement",
            got="none",
            next_step="add a requirement to the limit file, or (kind, channels) to the list",
        )
    return Signals(tuple(once.values()), nominal_hz or hz, nominal_v or volts, specification)


def tasks_of(
    signals: Signals, channels: tuple[Channel, ...], fs_hz: float
) -> tuple[tuple[Task, ...], tuple[Channel, ...], tuple[Callable[[], Meter], ...]]:
    """Meters for a stream; the channels that they need, in the stream's order; how to make each
    meter anew.

    Raises:
        LabError: a channel that the stream doesn't have.
    """
    named = {c.name: c for c in channels}
    wanted = {name for s in signals.items for name in s.channels}
    missing = sorted(wanted - named.keys())
    if missing:
        raise LabError(
            f"measure on {', '.join(missing)}",
            expected=f"channels of the stream: {', '.join(named)}",
            got="no such channel",
            next_step="correct the name in the specification, or name the source's channels so",
        )
    kept = tuple(c for c in channels if c.name in wanted)
    rows = {c.name: i for i, c in enumerate(kept)}
    tasks, makers = [], []
    for signal in signals.items:
        own = tuple(named[n] for n in signal.channels)
        setting = Setting(fs_hz, own, signals.nominal_hz, signals.nominal_v)
        makers.append(_maker(signal, setting))
        where = tuple(rows[c.name] for c in own)
        tasks.append(Task(signal.name, signal.kind.name, own, where, makers[-1]()))
    return tuple(tasks), kept, tuple(makers)


def _maker(signal: Signal, setting: Setting) -> Callable[[], Meter]:
    return lambda: signal.kind.make(setting, **signal.parameters)


def _required(requirement: Any) -> Signal:
    channels, parameters = tuple(requirement.channels), dict(requirement.parameters)
    return Signal(kind(requirement.kind), channels, parameters)


def _listed(spec: Any) -> Signal:
    if not isinstance(spec, tuple | list) or not 2 <= len(spec) <= 3:
        raise _not_understood(spec)
    what, channels, parameters = (*spec, {})[:3]
    names = (channels,) if isinstance(channels, str) else tuple(channels)
    signal = Signal(kind(what) if isinstance(what, str) else what, names, dict(parameters))
    unknown = sorted(signal.parameters.keys() - signal.kind.parameters.keys())
    if unknown or len(names) != len(signal.kind.roles):
        known = ", ".join(signal.kind.parameters) or "none"
        raise LabError(
            f"measure {signal.name}",
            expected=f"{len(signal.kind.roles)} channels ({', '.join(signal.kind.roles)}) and "
            f"parameters of {signal.kind.name}: {known}",
            got=f"{len(names)} channels" + (f" and {', '.join(unknown)}" if unknown else ""),
            next_step="correct the list",
        )
    return signal


def _not_understood(specs: Any) -> LabError:
    return LabError(
        "prepare a stream",
        expected="a Specification, the path of a limit file, or a list of (kind, channels, "
        "parameters)",
        got=f"{type(specs).__name__}: {specs!r:.80}",
        next_step="labs.electrical.limits.load_limits(path) gives a Specification",
    )
