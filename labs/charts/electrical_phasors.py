"""Phasors of a three-phase system, and how far they are from a symmetrical one."""

import cmath
import math
from collections.abc import Mapping

from labs.charts.chart import Chart
from labs.charts.electrical_style import LINES, needs
from labs.charts.style import GRID, MUTED, new_figure, styled
from labs.errors import ResultError
from labs.units import format_quantity


@styled
def phasor_chart(
    phasors: Mapping[str, complex],
    *,
    unit: str = "V",
    nominal: float | None = None,
    unbalance_percent: float | None = None,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Arrows from the centre, 0 degrees to the right, counter-clockwise.

    Args:
        phasors: name -> complex RMS value in `unit`, in the order of the phases.
        nominal: drawn as a circle.
        unbalance_percent: negative over positive sequence, for the title.
    """
    needs("draw phasors", phasors, "phasor", "give {name: complex value}")
    if not all(cmath.isfinite(p) for p in phasors.values()):
        raise ResultError(
            "draw phasors",
            expected="finite numbers",
            got=", ".join(n for n, p in phasors.items() if not cmath.isfinite(p)),
            next_step="draw a window that is valid",
        )
    title = title or _finding(phasors, unbalance_percent, unit)
    notes = "Angles from the first phasor's own zero, counter-clockwise."
    notes += f" Circle: {format_quantity(nominal, unit, 4)}." if nominal else ""
    figure = new_figure(3.4, title=title, subtitle=subtitle or f"RMS values in {unit}", notes=notes)
    axes = figure.add_subplot()
    reach = max([abs(p) for p in phasors.values()] + [nominal or 0.0]) or 1.0
    for angle in range(0, 360, 30):
        end = 1.08 * reach * cmath.rect(1, math.radians(angle))
        axes.plot([0, end.real], [0, end.imag], color=GRID, linewidth=0.8, zorder=0)
    for part in (0.5, 1.0):
        size = (nominal or reach) * part
        circle = [size * cmath.rect(1, math.tau * i / 120) for i in range(121)]
        axes.plot([c.real for c in circle], [c.imag for c in circle], color=MUTED if part == 1
                  else GRID, linewidth=0.9, linestyle="-" if part == 0.5 else (0, (4, 3)),
                  zorder=0.5)  # fmt: skip
    lines = LINES * len(phasors)
    for (name, p), (colour, line) in zip(phasors.items(), lines, strict=False):
        axes.annotate("", (p.real, p.imag), (0, 0), arrowprops={
            "arrowstyle": "-|>", "color": colour, "linewidth": 2.2, "linestyle": line,
            "shrinkA": 0, "shrinkB": 0, "mutation_scale": 15})  # fmt: skip
        text = f"{name}\n{format_quantity(abs(p), unit, 4)}, {_angle(p)}"
        place = p * (1 + 0.14 * reach / abs(p)) if abs(p) else 0j
        axes.text(place.real, place.imag, text, fontsize=9,
                  ha="left" if place.real > -0.1 * reach else "right",
                  va="center")  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xlim(-1.75 * reach, 2.1 * reach)
    axes.set_ylim(-1.25 * reach, 1.25 * reach)
    axes.axis("off")
    said = "; ".join(f"{n} {format_quantity(abs(p), unit, 4)} at {_angle(p)}"
                     for n, p in phasors.items())  # fmt: skip
    return Chart(figure, f"Phasor diagram. {title}. {said}.")


def _angle(p: complex) -> str:
    return f"{math.degrees(cmath.phase(p)):.1f}°".replace("-", "−") if p else "no angle"


def _finding(phasors: Mapping[str, complex], unbalance: float | None, unit: str) -> str:
    sizes = {n: abs(p) for n, p in phasors.items()}
    low, high = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    text = (
        f"{low} has the smallest value, {format_quantity(sizes[low], unit, 4)}, "
        f"{high} the largest, {format_quantity(sizes[high], unit, 4)}"
    )
    if len(sizes) == 1:
        text = f"{low}: {format_quantity(sizes[low], unit, 4)}"
    if unbalance is None:
        return text
    return f"Unbalance {format_quantity(unbalance, '%')}: {text}"
