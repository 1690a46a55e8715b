"""The map of wrong elements: where two arrays differ, as a picture of the array."""

import math
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from labs.charts.chart import Chart
from labs.charts.style import INK, new_figure, styled
from labs.errors import ResultError
from labs.units import format_percent

_CELLS = (48, 96)  # rows and columns that a page can show
_MAP = LinearSegmentedColormap.from_list("wrong", ["#ffffff", "#f2c1a0", "#d55e00"])
_GRID, _NOTHING = "#c8d4dc", "#d4d4d4"


@styled
def mismatch_chart(mismatch: Any, *, title: str = "") -> Chart:
    """Wrong elements of an array as dark cells, in the order of memory; the first one is ringed.

    More dimensions than two are stacked on top of each other, a vector is broken into rows; a large
    array is shown in blocks, coloured by the share of wrong elements in them.

    Args:
        mismatch: of `labs.debug.first_mismatch`.
        title: the finding; made from the pattern when empty.
    """
    wrong = np.asarray(mismatch.wrong, bool)
    if not wrong.any():
        raise ResultError(
            "draw a map of wrong elements",
            expected="at least one wrong element",
            got="none",
            next_step="where first_mismatch returns None there is nothing to draw",
        )
    grid, exists, words = _as_grid(wrong)
    shares, block = _blocks(grid)
    rows, columns = shares.shape
    count = f"{mismatch.count:,} of {mismatch.total:,} elements are wrong"
    title = title or f"{count}: {mismatch.hints[0] if mismatch.hints else 'no pattern seen'}"
    subtitle = f"{mismatch.dtype}, shape {mismatch.shape} · {words}"
    notes = f"Each cell: {block[0]} x {block[1]} elements, darker where more are wrong. "
    notes = notes if block != (1, 1) else "Dark: wrong. "
    ring = "Ring: the first one." + ("" if exists.all() else " Grey: after the end.")
    height = min(4.2, max(1.0, 7.0 * rows / columns))
    figure = new_figure(height, title=title, subtitle=subtitle, notes=notes + ring)
    axes = figure.add_subplot()
    inside, _ = _blocks(exists)
    shown = np.ma.masked_where(inside == 0, shares / np.maximum(inside, 1))
    axes.set_facecolor(_NOTHING)
    axes.imshow(shown, cmap=_MAP, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(visible=False, which="major")
    if rows * columns <= 1024:
        axes.grid(which="minor", color=_GRID, linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    first = np.argwhere(shares > 0)[0]
    axes.plot(
        first[1],
        first[0],
        marker="o",
        markersize=11,
        markerfacecolor="none",
        color=INK,
        clip_on=False,
    )
    _ticks(axes.xaxis, columns, block[1], grid.shape[1])
    _ticks(axes.yaxis, rows, block[0], grid.shape[0])
    axes.set_xlabel("Column" if wrong.ndim > 1 else "Element in the row")
    axes.set_ylabel("Row")
    return Chart(figure, _alt(mismatch, count))


def _as_grid(wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Two dimensions of anything, and which of its places belong to an element."""
    if wrong.ndim >= 2:
        flat = wrong.reshape(-1, wrong.shape[-1])
        words = "as it is" if wrong.ndim == 2 else "all but the last axis stacked"
        return flat, np.ones_like(flat), words
    flat = wrong.reshape(-1)
    width = min(flat.size, 32 if flat.size <= 1024 else 2 ** math.ceil(math.log2(flat.size) / 2))
    padded = np.zeros(-(-flat.size // width) * width, bool)
    padded[: flat.size] = flat
    exists = (np.arange(padded.size) < flat.size).reshape(-1, width)
    return padded.reshape(-1, width), exists, f"in rows of {width}"


def _blocks(grid: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """How many wrong elements each cell of the page holds."""
    block = tuple(-(-n // most) for n, most in zip(grid.shape, _CELLS, strict=True))
    rows, columns = (-(-n // b) for n, b in zip(grid.shape, block, strict=True))
    padded = np.zeros((rows * block[0], columns * block[1]), np.int64)
    padded[: grid.shape[0], : grid.shape[1]] = grid
    cells = padded.reshape(rows, block[0], columns, block[1]).sum(axis=(1, 3))
    return cells, block


def _ticks(axis: Any, cells: int, block: int, size: int) -> None:
    step = max(1, math.ceil(cells / 8))
    places = list(range(0, cells, step))
    axis.set_ticks(places, [f"{p * block:,}" for p in places])


def _alt(mismatch: Any, count: str) -> str:
    said = "; ".join(mismatch.hints) or "no pattern was seen"
    return (
        f"Map of an array of shape {mismatch.shape}: {count} "
        f"({format_percent(mismatch.fraction)}), the first at {list(mismatch.index)}; {said}."
    )
