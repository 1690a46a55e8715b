"""Limit files: YAML with a published schema, checked against what the meters can measure.

    name: Bench supply
    supply: {nominal_hz: 50, nominal_v: 230 V}
    channels:
      VA: u1                               # its name in the record: its name here
      CH2: {alias: i1, unit: A, scale: 10} # a current clamp of 10 A/V
    measurements:
      - name: voltage
        measure: urms_half
        channels: u1            # of several, each by itself; `together: true` for a polyphase event
        limits:
          - {quantity: urms, lower: 207 V, upper: 253 V, marginal: 2 V, hysteresis: 1 V}

The schema is `schema.json` beside this file. Whatever is wrong is said with its line.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from labs.electrical.limits.cross_checks import Placed, check_together
from labs.electrical.limits.items import read_limit, read_number
from labs.electrical.limits.parameters import read_parameters
from labs.electrical.limits.published import check_schema
from labs.electrical.limits.quantities import UNITS, split_prefix
from labs.electrical.limits.refusal import unknown, wrong
from labs.electrical.limits.specification import (
    ChannelRule,
    Limit,
    Requirement,
    Specification,
)
from labs.electrical.limits.text import MOST_BYTES, Text, read_text
from labs.electrical.meters import Kind, kind

# Their readings of several channels can be one event; every other meter has channels by role.
POLYPHASE = ("voltage_events",)


def load_limits(path_or_text: str | Path) -> Specification:
    """Read a limit file, or its text: what has more than one line is text.

    Raises:
        LabError: it can't be read, or something in it is wrong; the message has the line.
    """
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        return parse_limits(path_or_text)
    path = Path(path_or_text)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise wrong(str(path), f"at most {MOST_BYTES:,} bytes", "more", "split the file")
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            where = f"{path}, byte {error.start}"
            raise wrong(where, "UTF-8 text", "another encoding", "save it as UTF-8") from error
        said = getattr(error, "strerror", None) or str(error)  # ValueError: a NUL in the path
        raise wrong(str(path), "a limit file", said, "check the path") from error
    return parse_limits(text, path.name, path)


def parse_limits(text: str, name: str = "limits", path: Path | None = None) -> Specification:
    """The same from text."""
    found = read_text(text, name)
    check_schema(found)
    data = found.data
    supply = _supply(found, data.get("supply", {}))
    rules = _channels(found, data.get("channels", {}))
    placed: list[Placed] = []
    names: set[str] = set()
    for i, item in enumerate(data["measurements"]):
        here = ("measurements", i)
        if item["name"] in names:
            raise wrong(found.where((*here, "name")), "a name of its own for each measurement",
                        f"'{item['name']}' again", "rename one of them")  # fmt: skip
        names.add(item["name"])
        placed += [Placed(here, r) for r in _requirements(found, here, item, supply, rules)]
    check_together(found, placed, {r.name: r.unit for r in rules})
    requirements = tuple(p.requirement for p in placed)
    specification = Specification(
        data["name"], requirements, supply.get("nominal_hz"), supply.get("nominal_v"), "",
        data.get("about", ""), path, rules,
    )  # fmt: skip
    return replace(specification, config_hash=_hash(specification))


def _hash(specification: Specification) -> str:
    """Of what it means: units, layout, comments and `about` don't count."""
    content = asdict(specification)
    for key in ("config_hash", "about", "path"):
        del content[key]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _supply(text: Text, given: dict[str, Any]) -> dict[str, float]:
    found = {}
    for key, unit in (("nominal_hz", "Hz"), ("nominal_v", "V")):
        if key in given:
            found[key] = read_number(text, ("supply", key), given[key], unit)
            if found[key] <= 0:
                raise wrong(text.where(("supply", key)), f"a value above 0 {unit}", given[key])
    return found


def _channels(text: Text, given: dict[str, Any]) -> tuple[ChannelRule, ...]:
    rules: list[ChannelRule] = []
    for record, said in given.items():
        here, said = ("channels", record), {"alias": said} if isinstance(said, str) else said
        name, unit, scale = said.get("alias", record), said.get("unit", ""), said.get("scale", 1.0)
        if unit and split_prefix(unit)[0] not in UNITS:
            raise unknown(text.where((*here, "unit")), "a unit, with a prefix or without", unit,
                          UNITS)  # fmt: skip
        scale = read_number(text, (*here, "scale"), scale, "1")
        if scale == 0:
            raise wrong(text.where((*here, "scale")), "a factor other than 0", "0")
        if name in {r.name for r in rules}:
            raise wrong(text.where(here), "a name of its own for each channel", f"'{name}' again",
                        "rename one of them")  # fmt: skip
        rules.append(ChannelRule(record, name, unit, float(scale)))
    return tuple(rules)


def _requirements(
    text: Text,
    path: tuple,
    item: dict[str, Any],
    supply: dict[str, float],
    rules: tuple[ChannelRule, ...],
) -> list[Requirement]:
    what = kind(item["measure"])
    for need in what.needs:
        if need not in supply:
            raise wrong(text.where(path), f"supply.{need}, which {what.name} needs", "none",
                        f"add supply: {{{need}: ...}}")  # fmt: skip
    sets = _channel_sets(text, path, item, what)
    for channels in sets:
        _check_channels(text, path, channels, what, rules)
    parameters = read_parameters(text, (*path, "parameters"), item, what)
    limits = tuple(
        read_limit(text, (*path, "limits", i), limit, what, parameters)
        for i, limit in enumerate(item["limits"])
    )
    for channels in sets:
        _check_limit_units(text, path, channels[0], limits, rules, what.quantities)
    return [Requirement(item["name"], what.name, s, limits, parameters) for s in sets]


def _channel_sets(
    text: Text, path: tuple, item: dict[str, Any], what: Kind
) -> list[tuple[str, ...]]:
    """The channels of each meter: by roles, or all together."""
    given = item["channels"]
    channels = (given,) if isinstance(given, str) else tuple(given)
    where = text.where((*path, "channels"))
    if len(set(channels)) < len(channels):
        raise wrong(where, "each channel once", ", ".join(channels))
    count = len(what.roles)
    if item.get("together", False):
        if what.name not in POLYPHASE:
            raise wrong(text.where((*path, "together")),
                        f"together only for {', '.join(POLYPHASE)}", what.name,
                        "leave it out")  # fmt: skip
        return [channels]
    if len(channels) % count:
        units = ", ".join("any unit" if r == "*" else r for r in what.roles)
        raise wrong(where, f"{count} channels ({units}), or a multiple", f"{len(channels)}")
    return [channels[i : i + count] for i in range(0, len(channels), count)]


def _check_channels(
    text: Text, path: tuple, channels: tuple[str, ...], what: Kind, rules: tuple[ChannelRule, ...]
) -> None:
    here = text.where((*path, "channels"))
    renamed = {r.record: r.name for r in rules}
    units = {r.name: r.unit for r in rules}
    roles = what.roles if len(what.roles) == len(channels) else what.roles * len(channels)
    for channel, role in zip(channels, roles, strict=True):
        if channel in renamed and channel not in units:
            raise wrong(here, f"'{renamed[channel]}', as `channels` calls it",
                        f"'{channel}'", "use the new name")  # fmt: skip
        unit = split_prefix(units.get(channel, ""))[0]
        if role != "*" and unit not in ("", role):
            raise wrong(here, f"a channel in {role} for {what.name}",
                        f"'{channel}' in {unit}", "choose another channel")  # fmt: skip


def _check_limit_units(
    text: Text,
    path: tuple,
    channel: str,
    limits: tuple[Limit, ...],
    rules: tuple[ChannelRule, ...],
    quantities: Mapping[str, str],
) -> None:
    """Limits of quantities in their channel's unit, where the file says what that is."""
    unit = next((split_prefix(r.unit)[0] for r in rules if r.name == channel), "")
    for i, limit in enumerate(limits):
        follows = quantities.get(limit.quantity) == "="
        if follows and unit and limit.unit not in ("", unit):
            raise wrong(text.where((*path, "limits", i)), f"a channel in {limit.unit}, as the "
                        "limit is", f"'{channel}' in {unit}", "correct one of them")  # fmt: skip
