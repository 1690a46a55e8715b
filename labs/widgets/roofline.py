"""The roofline panel: workloads and a device in, a roofline out whose points can be asked.

Each point answers by itself: hovering says its main numbers, a click (or Enter) opens its table.
That is plain HTML, so it also works in an exported notebook. Measuring happens in a process of its
own.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.charts.roofline import point_places, roofline_chart
from labs.errors import LabError
from labs.gpu.isolated_roofline import place_isolated
from labs.gpu.roof_data import Roofs
from labs.gpu.roofline import Placement, Roofline
from labs.units import format_flop_per_s, format_intensity, format_percent, format_seconds
from labs.widgets.devices import DevicePicker
from labs.widgets.panel import Panel, error_html, labelled, notice_html, tight
from labs.widgets.run import RunButton

WORKLOADS = (
    "add:n=1000", "exp:n=1000", "sum:n=2048", "softmax:n=1024", "matmul:n=128", "matmul:n=512",
)  # fmt: skip
_ROUNDS, _ROUND_TIME_S = 6, 0.05
_SPOT_PX = 22  # of a point's clickable square: the least that is easy to hit
# only inline styles: front ends that sanitise outputs drop style sheets, and then show a list
_SPOT = (
    "position:absolute;left:{:.2f}%;top:{:.2f}%;transform:translate(-{half}px,-{half}px);"
    "z-index:{z}"
)
_HANDLE = "display:block;width:{px}px;height:{px}px;cursor:pointer;list-style:none"
_CARD = (
    "position:absolute;{side}:{px}px;top:{px}px;width:max-content;max-width:440px;"
    "background:#fff;color:#222;border:1px solid #767676;padding:4px 8px;font-size:90%"
)


class RooflinePanel(Panel):
    """`roofline` holds the last Roofline, `selected` the Placement whose numbers are shown.

    The roofs of a device are measured at its first run and kept; "Measure the roofs again" forgets
    them.
    """

    title = "Roofline panel"
    roofline = traitlets.Any(None, allow_none=True)
    selected = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        workloads: Sequence[str] = WORKLOADS,
        *,
        device: str | None = None,
        roofline: Roofline | None = None,
        discovery: Any = None,
        rounds: int = _ROUNDS,
        round_time_s: float = _ROUND_TIME_S,
    ) -> None:
        self._rounds, self._round_time_s = rounds, round_time_s
        self.roofs: dict[str, Roofs] = {}
        first = roofline.device if roofline is not None else device
        self.devices = DevicePicker(discovery=discovery, value=first, reason_width="280px")
        self.boxes = [
            widgets.Checkbox(value=True, description=spec, indent=False, layout={"height": "24px"})
            for spec in workloads
        ]
        self.own = widgets.Text(
            placeholder="more, such as fir64:n=65536; matmul:n=256", continuous_update=False
        )
        self.cache = widgets.Dropdown(options=("cold", "warm"), description="cache")
        self.again = widgets.Checkbox(
            value=False, description="Measure the roofs again", indent=False
        )
        self.button = RunButton(
            self._measure, label="Run", hint="Measure the workloads and place them under the roofs"
        )
        self.point = widgets.Dropdown(options=(), description="numbers of")
        self.chart, self.numbers, self.table = (widgets.HTML("") for _ in range(3))
        self.point.observe(lambda change: self._select(change["new"]), "value")
        self.button.observe(lambda change: self._take(change["new"]), "result")
        wrapping = widgets.Layout(flex_flow="row wrap")
        self.devices.layout.width = "400px"
        self.own.layout.width = "330px"
        self.cache.layout.width = "180px"
        choices = widgets.HBox(
            [
                labelled("Device", self.devices),
                labelled("Workloads", *self.boxes, self.own, self.cache, self.again),
            ],
            layout=wrapping,
        )
        super().__init__([choices, self.button, self.chart, self.point, self.numbers, self.table])
        self.point.layout.display = "none"
        if roofline is not None:
            self._take(roofline)

    def specs(self) -> tuple[str, ...]:
        """The chosen workloads as the bench room reads them."""
        chosen = [box.description for box in self.boxes if box.value]
        chosen += [part.strip() for part in self.own.value.split(";") if part.strip()]
        return tuple(dict.fromkeys(chosen))

    def _measure(self, progress: Any, cancel: Any) -> Roofline:
        device = self.devices.value
        if self.again.value:
            self.roofs.pop(device, None)
        return place_isolated(
            self.specs(),
            device,
            self.roofs.get(device),
            cache=self.cache.value,
            rounds=self._rounds,
            round_time_s=self._round_time_s,
            progress=progress,
            cancel=cancel,
        )

    def _take(self, roofline: Roofline | None) -> None:
        if roofline is None:
            return
        self.roofline = roofline
        self.roofs[roofline.device] = roofline.roofs
        self.again.value = False
        self.chart.value = chart_html(roofline)
        self.table.value = _tables_html(roofline)
        labels = [p.label for p in roofline.placements]
        self.point.options = labels
        self.point.layout.display = None if labels else "none"
        self._select(labels[0] if labels else None)

    def _select(self, label: str | None) -> None:
        if self.roofline is None or label is None:
            self.selected, self.numbers.value = None, ""
            return
        self.selected = self.roofline[label]
        self.numbers.value = tight(self.selected._repr_html_())

    def static_html(self) -> str:
        if self.roofline is None:
            specs = list(self.specs())
            code = f"place({specs!r}, {self.devices.value!r})"
            return notice_html(
                "Without a live notebook, the same is measured by\n"
                f"from labs.gpu.roofline import place\n{code}"
            )
        return self.chart.value + self.table.value

    def static_text(self) -> str:
        if self.roofline is None:
            return f"{self.title}: {', '.join(self.specs())}; nothing measured yet"
        return f"{self.title}\n{self.roofline.table()}"


def chart_html(roofline: Roofline) -> str:
    """The roofline as an image whose points show their numbers when hovered or opened."""
    if not roofline.placements and not roofline.failures:
        return notice_html("Nothing was placed: the run was cancelled.")
    try:
        chart = roofline_chart(roofline)
    except LabError as error:  # the table still shows the numbers
        return error_html(error)
    spots = "".join(_spot(*place) for place in point_places(chart, roofline))
    frame = "position:relative;display:inline-block;max-width:100%"
    return f'<div style="{frame}">{chart.html}{spots}</div>'


def _spot(placement: Placement, from_left: float, from_top: float) -> str:
    """A square over a point: a tooltip, and a table that opens beside it."""
    half = _SPOT_PX // 2
    # cards of points near the right edge open to the left; later points lie over earlier cards
    side = "right" if from_left > 0.5 else "left"
    place = _SPOT.format(100 * from_left, 100 * from_top, half=half, z=1)
    handle = _HANDLE.format(px=_SPOT_PX)
    card = _CARD.format(side=side, px=_SPOT_PX)
    name = escape(_tooltip(placement), quote=True)
    return (
        f'<details name="roofline" style="{place}"><summary title="{name}" aria-label="{name}" '
        f'style="{handle}"></summary><div style="{card}">{placement._repr_html_()}</div></details>'
    )


def _tooltip(p: Placement) -> str:
    model = " (model)" if p.modelled else ""
    return (
        f"{p.label}: {format_flop_per_s(p.flop_per_s)} at {format_intensity(p.intensity)}, "
        f"{format_seconds(p.time.median_s)}{model}, {format_percent(p.fraction, 2)} of its roof, "
        f"bound by: {p.bound_by}"
    )


def _tables_html(roofline: Roofline) -> str:
    roofs = tight(
        "<details><summary>The roofs, and how they were measured</summary>"
        f"{roofline.roofs._repr_html_()}</details>"
    )
    return tight(roofline._repr_html_()) + roofs
