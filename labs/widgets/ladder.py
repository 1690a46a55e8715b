"""The matmul ladder as a panel: a click on a rung shows its source and its place; and a line for
options of one's own, with the reason at once when they don't fit, and a button that measures them.

Choosing writes code and runs nothing; measuring happens in a process of its own.
"""

from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import backends, toolchain
from labs.charts.ladder import ladder_chart
from labs.errors import LabError
from labs.units import format_flop_per_s, format_interval, format_ratio
from labs.widgets.panel import Panel, error_html, labelled, notice_html, tight
from labs.widgets.run import RunButton
from labs.widgets.source import source_html

_ROUNDS, _ROUND_TIME_S = 6, 0.08
_START = "UPCAST 1 8; UPCAST 0 4"


class LadderPanel(Panel):
    """`ladder` holds the last Ladder, `contest` the last Contest, `chosen` the rung shown."""

    title = "Matmul ladder"
    ladder = traitlets.Any(None, allow_none=True)
    contest = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        device: str = "CPU",
        n: int = 256,
        *,
        dtype: str = "float32",
        ladder: Any = None,
        roofs: Any = None,
        options: str = _START,
        search_s: float | None = None,
        rounds: int = _ROUNDS,
        round_time_s: float = _ROUND_TIME_S,
    ) -> None:
        toolchain.activate()
        backends.register()
        # imported late: the rooms below open tinygrad, which needs what activate() prepares
        from labs.gpu import kernels, legality, notation, rungs
        from labs.gpu import options as option_room

        self._kernels, self._legality, self._notation = kernels, legality, notation
        self._options, self._rungs = option_room, rungs
        self.device, self.roofs, self._search_s = device, roofs, search_s
        self.spec = f"matmul:n={n},dtype={dtype}" if ladder is None else ladder.workload
        self._measuring = {"rounds": rounds, "round_time_s": round_time_s}
        self._n, self._dtype = n, dtype
        self._kernel = kernels.choose_kernel(self.spec, device)
        self._backend = kernels.backend_of(device)
        self._loops = kernels.loops_of(self._kernel.ast, self._backend.renderer)
        plans = rungs.plan_rungs(self._loops, f"the product on {device}")
        self._plans = {p.name: p for p in plans}
        self.chosen = "none"
        self.buttons = {name: self._rung_button(name) for name in rungs.NAMES}
        self.climb = RunButton(self._climb, label="Measure the ladder", hint=self.spec)
        self.own = widgets.Text(value=options, placeholder="UPCAST 1 8; UPCAST 0 4")
        self.own.layout.width = "430px"
        self.fight = RunButton(
            self._fight, label="Measure mine", hint="Beside tinygrad's heuristic, in turns"
        )
        self.axes, self.legality, self.verdict = (widgets.HTML("") for _ in range(3))
        self.words, self.chart, self.table, self.source = (widgets.HTML("") for _ in range(4))
        self.own.observe(lambda _: self._judge(), "value")
        self.climb.observe(lambda change: self._take_ladder(change["new"]), "result")
        self.fight.observe(lambda change: self._take_contest(change["new"]), "result")
        wrapping = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                self.climb,
                widgets.HBox(list(self.buttons.values()), layout=wrapping),
                self.words,
                self.chart,
                self.table,
                labelled("The chosen rung", self.source),
                labelled("Options of your own", self.own, self.legality, self.fight, self.verdict),
                self.axes,
            ]
        )
        self.axes.value = tight(self._axes_table()._repr_html_())
        self._take_ladder(ladder)
        self._judge()

    def choose(self, name: str) -> None:
        """Show a rung, as a click on its button does."""
        self.chosen = name
        self._show()

    def _rung_button(self, name: str) -> widgets.Button:
        plan = self._plans.get(name)
        missing = "" if plan is None else plan.reason
        button = widgets.Button(
            description=name,
            tooltip=missing or self._rungs.WORDS[name],
            disabled=bool(missing) or plan is None,
        )
        button.layout.width = "110px"
        button.on_click(lambda _: self.choose(name))
        return button

    # ---- the ladder ----

    def _climb(self, progress: Any, cancel: Any) -> Any:
        from labs.gpu.isolated_choices import measure_choices_isolated
        from labs.gpu.ladder import matmul_ladder

        return matmul_ladder(
            *(self.device, self._n, self._dtype),
            search_s=self._search_s,
            roofs=self.roofs,
            progress=progress,
            cancel=cancel,
            measure=measure_choices_isolated,
            **self._measuring,
        )

    def _take_ladder(self, ladder: Any) -> None:
        if ladder is not None:
            self.ladder = ladder
            for rung in ladder.rungs:
                self.buttons[rung.name].disabled = rung.kernel is None
                self.buttons[rung.name].tooltip = rung.reason or rung.words
            if ladder.measured:
                self.chosen = ladder.best.name
            table = ladder.table()._repr_html_()
            self.table.value = tight(
                f"<details><summary>All numbers of the ladder</summary>{table}</details>"
            )
        self._show()

    def _show(self) -> None:
        for name, button in self.buttons.items():
            button.button_style = "info" if name == self.chosen else ""
        rung = None if self.ladder is None else self.ladder[self.chosen]
        try:
            kernel = rung.kernel if rung is not None and rung.kernel else self._written()
            self.source.value = _kernel_html(kernel)
        except LabError as error:
            self.source.value = error_html(error)
        self.words.value = _rung_html(self.chosen, self._rungs.WORDS[self.chosen], rung)
        if self.ladder is None:
            self.chart.value = notice_html("Nothing is measured yet.")
        elif self.ladder.measured:
            self.chart.value = ladder_chart(self.ladder, self.chosen).html
        else:
            self.chart.value = notice_html(
                f"Nothing was measured: the run was {self.ladder.results.stop_reason}."
            )

    def _written(self) -> Any:
        plan = self._plans[self.chosen]
        return self._options.write(self._kernel, plan.opts, self._backend)

    # ---- the reader's own options ----

    def _judge(self) -> None:
        """Whether the options fit, as they are typed: nothing is compiled for it."""
        try:
            opts = self._notation.parse_options(self.own.value)
            left = self._legality.require(self._loops, opts, f"the product on {self.device}")
        except LabError as error:
            self.legality.value = error_html(error)
            self.fight.run.disabled = True
            return
        copies = self._legality.written_out(left)
        sizes = ", ".join(f"{a.name} {a.size}" for a in self._legality.axes_of(left))
        text = f"These fit. Axes: {sizes}; the innermost statement stands {copies} times."
        self.legality.value = notice_html(text)
        self.fight.run.disabled = self.fight.running

    def _fight(self, progress: Any, cancel: Any) -> Any:
        from labs.gpu.contest import beat_heuristic
        from labs.gpu.isolated_choices import measure_choices_isolated

        return beat_heuristic(
            *(self.spec, self.own.value, self.device),
            progress=progress,
            cancel=cancel,
            measure=measure_choices_isolated,
            **self._measuring,
        )

    def _take_contest(self, contest: Any) -> None:
        if contest is None:
            return
        self.contest = contest
        interval = contest.interval
        ends = (interval.low, interval.high) if interval else (None, None)
        head = (
            f'<div role="status"><b>Yours is {escape(contest.word)}: '
            f"{format_ratio(contest.ratio)}</b> the heuristic's speed, 95% interval "
            f"{format_interval(*ends, format_ratio)}</div>"
        )
        self.verdict.value = (
            tight(head) + tight(contest.table()._repr_html_()) + source_html(contest.yours.source)
        )

    def _axes_table(self) -> Any:
        axes = self._legality.axes_of(self._loops)
        return self._legality.Axes(f"the product on {self.device}", axes).table()

    def static_html(self) -> str:
        code = (
            f'matmul_ladder("{self.device}", {self._n}, "{self._dtype}")\n'
            f'beat_heuristic("{self.spec}", "{self.own.value}", "{self.device}")'
        )
        how = notice_html(f"Without a live notebook, the same is measured by\n{code}")
        parts = (self.words, self.chart, self.table, self.source, self.legality, self.verdict)
        return "".join(p.value for p in parts) + self.axes.value + how

    def static_text(self) -> str:
        if self.ladder is None:
            return f"{self.title}: {self.spec} on {self.device}; nothing measured yet"
        return f"{self.title}\n{self.ladder.table()}"


def _rung_html(name: str, words: str, rung: Any) -> str:
    """The rung in a sentence, with its bar of the best rung's throughput where it was measured."""
    text = f"<b>{escape(name)}</b>: {escape(words)}"
    if rung is None or rung.measurement is None:
        if rung is not None and rung.reason:
            text += f" Not here: {escape(rung.reason.splitlines()[0])}."
        return tight(f"<div>{text}</div>")
    model = " (model)" if rung.measurement.modelled else ""
    text += f" <b>{format_flop_per_s(rung.flop_per_s)}{model}</b>"
    if rung.step is not None:
        text += f", {format_ratio(rung.step.speedup)} over {escape(rung.before)}"
        text += "" if rung.step.word in ("faster", "slower") else " (not resolved)"
    return tight(f'<div role="status">{text}</div>')


def _kernel_html(kernel: Any) -> str:
    opts = "; ".join(kernel.opts) or "none"
    counts = kernel.counts
    head = (
        f"<div>options: <b>{escape(opts)}</b>; {counts.loads} loads in the code, "
        f"results kept in registers: {counts.accumulators}</div>"
    )
    return tight(head) + source_html(kernel.source)
