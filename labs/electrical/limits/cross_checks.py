"""What holds between the measurements of a limit file: references, and meters that are shared."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labs.electrical.limits.quantities import split_prefix
from labs.electrical.limits.refusal import unknown, wrong
from labs.electrical.limits.specification import Limit, Reference, Requirement
from labs.electrical.limits.text import Text
from labs.electrical.meters import kind


@dataclass(frozen=True)
class Placed:
    """A requirement with its place in the file."""

    path: tuple[str | int, ...]
    requirement: Requirement


@dataclass(frozen=True)
class _Edge:
    """A limit that refers to others."""

    path: tuple[str | int, ...]
    words: str
    to: tuple[tuple[str, int], ...]  # limits, by requirement and position


def target_of(
    requirements: Sequence[Requirement], asking: Requirement, reference: Reference
) -> Requirement | None:
    """Whose value a reference means: of the same channels if there are several; None: of no one."""
    named = [r for r in requirements if r.name == reference.requirement]
    if len(named) == 1:
        return named[0]
    return next((r for r in named if r.channels == asking.channels), None)


def check_together(text: Text, placed: Sequence[Placed], units: Mapping[str, str]) -> None:
    """Raises: LabError: requirements that can't be in one file, with the line.

    Args:
        units: of channels, by name, as far as the file says them.
    """
    _check_meters(text, placed)
    edges: dict[tuple[str, int], _Edge] = {}
    requirements = [p.requirement for p in placed]
    for p in placed:
        for i, limit in enumerate(p.requirement.limits):
            to: list[tuple[str, int]] = []
            for key, bound in (("lower", limit.lower), ("upper", limit.upper)):
                if isinstance(bound, Reference):
                    path = (*p.path, "limits", i, key)
                    target = _check_reference(text, path, requirements, p.requirement, bound)
                    _check_unit(text, path, limit, bound, target, units)
                    covered = (n for n, x in enumerate(target.limits) if x.covers(bound.quantity))
                    to += [(target.name, n) for n in covered]
            words = f"{p.requirement.name}.{limit.quantity}"
            edges[p.requirement.name, i] = _Edge((*p.path, "limits", i), words, tuple(to))
    _check_circles(text, edges)


def _check_meters(text: Text, placed: Sequence[Placed]) -> None:
    """Readings carry their kind and channel: two meters of one kind there can't be told apart."""
    known: dict[tuple[str, tuple[str, ...]], Placed] = {}
    for p in placed:
        r = p.requirement
        other = known.setdefault((r.kind, r.channels), p).requirement
        if dict(other.parameters) != dict(r.parameters):
            raise wrong(
                text.where(p.path),
                f"one set of parameters for {r.kind} on {r.channel}",
                f"others than those of '{other.name}'",
                "give both the same parameters, or put one into a file of its own",
            )


def _check_reference(
    text: Text,
    path: tuple,
    requirements: Sequence[Requirement],
    asking: Requirement,
    reference: Reference,
) -> Requirement:
    here = text.where((*path, "of"))
    names = list(dict.fromkeys(r.name for r in requirements))
    if reference.requirement not in names:
        raise unknown(here, "a measurement of this file", reference.requirement, names)
    target = target_of(requirements, asking, reference)
    if target is None:
        raise wrong(
            here,
            "a measurement on one channel, or on the same channels",
            f"'{reference.requirement}', which is on several others than {asking.channel}",
            "name another measurement",
        )
    known = kind(target.kind).quantities
    stem = re.sub(r"[1-9][0-9]?$", "#", reference.quantity)
    is_one = reference.quantity in known and not reference.quantity.endswith("#")
    if not is_one and (stem == reference.quantity or stem not in known):
        raise unknown(here, f"a quantity of {target.kind}", reference.quantity, known)
    return target


def _check_unit(
    text: Text,
    path: tuple,
    limit: Limit,
    reference: Reference,
    target: Requirement,
    units: Mapping[str, str],
) -> None:
    known = kind(target.kind).quantities
    unit = known.get(reference.quantity)
    unit = unit or known[re.sub(r"[0-9]+$", "#", reference.quantity)]
    if unit == "=":  # the channel's, if the file says it there or in another limit
        named = (x.unit for x in target.limits if x.unit and known.get(x.quantity) == "=")
        unit = split_prefix(units.get(target.channels[0], ""))[0] or next(named, "")
    if unit and limit.unit and unit != limit.unit:
        raise wrong(text.where((*path, "of")), f"a quantity in {limit.unit}, as the limit is",
                    f"{reference} in {unit}", "name another quantity")  # fmt: skip


def _check_circles(text: Text, edges: Mapping[tuple[str, int], _Edge]) -> None:
    left = dict(edges)
    while done := [k for k, edge in left.items() if not any(t in left for t in edge.to)]:
        for key in done:
            del left[key]
    if not left:
        return
    walked: list[tuple[str, int]] = [next(iter(left))]
    while (following := _next(left, walked[-1])) not in walked:
        walked.append(following)
    circle = walked[walked.index(following) :]
    words = " -> ".join(edges[k].words for k in (*circle, circle[0]))
    raise wrong(text.where(edges[circle[0]].path), "limits that don't refer to each other in a "
                "circle", words, "give one of them a number")  # fmt: skip


def _next(left: Mapping[tuple[str, int], _Edge], key: tuple[str, int]) -> tuple[str, int]:
    targets: Iterable[tuple[str, int]] = left[key].to
    return next(t for t in targets if t in left)
