"""Widgets on lowering: one expression stage by stage, and two kernels side by side.

Lowering runs nothing on a device and takes well under a second, so it happens in the callback.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from labs import lowering
from labs.charts import uop_graph_chart
from labs.widgets.panel import Panel, code_html, error_html, notice_html, tight

HEAD_LINES = 40  # what is shown of a long text until "show all" is pressed
_OTHERS = ("OPENCL", "METAL", "CUDA", "PTX", "HIP", "AMD:LLVM", "WGSL")
_DEFAULT_TARGETS = ("CPU", *_OTHERS, "ELECTRICAL", "EDGE")


class LoweringExplorer(Panel):
    """Choose an expression, a target and a stage; see its text, and for the graph its drawing."""

    title = "Lowering explorer"

    def __init__(
        self,
        expressions: Mapping[str, Callable[[], Any]],
        targets: Sequence[str] | None = None,
        *,
        stage: str = "source",
    ) -> None:
        self._expressions = dict(expressions)
        self._lowered: dict[tuple[str, str], lowering.Lowering] = {}
        self.expression = _dropdown("expression", list(self._expressions))
        self.target = _dropdown("target", _targets(targets))
        self.stage = _dropdown("stage", list(lowering.STAGES), stage)
        self.kernel = _dropdown("kernel", ["all"])
        self.show_all = widgets.ToggleButton(value=False, description="Show all lines")
        self.output = widgets.HTML("")
        for field in (self.expression, self.target):
            field.observe(lambda _: self._choose(), "value")
        for field in (self.stage, self.kernel, self.show_all):
            field.observe(lambda _: self._show(), "value")
        row = widgets.HBox(
            [self.expression, self.target, self.stage, self.kernel, self.show_all],
            layout=widgets.Layout(flex_flow="row wrap"),
        )
        super().__init__([row, self.output])
        self._choose()

    def lowered(self) -> lowering.Lowering:
        """The chosen expression lowered for the chosen target, made when first asked for."""
        key = (self.expression.value, self.target.value)
        if key not in self._lowered:
            self._lowered[key] = lowering.lower(self._expressions[key[0]], key[1])
        return self._lowered[key]

    def _choose(self) -> None:
        """Another expression or target has other kernels."""
        try:
            names = [f"{i}: {k.name}" for i, k in enumerate(self.lowered().kernels)]
        except Exception:  # _show says it in the panel
            names = []
        options = ["all", *names] if len(names) != 1 else names
        if tuple(options) != self.kernel.options:
            self.kernel.options = options
        self.kernel.disabled = len(options) == 1
        self._show()

    def _show(self) -> None:
        try:
            self.output.value = self._stage_html()
        except (
            Exception
        ) as error:  # a target that can't express it, or a reader's function that fails
            self.output.value = error_html(error)

    def _stage_html(self) -> str:
        lowered = self.lowered()
        chosen = self.kernel.value or "all"
        number = None if chosen == "all" else int(chosen.split(":")[0])
        stage = lowered.stage(self.stage.value, number)
        lines = stage.text.splitlines()
        self.show_all.disabled = len(lines) <= HEAD_LINES
        parts = [
            f"<div><b>{escape(stage.title)}</b> of {escape(self.expression.value)} for "
            f"{escape(lowered.label)}{': ' if stage.note else ''}{escape(stage.note)}</div>"
        ]
        if self.stage.value == "UOp graph":
            parts.append(uop_graph_chart(lowered.uop_graph).html)
        if lines:
            head = lines if self.show_all.value else lines[:HEAD_LINES]
            parts.append(code_html("\n".join(head)))
        if not self.show_all.value and len(lines) > HEAD_LINES:
            parts.append(
                notice_html(f"{len(lines) - HEAD_LINES} more lines: press Show all lines.")
            )
        return "".join(parts)

    def static_html(self) -> str:
        return self.output.value

    def static_text(self) -> str:
        chosen = f"{self.expression.value}, {self.target.value}, {self.stage.value}"
        return f"{self.title}: {chosen} (interactive in JupyterLab)"


class KernelCompare(Panel):
    """One expression for two targets, side by side; differences are marked by sign and colour."""

    title = "Kernel comparison"

    def __init__(
        self, expression: Callable[[], Any], target_a: str = "CPU", target_b: str = "OPENCL"
    ) -> None:
        self._expression = expression
        self._lowered: dict[str, lowering.Lowering] = {}
        names = _targets([target_a, target_b, *_DEFAULT_TARGETS])
        self.left = _dropdown("left", names, target_a)
        self.right = _dropdown("right", names, target_b)
        self.kernel = _dropdown("kernel", [])
        self.output = widgets.HTML("")
        for field in (self.left, self.right):
            field.observe(lambda _: self._choose(), "value")
        self.kernel.observe(lambda _: self._show(), "value")
        row = widgets.HBox(
            [self.left, self.right, self.kernel], layout=widgets.Layout(flex_flow="row wrap")
        )
        super().__init__([row, self.output])
        self._choose()

    def _kernels(self, target: str) -> tuple[lowering.Kernel, ...]:
        if target not in self._lowered:
            self._lowered[target] = lowering.lower(self._expression, target)
        return self._lowered[target].kernels

    def _choose(self) -> None:
        """Pairs of kernels that both targets have; the most expensive one is shown first."""
        try:
            pairs = list(
                zip(self._kernels(self.left.value), self._kernels(self.right.value), strict=False)
            )
        except Exception as error:  # a target that can't express it, or a function that fails
            self.output.value = error_html(error)
            return
        options = [(f"{i}: {a.name}", i) for i, (a, _) in enumerate(pairs)]
        if options and tuple(options) != tuple(self.kernel.options):
            costs = [a.flop or 0 for a, _ in pairs]
            self.kernel.options = options
            self.kernel.value = costs.index(max(costs))
        self._show()

    def _show(self) -> None:
        number = self.kernel.value
        if number is None:
            self.output.value = notice_html("The expression only copies: there is no kernel.")
            return
        try:
            sides = (self._kernels(field.value)[number] for field in (self.left, self.right))
            self.output.value = tight(lowering.compare_sources(*sides).html(HEAD_LINES))
        except Exception as error:  # shown where the result would be
            self.output.value = error_html(error)

    def static_html(self) -> str:
        return self.output.value

    def static_text(self) -> str:
        return f"{self.title}: {self.left.value} beside {self.right.value}"


def _dropdown(name: str, options: Sequence[str], value: str | None = None) -> widgets.Dropdown:
    field = widgets.Dropdown(options=list(options), description=name)
    if value is not None:
        field.value = value
    field.layout.width, field.style.description_width = "250px", "80px"
    return field


def _targets(names: Sequence[str] | None) -> list[str]:
    """Names to choose from; a device outside TARGETS is allowed, lower() judges it."""
    return list(dict.fromkeys(names if names is not None else _DEFAULT_TARGETS))
