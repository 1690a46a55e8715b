"""The memory timeline: live bytes of a traced function, to be stepped through event by event."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.charts import memory_chart
from labs.units import format_bytes, format_seconds
from labs.widgets.panel import Panel, error_html


class MemoryTimeline(Panel):
    """A slider over the events of a MemoryTrace; `trace` holds it.

    A function is traced when the panel is made and on "Trace again". It runs here, in the
    notebook's own process, since this is whose allocators are watched.
    """

    title = "Memory timeline"
    trace = traitlets.Any(None, allow_none=True)

    def __init__(self, source: Any, *devices: str) -> None:
        self._function: Callable[[], object] | None = source if callable(source) else None
        self._devices = devices
        self.again = widgets.Button(
            description="Trace again", tooltip="Call the function once more and trace it"
        )
        self.again.on_click(lambda _: self._run())
        self.event = widgets.IntSlider(
            min=1, max=1, description="event", continuous_update=False,
            layout=widgets.Layout(width="420px"),
        )  # fmt: skip
        self.event.observe(lambda _: self._show(), "value")
        self.words, self.chart = widgets.HTML(""), widgets.HTML("")
        row = [self.event, self.again] if self._function else [self.event]
        super().__init__([widgets.HBox(row), self.words, self.chart])
        if self._function:
            self._run()
        else:
            self._take(source)

    def _run(self) -> None:
        from labs.lowering import trace_memory

        try:
            with trace_memory(*self._devices) as trace:
                self._function()
        except Exception as error:  # the reader's function may raise anything
            self.words.value, self.chart.value = error_html(error), ""
            return
        self._take(trace)

    def _take(self, trace: Any) -> None:
        self.trace = trace
        self.event.max = max(1, len(trace.events))
        self._show()

    def _show(self) -> None:
        if self.trace is None:
            return
        number = self.event.value - 1
        try:
            self.chart.value = memory_chart(self.trace, highlight=number).html
            self.words.value = self._event_words(number)
        except Exception as error:  # an empty trace says so here
            self.words.value, self.chart.value = error_html(error), ""

    def _event_words(self, number: int) -> str:
        events = sorted(self.trace.events, key=lambda e: e.t_s)
        e = events[number]
        kind = e.kind.replace("_", " ")
        when = format_seconds(e.t_s - events[0].t_s)
        text = (
            f"Event {number + 1} of {len(events)}, at {when}: {kind} {format_bytes(e.bytes)} on "
            f"{e.device}; {format_bytes(e.live_bytes)} live after it"
        )
        more = [t for t in (getattr(e, "detail", ""), getattr(e, "place", "")) if t]
        return escape(f"{text} ({', '.join(more)})." if more else f"{text}.")

    def static_html(self) -> str:
        return f"{self.chart.value}<p>{self.words.value}</p>"
