"""A widget on access patterns: lanes on memory for a pattern, a stride and a target.

Reading a kernel's index expressions runs nothing and takes a fraction of a second, so it happens in
the callback.
"""

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets

from labs import toolchain
from labs.charts.lanes import lanes_chart
from labs.errors import LoweringError
from labs.gpu.access import PATTERNS, Access, AccessAnalysis, analyze_access, pattern
from labs.units import format_percent
from labs.widgets.panel import Panel, code_html, error_html, notice_html, tight

toolchain.activate()

from tinygrad.codegen.opt import Opt, OptOps

ELEMENTS = 1 << 14  # enough for several blocks on every target, and quick to analyse
_TARGETS = ("CUDA:sm_90", "OPENCL", "METAL", "HIP", "WGSL", "CPU", "ELECTRICAL")
_OPTIMISER, _PLAIN = "tinygrad's optimiser", "one element per lane"
_ACROSS = 2  # lines of source shown before and after the access


class AccessExplorer(Panel):
    """Choose a pattern, its stride or offset and a target; see the lanes of one access.

    `.analysis` holds the last AccessAnalysis.
    """

    title = "Access explorer"

    def __init__(
        self,
        pattern: str = "strided",
        target: str = "CUDA:sm_90",
        *,
        stride: int = 2,
        offset: int = 1,
        targets: Sequence[str] = _TARGETS,
    ) -> None:
        self.analysis: AccessAnalysis | None = None
        self.pattern = _dropdown("pattern", list(PATTERNS), pattern)
        self.target = _dropdown("target", list(dict.fromkeys([target, *targets])), target)
        self.stride = _slider("stride", 1, 64, stride)
        self.offset = _slider("offset", 0, 32, offset)
        self.options = _dropdown("options", [_PLAIN, _OPTIMISER], _PLAIN)
        self.access = _dropdown("access", [])
        self.output = widgets.HTML("")
        self._filling = False
        for field in (self.pattern, self.target, self.stride, self.offset, self.options):
            field.observe(lambda _: self._choose(), "value")
        self.access.observe(lambda _: self._show(), "value")
        row = widgets.HBox(
            [self.pattern, self.target, self.stride, self.offset, self.options, self.access],
            layout=widgets.Layout(flex_flow="row wrap"),
        )
        super().__init__([row, self.output])
        self._choose()

    def _settings(self) -> dict[str, int]:
        settings = {"n": ELEMENTS}
        if self.pattern.value == "strided":
            settings["stride"] = self.stride.value
        if self.pattern.value == "misaligned":
            settings["offset"] = self.offset.value
        return settings

    def _choose(self) -> None:
        """Analyse what is chosen, and offer its accesses."""
        self.stride.disabled = self.pattern.value != "strided"
        self.offset.disabled = self.pattern.value != "misaligned"
        try:
            self.analysis = self._analyse()
        except Exception as error:  # shown where the result would be
            self.analysis = None
            self.output.value = error_html(error)
            return
        names = [
            (f"{a.number}: {a.kind} {a.buffer}", i) for i, a in enumerate(self.analysis.accesses)
        ]
        self._filling = True
        try:
            if tuple(names) != tuple(self.access.options):
                self.access.options = names
                self.access.value = self._telling()
        finally:
            self._filling = False
        self._show()

    def _analyse(self) -> AccessAnalysis:
        workload = pattern(self.pattern.value, **self._settings())
        if self.options.value == _OPTIMISER:
            return analyze_access(workload, self.target.value)
        # lanes along the last axis, so that neighbours write neighbours. A processor has no work
        # items: there nothing is applied
        try:
            axis = 1 if self.pattern.value in ("transposed", "broadcast") else 0
            return analyze_access(workload, self.target.value, [Opt(OptOps.LOCAL, axis, 32)])
        except LoweringError:
            return analyze_access(workload, self.target.value, [])

    def _telling(self) -> int:
        """The access that a pattern is about: the load of its table or matrix."""
        for i, access in enumerate(self.analysis.accesses):
            if access.kind == "load" and access.buffer == "data1":
                return i
        return 0

    def _show(self) -> None:
        if self._filling or self.analysis is None or self.access.value is None:
            return
        try:
            self.output.value = self._html(self.analysis.accesses[self.access.value])
        except Exception as error:  # shown where the result would be
            self.output.value = error_html(error)

    def _html(self, access: Access) -> str:
        analysis = self.analysis
        kernel = analysis.kernels[access.kernel]
        if access.shown is not None and access.shown.touched:
            picture = lanes_chart(access, target=analysis.label).html
        else:
            picture = notice_html(access.reason or "No lane takes part in this access.")
        together = format_percent(access.footprint_efficiency)
        said = (
            f"Efficiency of this access: <b>{format_percent(access.efficiency)}</b>; with the "
            f"other accesses to {escape(access.buffer)} in the same loop body: {together}; "
            f"of the whole kernel: {format_percent(analysis.efficiency)}."
        )
        options = ", ".join(kernel.options) or "none"
        parts = [
            picture,
            f"<div>{said}</div>",
            f"<div>Options: {escape(options)}. {escape(analysis.lane_meaning)}.</div>",
            _source(kernel.source, access.line),
        ]
        return tight("".join(parts))

    def static_html(self) -> str:
        return self.output.value

    def static_text(self) -> str:
        chosen = f"{self.pattern.value} on {self.target.value}"
        if self.analysis is None:
            return f"{self.title}: {chosen} (can't be analysed)"
        return f"{self.title}: {chosen}, efficiency {format_percent(self.analysis.efficiency)}"


def _source(source: str, line: int | None) -> str:
    """The line of the access with its neighbours, the rest folded."""
    if line is None:
        return ""
    lines = source.splitlines()
    first, last = max(0, line - 1 - _ACROSS), min(len(lines), line + _ACROSS)
    shown = [
        f"{'>' if number == line else ' '} {number:>3}  {text}"
        for number, text in enumerate(lines[first:last], first + 1)
    ]
    whole = f"<details><summary>the whole kernel</summary>{code_html(source)}</details>"
    return code_html("\n".join(shown)) + whole


def _dropdown(name: str, options: Sequence, value: str | None = None) -> widgets.Dropdown:
    field = widgets.Dropdown(options=list(options), description=name)
    if value is not None:
        field.value = value
    field.layout.width, field.style.description_width = "250px", "70px"
    return field


def _slider(name: str, low: int, high: int, value: int) -> widgets.IntSlider:
    # not while it is dragged: each value is a kernel to render
    field = widgets.IntSlider(
        value=value, min=low, max=high, description=name, continuous_update=False
    )
    field.layout.width, field.style.description_width = "250px", "70px"
    return field
