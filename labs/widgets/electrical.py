"""The live dashboard of a stream: start, pause, resume, stop, and how it is doing.

The stream measures itself on its own threads; a thread of the panel asks it for its statistics
twice a second and draws them. Nothing is measured or prepared in a button's callback.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.charts import stream_chart, stream_gauges
from labs.electrical.report.latest import Alarms, Latest, takes_readings
from labs.electrical.report.rows import status_of
from labs.electrical.threads import share_kernel_cache
from labs.errors import LabError
from labs.widgets.panel import Panel, error_html, notice_html, tight

PERIOD_S = 0.5
MOST_SNAPSHOTS = 1200  # ten minutes of the chart at the end
_ENDED = ("finished", "stopped", "failed")
_NOTHING = "No stream has run yet: press Start."


class StreamPanel(Panel):
    """`run` is the last run, `verdict` its verdict when it has ended.

    Args:
        source: a function that makes a run that is ready, or one run. It is called on the panel's
            thread: make the plan in a cell before, so that no kernel is compiled while other cells
            use tinygrad. One that takes `on_reading` is given a function for the run's option of
            that name; then the panel shows the last readings, too.
        period_s: between two looks at the run.
    """

    title = "Live stream"
    run = traitlets.Any(None, allow_none=True)
    verdict = traitlets.Any(None, allow_none=True)
    error = traitlets.Any(None, allow_none=True)

    def __init__(self, source: Callable[[], Any] | Any, *, period_s: float = PERIOD_S) -> None:
        self._make = source if callable(source) else lambda: source
        self._readings = {"on_reading": self._read} if takes_readings(self._make) else {}
        self.period_s = period_s
        self.snapshots: deque[Any] = deque(maxlen=MOST_SNAPSHOTS)
        self.latest, self.alarms = Latest(), Alarms()
        self._rows_seen = 0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stopping = False
        self.start_button = _button("Start", "Begin the stream", self.start, "primary")
        self.pause_button = _button("Pause", "Take no more samples until Resume", self.pause)
        self.stop_button = _button("Stop", "End the stream and give its verdict", self.stop)
        self.status = widgets.HTML("")
        self.live, self.rows_box = widgets.HTML(""), widgets.HTML("")
        self.alarms_box, self.message = widgets.HTML(""), widgets.HTML("")
        buttons = [self.start_button, self.pause_button, self.stop_button, self.status]
        row = widgets.HBox(
            buttons, layout=widgets.Layout(align_items="center", flex_flow="row wrap")
        )
        super().__init__([row, self.live, self.rows_box, self.alarms_box, self.message])
        self._show("ready")

    # ---- what the buttons do ----

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._thread is not None and self._thread.is_alive():
            return
        self.snapshots.clear()
        self.latest, self.alarms = Latest(), Alarms()
        self._rows_seen = 0
        self._stopping = False
        self._wake.clear()
        self.error = self.verdict = self.run = None
        self.message.value = self.live.value = self.rows_box.value = self.alarms_box.value = ""
        self._show("preparing")
        self._thread = threading.Thread(target=self._watch, name="stream panel", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Pause, or resume what is paused."""
        run = self.run
        if run is None:
            return
        if run.state == "paused":
            run.resume()
        else:
            run.pause()
        self._show(run.state)

    def stop(self) -> None:
        """Ask for the end; the verdict comes when what is in the ring has been judged."""
        self._stopping = True
        self._wake.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a stream under way, for tests and scripts; whether it has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def close(self) -> None:
        """The panel goes; its stream ends."""
        self.stop()
        self.wait(5.0)
        super().close()

    # ---- the panel's thread ----

    def _watch(self) -> None:
        try:
            share_kernel_cache()
            run = self._make(**self._readings)
            if not self._stopping and run.state == "ready":
                run.start()
            self.run = run
            while run.state not in _ENDED and not self._stopping:
                self._look(run)
                self._wake.wait(self.period_s)
            if run.state not in _ENDED:
                self._show("stopping")
                run.stop()
            self._look(run)
            self.verdict = run.join()
        except Exception as error:  # shown to the reader, whatever it is
            self.error = error
            self.message.value = error_html(error)
        finally:
            self._finish()

    def _look(self, run: Any) -> None:
        """One snapshot, and the rows that are new since the last."""
        statistics = run.statistics
        self.snapshots.append(statistics)
        new = statistics.rows - self._rows_seen
        self._rows_seen = statistics.rows
        self.alarms.add(time.strftime("%H:%M:%S"), run.rows[-new:] if new > 0 else ())
        self.live.value = tight(stream_gauges(statistics))
        self.rows_box.value = self._latest_html()
        self.alarms_box.value = self._alarms_html()
        self._show(statistics.state, statistics.processed_s)

    def _finish(self) -> None:
        state = "failed" if self.error is not None else getattr(self.run, "state", "failed")
        self._show(state)
        if self.verdict is not None:
            self.message.value = _verdict_html(self.verdict)
        if len(self.snapshots) > 1:
            self.live.value += _chart_html(list(self.snapshots))

    # ---- what it looks like ----

    def static_html(self) -> str:
        parts = []
        if self.snapshots:
            parts.append(self.snapshots[-1]._repr_html_())
        parts += [self._latest_html(), self._alarms_html()]
        if self.verdict is not None:
            parts.append(_verdict_html(self.verdict))
        if len(self.snapshots) > 1:
            parts.append(_chart_html(list(self.snapshots)))
        if self.error is not None:
            parts.append(error_html(self.error))
        code = "Without a live notebook: with run: run.join(); then run.statistics, run.verdict"
        return ("".join(p for p in parts if p) or notice_html(_NOTHING)) + notice_html(code)

    def static_text(self) -> str:
        if not self.snapshots:
            return f"{self.title}: {_NOTHING}"
        verdict = f"\nverdict: {status_of(self.verdict)}" if self.verdict is not None else ""
        return f"{self.title}\n{self.snapshots[-1]}{verdict}"

    def _show(self, state: str, processed_s: float | None = None) -> None:
        running = state in ("preparing", "running", "paused", "stopping")
        self.start_button.disabled = running
        self.pause_button.disabled = state not in ("running", "paused")
        self.pause_button.description = "Resume" if state == "paused" else "Pause"
        self.stop_button.disabled = state not in ("preparing", "running", "paused")
        text = state if processed_s is None else f"{state}, {processed_s:.1f} s of signal"
        self.status.value = f'<span role="status">{escape(text)}</span>'

    def _read(self, reading: Any) -> None:
        """Called on the stream's thread with each reading: it keeps the last of each kind."""
        self.latest.read(reading)

    def _latest_html(self) -> str:
        specification = getattr(
            getattr(getattr(self.run, "plan", None), "signals", None), "specification", None
        )
        if specification is None or not len(self.latest):
            return ""
        return tight(self.latest.table(specification)._repr_html_())

    def _alarms_html(self) -> str:
        return tight(self.alarms.table()._repr_html_()) if self.alarms.count else ""


def _verdict_html(verdict: Any) -> str:
    notes = "\n".join(verdict.notes)
    return notice_html(f"Verdict: {status_of(verdict)}" + (f"\n{notes}" if notes else ""))


def _chart_html(snapshots: list[Any]) -> str:
    try:
        return stream_chart(snapshots).html
    except LabError as error:
        return error_html(error)


def _button(words: str, hint: str, act: Callable[[], None], style: str = "") -> widgets.Button:
    button = widgets.Button(
        description=words, tooltip=hint, button_style=style, layout=widgets.Layout(width="90px")
    )
    button.on_click(lambda _: act())
    return button
