"""The conformance panel: any device, chosen groups, and a score card that says what to write next.

The cases run in child processes (`labs.backends.conformance`), which may crash or hang.
"""

from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import backends
from labs.backends import conformance
from labs.charts import conformance_chart
from labs.errors import LabError
from labs.widgets.panel import Panel, error_html, labelled, notice_html, tight
from labs.widgets.run import RunButton

_EMULATED = ("EDGE", "PYTHON")  # the suite's small size suits them
_COURSE = ("CPU", "ELECTRICAL", "EDGE")


class ConformancePanel(Panel):
    """`report` holds the last Report; a new run replaces it."""

    title = "Conformance panel"
    report = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        device: str = "CPU",
        *,
        groups: Any = None,
        size: str = "",
        report: conformance.Report | None = None,
    ) -> None:
        backends.register()
        self._was_cancelled = False
        offered = dict.fromkeys([device, *_COURSE, *backends.registered()])
        self.device = widgets.Dropdown(options=list(offered), value=device, description="device")
        self.size = widgets.Dropdown(
            options=conformance.SIZES, value=size or _size_for(device), description="size"
        )
        for field in (self.device, self.size):
            field.layout.width, field.style.description_width = "210px", "50px"
        names = [g for g in conformance.GROUPS if g != "tinygrad"]  # that one needs a checkout
        wanted = set(names if groups is None else [groups] if isinstance(groups, str) else groups)
        self.boxes = {
            g: widgets.Checkbox(
                value=g in wanted, description=g, indent=False, tooltip=conformance.GROUPS[g]
            )
            for g in names
        }
        for box in self.boxes.values():
            box.layout.width, box.layout.height, box.layout.margin = "125px", "22px", "0"
        every = widgets.Button(description="All groups", tooltip="Choose every group")
        none = widgets.Button(description="No group", tooltip="Choose none, to pick a few")
        for button, value in ((every, True), (none, False)):
            button.layout.width = "110px"
            button.on_click(lambda _, value=value: self._tick(value))
        self.button = RunButton(self._run, label="Run", hint="Run the chosen groups of the suite")
        self.card, self.chart, self.table = (widgets.HTML("") for _ in range(3))
        self.device.observe(lambda change: self._take_device(change["new"]), "value")
        self.button.observe(lambda change: self._take(change["new"]), "result")
        wrapping = widgets.Layout(flex_flow="row wrap", max_width="790px")
        super().__init__(
            [
                widgets.HBox([self.device, self.size, every, none], layout=wrapping),
                labelled("Groups", widgets.HBox(list(self.boxes.values()), layout=wrapping)),
                self.button,
                self.card,
                self.chart,
                self.table,
            ]
        )
        if report is not None:
            self._take(report)

    def groups(self) -> tuple[str, ...]:
        """The chosen groups, in the suite's order."""
        return tuple(g for g, box in self.boxes.items() if box.value)

    def _tick(self, value: bool) -> None:
        for box in self.boxes.values():
            box.value = value

    def _take_device(self, name: str) -> None:
        self.size.value = _size_for(name)

    def _run(self, progress: Any, cancel: Any) -> conformance.Report:
        groups = self.groups()
        if not groups:
            raise LabError(
                f"Run the conformance suite on {self.device.value}",
                expected="at least one group",
                got="none",
                next_step="tick a group, or press All groups",
            )
        report = conformance.run(
            self.device.value,
            groups=groups,
            size=self.size.value,
            progress=progress,
            cancel=cancel,
        )
        self._was_cancelled = bool(cancel())
        return report

    def _take(self, report: conformance.Report | None) -> None:
        if report is None:
            return
        self.report = report
        self.card.value = _card(report)
        if self._was_cancelled:
            self.card.value += notice_html("The run was cancelled: these are the cases until then.")
        try:
            self.chart.value = conformance_chart(report).html
        except Exception as error:  # the table still shows the numbers
            self.chart.value = error_html(error)
        self.table.value = tight(report._repr_html_())

    def static_html(self) -> str:
        every = len(self.groups()) == len(self.boxes)
        groups = "" if every else f", groups={list(self.groups())}"
        code = f"conformance.run({self.device.value!r}{groups}, size={self.size.value!r})"
        how = notice_html(f"Without a live notebook, the same is run by\n{code}")
        return self.card.value + self.chart.value + self.table.value + how

    def static_text(self) -> str:
        if self.report is None:
            return f"{self.title}: {self.device.value}, nothing run yet"
        return f"{self.title}\n{self.report}"


def _size_for(device: str) -> str:
    return "small" if device.split(":")[0] in _EMULATED else "full"


def _card(report: conformance.Report) -> str:
    """The score in large, and the one thing to do next."""
    counts = f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped"
    head = (
        f'<div role="status" style="margin:6px 0"><span style="font-size:20px;font-weight:600">'
        f"{escape(report.device)}: score {report.score:.3f}</span>&emsp;{counts}</div>"
    )
    return head + (notice_html(f"Next: {report.next_step}") if report.next_step else "")
