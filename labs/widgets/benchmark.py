"""The benchmark panel: devices, workloads and sizes in, a chart and a table with intervals out.

Measuring happens in a process of its own (`labs.bench.measure_isolated`): the panel stays
responsive, and a driver that crashes costs its device, not the notebook.
"""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import bench
from labs.charts import benchmark_chart
from labs.widgets.devices import DevicePicker
from labs.widgets.panel import Panel, error_html, labelled, notice_html, tight
from labs.widgets.run import RunButton

_ROUNDS, _ROUND_TIME_S = 5, 0.1
_FEWEST_ROUNDS = 3  # two rounds give an interval, but one that spans decades


class BenchmarkPanel(Panel):
    """`results` holds the last ResultSet; a new run replaces it."""

    title = "Benchmark panel"
    results = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        *,
        devices: Sequence[str] | None = None,
        suite: str = "quick",
        results: bench.ResultSet | None = None,
        discovery: Any = None,
        rounds: int = _ROUNDS,
        round_time_s: float = _ROUND_TIME_S,
    ) -> None:
        self.devices = DevicePicker(
            multiple=True, discovery=discovery, value=devices, reason_width="375px"
        )
        names = list(bench.SUITES)
        self.suite = widgets.Dropdown(options=names, value=suite, description="suite")
        self.workloads = widgets.VBox([])
        self.rounds = widgets.BoundedIntText(
            value=rounds, min=_FEWEST_ROUNDS, max=50, description="rounds"
        )
        self.round_time_s = widgets.BoundedFloatText(
            value=round_time_s, min=0.01, max=5, step=0.05, description="s per round"
        )
        self.cache = widgets.Dropdown(options=("warm", "cold"), description="cache")
        self.clock = widgets.Dropdown(options=("wall", "device"), description="clock")
        self.button = RunButton(
            self._measure, label="Run", hint="Measure the chosen workloads on the chosen devices"
        )
        self.chart, self.table = widgets.HTML(""), widgets.HTML("")
        self.suite.observe(lambda _: self._fill_workloads(), "value")
        self._fill_workloads()
        self.button.observe(lambda change: self._take(change["new"]), "result")
        settings = (self.rounds, self.round_time_s, self.cache, self.clock)
        for field in settings:
            field.layout.width, field.style.description_width = "180px", "85px"
        self.suite.layout.width, self.suite.style.description_width = "180px", "40px"
        self.devices.layout.width = "490px"
        wrapping = widgets.Layout(flex_flow="row wrap")
        choices = widgets.HBox(
            [
                labelled("Devices", self.devices),
                labelled("Workloads and sizes", self.suite, self.workloads),
            ],
            layout=wrapping,
        )
        how = widgets.HBox(settings, layout=wrapping)
        super().__init__([choices, how, self.button, self.chart, self.table])
        if results is not None:
            self._take(results)

    def specs(self) -> tuple[str, ...]:
        """The chosen workloads as the bench room reads them: "matmul:n=128"."""
        rows = (row.children for row in self.workloads.children)
        return tuple(f"{box.description}:{size.value}" for box, size in rows if box.value)

    def _fill_workloads(self) -> None:
        rows = []
        for w in bench.SUITES[self.suite.value]:
            box = widgets.Checkbox(value=True, description=w.name, indent=False)
            box.layout.width = "80px"
            size = widgets.Text(value=w.shape, placeholder="sizes")
            size.layout.width = "215px"
            rows.append(widgets.HBox([box, size]))
        self.workloads.children = tuple(rows)

    def _measure(self, progress: Any, cancel: Any) -> bench.ResultSet:
        return bench.measure_isolated(
            self.specs(),
            self.devices.value,
            rounds=self.rounds.value,
            round_time_s=self.round_time_s.value,
            cache=self.cache.value,
            clock=self.clock.value,
            progress=progress,
            cancel=cancel,
        )

    def _take(self, results: bench.ResultSet | None) -> None:
        if results is None:
            return
        self.results = results
        self.chart.value = _chart_html(results)
        self.table.value = tight(results.table()._repr_html_())

    def static_html(self) -> str:
        code = (
            f"bench.measure({list(self.specs())}, {list(self.devices.value)}, "
            f"rounds={self.rounds.value}, round_time_s={self.round_time_s.value})"
        )
        how = notice_html(f"Without a live notebook, the same is measured by\n{code}")
        if self.results is None:
            return self.devices.static_html() + how
        return self.chart.value + self.table.value + how

    def static_text(self) -> str:
        if self.results is None:
            return f"{self.title}: nothing measured yet; {self.devices.static_text().lower()}"
        return f"{self.title}\n{self.results.table()}"


def _chart_html(results: bench.ResultSet) -> str:
    if not results.measurements:
        kept = notice_html(f"Nothing was measured: the run was {results.stop_reason}.")
        return kept if not results.failures else ""
    try:
        return benchmark_chart(results).html
    except Exception as error:  # the table still shows the numbers
        return error_html(error)
