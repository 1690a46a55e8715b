"""The report panel: one part of a performance report at a time, and the whole of it as a file."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.charts import profile_chart
from labs.engineering.best import best_table, wins_table
from labs.engineering.engineer import CrossDevicePerformanceEngineer
from labs.engineering.report import Report, make_report
from labs.errors import LabError
from labs.paths import results_dir
from labs.widgets.panel import Panel, error_html, notice_html, tight
from labs.widgets.run import RunButton

_PARTS = ("Summary", "Profiles", "Best performers", "Recommendations", "Missing", "Circumstances")
_NOTHING = "Nothing was measured yet."


class ReportPanel(Panel):
    """`report` holds the Report that is shown; measuring again replaces it.

    Args:
        source: a Report or a ResultSet to begin with; None to measure first.
        devices: what the run button measures; every usable device when None.
        settings: of `comprehensive_device_benchmark` (size, budget_s, ...).
    """

    title = "Report panel"
    report = traitlets.Any(None, allow_none=True)

    def __init__(
        self, source: Any = None, *, devices: Sequence[str] | None = None, **settings: Any
    ) -> None:
        self._devices, self._settings = devices, {"size": "small", "budget_s": 60.0} | settings
        self.part = widgets.ToggleButtons(options=_PARTS, value="Summary")
        self.part.style.button_width = "auto"
        self.content = widgets.HTML("")
        self.message = widgets.HTML("")
        self.button = RunButton(
            self._measure, label="Measure", hint="Run the suite on the devices, then report"
        )
        self.save = widgets.Button(description="Save as HTML", tooltip="A page that opens offline")
        self.part.observe(lambda _: self._show(), "value")
        self.save.on_click(lambda _: self._save())
        self.button.observe(lambda change: self._take(change["new"]), "result")
        row = widgets.HBox([self.button, self.save], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([row, self.part, self.content, self.message])
        self._take(source)

    def static_html(self) -> str:
        if self.report is None:
            return notice_html(_NOTHING + " " + self._code())
        return _part(self.report, "Summary") + _part(self.report, "Profiles")

    def static_text(self) -> str:
        return f"{self.title}\n{self.report or _NOTHING}"

    def _measure(self, progress: Any, cancel: Any) -> Any:
        engineer = CrossDevicePerformanceEngineer(self._devices)
        return engineer.comprehensive_device_benchmark(
            progress=progress, cancel=cancel, **self._settings
        )

    def _take(self, source: Any) -> None:
        if source is None:
            self._show()
            return
        try:
            self.report = source if isinstance(source, Report) else make_report([source])
        except LabError as error:  # a run that was cancelled before it had a result
            self.message.value = error_html(error)
        self._show()

    def _show(self) -> None:
        self.save.disabled = self.report is None
        if self.report is None:
            self.content.value = notice_html(_NOTHING)
        else:
            self.content.value = tight(_part(self.report, self.part.value))

    def _save(self) -> None:
        path = results_dir() / "report.html"
        try:
            self.report.save(path)
            self.message.value = notice_html(f"Saved as {_short(path)}")
        except LabError as error:
            self.message.value = error_html(error)

    def _code(self) -> str:
        devices = list(self._devices) if self._devices is not None else ""
        return (
            f"The same by hand: engineer = CrossDevicePerformanceEngineer({devices}); "
            "engineer.comprehensive_device_benchmark(); engineer.generate_performance_report()"
        )


def _part(report: Report, part: str) -> str:
    if part == "Summary":
        tables = (wins_table(report.best),)
        head = f"<p><b>{escape(report.title)}</b></p><p>{escape(report.summary)}</p>"
        return head + _tables(tables)
    if part == "Profiles":
        parts = []
        for modelled in (False, True):
            chosen = [p for p in report.profiles if p.modelled == modelled]
            if any(f.value is not None for p in chosen for _, f in p):
                parts.append(profile_chart(chosen).html)
        tables = (report.profiles_table(), report.profiles_table(modelled=True))
        return "".join(parts) + _tables(tables)
    if part == "Best performers":
        return _tables((best_table(report.best),)) or notice_html("One device has no rival.")
    if part == "Recommendations":
        return _tables((report.advice_table(),)) or notice_html("The numbers recommend nothing.")
    if part == "Missing":
        tables = (report.failures_table(), report.left_out_table())
        return _tables(tables) or notice_html("Nothing failed and nothing was left out.")
    return _tables((report.circumstances_table(),))


def _tables(tables: Any) -> str:
    return "".join(table._repr_html_() for table in tables if table.rows)


def _short(path: Path) -> str:
    """The last two folders: a notebook's output should not tell where a reader's home is."""
    return "/".join(path.parts[-3:])
