"""The live monitor: start and stop, and what the devices of this notebook do, once a second.

The monitor samples on its own thread; the panel is drawn from that thread once a second, as light
lines of SVG. When it is stopped, the full chart takes their place.
"""

from typing import Any

import ipywidgets as widgets
import traitlets

from labs.charts import monitor_chart, monitor_strip
from labs.engineering.monitor import Monitor
from labs.engineering.recording import Recording, Sample
from labs.errors import LabError
from labs.widgets.panel import Panel, error_html, notice_html, tight

DRAW_PERIOD_S = 1.0
_WINDOW_S = 60.0  # of the live lines
_NOTHING = "Nothing was watched yet: press Start, then run a cell."


class MonitorPanel(Panel):
    """`monitor` does the work; `recording` holds what was seen when it was last stopped."""

    title = "Live monitor"
    recording = traitlets.Any(None, allow_none=True)

    def __init__(
        self, monitor: Monitor | None = None, *, recording: Recording | None = None
    ) -> None:
        self.monitor = monitor or Monitor()
        self.button = widgets.Button(
            description="Start", button_style="primary", tooltip="Watch the devices"
        )
        self.status = widgets.HTML("")
        self.live, self.message = widgets.HTML(""), widgets.HTML("")
        self._drawn_s = float("-inf")
        self.button.on_click(lambda _: self.stop() if self.monitor.running else self.start())
        row = widgets.HBox([self.button, self.status], layout=widgets.Layout(align_items="center"))
        super().__init__([row, self.live, self.message])
        self._unsubscribe = self.monitor.subscribe(self._see)
        if recording is not None:
            self._take(recording)
        self._show()

    def start(self) -> None:
        """Begin to watch."""
        self.message.value = ""
        self._drawn_s = float("-inf")
        try:
            self.monitor.start()
        except LabError as error:
            self.message.value = error_html(error)
        self._show()

    def stop(self) -> None:
        """End, and draw the whole of it."""
        self.monitor.stop()
        self._take(self.monitor.recording())
        self._show()

    def close(self) -> None:
        """The panel goes; so does its watching."""
        self._unsubscribe()
        self.monitor.stop()
        super().close()

    def static_html(self) -> str:
        code = notice_html(
            "Without a live notebook, the same is watched by\n"
            "with Monitor() as monitor: ...\nmonitor_chart(monitor.recording())"
        )
        seen = self.recording or self.monitor.recording()
        return (_chart_html(seen) if len(seen) > 1 else notice_html(_NOTHING)) + code

    def static_text(self) -> str:
        seen = self.recording or self.monitor.recording()
        return f"{self.title}\n{seen}" if len(seen) > 1 else f"{self.title}: {_NOTHING}"

    def _see(self, sample: Sample) -> None:
        """Called on the monitor's thread with each sample."""
        if sample.t_s - self._drawn_s < DRAW_PERIOD_S:
            return
        self._drawn_s = sample.t_s
        samples = tuple(s for s in self.monitor.samples if s.t_s >= sample.t_s - _WINDOW_S)
        self.live.value = tight(monitor_strip(Recording(samples, self.monitor.rate_hz)))
        self._say(f"{sample.t_s:.0f} s")

    def _take(self, recording: Recording) -> None:
        self.recording = recording
        if len(recording) > 1:
            self.live.value = _chart_html(recording)

    def _show(self) -> None:
        running = self.monitor.running
        self.button.description = "Stop" if running else "Start"
        own = self.monitor.own_cpu_share
        if running:
            self._say("watching")
        elif own is not None:
            self._say(f"stopped; watching took {100 * own:.1f}% of one processor")

    def _say(self, text: str) -> None:
        self.status.value = f'<span role="status">{text}</span>'


def _chart_html(recording: Any) -> str:
    try:
        return monitor_chart(recording).html
    except LabError as error:
        return error_html(error)
