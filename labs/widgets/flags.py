"""The flags explorer: how a kernel is compiled for this machine, and what each choice is worth.

Choosing shows the kernel's source at once (compiling runs nothing). Run measures the chosen variant
interleaved with the last ones, in a process of its own.
"""

import os
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import backends, bench, toolchain
from labs.bench.isolated_variants import measure_variants_isolated
from labs.charts import variants_chart
from labs.units import format_flop_per_s, format_interval, format_seconds
from labs.widgets.panel import Panel, error_html, labelled, notice_html, tight
from labs.widgets.run import RunButton
from labs.widgets.source import source_html

DEVICE = "ELECTRICAL"
HISTORY = 6  # variants measured in one run: more would take too long to wait for
_ROUNDS, _ROUND_TIME_S = 5, 0.1
_TILES = (0, 1, 2, 3, 4, 6, 8, 12, 16)


class FlagsExplorer(Panel):
    """`results` holds the last ResultSet, `variant` what is chosen, `history` what Run measures."""

    title = "Flags explorer"
    results = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        workload: str = "matmul:n=256",
        *,
        results: bench.ResultSet | None = None,
        rounds: int = _ROUNDS,
        round_time_s: float = _ROUND_TIME_S,
    ) -> None:
        toolchain.activate()
        backends.register()
        from labs.backends.electrical import options  # asks the compiler for this machine's vectors

        self._options = options
        self._default = options.parse(options.default_arch())
        self._rounds, self._round_time_s = rounds, round_time_s
        self._kernels: dict[tuple[str, bench.Variant], bench.VariantKernel] = {}
        self.history: list[bench.Variant] = []
        self._measured = workload
        name, _, size = workload.partition(":")
        self.workload = _dropdown("workload", sorted({*bench.WORKLOADS, name}), name)
        self.size = widgets.Text(
            value=size or _shape(name), placeholder="sizes", continuous_update=False
        )
        self.size.layout.width = "215px"
        self.vector = _dropdown(
            "vector",
            [(f"{n} bytes", n) for n in options.VECTOR_BYTES],
            self._default.vector_bytes,
        )
        self.level = _dropdown("level", [(f"-{n}", n) for n in options.LEVELS], "O3")
        self.tile = _dropdown("tile", [(f"{n} rows" if n else "its own", n) for n in _TILES], 0)
        cores = os.cpu_count() or 1
        threads = [(str(n), n) for n in sorted({1, 2, cores}) if n <= cores]
        self.threads = _dropdown("threads", [*threads, ("all cores", 0)], 1)
        self.vectorize = _box("vectoriser", "Off: neighbouring operations stay scalar")
        self.schedule = _box("own loops", "Off: tinygrad's own choice of loop splits")
        self.button = RunButton(
            self._measure, label="Run", hint="Measure this variant beside the last ones"
        )
        self.forget = widgets.Button(
            description="Forget the others", tooltip="Measure the chosen variant alone next time"
        )
        self.headline, self.chart, self.table = (widgets.HTML("") for _ in range(3))
        self.kernel = widgets.HTML("")
        self.forget.on_click(lambda _: self.history.clear())
        self.workload.observe(lambda change: self._take_workload(change["new"]), "value")
        choices = (self.vector, self.level, self.tile, self.threads, self.vectorize, self.schedule)
        for field in (self.size, *choices):
            field.observe(lambda _: self._show_kernel(), "value")
        self.button.observe(lambda change: self._take(change["new"]), "result")
        wrapping = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                widgets.HBox([self.workload, self.size], layout=wrapping),
                widgets.HBox(choices, layout=wrapping),
                widgets.HBox([self.button, self.forget], layout=wrapping),
                self.headline,
                self.chart,
                self.table,
                labelled("The kernel", self.kernel),
            ]
        )
        if results is not None:
            self._take(results)
        self._show_kernel()

    def spec(self) -> str:
        """The chosen workload as the bench room reads it: "matmul:n=256"."""
        size = self.size.value.strip()
        return f"{self.workload.value}:{size}" if size else self.workload.value

    @property
    def variant(self) -> bench.Variant:
        """The chosen way to compile, named by its choices."""
        chosen = self._options.Options(
            self._default.machine,
            self._default.cpu,
            vector_bytes=self.vector.value,
            level=self.level.value,
            tile=self.tile.value,
            vectorize=self.vectorize.value,
            schedule=self.schedule.value,
        )
        threads = self.threads.value
        words = chosen.arch.split(",")[2:]
        count = {0: "all cores", 1: "1 thread"}.get(threads, f"{threads} threads")
        return bench.Variant(f"{' '.join(words)}, {count}", chosen.arch, threads)

    def _take_workload(self, name: str) -> None:
        self.history.clear()  # another workload's times can't be compared
        shape = _shape(name)
        if self.size.value == shape:
            self._show_kernel()
        self.size.value = shape

    def _measure(self, progress: Any, cancel: Any) -> bench.ResultSet:
        spec, chosen = self.spec(), self.variant
        self._measured = spec  # the choice may change while it is measured
        wanted = [v for v in self.history if v != chosen][-(HISTORY - 1) :] + [chosen]
        results = measure_variants_isolated(
            spec,
            wanted,
            device=DEVICE,
            rounds=self._rounds,
            round_time_s=self._round_time_s,
            progress=progress,
            cancel=cancel,
        )
        if results.measurements:  # a variant that fails isn't asked for again
            failed = {f.name.split("/")[0] for f in results.failures}
            self.history = [v for v in wanted if v.label not in failed]
        return results

    def _take(self, results: bench.ResultSet | None) -> None:
        if results is None:
            return
        self.results = results
        self.headline.value, self.chart.value = (
            _headline(results),
            _chart_html(results, self._measured),
        )
        self.table.value = _table_html(results) if results.measurements else ""

    def _show_kernel(self) -> None:
        key = (self.spec(), self.variant)
        try:
            if key not in self._kernels:
                self._kernels[key] = bench.variant_kernel(*key, device=DEVICE)
            self.kernel.value = _kernel_html(self._kernels[key])
        except Exception as error:  # a size that is none, or a compiler that refuses
            self.kernel.value = error_html(error)

    def static_html(self) -> str:
        v = self.variant
        code = (
            f"bench.measure_variants({self.spec()!r}, [bench.Variant({v.label!r}, {v.arch!r}, "
            f"{v.threads})], rounds={self._rounds}, round_time_s={self._round_time_s})"
        )
        how = notice_html(f"Without a live notebook, the same is measured by\n{code}")
        return self.headline.value + self.chart.value + self.table.value + self.kernel.value + how

    def static_text(self) -> str:
        if self.results is None:
            return f"{self.title}: {self.spec()}, {self.variant.label}; nothing measured yet"
        return f"{self.title}\n{self.results.table()}"


def _shape(name: str) -> str:
    make = bench.WORKLOADS.get(name)
    return make().shape if make else ""


def _dropdown(name: str, options: Any, value: Any) -> widgets.Dropdown:
    field = widgets.Dropdown(options=options, value=value, description=name)
    field.layout.width, field.style.description_width = "185px", "65px"
    return field


def _box(name: str, hint: str) -> widgets.Checkbox:
    return widgets.Checkbox(
        value=True, description=name, tooltip=hint, indent=False, layout={"width": "120px"}
    )


def _kernel_html(kernel: bench.VariantKernel) -> str:
    splits = ", ".join(kernel.opts) or "none: the loops are as the expression has them"
    head = f"<div><b>{escape(kernel.label)}</b>; loops split: {escape(splits)}</div>"
    return tight(head) + source_html(kernel.source)


def _headline(results: bench.ResultSet) -> str:
    """The variant that was chosen: the last of the run."""
    if not results.measurements:
        return ""
    m = results.measurements[-1]
    label = escape(m.workload)
    if m.flop_per_s:
        ends, value = m.flop_per_s_interval, format_flop_per_s(m.flop_per_s)
        words = format_flop_per_s
    else:
        ends, value, words = m.interval_s, format_seconds(m.median_s), format_seconds
    interval = f", 95% interval {format_interval(ends.low, ends.high, words)}" if ends else ""
    return f'<div role="status"><b>{label}: {value}</b>{interval}</div>'


def _table_html(results: bench.ResultSet) -> str:
    """Folded: the chart has the main numbers, and the kernel should stay near the choices."""
    table = results.table()._repr_html_()
    return tight(f"<details><summary>All numbers of the run</summary>{table}</details>")


def _chart_html(results: bench.ResultSet, spec: str) -> str:
    if not results.measurements:
        if results.failures:
            return "".join(notice_html(f"{f.name}: {f.error}") for f in results.failures)
        return notice_html(f"Nothing was measured: the run was {results.stop_reason}.")
    try:
        return variants_chart(results, subtitle=spec).html
    except Exception as error:  # the table still shows the numbers
        return error_html(error)
