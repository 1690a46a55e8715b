"""The rows of a verdict, as reports need them: by requirement, the worst first, in words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labs.units import format_count, format_quantity, format_seconds

# the worst first: a failure is known to be one, whatever else couldn't be measured
ORDER = ("FAIL", "INVALID", "MARGINAL", "PASS")
DIGITS = 5
TINY = 1e-4  # below, a number is written with its power of ten
MOST_SHOWN = 20


@dataclass(frozen=True)
class Judged:
    """One limit of a requirement on one channel, and all rows that it was judged by.

    Attributes:
        name, quantity, channel: of the requirement, what of it, and where.
        status: the worst of its rows.
        rows: in order of time.
        worst: the row with that status and the smallest margin.
    """

    name: str
    quantity: str
    channel: str
    status: str
    rows: tuple[Any, ...]
    worst: Any

    @property
    def title(self) -> str:
        """Words that no other has: "distortion thds on u1"."""
        return title_of(self)


def status_of(item: Any) -> str:
    """ "PASS", "MARGINAL", "FAIL" or "INVALID" of a row or a verdict, whether text or an enum."""
    return str(getattr(item.status, "value", item.status))


def by_requirement(rows: Iterable[Any], names: Iterable[str] = ()) -> tuple[Judged, ...]:
    """Rows under their requirements.

    Args:
        rows: of a verdict.
        names: of the specification's requirements, in its order.
    """
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in sorted(rows, key=lambda r: place.get(r.name, len(place))):
        groups.setdefault((row.name, row.channel, row.quantity), []).append(row)
    return tuple(_judged(found) for found in groups.values())


def offending(rows: Iterable[Any], most: int = MOST_SHOWN) -> tuple[Any, ...]:
    """The rows that a person wants to see: failures, then what is invalid, then what is marginal.

    Each requirement has its turn: the first violation of every one comes before the second of any,
    so that one that fails all the time doesn't hide the others.
    """
    ranked = []
    turns: dict[tuple, int] = {}
    for row in sorted(rows, key=_when):
        status = status_of(row)
        if status == "PASS":
            continue
        key = (row.name, row.channel, row.quantity, status)
        turn = turns[key] = turns.get(key, -1) + 1
        ranked.append((ORDER.index(status), turn, len(ranked), row))
    chosen = sorted(ranked, key=lambda r: r[:3])[:most]
    return tuple(r[3] for r in chosen)


def normalised_margin(row: Any) -> float | None:
    """The margin as a part of what is allowed: 0 on the limit, 1 in the middle, negative outside.

    Of half the distance between two limits; with one limit, of the limit's own size. None where
    there is no margin, or the only limit is 0.
    """
    if not is_number(row.margin):
        return None
    lower, upper = (x if is_number(x) else None for x in (row.lower, row.upper))
    if lower is not None and upper is not None:
        scale = (upper - lower) / 2
    else:
        scale = abs(next((x for x in (lower, upper) if x is not None), 0.0))
    return row.margin / scale if scale > 0 else None


def title_of(item: Any) -> str:
    """A row's or a limit's requirement, quantity and channel in words."""
    what = item.name if item.quantity in ("", item.name) else f"{item.name} {item.quantity}"
    return f"{what} on {item.channel}" if item.channel else what


def is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def value_text(row: Any) -> str:
    return quantity_text(row.value, row.unit)


def quantity_text(value: Any, unit: str) -> str:
    """A value with its unit; ratios and counts, whose unit is 1, without."""
    words = "" if unit == "1" else unit
    if is_number(value) and 0 < abs(value) < TINY:
        return f"{value:.3g} {words}".rstrip()
    return format_quantity(value, words, DIGITS)


def limits_text(row: Any) -> str:
    """What is allowed, in words: "207 to 253 V", "at most 8 %", "at least 49.5 Hz"."""
    unit = "" if row.unit == "1" else row.unit
    if is_number(row.lower) and is_number(row.upper):
        return f"{format_quantity(row.lower, '', DIGITS)} to {quantity_text(row.upper, unit)}"
    if is_number(row.upper):
        return f"at most {quantity_text(row.upper, unit)}"
    return f"at least {quantity_text(row.lower, unit)}" if is_number(row.lower) else "no limit"


def when_text(row: Any) -> str:
    """Where in the record: "from 0.2 s to 0.4 s, sample 2,000"."""
    if not is_number(row.t_start_s):
        return "no time"
    begin = format_seconds(row.t_start_s, DIGITS) if row.t_start_s else "0 s"
    text = f"at {begin}"
    if is_number(row.t_end_s) and row.t_end_s > row.t_start_s:
        text = f"from {begin} to {format_seconds(row.t_end_s, DIGITS)}"
    return text + (f", sample {format_count(row.index)}" if row.index is not None else "")


def sentence(row: Any) -> str:
    """A row in one line."""
    text = f"{title_of(row)}: {value_text(row)}, allowed {limits_text(row)}, {when_text(row)}"
    return f"{text}: {row.reason}" if row.reason else text


def _judged(rows: Sequence[Any]) -> Judged:
    ordered = tuple(sorted(rows, key=_when))
    worst = min(ordered, key=lambda r: (ORDER.index(status_of(r)), _margin(r)))
    status = status_of(worst)
    return Judged(worst.name, worst.quantity, worst.channel, status, ordered, worst)


def _margin(row: Any) -> float:
    return row.margin if is_number(row.margin) else -math.inf


def _when(row: Any) -> float:
    return row.t_start_s if is_number(row.t_start_s) else math.inf
