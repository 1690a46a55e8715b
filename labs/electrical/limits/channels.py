"""A record's channels as a limit file has them: other names, probe factors, base units.

A channel in mV or kV is brought to V: meters take a channel's numbers for base units.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from labs.electrical.blocks import BLOCK_LENGTH, Block, Channel, Source
from labs.electrical.limits.quantities import split_prefix
from labs.electrical.limits.refusal import listed, nearest, shown
from labs.electrical.limits.specification import ChannelRule, Requirement, Specification
from labs.electrical.meters import kind
from labs.errors import LabError


class AdaptedSource:
    """A source seen through a specification's `channels`. Closing it closes the source."""

    def __init__(self, source: Source, specification: Specification) -> None:
        self.source, self.specification = source, specification
        self.channels = adapted_channels(specification, tuple(source.channels), _dtype(source))
        factors = np.array([_factor(specification, c) for c in source.channels])
        # counts stay as they are: their channel's scale has the factor
        self._factors = None
        if not _is_counts(source.channels, _dtype(source)) and (factors != 1).any():
            self._factors = factors[:, None]
            self.dtype = np.dtype("float32")

    def __getattr__(self, name: str) -> Any:  # length, dtype, ... where the source has them
        if name == "source":
            raise AttributeError(name)
        return getattr(self.source, name)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def fs_hz(self) -> float:
        return self.source.fs_hz

    @property
    def start(self) -> datetime | None:
        return self.source.start

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    def blocks(self, length: int = BLOCK_LENGTH) -> Iterator[Block]:
        if self._factors is None:
            yield from self.source.blocks(length)
            return
        for block in self.source.blocks(length):
            yield replace(block, samples=(block.samples * self._factors).astype(np.float32))

    def close(self) -> None:
        self.source.close()


def adapted_channels(
    specification: Specification, channels: tuple[Channel, ...], dtype: str | None = None
) -> tuple[Channel, ...]:
    """The channels under the specification's names, checked against what it asks of them."""
    _check_names(specification, channels)
    counts = _is_counts(channels, dtype)
    rules = {r.record: r for r in specification.channels}
    found = []
    for channel in channels:
        rule = rules.get(channel.name, ChannelRule(channel.name, channel.name))
        unit = split_prefix(rule.unit or channel.unit)[0]
        factor = _factor(specification, channel)
        changes: dict[str, Any] = {"name": rule.name, "unit": unit}
        if factor != 1:
            changes["offset"] = channel.offset * factor
            if counts:
                changes["scale"] = channel.scale * factor
            elif channel.full_scale is not None:
                changes["full_scale"] = channel.full_scale * abs(factor)
        found.append(replace(channel, **changes))
    _check_units(specification, found)
    return tuple(found)


def _factor(specification: Specification, channel: Channel) -> float:
    rule = next((r for r in specification.channels if r.record == channel.name), None)
    unit = (rule.unit if rule else "") or channel.unit
    return (rule.scale if rule else 1.0) * 10.0 ** split_prefix(unit)[1]


def _dtype(source: Source) -> str | None:
    dtype = getattr(source, "dtype", None)
    return None if dtype is None else str(getattr(dtype, "name", dtype))


def _is_counts(channels: tuple[Channel, ...], dtype: str | None) -> bool:
    """Whether samples are counts that scale and offset explain; as the stream's plan decides."""
    if dtype is not None:
        return "int" in dtype
    return any(c.full_scale or c.scale != 1 or c.offset != 0 for c in channels)


def _check_names(specification: Specification, channels: tuple[Channel, ...]) -> None:
    needed = {c for r in specification.requirements for c in r.channels}
    names = [c.name for c in channels]
    for rule in specification.channels:
        if rule.name in needed and rule.record not in names:
            raise LabError(
                f"measure '{rule.record}' as '{rule.name}' of '{specification.name}'",
                expected=f"a channel of the record: {listed(names)}",
                got=shown(rule.record),
                next_step=nearest(rule.record, names),
            )


def _check_units(specification: Specification, channels: list[Channel]) -> None:
    units = {c.name: c.unit for c in channels}
    for r in specification.requirements:
        for channel, role in zip(r.channels, roles(r), strict=True):
            has = units.get(channel)
            if has is None:  # the stream says that it is missing
                continue
            if role != "*" and has not in ("", role):
                raise _misfit(specification, r, channel, f"a channel in {role}", has)
        has = units.get(r.channels[0])
        quantities = kind(r.kind).quantities
        for limit in r.limits:
            follows = not limit.stem and quantities.get(limit.quantity) == "="
            if follows and has is not None and limit.unit not in ("", has):
                raise _misfit(
                    specification, r, r.channels[0], f"a channel in {limit.unit}, as the limit of "
                    f"{limit.quantity} is", has,
                )  # fmt: skip


def roles(requirement: Requirement) -> tuple[str, ...]:
    """The unit of each channel; a polyphase measurement has one role for all."""
    known = kind(requirement.kind).roles
    return known if len(known) == len(requirement.channels) else known * len(requirement.channels)


def _misfit(
    specification: Specification, requirement: Requirement, channel: str, expected: str, unit: str
) -> LabError:
    return LabError(
        f"measure '{requirement.name}' of '{specification.name}' on {channel}",
        expected=expected,
        got=f"one in {unit}" if unit else "one without a unit",
        next_step=f"choose another channel, or say its unit: channels: {{{channel}: "
        "{unit: ...}}",
    )
