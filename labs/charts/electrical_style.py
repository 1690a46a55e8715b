"""What the charts of the electrical room share: how a status, a limit, a gap and an event look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from labs.errors import ResultError

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = mpl.color_sequences["okabe_ito"]
_MOST_POINTS = 3000  # of a line: about four for each pixel column of the page
GAP = {"facecolor": "#eeeeee", "edgecolor": "#8a8a8a", "hatch": "////", "linewidth": 0}
LIMIT = {"color": RED, "linestyle": (0, (5, 2)), "linewidth": 1.4}


@dataclass(frozen=True)
class StatusStyle:
    """Colour is never the only code."""

    colour: Any
    marker: str
    filled: bool = True


STATUS = {
    "PASS": StatusStyle(GREEN, "o"),
    "MARGINAL": StatusStyle(ORANGE, "^"),
    "FAIL": StatusStyle(RED, "X"),
    "INVALID": StatusStyle("#767676", "s", filled=False),
}
# of channels in one chart: L1, L2, L3, N and whatever follows
LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (BLACK, ":"), (PURPLE, "-"), (SKY, "--"))


@dataclass(frozen=True)
class Span:
    """Something that lasted from `start_s` to `end_s`: a dip, a window outside its limit."""

    start_s: float
    end_s: float
    words: str
    status: str = "FAIL"


def status_look(status: str) -> dict[str, Any]:
    """Keyword arguments for a point of this status."""
    style = STATUS[status]
    return {
        "marker": style.marker,
        "markerfacecolor": style.colour if style.filled else "white",
        "markeredgecolor": BLACK if style.filled else style.colour,
        "markeredgewidth": 0.7 if style.filled else 1.8,
        "linestyle": "none",
    }


def as_series(asked: str, *arrays: Any) -> tuple[np.ndarray, ...]:
    """Arrays of one length, at least one element.

    Raises:
        ResultError: they aren't.
    """
    made = tuple(np.asarray(a) for a in arrays)
    sizes = [a.size for a in made]
    if min(sizes) < 1 or len(set(sizes)) != 1 or any(a.ndim != 1 for a in made):
        raise ResultError(
            asked,
            expected="series of one length, with at least one element",
            got=f"{', '.join(str(a.shape) for a in made)}",
            next_step="give a value for each time",
        )
    return made


def needs(asked: str, given: Any, what: str, next_step: str) -> None:
    """Raises: ResultError: there is nothing to draw."""
    if not given:
        raise ResultError(asked, expected=f"at least one {what}", got="none", next_step=next_step)


def envelope(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line with no more points than show: the least and the greatest value of each piece.

    A glitch of one sample stays visible, whatever the length. NaN breaks the line where a whole
    piece is NaN.
    """
    if x.size <= _MOST_POINTS:
        return x, y
    size = math.ceil(x.size / (_MOST_POINTS // 2))
    pieces = math.ceil(x.size / size)
    padded = np.full(pieces * size, np.nan)
    padded[: y.size] = y
    parts = padded.reshape(pieces, size)
    none = np.isnan(parts).all(1)
    safe = np.where(none[:, None], 0.0, parts)
    low, high = np.nanmin(safe, 1), np.nanmax(safe, 1)
    low[none] = high[none] = np.nan
    times = np.repeat(x[::size][:pieces], 2)
    return times, np.column_stack([low, high]).ravel()


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """[start, end) of each run of True."""
    padded = np.concatenate([[0], np.asarray(mask, np.int8), [0]])
    edges = np.flatnonzero(np.diff(padded))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def draw_gaps(axes: Axes, t_s: np.ndarray, valid: np.ndarray | None) -> int:
    """Hatched bands where samples can't be trusted; how many."""
    if valid is None:
        return 0
    step = (t_s[-1] - t_s[0]) / max(1, t_s.size - 1)
    found = runs(~np.asarray(valid, bool))
    for number, (start, end) in enumerate(found):
        label = "no valid samples" if number == 0 else None
        axes.axvspan(t_s[start] - step / 2, t_s[end - 1] + step / 2, label=label, zorder=0.5, **GAP)
    return len(found)


def draw_spans(axes: Axes, spans: Sequence[Span]) -> None:
    """Shaded events, each kind of words once in the legend, with their edges as thin lines."""
    named: set[str] = set()
    for span in spans:
        colour = STATUS[span.status].colour
        label = None if span.words in named else span.words
        named.add(span.words)
        axes.axvspan(span.start_s, span.end_s, color=colour, alpha=0.16, label=label, zorder=0.4)
        for edge in (span.start_s, span.end_s):
            axes.axvline(edge, color=colour, linewidth=0.8, zorder=0.6)


def legend_above(axes: Axes, columns: int = 4) -> None:
    """Entries over the axes, where they cover no data."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2,
                    fontsize=8.5)  # fmt: skip


def counted(count: int, one: str, many: str = "") -> str:
    """(1, "dip") -> "1 dip"; (3, "dip") -> "3 dips"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
